"""Jobs and their leases: who reads a source, who loads which page, and what came of it.

Everything lies in PostgreSQL. A lease is a moment up to which nobody else takes the thing; whoever is killed
is followed by the next one who looks. Each function is one transaction, or joins the one of its unit.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from .. import config
from ..kernel import outbox
from ..kernel.actors import Actor
from ..kernel.audit import append
from ..kernel.types import Conflict, new_id
from ..kernel.unit import Unit, begin
from . import letters
from .model import LIVE, OUTCOMES, Job, JobPage, JobState, RemoteRecord, Source, SourceState

TOPIC = "harvest"
LEASE = timedelta(seconds=90)
"""How long somebody may be silent before another takes over; renewed with every page."""
UNHEARD = timedelta(minutes=10)
"""How long a job may wait for its first worker before workers are called again, and how often."""
LOCK = {"key_share": True}
"""How rows are locked that others refer to: adding a page or a problem does not wait for its job."""
TOGETHER = 100
"""Pages that are loaded together at most, however few of their records have changed."""
TRIES = 5
"""How often a page is loaded, or a job taken up, before it is given up."""
BREAKER = (1, 2, 6, 24)
"""Hours for which the circuit breaker leaves a source in peace, after the third, fourth, … failure."""
TOLERATED = 2
"""Failures in a row after which a source is still asked as usual."""


def worker() -> str:
    """Return a name for this process that no other has."""
    return f"{socket.gethostname()}:{os.getpid()}"


# --- asking --------------------------------------------------------------------------------------


def ask(source_id: str, asked_by: str | None = None) -> str:
    """Ask for a harvest; return the job's id.

    :raises Conflict: one is running
    """
    with begin(Actor.system()) as unit:
        return queue(unit, source_id, asked_by)


def queue(unit: Unit, source_id: str, asked_by: str | None = None) -> str:
    """Add a job; a worker hears of it by the outbox."""
    job = Job(id=new_id(), source_id=source_id, asked_by=asked_by, queued_at=unit.now)
    try:
        with unit.session.begin_nested():
            unit.session.add(job)
            unit.session.flush()
    except IntegrityError:
        raise Conflict(tk._("This source is being harvested already.")) from None
    outbox.enqueue(unit.session, TOPIC, {"job": job.id}, key=job.id)
    return job.id


def ask_for_due() -> int:
    """Ask for what the schedule makes due, and for what lost its worker; return how many."""
    with begin(Actor.system()) as unit:
        due = sa.select(Source).where(
            Source.state == SourceState.ACTIVE,
            Source.every_hours > 0,
            sa.or_(Source.due_at.is_(None), Source.due_at <= unit.now),
            sa.or_(Source.broken_until.is_(None), Source.broken_until <= unit.now),
            ~sa.select(Job.id).where(Job.source_id == Source.id, Job.state.in_(LIVE)).exists(),
        )
        asked = 0
        for source in unit.session.scalars(due.with_for_update(skip_locked=True, key_share=True)).all():
            source.due_at = unit.now + timedelta(hours=source.every_hours)
            queue(unit, source.id)
            asked += 1
        call_again(unit)
        return asked


def call_again(unit: Unit) -> None:
    """Call workers to jobs that have lost theirs, and to those whose call itself was lost."""
    left = sa.select(Job.id, Job.started_at).where(
        Job.state.in_(LIVE),
        sa.or_(
            Job.lease_until < unit.now,
            sa.and_(Job.started_at.is_(None), Job.queued_at < unit.now - UNHEARD),
        ),
    )
    for job_id, started_at in unit.session.execute(left).all():
        minute = unit.now.strftime("%Y%m%d%H%M")
        key = f"{job_id}:{minute if started_at else minute[:-1]}"
        outbox.enqueue(unit.session, TOPIC, {"job": job_id}, key=key)


# --- reading -------------------------------------------------------------------------------------


def claim(name: str, only: Sequence[str] | None = None) -> Job | None:
    """Take the reader's place of a job that nobody reads; None where there is none.

    A job that was taken up too often is ended: whatever it reads kills who reads it.
    """
    with begin(Actor.system()) as unit:
        query = sa.select(Job).where(
            Job.state.in_(LIVE),
            Job.read_at.is_(None),
            sa.or_(Job.lease_until.is_(None), Job.lease_until < unit.now),
        )
        if only is not None:
            query = query.where(Job.id.in_(only))
        query = query.order_by(Job.queued_at, Job.id).limit(1)
        job = unit.session.scalar(
            query.with_for_update(skip_locked=True, key_share=True).execution_options(populate_existing=True)
        )
        if job is None:
            return None
        job.attempts += 1
        if job.attempts > TRIES:
            end(unit, job, JobState.FAILED, "crashed", "Whoever read this source was killed, several times.")
            return None
        job.state, job.worker, job.lease_until = JobState.RUNNING, name, unit.now + LEASE
        job.started_at = job.started_at or unit.now
        unit.session.flush()
        return job


def locked(unit: Unit, job_id: str) -> Job:
    """Return a job's row, locked until the transaction ends."""
    return unit.session.get_one(Job, job_id, with_for_update=LOCK, populate_existing=True)


