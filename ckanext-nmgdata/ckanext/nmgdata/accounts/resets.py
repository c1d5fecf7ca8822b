"""How long the link of a mail lets somebody choose a password, and what ends with the old one."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib import mailer
from ckan.plugins import toolkit as tk
from ckan.types import AuthFunction, AuthResult, Context, DataDict
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper, attributes

from ..kernel import clock

VALID = timedelta(days=1)
"""How long a key works; who comes later asks for another one."""


def make_key() -> str:
    """Return a secret that says when it was made; as it is compared whole, nobody can make it younger."""
    return f"{secrets.token_urlsafe(24)}.{int(clock.now().timestamp()):x}"


def is_fresh(key: Any) -> bool:
    """Say whether a key is not too old; one that does not say when it was made is."""
    _secret, dot, made = (key if isinstance(key, str) else "").strip().rpartition(".")
    try:
        age = clock.now().timestamp() - int(made, 16)
    except ValueError:
        return False
    return bool(dot) and 0 <= age <= VALID.total_seconds()


@tk.chained_auth_function
@tk.auth_allow_anonymous_access
def user_update(next_auth: AuthFunction, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Who CKAN lets, but a mailed key counts for a day, in the action API too."""
    stated = dict(data_dict or {})
    if not is_fresh(stated.get("reset_key")):
        stated.pop("reset_key", None)
    return next_auth(context, stated)


def end_with_the_password(_mapper: Mapper[Any], connection: Connection, user: model.User) -> None:
    """With a password end the API tokens that were made under it, and the mailed key that changed it.

    Logins elsewhere end by themselves (``logins``).
    """
    if not attributes.get_history(user, "_password").has_changes():
        return
    connection.execute(sa.delete(model.ApiToken).where(model.ApiToken.user_id == user.id))
    if not attributes.get_history(user, "reset_key").has_changes():
        user.reset_key = ""


AUTH = {"user_update": user_update}


def install() -> None:
    """Have CKAN make its keys so, and watch passwords; may be called again."""
    mailer.make_key = make_key
    if not event.contains(model.User, "before_update", end_with_the_password):
        event.listen(model.User, "before_update", end_with_the_password)
