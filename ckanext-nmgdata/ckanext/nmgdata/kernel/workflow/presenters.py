"""What a feature says about its cases on the pages and in the API, which are the same for all kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk

from ..actors import Actor
from ..audit import append
from ..audit.model import AuditSecret
from ..unit import Unit
from . import engine, machine
from .model import Case

MASK = "*"
LONG = 9
"""Characters from which on a telephone number shows its ends."""


def masked(name: str, value: str | None) -> str | None:
    """Return what a mask leaves of a field: 张*, 1****************X, 138****1234, w***@***."""
    if not value:
        return value
    if name.endswith("_phone") and len(value) >= LONG:
        return value[:3] + MASK * 4 + value[-4:]
    if name.endswith("_email"):
        return f"{value[0]}{MASK * 3}@{MASK * 3}"
    if name in ("id_number", "credit_code"):
        return value[0] + MASK * (len(value) - 2) + value[-1]
    return value[0] + MASK


def dataset_of(case: Case) -> model.Package | None:
    """Return the dataset that a case is about."""
    return model.Session.get(model.Package, case.dataset_id) if case.dataset_id else None


def dataset_title(case: Case) -> str:
    """Return the title of the dataset that a case is about."""
    dataset = dataset_of(case)
    return (dataset.title or dataset.name) if dataset else ""


def dataset_name(case: Case) -> str:
    """Return the name of the dataset that a case is about, for links."""
    dataset = dataset_of(case)
    return dataset.name if dataset else ""


def account_address(case: Case) -> str | None:
    """Return the mail address of the account that filed a case."""
    user = model.Session.get(model.User, case.filer_id) if case.filer_id else None
    return user.email if user and user.is_active else None


def may_reveal(case: Case, actor: Actor) -> bool:
    """Say whether somebody may read who filed a case, and its evidence (R-OBJ-07).

    That is the deciding department, its authority and auditors; the filer has no need to.
    """
    return engine.may_see(case, actor) and not machine.is_filer(actor, case)


REASON = "reason"


def why_revealed(seq: int) -> str:
    """Return why somebody looked, by the place of the event in the chain; empty once it is destroyed."""
    secret = model.Session.get(AuditSecret, seq)
    return secret.personal.get(REASON, "") if secret else ""


@dataclass(frozen=True)
class Presenter:
    """How one kind of case is shown."""

    title: Callable[[Case], str]
    """What the case is about, in one line without personal data."""
    payload: Callable[[Case, Actor], dict[str, Any]]
    """What was filed, for somebody who may see the case; without ``person``."""
    template: str
    """Template that shows the payload."""
    defaults: Callable[[Case, str], dict[str, Any]] = lambda case, step: {}
    """Values with which the form of a step begins."""
    contact: Callable[[Case], str | None] = account_address
    """Mail address of the person who filed it."""
    person: Callable[[Case], dict[str, str | None]] = lambda case: {}
    """Who filed it and how to reach them: field → value. Masked until asked for (R-OBJ-07, R-SEC-11)."""
    reads_evidence: Callable[[Case, Actor], bool] = may_reveal
    """Whether somebody may read the files that were attached."""
    read_form: Callable[[Case, str, dict[str, Any]], dict[str, Any]] = lambda case, step, sent: sent
    """What the form of a step states, out of what a browser has sent."""
    offers: Callable[[Case, str], bool] = lambda case, step: True
    """Whether the page offers a step at all; one that this case cannot take would only be refused."""


_presenters: dict[str, Presenter] = {}


def register(kind: str, presenter: Presenter) -> None:
    """Say how a kind of case is shown."""
    _presenters[kind] = presenter


def of_case(case: Case) -> Presenter:
    """Return how a case is shown."""
    return _presenters[case.kind]


def filed(case: Case, actor: Actor) -> dict[str, Any]:
    """Return what was filed, who filed it in clear to themselves only and masked to everybody else."""
    own = machine.is_filer(actor, case)
    person = of_case(case).person(case)
    shown = person if own else {name: masked(name, value) for name, value in person.items()}
    return {
        **of_case(case).payload(case, actor),
        **shown,
        "masked": bool(person) and not own,
        "may_reveal": may_reveal(case, actor),
        "evidence_readable": of_case(case).reads_evidence(case, actor),
    }


def reveal(unit: Unit, case: Case, reason: str) -> dict[str, str | None]:
    """Return who filed a case in clear; the look is a reasoned, audited act of the unit's actor (R-SEC-11).

    The reason may name people: it lies beside the chain and is destroyed with the case's personal data.

    :raises NotAuthorized: this person may not
    """
    if not may_reveal(case, unit.actor):
        raise tk.NotAuthorized(tk._("You have no right to do this."))
    append(unit, "personal.revealed", ("case", case.id), case_id=case.id, personal={REASON: reason})
    return of_case(case).person(case)
