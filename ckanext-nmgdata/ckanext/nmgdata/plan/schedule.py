"""The periods of a published plan: the next planned month, and the reason for what is late (R-PLAT-06).

The period D-PLAN-ITEM of a plan's case is the next planned month with something still to be opened; when
that passes, D-PLAN-LATE asks the department for a reason, also of what has been opened late meanwhile.
Both are the kernel's, with its reminders.
"""

from __future__ import annotations

import sqlalchemy as sa

from ..kernel import clock
from ..kernel.deadlines import ledger
from ..kernel.deadlines.model import Deadline
from ..kernel.unit import Unit
from ..kernel.workflow import engine
from ..kernel.workflow.model import Case
from .model import Item, Plan

ITEM, LATE = "D-PLAN-ITEM", "D-PLAN-LATE"
NO_REASON = sa.func.coalesce(Item.late_reason, "") == ""


def waiting(plan_id: str) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that keep the published items of a plan that are still to be opened."""
    return [Item.plan_id == plan_id, *STILL_OPEN]


STILL_OPEN = (Item.since_version.is_not(None), Item.opened_on.is_(None), Item.ended_on.is_(None))


def refresh(unit: Unit, plan: Plan) -> None:
    """Bring the periods of a published plan's case up to date."""
    if plan.published_at is None or plan.closed_at is not None:
        return
    today = clock.local_date(unit.now)
    next_due = unit.session.scalar(
        sa.select(sa.func.min(Item.due_on)).where(*waiting(plan.id), Item.due_on >= today)
    )
    running = period(unit, plan, ITEM)
    if running is not None and running.due_on != next_due:
        missed = sa.exists().where(*waiting(plan.id), Item.due_on == running.due_on)
        ledger.close_period(unit, plan.case_id, ITEM, met=not unit.session.scalar(sa.select(missed)))
        running = None
    if running is None and next_due is not None:
        ledger.open_period(unit, plan.case_id, ITEM, next_due)
    unexplained = sa.exists().where(
        Item.plan_id == plan.id, Item.since_version.is_not(None), Item.ended_on.is_(None),
        Item.due_on < sa.func.coalesce(Item.opened_on, today), NO_REASON,
    )  # fmt: skip
    owed, asked = unit.session.scalar(sa.select(unexplained)), period(unit, plan, LATE)
    if owed and asked is None:
        ledger.open_period(unit, plan.case_id, LATE)
    elif asked is not None and not owed:
        ledger.close_period(unit, plan.case_id, LATE)
    engine.refresh_due(unit, unit.session.get_one(Case, plan.case_id))


def period(unit: Unit, plan: Plan, statute: str) -> Deadline | None:
    """Return the period of a plan that runs, if there is one."""
    query = sa.select(Deadline).where(
        Deadline.case_id == plan.case_id, Deadline.statute == statute, Deadline.state == "open"
    )
    return unit.session.scalars(query).first()
