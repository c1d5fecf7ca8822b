"""The mail that verifies an objector's address. All other notices are those of the machines."""

from __future__ import annotations

from collections.abc import Sequence

from ckan import model
from ckan.plugins import toolkit as tk

from .. import config
from ..kernel import outbox
from ..kernel.limits import MAILS, TooOftenError, UncountedError
from ..kernel.outbox.model import Outbox
from ..kernel.workflow.model import Case
from .model import Objection

VERIFY_CONTACT = "verify_contact"


def ask_to_verify(rows: Sequence[Outbox]) -> None:
    """Mail the link that verifies the address of contact; nothing waits for it (DC-21)."""
    for row in rows:
        case = model.Session.get_one(Case, row.payload["case"])
        address = model.Session.get_one(Objection, case.id).contact_email
        if not may_mail(address):
            continue
        secret = row.payload["secret"]
        values = {
            "case": case,
            "link": f"{config.site_root()}/nmg/object/verify/{case.number}?key={secret}",
            "site_title": config.site_title(),
        }
        text = tk.render("nmgdata/rights_objection/mail/verify.txt", values)
        subject, _newline, body = text.strip().partition("\n")
        mail = {"to": address, "subject": subject.strip(), "body": body.strip() + "\n"}
        outbox.enqueue(model.Session(), "mail", mail, key=f"{case.id}:verify")


def may_mail(address: str) -> bool:
    """Say whether an address can get one more such mail; the objection stands either way.

    With Redis away it can: how many objections come in is limited in the database.
    """
    try:
        MAILS.take(address, None)
    except TooOftenError:
        return False
    except UncountedError:
        return True
    return True


def install() -> None:
    """Take charge of the topic; may be called again."""
    outbox.handle(VERIFY_CONTACT, ask_to_verify)
