"""Put the gate in front of CKAN's routes, and shut those that no gate can stand before (docs/doors.md)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import CKANApp
from werkzeug.wrappers import Response

from . import datastore, listing
from .doors import asking, download, judge, refusal, visible, wanted_purpose

View = Callable[..., Any]


def take_over(app: CKANApp) -> CKANApp:
    """Replace the views of doors, of every dataset type; doors listed as closed lead nowhere."""
    closed = listing.names("routes", "closed")
    for endpoint, view in list(app.view_functions.items()):
        if endpoint in closed:
            app.view_functions[endpoint] = no_such_door
        elif endpoint.endswith("resource.download"):
            app.view_functions[endpoint] = download
        elif endpoint == "datastore.dump":
            app.view_functions[endpoint] = datastore.gated_dump(view)
        elif endpoint.endswith("resource.view"):
            app.view_functions[endpoint] = before(view, lambda arguments: arguments["resource_id"])
        elif endpoint.startswith("datatablesview."):
            app.view_functions[endpoint] = before(view, shown_by)
    return app


def no_such_door(**_arguments: Any) -> Response:
    """Lead nowhere: tokens, public storages and proxies know no open class."""
    return tk.abort(404)


def before(view: View, resource_of: Callable[[dict[str, Any]], str]) -> View:
    """Return a view behind the gate: refused data get the gate's answer instead of the page."""

    @wraps(view)
    def gated(**arguments: Any) -> Any:
        tk.request.environ["__no_cache__"] = True
        resource_id = resource_of(arguments)
        judged = judge(resource_id, asking(), wanted_purpose())
        if judged is None or not visible(resource_id):
            return tk.abort(404, tk._("Resource not found"))
        if not judged[1].allow:
            return refusal(*judged)
        try:
            return view(**arguments)
        except (KeyError, TypeError, ValueError):  # CKAN reads what its table asks as if it were well formed
            if tk.request.method == "POST":
                return tk.abort(400)
            raise

    return gated


def shown_by(arguments: dict[str, Any]) -> str:
    """Return the resource that a view shows; nothing for an unknown view."""
    view = model.ResourceView.get(arguments["resource_view_id"])
    return view.resource_id if view else ""
