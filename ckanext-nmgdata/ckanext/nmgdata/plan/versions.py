"""Publish a plan version by version; each says what it changes against the one before (DC-38)."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..kernel import clock
from ..kernel.unit import Unit
from . import facts, jobs
from .model import Item, Plan, Version

TEXTS = ("title", "description", "key_areas", "legal_basis")
PROMISE = ("due_on", "open_class", "grounds", "is_key", "demand_source", "demand_note", "format")
"""What an amendment may change of an item; the entry itself it replaces by another item."""
Change = dict[str, Any]


def drafted(session: Session, plan: Plan) -> list[Change]:
    """Return what the next version would change, as its comparison says it."""
    found = [] if not plan.pending else [of_texts(plan)]
    query = sa.select(Item).where(
        Item.plan_id == plan.id, sa.or_(Item.pending.is_not(None), Item.since_version.is_(None))
    )
    return found + [
        of_item(session, item) for item in session.scalars(query.order_by(Item.rank, Item.due_on, Item.id))
    ]


def of_texts(plan: Plan) -> Change:
    """Return the change of a plan's texts."""
    fields = {name: [getattr(plan, name), value] for name, value in (plan.pending or {}).items()}
    return {"kind": "text", "item": None, "title": plan.title, "reason": "", "fields": fields}


def of_item(session: Session, item: Item) -> Change:
    """Return the change of one item: added, changed or ended."""
    change: Change = {"item": item.id, "title": item.title, "reason": "", "fields": {}}
    if item.since_version is None:
        said = {name: [None, plain(item)[name]] for name in ("due_on", "open_class")}
        return {**change, "kind": "added", "fields": said}
    pending = item.pending or {}
    if "end" in pending:
        said = {"end": [None, pending["end"]]}
        if other := pending.get("replaced_by") and session.get(Item, pending["replaced_by"]):
            said["replaced_by"] = [None, other.title]
        return {**change, "kind": "ended", "reason": pending["reason"], "fields": said}
    before = plain(item)
    fields = {name: [before[name], pending[name]] for name in PROMISE if name in pending}
    return {**change, "kind": "changed", "reason": pending.get("reason", ""), "fields": fields}


def plain(item: Item) -> dict[str, Any]:
    """Return what an item promises, as JSON holds it."""
    return {**{name: getattr(item, name) for name in PROMISE}, "due_on": item.due_on.isoformat()}


def publish(unit: Unit, plan: Plan, reason: str) -> None:
    """Make what is drafted the next version, in the transaction of the decision."""
    first = plan.version == 0
    changes = [] if first else drafted(unit.session, plan)
    plan.version += 1
    plan.published_at = plan.published_at or unit.now
    for name, value in (plan.pending or {}).items():
        setattr(plan, name, value)
    plan.pending = None
    unit.session.add(
        Version(plan_id=plan.id, version=plan.version, at=unit.now, reason=reason, changes=changes)
    )
    facts.happened(unit, plan.id, "published" if first else "amended", said=reason or None)
    items = list(unit.session.scalars(sa.select(Item).where(Item.plan_id == plan.id)))
    for item in items:
        apply(unit, item, plan.version)
    unit.session.flush()
    facts.check(unit, (item for item in items if item.ended_on is None))
    unit.session.flush()
    jobs.ask_group(unit, plan.id)


def apply(unit: Unit, item: Item, version: int) -> None:
    """Make what is drafted of one item hold."""
    if item.since_version is None:
        item.since_version = version
        if version > 1:
            facts.happened(unit, item.plan_id, "added", item.id)
        return
    pending = item.pending
    if not pending:
        return
    item.pending = None
    if "end" in pending:
        item.end, item.end_reason = pending["end"], pending["reason"]
        item.ended_on, item.replaced_by = clock.local_date(unit.now), pending.get("replaced_by")
        item.suggested_id = item.suggested_on = None
        facts.happened(unit, item.plan_id, pending["end"], item.id, item.end_reason)
        return
    if "due_on" in pending:
        item.late_reason = None  # it was of the month that was promised before
    for name in PROMISE:
        if name in pending:
            value = pending[name]
            setattr(item, name, date.fromisoformat(value) if name == "due_on" else value)
    facts.happened(unit, item.plan_id, "changed", item.id, pending.get("reason"))


def of_plan(session: Session, plan: Plan) -> list[Version]:
    """Return the versions of a plan, the newest first."""
    query = sa.select(Version).where(Version.plan_id == plan.id).order_by(Version.version.desc())
    return list(session.scalars(query))
