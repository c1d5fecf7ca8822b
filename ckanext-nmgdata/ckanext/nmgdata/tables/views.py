"""The page part of a file: releasing it, and what the row doors answer to a limited grant."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ckan.plugins import toolkit as tk
from ckan.types import CKANApp, Context
from flask import Blueprint, current_app, g

from ..kernel.gate.rows import BeyondGrantError
from .logic.auth import package_of

_ = tk._
blueprint = Blueprint("nmgdata_tables", __name__)
PAGING_DOORS = ("datastore.dump", "datatablesview.ajax", "datatablesview.filtered_download")


@blueprint.route("/nmg/screening/<resource_id>", methods=["POST"])
def override(resource_id: str) -> Any:
    """Release a held file from its page."""
    context: Context = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    stated = {name: tk.request.form.get(name, "") for name in ("digest", "reason")}
    try:
        tk.get_action("nmgdata_screening_override")(context, {"id": resource_id, **stated})
        tk.h.flash_success(_("Released."))
    except tk.ValidationError as invalid:
        return again(resource_id, stated, invalid.error_dict)
    except tk.NotAuthorized as refused:
        return tk.abort(403, str(refused.message or _("You have no right to do this.")))
    except tk.ObjectNotFound:
        return tk.abort(404, _("Resource not found"))
    return tk.redirect_to("resource.read", id=package_of(resource_id).id, resource_id=resource_id)


def again(resource_id: str, stated: dict[str, str], errors: dict[str, Any]) -> Any:
    """Show the page of a file again, with what was typed into the form of its release."""
    g.nmgdata_release = {"data": stated, "errors": errors}
    view = current_app.view_functions["dataset_resource.read"]
    return view(package_type="dataset", id=package_of(resource_id).id, resource_id=resource_id)


def say_so(view: Callable[..., Any]) -> Callable[..., Any]:
    """Answer 400 with a sentence where a limited grant is asked for more than it covers."""

    @wraps(view)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        try:
            return view(*arguments, **named)
        except BeyondGrantError as beyond:
            return tk.abort(400, " ".join(beyond.error_summary.values()))

    return wrapped


def wrap_row_doors(app: CKANApp) -> CKANApp:
    """Give the pages that page through rows a way to say what they refuse."""
    for endpoint in PAGING_DOORS:
        if endpoint in app.view_functions:
            app.view_functions[endpoint] = say_so(app.view_functions[endpoint])
    return app
