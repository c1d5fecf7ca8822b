"""Read cases: by number, by code, by who filed them. Those that wait for somebody: ``boxes``."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model

from . import numbers
from .model import Case, CaseEvent

NO_CASE = "0" * 64


def of_kind(kind: str | None) -> list[sa.ColumnElement[bool]]:
    """Return the condition that keeps cases of one kind; none when no kind is asked for."""
    return [Case.kind == kind] if kind else []


def filed_by(user_id: str, limit: int = 200, kind: str | None = None) -> list[Case]:
    """Return the cases a person filed, the newest first."""
    return newest([Case.filer_id == user_id, *of_kind(kind)], limit)


def of_orgs(orgs: frozenset[str], limit: int = 200, kind: str | None = None) -> list[Case]:
    """Return the cases of departments, the newest first."""
    return newest([Case.org_id.in_(orgs), *of_kind(kind)], limit)


def newest(conditions: list[sa.ColumnElement[bool]], limit: int) -> list[Case]:
    """Return cases under conditions, the newest first."""
    query = sa.select(Case).where(*conditions).order_by(Case.opened_at.desc(), Case.id).limit(limit)
    return list(model.Session.scalars(query))


def by_reference(reference: str) -> Case | None:
    """Return a case by its id or number."""
    query = sa.select(Case).where(sa.or_(Case.id == reference, Case.number == reference))
    return model.Session.scalar(query)


def by_code(number: str, code: str) -> Case | None:
    """Return the case of a number to who knows its code; unknown and wrong look and last the same."""
    case = model.Session.scalar(sa.select(Case).where(Case.number == number.strip().upper()))
    right = numbers.code_matches(case.code_hash if case else NO_CASE, code)
    return case if right else None


def stated(event_id: int | str) -> dict[str, Any]:
    """Return what was stated with a step that a notice is about; nothing for a notice of the clock."""
    event = model.Session.get(CaseEvent, event_id) if isinstance(event_id, int) else None
    return event.data if event else {}


def timeline(case: Case) -> list[CaseEvent]:
    """Return the steps of a case, oldest first."""
    query = sa.select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id)
    return list(model.Session.scalars(query))
