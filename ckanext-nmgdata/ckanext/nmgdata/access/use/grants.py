"""Grants and their reports as their holders and the departments read them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model

from ...kernel import clock, orgs
from ...kernel.actors import Actor, Role
from ...kernel.audit.model import AuditEvent
from ...kernel.gate import closures
from ...kernel.gate.holders import held_by
from ...kernel.gate.model import Grant, GrantScope
from ...kernel.workflow import presenters, subjects
from ...kernel.workflow.model import Case
from ...marks import joined
from ..model import Application
from .model import UseReport
from .workflow import REPORT

LIST = 200


def of_holder(actor: Actor) -> list[dict[str, Any]]:
    """Return a person's grants, the newest first: what, on which terms, until when, which reports are due."""
    query = select().where(held_by(actor.user_id)).limit(LIST)
    return dictized(model.Session.execute(query).all(), actor)


def one(grant_id: str) -> dict[str, Any]:
    """Return one grant."""
    return dictized(model.Session.execute(select().where(Grant.id == grant_id)).all())[0]


def of_office(actor: Actor, limit: int = LIST) -> list[dict[str, Any]]:
    """Return the grants of a reviewer's departments, and as the authority those of its region."""
    query = select().where(within(actor)).limit(limit)
    return dictized(model.Session.execute(query).all())


def select() -> sa.Select[Any]:
    """Return the query for grants with their case and the name of their holder."""
    return (
        sa.select(Grant, Case, Application)
        .join(Case, Case.id == Grant.case_id)
        .join(Application, Application.case_id == Case.id)
        .order_by(Grant.created_at.desc(), Grant.id)
    )


def within(actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition on cases of an office: a department's own, the authority's region."""
    overseen = orgs.within(Case.region_code, actor.regions(Role.AUTHORITY))
    return sa.or_(Case.org_id.in_(actor.orgs(Role.REVIEWER)), overseen)


def dictized(rows: Any, reader: Actor | None = None) -> list[dict[str, Any]]:
    """Return grants with what belongs to them; each kind of thing is fetched once for all.

    The name of a natural person is in clear to themselves only (R-SEC-11).
    """
    ids = [grant.id for grant, _case, _applicant in rows]
    case_ids = [case.id for _grant, case, _applicant in rows]
    datasets, used, due = scopes(ids), downloads(case_ids), open_reports(ids)
    today = clock.today()
    return [
        {
            "id": grant.id,
            "case": case.number,
            "status": case.status,
            "holder": holder(grant, applicant, reader),
            "organisation": applicant.credit_code is not None,
            "own": reader is not None and grant.holder_id == reader.user_id,
            "quota": grant.quota,
            "per_hour": grant.per_hour,
            "purpose": grant.purpose,
            "use_scope": grant.use_scope,
            "provision_mode": grant.provision_mode,
            "valid_from": grant.valid_from.isoformat(),
            "valid_until": grant.valid_until.isoformat(),
            "accepted": grant.accepted_at is not None,
            "ended_at": grant.ended_at.isoformat() if grant.ended_at else None,
            "live": grant.ended_at is None and grant.valid_until >= today,
            "datasets": [
                {**one, "closed": closures.reaching(one["id"], grant.holder_id) is not None}
                for one in datasets.get(grant.id, [])
            ],
            "downloads": used.get(case.id, 0),
            "reports": due.get(grant.id, []),
        }
        for grant, case, applicant in rows
    ]


def holder(grant: Grant, applicant: Application, reader: Actor | None) -> str:
    """Return the name of who holds a grant."""
    own = reader is not None and grant.holder_id == reader.user_id
    return applicant.applicant_name if own else named(applicant)


def named(applicant: Application) -> str:
    """Return the name of who has applied as offices see it: that of a natural person masked (R-SEC-11)."""
    if applicant.credit_code is not None:
        return applicant.applicant_name
    return presenters.masked("applicant_name", applicant.applicant_name) or ""


def scopes(grant_ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the datasets that grants reach."""
    package: Any = model.Package
    query = (
        sa.select(GrantScope.grant_id, package.id, package.name, package.title)
        .join(package, package.id == GrantScope.dataset_id)
        .where(GrantScope.grant_id.in_(grant_ids))
        .distinct()
        .order_by(package.title, package.id)
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for grant_id, key, name, title in model.Session.execute(query):
        found.setdefault(grant_id, []).append({"id": key, "name": name, "title": title or name})
    return found


def downloads(case_ids: list[str]) -> dict[str, int]:
    """Return how often data left under the grants of cases, by the audit log."""
    query = (
        sa.select(AuditEvent.case_id, sa.func.count())
        .where(AuditEvent.case_id.in_(case_ids), AuditEvent.verb == "download.allowed")
        .group_by(AuditEvent.case_id)
    )
    return {case_id: count for case_id, count in model.Session.execute(query) if case_id}


def open_reports(grant_ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the reports of grants that are still to be given or completed."""
    query = (
        sa.select(UseReport.grant_id, Case.number, Case.due_on)
        .join(Case, Case.id == UseReport.case_id)
        .where(UseReport.grant_id.in_(grant_ids), Case.status.in_(("due", "returned")))
        .order_by(Case.due_on)
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for grant_id, number, due_on in model.Session.execute(query):
        late = due_on is not None and due_on < clock.today()
        line = {"number": number, "due_on": due_on.isoformat() if due_on else None, "overdue": late}
        found.setdefault(grant_id, []).append(line)
    return found


def reports(actor: Actor, *, only_overdue: bool = False, limit: int = LIST) -> list[dict[str, Any]]:
    """Return the use reports that a person gives, and those that their offices receive (R36¶3: both)."""
    org = model.Group
    query = (
        sa.select(UseReport, Case, org.title)
        .join(Case, Case.id == UseReport.case_id)
        .outerjoin(org, org.id == Case.org_id)
        .where(Case.kind == REPORT, sa.or_(Case.filer_id == actor.user_id, within(actor)))
        .order_by(UseReport.due_on.desc(), Case.number)
        .limit(limit)
    )
    if only_overdue:
        query = query.where(Case.due_on < clock.today(), Case.closed_at.is_(None))
    found = model.Session.execute(query).all()
    used = subjects.datasets([case.id for _report, case, _department in found])
    return [
        {
            "number": case.number,
            "status": case.status,
            "period_from": report.period_from.isoformat(),
            "period_until": report.period_until.isoformat(),
            "is_last": report.is_last,
            "due_on": (case.due_on or report.due_on).isoformat(),
            "overdue": case.due_on is not None and case.due_on < clock.today(),
            "dataset_id": case.dataset_id,
            "datasets": subjects.named(used.get(case.id, [])),
            "title": joined(one.title or one.name for one in used.get(case.id, [])),
            "department": department or "",
            "own": case.filer_id == actor.user_id,
        }
        for report, case, department in found
    ]
