"""Count downloads and refusals, each by one statement in a short transaction of its own.

An anonymous flood of refused requests adds to a counter, not to the audit chain: the audited event
is the bucket per resource, reason and hour, written once the hour has passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from .. import clock, memory, outbox
from ..actors import Actor
from ..audit import append
from ..outbox.model import Outbox
from ..outbox.search import note as refresh_index
from ..unit import begin, join
from .model import Download, Grant, Refusal

HOUR = timedelta(hours=1)


def count_refusal(resource_id: str, reason: str) -> None:
    """Add one refusal to the bucket of this hour."""
    hour = this_hour()
    statement = insert(Refusal).values(resource_id=resource_id, reason=reason, hour=hour, count=1)
    statement = statement.on_conflict_do_update(
        index_elements=["resource_id", "reason", "hour"],
        set_={"count": Refusal.count + 1, "audited": False},
    )
    execute_apart(statement)


def count_download(dataset_id: str, resource_id: str) -> None:
    """Add one download to this day's count."""
    row = {"dataset_id": dataset_id, "resource_id": resource_id, "day": clock.today(), "count": 1}
    statement = insert(Download).values(**row)
    statement = statement.on_conflict_do_update(
        index_elements=["resource_id", "day"], set_={"count": Download.count + 1}
    )
    execute_apart(statement)


def execute_apart(statement: sa.Insert) -> None:
    """Run one statement in a transaction of its own, whatever the session is doing.

    Nobody waits for the disk: a crash of the database may lose the last counts, never an event.
    """
    with model.ensure_engine().begin() as connection:
        connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
        connection.execute(statement)


READ = "rows_read"
"""Topic of the outbox: restricted rows or columns left through the DataStore."""


def note_rows(actor: Actor, resource_id: str, reason: str, grant_id: str | None) -> None:
    """Note that restricted rows leave: one audited event per person, resource, reason and hour."""
    now, hour = clock.now(), this_hour().isoformat()
    payload = {"user": actor.user_id, "resource": resource_id, "reason": reason, "grant": grant_id}
    key = f"{actor.user_id}:{resource_id}:{reason}:{hour}"
    row = {"topic": READ, "key": key, "payload": payload, "created_at": now, "due_at": now}
    with model.ensure_engine().begin() as connection:
        connection.execute(insert(Outbox).values(**row).on_conflict_do_nothing())


def audit_rows(rows: Sequence[Outbox]) -> None:
    """Seal what was noted about rows that left."""
    for row in rows:
        unit = join(Actor("person", user_id=row.payload["user"]))
        grant = unit.session.get(Grant, row.payload["grant"]) if row.payload["grant"] else None
        append(
            unit,
            "download.allowed",
            ("resource", row.payload["resource"]),
            case_id=grant.case_id if grant else None,
            detail={"reason": row.payload["reason"], "grant": row.payload["grant"], "door": "datastore"},
        )


def this_hour() -> datetime:
    """Return the beginning of the present hour."""
    return clock.now().replace(minute=0, second=0, microsecond=0)


def audit_refusals() -> int:
    """Write the buckets of past hours to the audit chain; return how many."""
    query = (
        sa.select(Refusal)
        .where(Refusal.hour < this_hour(), Refusal.audited.is_(False))
        .order_by(Refusal.hour, Refusal.resource_id, Refusal.reason)
        .limit(1000)
        .with_for_update(skip_locked=True)
    )
    with begin(Actor.system()) as unit:
        buckets = list(unit.session.scalars(query))
        for bucket in buckets:
            detail = {"reason": bucket.reason, "hour": bucket.hour.isoformat(), "count": bucket.count}
            append(unit, "door.refused", ("resource", bucket.resource_id), detail=detail)
            bucket.audited = True
    return len(buckets)


# --- what the index needs to know ----------------------------------------------------------------

POPULARITY = "popularity"
"""Topic of the outbox: bring yesterday's downloads into the index, once a day."""


def install() -> None:
    """Take charge of the daily refresh; may be called again."""
    outbox.handle(POPULARITY, refresh_popularity)
    outbox.handle(READ, audit_rows)


def ask_for_refresh() -> None:
    """Put the refresh of this day into the outbox; however often it is asked, it is done once."""
    with begin(Actor.system()) as unit:
        day = clock.local_date(unit.now).isoformat()
        outbox.enqueue(unit.session, POPULARITY, {"day": day}, key=day)


def refresh_popularity(rows: Sequence[Outbox]) -> None:
    """Have the datasets indexed again that were downloaded on the day before."""
    for row in rows:
        day = date.fromisoformat(row.payload["day"])
        query = sa.select(Download.dataset_id).where(Download.day == day - timedelta(days=1)).distinct()
        for dataset_id in model.Session.scalars(query).all():
            refresh_index(model.Session(), dataset_id)


DOWNLOADS = "downloads"
"""Question of ``kernel.memory``: how often the files of a dataset were downloaded."""


def downloads_of(dataset_id: str) -> int:
    """Return how often the files of a dataset were downloaded."""
    held = memory.recall(DOWNLOADS, dataset_id)
    return downloads_among([dataset_id])[dataset_id] if held is memory.UNKNOWN else held


def downloads_among(ids: Sequence[str]) -> dict[str, int]:
    """Return how often the files of each of these datasets were downloaded."""
    query = sa.select(Download.dataset_id, sa.func.sum(Download.count)).group_by(Download.dataset_id)
    found = {row[0]: int(row[1]) for row in model.Session.execute(query.where(Download.dataset_id.in_(ids)))}
    return {dataset_id: found.get(dataset_id, 0) for dataset_id in ids}


def all_downloads() -> int:
    """Return how often all files of the portal were downloaded."""
    return int(model.Session.scalar(sa.select(sa.func.coalesce(sa.func.sum(Download.count), 0))) or 0)
