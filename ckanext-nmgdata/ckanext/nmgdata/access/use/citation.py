"""The source statement of what is made with the data: source and acquisition date (R33, R-USE-04)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ... import config
from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.gate.holders import held_by
from ...kernel.gate.model import Grant, GrantScope

_ = tk._


def of_dataset(dataset: dict[str, Any], acquired: date) -> dict[str, str]:
    """Return the statement and its parts, for a dataset as ``package_show`` gives it."""
    parts = {
        "department": (dataset.get("organization") or {}).get("title") or "",
        "title": dataset.get("title") or dataset["name"],
        "portal": config.site_title(),
        "acquired_on": acquired.isoformat(),
        "url": f"{config.site_root()}/dataset/{dataset['name']}",
    }
    template = _("Source: {department}, “{title}”, {portal}, acquired on {acquired_on}, {url}")
    return {"statement": template.format(**parts), **parts}


def acquired_on(dataset_id: str, user_id: str | None) -> date:
    """Return the day from which a person may have the data: of the newest grant, or the present day."""
    query = (
        sa.select(Grant.accepted_at)
        .join(GrantScope, GrantScope.grant_id == Grant.id)
        .where(GrantScope.dataset_id == dataset_id, held_by(user_id), Grant.accepted_at.is_not(None))
        .order_by(Grant.accepted_at.desc())
        .limit(1)
    )
    accepted = model.Session.scalar(query) if user_id else None
    return clock.local_date(accepted) if accepted else clock.today()


def completed(actor: Actor, datasets: Sequence[model.Package], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a result names its source and date, by the portal where it is not stated (R-USE-04)."""
    days = [acquired_on(dataset.id, actor.user_id) for dataset in datasets]
    lines = []
    for dataset, day in zip(datasets, days, strict=True):
        owner = model.Session.get(model.Group, dataset.owner_org) if dataset.owner_org else None
        office = {"title": owner.title if owner else ""}
        entry = {"name": dataset.name, "title": dataset.title, "organization": office}
        lines.append(of_dataset(entry, stated["acquired_on"] or day)["statement"])
    return {
        "source_statement": stated["source_statement"] or "\n".join(lines),
        "acquired_on": stated["acquired_on"] or min(days),
    }


def on_page(dataset: dict[str, Any]) -> dict[str, str]:
    """Return the statement for the reader of a page (template helper)."""
    user_id = tk.current_user.id if tk.current_user.is_authenticated else None
    return of_dataset(dataset, acquired_on(dataset["id"], user_id))


def in_case(dataset_name: str) -> dict[str, str] | None:
    """Return the statement for the page of a case (template helper); None when the dataset is gone."""
    try:
        dataset = tk.get_action("package_show")({}, {"id": dataset_name})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return None
    return on_page(dataset)
