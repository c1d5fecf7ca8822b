"""What every answer says to browsers, and what no request may hold."""

from __future__ import annotations

from typing import Any

from ckan.config.middleware.flask_app import csrf
from ckan.plugins import toolkit as tk
from ckan.types import CKANApp
from flask import g, has_request_context
from werkzeug.wrappers import Response

HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": "frame-ancestors 'self'; base-uri 'self'; object-src 'none'",
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


def no_null() -> None:
    """Refuse the character NUL, which PostgreSQL cannot store and nobody types."""
    request: Any = tk.request
    values = [request.path, *request.args.values()]
    if request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
        values += request.form.values()
    if any("\0" in value for value in values):
        tk.abort(400)


def say(response: Response) -> Response:
    """Add the headers that an answer does not set itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def install(app: CKANApp) -> CKANApp:
    """Harden an application."""
    csrf._exempt_views = ExemptViews(csrf._exempt_views)
    app.before_request(no_null)
    app.after_request(say)
    return app
