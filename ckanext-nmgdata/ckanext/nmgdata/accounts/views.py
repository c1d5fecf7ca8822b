"""Pages of accounts; their paths are CKAN's own, so that its links lead here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ckan import model
from ckan.lib import mailer
from ckan.plugins import toolkit as tk
from ckan.types import CKANApp
from flask import Blueprint, Response, make_response
from flask_login import COOKIE_NAME, login_user
from werkzeug.datastructures import MultiDict

from ..kernel.limits import TooOftenError, UncountedError
from . import address, logins, resets, schema
from . import register as accounts

_ = tk._
View = Callable[..., Any]
AWAY = 60
"""Seconds after which to try again what needs Redis."""
blueprint = Blueprint("nmgdata_accounts", __name__)


# --- registration and forgotten passwords --------------------------------------------------------


@blueprint.route("/user/register", methods=["GET", "POST"])
def register() -> Any:
    """Show the registration form; on POST have the account made and say what comes next."""
    if tk.current_user.is_authenticated:
        return tk.redirect_to("home.index")
    if tk.request.method == "GET":
        return tk.render("nmgdata/accounts/register.html", {"data": {"kind": "natural_person"}, "errors": {}})
    typed = {name: tk.request.form.get(name, "") for name in schema.registration()}
    stated, errors = tk.navl_validate(dict(typed), schema.registration(), {})
    if errors:
        return tk.render("nmgdata/accounts/register.html", {"data": typed, "errors": errors})

    def again(message: str) -> str:
        values = {"data": typed, "errors": {"email": [message]}}
        return tk.render("nmgdata/accounts/register.html", values)

    refused = mailed(lambda: accounts.register(stated), again)
    return refused or tk.render("nmgdata/accounts/sent.html", {"email": stated["email"]})


@blueprint.route("/user/reset", methods=["GET", "POST"])
def request_reset() -> Any:
    """Ask for a link to a new password; the answer is the same whoever asks for whom."""
    typed, errors = {"user": tk.request.form.get("user", "").strip()}, {}

    def page(message: str = "") -> str:
        if message:
            errors["user"] = [message]
        return tk.render("user/request_reset.html", {"data": typed, "errors": errors})

    if tk.request.method == "GET":
        return page()
    if not typed["user"]:
        return page(_("Please fill in this field."))
    refused = mailed(lambda: accounts.forgotten(typed["user"]), page)
    if refused:
        return refused
    tk.h.flash_success(_("If there is an account of this name or address, a mail with a link is on its way."))
    return tk.redirect_to("user.login")


def mailed(ask: Callable[[], None], again: Callable[[str], str]) -> Response | None:
    """Ask for a mail; where that cannot be, return the form as it was typed, and when to come back."""
    try:
        ask()
    except TooOftenError as often:
        return later(429, often.wait, again(too_often(often)))
    except UncountedError:
        return later(503, AWAY, again(_("No mails can be sent at the moment. Please try again later.")))
    return None


def later(status: int, seconds: int, page: str) -> Response:
    """Return a page that says no for now, and until when."""
    answer = make_response(page, status)
    answer.headers["Retry-After"] = str(seconds)
    return answer


def too_often(often: TooOftenError) -> str:
    """Say that something was tried too often, and for how long to wait."""
    minutes = -(-often.wait // 60)
    return _("That was tried too often. Please wait {n} minutes and try again.").format(n=minutes)


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


@blueprint.route("/user/address/<user_id>", methods=["GET", "POST"])
def move(user_id: str) -> Any:
    """Move an account to another mail address by the link of its mail; a button, as for activation."""
    email, until, key = (tk.request.args.get(name, "") for name in ("email", "until", "key"))
    user = address.sealed(user_id, email, until, key)
    if user is None:
        return tk.render("nmgdata/accounts/stale_address.html"), 410
    if tk.request.method == "GET":
        return tk.render("nmgdata/accounts/move.html", {"email": email})
    if not address.move(user, email):
        return tk.render("nmgdata/accounts/stale_address.html"), 410
    tk.h.flash_success(_("Your mail address has been changed."))
    return tk.redirect_to("user.edit" if tk.current_user.is_authenticated else "user.login")


# --- CKAN's own pages, held to our rules ---------------------------------------------------------


def login(core: View) -> View:
    """Log in: not after too many wrong passwords, and afterwards to no place but one of the portal's own."""

    @wraps(core)
    def view() -> Any:
        goal = tk.request.args.get("next", tk.request.args.get("came_from"))
        if goal is not None and not is_own(goal):
            return tk.abort(400, _("This is no address of the portal."))
        remember = tk.request.form.get("remember", "")
        if remember and not (remember.isascii() and remember.isdigit() and len(remember) <= 12):
            return tk.abort(400, _("This must be a number."))
        single_fields("login", "password")
        try:
            return core()
        except TooOftenError as often:
            tk.h.flash_error(too_often(often))
            return later(429, often.wait, tk.render("user/login.html", {}))

    return view


