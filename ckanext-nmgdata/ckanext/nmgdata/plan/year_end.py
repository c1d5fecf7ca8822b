"""The year-end adjustment (公共数据目录年度动态调整, R26¶2, R-CAT-16): what is left open, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Session

from ..kernel import clock
from ..kernel.audit.model import AuditEvent
from ..kernel.openness import CONDITIONAL, NON_OPEN, UNCONDITIONAL
from ..kernel.types import Conflict
from ..kernel.unit import Unit
from ..kernel.workflow.model import Case
from . import copying, counts, facts, filing, jobs, versions
from .model import ENDS, Item, Plan
from .tenable import drafted, is_own, owed

_ = tk._
PACKAGE: Any = model.Package


def unkept(session: Session, plan: Plan) -> Sequence[Item]:
    """Return the promises of a plan that are not kept and have not ended, with what is drafted of them."""
    query = sa.select(Item).where(
        Item.plan_id == plan.id, Item.since_version.is_not(None), Item.opened_on.is_(None),
        Item.ended_on.is_(None),
    )  # fmt: skip
    return session.scalars(query.order_by(Item.rank, Item.due_on, Item.id)).all()


def undecided(session: Session, plan: Plan) -> list[Item]:
    """Return those of which it is not said yet what becomes of them."""
    return [item for item in unkept(session, plan) if "end" not in (item.pending or {})]


def lost(session: Session, plan: Plan) -> list[str]:
    """Return the titles of promises that are to be carried over, and whose entries are not there any more."""
    ending = [item for item in unkept(session, plan) if (item.pending or {}).get("end") == "carried"]
    return [i.title for i in ending if not is_own(plan, session.get(model.Package, i.dataset_id))]


def close(unit: Unit, plan: Plan, adjustment: str) -> None:
    """Close the year: publish how every promise has ended, carry over, keep the report."""
    carry_on(unit, plan)
    versions.publish(unit, plan, _("Year-end adjustment"))
    unit.session.flush()
    carried = unit.session.scalars(
        sa.select(Item).where(Item.plan_id == plan.id, Item.end == "carried").order_by(Item.due_on, Item.id)
    ).all()
    if carried:
        following = next_plan(unit, plan)
        for item in carried:
            copying.carry(unit, item, following)
    plan.closed_at = unit.now
    plan.report = report(unit.session, plan, adjustment)
    facts.happened(unit, plan.id, "closed")
    jobs.ask_group(unit, plan.id)


def carry_on(unit: Unit, plan: Plan) -> None:
    """Carry what another year has carried over to here, and no version has published, into the next."""
    if owing := owed(unit.session, plan):
        following = next_plan(unit, plan)
        for item in owing:
            copying.carry(unit, item, following)
    for item in drafted(unit.session, plan):
        unit.session.delete(item)
    unit.session.flush()


def next_plan(unit: Unit, plan: Plan) -> Plan:
    """Return the plan into which promises are carried: of the next year that has not ended itself.

    Nothing is carried into a plan that is being decided on: it would be published without having been seen.

    :raises Conflict: that plan is under review
    """
    year = plan.year + 1
    while (following := filing.of_year(plan.org_id, year)) is not None:
        status = unit.session.get_one(Case, following.case_id).status
        if status in ("submitted", "approved", "amending"):
            raise Conflict(
                _("The plan of the next year is under review; close this year when that is decided.")
            )
        if status not in ("adjusting", "closed"):
            return following
        year += 1
    return filing.start(unit, plan.org_id, year, {})


def forget_drafts(unit: Unit, plan: Plan) -> None:
    """Drop what was drafted for another version and not submitted.

    What was drafted to end stays drafted; so does what another year has carried over: it goes on to the next.
    """
    plan.pending = None
    items = unit.session.scalars(sa.select(Item).where(Item.plan_id == plan.id)).all()
    kept = {item.id for item in owed(unit.session, plan)}
    unpublished = {item.id for item in items if item.since_version is None}
    for item in items:
        pending = item.pending or {}
        if item.id in unpublished - kept:
            unit.session.delete(item)
        elif "end" not in pending or pending.get("replaced_by") in unpublished:
            item.pending = None


def report(session: Session, plan: Plan, adjustment: str) -> dict[str, Any]:
    """Return the report of a year: the promises in numbers, the catalogue, what was adjusted."""
    today = clock.today()
    session.flush()
    alone = plan.id if plan.level == "department" else None  # an authority's brings those below it together
    scope = counts.Scope(plan.year, plan.region_code, alone)
    counted = counts.fresh(scope, today)
    return {
        "on": today.isoformat(),
        "adjustment": adjustment,
        "promises": {**counted.all.by_state, "total": counted.all.total, "on_time": counted.on_time},
        "ends": ends(session, scope),
        "percent": counted.all.percent,
        "catalogue": catalogue(session, plan),
    }


def ends(session: Session, scope: counts.Scope) -> dict[str, int]:
    """Return how many promises have ended in which way."""
    query = sa.select(Item.end, sa.func.count()).join(Plan, Plan.id == Item.plan_id)
    rows = session.execute(query.where(*scope.conditions(), Item.end.is_not(None)).group_by(Item.end))
    return dict.fromkeys(ENDS, 0) | {end: count for end, count in rows if end}


def catalogue(session: Session, plan: Plan) -> dict[str, int]:
    """Return a department's catalogue in numbers, and what has changed in it during the year."""
    mine = [PACKAGE.owner_org == plan.org_id, PACKAGE.type == "dataset"]
    active = PACKAGE.state == model.State.ACTIVE
    chosen = PACKAGE.extras["open_class"].astext
    created = sa.extract("year", PACKAGE.metadata_created) == plan.year
    numbers = sa.select(
        sa.func.count().filter(active),
        sa.func.count().filter(active, PACKAGE.private.is_(False), chosen == UNCONDITIONAL),
        sa.func.count().filter(active, PACKAGE.private.is_(False), chosen == CONDITIONAL),
        sa.func.count().filter(active, PACKAGE.private.is_(False), chosen == NON_OPEN),
        sa.func.count().filter(active, PACKAGE.private.is_(True)),
        sa.func.count().filter(active, created),
    ).where(*mine)
    names = ("entries", UNCONDITIONAL, CONDITIONAL, NON_OPEN, "unpublished", "new")
    found = dict(zip(names, session.execute(numbers).one(), strict=True))
    local_year = sa.extract("year", sa.func.timezone(clock.LOCAL.key, AuditEvent.at))
    acts = sa.select(AuditEvent.verb, sa.func.count()).where(
        AuditEvent.subject_type == "dataset", local_year == plan.year,
        AuditEvent.verb.in_(("dataset.class_changed", "dataset.deleted")),
        AuditEvent.subject_id.in_(sa.select(PACKAGE.id).where(*mine)),
    ).group_by(AuditEvent.verb)  # fmt: skip
    changed = dict(session.execute(acts).tuples().all())
    return {
        **found,
        "class_changed": changed.get("dataset.class_changed", 0),
        "removed": changed.get("dataset.deleted", 0),
    }
