"""How reports and results are shown on pages and in the API."""

from __future__ import annotations

from typing import Any

from ckan import model

from ...kernel.actors import Actor
from ...kernel.gate.model import Grant
from ...kernel.workflow import presenters, subjects
from ...kernel.workflow.model import Case
from ...marks import joined
from . import showcase, workflow
from .model import Showcase, UseReport


def report(case: Case, actor: Actor) -> dict[str, Any]:
    """Return the period and what was reported, beside what was permitted."""
    row = model.Session.get_one(UseReport, case.id)
    grant = model.Session.get_one(Grant, row.grant_id)
    origin = model.Session.get_one(Case, grant.case_id)
    return {
        "period_from": row.period_from.isoformat(),
        "period_until": row.period_until.isoformat(),
        "due_on": row.due_on.isoformat(),
        "is_last": row.is_last,
        "submitted_at": row.submitted_at.isoformat() if row.submitted_at else None,
        **{name: getattr(row, name) for name in workflow.STATED},
        "purpose": grant.purpose,
        "use_scope": grant.use_scope,
        "application": origin.number,
        "datasets": subjects.named(subjects.of(case.id)),
        "own": actor.user_id is not None and actor.user_id == case.filer_id,
    }


def report_title(case: Case) -> str:
    """Return the titles of the data that were used."""
    return joined(subjects.titles(case.id))


def report_form(case: Case, step: str) -> dict[str, Any]:
    """Begin the completion of a returned report with what was reported before."""
    if step != "complete":
        return {}
    row = model.Session.get_one(UseReport, case.id)
    return {name: getattr(row, name) for name in workflow.STATED}


def result(case: Case, actor: Actor) -> dict[str, Any]:
    """Return what was said of a result."""
    row = model.Session.get_one(Showcase, case.id)
    used = showcase.datasets_of([case.id]).get(case.id, [])
    return {**showcase.dictize(row), "datasets": used}


def result_title(case: Case) -> str:
    """Return the title of the result."""
    row = model.Session.get(Showcase, case.id)
    return row.title if row else ""


def install() -> None:
    """Say how both kinds of case are shown."""
    page = "nmgdata/usage_feedback/filed.html"
    presenters.register(workflow.REPORT, presenters.Presenter(report_title, report, page, report_form))
    page = "nmgdata/reuse_showcase/filed.html"
    presenters.register(workflow.SHOWCASE, presenters.Presenter(result_title, result, page))
