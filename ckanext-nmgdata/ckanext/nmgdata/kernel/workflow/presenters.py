"""What a feature says about its cases on the pages and in the API, which are the same for all kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ckan import model

from ..actors import Actor
from .model import Case


def account_address(case: Case) -> str | None:
    """Return the mail address of the account that filed a case."""
    user = model.Session.get(model.User, case.filer_id) if case.filer_id else None
    return user.email if user and user.is_active else None


@dataclass(frozen=True)
class Presenter:
    """How one kind of case is shown."""

    title: Callable[[Case], str]
    """What the case is about, in one line without personal data."""
    payload: Callable[[Case, Actor], dict[str, Any]]
    """What was filed, for somebody who may see the case."""
    template: str
    """Template that shows the payload."""
    defaults: Callable[[Case, str], dict[str, Any]] = lambda case, step: {}
    """Values with which the form of a step begins."""
    contact: Callable[[Case], str | None] = account_address
    """Mail address of the person who filed it."""
    reads_evidence: Callable[[Case, Actor], bool] = lambda case, actor: False
    """Whether somebody may read the files that were attached."""
    read_form: Callable[[Case, str, dict[str, Any]], dict[str, Any]] = lambda case, step, sent: sent
    """What the form of a step states, out of what a browser has sent."""


_presenters: dict[str, Presenter] = {}


def register(kind: str, presenter: Presenter) -> None:
    """Say how a kind of case is shown."""
    _presenters[kind] = presenter


def of_case(case: Case) -> Presenter:
    """Return how a case is shown."""
    return _presenters[case.kind]
