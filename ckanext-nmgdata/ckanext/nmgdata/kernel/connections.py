"""How the league-cities are connected, as anybody may know it; who connects them fills this in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Connection:
    """The connection to one league-city's platform (R8¶2, R-PLAT-02).

    :param state: slug; ``label`` is its name, ``style`` the class of its badge
    :param succeeded_at: when its catalogue was last taken over whole
    :param every_hours: hours between two times; 0: now and then
    :param read: how many entries its catalogue had then
    :param refused: how many of them could not be taken over
    :param trouble: what went wrong last, in plain words and without anything internal
    """

    state: str
    label: str
    style: str
    succeeded_at: datetime | None = None
    every_hours: int = 0
    read: int = 0
    refused: int = 0
    trouble: str | None = None


known: list[Callable[[], dict[str, Connection]]] = []
"""Who can say how cities are connected: code of the city (GB/T 2260) → connection; filled in by features."""


def of_cities() -> dict[str, Connection]:
    """Return how the cities are connected; one of which nobody knows anything is missing."""
    return {code: one for say in known for code, one in say().items()}
