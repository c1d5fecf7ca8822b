"""A kind of case as a frozen table of states and transitions.

The page asks the same table which buttons to draw, the API which steps are possible and the sweep
what is due, so that none of them can offer what the engine refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ckan.types import Schema

from ..actors import Actor, Role
from ..unit import Unit
from .model import Case

DRAFT = "draft"
"""State of a case that does not exist yet; leaving it is the submission."""

N_ = str  # marks a string for translation; it is translated when shown
Payload = dict[str, Any]
Form = Callable[[], Schema]
Guard = Callable[[Unit, Case, Payload], None]
Effect = Callable[[Unit, Case, Payload], None]

FILER, PROVIDER, AUTHORITY, SYSTEM = "filer", "provider", "authority", "system"
ANYONE, OFFICE, DEPARTMENT = "anyone", "office", "department"
OFFICES = (PROVIDER, AUTHORITY)
"""Roles that an organisation has in a case; whoever may decide for it may act for it."""
MEMBERS = "members"
"""Whom the holder of a case's grant has named to use it; they take no step and are only told."""


def is_filer(actor: Actor, case: Case) -> bool:
    """Say whether an actor is the one who filed the case: by account, or by the case's secret code."""
    if actor.case_id is not None and actor.case_id == case.id:
        return True
    return actor.user_id is not None and actor.user_id == case.filer_id


def is_department(actor: Actor, case: Case) -> bool:
    """Say whether an actor works for the department of the case: keeps its entries, or decides for it."""
    return actor.has(Role.EDITOR, case.org_id) or actor.has(Role.REVIEWER, case.org_id)


def is_office(actor: Actor, case: Case) -> bool:
    """Say whether an actor works for the department of the case or for its authority."""
    return is_department(actor, case) or actor.covers(Role.AUTHORITY, case.region_code)


ROLES: dict[str, Callable[[Actor, Case], bool]] = {
    FILER: is_filer,
    # Nobody decides a case of their own (DC-19).
    PROVIDER: lambda actor, case: actor.has(Role.REVIEWER, case.org_id) and not is_filer(actor, case),
    AUTHORITY: lambda actor, case: (
        actor.covers(Role.AUTHORITY, case.region_code) and not is_filer(actor, case)
    ),
    OFFICE: is_office,
    DEPARTMENT: is_department,
    ANYONE: lambda actor, case: not actor.is_system,
    SYSTEM: lambda actor, case: actor.is_system,
}
"""Who somebody is in a case."""


@dataclass(frozen=True)
class State:
    """A state a case can be in; ``holder`` is whom it waits for."""

    name: str
    label: str
    holder: str | None = None
    final: bool = False


@dataclass(frozen=True)
class Transition:
    """One step: from where to where, by whom, with what, and what goes with it."""

    name: str
    label: str
    source: tuple[str, ...]
    target: str
    actor: str
    form: Form = dict
    """Schema of what must be stated; called when it is needed, because validators belong to CKAN."""
    recorded: bool = True
    """Whether the timeline keeps what was stated; a submission's payload has a table of its own."""
    guards: tuple[Guard, ...] = ()
    opens: str | None = None
    """Period that begins with this step (``statutes.yaml``)."""
    until: Callable[[Unit, Case, Payload], date] | None = None
    """Last day of that period where the act itself sets it."""
    meets: tuple[str, ...] = ()
    """Periods whose duty this step fulfils."""
    effects: tuple[Effect, ...] = ()
    notices: tuple[str, ...] = ()
    """Who is told by mail: ``filer``, ``provider``, ``authority``, ``members``."""
    owed: bool = True
    """Whether the law owes this notice; the mail of one that it does not owe can be switched off."""


@dataclass(frozen=True)
class Machine:
    """A kind of case, or a region's variant of it; a running case keeps the variant it began with."""

    kind: str
    prefix: str
    label: str
    basis: str
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]
    variant: str = "standard"
    filer: str = N_("applicant")
    """What the law calls who files such a case."""
    applies: Callable[[dict[str, Any]], bool] = lambda settings: True
    """Whether a region's settings choose this variant."""
    _states: dict[str, State] = field(init=False, repr=False, compare=False, default_factory=dict)
    _steps: dict[str, Transition] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a table that contradicts itself."""
        self._states.update({state.name: state for state in self.states})
        self._steps.update({step.name: step for step in self.transitions})
        if len(self._states) != len(self.states) or len(self._steps) != len(self.transitions):
            raise ValueError(f"{self.kind}: a name stands twice")
        for step in self.transitions:
            unknown = {*step.source, step.target} - {DRAFT, *self._states}
            if unknown or step.actor not in ROLES or not set(step.notices) <= {*ROLES, MEMBERS}:
                raise ValueError(f"{self.kind}.{step.name}: unknown state or role {sorted(unknown)}")
            if any(name in self._states and self._states[name].final for name in step.source):
                raise ValueError(f"{self.kind}.{step.name}: leaves a final state")

    def state(self, name: str) -> State:
        """Return a state by name."""
        return self._states[name]

    def step(self, name: str) -> Transition | None:
        """Return a transition by name, None when there is no such step."""
        return self._steps.get(name)

    def from_state(self, name: str) -> Iterable[Transition]:
        """Return the steps that lead out of a state."""
        return (step for step in self.transitions if name in step.source)

    def decisions(self) -> list[str]:
        """Return the steps by which an office decides: they fulfil a duty or end the case, and leave it.

        A step after which an office still holds the case (passing on, taking up) decides nothing.
        """
        return [
            step.name
            for step in self.transitions
            if step.actor in OFFICES
            and self.state(step.target).holder not in OFFICES
            and (step.meets or self.state(step.target).final)
        ]


_machines: dict[tuple[str, str], Machine] = {}


def register(machine: Machine) -> None:
    """Make a machine known to the engine."""
    _machines[machine.kind, machine.variant] = machine


def of_case(case: Case) -> Machine:
    """Return the machine a case runs on."""
    return registered_as(case.kind, case.variant)


def registered_as(kind: str, variant: str) -> Machine:
    """Return a machine by its kind and variant."""
    return _machines[kind, variant]


def chosen(kind: str, settings: dict[str, Any]) -> Machine:
    """Return the variant of a kind that a region's settings choose; special ones before standard."""
    candidates = [m for m in _machines.values() if m.kind == kind and m.applies(settings)]
    return sorted(candidates, key=lambda m: m.variant == "standard")[0]


def kinds() -> list[str]:
    """Return the kinds of case this portal knows."""
    return sorted({kind for kind, _variant in _machines})


def registered() -> list[Machine]:
    """Return every machine, in a stable order."""
    return [_machines[key] for key in sorted(_machines)]
