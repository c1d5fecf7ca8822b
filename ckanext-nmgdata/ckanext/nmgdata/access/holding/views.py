"""The page of one grant, and its licence."""

from __future__ import annotations

from typing import Any

from ckan.plugins import toolkit as tk
from flask import Blueprint, Response, make_response

from ...kernel.gate.doors import RESTRICTED_CACHE, asking
from ...kernel.types import Conflict
from ...reader import context, need_login
from . import present

_ = tk._
blueprint = Blueprint("nmgdata_holding", __name__)
ACTS = {
    "add": "nmgdata_grant_member_add",
    "remove": "nmgdata_grant_member_remove",
    "token": "nmgdata_grant_token_create",
}
"""Button → action."""


@blueprint.route("/nmg/grants/<id>", methods=["GET", "POST"])
def grant(id: str) -> Any:
    """Show a grant; on POST name or take off an account, or make a token and show it once."""
    if answer := need_login():
        return answer
    errors: dict[str, Any] = {}
    token = ""
    act = tk.request.form.get("act", "")
    try:
        if action := ACTS.get(act):
            sent = {"id": id, **{name: tk.request.form.get(name, "") for name in ("account", "name")}}
            token = tk.get_action(action)(context(), sent).get("token", "")
    except Conflict as conflict:
        tk.h.flash_error(conflict.message)
    except tk.ValidationError as invalid:
        errors = invalid.error_dict
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return tk.abort(404, _("Grant not found"))
    if act and not errors and not token:
        return tk.redirect_to("nmgdata_holding.grant", id=id)
    try:
        shown = present.show(asking(), id)
    except tk.ObjectNotFound:
        return tk.abort(404, _("Grant not found"))
    values = {"grant": shown, "errors": errors, "act": act, "data": tk.request.form, "token": token}
    answer = make_response(tk.render("nmgdata/use/grant.html", values))
    answer.headers["Cache-Control"] = RESTRICTED_CACHE
    return answer


@blueprint.route("/nmg/grants/<id>/licence")
def licence(id: str) -> Any:
    """Hand out the licence of a grant as text, to those who may see it."""
    if not tk.current_user.is_authenticated:
        return tk.abort(403, _("You have no right to do this."))
    try:
        text = present.licence(asking(), id)
    except tk.ObjectNotFound:
        return tk.abort(404, _("Grant not found"))
    answer = Response(text, content_type="text/plain; charset=utf-8")
    answer.headers["Cache-Control"] = RESTRICTED_CACHE
    return answer
