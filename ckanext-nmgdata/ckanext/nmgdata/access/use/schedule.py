"""When a use report is due (R-USE-01, D-USE): every period from the acceptance, and once at the end.

The clock opens the case of a report so many working days before its date as the first reminder; of a
grant that ended early, at once. A second run opens nothing twice: ``UNIQUE (grant_id, period_from)``.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from ckan import model
from dateutil.relativedelta import relativedelta

from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.deadlines import statutes
from ...kernel.deadlines.calendar import Calendar, load
from ...kernel.gate.model import Grant, GrantScope
from ...kernel.unit import Unit, begin
from ...kernel.workflow import engine
from ...kernel.workflow.model import Case, CaseEvent
from . import workflow
from .model import UseReport

log = logging.getLogger(__name__)
AHEAD = timedelta(days=60)
"""More calendar days than any reminder lies before its date; only narrows the query."""


@dataclass(frozen=True)
class Period:
    """What one report covers, and when it is due."""

    start: date
    end: date
    due_on: date
    is_last: bool


def next_period(grant: Grant, reported_until: date | None, calendar: Calendar) -> Period | None:
    """Return the next report of a grant; None when the last one is there already.

    :param reported_until: end of the latest period for which there is a report
    """
    if grant.accepted_at is None:
        return None
    begun = max(clock.local_date(grant.accepted_at), grant.valid_from)
    start = reported_until or begun
    ended = clock.local_date(grant.ended_at) if grant.ended_at else None
    early = ended is not None and ended < grant.valid_until
    end = ended if early and ended else max(grant.valid_until, begun)
    if reported_until is not None and reported_until >= end:
        return None
    boundary = next_boundary(begun, start, statutes.get(workflow.USE).months)
    if boundary < end:
        return Period(start, boundary, boundary, False)
    due = calendar.add(end, workflow.notice_days()).on if early else end
    return Period(start, end, due, True)


def next_boundary(begun: date, after: date, months: int) -> date:
    """Return the first end of a period after a day; counted from the beginning, so that 31 stays 31."""
    count = 1
    while (boundary := begun + relativedelta(months=months * count)) <= after:
        count += 1
    return boundary


def waiting() -> list[tuple[Grant, date | None]]:
    """Return the grants whose next report may be near, and until when there are reports."""
    until = sa.func.max(UseReport.period_until)
    latest = (
        sa.select(UseReport.grant_id, until.label("until")).group_by(UseReport.grant_id).subquery("latest")
    )
    local_accepted = sa.func.date(sa.func.timezone(clock.LOCAL.key, Grant.accepted_at))
    begun = sa.func.greatest(local_accepted, Grant.valid_from)
    local_ended = sa.func.date(sa.func.timezone(clock.LOCAL.key, Grant.ended_at))
    start = sa.func.coalesce(latest.c.until, begun)
    end = sa.func.greatest(sa.func.least(Grant.valid_until, local_ended), begun)
    period = sa.func.make_interval(0, statutes.get(workflow.USE).months)
    query = (
        sa.select(Grant, latest.c.until)
        .outerjoin(latest, latest.c.grant_id == Grant.id)
        .where(
            Grant.accepted_at.is_not(None),
            sa.or_(latest.c.until.is_(None), latest.c.until < end),
            sa.func.least(start + period, end) <= clock.today() + AHEAD,
        )
        .order_by(Grant.id)
    )
    return [(grant, until) for grant, until in model.Session.execute(query)]


def open_due() -> int:
    """Open the reports that are due soon; return how many. An error in one does not stop the others."""
    calendar, opened = load(), 0
    near = []
    for grant, until in waiting():
        period = next_period(grant, until, calendar)
        if period and (period.due_on <= clock.today() or is_near(period, grant, calendar)):
            near.append((grant.id, period))
    model.Session.rollback()
    for grant_id, period in near:
        try:
            opened += open_report(grant_id, period)
        except Exception:
            model.Session.rollback()
            log.exception("the use report of grant %s could not be opened", grant_id)
    return opened


def is_near(period: Period, grant: Grant, calendar: Calendar) -> bool:
    """Say whether it is time to ask for a report."""
    return (
        grant.ended_at is not None or calendar.before(period.due_on, workflow.notice_days()) <= clock.today()
    )


def open_report(grant_id: str, period: Period) -> int:
    """Open the case of one report; 0 when another run has done so."""
    with begin(Actor.system()) as unit:
        grant = unit.session.get_one(Grant, grant_id, with_for_update=True, populate_existing=True)
        if unit.session.scalar(
            sa.select(UseReport.case_id).where(
                UseReport.grant_id == grant_id, UseReport.period_from == period.start
            )
        ):
            return 0
        origin = unit.session.get_one(Case, grant.case_id)
        about = first_of(unit, grant, origin.dataset_id)
        filing = engine.Filing(origin.org_id, origin.region_code, about, grant.holder_id)
        # A portal that was down asks late; the date it asks for then is the day on which it asks.
        due_on = max(period.due_on, clock.local_date(unit.now))

        def rows(unit: Unit, case: Case) -> None:
            report = UseReport(case_id=case.id, grant_id=grant_id, due_on=due_on, is_last=period.is_last)
            report.period_from, report.period_until = period.start, period.end
            unit.session.add(report)
            unit.session.flush()

        engine.start(workflow.REPORT, filing, unit.actor, {}, unit, rows=rows)
    return 1


def first_of(unit: Unit, grant: Grant, asked_first: str | None) -> str | None:
    """Return the first dataset of a grant: that which was asked for first, if it was granted."""
    query = sa.select(GrantScope.dataset_id).where(GrantScope.grant_id == grant.id)
    found = sorted(unit.session.scalars(query), key=lambda one: (one != asked_first, one))
    return found[0] if found else asked_first


def ending() -> list[tuple[str, str]]:
    """Return the cases whose grant nears its end, once each: when its last report is asked for, too.

    The law has no number for it. Who got a shorter grant knows its end from the consent.
    """
    calendar, today, days = load(), clock.today(), workflow.notice_days()
    told = sa.exists().where(CaseEvent.case_id == Grant.case_id, CaseEvent.transition == "ending")
    near = Grant.valid_until.between(today, calendar.add(today, days).on)
    query = sa.select(Grant.case_id, Grant.valid_until, Grant.accepted_at)
    query = query.where(Grant.ended_at.is_(None), Grant.accepted_at.is_not(None), near, ~told)
    return [
        (case_id, "ending")
        for case_id, until, accepted in model.Session.execute(query)
        if clock.local_date(accepted) < calendar.before(until, days) <= today
    ]
