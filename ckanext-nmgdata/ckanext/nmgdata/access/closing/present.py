"""How a closing is shown: ground, data, way to correct and way to object (R-SUSP-04)."""

from __future__ import annotations

from typing import Any

from ckan import model

from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.deadlines import statutes
from ...kernel.deadlines.calendar import load
from ...kernel.evidence import files as evidence
from ...kernel.workflow import engine, machine, presenters, subjects
from ...kernel.workflow.model import Case
from ...marks import joined
from . import workflow
from .model import AccessSuspension

HANDLED_BY = (machine.PROVIDER, machine.AUTHORITY)


def title(case: Case) -> str:
    """Return the titles of the data, without any name."""
    return joined(subjects.titles(case.id))


def payload(case: Case, actor: Actor) -> dict[str, Any]:
    """Return the notice; who only oversees sees the person's name masked (R-SEC-11)."""
    row = model.Session.get_one(AccessSuspension, case.id)
    knows = machine.is_filer(actor, case) or any(machine.ROLES[role](actor, case) for role in HANDLED_BY)
    origin = model.Session.get_one(Case, row.origin_case_id)
    return {
        "person": row.person_name if knows else presenters.masked("person_name", row.person_name),
        "organisation": row.credit_code is not None,
        "ground": row.ground,
        "facts": row.facts,
        "evidence": row.evidence if knows else "",
        "correct_by": row.correct_by.isoformat(),
        "proof": row.proof if knows else None,
        "files": [evidence.shown(file) for file in evidence.of_case(case.id)],
        "data": workflow.data_of(case.id),
        "application": origin.number,
        "authority": workflow.authority_of(case),
        "own": machine.is_filer(actor, case),
    }


def defaults(case: Case, step: str) -> dict[str, Any]:
    """Begin a refusal with the old date, or with one that leaves time for a correction."""
    if step == "claim":
        return {"form": evidence.new_secret(), "attached": []}
    if step != "refuse_claim":
        return {}
    row = model.Session.get_one(AccessSuspension, case.id)
    spare = load().add(clock.today(), statutes.get(workflow.LIFT).working_days or 0).on
    return {"correct_by": max(row.correct_by, spare).isoformat()}


def install() -> None:
    """Say how closings are shown."""
    template = "nmgdata/access_suspension/filed.html"
    shown = presenters.Presenter(title, payload, template, defaults, reads_evidence=engine.may_see)
    presenters.register(workflow.KIND, shown)
