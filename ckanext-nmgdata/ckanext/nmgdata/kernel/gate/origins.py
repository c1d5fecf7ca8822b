"""Keep true links out of ``resource.url``, where every listing, index, feed and export would find them.

Each link goes to ``nmgdata_origin``; the resource keeps the portal's own stable download address.
Mapper events catch every write through the model, a CHECK on the table refuses raw SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Mapper, Session, attributes, object_session

from ... import config
from .. import clock
from ..actors import Actor
from ..outbox.search import note as refresh_index
from ..types import new_id
from ..unit import begin
from .model import Origin

UPLOAD = "upload"
TABLE_ONLY = "_datastore_only_resource"
"""What the DataStore gives for the url of a table that was never a file."""
END_OF_PATH = re.compile("[?#]")
REPLACED = "nmgdata_replaced"
"""Key of ``session.info``: resources whose bytes changed in this transaction."""

CHECK = (
    "url = '' OR (coalesce(url_type, '') = 'upload' AND strpos(url, '/') = 0)"
    " OR (url ~ '^https?://[^/?#][^?#]*$'"
    " AND right(url, length(id) + 19) = '/resource/' || id || '/download')"
    " OR strpos(coalesce(substring(url from '^https?://[^/?#][^?#]*'), ''), '/datastore/dump/' || id) > 0"
)
"""What ``resource.url`` may hold: nothing, the name of an upload, or an address of the portal."""


def address(package_id: str, resource_id: str) -> str:
    """Return the portal's own download address of a resource."""
    return f"{config.site_root()}/dataset/{package_id}/resource/{resource_id}/download"


def is_own_address(url: str, resource_id: str) -> bool:
    """Say whether a URL is this portal's own address of this very resource, however it is dressed up.

    Another portal's address is a link, also where it has given its resource the same id.
    """
    host, _slashes, rest = url.partition("://")[2].partition("/")
    if host.lower() != host_of(config.site_url()):
        return False
    path = f"/{END_OF_PATH.split(rest, maxsplit=1)[0]}"
    door = f"/resource/{resource_id}/download"
    named = path.rpartition("/")[0]  # without the name that a file may have behind its address
    return path.endswith((door, f"/datastore/dump/{resource_id}")) or named.endswith(door)


def host_of(url: str) -> str:
    """Return host and port of an address."""
    return urlsplit(url).netloc.lower()


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
    state: Any = sa.inspect(resource)
    if state.persistent and attributes.get_history(resource, "package_id").has_changes():
        raise tk.ValidationError({"id": [tk._("This id belongs to a file of another entry.")]})
    if resource.url_type == UPLOAD and is_own_address(url, resource.id):
        url = resource.url = name_of_upload(resource)
    if not url or is_upload(resource):
        connection.execute(sa.delete(Origin).where(Origin.resource_id == resource.id))
        return
    if not is_changed(resource) and is_stored_form(resource):
        return  # an address of the portal from before it moved to another host
    if url == TABLE_ONLY:
        connection.execute(sa.delete(Origin).where(Origin.resource_id == resource.id))
    if url == TABLE_ONLY or is_own_address(url, resource.id):
        if not is_stored_form(resource):
            resource.url = address(resource.package_id or "", resource.id)
        return
    row = {"resource_id": resource.id, "url": url, "updated_at": clock.now()}
    statement = insert(Origin).values(**row)
    statement = statement.on_conflict_do_update(
        index_elements=["resource_id"], set_={"url": url, "updated_at": row["updated_at"]}
    )
    connection.execute(statement)
    resource.url = address(resource.package_id or "", resource.id)


def name_of_upload(resource: model.Resource) -> str:
    """Return the name of an upload whose url a program has sent back as it was shown: an address."""
    former = [one for one in attributes.get_history(resource, "url").deleted or () if one]
    return str(former[0]) if former else unquote(urlsplit(resource.url or "").path.rpartition("/")[2])


def is_changed(resource: model.Resource) -> bool:
    """Say whether a write gives the resource another url than the database has."""
    state: Any = sa.inspect(resource)
    return not state.persistent or attributes.get_history(resource, "url").has_changes()


def is_stored_form(resource: model.Resource) -> bool:
    """Say whether a url is of a form that the table's CHECK takes for an address of the portal."""
    rid = re.escape(resource.id)
    form = rf"https?://[^?#]+(/resource/{rid}/download|/datastore/dump/{rid}.*)"
    return re.fullmatch(form, resource.url or "") is not None


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


# --- datasets from before ------------------------------------------------------------------------

BATCH = 500
LEFT = f"NOT ({CHECK})"
CONSTRAINT = "nmgdata_gate_address"


def left() -> int:
    """Return how many resources still hold a true link: those of before the plugin was switched on."""
    return int(model.Session.scalar(sa.text(f"SELECT count(*) FROM resource WHERE {LEFT}")) or 0)


def migrate() -> Iterator[int]:
    """Put the true links of older datasets away, batch by batch; yield how many each batch moved.

    It may be stopped and begun again at any time: what was moved is not found again. The datasets
    are indexed anew, because Solr holds their links too.
    """
    find = sa.text(
        f"SELECT id, package_id, url FROM resource WHERE {LEFT} LIMIT {BATCH} FOR UPDATE SKIP LOCKED"
    )
    while True:
        with begin(Actor.system()) as unit:
            rows = unit.session.execute(find).all()
            for row in rows:
                put_away(unit.session, row.id, row.package_id, row.url)
            for dataset_id in {row.package_id for row in rows}:
                refresh_index(unit.session, dataset_id)
        if not rows:
            return
        yield len(rows)


def put_away(session: Session, resource_id: str, package_id: str, url: str) -> None:
    """Move one link; an address of this portal, however dressed up, is no link."""
    if not is_own_address(url.strip(), resource_id):
        row = {"resource_id": resource_id, "url": url.strip(), "updated_at": clock.now()}
        session.execute(insert(Origin).values(**row).on_conflict_do_nothing())
    own = {"id": resource_id, "url": address(package_id, resource_id)}
    session.execute(sa.text("UPDATE resource SET url = :url, cache_url = NULL WHERE id = :id"), own)


def enforce() -> bool:
    """Have the database vouch for all rows; only the owner of the tables may, False for others."""
    model.Session.rollback()  # whose reading would stand in the way
    try:
        with model.ensure_engine().begin() as connection:
            connection.execute(sa.text(f"ALTER TABLE resource VALIDATE CONSTRAINT {CONSTRAINT}"))
    except ProgrammingError:
        return False
    return True
