"""An objection closes the data whatever is broken, and what waits comes through once it is mended (R-OBJ-02)."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib import uploader
from ckan.plugins import toolkit as tk
from file_keeper.default.adapters import fs
from sqlalchemy.exc import DBAPIError

from ..catalog import reconcile
from ..conftest import MONDAY
from ..factories import CSV, OBJECTION, OUTCOME, PDF, STATEMENT, WITHDRAWAL, call, file
from ..kernel import clock, tick
from ..kernel.audit import verify
from ..kernel.evidence.model import Evidence
from ..kernel.gate import seal
from ..kernel.gate.model import Sealed, Suspension
from ..kernel.gate.stored import StoredFile
from ..kernel.outbox.model import Outbox
from ..kernel.serials import Serial
from ..kernel.workflow.model import Case
from ..kernel.workflow.numbers import is_number
from . import faults

ROOT = Path(__file__).resolve().parents[4]
pytestmark = pytest.mark.usefixtures("clean_search")
TOLD = ("reviewer@example.org", "official@example.org", OBJECTION["contact_email"])
"""Whom a filed objection is told to: department, authority and objector."""


@pytest.fixture
def data(world) -> dict[str, Any]:
    """Return open data with people who have to be told of what happens to them."""
    assert world.reviewer
    assert world.official
    return world.open_data


@pytest.fixture
def run_tick(wsgi) -> Callable[[], None]:
    """Return what runs one round of ``tick`` as its process does: in the application, in nobody's request."""

    def once() -> None:
        with wsgi._wsgi_app.app_context():
            tick.once()

    return once


@pytest.fixture
def mended(run_tick) -> Callable[[list[Message]], None]:
    """Return what lets ticks pass now that all is well, and sees that everything arrives, and arrives once."""

    def let_ticks_pass(letters: list[Message]) -> None:
        for minutes in (5, 10, 15):
            with clock.fixed(clock.now() + timedelta(minutes=minutes)):
                run_tick()
        assert [row.error for row in rows(Outbox) if row.done_at is None] == []
        assert index_agrees()
        told = {letter["Message-ID"]: letter["To"] for letter in letters}
        assert set(told.values()) == set(TOLD)
        assert len(told) == len(TOLD) + 1, "the objector is also asked to confirm the address"

    return let_ticks_pass


def post(app, data, pdf: bytes = PDF) -> Any:
    """File an objection as a browser does."""
    form = {**OBJECTION, "evidence": (io.BytesIO(pdf), "证据.pdf")}
    address = f"/nmg/object/{data['name']}"
    return app.post(address, data=form, content_type="multipart/form-data", status=None)


def fetch(app, data) -> Any:
    """Ask the download address of the first file."""
    return app.get(f"/dataset/{data['id']}/resource/{data['resources'][0]['id']}/download", status=None)


def fire(user, case, transition, **stated) -> Any:
    """Take a step as a person."""
    return call("nmgdata_case_transition", user, id=case["id"], transition=transition, **stated)


def rows(table: Any) -> list[Any]:
    """Return the rows of a table as they stand now."""
    model.Session.rollback()
    model.Session.expire_all()
    return list(model.Session.scalars(sa.select(table)))


def index_agrees() -> bool:
    """Say whether database and index say the same."""
    return reconcile.run(repair=False, say=lambda _text: None, progress=lambda _text: None).found == 0


# --- servers away --------------------------------------------------------------------------------


@contextmanager
def away(server: str, way: str, app: Any) -> Iterator[Any]:
    """Take a server away; yields the portal's browser."""
    with ExitStack() as held:
        if server == "redis":
            app = held.enter_context(faults.without_redis())
        else:
            without = {"solr": faults.without_solr, "mail": faults.without_mail}[server]
            held.enter_context(without(way))
        yield app


