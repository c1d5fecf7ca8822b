"""The sweep: reminders before, escalation after, each once; an error stops nobody else (R-PLAT-07)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel import clock
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.deadlines import ledger
from ckanext.nmgdata.kernel.deadlines.model import DeadlineNotice
from ckanext.nmgdata.kernel.outbox.model import Outbox
from ckanext.nmgdata.kernel.workflow import engine, sweep
from ckanext.nmgdata.kernel.workflow.model import Case

MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""Filed on Monday 23 November: five working days end on Monday 30 November."""


def on(day: int, month: int = 11):
    """Hold the clock in the morning of a day of 2026."""
    return clock.fixed(datetime(2026, month, day, 1, 0, tzinfo=UTC))


def notices() -> list[tuple[str, str]]:
    """Return template and addressee of the notices that the sweep wrote."""
    payloads = model.Session.scalars(
        sa.select(Outbox.payload).where(Outbox.topic == "notice").order_by(Outbox.id)
    )
    return [(p["template"], p["to"]) for p in payloads if p["template"] in ("reminder", "overdue")]


@pytest.fixture
def waiting(filed):
    """Return a case that was filed on Monday."""
    with clock.fixed(MONDAY):
        return filed().case


class TestReminders:
    def test_two_and_one_working_days_before_then_on_expiry(self, waiting):
        said = {}
        for day in (24, 25, 26, 27, 28, 29, 30):
            with on(day):
                sweep.sweep()
            said[day] = len(notices())
        assert said == {24: 0, 25: 0, 26: 1, 27: 2, 28: 2, 29: 2, 30: 2}
        with on(1, 12):
            sweep.sweep()
        assert notices() == [
            ("reminder", "provider"),
            ("reminder", "provider"),
            ("overdue", "authority"),
            ("overdue", "provider"),
        ]

    def test_each_goes_out_once_however_often_the_sweep_runs(self, waiting):
        with on(26):
            for _turn in range(3):
                sweep.sweep()
        assert notices() == [("reminder", "provider")]

    def test_a_portal_that_was_down_says_the_newest_only(self, waiting):
        with on(3, 12):
            sweep.sweep()
        assert notices() == [("overdue", "authority"), ("overdue", "provider")]

    def test_silence_decides_nothing(self, waiting):
        with on(20, 12):
            sweep.sweep()
        model.Session.expire_all()
        assert model.Session.get(Case, waiting.id).status == "asked"

    def test_a_decided_case_is_reminded_of_no_more(self, waiting, world):
        with on(24):
            engine.fire(waiting.id, "answer", Actor.person(world.reviewer), {"note": "yes"})
        with on(20, 12):
            sweep.sweep()
        assert notices() == []

    def test_a_clock_set_back_repeats_nothing(self, waiting):
        with on(27):
            sweep.sweep()
        with on(26):
            sweep.sweep()
        with on(27):
            sweep.sweep()
        assert len(notices()) == 1


class TestTimers:
    @pytest.fixture
    def timer(self):
        """Let the clock make the toy's expiry due."""
        due: list[tuple[str, str]] = []
        sweep.timer("toy", lambda: due)
        yield due
        sweep._timers.pop("toy")

    def test_what_the_clock_made_due_is_fired_by_the_system(self, waiting, timer):
        timer.append((waiting.id, "expire"))
        assert sweep.sweep().steps == 1
        model.Session.expire_all()
        assert model.Session.get(Case, waiting.id).closed_at

    def test_an_error_in_one_case_does_not_stop_the_others(self, filed, timer):
        first, second = filed().case, filed().case
        timer.extend([(first.id, "fly"), ("nothing", "expire"), (second.id, "expire")])
        done = sweep.sweep()
        assert (done.steps, done.errors) == (1, 2)
        model.Session.expire_all()
        assert model.Session.get(Case, second.id).closed_at


class TestTheCalendarChanges:
    def test_open_periods_move_with_it_and_the_inbox_too(self, waiting, world):
        set_day = {"day": "2026-11-26", "is_workday": False, "reason": "全区放假"}
        moved = factories.call("nmgdata_workday_add", world.official, **set_day)
        assert moved["moved"] == 1
        model.Session.expire_all()
        assert model.Session.get(Case, waiting.id).due_on == date(2026, 12, 1)
        assert [d.due_on for d in ledger.of_case(waiting.id)] == [date(2026, 12, 1)]

    def test_what_was_provisional_becomes_certain(self, filed, world):
        with clock.fixed(datetime(2026, 12, 28, 2, 0, tzinfo=UTC)):
            case = filed().case
        assert (case.due_on, case.provisional) == (date(2027, 1, 5), True)
        day = date(2027, 1, 1)
        while day <= date(2027, 1, 8):
            worked = day.weekday() < 5 and day.day not in (1, 2, 3, 4)
            factories.call(
                "nmgdata_workday_add",
                world.official,
                day=day.isoformat(),
                is_workday=worked,
                reason="2027年放假安排",
            )
            day += timedelta(days=1)
        model.Session.expire_all()
        case = model.Session.get(Case, case.id)
        assert (case.due_on, case.provisional) == (date(2027, 1, 6), False)

    def test_reminders_follow_the_new_due_date(self, waiting, world):
        with on(26):
            sweep.sweep()
        factories.call(
            "nmgdata_workday_add", world.official, day="2026-11-27", is_workday=False, reason="全区放假"
        )
        with on(26):
            sweep.sweep()
        sent = model.Session.execute(sa.select(DeadlineNotice.due_on, DeadlineNotice.days_left)).all()
        assert (date(2026, 11, 30), 2) in [tuple(row) for row in sent]
