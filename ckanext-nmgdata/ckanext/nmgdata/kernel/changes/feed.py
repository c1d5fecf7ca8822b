"""Read the change feed by cursor, and purge it.

A cursor is the number of the last change somebody has, ``"1042"``. While somebody reads the feed from
its beginning it also says up to where the feed was purged when they began, ``"17-900"``: older changes
are missing from what they read, but they have not missed them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from ... import config
from .. import clock
from ..actors import Actor
from ..serials import Serial
from ..unit import begin
from .model import Activity, Change

PURGED = "changes-purged"
"""Series whose last number is the newest change that was purged."""
MAX_DIGITS = 18
FORM = re.compile(rf"(\d{{1,{MAX_DIGITS}}})(?:-(\d{{1,{MAX_DIGITS}}}))?")


@dataclass(frozen=True)
class Cursor:
    """Where somebody is in the feed."""

    seq: int
    began: int = 0
    """Up to where the feed had been purged when they began to read."""

    @classmethod
    def parse(cls, value: str) -> Cursor:
        """Read a cursor.

        :raises ValueError: for what never was one
        """
        found = FORM.fullmatch(value)
        if found is None:
            raise ValueError(value)
        return cls(int(found[1]), int(found[2] or 0))

    def __str__(self) -> str:
        """Return the cursor as it stands in addresses."""
        return f"{self.seq}-{self.began}" if self.began > self.seq else str(self.seq)


@dataclass(frozen=True)
class Item:
    """One change; ``is_newest`` says that nothing later is known of the dataset."""

    seq: int
    dataset_id: str
    activity: str
    cause: str
    at: datetime
    is_newest: bool


@dataclass(frozen=True)
class Page:
    """Changes after a cursor, in the order of their commits; ``head`` is the newest of the whole feed."""

    items: Sequence[Item]
    cursor: Cursor
    """Where to go on: after the last item, or where one was when there is none."""
    head: int


class GoneError(Exception):
    """Changes after this cursor are no longer kept, or it is of another database: begin anew."""


def purged_up_to() -> sa.ScalarSelect[int]:
    """Return the SQL for the newest change that was purged."""
    return sa.select(Serial.last).where(Serial.series == PURGED).scalar_subquery()


def head() -> int:
    """Return the number of the newest change."""
    return int(model.Session.scalar(sa.select(sa.func.max(Change.seq))) or 0)


def beginning() -> Cursor:
    """Return the cursor of somebody who has nothing yet."""
    return Cursor(0, int(model.Session.scalar(sa.select(purged_up_to())) or 0))


def after(cursor: Cursor, limit: int) -> Page:
    """Return the changes after a cursor; one query on the primary key, also when there are none.

    :raises GoneError: something after the cursor was purged, or the cursor is ahead of the feed
    """
    later = aliased(Change)
    is_newest = (
        ~sa.select(later.seq).where(later.dataset_id == Change.dataset_id, later.seq > Change.seq).exists()
    )
    page = (
        sa.select(Change.__table__, is_newest.label("is_newest"))
        .where(Change.seq > cursor.seq)
        .order_by(Change.seq)
        .limit(limit)
        .subquery()
    )
    newest = sa.select(sa.func.max(Change.seq)).scalar_subquery()
    edges = sa.select(newest.label("head"), purged_up_to().label("purged")).subquery()
    query = sa.select(edges, page).select_from(edges.outerjoin(page, sa.true())).order_by(page.c.seq)
    rows = model.Session.execute(query).mappings().all()
    known = max(rows[0]["head"] or 0, rows[0]["purged"] or 0)
    if cursor.seq > known or (rows[0]["purged"] or 0) > max(cursor.seq, cursor.began):
        raise GoneError(str(cursor))
    items = [Item(**{name: row[name] for name in Item.__annotations__}) for row in rows if row["seq"]]
    last = items[-1].seq if items else cursor.seq
    return Page(items, Cursor(last, cursor.began), known)


def superseded() -> sa.ColumnElement[bool]:
    """Return the SQL for: a later change of the same dataset is known."""
    later: Any = aliased(Change)
    return sa.select(later.seq).where(later.dataset_id == Change.dataset_id, later.seq > Change.seq).exists()


def newest(limit: int) -> list[Item]:
    """Return the newest changes, for people."""
    query = sa.select(Change, ~superseded()).order_by(Change.seq.desc()).limit(limit)
    later: set[str] = set()
    items = []
    for row in model.Session.scalars(query):
        items.append(
            Item(row.seq, row.dataset_id, row.activity, row.cause, row.at, row.dataset_id not in later)
        )
        later.add(row.dataset_id)
    return items


def purge() -> int:
    """Delete changes that are older than the retention and of which a later one is known, and old Deletes.

    What stays is the newest word on each entry that is there, so that the feed can always be read from
    its beginning. Returns how many were deleted.
    """
    limit = clock.now() - timedelta(days=config.change_retention_days())
    with begin(Actor.system()) as unit:
        statement = (
            sa.delete(Change)
            .where(Change.at < limit, superseded() | (Change.activity == Activity.DELETE))
            .returning(Change.seq)
            .execution_options(synchronize_session=False)
        )
        gone = unit.session.scalars(statement).all()
        if gone:
            mark = insert(Serial).values(series=PURGED, last=max(gone))
            farthest = {"last": sa.func.greatest(Serial.last, mark.excluded.last)}
            unit.session.execute(mark.on_conflict_do_update(index_elements=["series"], set_=farthest))
    return len(gone)
