"""One's own data: have them exported, correct one's contact in open cases (R-SEC-11)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import ARRAY

from ..kernel import identity
from ..kernel.actors import Actor
from ..kernel.audit import append
from ..kernel.evidence import files as evidence
from ..kernel.gate.model import TABLE, Grant, GrantMember, GrantUse
from ..kernel.types import Conflict
from ..kernel.unit import Unit, begin
from ..kernel.workflow import engine, notices, queries
from ..kernel.workflow.model import Case, CaseEvent
from ..kernel.workflow.presenters import filed
from ..kernel.workflow.presenters import of_case as presenter
from . import drafts
from .holding import present
from .model import Application
from .use import grants as kept_grants

_ = tk._
NAMES = ("applicant_name", "contact_phone", "scenario", "data_scope", "safeguards")
"""Who applies and what they have written in their own words, which may name them; destroyed by emptying."""
TERMS = ("purpose", "use_scope")
"""Keys of a consent's record that begin with the applicant's words."""
NOTICES = 5000
"""Notices in an export, the newest; those read long ago are deleted anyway."""


def erase_application(unit: Unit, case: Case) -> None:
    """Destroy who applied and used, how they could be reached, and what they attached.

    Which data were applied for, and how often they were used, stays. What the consent permits is mostly the
    applicant's own wording, and goes with it.
    """
    row = unit.session.get_one(Application, case.id)
    for name in NAMES:
        setattr(row, name, "")
    row.credit_code = row.id_number = None
    row.answers, case.words = [], []
    for file in evidence.of_case(case.id):
        evidence.destroy(unit, file)
    grants = sa.select(Grant.id).where(Grant.case_id == case.id)
    unit.session.execute(sa.delete(GrantMember).where(GrantMember.grant_id.in_(grants)))
    unit.session.execute(sa.update(Grant).where(Grant.case_id == case.id).values(purpose="", use_scope=""))
    unit.session.execute(
        sa.update(CaseEvent)
        .where(CaseEvent.case_id == case.id, CaseEvent.data.has_any(sa.cast(list(TERMS), ARRAY(sa.Text))))
        .values(data=CaseEvent.data.op("-")(sa.cast(list(TERMS), ARRAY(sa.Text))))
        .execution_options(synchronize_session=False)
    )
    forget_users(unit, case.id)


def forget_users(unit: Unit, case_id: str) -> None:
    """Forget who used the data; queries of a table that several asked in one hour are added up."""
    mine = GrantUse.grant_id.in_(sa.select(Grant.id).where(Grant.case_id == case_id))
    hour = (GrantUse.grant_id, GrantUse.resource_id, GrantUse.at)
    query = sa.select(*hour, sa.func.sum(GrantUse.count).label("count")).where(mine, GrantUse.door == TABLE)
    queries = [dict(row) for row in unit.session.execute(query.group_by(*hour)).mappings()]
    unit.session.execute(sa.delete(GrantUse).where(mine, GrantUse.door == TABLE))
    unit.session.execute(sa.update(GrantUse).where(mine).values(user_id=""))
    if queries:
        rows = [{**row, "user_id": "", "door": TABLE} for row in queries]
        unit.session.execute(sa.insert(GrantUse.__table__), rows)


def export(actor: Actor) -> dict[str, Any]:
    """Return everything the portal keeps about a person.

    That is their account, the drafts they have begun, every case they are a party of, their grants with
    each use, what they were told and which mails they get.
    """
    user = model.Session.get_one(model.User, actor.user_id)
    query = sa.select(Case).where(Case.filer_id == actor.user_id).order_by(Case.opened_at, Case.id)
    cases = [about(case, actor) for case in model.Session.scalars(query)]
    kept = (user.plugin_extras or {}).get("nmgdata") or {}
    account = {
        "name": user.name,
        "fullname": user.fullname,
        "email": user.email,
        "created": user.created.isoformat(),
        **{name: kept[name] for name in ("kind", "organisation", "credit_code") if name in kept},
    }
    found = {
        "account": account,
        "drafts": [drafts.exported(row) for row in drafts.of(user.id)],
        "cases": cases,
        "grants": [present.show(actor, grant["id"]) for grant in kept_grants.of_holder(actor)],
        "notices": [told(notice) for notice in notices.listed(user.id, limit=NOTICES)],
        "mails": notices.choices(user.id),
    }
    with begin(actor) as unit:
        append(unit, "personal.exported", ("account", actor.user_id or ""), detail={"cases": len(cases)})
    return found


def told(notice: notices.Notice) -> dict[str, Any]:
    """Return what a person was told."""
    read = notice.read_at.isoformat() if notice.read_at else None
    return {"at": notice.at.isoformat(), "subject": notice.subject, "read_at": read}


def about(case: Case, actor: Actor) -> dict[str, Any]:
    """Return a case of one's own: what was filed, and every step with what was stated."""
    return {
        "number": case.number,
        "kind": case.kind,
        "status": case.status,
        "opened_at": case.opened_at.isoformat(),
        "closed_at": case.closed_at.isoformat() if case.closed_at else None,
        "title": presenter(case).title(case),
        "filed": filed(case, actor),
        "steps": [
            {"at": event.at.isoformat(), "step": event.transition, "by": event.role, "stated": event.data}
            for event in queries.timeline(case)
        ],
    }


def correct_contact(actor: Actor, case_id: str, phone: str) -> Case:
    """Correct the telephone number in one's own open application; what stood there before is forgotten.

    :raises Conflict: when the case is closed
    """
    with begin(actor) as unit:
        case = engine.lock(unit, case_id)
        if case.closed_at is not None:
            raise Conflict(_("This case is closed; its data can no longer be changed."))
        unit.session.get_one(Application, case.id, with_for_update=True).contact_phone = phone
        detail = {"field": "contact_phone"}
        append(unit, "personal.corrected", ("case", case.id), case_id=case.id, detail=detail)
    return case


def contact() -> dict[str, Any]:
    """Return the form of a correction."""
    return {"contact_phone": [identity.phone]}
