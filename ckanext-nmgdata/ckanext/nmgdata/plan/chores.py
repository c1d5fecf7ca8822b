"""What the clock brings by itself: months that pass, monthly progress, the end of a year and the next one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.orm import aliased

from ..kernel import clock, tick
from ..kernel.actors import Actor
from ..kernel.unit import begin
from ..kernel.workflow import engine, sweep
from ..kernel.workflow.model import Case, CaseEvent
from . import counts, facts, filing, news, schedule
from .model import KIND, Happening, Item, Plan

log = logging.getLogger(__name__)
LAST_MONTH = 12
PROGRESS = {"published": "progress", "amending": "progress_amending", "adjusting": "progress_adjusting"}
"""State of an authority's plan → step that reports its progress and leaves it in that state."""
TOLD = sa.exists().where(
    Happening.item_id == Item.id,
    Happening.kind == "late",
    sa.cast(sa.func.timezone(clock.LOCAL.key, Happening.at), sa.Date) > Item.due_on,
)
"""An item is said to be late once for each month that it was promised by; amendments put off."""


def months_passed() -> int:
    """Say of items whose month has passed that they are late, each once; return of how many plans."""
    query = (
        sa.select(Item.plan_id)
        .join(Plan, Plan.id == Item.plan_id)
        .where(*schedule.STILL_OPEN, Item.due_on < clock.today(), ~TOLD, Plan.closed_at.is_(None))
        .distinct()
    )
    return each(model.Session.scalars(query).all(), pass_month)


def pass_month(plan_id: str) -> None:
    """Do what the end of a month asks of one plan: remind, note what is late, go on to the next month."""
    with begin(Actor.system()) as unit:
        plan = unit.session.get_one(Plan, plan_id)
        case_id, running = plan.case_id, schedule.period(unit, plan, schedule.ITEM)
        expired = running.id if running and running.due_on < clock.today() else None
    if expired:
        sweep.remind(expired)  # before the period goes on to the next month
    with begin(Actor.system()) as unit:
        engine.lock(unit, case_id)
        late = sa.select(Item.id).where(*schedule.waiting(plan_id), Item.due_on < clock.today(), ~TOLD)
        for item_id in unit.session.scalars(late).all():
            unit.session.add(Happening(plan_id=plan_id, item_id=item_id, kind="late", at=unit.now))
        schedule.refresh(unit, unit.session.get_one(Plan, plan_id))


def report_progress() -> int:
    """Report to each authority once a month how far the plans below its own have come; return how many."""
    month = clock.today().replace(day=1) - timedelta(days=1)
    written = f"{month:%Y-%m}"
    told = sa.exists().where(
        CaseEvent.case_id == Case.id,
        CaseEvent.transition.in_(PROGRESS.values()),
        CaseEvent.data["month"].astext == written,
    )
    query = (
        sa.select(Plan.id)
        .join(Case, Case.id == Plan.case_id)
        .where(
            Plan.level != "department", Plan.year == month.year, Case.status.in_(PROGRESS), ~told,
            Plan.published_at < local_midnight(clock.today().replace(day=1)),
        )
    )  # fmt: skip
    return each(model.Session.scalars(query).all(), lambda plan_id: report_month(plan_id, month))


def local_midnight(day: date) -> Any:
    """Return the beginning of a day in Asia/Shanghai, as SQL."""
    return sa.func.timezone(clock.LOCAL.key, sa.cast(day, sa.DateTime()))


def report_month(plan_id: str, month: date) -> None:
    """Report the progress of one authority's plan."""
    plan = model.Session.get_one(Plan, plan_id)
    case_id, numbers = plan.case_id, counts.progress(plan, month)
    step = PROGRESS[model.Session.get_one(Case, case_id).status]
    model.Session.rollback()
    engine.fire(case_id, step, Actor.system(), {"month": f"{month:%Y-%m}", **numbers})


def year_ends() -> Iterable[tuple[str, str]]:
    """Return the plans whose year comes to its end: from the first of December on."""
    today = clock.today()
    ripe = Plan.year < today.year if today.month < LAST_MONTH else Plan.year <= today.year
    query = sa.select(Case.id).join(Plan, Plan.case_id == Case.id)
    query = query.where(Case.kind == KIND, Case.status == "published", ripe)
    return [(case_id, "adjust") for case_id in model.Session.scalars(query)]


def next_year() -> int:
    """Open the plan of the new year of every authority that had one in the last (D-PLAN-AUTH)."""
    year = clock.today().year
    later = aliased(Plan)
    query = sa.select(Plan.org_id).where(
        Plan.level != "department",
        Plan.year == year - 1,
        ~sa.exists().where(later.org_id == Plan.org_id, later.year == year),
    )
    return each(model.Session.scalars(query).all(), lambda org_id: filing.announce(org_id, year))


def each(keys: Iterable[str], work: Callable[[str], Any]) -> int:
    """Do something for each; an error in one does not stop the others. Return for how many it was done."""
    model.Session.rollback()
    done = 0
    for key in keys:
        try:
            work(key)
            done += 1
        except Exception:
            model.Session.rollback()
            log.exception("plan %s: the clock's work failed and goes on with the others", key)
    return done


def run() -> None:
    """Do what the clock asks of plans; safe to repeat."""
    facts.catch_up()
    months_passed()
    report_progress()
    next_year()
    news.tell()


def install() -> None:
    """Listen to the clock."""
    sweep.timer("plan_year_end", year_ends)
    tick.hourly(run)
