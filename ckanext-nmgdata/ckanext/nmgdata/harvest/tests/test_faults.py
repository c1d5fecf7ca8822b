"""Killed at any commit, without Solr, without Redis: the next start goes on, and nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy import event

from ... import conftest, factories
from ...catalog import reconcile
from ...kernel import clock, outbox
from ...kernel.audit import verify
from ...kernel.outbox import queue
from ...kernel.outbox.model import Outbox
from ...tests.faults import NOBODY, without_solr
from .. import jobs, run
from ..model import Job, JobPage, JobState, RemoteFile, RemoteRecord
from .city import City, counts

pytestmark = pytest.mark.usefixtures("clean_search", "pages")


@pytest.fixture
def city() -> City:
    """Return a city with ten records on four pages, one of them known and changed."""
    made = City()
    made.put("0")
    made.put("1")
    made.harvest()
    made.put("0", title="改了", files=("a", "b"))
    for number in range(2, 10):
        made.put(str(number))
    return made


def killed(work: Callable[[], None], moment: str, turn: int) -> bool:
    """Do work in a process of its own that is killed at a commit; say whether it came to that."""
    model.Session.remove()
    pid = os.fork()
    if pid == 0:
        model.ensure_engine().dispose(close=False)
        seen = [0]

        def strike(_session: object) -> None:
            seen[0] += 1
            if seen[0] == turn:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            event.listen(model.Session, moment, strike)
            work()
        finally:
            os._exit(0)
    _pid, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
@pytest.mark.parametrize("turn", [1, 2, 3, 4, 5, 6, 8, 10])
def test_whoever_is_killed_is_followed(city, moment, turn):
    job_id = jobs.ask(city.id)
    assert killed(lambda: city.work(job_id), moment, turn)
    with clock.fixed(conftest.MONDAY + jobs.LEASE + timedelta(seconds=1)):
        city.work(job_id)
    job = city.job(job_id)
    assert job.state == JobState.FINISHED
    assert counts(job) == {"created": 8, "updated": 1, "unchanged": 1}
    assert whole(job) == counts(job)
    assert numbers() == {"package": 10, "records": 10, "files": 11, "origins": 11}
    assert city.dataset("0").title == "改了"
    assert verify.verify(None) == []
    outbox.deliver(["index"])
    assert reconcile.run(False, print, lambda _line: None).found == 0
    assert counts(city.harvest()) == {"unchanged": 10}


def whole(job: Job) -> dict[str, int]:
    """Return the sums of a job's pages."""
    names = ("created", "updated", "unchanged", "refused", "stopped", "waiting")
    sums = [sa.func.sum(getattr(JobPage, f"{name}_count")) for name in names]
    row = model.Session.execute(sa.select(*sums).where(JobPage.job_id == job.id)).one()
    return {name: value for name, value in zip(names, row, strict=True) if value}


def numbers() -> dict[str, int]:
    """Return how many rows there are of what must not be there twice."""
    model.Session.rollback()
    questions = {
        "package": sa.select(sa.func.count()).select_from(model.Package),
        "records": sa.select(sa.func.count()).select_from(RemoteRecord),
        "files": sa.select(sa.func.count()).select_from(RemoteFile),
        "origins": sa.text("SELECT count(*) FROM nmgdata_origin"),
    }
    return {name: model.Session.scalar(query) for name, query in questions.items()}


def test_a_record_that_kills_is_found_and_the_others_are_loaded(city):
    def load(self, unit, tasks):
        if any(task.record.identifier == "5" for task in tasks):
            raise ZeroDivisionError("a bad record")
        return loads(self, unit, tasks)

    loads = run.Loader.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run.Loader, "load", load)
        job = city.harvest()
    assert counts(job) == {"created": 7, "updated": 1, "unchanged": 1, "refused": 1}


def test_a_reader_that_dies_again_and_again_is_given_up(city):
    job_id = jobs.ask(city.id)
    for turn in range(jobs.TRIES):
        with clock.fixed(conftest.MONDAY + 2 * turn * jobs.LEASE):
            assert killed(lambda: city.work(job_id), "after_commit", 1)
    with clock.fixed(conftest.MONDAY + 2 * jobs.TRIES * jobs.LEASE):
        city.work(job_id)
    assert (city.job(job_id).state, city.job(job_id).error) == (JobState.FAILED, "crashed")


def test_without_solr_everything_is_loaded_and_found_afterwards(city):
    with without_solr("gone"):
        assert counts(city.harvest()) == {"created": 8, "updated": 1, "unchanged": 1}
        outbox.deliver(["index"])
        assert city.shown("0")["title"] == "改了"
    with clock.fixed(conftest.MONDAY + timedelta(minutes=1)):
        outbox.deliver(["index"])
    assert factories.call("package_search", q="*:*", rows=0)["count"] == 10


def test_without_redis_the_call_to_the_workers_waits(city, monkeypatch):
    monkeypatch.setattr("ckan.lib.jobs.get_queue", unreachable)
    jobs.ask(city.id)
    queue.deliver([jobs.TOPIC])
    waiting = model.Session.scalars(sa.select(Outbox).where(Outbox.topic == jobs.TOPIC)).all()
    assert [row.done_at is None for row in waiting if row.error] == [True, True]


def unreachable(*_asked: object) -> None:
    """Be a Redis that is away."""
    raise tk.ValidationError({"redis": [NOBODY]})
