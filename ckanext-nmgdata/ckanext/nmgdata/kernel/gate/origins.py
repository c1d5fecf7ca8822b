"""Keep true links out of ``resource.url``, where every listing, index, feed and export would find them.

Each link goes to ``nmgdata_origin``; the resource keeps the portal's own stable download address.
Mapper events catch every write through the model, a CHECK on the table refuses raw SQL.
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper, attributes, object_session

from ... import config
from .. import clock
from ..types import new_id
from .model import Origin

UPLOAD = "upload"
REPLACED = "nmgdata_replaced"
"""Key of ``session.info``: resources whose bytes changed in this transaction."""

CHECK = (
    "url = '' OR (coalesce(url_type, '') = 'upload' AND strpos(url, '/') = 0)"
    " OR url ~ ('^https?://[^?#]+/resource/' || id || '/download$')"
    " OR url ~ ('^https?://[^?#]+/datastore/dump/' || id)"
)
"""What ``resource.url`` may hold: nothing, the name of an upload, or an address of the portal."""


def address(package_id: str, resource_id: str) -> str:
    """Return the portal's own download address of a resource."""
    return f"{config.site_root()}/dataset/{package_id}/resource/{resource_id}/download"


def is_own_address(url: str, resource_id: str) -> bool:
    """Say whether a URL already is the gate's address of this very resource."""
    rid = re.escape(resource_id)
    pattern = rf"https?://[^?#]+(/resource/{rid}/download(/[^/?#]*)?|/datastore/dump/{rid}([?].*)?)"
    return re.fullmatch(pattern, url) is not None


def is_upload(resource: model.Resource) -> bool:
    """Say whether a resource is a file in our own storage; its url is then only a file name."""
    return resource.url_type == UPLOAD and "/" not in (resource.url or "")


def move_link(mapper: Mapper[Any], connection: Connection, resource: model.Resource) -> None:
    """Before a resource is written: put its link away and leave the gate's address in its place."""
    setattr(resource, "cache_url", None)  # noqa: B010 (a link too, and one that CKAN no longer uses)
    if not resource.id:
        resource.id = new_id()
    url = (resource.url or "").strip()
    note_replacement(connection, resource)
    if not url or is_upload(resource):
        connection.execute(sa.delete(Origin).where(Origin.resource_id == resource.id))
        return
    if is_own_address(url, resource.id):
        return
    row = {"resource_id": resource.id, "url": url, "updated_at": clock.now()}
    statement = insert(Origin).values(**row)
    statement = statement.on_conflict_do_update(
        index_elements=["resource_id"], set_={"url": url, "updated_at": row["updated_at"]}
    )
    connection.execute(statement)
    resource.url = address(resource.package_id or "", resource.id)


def note_replacement(connection: Connection, resource: model.Resource) -> None:
    """Remember that the bytes behind an existing resource change, to tell it after the write."""
    session = object_session(resource)
    state: Any = sa.inspect(resource)
    if session is None or not state.persistent:
        return
    history = attributes.get_history(resource, "last_modified")
    moved = attributes.get_history(resource, "url").has_changes() and not is_own_address(
        resource.url or "", resource.id
    )
    if history.has_changes() or moved:
        session.info.setdefault(REPLACED, set()).add((resource.package_id, resource.id))


def true_link(resource_id: str) -> str | None:
    """Return the true link of a resource; only for the gate itself and for the editor's form."""
    return model.Session.scalar(sa.select(Origin.url).where(Origin.resource_id == resource_id))


def true_links(package_id: str) -> dict[str, str]:
    """Return the true links of a dataset's resources by resource id; for the editor's form."""
    query = sa.select(Origin.resource_id, Origin.url).join(
        model.Resource, model.Resource.id == Origin.resource_id
    )
    rows = model.Session.execute(query.where(model.Resource.package_id == package_id))
    return {row.resource_id: row.url for row in rows}


def install() -> None:
    """Hook the mapper events; may be called again."""
    for name in ("before_insert", "before_update"):
        if not event.contains(model.Resource, name, move_link):
            event.listen(model.Resource, name, move_link)


def uninstall() -> None:
    """Unhook the mapper events, for tests of a CKAN without this plugin."""
    for name in ("before_insert", "before_update"):
        if event.contains(model.Resource, name, move_link):
            event.remove(model.Resource, name, move_link)