def is_own(address: str) -> bool:
    """Say whether an address leads browsers to a page of the portal, however they read it."""
    strange = any(character <= " " or character in "\\\x7f" for character in address)
    return address.startswith("/") and not address.startswith("//") and not strange


def logout(core: View) -> View:
    """Log out by the button, which carries the form's token; a link alone only asks."""

    @wraps(core)
    def view() -> Any:
        if tk.request.method == "POST" or not tk.current_user.is_authenticated:
            return core()
        return tk.render("nmgdata/accounts/logout.html")

    return view


def perform_reset(core: View) -> View:
    """Choose a new password by the link of a mail; a wrong link gets one answer, whoever it names."""

    @wraps(core)
    def view(id: str) -> Any:
        user = model.User.get(id)
        key = tk.request.args.get("key")
        if user is None or not resets.is_fresh(key) or not mailer.verify_reset_link(user, key):
            return tk.abort(403, _("Invalid reset key. Please try again."))
        single_fields("password1", "password2")
        return core(id=user.id)

    return view


def edit(core: Any) -> View:
    """Edit a profile; who has changed the password stays logged in here, and nowhere else."""

    @wraps(core)
    def view(id: str | None = None) -> Any:
        own = model.User.get(tk.current_user.id) if tk.current_user.is_authenticated else None
        if tk.request.method == "POST" and "save" in tk.request.form:
            single_fields("old_password", "password1", "password2", "email", "name", "fullname", "about")
        before = logins.stamp(own) if own else ""
        try:
            answer = core(id=id)
        except TooOftenError as often:
            page = core.view_class().get(id, tk.request.form, {"old_password": [too_often(often)]}, {"": ""})
            return later(429, often.wait, page)
        user = model.User.get(own.id) if own else None
        if user is not None and logins.stamp(user) != before:
            login_user(user, remember=COOKIE_NAME in tk.request.cookies)
            tk.h.flash_notice(
                _("Your API tokens ended with the old password; make new ones if you need them.")
            )
        saved = not isinstance(answer, str) and tk.request.method == "POST"
        wanted = tk.request.form.get("email", "")
        if user is not None and saved and not user.sysadmin and not address.is_same(wanted, user.email or ""):
            tk.h.flash_notice(address.promised(wanted))
        return answer

    return view


def single_fields(*names: str) -> None:
    """Let each field of the present form be there, and once; CKAN stumbles over others."""
    request: Any = tk.request._get_current_object()
    form = MultiDict(request.form)
    for name in names:
        form[name] = request.form.get(name, "")
    request.form = form


def take_over(app: CKANApp) -> CKANApp:
    """Hold CKAN's pages of accounts to our rules."""
    for wrap in (login, logout, perform_reset, edit):
        endpoint = f"user.{wrap.__name__}"
        app.view_functions[endpoint] = wrap(app.view_functions[endpoint])
    return app
