"""Who reads a page: the login that it needs, the context of its actions, whether its form is ours."""

from __future__ import annotations

from ckan.config.middleware.flask_app import csrf
from ckan.plugins import toolkit as tk
from ckan.types import Context
from flask import Response, current_app
from flask_wtf.csrf import CSRFError


def need_login() -> Response | None:
    """Send a visitor without a login to the login page, and back afterwards."""
    if tk.current_user.is_authenticated:
        return None
    return tk.redirect_to("user.login", came_from=tk.request.full_path.rstrip("?"))


def context() -> Context:
    """Return the context of who asks."""
    return {"user": tk.current_user.name, "auth_user_obj": tk.current_user}


def is_our_form() -> bool:
    """Say whether a form was sent from a page of ours, in the session that still runs.

    For views that are exempt from CKAN's own check (``csrf.exempt``), which answers with an error page: what
    was typed over hours is to come back instead. Such a view writes nothing for who asks when this is False.
    """
    if not current_app.config["WTF_CSRF_ENABLED"] or tk.g.get("login_via_auth_header"):
        return True
    try:
        csrf.protect()
    except CSRFError:
        return False
    return True
