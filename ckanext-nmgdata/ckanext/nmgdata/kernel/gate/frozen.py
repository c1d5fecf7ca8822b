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

from .model import SUSPENDED, Origin, Suspension
from .origins import is_own_address

BYTES = ("last_modified", "url", "url_type", "format", "state")
"""What changes when a file is replaced by another, by a link, read otherwise, or deleted."""


def keep(mapper: Mapper[Any], connection: Connection, resource: model.Resource) -> None:
    """Refuse to change the bytes of a stopped file.

    :raises tk.ValidationError: on ``upload``, naming the case
    """
    if not any(changed(connection, resource, name) for name in BYTES):
        return
    refuse(connection, resource.id or "", deleted=resource.state == model.State.DELETED)


def refuse(connection: Connection, resource_id: str, *, deleted: bool = False) -> None:
    """Refuse to touch the bytes or rows of a stopped file.

    :raises tk.ValidationError: on ``upload``, naming the case
    """
    number = connection.execute(
        sa.select(Suspension.case_number)
        .join(model.Resource, model.Resource.package_id == Suspension.dataset_id)
        .where(
            model.Resource.id == resource_id,
            Suspension.lifted_at.is_(None),
            sa.or_(Suspension.resource_id.is_(None), Suspension.resource_id == resource_id),
        )
        .limit(1)
    ).scalar()
    if number is not None:
        errors: dict[str, Any] = {"upload": [sentence(number)]}
        # CKAN looks for the errors of a deletion where those of a whole dataset stand.
        raise tk.ValidationError({"resources": [errors]} if deleted else errors)


def sentence(number: str) -> str:
    """Return why something must stay as it is."""
    message = tk._(
        "Opening of this file is stopped in case {number}; it must stay as it is. Add a processed "
        "version as a new file."
    )
    return message.format(number=number)


def keep_entry(mapper: Mapper[Any], connection: Connection, package: model.Package) -> None:
    """Refuse to delete an entry while a case about it is open.

    :raises tk.ValidationError: on ``state``, naming the case
    """
    if package.state != model.State.DELETED:
        return
    query = sa.select(Suspension.case_number).where(
        Suspension.dataset_id == package.id, Suspension.lifted_at.is_(None), Suspension.kind == SUSPENDED
    )
    number = connection.execute(query.limit(1)).scalar()
    if number is not None:
        raise tk.ValidationError({"state": [sentence(number)]})


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
    if not event.contains(model.Package, "before_update", keep_entry):
        event.listen(model.Package, "before_update", keep_entry)


def uninstall() -> None:
    """Unhook it, for tests of a CKAN without this plugin."""
    if event.contains(model.Resource, "before_update", keep):
        event.remove(model.Resource, "before_update", keep)
    if event.contains(model.Package, "before_update", keep_entry):
        event.remove(model.Package, "before_update", keep_entry)
