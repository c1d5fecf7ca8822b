"""What stops a dataset as a whole, and whether it can be applied for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model

from . import policy
from .model import Suspension


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


def application(dataset_id: str) -> policy.Reason:
    """Say whether a dataset can be applied for, by its own row and what stops it."""
    dataset = model.Session.get_one(model.Package, dataset_id)
    stop = of_dataset(dataset_id)
    return policy.application((dataset.extras or {}).get("open_class"), stop["kind"] if stop else None)
