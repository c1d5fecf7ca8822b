"""Open, meet and stop periods; say which reminders are to go out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import takewhile

import sqlalchemy as sa
from ckan import model

from .. import clock
from ..types import new_id
from ..unit import Unit
from . import statutes
from .calendar import ONE_DAY, Calendar, Due, load
from .model import Deadline, DeadlineNotice

EXPIRED = 0
URGE = "D-URGE"
"""Period of an urging (督办): the holder's answer to the authority, beside the periods of the case itself."""


@dataclass(frozen=True)
class TimeLeft:
    """How people count time: working days until the end of the period, negative when late."""

    due_on: date
    working_days: int
    provisional: bool

    @property
    def late(self) -> bool:
        """Say whether the period has run out."""
        return self.working_days < 0


def open_period(
    unit: Unit, case_id: str, statute_id: str, due_on: date | None = None, begins: date | None = None
) -> Deadline:
    """Start a period of a case today, or on the later day on which the duty ``begins``.

    :param due_on: a date that is fixed in the act itself
    """
    statute, calendar = statutes.get(statute_id), load()
    today = max(clock.local_date(unit.now), begins or date.min)
    due = Due(due_on) if due_on else calendar.add(today, statute.working_days or 0)
    deadline = Deadline(
        id=new_id(),
        case_id=case_id,
        statute=statute_id,
        source=statute.source,
        responsible=statute.responsible,
        started_on=today,
        working_days=None if due_on else statute.working_days,
        due_on=due.on,
        provisional=due.provisional,
        state="open",
        next_notice_on=next_notice(calendar, statute, due.on, today - ONE_DAY),
    )
    unit.session.add(deadline)
    unit.session.flush()
    return deadline


def close_period(unit: Unit, case_id: str, statute_id: str, *, met: bool = True) -> None:
    """Note that a duty was met, or that it fell away."""
    unit.session.execute(
        sa.update(Deadline)
        .where(Deadline.case_id == case_id, Deadline.state == "open", Deadline.statute == statute_id)
        .values(state="met" if met else "stopped", closed_at=unit.now, next_notice_on=None)
    )


def pause(unit: Unit, case_id: str) -> None:
    """Let the open periods of a case rest from today; nobody is reminded meanwhile (DC-03)."""
    unit.session.execute(
        sa.update(Deadline)
        .where(Deadline.case_id == case_id, Deadline.state == "open", Deadline.paused_on.is_(None))
        .values(paused_on=clock.local_date(unit.now), next_notice_on=None)
    )
    unit.session.expire_all()


def resume(unit: Unit, case_id: str) -> None:
    """Let the resting periods of a case run on; the working days of the rest are added to their end."""
    calendar, today = load(), clock.local_date(unit.now)
    query = sa.select(Deadline).where(Deadline.case_id == case_id, Deadline.paused_on.is_not(None))
    for deadline in unit.session.scalars(query):
        if deadline.state == "open" and deadline.paused_on is not None:
            rest = calendar.between(deadline.paused_on, today)
            deadline.paused_days += rest
            due = calendar.add(deadline.due_on, rest)
            deadline.due_on = due.on
            deadline.provisional = deadline.provisional or due.provisional
            statute = statutes.get(deadline.statute)
            deadline.next_notice_on = next_notice(calendar, statute, due.on, today - ONE_DAY)
        deadline.paused_on = None
    unit.session.flush()


def close_all(unit: Unit, case_id: str) -> None:
    """End every open period of a case that is closed."""
    unit.session.execute(
        sa.update(Deadline)
        .where(Deadline.case_id == case_id, Deadline.state == "open")
        .values(state="stopped", closed_at=unit.now, next_notice_on=None)
    )


def of_case(case_id: str) -> list[Deadline]:
    """Return the periods of a case, oldest first."""
    query = sa.select(Deadline).where(Deadline.case_id == case_id).order_by(Deadline.started_on, Deadline.id)
    return list(model.Session.scalars(query))


def time_left(due_on: date, provisional: bool, calendar: Calendar | None = None) -> TimeLeft:
    """Return what is left of a period today."""
    calendar = calendar or load()
    return TimeLeft(due_on, calendar.between(clock.today(), due_on), provisional)


def notice_days(calendar: Calendar, statute: statutes.Statute, due_on: date) -> Iterator[tuple[date, int]]:
    """Yield the days on which something is to be said, and the working days left on each."""
    for days in sorted(set(statute.remind) - {0}, reverse=True):
        yield calendar.before(due_on, days), days
    yield due_on + ONE_DAY, EXPIRED
    late = statute.remind_after_every
    while late:
        yield calendar.add(due_on, late).on, -late
        late += statute.remind_after_every or 0


def next_notice(calendar: Calendar, statute: statutes.Statute, due_on: date, after: date) -> date | None:
    """Return the next day after ``after`` on which something is to be said; None when all is said."""
    return next((day for day, _left in notice_days(calendar, statute, due_on) if day > after), None)


def due_notice(unit: Unit, deadline: Deadline) -> int | None:
    """Note today's reminder as sent and return its working days left; None when nothing is to be said.

    Only the newest of several that were missed is said (a portal that was down for a week does
    not send a week's reminders), and none twice.
    """
    calendar, statute = load(), statutes.get(deadline.statute)
    today = clock.local_date(unit.now)
    days = notice_days(calendar, statute, deadline.due_on)
    passed = [left for _day, left in takewhile(lambda notice: notice[0] <= today, days)]
    deadline.next_notice_on = next_notice(calendar, statute, deadline.due_on, today)
    if not passed or already_sent(unit, deadline, passed[-1]):
        return None
    sent = DeadlineNotice(deadline_id=deadline.id, due_on=deadline.due_on, days_left=passed[-1], at=unit.now)
    unit.session.add(sent)
    unit.session.flush()
    return passed[-1]


def already_sent(unit: Unit, deadline: Deadline, days_left: int) -> bool:
    """Say whether a reminder for this due date went out before."""
    key = (deadline.id, deadline.due_on, days_left)
    return unit.session.get(DeadlineNotice, key) is not None


def recompute(unit: Unit) -> list[Deadline]:
    """Compute open periods again after the calendar has changed; return those that moved."""
    calendar, moved = load(), []
    query = sa.select(Deadline).where(Deadline.state == "open", Deadline.working_days.is_not(None))
    for deadline in unit.session.scalars(query):
        due = calendar.add(deadline.started_on, (deadline.working_days or 0) + deadline.paused_days)
        if (due.on, due.provisional) == (deadline.due_on, deadline.provisional):
            continue
        deadline.due_on, deadline.provisional = due.on, due.provisional
        if deadline.paused_on is None:
            statute = statutes.get(deadline.statute)
            today = clock.local_date(unit.now)
            deadline.next_notice_on = next_notice(calendar, statute, due.on, today - ONE_DAY)
        moved.append(deadline)
    unit.session.flush()
    return moved
