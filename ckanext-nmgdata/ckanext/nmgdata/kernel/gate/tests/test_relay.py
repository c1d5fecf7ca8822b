"""Conditional links: passed on to who may have them, disclosed to nobody, never a way into private networks."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openpyxl
import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories

BODY = b"0123456789" * 5000


def workbook() -> bytes:
    """Return a workbook."""
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["站点", "数量"])
    book.save(out)
    return out.getvalue()


BOOK = workbook()


class Source(BaseHTTPRequestHandler):
    """A department's server that knows ranges, redirects and failure."""

    def do_GET(self):
        """Answer by path."""
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/data.csv")
            self.end_headers()
        elif self.path == "/broken":
            self.send_error(500, "secret trouble")
        elif self.path == "/book.xlsx":
            self.send_response(200)
            self.send_header("Content-Length", str(len(BOOK)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(BOOK)
        else:
            start = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0])
            self.send_response(206 if start else 200)
            self.send_header("Content-Type", "text/csv")
            self.send_header("Content-Length", str(len(BODY) - start))
            self.send_header("Content-Disposition", "attachment; filename=secret-name.csv")
            self.send_header("Set-Cookie", "session=secret")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(BODY[start:])

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_args):
        """Say nothing."""


@pytest.fixture
def source():
    """Run the department's server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Source)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def linked(world, source):
    """Return a maker of granted conditional entries whose data lie at a path of the server."""

    def make(url_path="/data.csv", host=None, **values):
        made = factories.dataset(world.department, open_class="conditional", title="外部数据")
        factories.resource(made, name="外部数据", url=(host or source) + url_path, **values)
        made = tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})
        world.granted(made)
        return f"/dataset/{made['id']}/resource/{made['resources'][0]['id']}/download"

    return make


@pytest.fixture
def trusted(source, monkeypatch):
    """Name the department's server as reachable on the private network."""
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.gate.private_hosts", [source.removeprefix("http://")])


@pytest.mark.usefixtures("trusted")
class TestPassingOn:
    def test_the_holder_gets_the_bytes_under_a_name_of_ours(self, linked, world, app, as_user):
        answer = app.get(linked(), headers=as_user(world.applicant))
        assert answer.data == BODY
        assert "secret-name" not in answer.headers["Content-Disposition"]
        assert "Set-Cookie" not in answer.headers or "secret" not in answer.headers["Set-Cookie"]
        assert "no-store" in answer.headers["Cache-Control"]
        assert "127.0.0.1" not in str(answer.headers)

    def test_a_range(self, linked, world, app, as_user):
        answer = app.get(linked(), headers={**as_user(world.applicant), "Range": "bytes=49990-"})
        assert (answer.status_code, answer.data) == (206, BODY[49990:])

    def test_others_get_nothing(self, linked, world, app, as_user):
        address = linked()
        for headers in ({}, as_user(world.citizen), as_user(world.sysadmin)):
            answer = app.get(address, headers=headers, status=None)
            assert answer.status_code == 403
            assert b"0123456789" not in answer.data

    @pytest.mark.parametrize("url_path", ["/broken", "/moved"])
    def test_trouble_behind_the_link_is_told_without_the_link(
        self, linked, world, app, as_user, url_path, source
    ):
        answer = app.get(linked(url_path), headers=as_user(world.applicant), status=None)
        assert answer.status_code == 502
        assert source not in answer.body
        assert "secret" not in answer.body

    def test_a_workbook_names_its_grant_and_not_the_link(self, linked, world, app, as_user, source):
        address, me = linked("/book.xlsx", format="XLSX"), as_user(world.applicant)
        answer = app.get(address, headers=me)
        book = openpyxl.load_workbook(io.BytesIO(answer.data))
        assert book.custom_doc_props["nmgdata_grant"].value.startswith("SQ-")
        assert [[cell.value for cell in row] for row in book.active] == [["站点", "数量"]]
        parts = zipfile.ZipFile(io.BytesIO(answer.data))
        everything = b"".join(parts.read(name) for name in parts.namelist()) + str(answer.headers).encode()
        assert source.removeprefix("http://").encode() not in everything
        assert b"book.xlsx" not in everything
        part = app.get(address, headers={**me, "Range": "bytes=10-29"})
        assert (part.status_code, part.data) == (206, answer.data[10:30])
        head = app.test_client().head(address, headers=me)
        assert head.content_length == len(answer.data)

    def test_what_is_called_a_workbook_and_is_none_is_passed_on(self, linked, world, app, as_user):
        answer = app.get(linked(format="XLSX"), headers=as_user(world.applicant))
        assert answer.data == BODY
        assert (
            app.get(
                linked("/broken", format="XLSX"), headers=as_user(world.applicant), status=None
            ).status_code
            == 502
        )


class TestPrivateNetworks:
    @pytest.mark.parametrize(
        "host",
        [
            None, "http://localhost:1", "http://[::1]:1", "http://[::ffff:127.0.0.1]:1", "http://0.0.0.0:1",
            "http://169.254.169.254", "http://10.0.0.1", "http://192.168.0.1", "http://100.64.0.1",
            "http://2130706433:1",
        ],
    )  # fmt: skip
    def test_a_link_into_them_is_not_followed(self, linked, world, app, as_user, host):
        answer = app.get(
            linked(host=host), headers={**as_user(world.applicant), "Accept": "application/json"}, status=None
        )
        assert answer.status_code == 502
        assert b"0123456789" not in answer.data


def test_an_open_link_is_not_relayed(world, app, source):
    made = factories.dataset(world.department)
    factories.resource(made, url=source + "/data.csv")
    made = tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})
    address = f"/dataset/{made['id']}/resource/{made['resources'][0]['id']}/download"
    assert app.get(address, follow_redirects=False).headers["Location"] == source + "/data.csv"
    explained = json.loads(
        app.get(f"/api/3/action/nmgdata_access_explain?id={made['resources'][0]['id']}").body
    )
    assert explained["result"]["allowed"] is True
