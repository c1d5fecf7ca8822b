"""What has become of promises: is the data of an item open now, since when, and if not, why.

Events of the catalogue and of stops are told in the transaction of the act (``kernel.events``); what
comes in past them (bulk load) is caught up with by the clock. A day that was kept stays kept: what
stops the data later stands beside it, so that nothing disappears (R-PLAN-05).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.orm import Session

from ..kernel import clock, events
from ..kernel.actors import Actor
from ..kernel.gate.labels import in_catalogue
from ..kernel.gate.model import Suspension
from ..kernel.openness import is_stricter
from ..kernel.unit import Unit, begin
from . import schedule, similar
from .model import DECIDING, Happening, Item, Plan

OPEN = "open"
PACKAGE: Any = model.Package
RESOURCE: Any = model.Resource


@dataclass(frozen=True)
class Availability:
    """Whether the data of a dataset are open, and how open its class is."""

    state: str
    """``open``, ``suspended``, ``withdrawn`` or ``closed``."""
    open_class: str | None

    def as_open_as(self, wanted: str) -> str:
        """Return the state as seen from a promise: data that are less open than promised are closed."""
        return "closed" if self.state == OPEN and is_stricter(wanted, self.open_class) else self.state


GONE = Availability("closed", None)


def availability(session: Session, ids: Collection[str]) -> dict[str, Availability]:
    """Return for datasets whether their data are open; what is missing is not there.

    A dataset all of whose files are stopped is stopped, although the entry as a whole is not (DC-43).
    """
    stop = stopped(Suspension.resource_id.is_(None))
    stop_of_files = stopped(Suspension.resource_id.is_not(None))
    files = sa.exists().where(RESOURCE.package_id == PACKAGE.id, RESOURCE.state == "active")
    live = sa.exists().where(Suspension.resource_id == RESOURCE.id, Suspension.lifted_at.is_(None))
    state = sa.case(
        (stop.is_not(None), stop),
        (sa.and_(in_catalogue(), files.where(~live)), OPEN),
        (sa.and_(in_catalogue(), files), stop_of_files),
        else_="closed",
    )
    query = sa.select(PACKAGE.id, state, PACKAGE.extras["open_class"].astext).where(PACKAGE.id.in_(ids))
    return {key: Availability(found, chosen) for key, found, chosen in session.execute(query)}


def stopped(of_what: sa.ColumnElement[bool]) -> sa.ScalarSelect[str]:
    """Return what stops a dataset, as a whole or by its files; “withdrawn” comes after “suspended”."""
    live = sa.and_(Suspension.dataset_id == PACKAGE.id, Suspension.lifted_at.is_(None))
    return sa.select(sa.func.max(Suspension.kind)).where(live, of_what).scalar_subquery()


# --- one item ------------------------------------------------------------------------------------


def note(unit: Unit, item: Item, available: Availability, dataset_id: str, on: date | None = None) -> bool:
    """Write down what a dataset's availability means for an item; say whether anything is new."""
    state = available.as_open_as(item.open_class)
    if item.opened_on is None:
        if state != OPEN or item.ended_on is not None:
            return False
        item.opened_on, item.kept_id = on or clock.local_date(unit.now), dataset_id
        item.suggested_id = item.suggested_on = None
        item.pending = None  # a promise that is kept neither changes nor ends any more
        happened(unit, item.plan_id, "opened", item.id)
        return True
    stop = None if state == OPEN else state
    if stop == item.stop:
        return False
    item.stop, item.stop_on = stop, clock.local_date(unit.now) if stop else None
    happened(unit, item.plan_id, stop or "resumed", item.id)
    return True


def happened(
    unit: Unit, plan_id: str, kind: str, item_id: str | None = None, said: str | None = None
) -> None:
    """Write down what has happened to a published plan or item."""
    unit.session.add(Happening(plan_id=plan_id, item_id=item_id, kind=kind, at=unit.now, said=said))


def check(unit: Unit, items: Iterable[Item]) -> list[Item]:
    """Look at the data of published items and write down what is new; return those with news."""
    items = list(items)
    ids = {item.kept_id or item.dataset_id for item in items}
    found = availability(unit.session, ids) if ids else {}
    return [i for i in items if note(unit, i, found.get(key_of(i), GONE), key_of(i))]


def key_of(item: Item) -> str:
    """Return the dataset that decides about an item: the one that keeps it, else its own entry."""
    return item.kept_id or item.dataset_id


