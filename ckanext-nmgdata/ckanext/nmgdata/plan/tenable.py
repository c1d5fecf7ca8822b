"""Which drafted promises can still be made, and which must be: those that another year has carried over."""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Session

from . import facts
from .model import Item, Plan

_ = tk._


def is_own(plan: Plan, package: model.Package | None) -> bool:
    """Say whether an entry is kept in the catalogue of the organisation whose plan it is."""
    if package is None or package.type != "dataset" or package.owner_org != plan.org_id:
        return False
    return package.state == model.State.ACTIVE


def drafted(session: Session, plan: Plan) -> list[Item]:
    """Return the items of a plan that no version has published yet, in their order."""
    query = sa.select(Item).where(Item.plan_id == plan.id, Item.since_version.is_(None))
    return list(session.scalars(query.order_by(Item.rank, Item.due_on, Item.id)))


def spent(session: Session, plan: Plan) -> dict[Item, str]:
    """Return the drafted items that can no longer be promised, with why, in their order."""
    items = drafted(session, plan)
    open_now = facts.availability(session, {item.dataset_id for item in items})
    found = {}
    for item in items:
        if not is_own(plan, session.get(model.Package, item.dataset_id)):
            found[item] = _("There is no such entry in the catalogue of this organisation.")
        elif open_now[item.dataset_id].as_open_as(item.open_class) == facts.OPEN:
            found[item] = _("These data are that open already.")
    return found


def owed(session: Session, plan: Plan) -> list[Item]:
    """Return the drafted items that another year has told the public to be carried over."""
    items = {item.dataset_id: item for item in drafted(session, plan) if item.demand_source == "carried"}
    told = sa.select(Item.dataset_id).where(Item.end == "carried", Item.plan_id != plan.id)
    known = set(session.scalars(told.where(Item.dataset_id.in_(items))))
    gone = spent(session, plan) if known else {}
    return [item for key, item in items.items() if key in known and item not in gone]
