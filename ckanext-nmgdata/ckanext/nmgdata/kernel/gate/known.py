"""Who may not know of an entry is answered as if there were none, at every door that names one (R-OPEN-10).

CKAN answers 403 for what is hidden and 404 for what is missing, and counts followers of both; that
tells who asks what exists. Which parameter of which action names an entry, a file or a view stands in
``doors.yaml``; the addresses of pages say it by the names of their arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from ckan import model
from ckan import plugins as p
from ckan.plugins import toolkit as tk
from ckan.types import CKANApp, Context, DataDict
from flask import session
from werkzeug.exceptions import Forbidden, NotFound

from . import aliases, listing, tombstones
from .listing import Naming

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
Action = Callable[..., Any]
MESSAGES = {"dataset": N_("Dataset not found")}
FILE = N_("Resource not found")
REFUSALS = (tk.NotAuthorized, tk.ObjectNotFound, Forbidden, NotFound)


def may_know(context: Context, of: str, reference: str) -> bool:
    """Say whether somebody may know of an entry, a file, a table or a view; of what is missing nobody can."""
    if of == "view":
        view = model.ResourceView.get(reference)
        return view is not None and may_know(context, "resource", view.resource_id)
    if of == "table":
        reference = aliases.behind(reference)
    asked: Context = {"user": context.get("user", ""), "auth_user_obj": context.get("auth_user_obj")}
    try:
        tk.check_access("package_show" if of == "dataset" else "resource_show", asked, {"id": reference})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return tombstones.of(dataset_of(of, reference)) is not None
    return True


def dataset_of(of: str, reference: str) -> str:
    """Return the dataset that a reference means or belongs to; empty for none."""
    if of == "dataset":
        return reference
    resource = model.Resource.get(aliases.behind(reference) if of == "table" else reference)
    return (resource.package_id or "") if resource else ""


def missing(of: str) -> str:
    """Return what is said of something that is missing."""
    return _(MESSAGES.get(of, FILE))


# --- actions -------------------------------------------------------------------------------------


def before(actions: dict[str, Action]) -> dict[str, Action]:
    """Return actions that keep quiet about what their caller may not know of."""
    found = dict(actions)
    for naming in listing.namings():
        for name in naming.names:
            if name in found:
                found[name] = discreet(naming, name, found[name])
    return found


def core() -> dict[str, Action]:
    """Return chained actions for those of CKAN and its plugins that nobody else of us chains."""
    found: dict[str, Action] = {}
    for naming in listing.namings():
        if naming.plugin and not p.plugin_loaded(naming.plugin):
            continue
        for name in naming.names:
            if not name.startswith("nmgdata_"):
                found[name] = passed_on(name)
    return found


def passed_on(name: str) -> Action:
    """Return a chained action that does nothing of its own."""

    @tk.chained_action
    def unchanged(next_action: Action, context: Context, data_dict: DataDict) -> Any:
        return next_action(context, data_dict)

    unchanged.__name__ = name
    if name not in listing.names("actions", "write"):
        tk.side_effect_free(unchanged)
    return unchanged


def discreet(naming: Naming, name: str, action: Action) -> Action:
    """Return an action, chained or not, that says of hidden things what it says of missing ones."""

    def ask(run: Action, context: Context, data_dict: DataDict) -> Any:
        reference = naming.reference(data_dict)
        if context.get("ignore_auth") or not reference:
            return run(context, data_dict)
        if not naming.asks and not may_know(context, naming.of, reference):
            raise tk.ObjectNotFound(missing(naming.of))
        try:
            return run(context, data_dict)
        except REFUSALS:
            if may_know(context, naming.of, reference):
                tombstones.note(dataset_of(naming.of, reference))
                raise
            raise tk.ObjectNotFound(missing(naming.of)) from None

    if getattr(action, "chained_action", False):

        @wraps(action)
        def chained(next_action: Action, context: Context, data_dict: DataDict) -> Any:
            return ask(partial(action, next_action), context, data_dict)

        return chained

    @wraps(action)
    def own(context: Context, data_dict: DataDict) -> Any:
        return ask(action, context, data_dict)

    return own


# --- pages ---------------------------------------------------------------------------------------

ARGUMENTS = {
    "dataset_id": "dataset",
    "package_id": "dataset",
    "resource_id": "resource",
    "resource_view_id": "view",
    "view_id": "view",
}
"""Arguments of addresses that name something, whatever the page."""
ENTRIES = ("dataset", "resource", "dataset_resource", "dcat", "datastore", "nmgdata")
"""Blueprints whose ``id`` is a dataset's."""
FILES = ("nmgdata_desk.override",)
"""Pages whose ``id`` is a file's."""


def install(app: CKANApp) -> CKANApp:
    """Have pages say of what their reader may not know what they say of what is missing."""
    for rule in app.url_map.iter_rules():
        named = {name: of for name, of in ARGUMENTS.items() if name in rule.arguments}
        if rule.endpoint.partition(".")[0] in ENTRIES:
            named |= dict.fromkeys({"id", "_id"} & rule.arguments, "dataset")
        elif rule.endpoint in FILES:
            named["id"] = "resource"
        view = app.view_functions[rule.endpoint]
        if named and not hasattr(view, "nmgdata_named"):
            app.view_functions[rule.endpoint] = page(view, named)
    return app


def page(view: Callable[..., Any], named: dict[str, str]) -> Callable[..., Any]:
    """Return a page that tells nothing of hidden things when it refuses."""

    @wraps(view)
    def read(*arguments: Any, **values: Any) -> Any:
        try:
            return view(*arguments, **values)
        except REFUSALS:
            context: Context = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
            for name, of in named.items():
                if values.get(name) and not may_know(context, of, values[name]):
                    session.pop("_flashes", None)  # what the page has said already
                    return tk.abort(404, missing(of))
            raise

    read.nmgdata_named = named  # type: ignore[attr-defined]
    return read
