"""Promise against fact: counts over published items, by month, theme, class and plan.

One query groups a year's items in every way that a page shows. Its answer is kept until something is
published or happens (each is an event with a number), or the day ends.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from ckan import model
from dateutil.relativedelta import relativedelta

from ..kernel import clock, orgs
from . import states
from .model import Happening, Item, Plan

NAMES = ("due", "opened", "theme", "class", "plan")
"""By what items are counted: month due, month opened, theme, intended class, plan."""
KEPT = 64
"""Pages whose counts a process keeps."""
RECENT = 1000
"""Numbers of events among which one may be missing that is still being written."""


@dataclass(frozen=True)
class Scope:
    """Which plans are counted: of a year; within a region, or one alone."""

    year: int
    region: str = orgs.REGION
    plan_id: str | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions on published plans."""
        found = [Plan.year == self.year, Plan.published_at.is_not(None)]
        if self.plan_id is not None:
            return [*found, Plan.id == self.plan_id]
        return found if self.region == orgs.REGION else [*found, orgs.within(Plan.region_code, {self.region})]


@dataclass
class Tally:
    """How many items are in which state."""

    by_state: dict[str, int] = field(default_factory=lambda: dict.fromkeys(states.STATES, 0))

    @property
    def total(self) -> int:
        """Return how many items there are."""
        return sum(self.by_state.values())

    @property
    def kept(self) -> int:
        """Return how many were opened, whatever has stopped them since."""
        return self.by_state["opened"] + self.by_state["stopped"]

    @property
    def percent(self) -> int:
        """Return how much of what was promised is open now."""
        return round(100 * self.by_state["opened"] / self.total) if self.total else 0

    def __getattr__(self, name: str) -> int:
        """Return the count of a state by its name."""
        try:
            return self.__dict__["by_state"][name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass
class Month:
    """One month of a plan: what was due in it, what was opened in it, and both added up."""

    end: date
    due: Tally = field(default_factory=Tally)
    opened: int = 0
    promised_so_far: int = 0
    opened_so_far: int = 0
    is_future: bool = False


@dataclass
class Counts:
    """All counts of a scope on a day."""

    on: date
    all: Tally
    months: list[Month]
    themes: dict[str, Tally]
    classes: dict[str, Tally]
    plans: dict[str, Tally]
    on_time: int


def of(scope: Scope, on: date | None = None) -> Counts:
    """Return the counts of a scope, today or on another day."""
    return read(scope, on or clock.today(), known())


def known() -> tuple[int, int]:
    """Return what changes with every event: the last number, and how many of the last ones there are.

    An event may be committed after one with a higher number.
    """
    latest = sa.select(sa.func.max(Happening.id)).scalar_subquery()
    query = sa.select(sa.func.max(Happening.id), sa.func.count()).where(Happening.id > latest - RECENT)
    return model.Session.execute(query).tuples().one()


@lru_cache(maxsize=KEPT)
def read(scope: Scope, on: date, events: tuple[int, int]) -> Counts:
    """Return the counts of a scope; ``events`` are those they know (``known``)."""
    return fresh(scope, on)


def fresh(scope: Scope, on: date) -> Counts:
    """Count the items of a scope on a day."""
    month = sa.cast(sa.func.date_trunc("month", Item.opened_on), sa.Date)
    opened = sa.case((Item.opened_on <= on, month))
    in_time = sa.and_(Item.opened_on <= on, Item.opened_on <= Item.due_on)
    grouped: list[Any] = [Item.due_on, opened, Item.theme, Item.open_class, Item.plan_id]
    state = states.sql(on)
    base = (
        sa.select(
            *(column.label(name) for name, column in zip(NAMES, grouped, strict=True)),
            state.label("state"),
            in_time.label("in_time"),
        )
        .join(Plan, Plan.id == Item.plan_id)
        .where(*scope.conditions(), Item.since_version.is_not(None))
        .cte("base")
    )
    found: list[Any] = []
    for name in NAMES:  # one hash table each; together, as grouping sets, PostgreSQL would sort them
        column = base.c[name]
        timely = sa.func.count().filter(base.c.in_time)
        value = sa.cast(column, sa.Text)
        counted = sa.select(sa.literal(name), value, base.c.state, sa.func.count(), timely)
        found.append(counted.group_by(column, base.c.state))
    return folded(scope, on, model.Session.execute(sa.union_all(*found)).all())


def folded(scope: Scope, on: date, rows: Any) -> Counts:
    """Return the rows of the query as counts."""
    by: dict[str, dict[Any, Tally]] = {name: defaultdict(Tally) for name in NAMES}
    in_time = 0
    for name, text, state, count, timely in rows:
        value = date.fromisoformat(text) if text and name in ("due", "opened") else text
        by[name][value].by_state[state] += count
        in_time += timely if name == "class" and state == "opened" else 0
    everything = Tally()
    for tally in by["class"].values():
        for state, count in tally.by_state.items():
            everything.by_state[state] += count
    months = by_month(scope.year, on, by["due"], by["opened"])
    themes = dict(sorted(by["theme"].items(), key=lambda pair: (-pair[1].total, pair[0] or "")))
    return Counts(on, everything, months, themes, dict(by["class"]), dict(by["plan"]), in_time)


def by_month(year: int, on: date, due: dict[date, Tally], opened: dict[date, Tally]) -> list[Month]:
    """Return the months of a year, and those outside it in which something was due or opened."""
    ends = {date(year, 1, 1) + relativedelta(months=n, day=31) for n in range(12)}
    ends |= set(due) | {month + relativedelta(day=31) for month in opened if month}
    found, promised, done = [], 0, 0
    for end in sorted(ends):
        month = Month(end, due.get(end, Tally()), opened.get(end.replace(day=1), Tally()).total)
        month.promised_so_far = promised = promised + month.due.total - month.due.ended
        month.opened_so_far = done = done + month.opened
        month.is_future = end.replace(day=1) > on
        found.append(month)
    return found


def progress(plan: Plan, month: date) -> dict[str, int]:
    """Return how far the plans of an authority have come at the end of a month."""
    region = plan.region_code
    counted = of(Scope(plan.year, region), month)
    due = sum(m.due.total - m.due.ended for m in counted.months if m.end <= month)
    everything = counted.all
    return {
        "promised": due,
        "opened": everything.kept,
        "late": everything.late,
        "ended": everything.ended,
        "total": everything.total,
    }
