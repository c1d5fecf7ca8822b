"""Pages of the catalogue: league-cities, and what CKAN's scripts need to run in Chinese."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib.search import SearchError
from ckan.plugins import toolkit as tk
from ckan.types import Context
from flask import Blueprint, Response, send_file

from .. import vocab
from ..kernel import connections, orgs
from . import cities as places
from . import helpers

_ = tk._
SCRIPT_TEXTS = Path(__file__).parent.parent / "i18n" / "zh_Hans_CN.js"
PER_PAGE = 20

blueprint = Blueprint("nmgdata", __name__)


@blueprint.route("/nmg/cities")
def cities() -> str:
    """Show the twelve league-cities at a glance."""
    return tk.render("nmgdata/catalog/cities.html", {"home": helpers.nmgdata_home()})


@blueprint.route("/nmg/cities/<slug>")
def city(slug: str) -> str:
    """Show one league-city: connection, timeliness, newest datasets, departments."""
    code = next((c for c, place in vocab.league_cities().items() if place["portal_slug"] == slug), None)
    if code is None:
        tk.abort(404, _("There is no such league-city."))
    query = {
        "fq": f"nmg_city:{code}",
        "rows": PER_PAGE,
        "sort": "metadata_modified desc",
        "facet.field": ["organization"],
        "facet.limit": -1,
    }
    try:
        found = tk.get_action("package_search")({}, query)
    except SearchError:
        found = None
    values = {
        "code": code, "slug": slug, "found": found, "departments": departments_of(code, found),
        "connection": connections.of_cities().get(code),
        "timeliness": places.timeliness(code) if found else None,
    }  # fmt: skip
    return tk.render("nmgdata/catalog/city.html", values)


def departments_of(city_code: str, found: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the organisations of a league-city, those with most datasets in a search result first."""
    counts = found["facets"]["organization"] if found else {}
    query = sa.select(orgs.GROUP.name, orgs.GROUP.title).where(
        orgs.GROUP.is_organization.is_(True),
        orgs.GROUP.state == "active",
        orgs.REGION_CODE.like(f"{city_code[:4]}%"),
    )
    rows = [{**row, "count": counts.get(row["name"], 0)} for row in model.Session.execute(query).mappings()]
    return sorted(rows, key=lambda row: (-row["count"], row["title"] or ""))


@blueprint.route("/nmg/publish/<id>", methods=["POST"])
def publish(id: str) -> Response:
    """Publish an entry from its page; what is missing is said there."""
    context: Context = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    try:
        tk.get_action("nmgdata_dataset_publish")(context, {"id": id})
        tk.h.flash_success(_("Published."))
    except tk.ValidationError as invalid:
        for field, message in invalid.error_summary.items():
            tk.h.flash_error(f"{field}: {message}")
    except (tk.NotAuthorized, tk.ObjectNotFound):
        tk.abort(404, _("Dataset not found"))
    return tk.redirect_to("dataset.read", id=id)


@blueprint.route("/api/i18n/zh_CN")
@blueprint.route("/api/i18n/zh_Hans_CN")
def script_texts() -> Response:
    """Send the Chinese texts of CKAN's scripts; core's own file lacks half of them."""
    return send_file(SCRIPT_TEXTS, mimetype="application/json", max_age=3600)
