"""Working days by the State Council's calendar (DC-01).

Known years come from the package ``chinesecalendar``; the authority's own entries
(``nmgdata_workday``) stand above it; beyond the known years Monday to Friday counts, less the
fixed statutory holidays, and what was computed that way is provisional (暂定).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache

import chinese_calendar
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Mapped, mapped_column

from ..types import moment, text

FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
"""New Year, Labour Day, National Day: 全国年节及纪念日放假办法 (2024) Art. 2, Gregorian dates only."""
ONE_DAY = timedelta(days=1)
SATURDAY = 5


class Workday(tk.BaseModel):
    """A day that the authority has set to work or rest, above every other calendar."""

    __tablename__ = "nmgdata_workday"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    is_workday: Mapped[bool]
    reason: Mapped[text]
    set_by: Mapped[text]
    set_at: Mapped[moment]


@dataclass(frozen=True)
class Due:
    """The last day of a period."""

    on: date
    provisional: bool = False
    """Counted over days whose official calendar is not published yet (暂定)."""


@dataclass(frozen=True)
class Calendar:
    """Which days are worked; ``overrides`` are the authority's entries."""

    overrides: dict[date, bool] = field(default_factory=dict)

    def is_workday(self, day: date) -> bool:
        """Say whether a day is worked."""
        if day in self.overrides:
            return self.overrides[day]
        if known(day):
            return chinese_calendar.is_workday(day)
        return day.weekday() < SATURDAY and (day.month, day.day) not in FIXED_HOLIDAYS

    def is_provisional(self, day: date) -> bool:
        """Say whether a day's status is only assumed."""
        return day not in self.overrides and not known(day)

    def add(self, start: date, working_days: int) -> Due:
        """Return the last day of a period; the day of receipt is not counted.

        :param start: day of receipt, in Asia/Shanghai
        :param working_days: length; 0 is the day itself
        """
        if working_days < 0:
            raise ValueError("a period cannot be negative")
        day, left, provisional = start, working_days, False
        while left:
            day += ONE_DAY
            provisional = provisional or self.is_provisional(day)
            left -= self.is_workday(day)
        return Due(day, provisional)

    def before(self, day: date, working_days: int) -> date:
        """Return the day that lies so many working days before another."""
        while working_days:
            day -= ONE_DAY
            working_days -= self.is_workday(day)
        return day

    def between(self, start: date, end: date) -> int:
        """Count the working days after ``start`` up to and including ``end``; negative backwards."""
        if end < start:
            return -self.between(end, start)
        span = (start + ONE_DAY * step for step in range(1, (end - start).days + 1))
        return sum(self.is_workday(day) for day in span)


def known(day: date) -> bool:
    """Say whether the official calendar of a day's year is known."""
    return is_published(day.year)


@cache
def is_published(year: int) -> bool:
    """Say whether the official calendar of a year is known."""
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def load() -> Calendar:
    """Return the calendar with the authority's entries as they stand now."""
    rows = model.Session.execute(sa.select(Workday.day, Workday.is_workday))
    return Calendar({row.day: row.is_workday for row in rows})
