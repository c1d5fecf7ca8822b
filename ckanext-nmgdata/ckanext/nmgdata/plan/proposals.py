"""What an organisation could promise next (R26¶1, 以需求为导向): from its own catalogue, and from demand."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model

from ..catalog.classes.model import Evaluation
from ..kernel.openness import CONDITIONAL, NON_OPEN
from ..kernel.workflow import subjects
from .model import Item, Plan

MOST = 500
APPLICATION = "open_application"
"""Kind of case by which people ask for conditional data."""
SOURCES = {"not_open": "own", "favourite": "public_demand", "conditional": "evaluation"}
"""Why an entry is proposed → source of the demand that the promise states, where that is another word."""


def of_plan(plan: Plan) -> list[dict[str, Any]]:
    """Return entries that could be promised and are not yet: the most wanted first.

    ``why`` is ``not_open`` for what nobody can have yet, ``conditional`` for what could be opened further
    (Art. 29), ``application`` for conditional data that people have applied for, ``evaluation`` where their
    periodic evaluation is due, ``favourite`` where people keep them among their favourites.
    """
    package: Any = model.Package
    chosen = package.extras["open_class"].astext
    applied = subjects.cases_of_kind(APPLICATION, package.id).correlate(package)
    asked = sa.select(sa.func.count()).select_from(applied.subquery("applied")).scalar_subquery()
    kept = model.UserFollowingDataset
    followers = sa.select(sa.func.count()).where(kept.object_id == package.id).scalar_subquery()
    promised = sa.exists().where(Item.plan_id == plan.id, Item.dataset_id == package.id, Item.end.is_(None))
    has_file = sa.exists().where(
        model.Resource.package_id == package.id, model.Resource.state == model.State.ACTIVE
    )
    due = sa.exists().where(Evaluation.dataset_id == package.id, Evaluation.is_open)
    not_open = sa.or_(package.private.is_(True), ~has_file)
    query = (
        sa.select(
            package, asked.label("asked"), not_open.label("not_open"), due, followers.label("followers")
        )
        .where(
            package.owner_org == plan.org_id, package.type == "dataset",
            package.state == model.State.ACTIVE, chosen.is_distinct_from(NON_OPEN), ~promised,
            sa.or_(not_open, chosen == CONDITIONAL),
        )
        .order_by(
            sa.desc("asked"), sa.desc("followers"),
            package.extras["livelihood"].astext.desc().nulls_last(), package.title,
        )
        .limit(MOST)
    )  # fmt: skip
    return [proposal(*row) for row in model.Session.execute(query)]


def proposal(package: model.Package, asked: int, not_open: bool, due: bool, followers: int) -> dict[str, Any]:
    """Return one proposal."""
    extras = package.extras or {}
    grounds = (["livelihood"] if extras.get("livelihood") == "true" else []) + (
        ["urgent_need"] if asked else []
    )
    reasons = {"not_open": not_open, "application": asked, "evaluation": due, "favourite": followers}
    why = next((name for name, holds in reasons.items() if holds), "conditional")
    return {
        "dataset_id": package.id,
        "name": package.name,
        "title": package.title or package.name,
        "theme": extras.get("theme"),
        "open_class": extras.get("open_class"),
        "why": why,
        "applications": asked,
        "followers": followers,
        "grounds": grounds,
        "demand_source": "application" if asked else SOURCES.get(why, why),
    }
