"""Hand cases to a colleague. An assignment is no right: every reviewer of the office may still decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from ckan.plugins import toolkit as tk

from ..actors import Actor, Role, reviewers_of
from ..audit import append
from ..unit import Unit, begin
from . import engine
from .machine import OFFICES
from .model import Case

_ = tk._


def office_of(case: Case) -> str | None:
    """Return the organisation whose reviewers deal with a case: who holds it, or its department."""
    return case.holder_id if case.holder in OFFICES else case.org_id


def may_assign(case: Case, actor: Actor) -> bool:
    """Say whether somebody may assign a case: a reviewer of the office that deals with it, while open."""
    return case.closed_at is None and actor.has(Role.REVIEWER, office_of(case))


def assign(actor: Actor, references: Sequence[str], assignee_id: str | None) -> list[Case]:
    """Assign cases to a colleague, or to nobody; all of them or none.

    :param references: ids or numbers
    :raises tk.ValidationError: with what is wrong by reference
    """
    with begin(actor) as unit:
        found = locked(unit, references)
        errors: Any = {name: [fault] for name, fault in faults(actor, references, found, assignee_id).items()}
        if errors:
            raise tk.ValidationError(errors)
        cases = list({case.id: case for case in found.values()}.values())
        for case in cases:
            hand_over(unit, case, assignee_id)
    return cases


def locked(unit: Unit, references: Sequence[str]) -> dict[str, Case]:
    """Lock cases, always in the same order, and return them by what they were asked by."""
    query = (
        sa.select(Case)
        .where(sa.or_(Case.id.in_(references), Case.number.in_(references)))
        .order_by(Case.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    cases = list(unit.session.scalars(query))
    return {name: case for case in cases for name in (case.id, case.number)}


def faults(
    actor: Actor, references: Sequence[str], found: dict[str, Case], assignee_id: str | None
) -> dict[str, str]:
    """Return what stands against an assignment, by reference."""
    reviewers: dict[str | None, set[str]] = {}
    wrong = {}
    for name in references:
        case = found.get(name)
        if case is None or not engine.may_see(case, actor):
            wrong[name] = _("Case not found")
            continue
        office = office_of(case)
        if not actor.has(Role.REVIEWER, office):
            wrong[name] = _("Only the reviewers of the office that deals with it assign a case.")
        elif case.closed_at is not None:
            wrong[name] = _("The case is closed.")
        elif assignee_id is None:
            continue
        elif assignee_id == case.filer_id:
            wrong[name] = _("Nobody deals with a case of their own.")
        elif assignee_id not in reviewers.setdefault(office, set(reviewers_of(office))):
            wrong[name] = _("This person is no reviewer of the office that deals with the case.")
    return wrong


def hand_over(unit: Unit, case: Case, assignee_id: str | None) -> None:
    """Write down who is to deal with a case, and tell them; nothing happens when they were to already."""
    if case.assignee_id == assignee_id:
        return
    before, case.assignee_id = case.assignee_id, assignee_id
    detail = {"from": before, "to": assignee_id}
    append(unit, "case.assigned", ("case", case.id), case_id=case.id, detail=detail)
    if assignee_id and assignee_id != unit.actor.user_id:
        event = f"assigned:{unit.now.isoformat()}"
        engine.notify(unit, case, event, "assigned", engine.to_account(assignee_id))
