"""What the public sees of results: those that their department has let."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model

from ...kernel.workflow.model import Case
from .model import Showcase, ShowcaseDataset
from .workflow import SHOWCASE

SHOWN = "published"
ON_DATASET = 6
"""Results on the page of a dataset; the rest is in the showcase."""


def published(limit: int, offset: int = 0, dataset_id: str | None = None) -> list[dict[str, Any]]:
    """Return the public results, the newest first, with the public datasets they were made with."""
    query = (
        sa.select(Showcase, Case.changed_at)
        .join(Case, Case.id == Showcase.case_id)
        .where(Case.kind == SHOWCASE, Case.status == SHOWN)
        .order_by(Case.opened_at.desc(), Case.id)
        .limit(limit)
        .offset(offset)
    )
    if dataset_id:
        of = sa.select(ShowcaseDataset.case_id).where(ShowcaseDataset.dataset_id == dataset_id)
        query = query.where(Case.id.in_(of))
    found = model.Session.execute(query).all()
    used = datasets_of([row.case_id for row, _at in found])
    return [
        {**dictize(row), "published_at": at.isoformat(), "datasets": used.get(row.case_id, [])}
        for row, at in found
    ]


def dictize(row: Showcase) -> dict[str, Any]:
    """Return what is said of a result; nobody's name or account."""
    return {
        "title": row.title,
        "description": row.description,
        "link": row.link,
        "source_statement": row.source_statement,
        "acquired_on": row.acquired_on.isoformat() if row.acquired_on else None,
    }


def datasets_of(case_ids: list[str]) -> dict[str, list[dict[str, str]]]:
    """Return the public datasets of results, by case."""
    package: Any = model.Package
    query = (
        sa.select(ShowcaseDataset.case_id, package.id, package.name, package.title)
        .join(package, package.id == ShowcaseDataset.dataset_id)
        .where(ShowcaseDataset.case_id.in_(case_ids), package.private.is_(False), package.state == "active")
        .order_by(package.title, package.id)
    )
    found: dict[str, list[dict[str, str]]] = {}
    for case_id, key, name, title in model.Session.execute(query):
        found.setdefault(case_id, []).append({"id": key, "name": name, "title": title or name})
    return found


def on_dataset(dataset_id: str) -> list[dict[str, Any]]:
    """Return the public results made with a dataset (template helper)."""
    return published(ON_DATASET, dataset_id=dataset_id)
