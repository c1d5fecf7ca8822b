"""What programs get when a call of the action API is refused: a code that never changes beside the words.

CKAN names the kind of an error in English words (``__type``) and says the rest in the language of the
portal. Programs get ``code`` beside ``error``, which stays as CKAN's clients know it. Who asks too often is
answered 429 and told when to come back.
"""

from __future__ import annotations

import ipaddress
import json
from http.client import METHOD_NOT_ALLOWED, NOT_FOUND

from ckan.plugins import toolkit as tk
from ckan.types import CKANApp
from flask import jsonify, make_response
from werkzeug.wrappers import Response

from .. import config
from ..kernel.limits import Limit, TooOftenError, UncountedError

_ = tk._
API = "api.action"
MINUTE = 60
CALLS = Limit("api", MINUTE, config.api_limits)
CODES = {
    "Authorization Error": "not_authorized",
    "Not Found Error": "not_found",
    "Validation Error": "validation_error",
    "Search Query Error": "search_query_error",
    "Search Error": "search_error",
    "Search Index Error": "search_index_error",
    "Search Connection Error": "search_unavailable",
    "Integrity Error": "integrity_error",
    "Too Many Requests Error": "too_many_requests",
}
"""``__type`` → ``code``."""
N_ = str  # marks a string for translation; it is translated when shown
SENTENCES = {
    "search_query_error": N_("The search query cannot be understood."),
    "search_error": N_("The search query cannot be understood."),
    "search_index_error": N_("The search index cannot take this."),
    "search_unavailable": N_("The search server is away; all that does not search goes on."),
    "internal_error": N_("Something has gone wrong on the portal."),
}
"""What is said where CKAN's own message is English, or tells how the portal is built."""
MISUNDERSTOOD = {
    "unknown_action": N_("There is no such action."),
    "post_needed": N_("This action changes something: call it by POST."),
    "bad_json": N_("What was sent is not a JSON object."),
    "csrf_token_missing": N_(
        "A call with the cookie of a login needs X-CSRFToken; programs send an API token as Authorization."
    ),
    "method_not_allowed": N_("Actions are called by GET or POST."),
    "not_found": N_("There is no such address in the API."),
}
"""What is said where CKAN answers programs with a bare sentence, or with a page for people."""
BY_STATUS = {
    400: "bad_request", 403: "not_authorized", 404: "not_found", 405: "method_not_allowed",
    409: "validation_error", 413: "too_large", 429: "too_many_requests", 500: "internal_error",
}  # fmt: skip


def install(app: CKANApp) -> CKANApp:
    """Count calls of the action API, and put codes to its refusals."""
    app.before_request(not_too_often)
    app.after_request(coded)
    return app


def not_too_often() -> Response | None:
    """Answer 429 to who calls more often than the portal can bear; go on while nobody can count."""
    if tk.request.endpoint != API or not config.api_limits()[0] or is_own(tk.request.remote_addr):
        return None
    user = tk.current_user
    person = user.id if user and user.is_authenticated else tk.request.remote_addr or ""
    try:
        CALLS.take(person, tk.request.remote_addr)
    except TooOftenError as often:
        return refused(often.wait)
    except UncountedError:
        return None
    return None


def is_own(address: str | None) -> bool:
    """Say whether a call comes from the machine itself, whose programs are not held up."""
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def refused(wait: int) -> Response:
    """Return the answer to a call too many."""
    message = _("Too many requests. Please come back in {n} seconds.").format(n=wait)
    said = {"__type": "Too Many Requests Error", "message": message}
    answer = make_response(jsonify({"success": False, "error": said}), 429)
    answer.headers["Retry-After"] = str(wait)
    return answer


def coded(response: Response) -> Response:
    """Put a code to a refusal of the action API."""
    if response.status_code < 400 or not is_api(response.status_code):
        return response
    try:
        said = json.loads(response.get_data())
    except ValueError:
        said = {}
    error = said.get("error") if isinstance(said, dict) else None
    if isinstance(error, dict):
        code = said["code"] = code_of(error, response.status_code)
        if code in SENTENCES:
            error["message"] = _(SENTENCES[code])
    else:
        code = misunderstood(response)
        kind = next((kind for kind, known in CODES.items() if known == code), "Bad Request Error")
        error = {"__type": kind, "message": _(MISUNDERSTOOD[code])}
        said = {"success": False, "code": code, "error": error}
    response.set_data(json.dumps(said, ensure_ascii=False))
    response.mimetype = "application/json"
    return response


def is_api(status: int) -> bool:
    """Say whether a call is of an action, or of an address among theirs that leads nowhere."""
    lost = status in (NOT_FOUND, METHOD_NOT_ALLOWED) and tk.request.path.startswith("/api/")
    return lost or tk.request.endpoint == API


def misunderstood(response: Response) -> str:
    """Return the code of a call that has not come as far as its action."""
    status = response.status_code
    if tk.request.endpoint != API:
        return "method_not_allowed" if status == METHOD_NOT_ALLOWED else "not_found"
    try:
        action = tk.get_action((tk.request.view_args or {})["logic_function"])
    except KeyError:
        return "unknown_action"
    if response.mimetype == "text/html":  # CKAN's page; its API answers in JSON
        return "csrf_token_missing"
    reads = getattr(action, "side_effect_free", False)
    return "bad_json" if reads or tk.request.method != "GET" else "post_needed"


def code_of(error: dict[str, object], status: int) -> str:
    """Return the code of an error."""
    return CODES.get(str(error.get("__type"))) or BY_STATUS.get(status, "internal_error")
