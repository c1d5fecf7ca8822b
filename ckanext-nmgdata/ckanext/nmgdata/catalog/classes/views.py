"""Pages of classes that move: the form of a change, evaluations in turn, announcements, the negative list."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint, Response, jsonify

from ... import vocab
from ...kernel import cells, clock
from ...kernel.actors import Actor, Role
from ...kernel.deadlines import statutes
from ...kernel.evidence import files as evidence
from ...kernel.gate.doors import asking
from ...kernel.openness import CONDITIONAL, is_stricter
from ...kernel.orgs import title_of
from ...kernel.types import Conflict
from ...kernel.workflow import engine, queries
from ...kernel.workflow import machine as machines
from ...kernel.workflow.model import Case
from ...kernel.workflow.presenters import dataset_title
from ...reader import context, need_login
from . import entry, filing, history, negative, present, rule, steps
from .logic import schema
from .model import CONVERTIBLE, EASE, EASIER, HARDER, KEEP, TIGHTEN, Evaluation

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
blueprint = Blueprint("nmgdata_classes", __name__)
PAGE = 50
MOST = 10_000


# --- the change ----------------------------------------------------------------------------------


@blueprint.route("/nmg/classes/change/<id>", methods=["GET", "POST"])
def change(id: str) -> Any:
    """Show the form that changes the class of an entry; on POST file it and go to the case."""
    if answer := need_login():
        return answer
    package, actor = own_entry(id), asking()
    before = (package.extras or {}).get("open_class")
    wanted = tk.request.values.get("open_class", "")
    conditions = tk.request.values.get("conditions", "")
    if not entry_is_published(package):
        tk.h.flash_notice(_("This entry has never been published: change its class by editing it."))
        return tk.redirect_to("dataset.edit", id=package.name)
    if conditions not in ways(actor, package) if wanted == before else wanted not in classes(actor, package):
        return tk.render("nmgdata/open_class_change/choose.html", choosing(package, actor, before))
    data: dict[str, Any] = present.beginning(package, before, wanted, conditions)
    errors: dict[str, Any] = {}
    if tk.request.method == "POST":
        try:
            return filed(send(package, data), stricter=data["stricter"])
        except tk.ValidationError as invalid:
            errors = invalid.error_dict
            data["attached"] = [evidence.shown(row) for row in evidence.drafts(data["form"])]
    values = {
        "dataset": package, "data": data, "errors": errors, "target": wanted,
        "stricter": data["stricter"], "conditions_now": present.conditions_of(package),
        "asks_now": rule.asks_id_number(package.extras or {}), **choices(),
    }  # fmt: skip
    return tk.render("nmgdata/open_class_change/change.html", values)


def send(package: model.Package, data: dict[str, Any]) -> dict[str, Any]:
    """File what the form has sent; ``data`` keeps it for the form that comes again."""
    typed = tk.request.form.to_dict()
    data.update(typed)
    drop = tk.request.form.getlist("drop")
    files = tk.request.files.getlist("evidence")
    sent = {**typed, "id": package.id, "drop": drop, "evidence": files}
    try:
        return tk.get_action("nmgdata_class_change_submit")(context(), sent)
    except tk.NotAuthorized as refused:
        return tk.abort(403, str(refused))


def filed(made: dict[str, Any], *, stricter: bool) -> Any:
    """Say what a filed change brings, and go where its filer can see it."""
    if stricter:
        tk.h.flash_success(_("The proposal has gone to the authority."))
    else:
        tk.h.flash_success(_("The change is in effect."))
    return tk.redirect_to("nmgdata_desk.case", number=made["number"])


def own_entry(reference: str) -> model.Package:
    """Return an entry of the reader's department; of others' there is none."""
    package = model.Package.get(reference)
    actor = asking()
    org = package.owner_org if package and package.state == model.State.ACTIVE else None
    if package is None or not (actor.has(Role.EDITOR, org) or actor.has(Role.REVIEWER, org)):
        tk.abort(404, _("Dataset not found"))
    return package


def entry_is_published(package: model.Package) -> bool:
    """Say whether the public has ever seen an entry."""
    row = model.Session.get(entry.Entry, package.id)
    return row is not None and row.published_at is not None


def was_published(dataset_id: str) -> bool:
    """Say whether the public has ever seen an entry, so that its class moves only by a case; for the form."""
    package = model.Session.get(model.Package, dataset_id)
    return package is not None and entry_is_published(package)


def may_move(dataset_id: str) -> bool:
    """Say whether the reader may file a change of an entry's class; for the pages."""
    package, actor = model.Session.get(model.Package, dataset_id), asking()
    org = package.owner_org if package else None
    mine = actor.has(Role.EDITOR, org) or actor.has(Role.REVIEWER, org)
    moves = package and (classes(actor, package) or ways(actor, package))
    return bool(mine and package and entry_is_published(package) and moves)


