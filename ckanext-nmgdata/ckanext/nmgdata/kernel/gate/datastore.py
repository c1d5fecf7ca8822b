"""The DataStore's doors: rows, column names, and the views that hold both (docs/doors.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import PurePosixPath
from typing import Any, cast

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import AuthFunction, AuthResult, Context, DataDict
from flask import after_this_request, has_request_context, stream_with_context
from werkzeug.http import parse_options_header
from werkzeug.wrappers import Response

from . import aliases, answers, counts, frozen, meter, policy, row_doors, serve, tombstones, trace
from .doors import RESTRICTED_CACHE, actor_of, asking, judge, refusal, sealed, visible, wanted_purpose
from .model import DUMP
from .row_doors import judge_rows

ECHO = ("include_records", "include_deleted_records")
"""What makes a write answer with rows; they could be rows that the writer may not read."""


# --- rows and columns ----------------------------------------------------------------------------


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
    actor = actor_of(context)
    # Of an alias CKAN gives both: ``id`` is the table that it has found behind ``resource_id``.
    judged = row_doors.judged_for(context, data_dict.get("id") or data_dict.get("resource_id") or "", actor)
    if judged is None:
        return {"success": False, "msg": tk._("Resource not found")}
    found, decision = judged
    if not decision.allow:
        counts.count_refusal(found.resource_id, decision.reason.value)
        if decision.reason in answers.STOPPED:
            answers.answer_with(answers.status(decision))
        return {"success": False, "msg": answers.short(found, decision)}
    if decision.grant:
        try:
            meter.take_rows(actor, decision.grant, found.resource_id)
        except meter.UsedUpError as full:
            counts.count_refusal(found.resource_id, full.reason.value)
            return {"success": False, "msg": answers.sentence(full.reason)}
    if decision.audited:
        keep_from_caches()
        grant = decision.grant.id if decision.grant else None
        counts.note_rows(actor, found.resource_id, decision.reason.value, grant)
    return {"success": True}


AUTH = {function.__name__: function for function in (datastore_search, datastore_info, datastore_search_sql)}


def keep_from_caches() -> None:
    """Have no cache keep the answer to this request: it holds rows that are not everybody's."""
    if has_request_context():
        tk.request.environ["__no_cache__"] = True  # CKAN would call it public
        after_this_request(not_to_be_stored)


def not_to_be_stored(response: Response) -> Response:
    """Keep an answer out of all caches."""
    response.headers["Cache-Control"] = RESTRICTED_CACHE
    return response


