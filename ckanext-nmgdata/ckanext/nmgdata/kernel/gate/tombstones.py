"""What stands where a withdrawn entry was: what, when, why, which case; 410 for people and programs.

A withdrawn entry becomes non-open, so that the public may not read it any more; who still may (its
department, authority and auditors) sees the entry itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import CKANApp, Context, DataDict
from flask import make_response
from werkzeug.wrappers import Response

from . import answers, stops
from .model import WITHDRAWN
from .policy import Reason

GONE = 410


def of(reference: str) -> dict[str, Any] | None:
    """Return the tombstone of an entry that was withdrawn as a whole, deleted since or not; else None."""
    package = model.Package.get(reference) if reference else None
    if package is None or package.private or package.state not in (model.State.ACTIVE, model.State.DELETED):
        return None
    stop = stops.of_dataset(package.id)
    if stop is None or stop["kind"] != WITHDRAWN:
        return None
    owner = model.Session.get(model.Group, package.owner_org) if package.owner_org else None
    return {
        "reason": Reason.WITHDRAWN.value,
        "message": answers.sentence(Reason.WITHDRAWN),
        "legal_basis": answers.basis(Reason.WITHDRAWN),
        "dataset_id": package.id,
        "title": package.title or package.name,
        "department": (owner.title or owner.name) if owner else "",
        "since": stop["since"].isoformat(),
        **answers.stop_said(stop["case_number"]),
    }


def note(reference: str) -> None:
    """Have the action API say of an entry that is gone what became of it."""
    stone = of(reference)
    if stone is not None:
        answers.answer_with(GONE, stone=stone)


def hidden(reference: str) -> dict[str, Any] | None:
    """Return the tombstone of an entry that the reader of this request may not see any more."""
    stone = of(reference)
    if stone is None:
        return None
    context: Context = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    try:
        tk.check_access("package_show", context, {"id": stone["dataset_id"]})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return stone
    return None


def before(view: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a view of an entry behind its tombstone; ``name`` is the argument that names the entry."""

    @wraps(view)
    def read(*arguments: Any, **named: Any) -> Any:
        stone = hidden(named.get(name) or "")
        if stone is None:
            return view(*arguments, **named)
        answer: Response = make_response(tk.render("nmgdata/gate/tombstone.html", {"stone": stone}), GONE)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return read


@tk.chained_action
@tk.side_effect_free
def package_show(next_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Say of a withdrawn entry that it is gone, and in which case, instead of an unexplained refusal.

    CKAN looks an entry up by its name twice, by two queries each time; its id the session knows already.
    """
    reference = data_dict.get("id") or data_dict.get("name_or_id")
    package = None if context.get("for_update") else model.Package.get(reference)
    if package is not None:
        data_dict = {**data_dict, "id": package.id}
    try:
        return next_action(context, data_dict)
    except (tk.NotAuthorized, tk.ObjectNotFound):
        stone = of(data_dict.get("id") or data_dict.get("name_or_id") or "")
        if stone is None:
            raise
        answers.answer_with(GONE, stone=stone)
        raise tk.ObjectNotFound(f"{stone['message']} {stone['case']} [{stone['reason']}]") from None


def install(app: CKANApp) -> CKANApp:
    """Put tombstones before the pages of entries."""
    for endpoint, view in list(app.view_functions.items()):
        if endpoint in ("dataset.read", "dataset_resource.read", "resource.read"):
            app.view_functions[endpoint] = before(view, "id")
        elif endpoint == "dcat.read_dataset":
            app.view_functions[endpoint] = before(view, "_id")
    app.after_request(answers.say_status)
    return app


ACTIONS = {"package_show": package_show}
