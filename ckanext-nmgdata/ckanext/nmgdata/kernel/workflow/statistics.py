"""Numbers for the statistics of departments (R-SUP-03): by kind of case and by month, one query a measure.

Months and days are those of Asia/Shanghai. Working days are counted as people count them: the day
of receipt is not counted. A month is that of the receipt for what was received and became overdue, and
that of the act for answers and decisions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import accumulate
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import Grouping

from .. import clock
from ..actors import Actor, Role
from ..deadlines import calendar, ledger
from ..deadlines.model import Deadline
from . import boxes, machine, urges
from .machine import DRAFT, OFFICE, OFFICES
from .model import Case, CaseEvent

Measure = dict[str, Any]
MONTHS = 12
"""Months that are counted when nobody asks for others, the running one included."""


def months_back(today: date, months: int) -> date:
    """Return the first day of the month that lies so many months back, the running one counted."""
    count = today.year * 12 + today.month - months
    return date(count // 12, count % 12 + 1, 1)


def statistics(actor: Actor, org_id: str | None = None, since: date | None = None) -> list[Measure]:
    """Return one row per month and kind, the newest month first.

    :param org_id: only this department; otherwise all that the actor looks after
    :param since: first day that counts
    """
    first = since or months_back(clock.today(), MONTHS)
    cases = scope(actor, org_id)
    rows: dict[tuple[date, str], Measure] = defaultdict(
        lambda: {"received": 0, "decided": 0, "outcomes": {}, "overdue": 0, "answer": None, "decision": None}
    )
    for month, kind, count in model.Session.execute(received(cases, first)):
        rows[month, kind]["received"] = count
    for month, kind, count in model.Session.execute(overdue(cases, first)):
        rows[month, kind]["overdue"] = count
    for name, acts in (("answer", answers(cases, first)), ("decision", decisions(cases, first))):
        for month, kind, median, p90 in model.Session.execute(durations(acts, first)):
            rows[month, kind][name] = {"median": float(median), "p90": float(p90)}
    for month, kind, outcome, count in model.Session.execute(outcomes(decisions(cases, first))):
        rows[month, kind]["outcomes"][outcome] = count
        rows[month, kind]["decided"] += count
    model.Session.rollback()
    newest = sorted(rows, key=lambda row: (-row[0].toordinal(), row[1]))
    return [{"month": f"{month:%Y-%m}", "kind": kind, **rows[month, kind]} for month, kind in newest]


def scope(actor: Actor, org_id: str | None) -> list[Any]:
    """Return the conditions of the cases that count: those of the actor's box of all cases."""
    where = boxes.scope(actor, "all", clock.today())
    found = list(where.conditions)
    if where.column is not None:
        found.append(where.column.in_(where.keys))
    return [*found, Case.org_id == org_id] if org_id else found


def may_count(actor: Actor, org_id: str, region_code: str) -> bool:
    """Say whether somebody may have the numbers of a department: its reviewers and its authority."""
    return actor.has(Role.REVIEWER, org_id) or actor.covers(Role.AUTHORITY, region_code)


def day(moment: Any) -> Any:
    """Return the date of a moment in Asia/Shanghai."""
    return sa.cast(sa.func.timezone(clock.LOCAL.key, moment), sa.Date)


def month(moment: Any) -> Any:
    """Return the first day of the month of a moment in Asia/Shanghai."""
    return sa.cast(sa.func.date_trunc("month", sa.func.timezone(clock.LOCAL.key, moment)), sa.Date)


def received(cases: list[Any], first: date) -> sa.Select[Any]:
    """Count what was received."""
    when = month(Case.opened_at)
    query = sa.select(when, Case.kind, sa.func.count()).where(*cases, Case.opened_at >= boxes.midnight(first))
    return query.group_by(when, Case.kind)


def overdue(cases: list[Any], first: date) -> sa.Select[Any]:
    """Count the cases of which a period of an office ran out before its duty was met."""
    when = month(Case.opened_at)
    late = sa.or_(
        sa.and_(Deadline.state == "open", Deadline.due_on < clock.today()),
        sa.and_(Deadline.state == "met", day(Deadline.closed_at) > Deadline.due_on),
    )
    query = (
        sa.select(when, Case.kind, sa.func.count(sa.distinct(Case.id)))
        .join(Deadline, Deadline.case_id == Case.id)
        .where(*cases, late, Deadline.statute != ledger.URGE, Case.opened_at >= boxes.midnight(first))
    )
    return query.group_by(when, Case.kind)


def answers(cases: list[Any], first: date) -> sa.Subquery:
    """Return the first step that an office took in each case."""
    filed_or_urged = sa.or_(CaseEvent.source == DRAFT, CaseEvent.transition == urges.STEP)
    return firsts(cases, first, CaseEvent.role.in_((*OFFICES, OFFICE)) & sa.not_(filed_or_urged))


def decisions(cases: list[Any], first: date) -> sa.Subquery:
    """Return the first step by which an office decided each case."""
    known = {(m.kind, step) for m in machine.registered() for step in m.decisions()}
    return firsts(cases, first, sa.tuple_(Case.kind, CaseEvent.transition).in_(sorted(known)))


def firsts(cases: list[Any], first: date, steps: Any) -> sa.Subquery:
    """Return the first of some steps in each case, where it was taken since a day."""
    rows = (
        sa.select(Case.id, Case.kind, Case.opened_at, CaseEvent.at, CaseEvent.target)
        .join(CaseEvent, CaseEvent.case_id == Case.id)
        .where(*cases, steps, Case.changed_at >= boxes.midnight(first))
        .distinct(Case.id)
        .order_by(Case.id, CaseEvent.id)
        .subquery()
    )
    return sa.select(rows).where(rows.c.at >= boxes.midnight(first)).subquery()


def outcomes(acts: sa.Subquery) -> sa.Select[Any]:
    """Count decisions by what they led to."""
    when = month(acts.c.at)
    return sa.select(when, acts.c.kind, acts.c.target, sa.func.count()).group_by(
        when, acts.c.kind, acts.c.target
    )


def durations(acts: sa.Subquery, first: date) -> sa.Select[Any]:
    """Return median and 90th percentile of the working days from receipt to an act."""
    when, taken = month(acts.c.at), working_days(day(acts.c.opened_at), day(acts.c.at))
    return sa.select(
        when,
        acts.c.kind,
        *(sa.func.percentile_cont(share).within_group(taken) for share in (0.5, 0.9)),
    ).group_by(when, acts.c.kind)


OLDEST = date(2016, 1, 1)
"""Earliest day of receipt from which working days are counted; no case is older than the portal."""


def working_days(start: Any, end: Any) -> Any:
    """Return the working days after one date up to another, by the calendar as it stands now.

    The calendar goes to the database as one array: how many days were worked up to each date.
    """
    days = list(running_total(clock.today()))
    total = Grouping(sa.literal(days, ARRAY(sa.Integer)))
    place = {name: sa.func.greatest(value - OLDEST, 0) + 1 for name, value in (("from", start), ("to", end))}
    return total[place["to"]] - total[place["from"]]


def running_total(last: date) -> Iterator[int]:
    """Yield how many days were worked from ``OLDEST`` up to each day."""
    known = calendar.load()
    days = (OLDEST + calendar.ONE_DAY * step for step in range((last - OLDEST).days + 1))
    return accumulate(int(known.is_workday(one)) for one in days)
