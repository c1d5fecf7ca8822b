"""Write down every use of a grant, and hold it to the number of uses that it permits (R28¶2: 使用范围).

Whether somebody may have bytes says ``policy``; how often says the meter, at the moment they leave. Two
requests at once wait for each other at the grant's row, so that the last permitted use is given once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from flask import g, has_request_context
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session
from werkzeug.datastructures import ContentRange

from .. import clock
from ..actors import Actor
from .counts import this_hour
from .facts import GrantFact
from .model import FILE, TABLE, Grant, GrantUse
from .policy import Reason

AGAIN = timedelta(hours=1)
"""A further part of a file that the same person has begun within this time is no new use."""


class UsedUpError(Exception):
    """The grant permits no further use now."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def take(
    on: Session | Connection,
    actor: Actor,
    grant_id: str,
    resource_id: str | None,
    door: str,
    **values: object,
) -> int:
    """Write down one use and return its number.

    :param values: ``sha256`` of what leaves, where it is known before
    :raises UsedUpError: the grant permits no more
    """
    check(on, grant_id)
    row: dict[str, Any] = {"grant_id": grant_id, "user_id": actor.user_id or "", "resource_id": resource_id}
    if door == FILE and resource_id:
        row["version"] = version_of(resource_id)
    statement = insert(GrantUse).values(**row, door=door, at=clock.now(), count=1, **values)
    return on.execute(statement.returning(GrantUse.id)).scalar_one()


def version_of(resource_id: str) -> Any:
    """Return the query of which bytes a file is."""
    version = sa.cast(model.Resource.last_modified, sa.Text)
    return sa.select(version).where(model.Resource.id == resource_id).scalar_subquery()


def check(on: Session | Connection, grant_id: str) -> None:
    """Lock a limited grant and count its uses.

    :raises UsedUpError: it permits no more
    """
    limits = sa.select(Grant.quota, Grant.per_hour).where(Grant.id == grant_id)
    limited = limits.where(sa.or_(Grant.quota.is_not(None), Grant.per_hour.is_not(None)))
    found = on.execute(limited.with_for_update()).first()
    if found is None:
        return
    used = sa.select(sa.func.coalesce(sa.func.sum(GrantUse.count), 0)).where(GrantUse.grant_id == grant_id)
    if found.quota is not None and (on.execute(used).scalar() or 0) >= found.quota:
        raise UsedUpError(Reason.QUOTA_USED)
    recent = used.where(GrantUse.at >= this_hour())
    if found.per_hour is not None and (on.execute(recent).scalar() or 0) >= found.per_hour:
        raise UsedUpError(Reason.TOO_OFTEN)


def seconds_left() -> int:
    """Return in how many seconds the next hour begins, for which uses are counted anew."""
    return max(1, int((this_hour() + timedelta(hours=1) - clock.now()).total_seconds()))


def goes_on(
    on: Session | Connection, actor: Actor, grant_id: str, resource_id: str, part: ContentRange
) -> bool:
    """Say whether a later part of a file belongs to the last download of it, and count its bytes.

    All later parts together are no more than the file once; those of a file that was replaced since belong
    to no download.
    """
    if part.length is None or part.start is None or part.stop is None:
        return False
    last = (
        sa.select(GrantUse.id)
        .where(
            GrantUse.grant_id == grant_id, GrantUse.user_id == actor.user_id,
            GrantUse.resource_id == resource_id, GrantUse.door == FILE,
            GrantUse.at > clock.now() - AGAIN,
            GrantUse.version.is_not_distinct_from(version_of(resource_id)),
        )
        .order_by(GrantUse.id.desc())
        .limit(1)
    )  # fmt: skip
    further = GrantUse.further + part.stop - part.start
    fits = sa.update(GrantUse).where(GrantUse.id == last.scalar_subquery(), further <= part.length)
    return on.execute(fits.values(further=further).returning(GrantUse.id)).first() is not None


def finish(use_id: int, sha256: str) -> None:
    """Add the digest of what has left to its use."""
    with model.ensure_engine().begin() as connection:
        connection.execute(sa.update(GrantUse).where(GrantUse.id == use_id).values(sha256=sha256))


# --- queries of rows -----------------------------------------------------------------------------


def take_rows(actor: Actor, grant: GrantFact, resource_id: str) -> None:
    """Count one query of a table; however often CKAN asks for the right to it, it is one per request.

    :raises UsedUpError: the grant permits no more
    """
    if counted(resource_id):
        return
    row = {"grant_id": grant.id, "user_id": actor.user_id or "", "resource_id": resource_id, "door": TABLE}
    statement = insert(GrantUse).values(**row, at=this_hour(), count=1)
    statement = statement.on_conflict_do_update(
        index_elements=["grant_id", "user_id", "resource_id", "at"],
        index_where=sa.text("door = 'rows'"),
        set_={"count": GrantUse.count + 1},
    )
    with model.ensure_engine().begin() as connection:
        check(connection, grant.id)
        connection.execute(statement)
    count_no_more(resource_id)


def counted(resource_id: str) -> bool:
    """Say whether this request has been counted already."""
    return has_request_context() and resource_id in g.get("nmgdata_metered", ())


def count_no_more(resource_id: str) -> None:
    """Let the rest of this request be part of the use that was written down."""
    if has_request_context():
        g.nmgdata_metered = {*g.get("nmgdata_metered", ()), resource_id}


def left(grant_id: str) -> int | None:
    """Return how many uses a grant still permits; None where it is not limited."""
    used = sa.select(sa.func.coalesce(sa.func.sum(GrantUse.count), 0)).where(GrantUse.grant_id == grant_id)
    query = sa.select(Grant.quota - used.scalar_subquery()).where(Grant.id == grant_id)
    remaining = model.Session.scalar(query)
    return None if remaining is None else max(remaining, 0)