def classes(actor: Actor, package: model.Package) -> list[str]:
    """Return the classes that this person may move an entry to: editors propose, reviewers open."""
    here = (package.extras or {}).get("open_class")
    decides = actor.has(Role.REVIEWER, package.owner_org)
    return [
        name for name in vocab.terms("open_class")
        if name != here and (decides or is_stricter(here, name))
    ]  # fmt: skip


def ways(actor: Actor, package: model.Package) -> list[str]:
    """Return how this person may change the conditions of an entry: editors propose harder ones."""
    if (package.extras or {}).get("open_class") != CONDITIONAL:
        return []
    decides = actor.has(Role.REVIEWER, package.owner_org)
    return [EASIER, HARDER] if decides else [HARDER]


def choosing(package: model.Package, actor: Actor, before: str | None) -> dict[str, Any]:
    """Return the values of the page that asks for the direction."""
    limit = vocab.terms("data_level").get((package.extras or {}).get("data_level") or "", {})
    most = limit.get("max_open_class")
    return {
        "dataset": package,
        "before": before,
        "ways": [
            {
                "value": name,
                "stricter": is_stricter(before, name),
                "barred": bool(most) and is_stricter(name, most),
            }
            for name in classes(actor, package)
        ],
        "conditions": ways(actor, package),
        "conditions_now": present.conditions_of(package),
        "decides": actor.has(Role.REVIEWER, package.owner_org),
    }


def choices() -> dict[str, Any]:
    """Return the choices that forms of classes offer; also for the steps on the page of a case."""
    registers = model.Package.get_license_register().values()
    barred = schema.rules.NO_REUSE
    return {
        "bases": [
            {"value": "processing", "label": _("The data have been processed (脱密、脱敏)")},
            {"value": "consent", "label": _("The rights holders have consented")},
        ],
        "kinds": [{"value": name, "label": _(label)} for name, label in schema.KINDS.items()],
        "grounds": vocab.choices("nonopen_ground"),
        "licences": [{"value": one.id, "label": one.title} for one in registers if one.id not in barred],
        "questions": [{"name": name, "label": _(label)} for name, label in schema.QUESTIONS.items()],
        "answers": [{"value": name, "label": _(label)} for name, label in schema.ANSWERS.items()],
        "yes_no": [{"value": "false", "label": _("No")}, {"value": "true", "label": _("Yes")}],
    }


# --- evaluations ---------------------------------------------------------------------------------


@blueprint.route("/nmg/evaluations")
def evaluations() -> Any:
    """Show which evaluations are to be made, overdue ones first."""
    if answer := need_login():
        return answer
    org = tk.request.args.get("org", "").strip()
    try:
        lines = tk.get_action("nmgdata_evaluation_list")(context(), {"org_id": org, "limit": 500})
    except tk.NotAuthorized:
        return tk.abort(403, _("You have no right to do this."))
    totals = filing.totals(asking(), org_id=org)
    values = {
        "lines": lines,
        "departments": [(title_of(org_id), count, late) for org_id, count, late in totals],
        "all": sum(count for _org, count, _late in totals),
        "overdue": sum(late for _org, _count, late in totals),
    }
    return tk.render("nmgdata/open_evaluation/list.html", values)


def evaluations_due() -> tuple[int, int]:
    """Return how many evaluations the reader is to make or look after, and how many are overdue (helper)."""
    totals = filing.totals(asking())
    return sum(count for _org, count, _late in totals), sum(late for _org, _count, late in totals)


CONCLUDING = {
    KEEP: N_("Keep the class, for a renewed reason"),
    CONVERTIBLE: N_("Can be opened"),
    EASE: N_("Conditions can be easier"),
    TIGHTEN: N_("Must be closed further"),
}


