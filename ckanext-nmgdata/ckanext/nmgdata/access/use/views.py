"""Pages of use: my grants, the department's grants and reports, the showcase."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint

from ...kernel.actors import Role
from ...kernel.gate.doors import asking
from ...kernel.workflow import machine, queries, subjects
from ...reader import context, need_login
from . import citation, grants, showcase, workflow
from .logic import schema
from .model import UseReport

_ = tk._
blueprint = Blueprint("nmgdata_use", __name__)
PAGE = 24


@blueprint.route("/nmg/my/grants")
def mine() -> Any:
    """Show the reader's grants: terms, until when, where to download, which reports are due."""
    if answer := need_login():
        return answer
    return tk.render("nmgdata/use/mine.html", {"grants": grants.of_holder(asking())})


@blueprint.route("/nmg/grants")
def office() -> Any:
    """Show a department who may use its data until when, and which reports are due or overdue."""
    if answer := need_login():
        return answer
    actor = asking()
    if not actor.orgs(Role.REVIEWER):
        return tk.abort(403, _("You have no right to do this."))
    values = {"grants": grants.of_office(actor), "reports": grants.reports(actor)}
    return tk.render("nmgdata/use/office.html", values)


@blueprint.route("/nmg/showcase")
def public() -> str:
    """Show what has been made with the data."""
    page = max(tk.h.get_page_number(tk.request.args), 1)
    lines = showcase.published(PAGE + 1, (page - 1) * PAGE)
    values = {"lines": lines[:PAGE], "page": page, "more": len(lines) > PAGE}
    return tk.render("nmgdata/use/showcase.html", values)


@blueprint.route("/nmg/showcase/new", methods=["GET", "POST"])
def offer() -> Any:
    """Show the form of a result; on POST offer it and go to its case."""
    if answer := need_login():
        return answer
    data, errors = beginning(), {}
    if tk.request.method == "POST":
        data = {name: tk.request.form.get(name, "") for name in (*schema.showcase(), "report")}
        try:
            made = tk.get_action("nmgdata_showcase_submit")(context(), data)
        except tk.ValidationError as invalid:
            errors = invalid.error_dict
        else:
            tk.h.flash_success(_("Thank you. The department looks at it before it is shown."))
            return tk.redirect_to("nmgdata_desk.case", number=made["number"])
    return tk.render("nmgdata/use/offer.html", {"data": data, "errors": errors})


def beginning() -> dict[str, Any]:
    """Begin the form with the dataset or the report it was reached from."""
    data = {name: tk.request.args.get(name, "") for name in ("datasets", "report")}
    case = queries.by_reference(data["report"]) if data["report"] else None
    if case is not None and case.kind == workflow.REPORT and machine.is_filer(asking(), case):
        report = model.Session.get_one(UseReport, case.id)
        data |= {
            "datasets": " ".join(dataset.name for dataset in subjects.of(case.id)),
            "description": report.results or "",
        }
    if data["datasets"] and (cited := citation.in_case(data["datasets"])):
        data |= {"source_statement": cited["statement"], "acquired_on": cited["acquired_on"]}
    return data
