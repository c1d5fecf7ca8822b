"""Cases as dictionaries, for the API and the pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel.actors import Actor
from ..kernel.deadlines import ledger, statutes
from ..kernel.deadlines.calendar import Calendar, load
from ..kernel.orgs import title_of as org_title
from ..kernel.workflow import engine, presenters, queries
from ..kernel.workflow import machine as machines
from ..kernel.workflow.model import Case, CaseEvent

_ = tk._


def briefs(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Return cases in one row each; datasets, departments and calendar are fetched once for all."""
    wanted = ((model.Package, {c.dataset_id for c in cases}), (model.Group, {c.org_id for c in cases}))
    kept = [model.Session.scalars(sa.select(kind).where(kind.id.in_(ids))).all() for kind, ids in wanted]
    calendar = load()
    rows = [brief(case, calendar) for case in cases]
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
        "due": due(case, calendar),
    }


def due(case: Case, calendar: Calendar | None = None) -> dict[str, Any] | None:
    """Return what is left of the period that runs, as people count it."""
    if case.due_on is None or case.closed_at is not None:
        return None
    left = ledger.time_left(case.due_on, case.provisional, calendar)
    return {"on": case.due_on.isoformat(), "working_days": left.working_days, "provisional": left.provisional}


def show(case: Case, actor: Actor) -> dict[str, Any]:
    """Return a case with its timeline, its deadlines and what this person may do."""
    machine = machines.of_case(case)
    return {
        **brief(case),
        "basis": machine.basis,
        "filed": presenters.filed(case, actor),
        "timeline": [step(machine, event) for event in queries.timeline(case)],
        "deadlines": [deadline(row) for row in ledger.of_case(case.id)],
        "possible": [{"name": s.name, "label": _(s.label)} for s in engine.possible(case, actor)],
    }


def step(machine: machines.Machine, event: CaseEvent) -> dict[str, Any]:
    """Return one step of a timeline; the office that acted, never the person."""
    transition = machine.step(event.transition)
    return {
        "at": event.at.isoformat(),
        "step": event.transition,
        "label": _(transition.label) if transition else event.transition,
        "status": event.target,
        "status_label": _(machine.state(event.target).label),
        "by": event.role,
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
