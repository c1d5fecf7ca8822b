"""What a run did not find: held when it is too much, marked, archived after the grace, brought back.

Nothing is ever purged here. A dataset that a case stops is not archived while it does.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Session

from ..kernel import events
from ..kernel.actors import Actor
from ..kernel.audit import append
from ..kernel.gate.stops import stopped_among
from ..kernel.outbox import search as index
from ..kernel.types import Conflict
from ..kernel.unit import Unit, begin
from . import jobs, letters
from .model import Job, JobPage, JobState, RemoteRecord, Source

log = logging.getLogger(__name__)
BATCH = 500
LISTED = 1000
"""How many of the vanished a person is shown at most."""


def not_found(job_id: str, source_id: str) -> sa.Select[Any]:
    """Return the query for the records that a job did not find; what it has refused counts as found.

    A record whose identity is refused this time was seen: its dataset stays. So does what the change feed
    told of since the job began: it may be newer than the pages.
    """
    began = sa.select(Job.started_at).where(Job.id == job_id).scalar_subquery()
    seen = sa.select(sa.func.unnest(JobPage.seen)).where(JobPage.job_id == job_id)
    return sa.select(RemoteRecord.id).where(
        RemoteRecord.source_id == source_id,
        RemoteRecord.package_id.is_not(None),
        RemoteRecord.vanished_at.is_(None),
        RemoteRecord.id.not_in(seen),
        sa.or_(RemoteRecord.followed_at.is_(None), RemoteRecord.followed_at < began),
    )


def conclude_if_whole(unit: Unit, job: Job) -> None:
    """Conclude a job that was read to the end and of which nothing waits."""
    if job.read_at is not None and job.waiting_count == 0 and job.state == JobState.RUNNING:
        conclude(unit, job)


def conclude(unit: Unit, job: Job) -> None:
    """End a job that was read and loaded: mark what vanished, or hold it for a person.

    Held too is a run with records that nobody could read: they may be the very ones that are missing.
    """
    source = unit.session.get_one(Source, job.source_id)
    gone = list(unit.session.scalars(not_found(job.id, source.id)))
    known = jobs.records_of(unit.session, source.id)
    job.vanished_count = len(gone)
    unnamed = unit.session.scalar(
        sa.select(sa.func.sum(JobPage.unnamed_count)).where(JobPage.job_id == job.id)
    )
    if gone and (unnamed or too_much(source, len(gone), known)):
        supersede(unit, job)
        job.state, job.worker, job.lease_until = JobState.HELD, None, None
        letters.tell(unit, job)
        unit.session.flush()
        return
    mark(unit, gone)
    supersede(unit, job)
    jobs.end(unit, job, JobState.FINISHED)


def too_much(source: Source, gone: int, known: int) -> bool:
    """Say whether the guard holds a run: it would remove all, too great a share, or too many."""
    return gone == known or gone > source.guard_number or gone > source.guard_share * known


def supersede(unit: Unit, job: Job) -> None:
    """End what an earlier run of the source still holds: this one knows better."""
    held = sa.select(Job).where(Job.source_id == job.source_id, Job.state == JobState.HELD, Job.id != job.id)
    for earlier in unit.session.scalars(held.with_for_update(key_share=True)):
        jobs.end(unit, earlier, JobState.CANCELLED)


def confirm(job_id: str, actor: Actor) -> int:
    """Let what a held run did not find vanish; return how many. What came back meanwhile stays.

    :raises Conflict: the run is not held
    """
    with begin(actor) as unit:
        job = jobs.locked(unit, job_id)
        if job.state != JobState.HELD:
            raise Conflict(tk._("This harvest does not wait for a confirmation."))
        job.confirmed_by, job.confirmed_at = actor.user_id or actor.kind, unit.now
        gone = list(unit.session.scalars(not_found(job.id, job.source_id)))
        append(unit, "harvest.confirmed", ("harvest", job.id), detail={"vanished": len(gone)})
        mark(unit, gone)
        jobs.end(unit, job, JobState.FINISHED)
        return len(gone)


def mark(unit: Unit, numbers: Sequence[int]) -> None:
    """Mark records as vanished; their datasets stay until the grace is over."""
    statement = sa.update(RemoteRecord).where(RemoteRecord.id.in_(numbers)).values(vanished_at=unit.now)
    if numbers:
        unit.session.execute(statement.execution_options(synchronize_session=False))


def listed(job_id: str) -> list[tuple[str, str, str]]:
    """Return id, name and title of the datasets that a held run would remove, the first thousand."""
    job = model.Session.get_one(Job, job_id)
    package: Any = model.Package
    query = (
        sa.select(package.id, package.name, sa.func.coalesce(package.title, package.name))
        .join(RemoteRecord, RemoteRecord.package_id == package.id)
        .where(RemoteRecord.id.in_(not_found(job.id, job.source_id)))
        .order_by(package.title, package.id)
    )
    return [(row[0], row[1], row[2]) for row in model.Session.execute(query.limit(LISTED))]


def archive_due() -> int:
    """Archive what has been gone for longer than its source's grace; return how many datasets."""
    done = 0
    while some := archive_some():
        done += some
    if done:
        log.info("harvest: %s datasets archived", done)
    return done


def archive_some() -> int:
    """Archive some datasets, in one transaction."""
    with begin(Actor.system()) as unit:
        package = model.package_table
        query = (
            sa.select(RemoteRecord.id, RemoteRecord.package_id)
            .join(Source, Source.id == RemoteRecord.source_id)
            .join(package, package.c.id == RemoteRecord.package_id)
            .where(
                RemoteRecord.archived_at.is_(None),
                RemoteRecord.vanished_at.is_not(None),
                RemoteRecord.vanished_at <= unit.now - sa.func.make_interval(0, 0, 0, Source.grace_days),
                package.c.state == model.State.ACTIVE,
                ~stopped_among(RemoteRecord.package_id),
            )
            .order_by(RemoteRecord.id)
            .limit(BATCH)
            .with_for_update(of=RemoteRecord, skip_locked=True)
        )
        found = unit.session.execute(query).all()
        if found:
            archive(unit, {row[0]: row[1] for row in found})
        return len(found)


def archive(unit: Unit, found: dict[int, str]) -> None:
    """Take datasets out of the catalogue: number of the record → dataset. They can come back."""
    ids = list(found.values())
    now = unit.now.replace(tzinfo=None)
    unit.session.execute(
        sa.update(model.package_table)
        .where(model.package_table.c.id.in_(ids))
        .values(state=model.State.DELETED, metadata_modified=now)
    )
    unit.session.execute(
        sa.update(RemoteRecord)
        .where(RemoteRecord.id.in_(found))
        .values(archived_at=unit.now)
        .execution_options(synchronize_session=False)
    )
    unit.session.expire_all()
    for dataset_id in ids:
        append(unit, "dataset.deleted", ("dataset", dataset_id))
        events.tell(unit, events.DatasetDeleted(dataset_id))
    index.note_all(unit.session, ids)


def came_back(session: Session, numbers: Sequence[int]) -> None:
    """Forget that records had vanished whose datasets were not archived; nothing else has changed."""
    if not numbers:
        return
    statement = sa.update(RemoteRecord).where(
        RemoteRecord.id.in_(numbers),
        RemoteRecord.vanished_at.is_not(None),
        RemoteRecord.archived_at.is_(None),
    )
    session.execute(statement.values(vanished_at=None).execution_options(synchronize_session=False))
