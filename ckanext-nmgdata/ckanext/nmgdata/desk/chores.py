"""What else waits for a department, an authority or an auditor besides cases in their boxes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model

from ..kernel import clock
from ..kernel.actors import Actor, Role
from ..kernel.deadlines import statutes
from ..kernel.gate import screening
from ..kernel.workflow import oversight
from . import dictize

PAGE = 50


def of(actor: Actor) -> dict[str, Any]:
    """Return the values of the page; a list is None where it is not this person's business."""
    keeping = actor.orgs(Role.EDITOR)
    watched = oversight.cases(actor, PAGE) if actor.regions(Role.AUDITOR) else None
    return {
        "overseen": None if watched is None else dictize.briefs(watched),
        "held": [held(*pair) for pair in screening.held_in(actor.orgs(Role.REVIEWER) | keeping)],
        "unpublished": unpublished(keeping) if keeping else None,
        "lapsed": lapsed_basis() if actor.regions(Role.AUTHORITY) else None,
    }


def held(resource: model.Resource, package: model.Package) -> dict[str, str]:
    """Return a file that is held because it seems to hold personal data."""
    return {
        "id": resource.id,
        "name": resource.name or resource.id,
        "dataset": package.name,
        "title": package.title or package.name,
    }


def unpublished(org_ids: frozenset[str]) -> list[dict[str, str]]:
    """Return entries of departments that nobody sees yet, the newest first."""
    package: Any = model.Package
    query = (
        sa.select(package.name, package.title)
        .where(
            package.owner_org.in_(org_ids), package.type == "dataset", package.private.is_(True),
            package.state == model.State.ACTIVE,
        )
        .order_by(package.metadata_modified.desc())
        .limit(PAGE)
    )  # fmt: skip
    return [{"name": name, "title": title or name} for name, title in model.Session.execute(query)]


def lapsed_basis() -> str | None:
    """Return the portal's own rules if they are past their validity, to be confirmed (DC-33)."""
    region = statutes.current()
    return region.basis if region.basis_has_lapsed(clock.today()) else None
