"""Pages of registration; the path is CKAN's own, so that its links lead here."""

from __future__ import annotations

from typing import Any

from ckan.plugins import toolkit as tk
from flask import Blueprint

from . import register as accounts
from . import schema

_ = tk._
blueprint = Blueprint("nmgdata_accounts", __name__)


@blueprint.route("/user/register", methods=["GET", "POST"])
def register() -> Any:
    """Show the registration form; on POST create the account and say what comes next."""
    if tk.current_user.is_authenticated:
        return tk.redirect_to("home.index")
    if tk.request.method == "GET":
        return tk.render("nmgdata/accounts/register.html", {"data": {"kind": "natural_person"}, "errors": {}})
    typed = {name: tk.request.form.get(name, "") for name in schema.registration()}
    stated, errors = tk.navl_validate(dict(typed), schema.registration(), {})
    if errors:
        return tk.render("nmgdata/accounts/register.html", {"data": typed, "errors": errors})
    accounts.register(stated)
    return tk.render("nmgdata/accounts/sent.html", {"email": stated["email"]})


@blueprint.route("/user/activate/<user_id>", methods=["GET", "POST"])
def activate(user_id: str) -> Any:
    """Activate an account by the link of its mail; a button, because mail scanners follow links."""
    user = accounts.pending_account(user_id, tk.request.args.get("key", ""))
    if user is None:
        return tk.render("nmgdata/accounts/stale.html"), 410
    if tk.request.method == "GET":
        return tk.render("nmgdata/accounts/activate.html")
    if not accounts.activate(user):
        return tk.render("nmgdata/accounts/stale.html"), 410
    tk.h.flash_success(_("Your account is active. You can log in now."))
    return tk.redirect_to("user.login")
