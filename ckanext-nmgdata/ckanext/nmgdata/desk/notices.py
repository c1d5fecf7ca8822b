"""Mails about cases: rendered and sent from the outbox, after the commit, once."""

from __future__ import annotations

import email.utils
import hashlib
import logging
import re
import smtplib
import ssl
from collections.abc import Sequence
from email.errors import MessageError
from email.message import EmailMessage
from typing import Any

from ckan import model
from ckan.common import config as ckan_config
from ckan.lib.mailer import MailerException
from ckan.plugins import toolkit as tk

from .. import config
from ..kernel import orgs, outbox
from ..kernel.actors import Actor, reviewers_of
from ..kernel.gate import closures, holders
from ..kernel.outbox import RefusedError, UnavailableError
from ..kernel.outbox.model import Outbox
from ..kernel.types import new_id
from ..kernel.unit import begin
from ..kernel.workflow import engine, notices, queries, urges
from ..kernel.workflow import machine as machines
from ..kernel.workflow.model import Case
from ..kernel.workflow.presenters import of_case as presenter
from . import choices, dictize
from .choices import Recipient

log = logging.getLogger(__name__)
COMMON = (
    "reminder",
    "overdue",
    "urge",
    "urge_answer",
    "urge_reminder",
    "urge_overdue",
    "assigned",
    "inherited",
)
"""Templates that every kind of case shares."""
PERMANENT = 500
"""SMTP replies from here on refuse for good (RFC 5321 §4.2.1)."""
AWAY = 30
"""Seconds between two looks at a mail server that does not answer."""


def install() -> None:
    """Take charge of the outbox' notices and mails."""
    outbox.handle("notice", deliver_notices)
    outbox.handle("mail", deliver_mails, away=AWAY)


def deliver_notices(rows: Sequence[Outbox]) -> None:
    """Tell people about a case: a notice in the site each, and a mail each as an outbox row of its own."""
    for row in rows:
        case = model.Session.get(Case, row.payload["case"])
        if case is None:
            continue
        template, key = row.payload["template"], row.key or str(row.id)
        subject, body = render(case, row.payload)
        told = recipients(case, row.payload["to"])
        accounts = [one.user_id for one in told if one.user_id]
        notices.add(accounts, case.id, template, key, subject)
        choice = notices.choice_of(case, template)
        off = notices.switched_off(accounts, choice)
        for one in told:
            if one.address and one.user_id not in off:
                mail = {"to": one.address, "subject": subject, "body": body, **choices.stop(one, choice)}
                outbox.enqueue(model.Session(), "mail", mail, key=f"{key}:{one.address}")


def render(case: Case, payload: dict[str, Any]) -> tuple[str, str]:
    """Return subject and text of a notice; the template's first line is the subject."""
    name = payload["template"]
    folder = "desk" if name in COMMON else case.kind
    values = {
        "case": dictize.brief(case),
        "case_url": address_of(case, payload["to"]),
        "to": payload["to"],
        "stated": payload.get("stated") or queries.stated(payload["event"]),
        "site_title": config.site_title(),
        "basis": machines.of_case(case).basis,
        "urge": latest_urge(case) if name.startswith("urge") else None,
    }
    text = tk.render(f"nmgdata/{folder}/mail/{name}.txt", values)
    subject, _blank, body = text.strip().partition("\n")
    return subject.strip(), body.strip() + "\n"


def latest_urge(case: Case) -> dict[str, Any] | None:
    """Return the newest urging of a case; only its offices are told of it."""
    found = urges.of_case(case.id)
    return dictize.urge(*found[-1], {}) if found else None


def address_of(case: Case, to: str) -> str:
    """Return where a reader finds a case: its page, or the form for number and code without an account."""
    with_code = to == machines.FILER and case.filer_id is None
    return f"{config.site_root()}/nmg/cases{'?number=' if with_code else '/'}{case.number}"


def recipients(case: Case, to: str) -> list[Recipient]:
    """Return those who have a role in a case, or the one account that is meant."""
    if to.startswith(engine.ACCOUNT):
        return accounts([to.removeprefix(engine.ACCOUNT)])
    if to == machines.MEMBERS:
        return accounts([*holders.members_of(case.id), *closures.others_of(case.id)])
    if to == machines.FILER:
        filer = Recipient(case.filer_id, presenter(case).contact(case))
        return [filer] if filer.user_id or filer.address else []
    org_id = case.org_id
    if to == machines.AUTHORITY:
        org_id = orgs.authority_of(case.region_code)
    return [Recipient(user_id, address) for user_id, address in reviewers_of(org_id).items()]


