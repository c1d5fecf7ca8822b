"""Take over what last year's plan has left open, into a plan that is being drafted."""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model
from dateutil.relativedelta import relativedelta

from ..kernel.types import new_id
from ..kernel.unit import Unit
from . import facts
from .model import Item, Plan
from .tenable import is_own

TAKEN = ("dataset_id", "format", "open_class", "grounds", "demand_note")
"""What is promised again as it was; what the entry says of itself is taken from the entry as it is now."""


def from_last_year(unit: Unit, plan: Plan) -> int:
    """Copy texts and unkept promises of last year, each to the same month; return how many promises."""
    last = unit.session.scalars(
        sa.select(Plan).where(Plan.org_id == plan.org_id, Plan.year == plan.year - 1)
    ).first()
    if last is None:
        return 0
    for name in ("description", "key_areas", "legal_basis"):
        setattr(plan, name, getattr(plan, name) or getattr(last, name))
    left = sa.or_(Item.ended_on.is_(None), Item.end == "carried")
    query = sa.select(Item).where(
        Item.plan_id == last.id, Item.since_version.is_not(None), Item.opened_on.is_(None), left
    )
    return sum(carry(unit, item, plan) is not None for item in unit.session.scalars(query))


def carry(unit: Unit, item: Item, plan: Plan) -> Item | None:
    """Copy a promise into another year's plan, unless its entry is there or no longer the department's."""
    there = sa.exists().where(Item.plan_id == plan.id, Item.dataset_id == item.dataset_id, Item.end.is_(None))
    package = unit.session.get(model.Package, item.dataset_id)
    if package is None or not is_own(plan, package) or unit.session.scalar(sa.select(there)):
        return None
    due = item.due_on + relativedelta(years=plan.year - item.due_on.year, day=31)
    copy = Item(id=new_id(), plan_id=plan.id, due_on=due, demand_source="carried")
    for name in TAKEN:
        setattr(copy, name, getattr(item, name))
    facts.copy(copy, package)
    unit.session.add(copy)
    unit.session.flush()
    return copy
