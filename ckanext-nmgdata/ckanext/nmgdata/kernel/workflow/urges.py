"""督办: the authority urges the office that holds a case, and the office must answer (R23¶2, R-PLAT-06/07).

The text is between the offices; the timeline that applicants see says only that the case was urged.
"""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..actors import Actor, Role
from ..audit import append
from ..deadlines import ledger
from ..deadlines.model import Deadline
from ..types import Conflict, new_id
from ..unit import Unit, begin
from . import engine
from .machine import AUTHORITY, OFFICES
from .model import OPEN_URGE, Case, CaseEvent, Urge

_ = tk._
STEP = "urge"
"""Name of an urging in the timeline of a case; no machine has a step of this name."""


def may_urge(case: Case, actor: Actor) -> bool:
    """Say whether somebody may urge a case: the authority of its region, and never itself."""
    return (
        case.closed_at is None
        and case.holder in OFFICES
        and engine.machines.ROLES[AUTHORITY](actor, case)
        and not actor.has(Role.REVIEWER, case.holder_id)
    )


def may_answer(urge: Urge, case: Case, actor: Actor) -> bool:
    """Say whether somebody may answer: whoever may decide for the office that is asked."""
    own = engine.machines.is_filer(actor, case)
    return is_open(urge) and actor.has(Role.REVIEWER, urge.org_id) and not own


def is_open(urge: Urge) -> bool:
    """Say whether an answer is still owed."""
    return urge.answered_at is None and urge.settled_at is None


def urge(actor: Actor, case_id: str, text: str) -> Urge:
    """Urge a case: the office that holds it has to answer within the period D-URGE.

    :raises Conflict: the case waits for no other office, or is urged already
    """
    with begin(actor) as unit:
        case = engine.lock(unit, case_id)
        if not engine.machines.ROLES[AUTHORITY](actor, case):
            raise tk.NotAuthorized(_("Only the authority of the region urges a case."))
        if not may_urge(case, actor):
            raise Conflict(_("This case waits for no other office that could be urged."))
        if current(unit, case.id):
            raise Conflict(_("This case has been urged already, and the answer is not there yet."))
        period = ledger.open_period(unit, case.id, ledger.URGE)
        row = Urge(
            id=new_id(), case_id=case.id, deadline_id=period.id, org_id=case.holder_id,
            by_id=actor.user_id, text=text, at=unit.now,
        )  # fmt: skip
        event = CaseEvent(
            case_id=case.id, transition=STEP, source=case.status, target=case.status,
            actor_kind=actor.kind, actor_id=actor.user_id, role=AUTHORITY, at=unit.now, data={},
        )  # fmt: skip
        unit.session.add_all([row, event])
        unit.session.flush()
        append(unit, "case.urged", ("case", case.id), case_id=case.id, detail={"office": row.org_id})
        engine.notify(unit, case, event.id, STEP, case.holder or "")
    return row


def answer(actor: Actor, case_id: str, text: str) -> Urge:
    """Answer the urging of a case.

    :raises Conflict: nothing is to be answered (any more)
    """
    with begin(actor) as unit:
        case = engine.lock(unit, case_id)
        row = current(unit, case.id)
        if row is None:
            raise Conflict(_("No answer to an urging is owed in this case."))
        if not may_answer(row, case, actor):
            raise tk.NotAuthorized(_("Only the reviewers of the office that was urged answer."))
        row.answer, row.answered_by, row.answered_at = text, actor.user_id, unit.now
        ledger.close_period(unit, case.id, ledger.URGE)
        unit.session.flush()
        append(unit, "case.urge_answered", ("case", case.id), case_id=case.id)
        engine.notify(unit, case, f"answer:{row.id}", "urge_answer", engine.to_account(row.by_id))
    return row


def current(unit: Unit, case_id: str) -> Urge | None:
    """Return the urging of a case that waits for its answer."""
    return unit.session.scalar(sa.select(Urge).where(Urge.case_id == case_id, sa.text(OPEN_URGE)))


def of_case(case_id: str) -> list[tuple[Urge, Deadline]]:
    """Return the urgings of a case with the periods of their answers, oldest first."""
    query = (
        sa.select(Urge, Deadline)
        .join(Deadline, Deadline.id == Urge.deadline_id)
        .where(Urge.case_id == case_id)
        .order_by(Urge.at, Urge.id)
    )
    return [(row, period) for row, period in model.Session.execute(query)]


def open_among(case_ids: list[str]) -> set[str]:
    """Return those of some cases whose urging is not answered yet."""
    query = sa.select(Urge.case_id).where(Urge.case_id.in_(case_ids), sa.text(OPEN_URGE))
    return set(model.Session.scalars(query))
