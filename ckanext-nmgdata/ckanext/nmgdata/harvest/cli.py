"""``ckan nmgdata harvest``: one source in the foreground, with progress."""

from __future__ import annotations

from typing import Any

import click
import sqlalchemy as sa
from ckan import model

from ..cli import nmgdata
from ..kernel.actors import Actor
from ..kernel.types import Conflict
from ..kernel.unit import begin
from . import check as trial
from . import foreground as harvests
from . import jobs, vanish
from .model import LIVE, OUTCOMES, Job, JobState, Source

PATIENCE = 600.0
"""Seconds that a check may take here."""


def register() -> None:
    """Add the commands to ours; may be called again."""
    nmgdata.add_command(harvest)


@click.command()
@click.argument("source", required=False)
@click.option("--check", "dry", is_flag=True, help="Say what a harvest would do; write nothing.")
@click.option("--confirm", help="Let what this held harvest did not find vanish, and end.")
@click.pass_context
def harvest(context: click.Context, source: str | None, confirm: str | None, *, dry: bool) -> None:
    """Harvest SOURCE (its name) in the foreground; without it list the sources.

    Ends with 1 when the harvest has failed or waits for a confirmation.
    """
    with context.meta["flask_app"].app_context(), context.meta["flask_app"].test_request_context():
        if confirm:
            click.echo(f"{vanish.confirm(confirm, Actor.system())} datasets marked as vanished")
        elif source and dry:
            say_check(source)
        elif source:
            foreground(source)
        else:
            list_sources()


def list_sources() -> None:
    """Print name, state, last success and address of every source."""
    for one in model.Session.scalars(sa.select(Source).order_by(Source.region_code, Source.name)):
        since = f"{one.succeeded_at:%Y-%m-%d %H:%M}" if one.succeeded_at else "never"
        click.echo("\t".join((one.name, one.state, since, one.address)))


def foreground(name: str) -> None:
    """Run one harvest here, taking part in one that runs already."""
    job_id = begin_here(named(name))
    with click.progressbar(length=0, label=name, show_pos=True) as bar:
        harvests.harvest([job_id], lambda: progress(bar, job_id))
    job = model.Session.get_one(Job, job_id, populate_existing=True)
    click.echo(
        ", ".join(f"{word} {getattr(job, f'{word}_count')}" for word in ("read", *OUTCOMES, "vanished"))
    )
    if job.state == JobState.HELD:
        click.echo(f"held: {job.vanished_count} datasets would vanish; see them in the portal, then")
        click.echo(f"ckan nmgdata harvest --confirm {job.id}")
    if job.state != JobState.FINISHED:
        click.echo(f"{job.state} {job.error or ''} {job.detail or ''}".strip())
        raise SystemExit(1)


def named(name: str) -> str:
    """Return the id of a source."""
    source_id = model.Session.scalar(sa.select(Source.id).where(Source.name == name))
    if source_id is None:
        raise click.UsageError(f"there is no source {name}")
    return source_id


def say_check(name: str) -> None:
    """Check a source that may take its time, and say what was found."""
    report = trial.check(Actor.system(), named(name), PATIENCE)
    counts = ", ".join(f"{word} {number}" for word, number in report["counts"].items())
    click.echo(f"pages {report['pages']}, read {report['read']}, tried {report['tried']}: {counts}")
    for one in report["records"]:
        said = [one["why"], one["detail"], *one["notes"], *(f"- {field}" for field in one["missing"])]
        click.echo("\t".join((one["outcome"], one["identifier"], *filter(None, said))))
    if report["error"]:
        click.echo(f"{report['error']} {report['detail']}".strip())
        raise SystemExit(1)


def begin_here(source_id: str) -> str:
    """Return the job of a source that runs, or a new one that no worker need be called to."""
    try:
        with begin(Actor.system()) as unit:
            return jobs.queue(unit, source_id)
    except Conflict:
        query = sa.select(Job.id).where(Job.source_id == source_id, Job.state.in_(LIVE))
        found = model.Session.scalars(query).one()
        model.Session.rollback()
        return found


def progress(bar: Any, job_id: str) -> None:
    """Show how far a job is."""
    job = model.Session.get_one(Job, job_id, populate_existing=True)
    bar.length = max(job.total or 0, job.read_count)
    bar.update(job.read_count - job.waiting_count - bar.pos)
    model.Session.rollback()
