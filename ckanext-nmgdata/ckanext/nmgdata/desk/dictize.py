"""Cases as dictionaries, for the API and the pages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel.actors import Actor
from ..kernel.deadlines import ledger, statutes
from ..kernel.deadlines.calendar import Calendar, load
from ..kernel.deadlines.model import Deadline
from ..kernel.orgs import title_of as org_title
from ..kernel.workflow import assignment, boxes, engine, presenters, queries, subjects, succession, urges
from ..kernel.workflow import machine as machines
from ..kernel.workflow.model import Case, CaseEvent, Urge

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
BESIDE = {
    urges.STEP: lambda: _("Urged by the authority"),
    succession.STEP: lambda: _("Passed to the successor of the department"),
}
"""What stands in a timeline without being a step of the machine."""
ACTING = {
    machines.PROVIDER: N_("department"),
    machines.OFFICE: N_("department"),
    machines.DEPARTMENT: N_("department"),
    machines.AUTHORITY: N_("authority"),
    machines.SYSTEM: N_("platform"),
}
"""Who acts in a case besides who files it."""


def briefs(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Return cases in one row each; datasets, departments and calendar are fetched once for all."""
    wanted = ((model.Package, {c.dataset_id for c in cases}), (model.Group, {c.org_id for c in cases}))
    kept = [model.Session.scalars(sa.select(kind).where(kind.id.in_(ids))).all() for kind, ids in wanted]
    calendar = load()
    about = subjects.datasets([case.id for case in cases])
    rows = [{**brief(case, calendar), "datasets": subjects.named(about.get(case.id, []))} for case in cases]
    del kept  # until here it kept the session from forgetting them
    return rows


def brief(case: Case, calendar: Calendar | None = None) -> dict[str, Any]:
    """Return a case in one row: number, what it is about, where it stands, until when."""
    machine = machines.of_case(case)
    state = machine.state(case.status)
    return {
        "id": case.id,
        "number": case.number,
        "kind": case.kind,
        "kind_label": _(machine.label),
        "title": presenters.of_case(case).title(case),
        "status": case.status,
        "status_label": _(state.label),
        "holder": case.holder,
        "dataset_id": case.dataset_id,
        "org_id": case.org_id,
        "department": org_title(case.org_id),
        "opened_at": case.opened_at.isoformat(),
        "changed_at": case.changed_at.isoformat(),
        "closed_at": case.closed_at.isoformat() if case.closed_at else None,
        "erased_at": case.erased_at.isoformat() if case.erased_at else None,
        "due": due(case, calendar),
    }


def rows(cases: Sequence[Case], actor: Actor, sort: str) -> list[dict[str, Any]]:
    """Return cases as an office reads them in its boxes: also who deals with them, and if they are urged.

    ``cursor`` is the place of the row; what comes after it is the next page.
    """
    names = people({case.assignee_id for case in cases if case.assignee_id})
    urged = urges.open_among([case.id for case in cases])
    return [
        {
            **row,
            "region_code": case.region_code,
            "assignee": names.get(case.assignee_id or ""),
            "urged": case.id in urged,
            "may_assign": assignment.may_assign(case, actor),
            "cursor": boxes.cursor(case, sort),
        }
        for case, row in zip(cases, briefs(cases), strict=True)
    ]


def people(ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the names of officials by the ids of their accounts."""
    query = sa.select(model.User).where(model.User.id.in_(ids))
    found = model.Session.scalars(query)
    return {user.id: {"name": user.name, "display_name": user.display_name} for user in found}


def office(case: Case, actor: Actor) -> dict[str, Any]:
    """Return what the offices know of a case and its parties do not: who deals with it, the urgings."""
    found = urges.of_case(case.id)
    named = people({name for row, _period in found for name in (row.by_id, row.answered_by) if name})
    return {
        "assignee": people([case.assignee_id]).get(case.assignee_id) if case.assignee_id else None,
        "may_urge": urges.may_urge(case, actor) and not any(urges.is_open(row) for row, _p in found),
        "may_assign": assignment.may_assign(case, actor),
        "urges": [
            {**urge(*pair, named), "may_answer": urges.may_answer(pair[0], case, actor)} for pair in found
        ],
    }


def urge(row: Urge, period: Deadline, named: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return an urging with its answer."""
    left = ledger.time_left(period.due_on, period.provisional)
    running = urges.is_open(row)
    return {
        "at": row.at.isoformat(),
        "by": named.get(row.by_id, {}).get("display_name", ""),
        "office": org_title(row.org_id),
        "text": row.text,
        "due": as_due(left) if running else None,
        "answer": row.answer,
        "answered_by": named.get(row.answered_by or "", {}).get("display_name", ""),
        "answered_at": row.answered_at.isoformat() if row.answered_at else None,
        "settled_at": row.settled_at.isoformat() if row.settled_at else None,
    }


def due(case: Case, calendar: Calendar | None = None) -> dict[str, Any] | None:
    """Return what is left of the period that runs, as people count it."""
    if case.due_on is None or case.closed_at is not None:
        return None
    return as_due(ledger.time_left(case.due_on, case.provisional, calendar))


def as_due(left: ledger.TimeLeft) -> dict[str, Any]:
    """Return what is left of a period."""
    return {"on": left.due_on.isoformat(), "working_days": left.working_days, "provisional": left.provisional}


def show(case: Case, actor: Actor) -> dict[str, Any]:
    """Return a case with its timeline, its deadlines and what this person may do."""
    machine = machines.of_case(case)
    return {
        **briefs([case])[0],
        "basis": machine.basis,
        "filed": presenters.filed(case, actor),
        "timeline": [step(machine, event) for event in queries.timeline(case)],
        "deadlines": [deadline(row) for row in ledger.of_case(case.id) if row.statute != ledger.URGE],
        "office": office(case, actor) if engine.oversees(case, actor) else None,
        "possible": [{"name": s.name, "label": _(s.label)} for s in engine.possible(case, actor)],
    }


def step(machine: machines.Machine, event: CaseEvent) -> dict[str, Any]:
    """Return one step of a timeline; the office that acted, never the person."""
    transition = machine.step(event.transition)
    return {
        "at": event.at.isoformat(),
        "step": event.transition,
        "label": _(transition.label) if transition else BESIDE.get(event.transition, lambda: "")(),
        "status": event.target,
        "status_label": _(machine.state(event.target).label),
        "by": event.role,
        "by_label": _(ACTING.get(event.role, machine.filer)),
        "stated": event.data,
    }


def deadline(row: Any) -> dict[str, Any]:
    """Return one period of a case, and whether its length stands in the law."""
    return {
        "id": row.statute,
        "source": row.source,
        "basis": statutes.cited(row.source),
        "in_law": statutes.get(row.statute).in_law,
        "working_days": row.working_days,
        "started_on": row.started_on.isoformat(),
        "due_on": row.due_on.isoformat(),
        "provisional": row.provisional,
        "state": "paused" if row.state == "open" and row.paused_on else row.state,
    }
