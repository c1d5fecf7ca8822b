"""Which dataset seems to keep a promise: of the same department, open now, with nearly the same title."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from ckan import model

from ..kernel import clock
from ..kernel.gate.labels import public_entries
from ..kernel.unit import Unit
from ..kernel.workflow.terms import likeness
from .model import Item, Plan

ENOUGH = 0.6
"""Likeness (Dice) of two titles from which a dataset is suggested."""


def open_items(what: Any) -> sa.Select[Any]:
    """Return the query for promised items that nothing has kept yet."""
    return (
        sa.select(what)
        .select_from(Item)
        .join(Plan, Plan.id == Item.plan_id)
        .where(Plan.closed_at.is_(None), Item.since_version.is_not(None))
        .where(Item.opened_on.is_(None), Item.ended_on.is_(None))
    )


def possible(datasets: Collection[str]) -> sa.Select[tuple[str]]:
    """Return the query for those of some datasets whose departments have promised what is not open yet."""
    package: Any = model.Package
    query = sa.select(package.id).where(package.id.in_(datasets))
    return query.where(package.owner_org.in_(open_items(Plan.org_id)))


def suggest(unit: Unit, dataset_id: str) -> None:
    """Suggest a dataset of the public catalogue to the likest open item of its department, if any is like."""
    package = unit.session.get(model.Package, dataset_id)
    if package is None or package.private or package.state != model.State.ACTIVE:
        return
    if unit.session.scalar(public_entries(dataset_id)) is None:
        return
    query = open_items(Item).where(Plan.org_id == package.owner_org)
    found = [(likeness(item.title, package.title or ""), item) for item in unit.session.scalars(query)]
    best, item = max(found, key=lambda pair: pair[0], default=(0.0, None))
    if item is not None and best >= ENOUGH and item.suggested_id is None:
        item.suggested_id, item.suggested_on = dataset_id, clock.local_date(unit.now)
