"""Mails to a department about one of its files: one outbox row per person, none with what the file holds."""

from __future__ import annotations

from ckan import model
from ckan.plugins import toolkit as tk

from ... import config
from .. import outbox
from ..actors import Role, mail_addresses
from ..outbox.model import Outbox


def send(row: Outbox, topic: str, template: str, role: Role, **more: str) -> None:
    """Turn an outbox row about a file (``resource`` in its payload) into mails, of a file that is gone none.

    :param template: name in ``nmgdata/gate/mail``; its first line is the subject
    :param role: who in the owning department is written to
    """
    resource = model.Session.get(model.Resource, row.payload["resource"])
    package = model.Session.get(model.Package, resource.package_id) if resource else None
    if resource is None or package is None:
        return
    values = {
        "dataset": package.title or package.name,
        "file": resource.name or resource.id,
        "page": f"{config.site_root()}/dataset/{package.id}/resource/{resource.id}",
        "site_title": config.site_title(),
        **more,
    }
    subject, _blank, body = tk.render(f"nmgdata/gate/mail/{template}.txt", values).strip().partition("\n")
    for address in mail_addresses(package.owner_org, role):
        mail = {"to": address, "subject": subject.strip(), "body": body.strip() + "\n"}
        outbox.enqueue(model.Session(), "mail", mail, key=f"{topic}:{row.key}:{address}")
