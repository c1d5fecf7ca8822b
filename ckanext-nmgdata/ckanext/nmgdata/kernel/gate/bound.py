"""Tokens of programs that are bound to one grant: they open its data at the doors, and nothing else.

A token is CKAN's own with one more claim, signed with it. Whoever shows it acts with no other right of
the account, reads and writes nothing else, and loses it with the grant.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ckan import model
from ckan.lib import api_token
from ckan.plugins import toolkit as tk
from ckan.types import CKANApp
from flask import g, has_request_context, jsonify, make_response
from werkzeug.wrappers import Response

from ..actors import Actor
from ..unit import Unit

CLAIM = "nmgdata_grant"
ACTIONS = frozenset({"datastore_search", "datastore_info", "nmgdata_access_explain"})
DOORS = ("datastore.dump", "nmgdata_holding.licence")
NAME_LENGTH = 100
_ = tk._


def make(unit: Unit, user_id: str, grant_id: str, name: str) -> str:
    """Return a new token of an account that is bound to a grant; it is shown once."""
    token = model.ApiToken(user_id, name[:NAME_LENGTH])
    token.set_extra("nmgdata", {"grant": grant_id})
    unit.session.add(token)
    unit.session.flush()
    claims = {"jti": token.id, "iat": api_token.into_seconds(token.created_at)}
    return api_token.encode({**api_token.postprocess(claims, token.id, {}), CLAIM: grant_id})


def noticed(claims: Any) -> Any:
    """Remember for this request to which grant its token is bound; called while CKAN reads the token."""
    if has_request_context() and claims:
        g.nmgdata_token_of = claims.get(CLAIM)
    return claims


def of_request() -> str | None:
    """Return the grant to which the token of this request is bound."""
    return g.get("nmgdata_token_of") if has_request_context() else None


def narrowed(actor: Actor) -> Actor:
    """Return a person as somebody who shows such a token, where one was shown."""
    grant_id = of_request()
    return replace(actor, grant_id=grant_id) if grant_id else actor


def install(app: CKANApp) -> CKANApp:
    """Refuse a bound token everywhere but at the doors of data."""
    app.before_request(refuse_elsewhere)
    return app


def refuse_elsewhere() -> Response | None:
    """Answer 403 where a bound token has no business."""
    if not tk.current_user.is_authenticated or of_request() is None or at_a_door():
        return None
    said = _("This token opens the data of its grant and nothing else.")
    return make_response(
        jsonify({"success": False, "error": {"message": said, "reason": "bound_token"}}), 403
    )


def at_a_door() -> bool:
    """Say whether a request asks for data: a file, a table, rows, why not, or on which terms."""
    endpoint = tk.request.endpoint or ""
    if endpoint == "api.action":
        return (tk.request.view_args or {}).get("logic_function") in ACTIONS
    return endpoint.endswith("resource.download") or endpoint in DOORS
