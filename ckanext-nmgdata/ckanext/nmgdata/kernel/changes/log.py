"""Write the change feed, in the transaction of the change.

A row's number is taken under an advisory lock that is held until the commit is visible, as the last
act of the transaction. So whoever sees a number sees every smaller one that will ever be: a reader
that remembers one number skips nothing, and a takedown is in the feed from its commit on, however
long other transactions run. The price is that changes commit one after another.

What the feed says follows from the database at that moment: an entry that the public may see is
there, one that it may not see any longer leaves as a Delete, one that it never saw leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper, Session, object_session

from .. import clock, events
from ..gate.labels import is_withdrawn, public_entries
from ..pending import Pending
from ..unit import Unit
from .model import Activity, Cause, Change

LOCK = 0x6E6D6763
"""Key of the advisory lock under which numbers are taken ("nmgc")."""
WEIGHT = {cause: place for place, cause in enumerate(Cause)}
ADD = sa.text(
    "INSERT INTO nmgdata_change (dataset_id, activity, cause, at)"
    " SELECT dataset_id, activity, cause, :now"
    " FROM unnest(CAST(:ids AS text[]), CAST(:activities AS text[]), CAST(:causes AS text[]))"
    " WITH ORDINALITY said (dataset_id, activity, cause, place) ORDER BY place"
)
Noted = tuple[str, Cause]


def note(session: Session, dataset_id: str, cause: Cause) -> None:
    """Remember in the session's transaction that a dataset has changed."""
    _pending.add(session, (dataset_id, cause))


def write(session: Session, noted: Iterable[Noted]) -> None:
    """Write rows for these datasets, last in the transaction.

    Also for bulk work, which hands over many datasets at once just before its own commit.
    """
    causes: dict[str, Cause] = {}
    for dataset_id, cause in noted:
        known = causes.get(dataset_id, cause)
        causes[dataset_id] = min(known, cause, key=WEIGHT.__getitem__)
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    now = clock.now()
    states = read_states(session, list(causes))
    rows = [
        (dataset_id, activity.value, said.value)
        for dataset_id, cause in causes.items()
        for activity, said in outcome(*states[dataset_id], cause)
    ]
    if rows:
        ids, activities, said = (list(column) for column in zip(*rows, strict=True))
        session.execute(ADD, {"ids": ids, "activities": activities, "causes": said, "now": now})


State = tuple[bool, bool, bool]
"""Whether the feed has an entry, whether the public may see it now, whether it is withdrawn as a whole."""


def outcome(listed: bool, public: bool, withdrawn: bool, cause: Cause) -> list[tuple[Activity, Cause]]:
    """Return what the feed is to say of a change: one activity, or nothing."""
    if public and not withdrawn:
        return [(Activity.UPDATE, cause)] if listed else [(Activity.CREATE, Cause.PUBLISHED)]
    if listed:
        return [(Activity.DELETE, Cause.WITHDRAWN if public else Cause.REMOVED)]
    return []


def read_states(session: Session, ids: Sequence[str]) -> dict[str, State]:
    """Return the state of these datasets, those that are gone for good included."""
    wanted = sa.func.unnest(sa.cast(list(ids), sa.ARRAY(sa.Text))).table_valued("id").render_derived("wanted")
    query = sa.select(
        wanted.c.id, is_listed(wanted.c.id), public_entries(wanted.c.id).exists(), is_withdrawn(wanted.c.id)
    )
    return {row[0]: (row[1], row[2], row[3]) for row in session.execute(query)}


def is_listed(dataset_id: Any) -> sa.ColumnElement[bool]:
    """Return the SQL for: the newest row of a dataset is not a Delete."""
    newest = (
        sa.select(Change.activity != Activity.DELETE)
        .where(Change.dataset_id == dataset_id)
        .order_by(Change.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    return sa.func.coalesce(newest, sa.false())


def astray() -> list[str]:
    """Return the datasets of which the feed does not say what is so; none, if every change was told."""
    newest = (
        sa.select(Change.dataset_id, Change.activity)
        .distinct(Change.dataset_id)
        .order_by(Change.dataset_id, Change.seq.desc())
        .subquery()
    )
    listed = sa.select(newest.c.dataset_id.label("id")).where(newest.c.activity != Activity.DELETE).subquery()
    package: Any = model.Package
    public = public_entries().where(~is_withdrawn(package.id)).subquery()
    both = sa.join(listed, public, listed.c.id == public.c.id, full=True)
    query = sa.select(sa.func.coalesce(listed.c.id, public.c.id)).select_from(both)
    found = model.Session.scalars(query.where(listed.c.id.is_(None) | public.c.id.is_(None))).all()
    model.Session.rollback()
    return sorted(found)


_pending = Pending("nmgdata_changes", write)

CAUSES: dict[type[events.Event], Cause] = {
    events.Suspended: Cause.SUSPENDED,
    events.Lifted: Cause.LIFTED,
    events.Withdrawn: Cause.WITHDRAWN,
    events.ClassChanged: Cause.CLASS_CHANGED,
    events.ResourceReplaced: Cause.RESOURCE_REPLACED,
    events.DatasetSaved: Cause.UPDATED,
    events.DatasetDeleted: Cause.REMOVED,
}


def told(unit: Unit, said: events.Event) -> None:
    """Note what an event means for the feed."""
    note(unit.session, said.dataset_id, CAUSES[type(said)])


def purged(_mapper: Mapper[Any], _connection: Connection, package: model.Package) -> None:
    """Note a dataset whose row goes for good; CKAN tells plugins nothing of it."""
    session = object_session(package)
    if session is not None:
        note(session, package.id, Cause.REMOVED)


def install() -> None:
    """Subscribe, and hook into CKAN's session; may be called again."""
    _pending.install()
    for kind in CAUSES:
        events.subscribe(kind, told)
    if not event.contains(model.Package, "before_delete", purged):
        event.listen(model.Package, "before_delete", purged)
