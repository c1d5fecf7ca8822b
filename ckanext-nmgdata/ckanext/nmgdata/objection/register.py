"""The public register of suspensions and withdrawals: what, when, why, which case; nobody's personal data."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel import orgs
from ..kernel.actors import Actor, Role
from ..kernel.gate.labels import may_be_named
from ..kernel.gate.model import Suspension
from ..kernel.workflow import machine as machines
from ..kernel.workflow import queries
from ..kernel.workflow.model import Case, CaseEvent
from ..kernel.workflow.presenters import dataset_title
from .model import Objection
from .workflow import EX_OFFICIO, KIND, OPEN

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
CLOSED_BY = {KIND: N_("Closed because of an objection"), EX_OFFICIO: N_("Opening suspended ex officio")}
COLUMNS = (
    "case", "kind", "kind_label", "dataset_id", "title", "department", "files", "since", "until", "state",
    "state_label", "reason",
)  # fmt: skip


def rows(limit: int, offset: int = 0, dataset_id: str | None = None) -> list[dict[str, Any]]:
    """Return the register, the newest first; one row per case, whatever became of its entry.

    An entry that is not public (any more) is not named (DC-28).
    """
    package: Any = model.Package
    stops = (
        sa.select(
            Suspension.case_id,
            sa.func.min(Suspension.since).label("since"),
            sa.func.max(Suspension.lifted_at).label("until"),
            sa.func.count().filter(Suspension.resource_id.is_not(None)).label("files"),
        )
        .group_by(Suspension.case_id)
        .subquery()
    )
    query = (
        sa.select(
            Case,
            stops.c.since,
            stops.c.until,
            stops.c.files,
            sa.case((may_be_named(), sa.func.coalesce(sa.func.nullif(package.title, ""), package.name))),
            orgs.GROUP.title,
        )
        .join(stops, stops.c.case_id == Case.id)
        .join(package, package.id == Case.dataset_id)
        .outerjoin(orgs.GROUP, orgs.GROUP.id == Case.org_id)
        .order_by(stops.c.since.desc(), Case.number.desc())
        .limit(limit)
        .offset(offset)
    )
    if dataset_id:
        query = query.where(Case.dataset_id == dataset_id, may_be_named())
    found = model.Session.execute(query).all()
    reasons = public_reasons([row[0].id for row in found])
    return [line(row, reasons) for row in found]


def line(row: Any, reasons: dict[str, str]) -> dict[str, Any]:
    """Return one line of the register."""
    case, since, until, files, title, department = row
    machine = machines.of_case(case)
    return {
        "case": case.number,
        "kind": case.kind,
        "kind_label": _(machine.label),
        "dataset_id": case.dataset_id if title else None,
        "title": title or _("(an entry that is not public)"),
        "department": (department or "") if title else "",
        "files": files or None,
        "since": since.isoformat(),
        "until": until.isoformat() if until and case.closed_at else None,
        "state": case.status,
        "state_label": _(machine.state(case.status).label),
        "reason": reasons.get(case.id, ""),
    }


def public_reason(number: str) -> str | None:
    """Return why a case closed data: its published reason, until then of which kind it is."""
    case = queries.by_reference(number)
    if case is None or case.kind not in CLOSED_BY:
        return None
    return public_reasons([case.id]).get(case.id) or _(CLOSED_BY[case.kind])


def public_reasons(case_ids: list[str]) -> dict[str, str]:
    """Return the published reasons of the outcomes of cases."""
    query = sa.select(CaseEvent.case_id, CaseEvent.data).where(CaseEvent.case_id.in_(case_ids))
    found = model.Session.execute(query.order_by(CaseEvent.id)).all()
    said = ((case_id, data.get("public_reason") or data.get("reason")) for case_id, data in found)
    return {case_id: reason for case_id, reason in said if reason}


def open_objections(actor: Actor, limit: int = 500) -> list[dict[str, Any]]:
    """Return objections in an authority's reach whose suspension stands, the most from one address first."""
    same = sa.func.count().over(partition_by=Objection.address_key)
    query = (
        sa.select(Case, Objection.proven, Objection.contact_verified_at, same)
        .join(Objection, Objection.case_id == Case.id)
        .where(Case.status.in_(OPEN), orgs.within(Case.region_code, actor.regions(Role.AUTHORITY)))
        .order_by(same.desc(), Objection.filed_at.desc())
        .limit(limit)
    )
    return [
        {
            "number": case.number,
            "title": dataset_title(case),
            "opened_at": case.opened_at.isoformat(),
            "account": case.filer_id is not None,
            "verified": verified is not None,
            "proven": proven,
            "same": count,
        }
        for case, proven, verified, count in model.Session.execute(query)
    ]
