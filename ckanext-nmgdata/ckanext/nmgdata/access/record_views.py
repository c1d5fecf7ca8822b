"""Pages and files of the public record of applications."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint, Response, jsonify

from .. import vocab
from ..kernel import cells, clock
from ..kernel.workflow.model import Case
from . import record
from .workflow import KIND

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
blueprint = Blueprint("nmgdata_record", __name__)
PAGE, FILE = 50, 10_000
LABELS = {
    "waiting": N_("Waiting for a decision"),
    "approved": N_("Opening agreed"),
    "refused": N_("Opening not agreed"),
    "withdrawn": N_("Withdrawn by the applicant"),
    "closed": N_("Ended because the data changed"),
}


def asked() -> dict[str, Any]:
    """Return what the address asks for, as the action takes it."""
    names = ("department", "region_code", "outcome", "year", "after")
    return {name: tk.request.args[name] for name in names if tk.request.args.get(name)}


def found(limit: int) -> dict[str, Any]:
    """Return a page of the record; what cannot be asked for does not exist."""
    try:
        return tk.get_action("nmgdata_application_register")({}, {**asked(), "limit": limit})
    except (tk.ValidationError, tk.ObjectNotFound):
        return tk.abort(404, _("There is no such page of the record."))


@blueprint.route("/nmg/applications")
def people() -> str:
    """Show the record with its medians."""
    page = found(PAGE)
    year = clock.today().year
    values = {
        **page,
        "asked": asked(),
        "departments": departments(),
        "places": [{"value": c, "label": vocab.label("division", c)} for c in vocab.league_cities()],
        "outcomes": [{"value": slug, "label": _(label)} for slug, label in LABELS.items()],
        "years": [{"value": str(y), "label": str(y)} for y in range(year, year - 6, -1)],
    }
    return tk.render("nmgdata/record/list.html", values)


def departments() -> list[dict[str, str]]:
    """Return the departments that have ever had an application."""
    some = sa.exists().where(Case.org_id == model.Group.id, Case.kind == KIND)
    query = sa.select(model.Group.name, model.Group.title).where(some).order_by(model.Group.title)
    return [{"value": name, "label": title or name} for name, title in model.Session.execute(query)]


@blueprint.route("/nmg/applications.<kind>")
def file(kind: str) -> Any:
    """Give the record to programs, as CSV or JSON; ``after`` of the last answer begins the next part."""
    if kind not in ("csv", "json"):
        return tk.abort(404)
    page = found(FILE)
    if kind == "json":
        return jsonify(page)
    answer = Response(cells.table(page["lines"], record.COLUMNS), content_type="text/csv; charset=utf-8")
    if page["next"]:
        following = tk.url_for("nmgdata_record.file", kind="csv", **{**asked(), "after": page["next"]})
        answer.headers["Link"] = f'<{following}>; rel="next"'
    return answer
