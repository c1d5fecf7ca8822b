"""Links at a department's server: what goes wrong there never becomes a broken file here (R-SRC, R28¶2)."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ... import factories
from ...conftest import MONDAY, empty_tables
from ...kernel import clock, outbox
from ...kernel.actors import Actor
from ...kernel.audit.model import AuditEvent
from ...kernel.gate import rights, streams
from ...kernel.gate.model import Download, Origin
from ...kernel.outbox.model import Outbox
from ...kernel.unit import begin
from ...kernel.workflow.model import Case

BODY = bytes(range(256)) * 4096
PAGE = b"<!DOCTYPE html><title>login</title>"
asked: list[tuple[str, dict[str, str]]] = []


class Department(BaseHTTPRequestHandler):
    """A server that behaves as its path says."""

    def do_GET(self):
        """Answer by path."""
        path = urlsplit(self.path).path
        asked.append((self.path, dict(self.headers)))
        if self.command == "HEAD" and path == "/no-head":
            return self.reply(405, b"")
        if path in ("/404", "/401", "/500", "/302"):
            return self.reply(int(path[1:]), b"secret trouble")
        if path == "/page":
            return self.reply(200, PAGE, kind="text/html; charset=utf-8")
        if path == "/page-in-disguise":
            return self.reply(200, b"\xef\xbb\xbf\n" + PAGE, kind="application/octet-stream")
        if path == "/short":
            return self.reply(200, BODY, length=len(BODY) + 10)
        if path == "/endless":
            return self.reply(200, BODY, length=None)
        if path == "/stops-nothing":
            return self.reply(200, BODY)
        start = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0] or 0)
        if path == "/ranges" and start:
            extra = {"Content-Range": f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"}
            return self.reply(206, BODY[start:], extra=extra)
        return self.reply(200, BODY, extra={"ETag": '"one"'})

    do_HEAD = do_GET  # noqa: N815

    def reply(self, status, body, kind="text/csv", length=0, extra=None):
        """Send an answer; a length of None is not stated."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length or len(body)))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_arguments):
        """Say nothing."""


