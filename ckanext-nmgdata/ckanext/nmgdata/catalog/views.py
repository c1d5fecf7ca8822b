"""Pages of the catalogue: league-cities, and what CKAN's scripts need to run in Chinese."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from ckan import model
from ckan.lib.search import SearchError
from ckan.plugins import toolkit as tk
from ckan.types import Context
from flask import Blueprint, Response, send_file

from .. import vocab
from ..kernel import orgs
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
    """Show one league-city: its departments and newest datasets."""
    code = next((c for c, place in vocab.league_cities().items() if place["portal_slug"] == slug), None)
    if code is None:
        tk.abort(404, _("There is no such league-city."))
    try:
        query = {"fq": f"nmg_city:{code}", "rows": PER_PAGE, "sort": "metadata_modified desc"}
        found = tk.get_action("package_search")({}, query)
    except SearchError:
        found = None
    values = {"code": code, "slug": slug, "found": found, "departments": departments_of(code)}
    return tk.render("nmgdata/catalog/city.html", values)


def departments_of(city_code: str) -> list[dict[str, object]]:
    """Return the organisations of a league-city with their numbers of public datasets."""
    group, package = orgs.GROUP, model.Package
    datasets = (
        sa.select(package.owner_org, sa.func.count().label("count"))
        .where(package.state == "active", package.private.is_(False), package.type == "dataset")
        .group_by(package.owner_org)
        .subquery()
    )
    query = (
        sa.select(group.name, group.title, sa.func.coalesce(datasets.c.count, 0).label("count"))
        .join(datasets, datasets.c.owner_org == group.id, isouter=True)
        .where(
            group.is_organization.is_(True),
            group.state == "active",
            orgs.REGION_CODE.like(f"{city_code[:4]}%"),
        )
        .order_by(sa.desc("count"), group.title)
    )
    return [dict(row) for row in model.Session.execute(query).mappings()]


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
