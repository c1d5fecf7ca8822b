"""Which logins of a person still count: those made with the password of now.

A session and a remembered login hold, beside the account, a stamp of its password. A new password makes
another stamp, and with it all logins elsewhere end, without anybody having to find them.
"""

from __future__ import annotations

from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel.addresses import digest

LENGTH = 32


def stamp(user: model.User) -> str:
    """Return what changes with a person's password and tells nothing about it."""
    return digest("login", f"{user.id}:{user.password}")[:LENGTH]


def stamped_id(self: model.User) -> str:
    """Return how a login names its account; flask-login keeps it in sessions and remembered logins."""
    return f"{self.id}.{stamp(self)}"


def whose(login: str) -> model.User | model.AnonymousUser | None:
    """Return whose login this is; nobody's when it is from before the password was changed.

    A request with an API token is CKAN's to judge: there the token counts, whatever login comes with it.
    """
    if tk.request.headers.get(tk.config["apitoken_header_name"]):
        return None
    user_id, _dot, stamped = login.rpartition(".")
    if not user_id:
        return model.AnonymousUser()  # CKAN would take an account's bare id for a login
    user = model.Session.get(model.User, user_id)
    return user if user is not None and stamped == stamp(user) else None


def install() -> None:
    """Have flask-login name accounts so; may be called again."""
    model.User.get_id = stamped_id
