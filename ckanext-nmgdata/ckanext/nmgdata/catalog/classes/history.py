"""Which class an entry had when, and what the public is told of a change (DC-16, R-OPEN-13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper

from ... import vocab
from ...kernel import clock, orgs
from ...kernel.openness import CONDITIONAL, NON_OPEN, UNCONDITIONAL, closes
from ...kernel.unit import Unit
from .model import ClassPeriod

_ = tk._


@dataclass(frozen=True)
class Decision:
    """By what right a class changes: a case, or, where none is named, the portal itself."""

    case_number: str | None = None
    basis: str | None = None
    is_held_to_all_rules: bool = True
    """Whether the entry must keep every rule of publishing; other faults never hold up a closing."""


def begin(unit: Unit, package: model.Package) -> None:
    """Write the first period of an entry, when it becomes visible to the public."""
    if current(unit, package.id) is None:
        unit.session.add(period(unit, package, None, Decision()))
        unit.session.flush()


def move(unit: Unit, package: model.Package, before: str | None, since: datetime, decision: Decision) -> None:
    """End the period that runs and begin the next one.

    :param since: when the entry was published, for one that was loaded without a history
    """
    running = current(unit, package.id)
    if running is None:
        running = period(unit, package, None, Decision())
        running.open_class, running.since = before, since
        running.reason = running.legal_basis = None
        unit.session.add(running)
    running.until = unit.now
    unit.session.flush()
    unit.session.add(period(unit, package, before, decision))
    unit.session.flush()


def end(_mapper: Mapper[Any], connection: Connection, package: model.Package) -> None:
    """End the period of an entry whose row goes for good; CKAN tells plugins nothing of it."""
    running = (ClassPeriod.dataset_id == package.id) & ClassPeriod.until.is_(None)
    connection.execute(sa.update(ClassPeriod).where(running).values(until=clock.now()))


def install() -> None:
    """Hook into CKAN's session; may be called again."""
    if not event.contains(model.Package, "before_delete", end):
        event.listen(model.Package, "before_delete", end)


def current(unit: Unit, dataset_id: str) -> ClassPeriod | None:
    """Return the period that runs."""
    query = sa.select(ClassPeriod).where(ClassPeriod.dataset_id == dataset_id, ClassPeriod.until.is_(None))
    return unit.session.scalar(query)


def period(unit: Unit, package: model.Package, before: str | None, decision: Decision) -> ClassPeriod:
    """Return a period that begins now; reason and basis are those the entry states from now on."""
    extras = package.extras or {}
    return ClassPeriod(
        dataset_id=package.id,
        open_class=extras.get("open_class"),
        before=before,
        since=unit.now,
        announced=not package.private and package.state == model.State.ACTIVE,
        title=package.title or package.name,
        department=orgs.title_of(package.owner_org),
        case_number=decision.case_number,
        basis=decision.basis,
        reason=extras.get("open_reason"),
        legal_basis=extras.get("open_legal_basis"),
    )


# --- read ----------------------------------------------------------------------------------------


def of_dataset(dataset_id: str) -> list[dict[str, Any]]:
    """Return the classes an entry has had, the newest first."""
    query = sa.select(ClassPeriod).where(ClassPeriod.dataset_id == dataset_id)
    return [line(row) for row in model.Session.scalars(query.order_by(ClassPeriod.id.desc()))]


def announcements(
    limit: int, offset: int = 0, *, stricter: bool = False, dataset_id: str | None = None
) -> list[dict[str, Any]]:
    """Return the changes of class that the public is told of, the newest first."""
    query = sa.select(ClassPeriod).where(ClassPeriod.announced, ClassPeriod.before.is_not(None))
    if stricter:
        opened = sa.or_(
            ClassPeriod.before == UNCONDITIONAL,
            sa.and_(ClassPeriod.before == CONDITIONAL, ClassPeriod.open_class == NON_OPEN),
            sa.and_(ClassPeriod.before == ClassPeriod.open_class, ClassPeriod.basis.is_(None)),
        )
        query = query.where(opened)
    if dataset_id:
        query = query.where(ClassPeriod.dataset_id == dataset_id)
    query = query.order_by(ClassPeriod.since.desc(), ClassPeriod.id.desc()).limit(limit).offset(offset)
    return [line(row) for row in model.Session.scalars(query)]


def line(row: ClassPeriod) -> dict[str, Any]:
    """Return a period for a page, a file or the API; it names no person."""
    return {
        "dataset_id": row.dataset_id,
        "title": row.title,
        "department": row.department,
        "open_class": row.open_class,
        "open_class_label": vocab.label("open_class", row.open_class),
        "before": row.before,
        "before_label": vocab.label("open_class", row.before) if row.before else None,
        "conditions": row.before is not None and row.before == row.open_class,
        "stricter": row.before is not None and closes(row.before, row.open_class, row.basis),
        "since": local(row.since),
        "until": local(row.until),
        "case_number": row.case_number,
        "reason": row.reason,
        "legal_basis": row.legal_basis,
    }


def local(moment: datetime | None) -> str | None:
    """Return a moment with the date that it has in Inner Mongolia (ISO 8601)."""
    return moment.astimezone(clock.LOCAL).isoformat() if moment else None


COLUMNS = (
    "dataset_id", "title", "department", "before", "before_label", "open_class", "open_class_label",
    "conditions", "stricter", "since", "until", "case_number", "reason", "legal_basis",
)  # fmt: skip
