"""Write entries in few statements: one per table for all of them, inside the unit's transaction.

PostgreSQL takes the rows as one JSON parameter (``json_populate_recordset``), which is faster than
thousands of bound values and needs no copy of a table's types here. Audit events, change feed and index
follow in the ways of the kernel, so that nothing a single write leaves behind is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib.datapreview import get_default_view_plugins
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Session

from ...kernel import events, orgs
from ...kernel.audit import append
from ...kernel.changes import log as changes
from ...kernel.changes.model import Cause
from ...kernel.gate.model import Origin
from ...kernel.outbox import search as index
from ...kernel.unit import Unit
from ..classes import history
from ..model import Entry
from . import rows
from .rows import Made, Row

KEPT = {
    "package": ("name", "type", "creator_user_id", "metadata_created", "private"),
    "resource": ("package_id", "created", "url_type"),
    "nmgdata_entry": ("published_at",),
}
"""Columns of a row that is there already which a new description leaves as they are."""
KEYS = {"nmgdata_origin": "resource_id", "nmgdata_entry": "dataset_id"}


def write(unit: Unit, entries: Sequence[Made]) -> None:
    """Write entries, new ones and ones that are there, with all that a single write leaves behind.

    The caller has made sure that nothing stops an entry that is there (``stops.stopped_among``).
    """
    if not entries:
        return
    session, now = unit.session, unit.now.astimezone(UTC).replace(tzinfo=None)
    old = [made.dataset_id for made in entries if not made.is_new]
    files = [(made, one) for made in entries for one in made.files]
    put(session, "package", [rows.package(made, now) for made in entries])
    put(session, "resource", [row for made in entries for row in rows.resources(made, now)])
    put(session, "nmgdata_origin", [rows.origin(one, now) for _made, one in files if one.get("url")])
    put(session, "nmgdata_entry", [rows.entry(made, now) for made in entries])
    begin_classes(session, entries, now)
    drop_files(session, old, [one["id"] for _made, one in files])
    forget_links(session, [one["id"] for made, one in files if not (made.is_new or one.get("url"))])
    join_organisations(session, entries, old)
    attach_tags(session, entries, old)
    offer_views(session, entries)
    session.expire_all()
    tell(unit, entries)
    index.note_all(session, [made.dataset_id for made in entries])


def put(session: Session, table: str, found: Sequence[Row]) -> None:
    """Insert rows; of one that is there already the columns are brought up to date."""
    if found:
        session.execute(upsert(table, tuple(found[0])), {"found": rows.together(found)})


@cache
def upsert(table: str, names: tuple[str, ...]) -> sa.TextClause:
    """Return the statement of ``put``."""
    key = KEYS.get(table, "id")
    columns = [f'"{name}"' for name in names]
    changing = [name for name in names if name != key and name not in KEPT.get(table, ())]
    changes_ = ", ".join(f'"{name}" = excluded."{name}"' for name in changing)
    return sa.text(
        f'INSERT INTO "{table}" ({", ".join(columns)}) SELECT {", ".join(columns)}'
        f' FROM json_populate_recordset(NULL::"{table}", CAST(:found AS json))'
        f' ON CONFLICT ("{key}") DO UPDATE SET {changes_}'
    )


def begin_classes(session: Session, entries: Sequence[Made], now: datetime) -> None:
    """Begin the history of the classes of new entries that the public sees; one that runs goes on."""
    new = [made for made in entries if made.is_new and not made.data.get("private")]
    names = orgs.titles({made.owner_org for made in new})
    found = [rows.class_period(made, now, names[made.owner_org]) for made in new]
    if found:
        columns = ", ".join(found[0])
        statement = (
            f"INSERT INTO nmgdata_class_period ({columns}) SELECT {columns}"
            " FROM json_populate_recordset(NULL::nmgdata_class_period, CAST(:found AS json))"
            " ON CONFLICT (dataset_id) WHERE until IS NULL DO NOTHING"
        )
        session.execute(sa.text(statement), {"found": rows.together(found)})


def drop_files(session: Session, datasets: Collection[str], kept: Collection[str]) -> None:
    """Mark the files that a new description no longer names as deleted; their rows stay."""
    if datasets:
        statement = sa.text(
            "UPDATE resource SET state = 'deleted' WHERE package_id = ANY(:datasets)"
            " AND state <> 'deleted' AND NOT id = ANY(:kept)"
        )
        session.execute(statement, {"datasets": list(datasets), "kept": list(kept)})


def forget_links(session: Session, without: Collection[str]) -> None:
    """Forget the true links of files that have none any longer."""
    if without:
        session.execute(sa.delete(Origin).where(Origin.resource_id.in_(without)))


def join_organisations(session: Session, entries: Sequence[Made], old: Collection[str]) -> None:
    """Make entries part of their organisations, and of no other."""
    if old:
        leave = sa.text(
            "UPDATE member SET state = 'deleted' FROM package p WHERE p.id = member.table_id"
            " AND p.id = ANY(:old) AND capacity = 'organization' AND group_id <> p.owner_org"
            " AND member.state <> 'deleted'"
        )
        session.execute(leave, {"old": list(old)})
        there = sa.text(
            "SELECT table_id, group_id FROM member WHERE table_id = ANY(:old) AND table_name = 'package'"
            " AND capacity = 'organization' AND state = 'active'"
        )
        joined = {tuple(row) for row in session.execute(there, {"old": list(old)})}
    else:
        joined = set()
    put(
        session, "member",
        [rows.member(made) for made in entries if (made.dataset_id, made.owner_org) not in joined],
    )  # fmt: skip


def attach_tags(session: Session, entries: Sequence[Made], old: Collection[str]) -> None:
    """Attach tags, making those that nobody has used."""
    if old:
        session.execute(sa.text("DELETE FROM package_tag WHERE package_id = ANY(:old)"), {"old": list(old)})
    names = sorted({name for made in entries for name in made.tags})
    if not names:
        return
    add = sa.text(
        "INSERT INTO tag (id, name) SELECT id, name"
        " FROM json_populate_recordset(NULL::tag, CAST(:found AS json)) t"
        " WHERE NOT EXISTS (SELECT FROM tag k WHERE k.name = t.name AND k.vocabulary_id IS NULL)"
        " ON CONFLICT (id) DO NOTHING"
    )
    session.execute(add, {"found": rows.together([rows.tag(name) for name in names])})
    known = sa.text(
        "SELECT name, min(id) FROM tag WHERE name = ANY(:names) AND vocabulary_id IS NULL GROUP BY name"
    )
    ids = {row[0]: row[1] for row in session.execute(known, {"names": names})}
    attach = sa.text(
        "INSERT INTO package_tag (id, package_id, tag_id, state)"
        " SELECT gen_random_uuid()::text, package_id, tag_id, 'active'"
        " FROM unnest(CAST(:packages AS text[]), CAST(:tags AS text[])) w (package_id, tag_id)"
    )
    pairs = [(made.dataset_id, ids[name]) for made in entries for name in made.tags]
    session.execute(attach, {"packages": [one for one, _ in pairs], "tags": [tag for _, tag in pairs]})


def offer_views(session: Session, entries: Sequence[Made]) -> None:
    """Offer the previews that CKAN offers for new files without looking at their rows."""
    plugins = [(plugin, plugin.info()) for plugin in get_default_view_plugins()]
    found = []
    for made in entries:
        known = made.former.get("links", {})
        for one in made.files if plugins else ():
            if one["id"] in known:
                continue
            asked = {"resource": {"format": "", "url": "", **one}, "package": made.data}
            able = [info for plugin, info in plugins if plugin.can_view(asked)]
            found += [rows.view(one["id"], place, described(info)) for place, info in enumerate(able)]
    put(session, "resource_view", found)


def described(info: Row) -> Row:
    """Return name, title and description of a kind of preview, as CKAN gives them to a new one."""
    return {
        "name": info["name"],
        "title": info.get("default_title") or tk._("View"),
        "description": info.get("default_description", ""),
    }


# --- what a write means --------------------------------------------------------------------------


def tell(unit: Unit, entries: Sequence[Made]) -> None:
    """Audit and tell what has become of entries, as ``catalog.lifecycle`` does after a single write."""
    old = [made for made in entries if not made.is_new]
    for made in entries:
        if made.is_new:
            tell_new(unit, made)
    for made in old:
        tell_class(unit, made)
    events.tell_all(unit, [events.DatasetSaved(made.dataset_id) for made in old])
    for made in old:
        tell_links(unit, made)


def tell_new(unit: Unit, made: Made) -> None:
    """Audit and tell that an entry is there."""
    if not made.data.get("private"):
        detail = {"class": made.extras.get("open_class")}
        append(unit, "dataset.published", ("dataset", made.dataset_id), detail=detail)
        events.tell(unit, events.DatasetPublished(made.dataset_id))
    changes.note(unit.session, made.dataset_id, Cause.UPDATED)  # no case can be about a new entry


def tell_class(unit: Unit, made: Made) -> None:
    """Audit and tell that the class of an entry has changed, if it has."""
    subject, before = ("dataset", made.dataset_id), made.former.get("open_class")
    after = made.extras.get("open_class")
    if before not in (None, after):
        package = unit.session.get_one(model.Package, made.dataset_id)
        since = unit.session.scalar(sa.select(Entry.published_at).where(Entry.dataset_id == package.id))
        history.move(unit, package, before, since or unit.now, history.Decision())
        append(unit, "dataset.class_changed", subject, detail={"from": before, "to": after})
        events.tell(unit, events.ClassChanged(made.dataset_id, before=before, after=after))


def tell_links(unit: Unit, made: Made) -> None:
    """Audit and tell which files of an entry have another link."""
    links: dict[str, Any] = made.former.get("links", {})
    for one in made.files:
        if one["id"] in links and links[one["id"]] != one.get("url"):
            append(unit, "resource.replaced", ("resource", one["id"]), detail={"dataset": made.dataset_id})
            events.tell(unit, events.ResourceReplaced(made.dataset_id, one["id"]))