def accounts(user_ids: Sequence[str]) -> list[Recipient]:
    """Return those of some accounts that still are somebody's."""
    users = (model.Session.get(model.User, user_id) for user_id in user_ids)
    return [Recipient(user.id, user.email) for user in users if user and user.is_active]


def enqueue_mail(name: str, address: str, subject: str, body: str, *_rest: object) -> bool:
    """Put a mail of CKAN's own into the outbox; it has nothing that a case would add to it."""
    with begin(Actor.system()) as unit:
        mail = {"to": address, "subject": subject.strip(), "body": body}
        outbox.enqueue(unit.session, "mail", mail, key=new_id())
    return True


def deliver_mails(rows: Sequence[Outbox]) -> None:
    """Send mails; the message id comes from the outbox key, so that a repeat can be recognised."""
    for row in rows:
        send(row.payload, row.key or str(row.id))


def send(mail: dict[str, str], key: str) -> None:
    """Send one mail, as plain text and the same in a frame of HTML.

    :raises RefusedError: the server, or the form of the address, refuses it for good (5xx)
    :raises UnavailableError: the mail server does not answer or lets nobody in; all mails wait
    :raises MailerException: anything else (4xx, a connection that broke off); this mail is tried again
    """
    try:
        message = compose(mail, key)
    except (ValueError, MessageError) as error:
        raise RefusedError(f"cannot be written: {error}") from error
    try:
        server = connect()
    except (OSError, smtplib.SMTPException) as error:
        raise UnavailableError(f"mail server: {error}") from error
    try:
        with server:
            server.send_message(message)
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        if is_final(error):
            raise RefusedError(said(error)) from error
        raise MailerException(said(error)) from error


def is_final(error: Exception) -> bool:
    """Say whether a mail would be refused again however often it is sent.

    A refused sender is not the mail's fault but the portal's settings': that waits to be mended.
    """
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            return all(code >= PERMANENT for code, _said in refused.values())
        case smtplib.SMTPDataError(smtp_code=code):
            return code >= PERMANENT
        case smtplib.SMTPNotSupportedError() | UnicodeError():  # an address that this server cannot take
            return True
        case _:
            return False


def said(error: Exception) -> str:
    """Return what a mail server has said, for those who run the portal."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, text = error.smtp_code, error.smtp_error
    else:
        return str(error) or repr(error)
    return f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"


def compose(mail: dict[str, str], key: str) -> EmailMessage:
    """Return a mail with its headers.

    :raises ValueError, MessageError: an address or subject that no header can hold
    """
    message = EmailMessage()
    sender = ckan_config["smtp.mail_from"] or "noreply@localhost"
    message["From"] = email.utils.formataddr((ckan_config["ckan.site_title"], sender))
    message["To"] = mail["to"]
    message["Subject"] = mail["subject"]
    message["Date"] = email.utils.formatdate(localtime=False)
    # A digest, because a colon or an @ in it would cut it short: all mails of a case would have the same.
    local = hashlib.sha256(key.encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{local}@{ckan_config['ckan.site_id']}>"
    message["Auto-Submitted"] = "auto-generated"
    if mail.get("stop_url"):
        message["List-Unsubscribe"] = f"<{mail['stop_url']}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(mail["body"])
    message.add_alternative(framed(mail), subtype="html")
    if not message["To"].addresses or message["To"].defects:
        raise ValueError("no mail address")
    return message


def framed(mail: dict[str, str]) -> str:
    """Return the text of a mail in one calm frame of HTML; it loads nothing from anywhere."""
    values = {"mail": mail, "site_title": ckan_config["ckan.site_title"]}
    return tk.render("nmgdata/desk/mail/frame.html", {**values, "paragraphs": paragraphs(mail["body"])})


def paragraphs(body: str) -> list[list[str]]:
    """Return the lines of a text, by paragraphs."""
    return [part.splitlines() for part in re.split(r"\n\s*\n", body.strip())]


def connect() -> smtplib.SMTP:
    """Return a connection to the configured mail server, with TLS and login where set."""
    host, _colon, port = (ckan_config["smtp.server"] or "localhost").partition(":")
    server = smtplib.SMTP(host, int(port or 25), timeout=config.smtp_timeout())
    if tk.asbool(ckan_config["smtp.starttls"] or False):
        server.starttls(context=ssl.create_default_context())
    if ckan_config["smtp.user"]:
        server.login(ckan_config["smtp.user"], ckan_config["smtp.password"])
    return server
