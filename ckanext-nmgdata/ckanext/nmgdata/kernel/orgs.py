"""Organisations as the rules see them: role and region lie in CKAN's group extras."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.model.group import MAX_RECURSES

from . import memory

GROUP: Any = model.Group
ROLE = GROUP.extras["role"].astext
REGION_CODE = GROUP.extras["region_code"].astext
TITLE = sa.func.coalesce(sa.func.nullif(GROUP.title, ""), GROUP.name)
REGION = "150000"
"""The autonomous region as a whole (GB/T 2260)."""
AUTHORITY = "authority"
EXTRAS = "extras of organisations"
"""Question of ``kernel.memory``: the extras of an organisation, by its id."""


def active() -> sa.Select[Any]:
    """Return the query for id and region of every active organisation."""
    return sa.select(GROUP.id, REGION_CODE).where(GROUP.is_organization.is_(True), GROUP.state == "active")


def extras_of(name_or_id: str | None) -> dict[str, str]:
    """Return the extras of an organisation; empty when there is no such one."""
    held = memory.recall(EXTRAS, name_or_id)
    if held is not memory.UNKNOWN:
        return held
    group: Any = model.Group.get(name_or_id) if name_or_id else None
    return dict(group.extras or {}) if group else {}


def extras_among(ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the extras of each of these organisations."""
    rows = model.Session.execute(sa.select(GROUP.id, GROUP.extras).where(GROUP.id.in_(ids)))
    return {one: dict(extras or {}) for one, extras in rows}


def above(region_code: str | None) -> tuple[str, ...]:
    """Return the regions that take one in, the nearest first: itself, its league-city, the autonomous region.

    The one rule of who oversees what (R7, R29¶1): an office of any of these reaches the region. What
    has no region is the autonomous region's own.
    """
    code = region_code or REGION
    return tuple(dict.fromkeys((code, f"{code[:4]}00", REGION)))


def within(column: Any, regions: Collection[str]) -> sa.ColumnElement[bool]:
    """Return ``above`` as SQL: the condition that a column's region is reached from one of some regions."""
    if REGION in regions:
        return sa.true()
    city = sa.func.left(column, 4) + sa.literal("00")
    return sa.or_(column.in_(regions), city.in_(regions))


def authority_of(region_code: str) -> str | None:
    """Return the authority of a region, or of the next one above that has one (R-ROLE-01)."""
    regions = above(region_code)
    query = active().where(ROLE == AUTHORITY, REGION_CODE.in_(regions))
    found = {region: org_id for org_id, region in model.Session.execute(query)}
    return next((found[region] for region in regions if region in found), None)


def titled(word: str) -> sa.Select[tuple[str]]:
    """Return the query for the ids of the organisations whose title holds a word."""
    return sa.select(GROUP.id).where(
        GROUP.is_organization.is_(True), GROUP.title.icontains(word, autoescape=True)
    )


def other_authority(region_code: str, group_id: str | None) -> bool:
    """Say whether another active organisation is the authority of a region."""
    query = active().where(ROLE == AUTHORITY, region_code == REGION_CODE, GROUP.id != (group_id or ""))
    return model.Session.execute(query.limit(1)).first() is not None


def department(name_or_id: str) -> str | None:
    """Return the id of an active organisation; None when there is no such one."""
    query = active().where(sa.or_(GROUP.id == name_or_id, GROUP.name == name_or_id))
    found = model.Session.execute(query.limit(1)).first()
    return found[0] if found else None


def departments() -> list[tuple[str, str]]:
    """Return id and title of every active organisation, by title."""
    query = active().with_only_columns(GROUP.id, TITLE)
    return [(org_id, title) for org_id, title in model.Session.execute(query.order_by(sa.text("2")))]


def lineages(names: Collection[str]) -> dict[str, list[tuple[str, str]]]:
    """Return (name, title) of organisations and of those above each, nearest first, by one query."""
    found: dict[str, list[tuple[str, str]]] = {}
    for start, name, title in model.Session.execute(LINEAGES, {"names": list(names)}):
        found.setdefault(start, []).append((name, title or ""))
    return found


LINEAGES = sa.text(f"""
    WITH RECURSIVE up (start, id, depth) AS (
        SELECT name, id, 0 FROM "group" WHERE name = ANY(:names)
        UNION
        SELECT up.start, m.table_id, up.depth + 1 FROM up JOIN member m ON m.group_id = up.id
        WHERE m.table_name = 'group' AND m.state = 'active' AND up.depth < {MAX_RECURSES}
    )
    SELECT up.start, g.name, g.title FROM up JOIN "group" g ON g.id = up.id
    WHERE up.depth = 0 OR (g.type = 'organization' AND g.state = 'active')
    ORDER BY up.start, up.depth
""")


def titles(ids: Collection[str]) -> dict[str, str]:
    """Return the names of organisations as people read them, by one query."""
    rows = model.Session.execute(sa.select(GROUP.id, TITLE).where(GROUP.id.in_(ids)))
    return {row[0]: row[1] for row in rows}


def title_of(org_id: str | None) -> str:
    """Return the name of an organisation as people read it."""
    group = model.Session.get(model.Group, org_id) if org_id else None
    return group.title or group.name if group else ""