def holds(job: Job, name: str) -> bool:
    """Say whether somebody still has the reader's place."""
    return job.worker == name and job.state == JobState.RUNNING


def release(job_id: str, name: str) -> None:
    """Give the reader's place back, to go on later; this was no failed attempt."""
    with begin(Actor.system()) as unit:
        job = locked(unit, job_id)
        if holds(job, name) and job.read_at is None:
            job.worker, job.lease_until, job.attempts = None, unit.now, max(0, job.attempts - 1)


# --- loading -------------------------------------------------------------------------------------


def claim_pages(
    name: str, only: Sequence[str] | None = None, *, records: int, is_patient: bool = False
) -> tuple[str, list[int]] | None:
    """Take pages of one job that wait to be loaded: the first, and what can be loaded with it.

    A page that was taken before, by somebody who has not come to its end, is taken alone.

    :param records: how many are loaded together, unless the first page has more
    :param is_patient: take no page while so many are not there yet and the job is still being read
    :return: job and numbers of pages; None where nothing waits
    """
    with begin(Actor.system()) as unit:
        waits = (
            sa.select(JobPage.job_id, JobPage.number, JobPage.waiting_count, JobPage.attempts, Job.read_at)
            .join(Job, Job.id == JobPage.job_id)
            .where(
                JobPage.work.is_not(None),
                Job.state == JobState.RUNNING,
                sa.or_(JobPage.lease_until.is_(None), JobPage.lease_until < unit.now),
            )
            .with_for_update(skip_locked=True, of=JobPage)
        )
        query = waits.order_by(JobPage.attempts, JobPage.job_id, JobPage.number).limit(1)
        first = unit.session.execute(query if only is None else query.where(Job.id.in_(only))).first()
        if first is None:
            return None
        numbers, count, is_full = [first.number], first.waiting_count, first.attempts > 0
        beside = waits.where(
            JobPage.job_id == first.job_id, JobPage.attempts == 0, JobPage.number != first.number
        )
        for page in [] if is_full else unit.session.execute(beside.order_by(JobPage.number).limit(TOGETHER)):
            if count + page.waiting_count > records:
                is_full = True
                break
            numbers.append(page.number)
            count += page.waiting_count
        if is_patient and not is_full and count < records and first.read_at is None:
            return first.job_id, []
        taken = sa.update(JobPage).where(JobPage.job_id == first.job_id, JobPage.number.in_(numbers))
        values = {"worker": name, "lease_until": unit.now + LEASE, "attempts": JobPage.attempts + 1}
        unit.session.execute(taken.values(**values).execution_options(synchronize_session=False))
        return first.job_id, numbers


def release_pages(job_id: str, numbers: Sequence[int], name: str) -> None:
    """Give pages back that could not be loaded just now."""
    with begin(Actor.system()) as unit:
        mine = sa.update(JobPage).where(
            JobPage.job_id == job_id, JobPage.number.in_(numbers), JobPage.worker == name
        )
        unit.session.execute(mine.values(lease_until=None).execution_options(synchronize_session=False))


def waiting(session: Session, job_id: str) -> int:
    """Return how many records of a job wait to be loaded."""
    query = sa.select(sa.func.sum(JobPage.waiting_count))
    return session.scalar(query.where(JobPage.job_id == job_id, JobPage.work.is_not(None))) or 0


