"""A renewal is a new application that refers to the old one; it is decided like any other (R-COND-04)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel.actors import Actor
from ..kernel.workflow import machine, queries
from ..kernel.workflow.model import Case
from . import scope
from .model import Application
from .wanted import Wanted
from .workflow import KIND

_ = tk._
GIVEN = ("approved", "provided", "expired")
"""States of an application whose consent can be prolonged; a revoked one cannot."""


def of(actor: Actor, reference: Any, wants: Sequence[Wanted]) -> Case | None:
    """Return the application that is to be prolonged; None when none is named.

    :raises tk.ValidationError: it is not one's own, has no consent, or is about other data
    """
    if not reference:
        return None
    case = queries.by_reference(str(reference))
    if case is None or case.kind != KIND or not machine.is_filer(actor, case):
        raise tk.ValidationError({"renews": [_("Case not found")]})
    if case.status not in GIVEN:
        raise tk.ValidationError({"renews": [_("Only an application that was approved can be renewed.")]})
    if wants and not any(reaches(case, want) for want in wants):
        raise tk.ValidationError({"renews": [_("The earlier application is about other data.")]})
    return case


def reaches(case: Case, want: Wanted) -> bool:
    """Say whether an earlier application is about the same dataset."""
    return want.dataset_id in {item.dataset_id for item in scope.items(case.id)}


def number_of(case_id: str | None) -> str | None:
    """Return the number of the application that is prolonged."""
    case = model.Session.get(Case, case_id) if case_id else None
    return case.number if case else None


def following(case_id: str) -> list[str]:
    """Return the numbers of the applications that prolong one."""
    query = sa.select(Case.number).join(Application, Application.case_id == Case.id)
    return list(model.Session.scalars(query.where(Application.renews_id == case_id).order_by(Case.number)))
