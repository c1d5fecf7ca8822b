"""What the clock makes due: reminders, escalations, steps of the system (R-PLAT-07).

Each deadline and each step has a unit of its own, so that an error in one never stops the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from ckan import model

from .. import clock
from ..actors import Actor
from ..deadlines import ledger
from ..deadlines.model import Deadline
from ..unit import begin
from . import engine
from .machine import AUTHORITY, PROVIDER
from .model import Case

log = logging.getLogger(__name__)
BATCH = 500

Finder = Callable[[], Iterable[tuple[str, str]]]
"""Returns the cases and the steps that the clock has made due."""
_timers: dict[str, Finder] = {}


@dataclass
class Swept:
    """What one sweep did."""

    notices: int = 0
    steps: int = 0
    errors: int = 0


def timer(name: str, find: Finder) -> None:
    """Register a search for steps that the clock makes due."""
    _timers[name] = find


def sweep() -> Swept:
    """Do everything that is due now; safe to repeat and to run twice at once."""
    done = Swept()
    for deadline_id in due_deadlines():
        guarded(done, "notices", lambda key=deadline_id: remind(key))
    for name, find in sorted(_timers.items()):
        for case_id, step in list(find()):
            guarded(done, "steps", lambda key=case_id, to=step: take_step(key, to))
        log.debug("timer %s done", name)
    return done


def guarded(done: Swept, counter: str, work: Callable[[], int]) -> None:
    """Run one piece of work; count it, or count and log its error."""
    try:
        setattr(done, counter, getattr(done, counter) + work())
    except Exception:
        model.Session.rollback()
        done.errors += 1
        log.exception("the sweep met an error and goes on")


def due_deadlines() -> list[str]:
    """Return the open periods about which something is to be said today."""
    query = (
        sa.select(Deadline.id)
        .where(Deadline.state == "open", Deadline.next_notice_on <= clock.today())
        .order_by(Deadline.next_notice_on, Deadline.id)
        .limit(BATCH)
    )
    found = list(model.Session.scalars(query))
    model.Session.rollback()
    return found


def remind(deadline_id: str) -> int:
    """Send what is to be said about one period: a reminder to the holder, on expiry also 督办."""
    with begin(Actor.system()) as unit:
        query = sa.select(Deadline).where(Deadline.id == deadline_id, Deadline.state == "open")
        deadline = unit.session.scalar(query.with_for_update(skip_locked=True))
        if deadline is None:
            return 0
        unit.session.refresh(deadline)
        left = ledger.due_notice(unit, deadline)
        if left is None:
            return 0
        case = unit.session.get_one(Case, deadline.case_id)
        template = "reminder" if left > ledger.EXPIRED else "overdue"
        if deadline.statute == ledger.URGE:
            template = f"urge_{template}"
        event = f"{deadline.id}:{deadline.due_on}:{left}"
        told = {case.holder or PROVIDER} | ({AUTHORITY} if left <= ledger.EXPIRED else set())
        for to in sorted(told):
            engine.notify(unit, case, event, template, to)
    return 1


def take_step(case_id: str, step: str) -> int:
    """Fire one step as the system."""
    engine.fire(case_id, step, Actor.system(), {})
    return 1


def recompute() -> int:
    """Compute open periods again after the calendar has changed; return how many moved."""
    with begin(Actor.system()) as unit:
        moved = ledger.recompute(unit)
        for case_id in {deadline.case_id for deadline in moved}:
            engine.refresh_due(unit, engine.lock(unit, case_id))
    return len(moved)