@pytest.mark.parametrize(
    ("server", "way"),
    [("solr", "gone"), ("solr", "silent"), ("solr", "wrong"), ("redis", "gone"), ("mail", "gone"), ("mail", "silent")],
)  # fmt: skip
def test_the_answer_comes_the_data_are_closed_and_the_rest_follows(data, app, server, way, run_tick, mended):
    with away(server, way, app) as portal:
        assert fetch(portal, data).data == CSV
        assert "YY-20261123-00001-" in post(portal, data).body
        assert fetch(portal, data).status_code == 451
        if server != "redis":  # nothing that waits waits for Redis
            run_tick()
            assert any(row.error for row in rows(Outbox) if row.done_at is None)
    with faults.mail_server() as letters:
        mended(letters)
    assert len(letters) == len(TOLD) + 1


# --- the database's connection is cut ------------------------------------------------------------


@contextmanager
def connection_cut(moment: str) -> Iterator[None]:  # noqa: C901 (three moments, three hooks)
    """Cut the connection of a filing ``before`` its COMMIT, ``after`` it, or in the ``delivery`` that follows."""
    engine, seen = model.ensure_engine(), []

    def strike(connection: sa.Connection) -> None:
        seen.append("cut")
        raw: Any = connection.connection.dbapi_connection
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
            kill = sa.text("SELECT pg_terminate_backend(:pid, 5000)")
            assert other.scalar(kill, {"pid": raw.get_backend_pid()})

    def executes(connection: sa.Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO nmgdata_suspension"):
            seen.append("written")
        elif moment == "delivery" and seen == ["written", "committed"] and "nmgdata_outbox" in statement:
            strike(connection)

    def commits(connection: sa.Connection) -> None:
        if moment == "before" and seen == ["written"]:
            strike(connection)

    def committed(session: Any) -> None:
        if seen == ["written"]:
            seen.append("committed")
            if moment == "after":
                strike(next(iter(session.get_transaction()._connections.values()))[0])

    hooks = (
        (engine, "before_cursor_execute", executes),
        (engine, "commit", commits),
        (model.Session, "after_commit", committed),
    )
    for hook in hooks:
        sa.event.listen(*hook)
    try:
        yield
    finally:
        for hook in hooks:
            sa.event.remove(*hook)
    assert "cut" in seen
    model.Session.rollback()


def test_cut_before_the_commit_nothing_has_happened(data, app, run_tick):
    with connection_cut("before"), pytest.raises(DBAPIError):
        post(app, data)
    assert fetch(app, data).data == CSV
    assert (rows(Case), rows(Suspension)) == ([], [])
    assert [row.case_id for row in rows(Evidence)] == [None]
    with clock.fixed(MONDAY + timedelta(days=2)):
        run_tick()
    assert rows(Evidence) == []
    assert verify.verify() == []
    assert "YY-20261123-00001-" in post(app, data).body
    assert fetch(app, data).status_code == 451


@pytest.mark.parametrize("moment", ["after", "delivery"])
def test_cut_after_the_commit_the_answer_still_comes(data, app, moment, mended):
    with connection_cut(moment):
        assert "YY-20261123-00001-" in post(app, data).body
    assert fetch(app, data).status_code == 451
    assert [case.status for case in rows(Case)] == ["verifying"]
    assert [row.case_id for row in rows(Evidence)] == [case.id for case in rows(Case)]
    with faults.mail_server() as letters:
        mended(letters)
    assert verify.verify() == []


# --- kill -9 -------------------------------------------------------------------------------------

PROCESS = """
import os, signal, sys
from ckan.cli import load_config
from ckan.config.middleware import make_app
from ckan.plugins import toolkit as tk

def die(*_arguments):
    os.kill(os.getpid(), signal.SIGKILL)

app = make_app(load_config("test.ini"))._wsgi_app
tk.config["smtp.server"] = sys.argv[1]
with app.test_request_context():
    from ckan import model
    from ckanext.nmgdata.factories import OBJECTION, call, file
    from ckanext.nmgdata.kernel import tick
    from ckanext.nmgdata.kernel.outbox import queue
    {what}
"""
FILES = """
    import sqlalchemy as sa
    sa.event.listen(
        model.ensure_engine(), "before_cursor_execute",
        lambda connection, cursor, statement, *rest: statement.startswith("INSERT INTO nmgdata_suspension")
        and sa.event.listen(model.Session, "after_commit", die),
    )
    call("nmgdata_objection_submit", None, dataset_id=sys.argv[2], **{**OBJECTION, "evidence": file()})
"""
DELIVERS = """
    inner = queue.hand_over
    def hand_over(topic, rows):
        inner(topic, rows)
        if topic == sys.argv[2]:
            die()
    queue.hand_over = hand_over
    tick.once()
"""


def killed(what: str, *arguments: str) -> None:
    """Run a process of the portal that is killed in the middle of its work."""
    command = [sys.executable, "-c", PROCESS.replace("{what}", what.strip()), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture
def machine_clock() -> Iterator[None]:
    """Go by the machine's own clock, as the other process does."""
    with clock.fixed(datetime.now(UTC)):
        yield


@pytest.mark.usefixtures("machine_clock")
def test_killed_between_commit_and_outbox_the_next_tick_delivers(data, app, mended):
    killed(FILES, faults.NOBODY, data["id"])
    assert fetch(app, data).status_code == 451
    assert not index_agrees()
    with clock.fixed(datetime.now(UTC)), faults.mail_server() as letters:
        mended(letters)
    assert len(letters) == len(TOLD) + 1


@pytest.mark.usefixtures("machine_clock")
@pytest.mark.parametrize("topic", ["notice", "mail"])
def test_killed_in_the_middle_of_a_delivery_everybody_is_told_once(data, app, topic, mended):
    """A mail that had left just before may come twice: under one Message-ID, by which it is known again."""
    post(app, data)
    with faults.mail_server() as letters:
        killed(DELIVERS, tk.config["smtp.server"], topic)
        with clock.fixed(datetime.now(UTC)):
            mended(letters)
    assert len(letters) == len(TOLD) + 1 + (topic == "mail")


# --- the disk is full ----------------------------------------------------------------------------


def test_evidence_on_a_full_disk(data, app):
    before = stored_evidence()
    with faults.full_disk(fs):
        page = post(app, data)
    assert "文件未能保存" in page.body
    assert OBJECTION["wish"] in page.body, "what was typed is not lost"
    assert fetch(app, data).data == CSV
    assert (rows(Case), rows(Evidence)) == ([], [])
    assert stored_evidence() == before, "half a file lies there"
    assert "YY-20261123-00001-" in post(app, data).body


def stored_evidence() -> set[str]:
    """Return what lies in the storage of evidence."""
    return {place for place in seal.storage().scan() if str(place).startswith("evidence/")}


@pytest.mark.parametrize("action", ["resource_create", "resource_patch"])
def test_a_data_file_on_a_full_disk(world, data, app, as_user, action):
    old = data["resources"][0]
    values = {"package_id": data["id"]} if action == "resource_create" else {"id": old["id"]}
    sent = {**values, "name": "新版", "format": "CSV", "upload": (io.BytesIO(b"a,b\n1,2\n"), "new.csv")}
    with faults.full_disk(uploader):
        address, headers = f"/api/3/action/{action}", as_user(world.editor)
        answer = app.post(
            address, data=sent, headers=headers, status=None, content_type="multipart/form-data"
        )
    assert answer.status_code == 409
    assert "存储空间已满" in answer.json["error"]["upload"][0]
    assert b"".join(StoredFile(old["id"], old["url"]).pieces()) == CSV
    if action == "resource_create":
        assert fetch(app, data).data == CSV
    else:  # what was to be replaced is screened again with the next save; until then it is shut
        assert fetch(app, data).json["error"]["reason"] == "screening"
        call("package_patch", world.editor, id=data["id"], notes="再次保存。")
        assert fetch(app, data).data == CSV
    shown = call("package_show", None, id=data["id"])
    assert [(r["id"], r["name"], r["last_modified"]) for r in shown["resources"]] == [
        (old["id"], old["name"], old["last_modified"])
    ]


def test_what_is_withdrawn_is_never_lost_to_a_full_disk(world, data, app, run_tick):
    """Half a sealed file must not pass for the whole one when its original is deleted (R-OBJ-05)."""
    case = world.objected(data)
    fire(world.reviewer, case, "withdraw", **WITHDRAWAL)
    with faults.full_disk(fs):
        run_tick()
    assert rows(Sealed) == []
    with clock.fixed(MONDAY + timedelta(minutes=5)):
        run_tick()
    (sealed,) = rows(Sealed)
    assert seal.storage().content(seal.files.FileData(sealed.location)) == CSV


def test_what_is_withdrawn_is_never_lost_to_a_kill_in_the_middle_of_a_copy(world, data, run_tick):
    import hashlib

    place = seal.storage()
    half = f"withdrawn/{data['resources'][0]['id']}/{hashlib.sha256(CSV).hexdigest()}"
    place.upload(place.prepare_location(half), seal.files.make_upload(io.BytesIO(CSV[:5])))
    case = world.objected(data)
    fire(world.reviewer, case, "withdraw", **WITHDRAWAL)
    run_tick()
    (sealed,) = rows(Sealed)
    assert place.content(seal.files.FileData(sealed.location)) == CSV


# --- the clock is set back -----------------------------------------------------------------------

BACK = (timedelta(hours=1), timedelta(days=1))


@pytest.mark.parametrize("back", BACK)
class TestTheClockIsSetBack:
    """The clock is what an administrator or a time server may set wrong; nobody gains by it."""

    def test_numbers_chain_and_periods(self, world, data, back):
        cases = [world.objected(data, world.citizen)]
        with clock.fixed(MONDAY - back):
            cases += [world.objected(world.conditional, world.citizen, evidence=file(PDF + b"%2\n%%EOF"))]
            fire(world.reviewer, cases[0], "restore", **OUTCOME)
            assert call("nmgdata_access_explain", None, id=data["resources"][0]["id"])["allowed"]
        cases += [world.objected(data, world.citizen, evidence=file(PDF + b"%3\n%%EOF"))]
        numbers = [case["number"] for case in cases]
        assert len(set(numbers)) == 3
        assert all(is_number(number) for number in numbers)
        assert min(serial.last for serial in rows(Serial)) > 0
        assert verify.verify() == []
        for case in cases:
            shown = call("nmgdata_case_show", world.reviewer, id=case["id"])
            assert all(period["due_on"] > shown["opened_at"][:10] for period in shown["deadlines"])

    def test_data_stay_closed(self, world, data, app, back):
        post(app, data)
        with clock.fixed(MONDAY - back):
            assert fetch(app, data).status_code == 451

    def test_a_grant_that_has_ended_does_not_come_alive_again(self, world, app, as_user, back, run_tick):
        made, headers = world.conditional, as_user(world.applicant)
        period = {"use_from": "2026-11-23", "use_until": "2026-11-24"}
        applied = {**STATEMENT, **period, "dataset_id": made["id"]}
        case = call("nmgdata_application_submit", world.applicant, **applied)
        stated = {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": "2026-11-24"}
        fire(world.reviewer, case, "approve", **stated)
        fire(world.applicant, case, "accept", agreement="2026-1")
        address = f"/dataset/{made['id']}/resource/{made['resources'][0]['id']}/download"
        midnight = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
        with clock.fixed(midnight - timedelta(seconds=1)):
            assert app.get(address, headers=headers).data == CSV
        with clock.fixed(midnight):
            assert app.get(address, headers=headers, status=None).status_code == 403
            run_tick()
        with clock.fixed(midnight - back):
            assert app.get(address, headers=headers, status=None).status_code == 403
            assert [row.status for row in rows(Case) if row.id == case["id"]] == ["expired"]

    def test_an_override_lasts_no_longer(self, world, back):
        file_id = world.conditional["resources"][0]["id"]
        call(
            "nmgdata_access_override", world.auditor, id=file_id, reason="核查编号为一的举报，需要看原始记录"
        )
        assert call("nmgdata_access_explain", world.auditor, id=file_id)["allowed"]
        with clock.fixed(MONDAY - back):
            assert not call("nmgdata_access_explain", world.auditor, id=file_id)["allowed"]

    def test_what_waits_does_not_wait_for_the_clock_to_catch_up(self, data, app, back, mended):
        with faults.without_solr("gone"):
            post(app, data)
        with clock.fixed(MONDAY - back), faults.mail_server() as letters:
            mended(letters)
        assert date.fromisoformat("2026-11-23") == MONDAY.date()
