"""Register, verify, activate, choose a new password. An account holds what an application needs, no more.

A request for a mail does the same whether or not its address is known: it leaves one row in the outbox,
so that neither words nor time tell who has an account. What is to be done is found when it is delivered.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib import mailer
from ckan.plugins import toolkit as tk

from .. import config
from ..kernel import clock, outbox
from ..kernel.actors import Actor
from ..kernel.audit import append
from ..kernel.gate.doors import asking
from ..kernel.limits import MAILS
from ..kernel.outbox.model import Outbox
from ..kernel.unit import begin

_ = tk._
VALID = timedelta(days=3)
"""How long a verification link works."""
KEY = "nmgdata"
"""Our part of CKAN's ``plugin_extras``."""
TOPIC = "account"


# --- asking --------------------------------------------------------------------------------------


def register(stated: dict[str, Any]) -> None:
    """Have an account made that waits for its address to be verified.

    :raises kernel.limits.TooOftenError: too many mails were asked for
    :raises kernel.limits.UncountedError: Redis does not answer
    """
    holder = model.User()
    holder.password = stated["password1"]
    account = {"email": stated["email"], "fullname": stated["name"], "password": holder.password}
    ask(stated["email"], {"registration": {**account, "about": account_data(stated)}})


def forgotten(login: str) -> None:
    """Have a link sent with which a password is chosen anew, to whoever has this address or user name.

    :raises kernel.limits.TooOftenError: too many mails were asked for
    :raises kernel.limits.UncountedError: Redis does not answer
    """
    ask(login, {"forgotten": login})


def ask(person: str, payload: dict[str, Any]) -> None:
    """Leave what is asked for in the outbox, unless it is asked for too often."""
    MAILS.take(person, asking().address)
    with begin(Actor.system()) as unit:
        outbox.enqueue(unit.session, TOPIC, payload)


def account_data(stated: dict[str, Any]) -> dict[str, Any]:
    """Return what the account keeps about its holder."""
    data = {"kind": stated["kind"]}
    if stated["kind"] != "natural_person":
        data |= {"organisation": stated["organisation"], "credit_code": stated["credit_code"]}
    return data


# --- answering, from the outbox ------------------------------------------------------------------


def install() -> None:
    """Take charge of the topic; may be called again."""
    outbox.handle(TOPIC, answer)


def answer(rows: Sequence[Outbox]) -> None:
    """Do what was asked for, and put the mail about it into the outbox."""
    for row in rows:
        if "registration" in row.payload:
            open_account(row.payload["registration"])
        else:
            offer_reset(row.payload["forgotten"])


def open_account(stated: dict[str, Any]) -> None:
    """Create a pending account and mail the link that activates it; say so where there is one already."""
    if active_account(stated["email"]):
        reset = tk.url_for("user.request_reset", qualified=True)
        return send(stated["email"], "known", {"reset": reset})
    key = secrets.token_urlsafe(24)
    until = (clock.now() + VALID).isoformat()
    user = model.User(
        name=f"u{secrets.token_hex(6)}",
        email=stated["email"],
        fullname=stated["fullname"],
        _password=stated["password"],
        state=model.State.PENDING,
        plugin_extras={KEY: {**stated["about"], "verify": {"key": key, "until": until}}},
    )
    model.Session.add(user)
    model.Session.flush()
    model.Session.add(model.Dashboard(user.id))
    link = tk.url_for("nmgdata_accounts.activate", user_id=user.id, key=key, qualified=True)
    return send(stated["email"], "verify", {"link": link, "days": VALID.days})


def offer_reset(login: str) -> None:
    """Mail a link to a new password, to an active account or one that was invited; to nobody else."""
    user = active_account(login) or model.User.by_name(login)
    if user is None or user.is_deleted() or not user.email or awaits_verification(user):
        return
    user.reset_key = mailer.make_key()
    subject = tk.render("emails/reset_password_subject.txt", {"site_title": config.site_title()})
    post(user.email, subject, mailer.get_reset_link_body(user))


def send(address: str, template: str, values: dict[str, Any]) -> None:
    """Put a mail of this room into the outbox."""
    values = {**values, "site_title": config.site_title()}
    text = tk.render(f"nmgdata/accounts/mail/{template}.txt", values)
    subject, _newline, body = text.strip().partition("\n")
    post(address, subject, body)


def post(address: str, subject: str, body: str) -> None:
    """Put a mail into the outbox, without a key: it holds a secret and is not kept."""
    mail = {"to": address, "subject": subject.strip(), "body": body.strip() + "\n"}
    outbox.enqueue(model.Session(), "mail", mail)


# --- activating ----------------------------------------------------------------------------------


def active_account(email: str) -> model.User | None:
    """Return the active account of an address."""
    user = model.User
    query = sa.select(user).where(sa.func.lower(user.email) == email.lower(), user.state == "active")
    return model.Session.scalar(query)


def awaits_verification(user: model.User) -> bool:
    """Say whether an account waits for the link of its registration."""
    return "verify" in ((user.plugin_extras or {}).get(KEY) or {})


def pending_account(user_id: str, key: str) -> model.User | None:
    """Return the account that a verification link activates; None for a wrong or an old one."""
    user = model.Session.get(model.User, user_id)
    verify = ((user.plugin_extras or {}).get(KEY) or {}).get("verify") if user else None
    if user is None or not user.is_pending() or not verify:
        return None
    if not hmac.compare_digest(verify["key"].encode(), key.encode("utf-8", "replace")):
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
        forget_others(unit.session, row)
        append(unit, "account.activated", ("account", user_id))
    return True


def forget_others(session: Any, user: model.User) -> None:
    """Delete other registrations of the address: CKAN would find one of them at login instead."""
    others = sa.delete(model.User).where(
        sa.func.lower(model.User.email) == (user.email or "").lower(),
        model.User.state == model.State.PENDING,
        model.User.id != user.id,
        model.User.plugin_extras[KEY].has_key("verify"),
    )
    session.execute(others.execution_options(synchronize_session=False))
