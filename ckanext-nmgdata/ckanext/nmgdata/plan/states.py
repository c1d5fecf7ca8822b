"""What state a promise is in on a day: one rule, in Python for one item and in SQL for many.

Every item of a published plan is in exactly one state on every day, so that counts add up to the plan.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Protocol

import sqlalchemy as sa

from .model import Item

STATES = ("planned", "opened", "late", "stopped", "ended")


class Promise(Protocol):
    """What decides about the state of an item."""

    due_on: date
    opened_on: date | None
    stop_on: date | None
    ended_on: date | None


def of(item: Promise, on: date) -> str:
    """Return the state of an item on a day."""
    if item.ended_on is not None and item.ended_on <= on:
        return "ended"
    if item.opened_on is not None and item.opened_on <= on:
        return "stopped" if item.stop_on is not None and item.stop_on <= on else "opened"
    return "late" if item.due_on < on else "planned"


def sql(on: date) -> Any:
    """Return the same as an SQL expression over items."""
    return sa.case(
        (Item.ended_on <= on, "ended"),
        (sa.and_(Item.opened_on <= on, Item.stop_on <= on), "stopped"),
        (Item.opened_on <= on, "opened"),
        (Item.due_on < on, "late"),
        else_="planned",
    )


def days_late(item: Promise, on: date) -> int:
    """Return by how many days an item is or was late; 0 when it is not."""
    until = item.opened_on if item.opened_on is not None and item.opened_on <= on else on
    return max((until - item.due_on).days, 0)
