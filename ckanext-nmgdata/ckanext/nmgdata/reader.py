"""Who reads a page: the login that it needs, the context in which it calls actions."""

from __future__ import annotations

from ckan.plugins import toolkit as tk
from ckan.types import Context
from flask import Response


def need_login() -> Response | None:
    """Send a visitor without a login to the login page, and back afterwards."""
    if tk.current_user.is_authenticated:
        return None
    return tk.redirect_to("user.login", came_from=tk.request.full_path.rstrip("?"))


def context() -> Context:
    """Return the context of who asks."""
    return {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
