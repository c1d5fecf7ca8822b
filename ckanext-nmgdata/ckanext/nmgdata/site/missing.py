"""What browsers ask for and CKAN does not serve: without it each such page would have a picture missing."""

from __future__ import annotations

from pathlib import Path

from ckan.plugins import toolkit as tk
from ckanext import datatablesview
from flask import Blueprint, Response, send_from_directory

blueprint = Blueprint("nmgdata_missing", __name__)
TABLES = "vendor/FontAwesome/images"
"""Pictures that the style sheet of CKAN's table view names, relative to where webassets puts the sheet."""


@blueprint.route(f"/webassets/ckanext-datatablesview/{TABLES}/<name>")
def of_tables(name: str) -> Response:
    """Return a picture of CKAN's table view."""
    return send_from_directory(Path(datatablesview.__file__).parent / "assets" / TABLES, name)


@blueprint.route("/favicon.ico")
def favicon() -> Response:
    """Lead to the portal's picture, which browsers ask for here where an answer is no page."""
    return tk.redirect_to(tk.config["ckan.favicon"])
