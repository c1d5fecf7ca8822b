"""The order of the open classes: the one place that knows which is more open (R27)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNCONDITIONAL, CONDITIONAL, NON_OPEN = "unconditional", "conditional", "non_open"
ORDER = (NON_OPEN, CONDITIONAL, UNCONDITIONAL)
"""From closed to open."""
OPENED = (UNCONDITIONAL, CONDITIONAL)
"""What is open, to everybody or on conditions (R26)."""


def is_stricter(before: str | None, after: str | None) -> bool:
    """Say whether a change closes something; what is no class at all counts as closed."""
    return rank(after) < rank(before)


def closes(before: str | None, after: str | None, basis: str | None) -> bool:
    """Say whether a decided change closes something: a stricter class, or harder conditions of the same one.

    :param basis: what a change towards more open rests on; one towards less open has none
    """
    return is_stricter(before, after) or (before == after and basis is None)


def rank(open_class: str | None) -> int:
    """Return how open a class is."""
    return ORDER.index(open_class) if open_class in ORDER else -1


def opens_to_all(entry: Mapping[str, Any]) -> bool:
    """Say whether an entry's class gives its data to everybody (R-OPEN-01); stops are the gate's to know."""
    return entry.get("open_class") == UNCONDITIONAL


def is_opened(entry: Mapping[str, Any]) -> bool:
    """Say whether an entry's data are open, to everybody or on conditions (R-OPEN-01)."""
    return entry.get("open_class") in OPENED
