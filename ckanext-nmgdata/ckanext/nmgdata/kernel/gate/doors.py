"""The doors that bytes leave by: the download address and the DataStore (docs/doors.md).

Every door takes the same three lines: facts → decide → count or audit; then it serves or refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import AuthFunction, AuthResult, CKANApp, Context, DataDict
from flask import jsonify, make_response
from werkzeug.wrappers import Response

from .. import clock
from ..actors import Actor
from ..audit import append
from ..unit import begin
from . import answers, counts, facts, policy, serve

RESTRICTED_CACHE = "private, no-store"


def asking() -> Actor:
    """Return who asks in the present request; outside a request it is the anonymous public."""
    try:
        user, address = tk.current_user, tk.request.remote_addr
    except RuntimeError:
        return Actor.anonymous()
    if user and user.is_authenticated:
        return Actor.person(user, address)
    return Actor.anonymous(address)


def judge(
    resource_id: str, actor: Actor, purpose: policy.Purpose = policy.Purpose.USE
) -> tuple[facts.Facts, policy.Decision] | None:
    """Return facts and decision for a resource, None when there is none; writes nothing."""
    found = facts.read(resource_id, actor)
    return (found, policy.decide(found, purpose, clock.now())) if found else None


# --- the download address ------------------------------------------------------------------------


def download(package_type: str, id: str, resource_id: str, filename: str | None = None) -> Response:
    """Serve, redirect to, or refuse the bytes of a resource."""
    tk.request.environ["__no_cache__"] = True
    actor = asking()
    judged = judge(resource_id, actor, wanted_purpose())
    if judged is None or not addressed(judged[0], id) or not visible(resource_id):
        tk.abort(404, tk._("Resource not found"))
    found, decision = judged
    if not decision.allow:
        model.Session.rollback()
        counts.count_refusal(resource_id, decision.reason.value)
        return refusal(found, decision)
    if decision.audited:
        record(actor, found, decision)
    response = serve.response(found, decision)
    if tk.request.method == "GET" and response.status_code in (200, 302):
        counts.count_download(found.dataset_id, resource_id)
    return response


def wanted_purpose() -> policy.Purpose:
    """Return the purpose that the request states; anything unknown is ordinary use."""
    try:
        return policy.Purpose(tk.request.args.get("purpose", "use"))
    except ValueError:
        return policy.Purpose.USE


def addressed(found: facts.Facts, id: str) -> bool:
    """Say whether the path names the dataset the resource belongs to, by id or name."""
    if id == found.dataset_id:
        return True
    package = model.Package.get(id)
    return package is not None and package.id == found.dataset_id


def visible(resource_id: str) -> bool:
    """Say whether CKAN shows this dataset at all (private, draft)."""
    context: Context = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    try:
        tk.check_access("resource_show", context, {"id": resource_id})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return False
    return True


def record(actor: Actor, found: facts.Facts, decision: policy.Decision) -> None:
    """Write down that restricted data are handed out, before the first byte leaves."""
    grant = decision.grant
    with begin(actor) as unit:
        append(
            unit,
            "download.allowed",
            ("resource", found.resource_id),
            case_id=grant.case_id if grant else None,
            detail={"reason": decision.reason.value, "grant": grant.id if grant else None},
            personal={"address": actor.address} if actor.address else None,
        )


def refusal(found: facts.Facts, decision: policy.Decision) -> Response:
    """Say no: a page with the way on for people, JSON with the reason for programs."""
    said, code = answers.explain(found, decision), answers.status(decision)
    best = tk.request.accept_mimetypes.best_match(["text/html", "application/json"], "application/json")
    if best == "text/html":
        page = tk.render("nmgdata/gate/refused.html", {"said": said, "status": code, "facts": found})
        response = make_response(page, code)
    else:
        response = make_response(jsonify({"success": False, "error": said}), code)
    response.headers["Cache-Control"] = RESTRICTED_CACHE
    return response


def take_over_routes(app: CKANApp) -> CKANApp:
    """Put the gate in front of every route that hands out a resource's bytes, of every dataset type."""
    for endpoint in list(app.view_functions):
        if endpoint.endswith("resource.download"):
            app.view_functions[endpoint] = download
        elif endpoint in ("file.trusted_download", "file.public_download", "file.download"):
            app.view_functions[endpoint] = no_such_file
    return app


def no_such_file(**_arguments: str) -> Response:
    """Refuse CKAN's file routes: tokens and public storages know no open class (docs/doors.md)."""
    return tk.abort(404)


# --- the DataStore -------------------------------------------------------------------------------


@tk.chained_auth_function
@tk.auth_sysadmins_check
@tk.auth_allow_anonymous_access
def datastore_search(next_auth: AuthFunction, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Let rows leave only as the gate allows."""
    return rows_may_leave(next_auth, context, data_dict or {})


@tk.chained_auth_function
@tk.auth_sysadmins_check
@tk.auth_allow_anonymous_access
def datastore_info(next_auth: AuthFunction, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Let column names leave only as the gate allows."""
    return rows_may_leave(next_auth, context, data_dict or {})


@tk.chained_auth_function
@tk.auth_sysadmins_check
@tk.auth_allow_anonymous_access
def datastore_search_sql(next_auth: AuthFunction, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Refuse SQL over the DataStore: its scope cannot be held to a grant."""
    return {"success": False, "msg": tk._("SQL queries are switched off on this portal.")}


def rows_may_leave(next_auth: AuthFunction, context: Context, data_dict: DataDict) -> AuthResult:
    """Ask CKAN whether the dataset is visible, then the gate whether its rows may leave."""
    result = next_auth(context, data_dict)
    if not result.get("success"):
        return result
    resource_id = data_dict.get("id") or data_dict.get("resource_id") or ""
    judged = judge(resource_id, actor_of(context))
    if judged is None:
        return {"success": False, "msg": tk._("Resource not found")}
    found, decision = judged
    if decision.allow:
        return {"success": True}
    counts.count_refusal(found.resource_id, decision.reason.value)
    return {"success": False, "msg": answers.short(found, decision)}


def actor_of(context: Context) -> Actor:
    """Return who acts in a CKAN context."""
    user = context.get("auth_user_obj") or model.User.get(context.get("user"))
    return Actor.person(user) if isinstance(user, model.User) else Actor.anonymous()


@tk.chained_action
@tk.side_effect_free
def resource_view_list(next_action: Callable[..., Any], context: Context, data_dict: dict) -> Any:
    """Offer no preview of what may not leave, so that dataset pages do not fail on it."""
    views = next_action(context, data_dict)
    judged = judge(data_dict.get("id", ""), actor_of(context))
    return views if judged and judged[1].allow else []