def keeps_another(unit: Unit, item: Item, dataset_id: str) -> bool:
    """Say whether a dataset keeps another promise: one opening is not counted twice."""
    kept = sa.select(Item.id).where(
        Item.kept_id == dataset_id, Item.opened_on.is_not(None), Item.ended_on.is_(None), Item.id != item.id
    )
    return unit.session.scalar(kept.limit(1)) is not None


# --- listening -----------------------------------------------------------------------------------


def concerned(what: Any, datasets: Collection[str]) -> sa.Select[Any]:
    """Return the query for the published items that datasets decide about."""
    return sa.select(what).where(
        sa.or_(Item.kept_id.in_(datasets), sa.and_(Item.dataset_id.in_(datasets), Item.kept_id.is_(None))),
        Item.since_version.is_not(None),
    )


def promised_or_like(datasets: Collection[str]) -> sa.CompoundSelect[tuple[str]]:
    """Return the query for those of some datasets that decide about items, or could keep one."""
    return sa.union(concerned(DECIDING, datasets), similar.possible(datasets))


def drafted(datasets: Collection[str]) -> sa.Select[tuple[str]]:
    """Return the query for those of some datasets of which drafted items speak."""
    return sa.select(Item.dataset_id).where(Item.dataset_id.in_(datasets), Item.since_version.is_(None))


def told(unit: Unit, event: events.Event) -> None:
    """Look at the items of a dataset to which something has happened, in the same transaction."""
    items = list(unit.session.scalars(concerned(Item, [event.dataset_id])))
    if items:
        unit.session.flush()
        gone = isinstance(event, events.DatasetDeleted)  # told before CKAN deletes the row
        news = [i for i in items if note(unit, i, GONE, key_of(i))] if gone else check(unit, items)
        renew(unit, news)
    elif isinstance(event, events.DatasetSaved):
        similar.suggest(unit, event.dataset_id)


def renew(unit: Unit, items: Iterable[Item]) -> None:
    """Bring the periods of the plans of these items up to date."""
    unit.session.flush()
    for plan_id in sorted({item.plan_id for item in items}):
        schedule.refresh(unit, unit.session.get_one(Plan, plan_id))


def describe(unit: Unit, event: events.DatasetSaved) -> None:
    """Keep drafted items as their entries are; what was promised stays as it was promised."""
    query = sa.select(Item).where(Item.dataset_id == event.dataset_id, Item.since_version.is_(None))
    for item in unit.session.scalars(query):
        copy(item, unit.session.get_one(model.Package, event.dataset_id))


def copy(item: Item, package: model.Package) -> None:
    """Write into an item what its entry says of itself."""
    extras = package.extras or {}
    item.title = package.title or package.name or item.dataset_id
    item.description = package.notes or ""
    item.theme, item.data_form = extras.get("theme"), extras.get("data_form")
    item.update_frequency = extras.get("update_frequency")


def catch_up() -> int:
    """Notice what came in past the events: entries that a bulk load has opened, or taken away."""
    opened = (
        sa.select(Item.id)
        .join(PACKAGE, PACKAGE.id == Item.dataset_id)
        .where(
            Item.since_version.is_not(None), Item.opened_on.is_(None), Item.ended_on.is_(None),
            in_catalogue(), sa.exists().where(RESOURCE.package_id == PACKAGE.id, RESOURCE.state == "active"),
        )
    )  # fmt: skip
    gone = (
        sa.select(Item.id)
        .outerjoin(PACKAGE, PACKAGE.id == Item.kept_id)
        .where(Item.kept_id.is_not(None), Item.stop.is_(None), sa.or_(PACKAGE.id.is_(None), ~in_catalogue()))
    )
    with begin(Actor.system()) as unit:
        items = unit.session.scalars(sa.select(Item).where(Item.id.in_(sa.union(opened, gone))))
        news = check(unit, items)
        renew(unit, news)
    return len(news)


def install() -> None:
    """Listen to the catalogue and to stops."""
    events.subscribe(events.DatasetSaved, describe, drafted)
    events.subscribe(events.DatasetSaved, told, promised_or_like)
    for kind in (
        events.DatasetDeleted, events.ClassChanged,
        events.Suspended, events.Lifted, events.Withdrawn,
    ):  # fmt: skip
        events.subscribe(kind, told)
