"""Facts that features tell each other without importing each other.

A subscriber runs in the transaction of the one who tells: either all of it happens, or nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

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
Concerns = Callable[[Collection[str]], "sa.Select[tuple[str]] | sa.CompoundSelect[tuple[str]]"]
"""Returns the query for those of some datasets about which a subscriber has anything to do."""
_subscribers: dict[type[Event], dict[Subscriber, Concerns | None]] = defaultdict(dict)


def subscribe(kind: type[E], subscriber: Callable[[Unit, E], None], concerns: Concerns | None = None) -> None:
    """Call ``subscriber(unit, event)`` whenever an event of this kind is told; once, however often asked.

    :param concerns: spares it most calls where many events are told at once; it may return too many datasets
    """
    _subscribers[kind].setdefault(subscriber, concerns)


def tell(unit: Unit, event: Event) -> None:
    """Run the subscribers of an event in the unit's transaction."""
    for subscriber in _subscribers[type(event)]:
        subscriber(unit, event)


def tell_all(unit: Unit, told: Sequence[Event]) -> None:
    """Run the subscribers of events of one kind about many datasets: each hears of those that concern it."""
    if not told:
        return
    datasets = [event.dataset_id for event in told]
    for subscriber, concerns in _subscribers[type(told[0])].items():
        heard = set(datasets) if concerns is None else set(unit.session.scalars(concerns(datasets)))
        for event in told:
            if event.dataset_id in heard:
                subscriber(unit, event)
