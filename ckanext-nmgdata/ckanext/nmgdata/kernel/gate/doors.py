"""The doors that bytes leave by; here the download address, and what all doors share (docs/doors.md).

Every door takes the same three lines: facts → decide → count or audit; then it serves or refuses.
"""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context
from flask import jsonify, make_response
from werkzeug.wrappers import Response

from .. import clock
from ..actors import Actor
from ..audit import append
from ..unit import begin
from . import (
    answers,
    bound,
    counts,
    extract,
    facts,
    meter,
    policy,
    rows,
    serve,
    streams,
    tables,
    trace,
    trouble,
)
from .model import FILE, WITHDRAWN

RESTRICTED_CACHE = "private, no-store"
TOO_OFTEN = 429


def asking() -> Actor:
    """Return who asks in the present request; outside a request it is the anonymous public."""
    try:
        user, address = tk.current_user, tk.request.remote_addr
    except RuntimeError:
        return Actor.anonymous()
    if user and user.is_authenticated:
        return bound.narrowed(Actor.person(user, address))
    return Actor.anonymous(address)


def judge(
    resource_id: str, actor: Actor, purpose: policy.Purpose = policy.Purpose.USE
) -> tuple[facts.Facts, policy.Decision] | None:
    """Return facts and decision for a resource, None when there is none; writes nothing."""
    found = facts.read(resource_id, actor)
    return (found, policy.decide(found, purpose, clock.now())) if found else None


def open_to_all(resource_id: str) -> bool:
    """Say whether a resource may be had now because everybody may have it."""
    judged = judge(resource_id, asking())
    return judged is not None and judged[1].allow and judged[1].reason is policy.Reason.UNCONDITIONAL


# --- the download address ------------------------------------------------------------------------


def download(package_type: str, id: str, resource_id: str, filename: str | None = None) -> Response:
    """Serve, redirect to, or refuse the bytes of a resource."""
    tk.request.environ["__no_cache__"] = True
    actor, purpose, form = asking(), wanted_purpose(), tables.wanted()
    judged = judge(resource_id, actor, purpose)
    if judged is None or not addressed(judged[0], id) or not known(judged[0]):
        tk.abort(404, tk._("Resource not found"))
    found, decision = judged
    if not decision.allow:
        return refusal(found, decision)
    still_open = streams.asks_again(resource_id, actor, purpose)
    traced = trace.of(decision.grant)
    try:
        if decision.limited_to and traced:
            response = extract.response(found, traced, still_open, form)
        elif form:
            response = extract.converted(found, traced, still_open, form)
        else:
            response = serve.response(found, decision, still_open, traced)
    except trouble.LinkTrouble as error:
        return no_file(found, error.kind)
    except rows.BeyondGrantError as unfit:
        return unserved(found, "unfit_grant", " ".join(unfit.error_summary.values()), 409)
    except tk.ObjectNotFound as missing:
        return unserved(found, "no_table", str(missing.message), 404)
    if tk.request.method == "GET" and response.status_code in (200, 206, 302):
        try:
            note(actor, found, decision, response, traced)
        except meter.UsedUpError as full:
            response.close()
            return refusal(found, policy.refuse(full.reason))
    return sealed(response, decision)


PURPOSE = "X-Purpose"
"""Header that states the purpose where the query is not ours to add to: calls of the action API."""
MAINTENANCE_PAGES = frozenset({"dictionary", "views", "edit_view", "view_edit"})
"""Pages on which an editor keeps a table's labels and views; what they show is upkeep."""


def wanted_purpose() -> policy.Purpose:
    """Return the purpose that the request states; anything unknown is ordinary use."""
    try:
        if (tk.request.endpoint or "").rpartition(".")[2] in MAINTENANCE_PAGES:
            return policy.Purpose.MAINTAIN
        return policy.Purpose(tk.request.args.get("purpose") or tk.request.headers.get(PURPOSE, "use"))
    except (RuntimeError, ValueError):
        return policy.Purpose.USE


def addressed(found: facts.Facts, id: str) -> bool:
    """Say whether the path names the dataset the resource belongs to, by id or name."""
    if id == found.dataset_id:
        return True
    package = model.Package.get(id)
    return package is not None and package.id == found.dataset_id


def known(found: facts.Facts) -> bool:
    """Say whether the reader may know of a file: of what was withdrawn everybody may know that it was."""
    return visible(found.resource_id) or (found.stop == WITHDRAWN and not found.private)


def visible(resource_id: str) -> bool:
    """Say whether CKAN shows this dataset at all (private, draft)."""
    context: Context = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    try:
        tk.check_access("resource_show", context, {"id": resource_id})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return False
    return True


def note(
    actor: Actor,
    found: facts.Facts,
    decision: policy.Decision,
    response: Response,
    traced: trace.Trace | None,
) -> None:
    """Count a download once, however many ranges it comes in, and audit restricted data; nothing has left.

    :raises meter.UsedUpError: the grant permits no further use
    """
    if decision.audited:
        record(actor, found, decision, response, traced)
    if begins(response):
        counts.count_download(found.dataset_id, found.resource_id)


