"""Begin a plan: one per organisation and year, a department's below its authority's (R-PLAN-01, -02)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel import orgs
from ..kernel.actors import Actor
from ..kernel.deadlines import statutes
from ..kernel.types import new_id
from ..kernel.unit import Unit, begin
from ..kernel.workflow import engine
from ..kernel.workflow.model import Case
from . import copying
from .model import KIND, Plan

_ = tk._
CITY_END = "00"
"""How the code of a league-city ends (GB/T 2260)."""


def level_of(org_id: str) -> str:
    """Return the level of an organisation's plans: department, unless it is an authority."""
    extras = orgs.extras_of(org_id)
    region = extras.get("region_code") or ""
    if extras.get("role") != orgs.AUTHORITY or not region.endswith(CITY_END):
        return "department"
    return "region" if region == orgs.REGION else "league_city"


def authority_above(org_id: str) -> str:
    """Return the authority that a department's plan belongs to.

    :raises tk.ValidationError: there is none
    """
    region = orgs.extras_of(org_id).get("region_code")
    for code in orgs.above(region):
        found = orgs.authority_of(code)
        if found not in (None, org_id):
            return str(found)
    raise tk.ValidationError({"org_id": [_("No public-data authority is set up for this region yet.")]})


def of_year(org_id: str, year: int) -> Plan | None:
    """Return the plan of an organisation for a year."""
    return model.Session.scalars(sa.select(Plan).where(Plan.org_id == org_id, Plan.year == year)).first()


def create(actor: Actor, org_id: str, year: int, texts: dict[str, str], *, copy: bool = False) -> Plan:
    """Begin the plan of an organisation for a year, empty or with what last year's plan left open.

    :raises tk.ValidationError: there is one already
    """
    with begin(actor) as unit:
        one_at_a_time(unit, org_id, year)
        if of_year(org_id, year) is not None:
            message = _("This organisation has a plan for {year} already.").format(year=year)
            raise tk.ValidationError({"year": [message]})
        plan = start(unit, org_id, year, texts)
        if copy:
            copying.from_last_year(unit, plan)
    return plan


def announce(org_id: str, year: int) -> None:
    """Open the plan of an authority by the clock, or because a department begins before it."""
    with begin(Actor.system()) as unit:
        one_at_a_time(unit, org_id, year)
        if of_year(org_id, year) is None:
            start(unit, org_id, year, {}, step="announce")


def one_at_a_time(unit: Unit, org_id: str, year: int) -> None:
    """Let one begin the plan of an organisation after the other, so that two clicks make one."""
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 23))")
    unit.session.execute(lock, {"key": f"{org_id}:{year}"})


def start(unit: Unit, org_id: str, year: int, texts: dict[str, str], step: str | None = None) -> Plan:
    """Begin a plan and its case in an open unit."""
    level = level_of(org_id)
    parent = parent_of(unit, org_id, year) if level == "department" else None
    region = orgs.extras_of(org_id).get("region_code") or orgs.REGION
    made: list[Plan] = []

    def rows(unit: Unit, case: Case) -> None:
        plan = Plan(
            id=new_id(), case_id=case.id, org_id=org_id, year=year, level=level, region_code=region,
            parent_id=parent.id if parent else None, **{**default_texts(org_id, year), **texts},
        )  # fmt: skip
        unit.session.add(plan)
        unit.session.flush()
        made.append(plan)

    step = step or ("draft" if level == "department" else "collect")
    engine.start(KIND, engine.Filing(org_id, region), unit.actor, {}, unit, step=step, rows=rows)
    return made[0]


def parent_of(unit: Unit, org_id: str, year: int) -> Plan:
    """Return the plan of the year that a department's belongs to; the portal opens it where it is not yet."""
    authority = authority_above(org_id)
    one_at_a_time(unit, authority, year)
    found = of_year(authority, year)
    if found is None:
        portal = Unit(Actor.system(), unit.session, unit.now)
        found = start(portal, authority, year, {}, step="announce")
    return found


def default_texts(org_id: str, year: int) -> dict[str, Any]:
    """Return the texts that a plan begins with."""
    name = statutes.setting("plan_name")
    return {
        "title": f"{orgs.title_of(org_id)}{year}年{name}".replace("年年度", "年度"),
        "description": "",
        "key_areas": "",
        "legal_basis": "《内蒙古自治区公共数据管理暂行办法》（内政发〔2024〕19号）第二十六条",
    }
