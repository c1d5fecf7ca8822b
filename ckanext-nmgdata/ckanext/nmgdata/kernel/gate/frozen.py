"""Suspended and withdrawn bytes are evidence: nobody replaces or deletes them (R-OBJ-05).

A processed version is added as a new file; the old one stays as it is until the case is decided,
and is sealed then.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper, attributes

from .model import Origin, Suspension
from .origins import is_own_address

BYTES = ("last_modified", "url", "url_type", "state")
"""What changes when a file is replaced by another, by a link, or deleted."""


def keep(mapper: Mapper[Any], connection: Connection, resource: model.Resource) -> None:
    """Refuse to change the bytes of a stopped file.

    :raises tk.ValidationError: on ``upload``, naming the case
    """
    if not any(changed(connection, resource, name) for name in BYTES):
        return
    query = sa.select(Suspension.case_number).where(
        Suspension.dataset_id == resource.package_id,
        Suspension.lifted_at.is_(None),
        sa.or_(Suspension.resource_id.is_(None), Suspension.resource_id == resource.id),
    )
    number = connection.execute(query.limit(1)).scalar()
    if number is not None:
        message = tk._(
            "Opening of this file is stopped in case {number}; it must stay as it is. Add a processed "
            "version as a new file."
        )
        errors: dict[str, Any] = {"upload": [message.format(number=number)]}
        # CKAN looks for the errors of a deletion where those of a whole dataset stand.
        deleted = resource.state == model.State.DELETED
        raise tk.ValidationError({"resources": [errors]} if deleted else errors)


def changed(connection: Connection, resource: model.Resource, name: str) -> bool:
    """Say whether a column gets another value; the address or link that it has already is the same."""
    history = attributes.get_history(resource, name)
    if not history.has_changes() or list(history.added or ()) == list(history.deleted or ()):
        return False
    if name != "url":
        return True
    url = resource.url or ""
    link = sa.select(Origin.url).where(Origin.resource_id == resource.id)
    return not is_own_address(url, resource.id) and url != connection.execute(link).scalar()


def install() -> None:
    """Hook the mapper event; may be called again."""
    if not event.contains(model.Resource, "before_update", keep):
        event.listen(model.Resource, "before_update", keep)


def uninstall() -> None:
    """Unhook it, for tests of a CKAN without this plugin."""
    if event.contains(model.Resource, "before_update", keep):
        event.remove(model.Resource, "before_update", keep)
