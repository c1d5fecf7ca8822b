"""Working days: every vector, every published day, and what must hold for any date (DC-01)."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest
from ckanext.nmgdata.kernel.deadlines.calendar import Calendar, known
from hypothesis import given
from hypothesis import strategies as st

DATA = Path(__file__).parent / "data"
CALENDAR = Calendar()
ANY_DAY = st.dates(date(2020, 1, 1), date(2031, 12, 31))
FEW_DAYS = st.integers(0, 40)


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a data file."""
    with (DATA / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", rows("workday_vectors.csv"), ids=lambda row: row["id"])
def test_vector(row):
    due = CALENDAR.add(date.fromisoformat(row["start_date"]), int(row["working_days"]))
    assert due.on.isoformat() == row["due_date"], row["note"]
    assert due.provisional == (row["provisional"] == "true")


def test_every_published_day_of_2004_to_2026():
    published = {row["date"]: row["kind"] == "workday" for row in rows("holidays.csv")}
    day = date(2004, 1, 1)
    while day.year <= 2026:
        expected = published.get(day.isoformat(), day.weekday() < 5)
        assert CALENDAR.is_workday(day) is expected, day
        day += timedelta(days=1)


@given(ANY_DAY, FEW_DAYS)
def test_due_day_is_a_working_day_and_holds_exactly_so_many(start, count):
    due = CALENDAR.add(start, count)
    assert due.on >= start
    if count:
        assert CALENDAR.is_workday(due.on)
    assert CALENDAR.between(start, due.on) == count


@given(ANY_DAY, FEW_DAYS, FEW_DAYS)
def test_periods_add_up(start, first, second):
    assert CALENDAR.add(CALENDAR.add(start, first).on, second).on == CALENDAR.add(start, first + second).on


@given(ANY_DAY, FEW_DAYS)
def test_provisional_exactly_when_an_unpublished_day_was_counted_over(start, count):
    due = CALENDAR.add(start, count)
    span = [start + timedelta(days=n) for n in range(1, (due.on - start).days + 1)]
    assert due.provisional == any(not known(day) for day in span)


@given(ANY_DAY, st.integers(1, 20))
def test_reminder_day_lies_so_many_working_days_before(day, count):
    left = count if CALENDAR.is_workday(day) else count - 1
    assert CALENDAR.between(CALENDAR.before(day, count), day) == left


@given(ANY_DAY, ANY_DAY)
def test_counting_backwards_is_the_negative(first, second):
    assert CALENDAR.between(first, second) == -CALENDAR.between(second, first)


def test_the_authority_stands_above_the_published_calendar():
    closed = Calendar({date(2026, 3, 3): False})
    assert closed.add(date(2026, 3, 2), 1).on == date(2026, 3, 4)
    worked = Calendar({date(2026, 3, 7): True})
    assert worked.add(date(2026, 3, 6), 1).on == date(2026, 3, 7)


def test_a_day_the_authority_has_set_is_not_provisional():
    assert not Calendar({date(2027, 1, 4): True}).is_provisional(date(2027, 1, 4))


def test_a_period_cannot_be_negative():
    with pytest.raises(ValueError, match="negative"):
        CALENDAR.add(date(2026, 3, 2), -1)
