"""Pages of objections: the form, the receipt, evidence, the public register."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint, Response, jsonify, redirect

from ..kernel import cells
from ..kernel.actors import Role
from ..kernel.deadlines import statutes
from ..kernel.evidence import files as evidence
from ..kernel.gate.doors import asking
from ..kernel.unit import begin
from ..kernel.workflow import engine, machine, queries
from ..reader import context
from . import challenge, filing, limits, register
from .logic import action, schema
from .workflow import VERIFY

_ = tk._
blueprint = Blueprint("nmgdata_objection", __name__)
PAGE = 50


def dataset_of(dataset_id: str) -> dict[str, Any] | Response:
    """Return the dataset of a form, or where to go when there is nothing to close."""
    try:
        dataset, _files = action.objected_to(context(), {"dataset_id": dataset_id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return tk.abort(404, _("Dataset not found"))
    except tk.ValidationError as refused:
        tk.h.flash_notice(tk.h.nmgdata_first_error(refused.error_dict))
        return tk.redirect_to("dataset.read", id=dataset_id)
    return dataset


# --- the form ------------------------------------------------------------------------------------


@blueprint.route("/nmg/object/<dataset_id>", methods=["GET", "POST"])
def object_to(dataset_id: str) -> Any:
    """Show the form of an objection; on POST file it and show the receipt."""
    dataset = dataset_of(dataset_id)
    if not isinstance(dataset, dict):
        return dataset
    if tk.request.method == "GET":
        return form(dataset, beginning(), {})
    typed: dict[str, Any] = {name: tk.request.form.get(name, "") for name in schema.filing()}
    typed["resources"] = tk.request.form.getlist("resources")
    typed["form"] = tk.request.form.get("form") or evidence.new_secret()
    if gone := tk.request.form.getlist("drop"):
        with begin(asking()) as unit:
            evidence.drop(unit, typed["form"], gone)
    sent = {
        **typed,
        "dataset_id": dataset["id"],
        "evidence": tk.request.files.getlist("evidence"),
        "solution": tk.request.form.get("solution", ""),
    }
    try:
        receipt = tk.get_action("nmgdata_objection_submit")(context(), sent)
    except tk.ValidationError as invalid:
        status = getattr(invalid, "status", 200)
        headers = {"Retry-After": str(limits.RETRY)} if status == limits.TooManyError.status else {}
        return form(dataset, typed, invalid.error_dict), status, headers
    return tk.render("nmgdata/rights_objection/receipt.html", {"receipt": receipt, "dataset": dataset})


def beginning() -> dict[str, Any]:
    """Return the values an empty form begins with: what the account already says."""
    data: dict[str, Any] = {"objector_kind": "natural_person", "form": evidence.new_secret()}
    user = model.User.get(tk.current_user.id) if tk.current_user.is_authenticated else None
    if user is None:
        return data
    account = (user.plugin_extras or {}).get("nmgdata", {})
    return {
        **data,
        "objector_kind": account.get("kind", "natural_person"),
        "objector_name": account.get("organisation") or user.fullname or "",
        "credit_code": account.get("credit_code", ""),
        "contact_email": user.email or "",
    }


def form(dataset: dict[str, Any], data: dict[str, Any], errors: Any) -> str:
    """Render the form, with everything that was typed and attached."""
    if wanted := tk.request.args.get("resource_id"):
        data.setdefault("resources", [wanted])
    values = {
        "dataset": dataset,
        "data": data,
        "errors": errors,
        "grounds": grounds("person"),
        "attached": [evidence.shown(row) for row in evidence.drafts(data["form"])],
        "evidence_needed": filing.evidence_needed(),
        "challenge": challenge.new(),
        "days": statutes.get(VERIFY).working_days,
    }
    return tk.render("nmgdata/rights_objection/object.html", values)


def grounds(kind: str) -> list[dict[str, str]]:
    """Return the grounds as the choices of a field."""
    known = {choice["value"]: choice for choice in tk.h.nmgdata_choices({"vocabulary": "objection_ground"})}
    return [known[slug] for slug in schema.raised_by(kind)]


@blueprint.route("/nmg/object/verify/<number>", methods=["GET", "POST"])
def verify(number: str) -> Any:
    """Verify the address of contact by the link of its mail; a button, because mail scanners follow links."""
    row = filing.to_verify(number, tk.request.args.get("key", ""))
    if row is None:
        return tk.abort(404, _("Case not found"))
    done = tk.request.method == "POST"
    if done:
        filing.verify_contact(row.case_id, asking())
    return tk.render("nmgdata/rights_objection/verify.html", {"number": number, "done": done})


# --- suspension ex officio -----------------------------------------------------------------------


@blueprint.route("/nmg/suspend/<dataset_id>", methods=["GET", "POST"])
def suspend(dataset_id: str) -> Any:
    """Show the form of a suspension ex officio; on POST suspend and go to the case."""
    dataset = dataset_of(dataset_id)
    if not isinstance(dataset, dict):
        return dataset
    try:
        tk.check_access("nmgdata_suspension_create", context(), {"dataset_id": dataset["id"]})
    except tk.NotAuthorized:
        return tk.abort(403, _("You have no right to do this."))
    data: dict[str, Any] = {name: tk.request.form.get(name, "") for name in schema.ex_officio()}
    data["resources"] = tk.request.form.getlist("resources")
    errors: dict[str, Any] = {}
    if tk.request.method == "POST":
        try:
            made = tk.get_action("nmgdata_suspension_create")(
                context(), {**data, "dataset_id": dataset["id"]}
            )
        except tk.ValidationError as invalid:
            errors = invalid.error_dict
        else:
            tk.h.flash_success(_("Opening is suspended."))
            return tk.redirect_to("nmgdata_objection.opened", number=made["number"])
    values = {"dataset": dataset, "data": data, "errors": errors, "grounds": grounds("ex_officio")}
    return tk.render("nmgdata/exofficio_suspension/suspend.html", values)


@blueprint.route("/nmg/suspend/case/<number>")
def opened(number: str) -> Any:
    """Send an editor, who may not read the case, back to the dataset; others to the case."""
    case, actor = queries.by_reference(number), asking()
    if case is not None and engine.may_see(case, actor):
        return tk.redirect_to("nmgdata_desk.case", number=number)
    if case is None or not machine.is_office(actor, case):
        return tk.abort(404, _("Case not found"))
    return tk.redirect_to("dataset.read", id=case.dataset_id)


@blueprint.route("/nmg/objections", methods=["GET", "POST"])
def wave() -> Any:
    """Show the authority all open objections; on POST set those aside that are an abuse."""
    if not asking().regions(Role.AUTHORITY):
        return tk.abort(403, _("You have no right to do this."))
    errors: dict[str, Any] = {}
    if tk.request.method == "POST":
        wanted = {"ids": tk.request.form.getlist("ids"), "reason": tk.request.form.get("reason", "")}
        try:
            done = tk.get_action("nmgdata_objection_bulk_lift")(context(), wanted)
        except tk.ValidationError as invalid:
            errors = invalid.error_dict
        else:
            tk.h.flash_success(_("{n} suspensions lifted.").format(n=len(done["lifted"])))
            for number, message in done["failed"].items():
                tk.h.flash_error(f"{number}: {message}")
            return redirect(tk.url_for("nmgdata_objection.wave"))
    values = {"objections": register.open_objections(asking()), "errors": errors, "data": tk.request.form}
    return tk.render("nmgdata/rights_objection/wave.html", values)


# --- the public register -------------------------------------------------------------------------


@blueprint.route("/nmg/suspensions")
def suspensions() -> str:
    """Show the public register."""
    page = max(tk.h.get_page_number(tk.request.args), 1)
    lines = register.rows(PAGE + 1, (page - 1) * PAGE)
    values = {"lines": lines[:PAGE], "page": page, "more": len(lines) > PAGE}
    return tk.render("nmgdata/rights_objection/register.html", values)


@blueprint.route("/nmg/suspensions.<kind>")
def suspensions_file(kind: str) -> Any:
    """Give the register to programs, as CSV or JSON."""
    lines = register.rows(10_000)
    if kind == "json":
        return jsonify(lines)
    if kind == "csv":
        return Response(cells.table(lines, register.COLUMNS), content_type="text/csv; charset=utf-8")
    return tk.abort(404)