def begins(response: Response) -> bool:
    """Say whether an answer is a file from its beginning: all of it, or a first part."""
    part = response.content_range
    if response.status_code != 206:
        return True
    return part.start == 0 and ((part.stop or 0) > PROBE or part.stop == part.length)


PROBE = 1024
"""Bytes up to which a range from the beginning is a program asking for the size, not a download."""


def record(
    actor: Actor,
    found: facts.Facts,
    decision: policy.Decision,
    response: Response,
    traced: trace.Trace | None,
) -> None:
    """Write down that restricted data are handed out, before the first byte leaves.

    A table that is only pointed to (302) is written down at the door that gives it.
    """
    grant = decision.grant
    detail = {"reason": decision.reason.value, "grant": grant.id if grant else None}
    if traced and traced.sha256:
        detail["sha256"] = traced.sha256
    with begin(actor) as unit:
        if traced and response.status_code != 302:
            use(unit.session, actor, found.resource_id, traced, response)
        append(
            unit,
            "download.allowed",
            ("resource", found.resource_id),
            case_id=grant.case_id if grant else None,
            detail=detail,
            personal={"address": actor.address} if actor.address else None,
        )


def use(session: Any, actor: Actor, resource_id: str, traced: trace.Trace, response: Response) -> None:
    """Write down a use of a grant; a further part of a file that was begun before is none.

    :raises meter.UsedUpError: the grant permits no more
    """
    if not begins(response) and meter.goes_on(
        session, actor, traced.grant.id, resource_id, response.content_range
    ):
        return
    known_before = {"sha256": traced.sha256} if response.status_code == 200 else {}
    traced.use_id = meter.take(session, actor, traced.grant.id, resource_id, FILE, **known_before)


def sealed(response: Response, decision: policy.Decision) -> Response:
    """Keep an answer out of every cache that serves others; restricted data out of all caches."""
    response.vary.update(("Authorization", "Cookie"))
    if decision.reason is not policy.Reason.UNCONDITIONAL:
        response.headers["Cache-Control"] = RESTRICTED_CACHE
    return response


def refusal(found: facts.Facts, decision: policy.Decision) -> Response:
    """Count a refusal and say no: a page with the way on for people, JSON with the reason for programs."""
    model.Session.rollback()
    counts.count_refusal(found.resource_id, decision.reason.value)
    if for_people():
        return refusal_page(found, decision)
    said = answers.explain(found, decision)
    answer = make_response(jsonify({"success": False, "error": said}), answers.status(decision))
    return sealed(until_when(answer), decision)


def until_when(answer: Response) -> Response:
    """Say when to come back, where that helps."""
    if answer.status_code == TOO_OFTEN:
        answer.headers["Retry-After"] = str(meter.seconds_left())
    return answer


def refusal_page(
    found: facts.Facts,
    decision: policy.Decision,
    data: dict[str, str] | None = None,
    errors: dict[str, Any] | None = None,
) -> Response:
    """Say no to people, with the way on; ``data`` and ``errors`` are those of an override just tried."""
    code = answers.status(decision)
    values = {
        "said": answers.explain(found, decision),
        "status": code,
        "facts": found,
        "may_override": policy.overridable(found, decision),
        "data": data or {},
        "errors": errors or {},
    }
    return sealed(until_when(make_response(tk.render("nmgdata/gate/refused.html", values), code)), decision)


def no_file(found: facts.Facts, kind: trouble.Trouble) -> Response:
    """Say that a link leads to no file, and have its department told."""
    trouble.report(found.resource_id, kind)
    told = tk._("Its department has been told; try again later.")
    return unserved(found, kind.value, f"{trouble.sentence(kind)} {told}", 502)


def unserved(found: facts.Facts, reason: str, message: str, code: int) -> Response:
    """Say why a file does not come although it may be had: a page for people, JSON for programs."""
    said = {
        "reason": reason,
        "message": message,
        "dataset_id": found.dataset_id,
        "resource_id": found.resource_id,
    }
    if for_people():
        response = make_response(tk.render("nmgdata/gate/no_file.html", {"said": said}), code)
    else:
        response = make_response(jsonify({"success": False, "error": said}), code)
    response.headers["Cache-Control"] = RESTRICTED_CACHE
    return response


def for_people() -> bool:
    """Say whether a browser asks; a program that takes anything gets JSON."""
    return "text/html" in tk.request.accept_mimetypes.values()


def actor_of(context: Context) -> Actor:
    """Return who acts in a CKAN context."""
    user = context.get("auth_user_obj") or model.User.get(context.get("user"))
    return bound.narrowed(Actor.person(user)) if isinstance(user, model.User) else Actor.anonymous()
