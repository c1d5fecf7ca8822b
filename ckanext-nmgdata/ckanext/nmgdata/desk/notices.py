"""Mails about cases: rendered and sent from the outbox, after the commit, once."""

from __future__ import annotations

import email.utils
import hashlib
import logging
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage

import sqlalchemy as sa
from ckan import model
from ckan.common import config as ckan_config
from ckan.lib.mailer import MailerException
from ckan.plugins import toolkit as tk

from .. import config
from ..kernel import orgs, outbox
from ..kernel.actors import Actor
from ..kernel.outbox.model import Outbox
from ..kernel.outbox.queue import UnavailableError
from ..kernel.types import new_id
from ..kernel.unit import begin
from ..kernel.workflow import machine as machines
from ..kernel.workflow import queries
from ..kernel.workflow.model import Case
from ..kernel.workflow.presenters import of_case as presenter
from . import dictize

log = logging.getLogger(__name__)
COMMON = ("reminder", "overdue")
"""Templates that every kind of case shares."""


def install() -> None:
    """Take charge of the outbox' notices and mails."""
    outbox.handle("notice", deliver_notices)
    outbox.handle("mail", deliver_mails)


def deliver_notices(rows: Sequence[Outbox]) -> None:
    """Turn a notice about a case into one mail per recipient, each an outbox row of its own."""
    for row in rows:
        case = model.Session.get(Case, row.payload["case"])
        if case is None:
            continue
        subject, body = render(case, row.payload)
        for address in recipients(case, row.payload["to"]):
            mail = {"to": address, "subject": subject, "body": body}
            outbox.enqueue(model.Session(), "mail", mail, key=f"{row.key}:{address}")


def render(case: Case, payload: dict[str, str]) -> tuple[str, str]:
    """Return subject and text of a notice; the template's first line is the subject."""
    name = payload["template"]
    folder = "desk" if name in COMMON else case.kind
    values = {
        "case": dictize.brief(case),
        "case_url": address_of(case, payload["to"]),
        "to": payload["to"],
        "stated": queries.stated(payload["event"]),
        "site_title": config.site_title(),
        "basis": machines.of_case(case).basis,
    }
    text = tk.render(f"nmgdata/{folder}/mail/{name}.txt", values)
    subject, _blank, body = text.strip().partition("\n")
    return subject.strip(), body.strip() + "\n"


def address_of(case: Case, to: str) -> str:
    """Return where a reader finds a case: its page, or the form for number and code without an account."""
    with_code = to == machines.FILER and case.filer_id is None
    return f"{config.site_root()}/nmg/cases{'?number=' if with_code else '/'}{case.number}"


def recipients(case: Case, role: str) -> list[str]:
    """Return the mail addresses of those who have a role in a case."""
    if role == machines.FILER:
        address = presenter(case).contact(case)
        return [address] if address else []
    org_id = case.org_id
    if role == machines.AUTHORITY:
        org_id = orgs.authority_of(case.region_code)
    return reviewers(org_id) if org_id else []


def reviewers(org_id: str) -> list[str]:
    """Return the mail addresses of an organisation's reviewers."""
    query = (
        sa.select(model.User.email)
        .join(model.Member, model.Member.table_id == model.User.id)
        .where(
            model.Member.group_id == org_id,
            model.Member.table_name == "user",
            model.Member.state == "active",
            model.Member.capacity.in_(["admin", "reviewer"]),
            model.User.state == "active",
            model.User.email.is_not(None),
        )
        .order_by(model.User.email)
    )
    return [address for address in model.Session.scalars(query) if address]


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
    """Send one plain-text mail.

    :raises UnavailableError: when the mail server does not answer; the row waits
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
    message.set_content(mail["body"])
    try:
        with connect() as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        raise MailerException(str(error)) from error
    except (OSError, smtplib.SMTPException) as error:
        raise UnavailableError(f"mail server: {error}") from error


def connect() -> smtplib.SMTP:
    """Return a connection to the configured mail server, with TLS and login where set."""
    host, _colon, port = (ckan_config["smtp.server"] or "localhost").partition(":")
    server = smtplib.SMTP(host, int(port or 25), timeout=config.smtp_timeout())
    if tk.asbool(ckan_config["smtp.starttls"] or False):
        server.starttls(context=ssl.create_default_context())
    if ckan_config["smtp.user"]:
        server.login(ckan_config["smtp.user"], ckan_config["smtp.password"])
    return server
