"""Find plans and items: by reference, by year, by what the public or an office may read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model

from ..kernel import clock, orgs
from ..kernel.actors import Actor, Role
from ..kernel.workflow.model import Case
from . import states
from .counts import Scope
from .model import Happening, Item, Plan

SHORT = re.compile(r"(\d{4})/([^/]+)")
"""Reference of a plan as its address has it: ``2026/nmg-transport``."""


def by_reference(reference: Any) -> Plan | None:
    """Return a plan by its id, its case number, the name of its group, or year and organisation."""
    if not isinstance(reference, str):
        return None
    if is_name(reference):
        reference = reference.removeprefix("plan-").replace("-", "/", 1)
    if found := SHORT.fullmatch(reference):
        org: Any = model.Group.get(found[2])
        year, org_id = int(found[1]), org.id if org is not None and org.is_organization else None
        return model.Session.scalars(sa.select(Plan).where(Plan.year == year, Plan.org_id == org_id)).first()
    query = sa.select(Plan).join(Case, Case.id == Plan.case_id)
    query = query.where(sa.or_(Plan.id == reference, Case.number == reference))
    return model.Session.scalars(query).first()


def is_name(reference: str) -> bool:
    """Say whether a reference is the name of a plan's group: ``plan-2026-nmg-transport``."""
    return bool(re.fullmatch(r"plan-\d{4}-.+", reference))


def group_of_plan(reference: str | None) -> str | None:
    """Return the id of the group if it is a plan's; none for other groups."""
    group: Any = model.Group.get(reference) if reference else None
    if group is None or group.is_organization:
        return None
    return model.Session.scalar(sa.select(Plan.id).where(Plan.id == group.id))


def item(item_id: Any) -> Item | None:
    """Return an item by its id."""
    return model.Session.get(Item, item_id) if isinstance(item_id, str) else None


# --- plans ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A plan with its organisation and where it stands."""

    plan: Plan
    org_name: str
    org_title: str
    status: str
    due_on: date | None


def plans(*conditions: Any) -> list[Line]:
    """Return plans with their organisations: authorities first, by title."""
    group: Any = model.Group
    title = sa.func.coalesce(sa.func.nullif(group.title, ""), group.name)
    order = sa.case((Plan.level == "region", 0), (Plan.level == "league_city", 1), else_=2)
    query = (
        sa.select(Plan, group.name, title, Case.status, Case.due_on)
        .join(group, group.id == Plan.org_id)
        .join(Case, Case.id == Plan.case_id)
        .where(*conditions)
        .order_by(Plan.year.desc(), order, Plan.region_code, title)
    )
    return [Line(*row) for row in model.Session.execute(query)]


def visible(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on plans that somebody may read: the published, and drafts of their offices."""
    own = actor.orgs(Role.EDITOR) | actor.orgs(Role.REVIEWER) | actor.orgs(Role.AUDITOR)
    regions = actor.oversight
    drafts = [Plan.org_id.in_(own)] if own else []
    drafts += [orgs.within(Plan.region_code, regions)] if regions else []
    return sa.or_(Plan.published_at.is_not(None), *drafts)


def years() -> list[int]:
    """Return the years that have a published plan, the newest first."""
    query = sa.select(Plan.year).where(Plan.published_at.is_not(None)).distinct()
    return list(model.Session.scalars(query.order_by(Plan.year.desc())))


# --- items ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filter:
    """What is kept of a list of items; empty values keep everything."""

    state: str = ""
    month: str = ""
    """As ``2026-05``."""
    theme: str = ""
    open_class: str = ""
    ground: str = ""
    key: bool = False
    q: str = ""
    item: str = ""
    """Id of the only one."""

    def conditions(self, today: date) -> list[Any]:
        """Return the conditions on items."""
        found: list[Any] = []
        if self.item:
            found.append(Item.id == self.item)
        if self.state:
            found.append(states.sql(today) == self.state)
        if self.month:
            found.append(sa.func.to_char(Item.due_on, "YYYY-MM") == self.month)
        if self.theme:
            found.append(Item.theme == self.theme)
        if self.open_class:
            found.append(Item.open_class == self.open_class)
        if self.ground:
            found.append(sa.literal(self.ground) == sa.any_(Item.grounds))
        if self.key:
            found.append(Item.is_key)
        if self.q:
            found.append(Item.title.icontains(self.q, autoescape=True))
        return found


ORDER = (Item.rank, Item.due_on, Item.title, Item.id)
"""Livelihood and urgently needed items first (R26¶1), then by month."""


def of_plan(
    plan_id: str, asked: Filter, *, drafts: bool = False, limit: int | None = None, offset: int = 0
) -> list[Item]:
    """Return the items of a plan in their order; drafted ones only for those who draft."""
    query = sa.select(Item).where(*chosen(plan_id, asked, drafts=drafts))
    return list(model.Session.scalars(query.order_by(*ORDER).limit(limit).offset(offset)))


def chosen(plan_id: str, asked: Filter, *, drafts: bool) -> list[Any]:
    """Return the conditions on the items of a plan."""
    found = [Item.plan_id == plan_id, *asked.conditions(clock.today())]
    return found if drafts else [*found, Item.since_version.is_not(None)]


def count(plan_id: str, asked: Filter, *, drafts: bool = False) -> int:
    """Return how many items of a plan are kept."""
    query = sa.select(sa.func.count()).select_from(Item).where(*chosen(plan_id, asked, drafts=drafts))
    return model.Session.scalar(query) or 0


def overdue(scope: Scope, limit: int | None) -> list[Any]:
    """Return late items with plan and organisation, the latest first; all of them without a limit."""
    group: Any = model.Group
    query = (
        sa.select(Item, Plan.year, group.name, group.title)
        .join(Plan, Plan.id == Item.plan_id)
        .join(group, group.id == Plan.org_id)
        .where(
            *scope.conditions(), Item.since_version.is_not(None), Item.opened_on.is_(None),
            Item.ended_on.is_(None), Item.due_on < clock.today(),
        )
        .order_by(Item.due_on, Item.rank, Item.id)
        .limit(limit)
    )  # fmt: skip
    return list(model.Session.execute(query))


def happenings(scope: Scope | None, limit: int, *conditions: Any) -> Sequence[Any]:
    """Return what has happened to published plans, the newest first: event, plan, organisation, item."""
    group: Any = model.Group
    query = (
        sa.select(Happening, Plan, group.name, group.title, Item)
        .join(Plan, Plan.id == Happening.plan_id)
        .join(group, group.id == Plan.org_id)
        .outerjoin(Item, Item.id == Happening.item_id)
        .where(*(scope.conditions() if scope else ()), *conditions)
        .order_by(Happening.id.desc())
        .limit(limit)
    )
    return model.Session.execute(query).all()
