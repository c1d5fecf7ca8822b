"""Pages that are for people with an account."""

from __future__ import annotations

from ckan.plugins import toolkit as tk
from flask import Response


def need_login() -> Response | None:
    """Send a visitor without a login to the login page, and back afterwards."""
    if tk.current_user.is_authenticated:
        return None
    return tk.redirect_to("user.login", came_from=tk.request.full_path.rstrip("?"))
