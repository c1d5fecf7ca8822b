"""The negative list (负面清单): what is not, or not unconditionally, open, and why (R-SHARE-20, DC-28).

For the offices it is always there. For the public it is off, unless the region's rules switch it on; then
it holds the conditional entries, which are public anyway, and of the non-open ones those that their
department has released for it (``in_negative_list``).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model

from ... import vocab
from ...kernel import orgs
from ...kernel.actors import Actor
from ...kernel.deadlines import statutes
from ...kernel.gate.labels import in_catalogue
from ...kernel.openness import CONDITIONAL, NON_OPEN
from ..model import Entry

PACKAGE: Any = model.Package
COLUMNS = (
    "identifier", "title", "department", "region_code", "open_class", "open_class_label", "nonopen_ground",
    "nonopen_ground_label", "reason", "legal_basis", "condition",
)  # fmt: skip


def extra(name: str) -> Any:
    """Return a field of an entry, as SQL."""
    return PACKAGE.extras[name].astext


def is_public() -> bool:
    """Say whether the region publishes its negative list."""
    return bool(statutes.setting("public_negative_list"))


def reaches(actor: Actor) -> bool:
    """Say whether somebody may read the list."""
    return is_public() or actor.has_desk or bool(actor.oversight)


def rows(actor: Actor, limit: int, offset: int = 0) -> list[dict[str, Any]]:
    """Return the list as far as somebody may read it, by department and title."""
    released = sa.and_(
        PACKAGE.private.is_(False), OPEN_CLASS == NON_OPEN, extra("in_negative_list") == "true"
    )
    readable: list[Any] = []
    if is_public():
        readable += [sa.and_(in_catalogue(), OPEN_CLASS == CONDITIONAL), released]
    if mine := frozenset(m.org_id for m in actor.memberships):
        readable.append(PACKAGE.owner_org.in_(mine))
    if actor.oversight:
        readable.append(orgs.within(sa.func.coalesce(extra("region_code"), orgs.REGION), actor.oversight))
    query = (
        sa.select(PACKAGE, orgs.GROUP.title)
        .join(Entry, Entry.dataset_id == PACKAGE.id)
        .outerjoin(orgs.GROUP, orgs.GROUP.id == PACKAGE.owner_org)
        .where(
            PACKAGE.type == "dataset", PACKAGE.state == model.State.ACTIVE, PACKAGE.private.is_(False),
            OPEN_CLASS.in_((CONDITIONAL, NON_OPEN)), sa.or_(sa.false(), *readable),
        )
        .order_by(orgs.GROUP.title, PACKAGE.title, PACKAGE.id)
        .limit(limit)
        .offset(offset)
    )  # fmt: skip
    return [line(package, department) for package, department in model.Session.execute(query)]


OPEN_CLASS = extra("open_class")


def line(package: model.Package, department: str | None) -> dict[str, Any]:
    """Return one entry of the list."""
    extras = package.extras or {}
    ground = extras.get("nonopen_ground") if extras.get("open_class") == NON_OPEN else None
    return {
        "identifier": extras.get("identifier"),
        "title": package.title or package.name,
        "department": department or "",
        "region_code": extras.get("region_code"),
        "open_class": extras.get("open_class"),
        "open_class_label": vocab.label("open_class", extras.get("open_class")),
        "nonopen_ground": ground,
        "nonopen_ground_label": vocab.label("nonopen_ground", ground) if ground else None,
        "reason": extras.get("open_reason"),
        "legal_basis": extras.get("open_legal_basis"),
        "condition": extras.get("open_condition"),
    }
