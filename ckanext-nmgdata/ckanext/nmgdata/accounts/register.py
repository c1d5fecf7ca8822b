"""Register, verify, activate. An account holds what an application needs, and no more."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .. import config
from ..kernel import clock, outbox
from ..kernel.actors import Actor
from ..kernel.audit import append
from ..kernel.types import new_id
from ..kernel.unit import begin

_ = tk._
VALID = timedelta(days=3)
"""How long a verification link works."""
KEY = "nmgdata"
"""Our part of CKAN's ``plugin_extras``."""


def register(stated: dict[str, Any]) -> None:
    """Create a pending account and mail the link that activates it.

    An address that has an account gets a mail that says so; the page answers the same, so that
    nobody learns which addresses are registered.
    """
    if active_account(stated["email"]):
        send(stated["email"], "known", {})
        return
    key = secrets.token_urlsafe(24)
    until = (clock.now() + VALID).isoformat()
    extras = {KEY: {**account_data(stated), "verify": {"key": key, "until": until}}}
    site_user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    user = tk.get_action("user_create")(
        {"user": site_user, "ignore_auth": True},
        {
            "name": f"u{secrets.token_hex(6)}",
            "email": stated["email"],
            "password": stated["password1"],
            "fullname": stated["name"],
            "state": model.State.PENDING,
            "plugin_extras": extras,
        },
    )
    link = tk.url_for("nmgdata_accounts.activate", user_id=user["id"], key=key, qualified=True)
    send(stated["email"], "verify", {"link": link, "days": VALID.days})


def account_data(stated: dict[str, Any]) -> dict[str, Any]:
    """Return what the account keeps about its holder."""
    data = {"kind": stated["kind"]}
    if stated["kind"] != "natural_person":
        data |= {"organisation": stated["organisation"], "credit_code": stated["credit_code"]}
    return data


def active_account(email: str) -> model.User | None:
    """Return the active account of an address."""
    user = model.User
    query = sa.select(user).where(sa.func.lower(user.email) == email.lower(), user.state == "active")
    return model.Session.scalar(query)


def pending_account(user_id: str, key: str) -> model.User | None:
    """Return the account that a verification link activates; None for a wrong or an old one."""
    user = model.Session.get(model.User, user_id)
    verify = ((user.plugin_extras or {}).get(KEY) or {}).get("verify") if user else None
    if user is None or not user.is_pending() or not verify:
        return None
    if not hmac.compare_digest(verify["key"], key):
        return None
    return user if clock.now() <= datetime.fromisoformat(verify["until"]) else None


def activate(user: model.User) -> bool:
    """Activate an account; False when its address has got an active account in the meantime."""
    if active_account(user.email or ""):
        return False
    user_id = user.id
    model.Session.rollback()
    with begin(Actor("person", user_id=user_id)) as unit:
        row = unit.session.get_one(model.User, user_id, with_for_update=True, populate_existing=True)
        kept = dict(row.plugin_extras or {})
        kept[KEY] = {name: value for name, value in kept[KEY].items() if name != "verify"}
        row.plugin_extras = kept
        row.state = model.State.ACTIVE
        append(unit, "account.activated", ("account", user_id))
    return True


def send(address: str, template: str, values: dict[str, Any]) -> None:
    """Put a mail of this room into the outbox."""
    values = {
        **values,
        "site_title": config.site_title(),
        "reset": tk.url_for("user.request_reset", qualified=True),
    }
    text = tk.render(f"nmgdata/accounts/mail/{template}.txt", values)
    subject, _newline, body = text.strip().partition("\n")
    with begin(Actor.system()) as unit:
        mail = {"to": address, "subject": subject.strip(), "body": body.strip() + "\n"}
        outbox.enqueue(unit.session, "mail", mail, key=new_id())