@pytest.fixture(scope="module")
def place(portal, wsgi):
    """Return a conditional link, its holder and its editor; the link is changed by each test."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Department)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    with clock.fixed(MONDAY), wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
        empty_tables()
        world = factories.World()
        made = factories.dataset(world.department, open_class="conditional", title="外部数据")
        resource = factories.resource(made, name="外部数据（二〇二六）", url=f"http://{host}/plain")
        world.granted(made)
        case = model.Session.scalars(sa.select(Case)).one()
        found = SimpleNamespace(
            host=host, world=world, dataset=made["id"], resource=resource["id"],
            address=f"/dataset/{made['id']}/resource/{resource['id']}/download",
            holder=factories.login(world.applicant), editor=world.editor, case=rights.Origin(case.id, case.number),
        )  # fmt: skip
    yield found
    server.shutdown()
    empty_tables()


@pytest.fixture
def get(wsgi, place, monkeypatch):
    """Return a function that puts the link somewhere and downloads it as its holder."""
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.gate.private_hosts", [place.host, "127.0.0.1:9"])
    client = wsgi._wsgi_app.test_client(use_cookies=False)

    def ask(path, query="", form="CSV", method="GET", **headers):
        asked.clear()
        model.Session.execute(sa.update(Origin).values(url=f"http://{place.host}{path}"))
        model.Session.execute(sa.update(model.Resource).values(format=form))
        model.Session.commit()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named = {"Accept": "application/json", **place.holder, **named}
        return client.open(
            place.address + query, method=method, headers=named, base_url="http://test.ckan.net"
        )

    return ask


def test_the_file_arrives_whole_under_its_chinese_name(get):
    answer = get("/plain")
    assert answer.data == BODY
    named = answer.headers["Content-Disposition"]
    assert "filename*=UTF-8''%E5%A4%96%E9%83%A8%E6%95%B0%E6%8D%AE" in named
    assert 'filename="data.csv"' in named or 'filename="' in named
    assert named.isascii()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/404", "link_refused"), ("/401", "link_refused"), ("/302", "link_refused"), ("/500", "link_failed"),
        ("/page", "link_is_a_page"), ("/page-in-disguise", "link_is_a_page"),
    ],
)  # fmt: skip
def test_trouble_is_said_and_never_sent_as_the_file(get, place, path, reason):
    answer = get(path)
    assert answer.status_code == 502
    assert answer.json["error"]["reason"] == reason
    assert answer.headers["Cache-Control"] == "private, no-store"
    page = get(path, Accept="text/html")
    assert page.status_code == 502
    for text in (answer.get_data(as_text=True), page.get_data(as_text=True)):
        assert place.host not in text
        assert "secret trouble" not in text
        assert "<title>login" not in text


def test_a_dead_host(get, place):
    place_host, place.host = place.host, "127.0.0.1:9"
    try:
        answer = get("/plain")
    finally:
        place.host = place_host
    assert (answer.status_code, answer.json["error"]["reason"]) == (502, "link_unreachable")


def test_a_page_is_a_file_where_one_was_promised(get):
    assert get("/page", form="HTML").data == PAGE


def test_the_department_hears_of_it_once_a_day(get, place, wsgi):
    model.Session.execute(sa.delete(Outbox))
    model.Session.commit()
    events = model.Session.scalar(sa.select(sa.func.count()).select_from(AuditEvent))
    for _turn in range(3):
        get("/500")
    with wsgi._wsgi_app.app_context():
        outbox.deliver(["link_trouble"])
    mails = list(model.Session.scalars(sa.select(Outbox.payload).where(Outbox.topic == "mail")))
    assert len(mails) == 1
    assert "外部数据" in mails[0]["subject"]
    assert place.resource in mails[0]["body"]
    assert place.host not in json.dumps(mails[0])
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(AuditEvent)) == events


def test_a_file_that_breaks_off_does_not_look_whole(get):
    with pytest.raises(Exception, match=r"(?i)incomplete|broken|limits"):
        get("/short").get_data()


def test_size_and_time_are_limited(get, monkeypatch):
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.gate.relay_megabytes", 0)
    assert get("/plain").json["error"]["reason"] in ("link_too_large", "link_unreachable")
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.gate.relay_megabytes", 9)
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.gate.relay_seconds", -1)
    assert get("/endless").status_code == 502


@pytest.mark.parametrize("path", ["/ranges", "/ignores-ranges"])
def test_a_download_is_resumed_also_where_the_server_knows_no_ranges(get, path):
    answer = get(path, Range="bytes=1000000-")
    assert (answer.status_code, answer.data) == (206, BODY[1000000:])
    assert answer.headers["Content-Range"] == f"bytes 1000000-{len(BODY) - 1}/{len(BODY)}"


def test_ranges_that_cannot_be_given(get):
    assert get("/ignores-ranges", Range=f"bytes={len(BODY) + 5}-").status_code == 416
    assert get("/ignores-ranges", Range="bytes=0-1,5-6").data == BODY
    assert get("/ignores-ranges", Range="bytes=10-", If_Range='"another"').data == BODY
    assert get("/ignores-ranges", Range="bytes=10-", If_Range='"one"').data == BODY[10:]
    assert get("/ignores-ranges", Range="bytes=-7").data == BODY[-7:]


@pytest.mark.parametrize("path", ["/plain", "/no-head"])
def test_head_is_answered_and_never_counted(get, path):
    before = downloads()
    answer = get(path, method="HEAD")
    assert (answer.status_code, answer.data) == (200, b"")
    assert downloads() == before


def downloads():
    """Return how many downloads were counted."""
    model.Session.rollback()
    return model.Session.scalar(sa.select(sa.func.coalesce(sa.func.sum(Download.count), 0)))


def test_continuations_are_no_downloads(get):
    before = downloads()
    get("/ranges")
    get("/ranges", Range="bytes=500000-")
    get("/ranges", Range="bytes=0-0")
    assert downloads() == before + 1


def test_questions_to_a_service_survive_and_cannot_widen_it(get):
    get("/wms?layers=granted&key=k", query="?REQUEST=GetMap&layers=other&purpose=use&区域=乌海", form="WMS")
    question = parse_qs(urlsplit(asked[-1][0]).query)
    assert question == {"layers": ["granted"], "key": ["k"], "REQUEST": ["GetMap"], "区域": ["乌海"]}
    get("/plain", query="?REQUEST=GetMap", form="CSV")
    assert "REQUEST" not in asked[-1][0]


def test_nothing_of_the_reader_reaches_the_department(get):
    get("/plain", Cookie="nmgdata=secret")
    for _path, headers in asked:
        assert not {"Authorization", "Cookie"} & set(headers)


@pytest.mark.parametrize("kind", ["link", "upload"])
def test_a_stream_under_way_is_cut_by_a_suspension(get, place, wsgi, monkeypatch, kind):
    monkeypatch.setattr(streams, "INTERVAL", 0)
    monkeypatch.setattr(streams, "PIECE", 64 * 1024)
    if kind == "upload":
        monkeypatch.setattr("ckanext.nmgdata.kernel.gate.serve.PIECE", 64 * 1024)
        with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
            file = factories.upload({"id": place.dataset}, content=BODY, name="big.csv")
        client = wsgi._wsgi_app.test_client(use_cookies=False)
        address = place.address.replace(place.resource, file["id"])
        answer = client.get(address, headers=place.holder, base_url="http://test.ckan.net")
    else:
        monkeypatch.setattr("ckanext.nmgdata.kernel.gate.relay.PIECE", 64 * 1024)
        answer = get("/plain")
    pieces = iter(answer.response)
    assert len(next(pieces)) > 0
    with begin(Actor.system()) as unit:
        rights.suspend(unit, place.case, place.dataset)
    try:
        with pytest.raises(streams.CutError):
            list(pieces)
    finally:
        with begin(Actor.system()) as unit:
            rights.lift(unit, place.case.case_id)
        answer.close()
