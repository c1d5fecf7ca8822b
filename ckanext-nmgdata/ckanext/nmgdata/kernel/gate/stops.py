"""What stops a dataset as a whole, and what can be applied for or objected to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model

from . import policy
from .model import WITHDRAWN, Suspension


def of_dataset(dataset_id: str) -> dict[str, Any] | None:
    """Return what stops a dataset as a whole: kind, since when, public case number."""
    query = (
        sa.select(Suspension.kind, Suspension.since, Suspension.case_number)
        .where(
            Suspension.dataset_id == dataset_id,
            Suspension.resource_id.is_(None),
            Suspension.lifted_at.is_(None),
        )
        .order_by(Suspension.kind.desc(), Suspension.since)
    )
    row = model.Session.execute(query).mappings().first()
    return dict(row) if row else None


def of_files(dataset_id: str) -> dict[str, str]:
    """Return which files of a dataset are stopped by themselves: resource id → kind."""
    query = (
        sa.select(Suspension.resource_id, Suspension.kind)
        .where(
            Suspension.dataset_id == dataset_id,
            Suspension.resource_id.is_not(None),
            Suspension.lifted_at.is_(None),
        )
        .order_by(Suspension.kind)
    )
    return {key: kind for key, kind in model.Session.execute(query) if key}


def live(dataset_id: str, resource_id: str | None) -> sa.Select[Any]:
    """Return the query for the kinds of stop that reach a file, or an entry as a whole."""
    reach = Suspension.resource_id.is_(None)
    if resource_id is not None:
        reach = sa.or_(reach, Suspension.resource_id == resource_id)
    query = sa.select(Suspension.kind).where(Suspension.dataset_id == dataset_id, reach)
    return query.where(Suspension.lifted_at.is_(None))


def reaches(dataset_id: str, resource_id: str | None) -> bool:
    """Say whether anything stops a file, or an entry as a whole."""
    return model.Session.execute(live(dataset_id, resource_id).limit(1)).first() is not None


def is_gone(dataset_id: str, resource_id: str | None) -> bool:
    """Say whether a file, or an entry as a whole, has been withdrawn."""
    query = live(dataset_id, resource_id).where(Suspension.kind == WITHDRAWN)
    return model.Session.execute(query.limit(1)).first() is not None


def objection(dataset_id: str) -> policy.Reason | None:
    """Say why there is nothing left to object to (R-OBJ-01); None when an objection can be filed."""
    stop = of_dataset(dataset_id)
    return policy.Reason.WITHDRAWN if stop and stop["kind"] == WITHDRAWN else None


def application(dataset_id: str) -> policy.Reason:
    """Say whether a dataset can be applied for, by its own row and what stops it."""
    dataset = model.Session.get_one(model.Package, dataset_id)
    stop = of_dataset(dataset_id)
    return policy.application((dataset.extras or {}).get("open_class"), stop["kind"] if stop else None)
