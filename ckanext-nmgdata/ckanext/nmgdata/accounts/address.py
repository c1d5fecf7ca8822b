"""A new mail address counts once its holder has followed the link that was mailed to it.

Until then mails, also those with which a password is chosen anew, go to the old one. Nothing is kept
meanwhile: the link itself says what it is for, sealed with a key of the portal, and is worth nothing after
the address or the password has changed.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict
from sqlalchemy.exc import IntegrityError

from ..kernel import clock, identity, outbox
from ..kernel.actors import Actor
from ..kernel.addresses import digest
from ..kernel.audit import append
from ..kernel.gate.doors import asking
from ..kernel.limits import MAILS, TooOftenError, UncountedError
from ..kernel.outbox.model import Outbox
from ..kernel.unit import begin
from . import logins, register

_ = tk._
VALID = timedelta(days=1)
TOPIC = "account_address"


@tk.chained_action
def user_update(next_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Change an account; a new mail address is written to first, and counts when it answers."""
    user = model.User.get(data_dict["id"]) if data_dict.get("id") else None
    wanted = moving_to(context, user, data_dict)
    if user is None or wanted is None:
        return next_action(context, data_dict)
    tk.check_access("user_update", context, data_dict)
    user_id, old = user.id, user.email
    take(wanted)
    answer = next_action(context, {**data_dict, "email": old})
    with begin(Actor.system()) as unit:
        outbox.enqueue(unit.session, TOPIC, {"user": user_id, "email": wanted})
    return answer


def moving_to(context: Context, user: model.User | None, data_dict: DataDict) -> str | None:
    """Return the address to which somebody wants to move an account; None: nobody does, or the operator.

    :raises tk.ValidationError: it is no address
    """
    actor = context.get("auth_user_obj") or model.User.get(context.get("user"))
    operates = context.get("ignore_auth") or (isinstance(actor, model.User) and actor.sysadmin)
    if operates or user is None or not user.email:
        return None
    stated = data_dict.get("email")
    if not isinstance(stated, str) or not stated.strip() or is_same(stated, user.email):
        return None
    try:
        return identity.email(stated)
    except tk.Invalid as invalid:
        raise tk.ValidationError({"email": [invalid.error]}) from None


def take(address: str) -> None:
    """Count a mail to an address.

    :raises tk.ValidationError: too many, or nobody can count
    """
    try:
        MAILS.take(address, asking().address)
    except TooOftenError as often:
        minutes = -(-often.wait // 60)
        message = _("That was tried too often. Please wait {n} minutes and try again.").format(n=minutes)
        raise tk.ValidationError({"email": [message]}) from None
    except UncountedError:
        message = _("No mails can be sent at the moment. Please try again later.")
        raise tk.ValidationError({"email": [message]}) from None


def promised(address: str) -> str:
    """Return what is said to who has stated a new address."""
    message = _("A mail with a link is on its way to {email}; until you open it, the old address counts.")
    return message.format(email=address.strip())


def is_same(one: str, other: str) -> bool:
    """Say whether two addresses are the same; letter case and blanks make no other."""
    return one.strip().casefold() == other.strip().casefold()


# --- the link ------------------------------------------------------------------------------------


def install() -> None:
    """Take charge of the topic; may be called again."""
    outbox.handle(TOPIC, answer)


def answer(rows: Sequence[Outbox]) -> None:
    """Mail the links, from the outbox; an address that has an account gets none, but is told so."""
    for row in rows:
        user, email = model.Session.get(model.User, row.payload["user"]), row.payload["email"]
        if user is None or not user.is_active:
            continue
        if register.active_account(email):
            register.send(email, "known", {"reset": tk.url_for("user.request_reset", qualified=True)})
            continue
        until = str(int((clock.now() + VALID).timestamp()))
        values = {"email": email, "until": until, "key": seal(user, email, until)}
        link = tk.url_for("nmgdata_accounts.move", user_id=user.id, qualified=True, **values)
        register.send(email, "address", {"link": link})


def seal(user: model.User, email: str, until: str) -> str:
    """Return the seal of a link: for this account as it is now, this address and this moment."""
    return digest(TOPIC, "\n".join((logins.stamp(user), user.email or "", email, until)))


def sealed(user_id: str, email: str, until: str, key: str) -> model.User | None:
    """Return the account that a link moves; None for a link that is wrong, old or used."""
    user = model.Session.get(model.User, user_id)
    if user is None or not user.is_active or register.active_account(email):
        return None
    if not hmac.compare_digest(seal(user, email, until).encode(), key.encode("utf-8", "replace")):
        return None
    return user if int(until) >= clock.now().timestamp() else None


def move(user: model.User, email: str) -> bool:
    """Move an account to an address, and tell the old one; False when another account was faster."""
    user_id, old = user.id, user.email or ""
    model.Session.rollback()
    try:
        with begin(Actor("person", user_id=user_id)) as unit:
            row = unit.session.get_one(model.User, user_id, with_for_update=True, populate_existing=True)
            row.email = email
            unit.session.flush()
            register.send(old, "moved", {})
            append(unit, "account.moved", ("account", user_id))
    except IntegrityError:
        return False
    return True


ACTIONS = {"user_update": user_update}