def count(session: Session, job_id: str, deltas: Mapping[str, int]) -> None:
    """Add to the counts of a job; the database refuses sums that do not add up to what was read."""
    added = {
        f"{name}_count": getattr(Job, f"{name}_count") + deltas[name] for name in OUTCOMES if deltas.get(name)
    }
    if added:
        statement = sa.update(Job).where(Job.id == job_id).values(**added)
        session.execute(statement.execution_options(synchronize_session=False))


# --- the end -------------------------------------------------------------------------------------


def end(unit: Unit, job: Job, state: JobState, error: str | None = None, detail: str = "") -> None:
    """End a job, and note what it means for its source: due again, or in trouble."""
    source = unit.session.get_one(Source, job.source_id, with_for_update=LOCK, populate_existing=True)
    job.state, job.ended_at, job.worker, job.lease_until = state, unit.now, None, None
    job.error, job.detail = error, detail[:500] or None
    if state == JobState.FAILED:
        source.failures += 1
        source.broken_until = broken_until(source.failures, unit.now)
        if source.failures == TOLERATED + 1:
            letters.tell(unit, job)
    elif state == JobState.FINISHED:
        source.failures, source.broken_until, source.succeeded_at = 0, None, unit.now
    unit.session.flush()


def broken_until(failures: int, now: datetime) -> datetime | None:
    """Return until when a source is left in peace that has failed so often in a row."""
    if failures <= TOLERATED:
        return None
    return now + timedelta(hours=BREAKER[min(failures - TOLERATED - 1, len(BREAKER) - 1)])


def fail(job_id: str, name: str, code: str, detail: str) -> None:
    """End a job that can not go on; what it has loaded stays, and nothing counts as vanished."""
    with begin(Actor.system()) as unit:
        give_up_waiting(unit, job_id)
        job = locked(unit, job_id)
        if not holds(job, name):
            unit.session.rollback()
            return
        end(unit, job, JobState.FAILED, code, detail)


def give_up_waiting(unit: Unit, job_id: str) -> None:
    """Count what waits to be loaded as refused; pages before their job, as everywhere."""
    waiting_pages = (
        sa.select(JobPage.number)
        .where(JobPage.job_id == job_id, JobPage.work.is_not(None))
        .order_by(JobPage.number)
        .with_for_update()
    )
    numbers = list(unit.session.scalars(waiting_pages))
    if not numbers:
        return
    dropped = (
        sa.update(JobPage)
        .where(JobPage.job_id == job_id, JobPage.number.in_(numbers))
        .values(refused_count=JobPage.refused_count + JobPage.waiting_count, waiting_count=0, work=None)
        .execution_options(synchronize_session=False)
    )
    unit.session.execute(dropped)
    job = sa.update(Job).where(Job.id == job_id)
    values = {"refused_count": Job.refused_count + Job.waiting_count, "waiting_count": 0}
    unit.session.execute(job.values(**values).execution_options(synchronize_session=False))


def cancel(job_id: str, actor: Actor) -> None:
    """End a job because somebody wants it so; of a held one nothing vanishes.

    :raises Conflict: it has ended
    """
    with begin(actor) as unit:
        give_up_waiting(unit, job_id)
        job = locked(unit, job_id)
        if job.state not in (*LIVE, JobState.HELD):
            raise Conflict(tk._("This harvest has ended."))
        append(unit, "harvest.cancelled", ("harvest", job.id), detail={"was": job.state})
        end(unit, job, JobState.CANCELLED)


def purge() -> int:
    """Delete ended jobs that nobody needs any longer, with their pages and problems; return how many.

    The last job of each source stays.
    """
    with begin(Actor.system()) as unit:
        newer = aliased(Job)
        old = unit.now - timedelta(days=config.harvest_retention_days())
        statement = sa.delete(Job).where(
            Job.ended_at < old,
            sa.select(newer.id)
            .where(newer.source_id == Job.source_id, newer.queued_at > Job.queued_at)
            .exists(),
        )
        purged = statement.returning(Job.id).execution_options(synchronize_session=False)
        return len(unit.session.scalars(purged).all())


def records_of(session: Session, source_id: str) -> int:
    """Return how many records of a source are here and have not vanished."""
    query = sa.select(sa.func.count()).select_from(RemoteRecord)
    return (
        session.scalar(
            query.where(
                RemoteRecord.source_id == source_id,
                RemoteRecord.package_id.is_not(None),
                RemoteRecord.vanished_at.is_(None),
            )
        )
        or 0
    )
