"""From the clock to the catalogue: due in tick, told by the outbox, done by CKAN's own worker; and by hand."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from ckan import model
from ckan.lib import jobs as background

from ... import config, conftest
from ...factories import call
from ...kernel import clock, outbox, tick
from ...tests.test_commands import CKAN, ROOT
from .. import cli, foreground, jobs, plugin, query
from ..model import JobState

pytestmark = pytest.mark.usefixtures("pages")


@pytest.fixture
def queue():
    """Return CKAN's queue of background work, empty."""
    found = background.get_queue()
    found.empty()
    yield found
    found.empty()


def burst(queue):
    """Do the harvests that wait in the queue, in this process; other chores are left out."""
    while queue.job_ids:
        job = queue.fetch_job(queue.pop_job_id())
        if job.meta["title"] == "harvest":
            job.perform()


def test_the_clock_s_harvest_goes_through_outbox_and_worker(region, queue):
    source = region.connected()
    outbox.deliver()
    queue.empty()
    with clock.fixed(conftest.MONDAY + timedelta(hours=25)):
        tick.sweep_now()
        titles = [queue.fetch_job(one).meta["title"] for one in queue.job_ids]
        assert titles.count("harvest") == config.harvest_workers()
        asked = query.open_job(source["id"])
        assert (asked.state, asked.asked_by) == (JobState.QUEUED, None)
        tick.sweep_now()
        assert query.count_jobs(source["id"]) == 1
        burst(queue)
        job = query.jobs(source["id"], 1)[0]
        assert (job.state, job.created_count) == (JobState.FINISHED, 3)
        outbox.deliver()
        assert call("package_search", fq="nmg_city:150600")["count"] == 3
        tick.sweep_now()
        assert query.count_jobs(source["id"]) == 1, "due again before its interval was over"


def test_the_same_by_the_processes_that_production_runs(region, queue):
    """CKAN's worker enters no application by itself: a harvest must find the one of its command."""
    with clock.fixed(datetime(2024, 11, 18, 2, 0, tzinfo=UTC)):
        source = region.connected()
    for words in (("nmgdata", "tick", "--once"), ("jobs", "worker", "--burst")):
        done = subprocess.run([*CKAN, *words], capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
    job = query.jobs(source["id"], 1)[0]
    assert (job.state, job.created_count) == (JobState.FINISHED, 3)
    failed = [queue.fetch_job(one) for one in queue.failed_job_registry.get_job_ids()]
    assert not [job for job in failed if job and job.meta.get("title") == "harvest"]


def test_a_worker_that_died_is_followed(region, queue):
    source = region.connected()
    jobs.ask(source["id"])
    outbox.deliver()
    queue.empty()
    assert jobs.claim("dead:1") is not None
    with clock.fixed(conftest.MONDAY + 2 * jobs.LEASE):
        tick.sweep_now()
        assert queue.job_ids
        burst(queue)
        assert query.jobs(source["id"], 1)[0].state == JobState.FINISHED


def test_a_job_whose_call_was_lost_is_called_again(region, queue):
    source = region.connected()
    jobs.ask(source["id"])
    outbox.deliver()
    queue.empty()
    with clock.fixed(conftest.MONDAY + timedelta(minutes=5)):
        tick.sweep_now()
        assert not queue.job_ids
    with clock.fixed(conftest.MONDAY + timedelta(minutes=11)):
        tick.sweep_now()
        tick.sweep_now()
        assert len(queue.job_ids) == config.harvest_workers()
        burst(queue)
        assert query.jobs(source["id"], 1)[0].state == JobState.FINISHED


def test_a_worker_whose_time_is_over_calls_itself_again(region, queue, monkeypatch):
    source = region.connected()
    jobs.ask(source["id"])
    monkeypatch.setattr(plugin.settings, "harvest_slice_seconds", lambda: -1)
    plugin.work()
    assert len(queue.job_ids) == 1
    monkeypatch.setattr(plugin.settings, "harvest_slice_seconds", lambda: 60)
    with clock.fixed(conftest.MONDAY + timedelta(seconds=1)):
        burst(queue)
    assert query.jobs(source["id"], 1)[0].state == JobState.FINISHED


@pytest.mark.parametrize("workers", [1, 2])
def test_by_hand_several_processes_take_part_and_what_they_load_is_found(region, monkeypatch, workers):
    source = region.connected()
    for number in range(4):
        following = f"{region.server.host}/p{number + 1}" if number < 3 else None
        region.serve(
            10 * number,
            10 * number + 1,
            following=following,
            path=f"/p{number}" if number else "/catalog.ttl",
        )
    monkeypatch.setattr(foreground.config, "harvest_workers", lambda: workers)
    seen = []
    job_id = jobs.ask(source["id"])
    foreground.harvest([job_id], lambda: seen.append(query.job(job_id).read_count))
    job = query.job(job_id)
    assert (job.state, job.created_count) == (JobState.FINISHED, 8)
    assert call("package_search", fq="nmg_city:150600")["count"] == 8
    assert workers > 1 or (seen == sorted(seen) and seen[-1] == 8)


def test_the_command_checks_harvests_and_holds(region, monkeypatch):
    source = region.connected()
    lines: list[str] = []
    monkeypatch.setattr(foreground.config, "harvest_workers", lambda: 1)
    monkeypatch.setattr(cli.click, "echo", lambda text="": lines.append(str(text)))
    cli.say_check("ordos")
    assert "created 3" in lines[0]
    assert lines[1].startswith("created\t")
    assert query.count_jobs(source["id"]) == 0
    cli.foreground("ordos")
    assert "created 3" in lines[-1]
    region.serve()
    with pytest.raises(SystemExit):
        cli.foreground("ordos")
    assert any("--confirm" in line for line in lines)
    region.server.routes.clear()
    with pytest.raises(SystemExit):
        cli.say_check("ordos")
    assert lines[-1].startswith("not_found")
    model.Session.rollback()
