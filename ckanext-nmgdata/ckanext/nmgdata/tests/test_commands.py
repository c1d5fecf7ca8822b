"""The command line, each command in a process of its own as cron and containers run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..factories import call, dataset, person
from ..kernel import clock
from ..kernel.audit.model import AuditEvent
from ..kernel.outbox.model import Outbox
from ..kernel.outbox.search import left_to_tick, solr

ROOT = Path(__file__).resolve().parents[4]
CKAN = [str(Path(sys.executable).parent / "ckan"), "-c", str(ROOT / "test.ini")]
pytestmark = pytest.mark.usefixtures("clean_search")


@pytest.fixture(autouse=True)
def monday() -> Iterator[None]:
    """Let what this process writes be due for the others, which go by the machine's own clock."""
    with clock.fixed(datetime(2025, 11, 17, 2, 0, tzinfo=UTC)):
        yield


def ckan(*arguments: str, status: int = 0) -> str:
    """Run a command and return what it printed."""
    done = subprocess.run([*CKAN, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Keep a command running during the block; it must end by itself once asked to."""
    process = subprocess.Popen(
        [*CKAN, *arguments], cwd=ROOT, env=os.environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()


def waiting() -> list[str | None]:
    """Return what the outbox still holds, as the errors of its rows."""
    model.Session.rollback()
    return list(model.Session.scalars(sa.select(Outbox.error).where(Outbox.done_at.is_(None))))


def eventually(condition, seconds: float = 40) -> None:
    """Wait for what another process does, by the database's own clock."""
    for _round in range(int(seconds * 5)):
        if condition():
            return
        model.Session.execute(sa.text("SELECT pg_sleep(0.2)"))
        model.Session.rollback()
    raise AssertionError(waiting())


def test_tick_once_delivers_documents_and_mails(world):
    """Rows of the index need CKAN's schemas, those of cases templates: both outside any request."""
    with left_to_tick():
        made = dataset(world.department, title="草原监测样地")
        world.submitted()
    assert waiting()
    assert tk.get_action("package_search")({}, {"q": "草原监测"})["count"] == 0
    ckan("nmgdata", "tick", "--once")
    assert [error for error in waiting() if error and "mail server" not in error] == []
    found = tk.get_action("package_search")({}, {"q": "草原监测"})["results"]
    assert [row["id"] for row in found] == [made["id"]]


def test_tick_stays_and_delivers_until_told_to_stop(world):
    """The resident loop wakes on a commit; a second one waits for the first to end."""
    with running("nmgdata", "tick") as leader:
        eventually(lambda: leads() == 1)
        with left_to_tick():
            dataset(world.department)
        eventually(lambda: waiting() == [])
        with running("nmgdata", "tick"):
            eventually(stands_by)
            assert leads() == 1
        assert leader.poll() is None


def leads() -> int:
    """Return how many processes hold the leader's lock."""
    query = sa.text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1852663652 AND granted"
    )
    return int(model.Session.scalar(query) or 0)


def stands_by() -> bool:
    """Say whether a process has asked for the leader's lock and not got it."""
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()"
    )
    return bool(model.Session.scalar(query))


def test_audit_commands_prove_the_chain(world):
    world.granted()
    head = json.loads(ckan("nmgdata", "audit", "head").splitlines()[-1])
    assert "chain is whole" in ckan("nmgdata", "audit", "verify", "--head", f"{head['seq']}:{head['hash']}")
    model.Session.execute(sa.text("UPDATE nmgdata_audit_event SET verb = 'grant.ended' WHERE seq = 2"))
    model.Session.commit()
    assert "event 2" in ckan("nmgdata", "audit", "verify", status=1)


def test_calendar_counts_working_days_and_says_what_is_provisional(world):
    """The week of the Spring Festival of 2026 is not worked; 2028 has no calendar yet."""
    assert ckan("nmgdata", "calendar", "add", "2026-11-23", "5").strip().endswith("2026-11-30")
    assert "provisional" in ckan("nmgdata", "calendar", "add", "2028-01-03", "5")
    call(
        "nmgdata_workday_add", world.official, day="2026-11-30", is_workday=False, reason="自治区临时放假通知"
    )
    assert ckan("nmgdata", "calendar", "add", "2026-11-23", "5").strip().endswith("2026-12-01")


def test_token_lets_a_script_in(world):
    token = ckan("nmgdata", "token", world.sysadmin.name).strip().splitlines()[-1]
    assert len(token) > 60


def test_reindex_writes_all_documents_anew(world):
    for _number in range(7):
        dataset(world.department)
    solr().delete(q="*:*", commit=True)
    assert "7 of 7 datasets" in ckan("nmgdata", "reindex")
    assert "0 differences" in ckan("nmgdata", "reconcile")


def test_reconcile_ends_with_1_until_what_differs_is_mended(world):
    made = dataset(world.department)
    assert "0 differences" in ckan("nmgdata", "reconcile")
    solr().delete(q=f'id:"{made["id"]}"', commit=True)
    assert f"missing {made['id']}" in ckan("nmgdata", "reconcile", status=1)
    assert "1 differences, 0 left" in ckan("nmgdata", "reconcile", "--repair")
    assert "0 differences" in ckan("nmgdata", "reconcile")


def test_a_command_that_makes_an_operator_is_written_down():
    """R-SEC-10: nobody is at the keyboard that the portal could know, but the act stays."""
    user = person("keeper")
    ckan("sysadmin", "add", "keeper")
    ckan("sysadmin", "remove", "keeper")
    model.Session.rollback()
    query = sa.select(AuditEvent).where(AuditEvent.subject_id == user.id).order_by(AuditEvent.seq)
    found = [(e.verb, e.actor_kind, e.detail["role"]) for e in model.Session.scalars(query)]
    assert found == [("role.given", "system", "sysadmin"), ("role.taken", "system", "sysadmin")]
