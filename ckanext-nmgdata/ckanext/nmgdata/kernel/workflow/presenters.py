"""What a feature says about its cases on the pages and in the API, which are the same for all kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..actors import Actor
from .model import Case


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


_presenters: dict[str, Presenter] = {}


def register(kind: str, presenter: Presenter) -> None:
    """Say how a kind of case is shown."""
    _presenters[kind] = presenter


def of_case(case: Case) -> Presenter:
    """Return how a case is shown."""
    return _presenters[case.kind]
