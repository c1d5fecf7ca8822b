"""Facts that features tell each other without importing each other.

A subscriber runs in the transaction of the one who tells: either all of it happens, or nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .openness import UNCONDITIONAL, is_stricter
from .unit import Unit


@dataclass(frozen=True)
class Event:
    """Something that happened to a dataset, or to one file of it."""

    dataset_id: str
    resource_id: str | None = None
    """None: the whole dataset."""


@dataclass(frozen=True)
class Suspended(Event):
    """Opening stopped at once (中止开放, R28¶3)."""

    case_id: str | None = None


@dataclass(frozen=True)
class Lifted(Event):
    """Opening resumed (恢复开放, R28¶3)."""

    case_id: str | None = None


@dataclass(frozen=True)
class Withdrawn(Event):
    """The data were withdrawn (撤回数据, R28¶3)."""

    case_id: str | None = None


@dataclass(frozen=True)
class ClassChanged(Event):
    """The open class of a dataset changed (R29)."""

    before: str | None = None
    after: str | None = None

    @property
    def opens_to_everyone(self) -> bool:
        """Say whether the data may now be had without an application (R28¶1)."""
        return self.after == UNCONDITIONAL

    @property
    def closes(self) -> bool:
        """Say whether the data are less open than before (R-OPEN-13)."""
        return is_stricter(self.before, self.after)


@dataclass(frozen=True)
class Evaluated(Event):
    """It was evaluated whether the data could be opened, or opened further (R29¶1)."""

    conclusion: str = ""
    """``keep``, ``convertible``, ``ease`` or ``tighten``."""
    target: str | None = None
    """The class the evaluation finds right, where it is another one."""


@dataclass(frozen=True)
class ConditionsChanged(Event):
    """Other conditions hold for published data whose class stays (R-OPEN-09)."""

    harder: bool = False
    before: dict[str, Any] = field(default_factory=dict)
    """``open_condition`` in the words of the department, and whether ``needs_id_number``, until now."""
    after: dict[str, Any] = field(default_factory=dict)
    case_number: str | None = None
    """The case that has decided it."""


@dataclass(frozen=True)
class ResourceReplaced(Event):
    """The bytes behind a resource changed."""


@dataclass(frozen=True)
class DatasetSaved(Event):
    """A dataset was created or changed, in whatever way."""


@dataclass(frozen=True)
class DatasetDeleted(Event):
    """A dataset was deleted."""


@dataclass(frozen=True)
class DatasetPublished(Event):
    """A dataset became visible to the public (R10)."""


E = TypeVar("E", bound=Event)
Subscriber = Callable[[Unit, Any], None]
_subscribers: dict[type[Event], list[Subscriber]] = defaultdict(list)


def subscribe(kind: type[E], subscriber: Callable[[Unit, E], None]) -> None:
    """Call ``subscriber(unit, event)`` whenever an event of this kind is told; once, however often asked."""
    if subscriber not in _subscribers[kind]:
        _subscribers[kind].append(subscriber)


def tell(unit: Unit, event: Event) -> None:
    """Run the subscribers of an event in the unit's transaction."""
    for subscriber in _subscribers[type(event)]:
        subscriber(unit, event)
