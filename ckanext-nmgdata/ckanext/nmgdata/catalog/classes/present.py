"""How changes of class and evaluations are shown, in cases and in lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ... import vocab
from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.evidence import files as evidence
from ...kernel.openness import NON_OPEN, closes, is_stricter
from ...kernel.orgs import title_of
from ...kernel.workflow import engine, presenters
from ...kernel.workflow.model import Case
from ...kernel.workflow.presenters import Presenter, dataset_name, dataset_title
from . import filing, rule, steps
from .logic import schema
from .model import CONCLUSIONS, CONVERTIBLE, EASE, HARDER, KEEP, TIGHTEN, ClassChange, Evaluation

_ = tk._
SHOWN = (
    "before", "after", "publishes", "reason", "legal_basis", "open_condition", "needs_id_number",
    "nonopen_ground", "basis",
    "evaluation", "processing_kind", "processing", "consented_by", "secrecy_review",
)  # fmt: skip


def change(case: Case, actor: Actor) -> dict[str, Any]:
    """Return what a change states."""
    row = model.Session.get_one(ClassChange, case.id)
    return {
        **{name: getattr(row, name) for name in SHOWN},
        "stricter": closes(row.before, row.after, row.basis),
        "conditions": row.before == row.after,
        "dataset_name": dataset_name(case),
        "evidence": [evidence.shown(e) for e in evidence.of_case(case.id)],
        "evaluation_number": number_of_evaluation(case),
        "processing_label": _(schema.KINDS[row.processing_kind]) if row.processing_kind else "",
    }


def conditions_of(package: model.Package | None) -> str:
    """Return the conditions that an entry states now."""
    return ((package.extras or {}) if package else {}).get("open_condition") or ""


def conditions_stated(package: model.Package | None) -> dict[str, str]:
    """Return what forms of conditions begin with: those of the entry."""
    asks = bool(package) and rule.asks_id_number(package.extras or {})
    return {"open_condition": conditions_of(package), "needs_id_number": "true" if asks else "false"}


def number_of_evaluation(case: Case) -> str | None:
    """Return the number of the evaluation that began a change."""
    query = (
        model.Session.query(Case.number)
        .join(Evaluation, Evaluation.case_id == Case.id)
        .filter(Evaluation.change_id == case.id)
    )
    return query.scalar()


def change_of(case: Case) -> str | None:
    """Return the number of the change that an evaluation began."""
    row = model.Session.get_one(Evaluation, case.id)
    found = model.Session.get(Case, row.change_id) if row.change_id else None
    return found.number if found else None


def begun_change(case: Case, step: str) -> dict[str, Any]:
    """Begin the form of an opening with what the entry says already."""
    if step != "convert":
        return {}
    row = model.Session.get_one(ClassChange, case.id)
    return beginning(presenters.dataset_of(case), row.before, row.after)


def beginning(
    package: model.Package | None, before: str | None, after: str | None, conditions: str = ""
) -> dict[str, Any]:
    """Return the values a form of a change begins with, and what it asks for.

    :param conditions: ``harder`` or ``easier`` where only they change
    """
    extras = (package.extras or {}) if package else {}
    last = filing.last(package.id) if package else None
    return {
        "before": before,
        "after": after,
        "conditions": conditions,
        "stricter": is_stricter(before, after) or conditions == HARDER,
        "reason": "" if before == NON_OPEN else extras.get("open_reason", ""),
        "legal_basis": "" if before == NON_OPEN else extras.get("open_legal_basis", ""),
        **conditions_stated(package),
        "evaluation": last.findings if last else "",
        "license_id": package.license_id if package else "",
        "form": evidence.new_secret(),
        "attached": [],
    }


def begun_evaluation(case: Case, step: str) -> dict[str, Any]:
    """Begin the form of a conclusion with what the entry states, and the classes it may name."""
    row = model.Session.get_one(Evaluation, case.id)
    package = presenters.dataset_of(case)
    extras = (package.extras or {}) if package else {}
    found = targets(row).get(step, [])
    return {
        "reason": extras.get("open_reason", ""),
        "legal_basis": extras.get("open_legal_basis", ""),
        "targets": [{"value": name, "label": vocab.label("open_class", name)} for name in found],
        **conditions_stated(package),
    }


def targets(row: Evaluation) -> dict[str, list[str]]:
    """Return the conclusions that an evaluation may come to, each with the classes that it may name."""
    further = schema.targets(row.open_class, row.published, 1)
    stricter = schema.targets(row.open_class, row.published, -1)
    possible = {KEEP: True, CONVERTIBLE: further, EASE: steps.eases(row), TIGHTEN: stricter}
    named = {CONVERTIBLE: further, TIGHTEN: stricter}
    return {name: named.get(name, []) for name, is_possible in possible.items() if is_possible}


def offers(case: Case, step: str) -> bool:
    """Say whether the page offers a step: no conclusion that this evaluation cannot come to."""
    return step not in CONCLUSIONS or step in targets(model.Session.get_one(Evaluation, case.id))


def evaluation(case: Case, actor: Actor) -> dict[str, Any]:
    """Return what an evaluation is about, and what it found."""
    row = model.Session.get_one(Evaluation, case.id)
    package = presenters.dataset_of(case)
    extras = (package.extras or {}) if package else {}
    return {
        "dataset_name": dataset_name(case),
        "open_class": row.open_class,
        "published": row.published,
        "due_on": row.due_on.isoformat(),
        "entry_reason": extras.get("open_reason"),
        "entry_legal_basis": extras.get("open_legal_basis"),
        "entry_condition": conditions_of(package) if row.published else "",
        "answers": [
            {"name": name, "question": _(question), "answer": _(schema.ANSWERS[row.answers[name]])}
            for name, question in schema.QUESTIONS.items()
            if name in row.answers
        ],
        "findings": row.findings,
        "conclusion": row.conclusion,
        "target": row.target,
        "change": change_of(case),
        "before": last_of(filing.last(row.dataset_id)),
        "may_evaluate": any(s.name in ("keep", "convertible") for s in engine.possible(case, actor)),
    }


def last_of(row: Evaluation | None) -> dict[str, Any] | None:
    """Return what an evaluation concluded, and when."""
    if row is None or row.evaluated_on is None:
        return None
    return {"on": row.evaluated_on.isoformat(), "conclusion": row.conclusion}


def due_lines(found: Sequence[tuple[Case, Evaluation]]) -> list[dict[str, Any]]:
    """Return evaluations that are to be made; entries, departments and last ones are fetched once for all."""
    today, ids = clock.today(), {row.dataset_id for _case, row in found}
    wanted = ((model.Package, ids), (model.Group, {case.org_id for case, _row in found}))
    kept = [model.Session.scalars(sa.select(kind).where(kind.id.in_(keys))).all() for kind, keys in wanted]
    lasts = filing.lasts(ids)
    lines = [due_line(case, row, lasts.get(row.dataset_id), today) for case, row in found]
    del kept  # until here it kept the session from forgetting them
    return lines


def due_line(case: Case, row: Evaluation, last: Evaluation | None, today: date) -> dict[str, Any]:
    """Return one evaluation that is to be made."""
    return {
        "id": case.id,
        "number": case.number,
        "dataset_id": row.dataset_id,
        "title": dataset_title(case),
        "department": title_of(case.org_id),
        "open_class": row.open_class,
        "open_class_label": vocab.label("open_class", row.open_class),
        "published": row.published,
        "due_on": row.due_on.isoformat(),
        "overdue": row.due_on < today,
        "last": last_of(last),
    }


def install() -> None:
    """Say how both kinds of case are shown."""
    folder = "nmgdata/{}/filed.html".format
    presenters.register(
        steps.CHANGE,
        Presenter(dataset_title, change, folder(steps.CHANGE), begun_change, reads_evidence=engine.may_see),
    )
    shown = folder(steps.EVALUATION)
    presenters.register(
        steps.EVALUATION, Presenter(dataset_title, evaluation, shown, begun_evaluation, offers=offers)
    )