def without_echo(name: str) -> Callable[..., Any]:
    """Return a chained action that writes rows and never answers with any."""

    @tk.chained_action
    def write(next_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
        """Write rows; the answer holds none."""
        data_dict = row_doors.of_one_table(data_dict)
        aliases.refuse_reserved(data_dict.get("aliases"))
        if name == "datastore_records_delete":  # CKAN asks for its right only further in, and fails on that
            tk.check_access(name, context, {"resource_id": data_dict.get("resource_id")})
        if not context.get("ignore_auth"):
            frozen.refuse(model.Session().connection(), data_dict.get("resource_id") or "")
        return next_action(context, {key: value for key, value in data_dict.items() if key not in ECHO})

    write.__name__ = name
    return write


WRITES = ("datastore_create", "datastore_upsert", "datastore_delete", "datastore_records_delete")


@tk.chained_action
@tk.side_effect_free
def columns(next_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Tell the columns of a table; code that asks without rights (Croissant) learns what its reader may."""
    data_dict = row_doors.of_one_table(data_dict)
    reference = data_dict.get("resource_id") or ""
    if context.get("ignore_auth") and has_request_context():
        judged = judge_rows(reference, asking())
        if judged is None or not judged[1].allow:
            tk.check_access("datastore_info", context, dict(data_dict))
            return {}
        grant = judged[1].limited_to
    else:
        table, judged = row_doors.table_of(context, reference)
        row_doors.refuse_what_is_stopped("datastore_info", context, table, judged)
        grant = judged[1].limited_to if judged else None
    found = next_action(context, data_dict)
    return row_doors.described(found, grant) if grant else found


ACTIONS = {
    "datastore_search": row_doors.datastore_search,
    "datastore_info": columns,
    **{name: without_echo(name) for name in WRITES},
}


def gated_dump(core: Callable[..., Any]) -> Callable[..., Any]:
    """Return CKAN's dump behind the gate, with the gate's own refusals."""

    @wraps(core)
    def dump(resource_id: str) -> Response:
        tk.request.environ["__no_cache__"] = True
        real_id, judged = row_doors.named(resource_id, asking())
        if judged is None or not (visible(real_id) or tombstones.of(judged[0].dataset_id)):
            return tk.abort(404, tk._("DataStore resource not found"))
        found, decision = judged
        if not decision.allow:
            return refusal(found, decision)
        traced = trace.of(decision.grant)
        meter.count_no_more(real_id)  # its pages are no further uses
        answer: Response = core(real_id)
        try:
            dumped(asking(), real_id, traced)
        except meter.UsedUpError as full:
            answer.close()
            return refusal(found, policy.refuse(full.reason))
        stream = stream_with_context(iter(cast("Any", answer.response)))  # pages ask again
        answer.response = traced.hashed(as_bytes(stream)) if traced else stream
        if traced:
            traced.mark(answer)
            answer.headers["Content-Disposition"] = serve.disposition(
                traced.named(table_name(real_id, answer))
            )
        answer.call_on_close(model.Session.remove)
        if tk.request.method == "GET":
            counts.count_download(found.dataset_id, real_id)
        return sealed(answer, decision)

    return dump


def dumped(actor: Any, resource_id: str, traced: trace.Trace | None) -> None:
    """Write down that a table is handed out as a file under a grant.

    :raises meter.UsedUpError: the grant permits no more
    """
    if traced and tk.request.method == "GET":
        with model.ensure_engine().begin() as connection:  # the session is CKAN's, which goes on reading
            traced.use_id = meter.take(connection, actor, traced.grant.id, resource_id, DUMP)


def as_bytes(pieces: Iterator[Any]) -> Iterator[bytes]:
    """Yield what CKAN writes as bytes; it is text here and there."""
    return (piece.encode() if isinstance(piece, str) else piece for piece in pieces)


def table_name(resource_id: str, answer: Response) -> str:
    """Return the name of a dumped table: that of its file, with the ending of its format."""
    stated = parse_options_header(answer.headers.get("Content-Disposition"))[1].get("filename", "")
    name = serve.download_name(model.Session.get_one(model.Resource, resource_id))
    return PurePosixPath(name).stem + PurePosixPath(stated).suffix


# --- views ---------------------------------------------------------------------------------------

SHOWN = ("id", "resource_id", "package_id", "title", "description", "view_type")
"""What of a view anybody may know; the rest names columns and values."""


@tk.chained_action
@tk.side_effect_free
def resource_view_list(next_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Offer no preview of what may not leave, so that dataset pages do not fail on it."""
    views = next_action(context, data_dict)
    judged = judge(data_dict.get("id", ""), actor_of(context), wanted_purpose())
    return [as_known(view, judged) for view in views] if judged and judged[1].allow else []


@tk.chained_action
@tk.side_effect_free
def resource_view_show(next_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Show a view without columns and values of what may not leave."""
    view = next_action(context, data_dict)
    return as_known(view, judge(view["resource_id"], actor_of(context), wanted_purpose()))


def as_known(view: dict[str, Any], judged: row_doors.Judged | None) -> dict[str, Any]:
    """Return a view, without what names columns and values for who may not have all of them."""
    whole = judged is not None and judged[1].allow and not judged[1].limited_to
    return view if whole else {name: view.get(name) for name in SHOWN}


VIEWS = {function.__name__: function for function in (resource_view_list, resource_view_show)}
