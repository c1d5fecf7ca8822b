"""The one rule of passwords, and how often a wrong one may be tried."""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import Any

from ckan import model
from ckan.lib import signals
from ckan.plugins import toolkit as tk
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey
from flask import has_request_context

from .. import config
from ..kernel.gate.doors import asking
from ..kernel.limits import Limit, UncountedError

_ = tk._
log = logging.getLogger(__name__)
SHORTEST, LONGEST = 8, 256
COMPARED = 4096
"""Characters of a password that can be compared at all."""
KINDS = (r"[a-z]", r"[A-Z]", r"\d", r"[^\w\s]")
FAILURES = Limit("login", 15 * 60, config.login_limits)


def password(value: Any) -> str:
    """Accept a password of at least eight characters that are not all of one kind."""
    text = value if isinstance(value, str) else ""
    if len(text) < SHORTEST or sum(bool(re.search(pattern, text)) for pattern in KINDS) < 2:
        raise tk.Invalid(_("At least 8 characters, of two kinds: small and capital letters, digits, signs."))
    if len(text) > LONGEST:
        raise tk.Invalid(_("Please be briefer: at most {n} characters.").format(n=LONGEST))
    if "\0" in text:
        raise tk.Invalid(_("This must be text."))
    return text


def user_password_validator(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Hold to the rule whatever sets a password: it stands in place of CKAN's own validator of this name.

    Registration, reset, profile and the API (``user_create``, ``user_update``, ``user_patch``) ask it;
    nothing given means no change, and whether that is possible their schemas say.
    """
    if data.get(key) in (tk.missing, None, ""):
        return
    try:
        password(data[key])
    except tk.Invalid as invalid:
        errors[key].append(invalid.error)
        raise tk.StopOnError from None


# --- trying one ----------------------------------------------------------------------------------


def authenticate(identity: dict[str, Any]) -> None:
    """Before CKAN compares a password: refuse what was tried too often; take as long for an unknown name.

    With Redis away, where the counters lie, logging in goes on.

    :raises kernel.limits.TooOftenError: too many wrong ones
    """
    login, tried = identity.get("login") or "", (identity.get("password") or "")[:COMPARED]
    identity |= {"login": login, "password": tried}
    try:
        FAILURES.check(login, asking().address)
    except UncountedError:
        log.warning("Redis does not answer: wrong passwords are not counted")
    known = [user for user in (model.User.by_name(login), model.User.by_email(login)) if user]
    if tried and not (known and known[0].is_active):
        nobody().validate_password(tried)


@cache
def nobody() -> model.User:
    """Return an account that does not exist, to compare passwords with."""
    user = model.User()
    user.password = "nobody has this password"  # noqa: S105 (nobody has)
    return user


def count_failure(login: Any, **_values: Any) -> None:
    """Count a wrong password, for a known and an unknown name alike."""
    if not has_request_context():
        return
    try:
        FAILURES.count(str(login), asking().address)
    except UncountedError:
        log.warning("Redis does not answer: a wrong password was not counted")


def install() -> None:
    """Have CKAN tell of wrong passwords; may be called again."""
    signals.failed_login.connect(count_failure)