@blueprint.route("/nmg/evaluations/<number>", methods=["GET", "POST"])
def evaluate(number: str) -> Any:
    """Show the questionnaire of one evaluation; on POST conclude it and go on to the next."""
    if answer := need_login():
        return answer
    case, actor = queries.by_reference(number), asking()
    if case is None or case.kind != steps.EVALUATION or not engine.may_see(case, actor):
        return tk.abort(404, _("Case not found"))
    if not machines.ROLES[machines.PROVIDER](actor, case) or case.closed_at is not None:
        return tk.redirect_to("nmgdata_desk.case", number=case.number)
    row = model.Session.get_one(Evaluation, case.id)
    filed = present.evaluation(case, actor)
    data: dict[str, Any] = present.begun_evaluation(case, KEEP)
    errors: dict[str, Any] = {}
    if tk.request.method == "POST":
        data = tk.request.form.to_dict()
        try:
            made = tk.get_action("nmgdata_evaluation_submit")(context(), {**data, "id": case.id})
        except Conflict as conflict:
            tk.h.flash_error(conflict.message)
        except tk.ValidationError as invalid:
            errors = invalid.error_dict
        else:
            return go_on(actor, made)
    values = {
        "case": case, "filed": filed, "data": data, "errors": errors, **choices(), **outcomes(row),
        "position": position(actor, case), "title": dataset_title(case),
        "days": statutes.get("D-OPEN-CONVERT").working_days,
    }  # fmt: skip
    return tk.render("nmgdata/open_evaluation/evaluate.html", values)


def outcomes(row: Evaluation) -> dict[str, Any]:
    """Return the conclusions that are possible for an entry, and the classes that each may name."""
    possible = present.targets(row)
    classes = [name for names in possible.values() for name in names]
    return {
        "conclusions": [
            {"value": name, "label": _(label)} for name, label in CONCLUDING.items() if name in possible
        ],
        "targets": [{"value": name, "label": vocab.label("open_class", name)} for name in classes],
    }


def own_due(actor: Actor) -> list[Case]:
    """Return the evaluations that the reader may make, the most urgent first."""
    found = filing.due(actor, limit=500)
    return [case for case, _row in found if machines.ROLES[machines.PROVIDER](actor, case)]


def position(actor: Actor, case: Case) -> tuple[int, int]:
    """Return the place of an evaluation among those the reader may make, and how many there are."""
    numbers = [one.number for one in own_due(actor)]
    return (numbers.index(case.number) + 1 if case.number in numbers else 0, len(numbers))


def go_on(actor: Actor, made: dict[str, Any]) -> Any:
    """Say what was concluded and go on to the next evaluation, or back to the list."""
    tk.h.flash_success(_("The evaluation {number} is recorded.").format(number=made["number"]))
    if made["change"]:
        tk.h.flash_notice(_("It has begun the change of open class {number}.").format(number=made["change"]))
    following = own_due(actor)
    if following:
        return tk.redirect_to("nmgdata_classes.evaluate", number=following[0].number)
    return tk.redirect_to("nmgdata_classes.evaluations")


# --- for the public ------------------------------------------------------------------------------


@blueprint.route("/nmg/classes")
def announcements() -> str:
    """Show which data have changed their open class, the newest first; those that were closed on wish."""
    page = max(tk.h.get_page_number(tk.request.args), 1)
    stricter = tk.request.args.get("stricter") == "1"
    lines = history.announcements(PAGE + 1, (page - 1) * PAGE, stricter=stricter)
    values = {"lines": lines[:PAGE], "page": page, "more": len(lines) > PAGE, "stricter": stricter}
    return tk.render("nmgdata/open_class_change/announcements.html", values)


@blueprint.route("/nmg/classes.<kind>")
def announcements_file(kind: str) -> Any:
    """Give the changes of class to programs, as CSV or JSON."""
    stricter = tk.request.args.get("stricter") == "1"
    return as_file(kind, history.announcements(MOST, stricter=stricter), history.COLUMNS)


@blueprint.route("/nmg/negative-list")
def negative_list() -> Any:
    """Show the negative list: to the public where the region publishes it, to the offices always."""
    actor = asking()
    if not negative.reaches(actor):
        return tk.abort(404)
    page = max(tk.h.get_page_number(tk.request.args), 1)
    lines = negative.rows(actor, PAGE + 1, (page - 1) * PAGE)
    values = {
        "lines": lines[:PAGE], "page": page, "more": len(lines) > PAGE, "public": negative.is_public(),
        "today": clock.today().isoformat(),
    }  # fmt: skip
    return tk.render("nmgdata/open_class_change/negative.html", values)


@blueprint.route("/nmg/negative-list.<kind>")
def negative_list_file(kind: str) -> Any:
    """Give the negative list to programs, as CSV or JSON, as far as the reader may read it."""
    tk.request.environ["__no_cache__"] = True
    actor = asking()
    if not negative.reaches(actor):
        return tk.abort(404)
    return as_file(kind, negative.rows(actor, MOST), negative.COLUMNS)


def as_file(kind: str, lines: list[dict[str, Any]], columns: tuple[str, ...]) -> Any:
    """Return lines as JSON or CSV."""
    if kind == "json":
        return jsonify(lines)
    if kind == "csv":
        return Response(cells.table(lines, columns), content_type="text/csv; charset=utf-8")
    return tk.abort(404)
