"""What every answer says to browsers, and what no request may hold."""

from __future__ import annotations

import re
from typing import Any

from ckan.config.middleware.flask_app import csrf
from ckan.lib.search import SearchError, SearchQueryError
from ckan.plugins import toolkit as tk
from ckan.types import CKANApp
from ckan.views.api import _get_request_data
from flask import g, has_request_context, jsonify, make_response
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from .. import shapes

HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": (
        "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "
        "frame-ancestors 'self'; base-uri 'self'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
FLAG = "nmgdata_csrf_exempt"


class ExemptViews(set[str]):
    """Views without a CSRF token: for the request that is exempt, and not for all that come after it.

    CKAN exempts the view of a request that came with an API token, or without a login, for the life
    of the process; from then on everybody's session could be used against that view.
    """

    def add(self, element: str) -> None:
        """Exempt a view: in this request only, or for good when a plugin does so at its start."""
        if has_request_context():
            g.setdefault(FLAG, set()).add(element)
        else:
            super().add(element)

    def __contains__(self, element: object) -> bool:
        """Say whether a view is exempt now."""
        return super().__contains__(element) or (has_request_context() and element in g.get(FLAG, ()))


def well_formed() -> Any:
    """Refuse what nothing behind could take: text nobody types, pages nobody turns, JSON without a floor."""
    request: Any = tk.request
    fields = [*request.args.items(multi=True)]
    if request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
        fields += request.form.items(multi=True)
    if any(shapes.unstorable(text) for text in (request.path, *(part for field in fields for part in field))):
        tk.abort(400)
    if request.endpoint == "api.action":
        return refused()
    if request.blueprint != "nmgdata_changes" and not all(
        COUNT.fullmatch(value) for name in COUNTED for value in request.args.getlist(name)
    ):
        tk.abort(400, tk._("This must be a number."))
    return None


COUNTED = ("page", "limit", "offset")
"""What addresses of pages count with; the change feed answers for itself."""
COUNT = re.compile(r"[1-9][0-9]{0,5}")


def refused() -> Response | None:
    """Answer what a program has sent in a shape that no action can take, with the field; None when it can."""
    try:
        sent = _get_request_data(try_url_params=True)
        found = shapes.broken(sent)
        action = (tk.request.view_args or {}).get("logic_function", "")
        if name := shapes.lacking(action, sent):
            found = found or (name, tk._("Missing value"))
        if name := shapes.misnamed(action, sent):
            found = found or (name, tk._("Job not found"))
    except RecursionError:
        found = ("", tk._("These data are nested too deeply."))
    except (ValueError, HTTPException):
        return None  # CKAN says itself what is wrong
    if found is None:
        return None
    field, message = found
    said = {"__type": "Validation Error", field or "__junk": [message]}
    return make_response(jsonify({"success": False, "error": said}), 400)


ANSWERS = {
    tk.ObjectNotFound: 404,
    tk.NotAuthorized: 403,
    tk.ValidationError: 400,
    SearchQueryError: 400,
    SearchError: 503,
}
"""What a page answers when an action refuses and the page has not foreseen it."""


def unforeseen(error: Exception) -> Any:
    """Answer as the action API would, in a page for people."""
    code = next(code for kind, code in ANSWERS.items() if isinstance(error, kind))
    content = sentence(error)
    values = {"code": code, "content": content, "show_login_redirect_link": False}
    return tk.render("error_document_template.html", values), code


def sentence(error: Exception) -> str:
    """Return what a refusal says to people."""
    if isinstance(error, tk.ValidationError):
        return tk.h.nmgdata_first_error(error.error_dict)
    if isinstance(error, SearchQueryError):
        return tk._("The search query cannot be understood.")
    if isinstance(error, SearchError):
        return tk._("Search is not available at the moment.")
    return str(error)


def say(response: Response) -> Response:
    """Add the headers that an answer does not set itself."""
    said = {name.lower() for name, _value in response.headers}
    response.headers.extend([line for line in HEADERS.items() if line[0].lower() not in said])
    return response


def is_markup(template: str | None) -> bool:
    """Say whether a template makes HTML; in the text of a mail nothing is to be escaped."""
    return not (template or "").endswith(".txt")


def install(app: CKANApp) -> CKANApp:
    """Harden an application."""
    app.jinja_env.autoescape = is_markup
    csrf._exempt_views = ExemptViews(csrf._exempt_views)
    app.before_request(well_formed)
    app.after_request(say)
    for kind in ANSWERS:
        app.register_error_handler(kind, unforeseen)
    return app
