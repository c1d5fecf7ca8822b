"""When an entry that is not, or not fully, open is to be evaluated (R-OPEN-08, D-OPEN-EVAL).

Twelve months, or fewer where its department has chosen so, after the last evaluation, or after its class
took effect, or after it was published, or, if nobody has seen it yet, after it was written. The clock opens
the case so many working days before that date as the first reminder; then the inbox holds it, the sweep
reminds, and the statistics count it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from dateutil.relativedelta import relativedelta

from ...kernel import clock, orgs
from ...kernel.actors import Actor
from ...kernel.deadlines import statutes
from ...kernel.deadlines.calendar import load
from ...kernel.openness import CONDITIONAL, NON_OPEN, UNCONDITIONAL
from ...kernel.unit import Unit, begin
from ...kernel.workflow import engine
from ...kernel.workflow.model import Case
from ..model import Entry
from . import entry, steps
from .model import ClassPeriod, Evaluation

log = logging.getLogger(__name__)
STATUTE = "D-OPEN-EVAL"
AHEAD = timedelta(days=60)
"""More calendar days than the reminder lies before its date; only narrows the query."""
BATCH = 500
"""Evaluations that one run opens; the next one goes on."""
PACKAGE: Any = model.Package
OPEN_CLASS = PACKAGE.extras["open_class"].astext
CHOSEN = sa.cast(sa.func.nullif(orgs.GROUP.extras["evaluation_months"].astext, ""), sa.Integer)
"""How often a department evaluates its data, in months; NULL where it has not chosen."""


@dataclass(frozen=True)
class Waiting:
    """An entry without an open evaluation, and since when its term runs."""

    dataset_id: str
    since: date
    months: int

    @property
    def due_on(self) -> date:
        """Return the day by which it is to be evaluated."""
        return self.since + relativedelta(months=self.months)


def local_day(moment: Any) -> Any:
    """Return the date of a moment in Asia/Shanghai, as SQL."""
    return sa.func.date(sa.func.timezone(clock.LOCAL.key, moment))


def waiting(*conditions: sa.ColumnElement[bool]) -> list[Waiting]:
    """Return the entries that are to be evaluated and have no open evaluation, those due first."""
    last = (
        sa.select(Evaluation.dataset_id, sa.func.max(Evaluation.evaluated_on).label("on"))
        .group_by(Evaluation.dataset_id)
        .subquery("last")
    )
    # Other conditions of the same class begin a period, too; they put no evaluation off.
    took_effect = (
        sa.select(ClassPeriod.dataset_id, sa.func.max(ClassPeriod.since).label("at"))
        .where(ClassPeriod.before.is_distinct_from(ClassPeriod.open_class))
        .group_by(ClassPeriod.dataset_id)
        .subquery("took_effect")
    )
    written = sa.func.timezone(clock.LOCAL.key, sa.func.timezone("UTC", PACKAGE.metadata_created))
    known = sa.func.greatest(last.c.on, local_day(took_effect.c.at), local_day(Entry.published_at))
    since = sa.func.coalesce(known, sa.func.date(written))
    term = sa.func.least(CHOSEN, statutes.get(STATUTE).months)  # of both that are there
    soon = since + sa.func.make_interval(0, term) <= clock.today() + AHEAD
    running = sa.exists().where(Evaluation.dataset_id == PACKAGE.id, Evaluation.is_open)
    query = (
        sa.select(PACKAGE.id, since, term)
        .outerjoin(orgs.GROUP, orgs.GROUP.id == PACKAGE.owner_org)
        .outerjoin(last, last.c.dataset_id == PACKAGE.id)
        .outerjoin(Entry, Entry.dataset_id == PACKAGE.id)
        .outerjoin(took_effect, took_effect.c.dataset_id == PACKAGE.id)
        .where(
            PACKAGE.type == "dataset", PACKAGE.state == model.State.ACTIVE, PACKAGE.owner_org.is_not(None),
            sa.or_(OPEN_CLASS.in_((CONDITIONAL, NON_OPEN)), PACKAGE.private.is_(True)), ~running,
        )
        .order_by(since + sa.func.make_interval(0, term), PACKAGE.id)
    )  # fmt: skip
    rows = model.Session.execute(query.where(*(conditions or (soon,))))
    return [Waiting(dataset_id, day, months) for dataset_id, day, months in rows]


def open_due() -> int:
    """Open the evaluations that are due soon; return how many. An error in one does not stop the others."""
    calendar, today, opened = load(), clock.today(), 0
    days = max(statutes.get(STATUTE).remind)
    near = [w for w in waiting() if calendar.before(w.due_on, days) <= today][:BATCH]
    model.Session.rollback()
    for one in near:
        try:
            with begin(Actor.system()) as unit:
                # A portal that was down asks late; nobody has less time because of that.
                due_on = max(one.due_on, calendar.add(today, days).on)
                opened += open_one(unit, one.dataset_id, due_on) is not None
        except Exception:
            model.Session.rollback()
            log.exception("the evaluation of %s could not be opened", one.dataset_id)
    return opened


def open_one(unit: Unit, dataset_id: str, due_on: date) -> Case | None:
    """Open the evaluation of one entry; None when another run has done so."""
    package = entry.locked(unit, dataset_id)
    if steps.open_evaluation(unit, dataset_id) is not None:
        return None
    system = Unit(Actor.system(), unit.session, unit.now)

    def rows(unit: Unit, case: Case) -> None:
        row = Evaluation(case_id=case.id, dataset_id=dataset_id, due_on=due_on, published=not package.private)
        row.open_class = (package.extras or {}).get("open_class") or UNCONDITIONAL
        unit.session.add(row)
        unit.session.flush()

    return engine.start(steps.EVALUATION, steps.filing_of(package), system.actor, {}, system, rows=rows).case


def due_of(unit: Unit, dataset_id: str) -> date:
    """Return the day by which an entry is to be evaluated, for an evaluation that comes before its time."""
    found = waiting(PACKAGE.id == dataset_id)
    return found[0].due_on if found else clock.local_date(unit.now)


def is_evaluated(package: model.Package) -> bool:
    """Say whether an entry is of those that are evaluated: not, or not fully, open (R29¶1)."""
    return bool(package.private) or (package.extras or {}).get("open_class") in (CONDITIONAL, NON_OPEN)
