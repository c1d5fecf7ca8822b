"""What there is to see of sources, jobs, problems and records; reads only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.orm import aliased

from ..kernel import clock, orgs
from .following.model import Following
from .model import LIVE, Job, JobState, Problem, RemoteRecord, Source

PACKAGE: Any = model.Package
RECORD_STATES = ("here", "incomplete", "vanished", "archived", "waiting")
"""``incomplete``: here, but lacks what the law asks; ``waiting``: known, not loaded yet."""


def source(reference: str) -> Source | None:
    """Return a source by its id or name."""
    query = sa.select(Source).where(sa.or_(Source.id == reference, Source.name == reference))
    return model.Session.scalar(query.execution_options(populate_existing=True))


def sources(regions: Iterable[str] | None = None) -> list[Source]:
    """Return the sources of some regions and those below, of all for None."""
    query = sa.select(Source).order_by(Source.region_code, Source.name)
    if regions is not None:
        query = query.where(orgs.within(Source.region_code, list(regions)))
    return list(model.Session.scalars(query.execution_options(populate_existing=True)))


SILENT = timedelta(days=7)
"""Time after which what nothing was heard of counts as stale; longer where it is harvested less often."""
INTERVALS = 2


def heard_at() -> sa.ColumnElement[datetime]:
    """Return the SQL for when something was heard of a source last; joins ``Source`` and ``Following``."""
    return sa.func.greatest(Source.created_at, Source.succeeded_at, Following.asked_at)


def silent_since(source: Source) -> datetime | None:
    """Return since when nothing is heard of a source, by harvests or by its feed; None while it is."""
    query = sa.select(heard_at()).outerjoin(Following, Following.source_id == Source.id)
    heard = model.Session.scalar(query.where(Source.id == source.id))
    patience = max(SILENT, timedelta(hours=INTERVALS * source.every_hours))
    return heard if heard and clock.now() - heard > patience else None


def job(job_id: str) -> Job | None:
    """Return a job as it is now."""
    return model.Session.get(Job, job_id, populate_existing=True)


def jobs(source_id: str, limit: int, offset: int = 0) -> list[Job]:
    """Return the jobs of a source, the newest first."""
    query = sa.select(Job).where(Job.source_id == source_id).order_by(Job.queued_at.desc(), Job.id)
    query = query.limit(limit).offset(offset).execution_options(populate_existing=True)
    return list(model.Session.scalars(query))


def count_jobs(source_id: str) -> int:
    """Return how many jobs of a source are kept."""
    query = sa.select(sa.func.count()).select_from(Job).where(Job.source_id == source_id)
    return model.Session.scalar(query) or 0


def concluded() -> dict[str, Job]:
    """Return the newest job of every source that says how it is: it has ended by itself, or is held.

    Id of the source → job.
    """
    saying = (JobState.FINISHED, JobState.FAILED, JobState.HELD)
    inner = sa.select(Job).where(Job.source_id == Source.id, Job.state.in_(saying))
    last = inner.order_by(Job.queued_at.desc(), Job.id).limit(1).lateral("last")
    query = sa.select(aliased(Job, last)).select_from(Source).join(last, sa.true())
    return {one.source_id: one for one in model.Session.scalars(query)}


def open_job(source_id: str) -> Job | None:
    """Return the job of a source that runs, waits or is held."""
    query = sa.select(Job).where(Job.source_id == source_id, Job.state.in_((*LIVE, JobState.HELD)))
    query = query.order_by(Job.queued_at.desc()).limit(1)
    return model.Session.scalar(query.execution_options(populate_existing=True))


# --- problems of a job ---------------------------------------------------------------------------


def problems(job_id: str, code: str = "", q: str = "", *, refused: bool | None = None) -> sa.Select[Any]:
    """Return the query for what was wrong in a job, in its order."""
    query = sa.select(Problem).where(Problem.job_id == job_id).order_by(Problem.id)
    if code:
        query = query.where(Problem.code == code)
    if refused is not None:
        query = query.where(Problem.is_refused.is_(refused))
    if q:
        found = (Problem.place.icontains(q, autoescape=True), Problem.detail.icontains(q, autoescape=True))
        query = query.where(sa.or_(*found))
    return query


def problem_counts(job_id: str) -> list[tuple[str, bool, int]]:
    """Return code, whether it refused the record, and number, the most frequent first."""
    number = sa.func.count()
    query = sa.select(Problem.code, Problem.is_refused, number).where(Problem.job_id == job_id)
    rows = model.Session.execute(query.group_by(Problem.code, Problem.is_refused).order_by(number.desc()))
    return [(row[0], row[1], row[2]) for row in rows]


# --- records of a source -------------------------------------------------------------------------


def in_state(state: str) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of a state of ``RECORD_STATES``."""
    loaded, gone = RemoteRecord.package_id.is_not(None), RemoteRecord.vanished_at.is_not(None)
    if state == "waiting":
        return [sa.not_(loaded)]
    if state in ("vanished", "archived"):
        archived = RemoteRecord.archived_at
        return [gone, archived.is_not(None) if state == "archived" else archived.is_(None)]
    incomplete = [RemoteRecord.missing != sa.text("'[]'::jsonb")] if state == "incomplete" else []
    return [loaded, sa.not_(gone), *incomplete]


def records(source_id: str, state: str = "", q: str = "") -> sa.Select[Any]:
    """Return the query for the records of a source with name and title of their datasets."""
    query = (
        sa.select(RemoteRecord, PACKAGE.name, PACKAGE.title)
        .outerjoin(PACKAGE, PACKAGE.id == RemoteRecord.package_id)
        .where(RemoteRecord.source_id == source_id)
        .order_by(RemoteRecord.id)
    )
    if state:
        query = query.where(*in_state(state))
    if q:
        by_title = PACKAGE.title.icontains(q, autoescape=True)
        query = query.where(sa.or_(RemoteRecord.identifier.icontains(q, autoescape=True), by_title))
    return query


def record_counts(source_id: str) -> dict[str, int]:
    """Return how many records of a source are in each state."""
    columns = [sa.func.count().filter(*in_state(name)).label(name) for name in RECORD_STATES]
    query = sa.select(*columns).select_from(RemoteRecord).where(RemoteRecord.source_id == source_id)
    return dict(model.Session.execute(query).mappings().one())


def count(query: sa.Select[Any]) -> int:
    """Return how many rows a query has."""
    rows = query.order_by(None).with_only_columns(sa.literal(1)).subquery()
    return model.Session.scalar(sa.select(sa.func.count()).select_from(rows)) or 0
