"""Pages on which a plan is imported, brought together from its departments, and closed at the year's end."""

from __future__ import annotations

import base64
from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint, Response, redirect

from ..kernel.gate.doors import asking
from ..kernel.sheets import MEDIA_TYPE
from ..kernel.types import Conflict
from ..kernel.workflow import engine, queries
from ..reader import context, need_login
from . import importing, items, query, template, work_views, year_end
from .model import Item, Plan

_ = tk._
blueprint = Blueprint("nmgdata_plan_steps", __name__)


# --- import --------------------------------------------------------------------------------------


@blueprint.route(f"{work_views.BASE}/import", methods=["GET", "POST"])
def bring(year: int, org: str) -> Any:
    """Draft items from a table; with faults the table comes back marked."""
    if answer := need_login():
        return answer
    plan = work_views.opened(year, org)
    errors: dict[str, Any] = {}
    marked = ""
    if tk.request.method == "POST":
        try:
            found = importing.read(tk.request.files.get("table"))
        except tk.ValidationError as invalid:
            found, errors = None, dict(invalid.error_dict)
        if found is not None:
            rows = found
            errors = work_views.tried(lambda: importing.draft(asking(), plan, rows), _("Imported."))
            if not errors:
                return work_views.back(year, org, "#items")
            marked = "" if rows.is_right else base64.b64encode(template.marked(rows)).decode()
    values = {**work_views.about(plan), "errors": errors, "marked": marked, "media": MEDIA_TYPE}
    return tk.render("nmgdata/plan/import.html", {**values, "columns": importing.COLUMNS})


@blueprint.route("/nmg/plans/template.<kind>")
def empty_table(kind: str) -> Any:
    """Give the empty table for an import."""
    if kind not in ("xlsx", "csv"):
        return tk.abort(404)
    content, media = (template.empty(), MEDIA_TYPE) if kind == "xlsx" else (template.empty_csv(), "text/csv")
    answer = Response(content, content_type=media)
    answer.headers["Content-Disposition"] = f'attachment; filename="open-plan-template.{kind}"'
    return answer


# --- the authority -------------------------------------------------------------------------------


@blueprint.route(f"{work_views.BASE}/compose", methods=["GET", "POST"])
def compose(year: int, org: str) -> Any:
    """Bring the departments' plans together: where each stands, which items are key data."""
    if answer := need_login():
        return answer
    plan = work_views.opened(year, org)
    lines = work_views.below(plan)
    ids = [line.plan.id for line in lines] + [plan.id]
    found = model.Session.query(Item).filter(Item.plan_id.in_(ids)).order_by(*query.ORDER).all()
    drafted = [item for item in found if item.since_version is None]
    if tk.request.method == "POST":
        keys = set(tk.request.form.getlist("chosen"))
        asked = [item for item in found if item.since_version is None or item.id in keys]
        marks = {item.id: item.id in keys for item in asked if item.is_key != (item.id in keys)}
        work_views.tried(lambda: mark(marks), _("Saved."))
        return redirect(tk.url_for("nmgdata_plan_steps.compose", year=year, org=org))
    titles = {line.plan.id: line.org_title for line in lines}
    values = {**work_views.about(plan), "lines": lines, "items": drafted, "titles": titles}
    return tk.render("nmgdata/plan/compose.html", values)


def mark(marks: dict[str, bool]) -> None:
    """Mark items as key data, or no longer, if that is this person's to do."""
    for item_id, key in marks.items():
        tk.check_access("nmgdata_plan_item_update", context(), {"id": item_id, "is_key": key})
    items.mark_keys(asking(), marks)


# --- the end of the year -------------------------------------------------------------------------


@blueprint.route(f"{work_views.BASE}/year-end", methods=["GET", "POST"])
def end_of_year(year: int, org: str) -> Any:
    """Guide through the end of a year: what becomes of each promise left open, the catalogue, the report."""
    if answer := need_login():
        return answer
    plan, errors = work_views.opened(year, org), {}
    case = queries.by_reference(plan.case_id)
    if case is None or case.status not in ("adjusting", "closed"):
        tk.h.flash_error(_("The year-end adjustment begins in December."))
        return work_views.back(year, org)
    form = tk.request.form
    if tk.request.method == "POST":
        errors = decide_each(plan, form)
        if not errors and "close" not in form:
            tk.h.flash_success(_("Saved."))
        elif not errors:
            stated = {"adjustment": form.get("adjustment", "")}
            errors = work_views.tried(
                lambda: engine.fire(plan.case_id, "close", asking(), stated), _("The year is closed.")
            )
        if not errors:
            return redirect(tk.url_for("nmgdata_plan_steps.end_of_year", year=year, org=org))
    plan = model.Session.get_one(Plan, plan.id)
    values = {
        **work_views.about(plan),
        "left": year_end.unkept(model.Session(), plan),
        "catalogue": year_end.catalogue(model.Session(), plan),
        "errors": errors,
        "data": form,
    }
    return tk.render("nmgdata/plan/year_end.html", values)


def decide_each(plan: Plan, form: Any) -> dict[str, Any]:
    """Write down what becomes of each promise for which the form says so; return the errors by item."""
    errors: dict[str, Any] = {}
    for item in year_end.unkept(model.Session(), plan):
        item_id, known = item.id, item.pending or {}
        stated = {name: form.get(f"{name}-{item_id}", "").strip() for name in ("end", "reason")}
        if stated["end"] and stated["end"] == known.get("end"):  # what takes its place is not chosen here
            stated = {**known, **stated}
        if stated == known or not any(stated.values()):
            continue
        try:
            items.finish(asking(), plan, item_id, stated)
        except Conflict as conflict:
            errors[item_id] = [conflict.message]
        except tk.ValidationError as invalid:
            faults: dict[str, Any] = dict(invalid.error_dict)
            errors[item_id] = [str(m) for messages in faults.values() for m in messages]
    return errors
