"""A checked entry as the rows that ``package_create`` and ``package_update`` would leave of it. Pure.

Ids are given, not made: the same entry of the same source always gets the same ones.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from ckan import model

from ...kernel import quickjson
from ...kernel.gate import origins

Row = dict[str, Any]
NAMESPACE = uuid.UUID("0d0b9c1e-6a54-5d0f-9a55-3a1f6d0c8e21")
ACTIVE, DELETED = model.State.ACTIVE, model.State.DELETED
PLAIN = ("title", "notes", "license_id", "url", "version", "author", "author_email", "maintainer",
         "maintainer_email")  # fmt: skip
"""Columns of ``package`` that an entry's fields fill; a field that is absent empties its column."""
FILE = ("format", "description", "hash", "name", "resource_type", "mimetype", "mimetype_inner", "size",
        "last_modified", "cache_last_updated", "url_type")  # fmt: skip
"""Columns of ``resource`` that a file's fields fill. ``cache_url`` is a link too, and is never kept."""
BLANK = ("format", "hash")
"""Columns that CKAN's model fills with nothing rather than NULL when a new file does not state them."""
OWN = ("id", "package_id", "url", "position", "state", "created", "metadata_modified", "cache_url", "extras")


@dataclass
class Made:
    """One entry on its way into the database."""

    dataset_id: str
    data: Row
    """The checked entry; its resources have ids."""
    owner_org: str
    creator: str | None
    is_new: bool
    source: str | None = None
    """Harvest source, None for an entry that is kept here."""
    former: Row = field(default_factory=dict)
    """Of an entry that is there already: ``open_class``, and ``links`` (resource id → true link)."""

    @cached_property
    def extras(self) -> dict[str, str]:
        """Return the extras of the row."""
        return {one["key"]: one["value"] for one in self.data.get("extras") or []}

    @cached_property
    def tags(self) -> list[str]:
        """Return the names of the tags, each once."""
        return list(dict.fromkeys(tag["name"] for tag in self.data.get("tags") or []))

    @property
    def files(self) -> list[Row]:
        """Return the files."""
        return self.data.get("resources") or []


def named(*parts: str) -> str:
    """Return the id of a thing that other things name: ``uuid.uuid5``, written out because there are many."""
    made = hashlib.sha1(NAMESPACE.bytes + "\n".join(parts).encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(made[16], 16) & 3]
    return f"{made[:8]}-{made[8:12]}-5{made[13:16]}-{variant}{made[17:20]}-{made[20:32]}"


def package(made: Made, now: datetime) -> Row:
    """Return the row of a dataset; ``now`` is UTC without zone, as CKAN keeps it."""
    data = made.data
    return {
        "id": made.dataset_id,
        "name": data["name"],
        **{name: data.get(name) for name in PLAIN},
        "type": data.get("type") or "dataset",
        "owner_org": made.owner_org,
        "creator_user_id": made.creator,
        "metadata_created": now.isoformat(),
        "metadata_modified": now.isoformat(),
        "private": bool(data.get("private")),
        "state": ACTIVE,
        "extras": made.extras,
    }


def resources(made: Made, now: datetime) -> list[Row]:
    """Return the rows of a dataset's files; their links are the gate's."""
    return [resource(made, one, place, now) for place, one in enumerate(made.files)]


def resource(made: Made, one: Row, position: int, now: datetime) -> Row:
    """Return the row of a file."""
    rest = {key: value for key, value in one.items() if key not in FILE and key not in OWN}
    return {
        "id": one["id"],
        "package_id": made.dataset_id,
        "url": origins.address(made.dataset_id, one["id"]) if one.get("url") else "",
        **{name: one.get(name, "" if name in BLANK else None) for name in FILE},
        "position": position,
        "created": now.isoformat(),
        "metadata_modified": now.isoformat(),
        "state": ACTIVE,
        "extras": json.dumps(rest, ensure_ascii=False) if rest else None,
    }


def origin(one: Row, now: datetime) -> Row:
    """Return the row that holds a file's true link."""
    return {"resource_id": one["id"], "url": one["url"], "updated_at": f"{now.isoformat()}+00:00"}


def member(made: Made) -> Row:
    """Return the row that makes a dataset part of its organisation."""
    return {
        "id": named("member", made.dataset_id, made.owner_org),
        "table_name": "package",
        "table_id": made.dataset_id,
        "capacity": "organization",
        "group_id": made.owner_org,
        "state": ACTIVE,
    }


def tag(name: str) -> Row:
    """Return the row of a free tag."""
    return {"id": named("tag", name), "name": name}


def entry(made: Made, now: datetime) -> Row:
    """Return the row by which the catalogue notices changes."""
    extras = made.extras
    public = not made.data.get("private")
    return {
        "dataset_id": made.dataset_id,
        "identifier": None if made.source else extras.get("identifier"),
        "open_class": extras.get("open_class"),
        "published_at": f"{now.isoformat()}+00:00" if public else None,
        "source": made.source,
    }


def class_period(made: Made, now: datetime, department: str) -> Row:
    """Return the row of the first class that a published entry has (``classes.history``)."""
    extras = made.extras
    return {
        "dataset_id": made.dataset_id,
        "open_class": extras.get("open_class"),
        "since": f"{now.isoformat()}+00:00",
        "announced": True,
        "title": made.data.get("title") or made.data["name"],
        "department": department,
        "reason": extras.get("open_reason"),
        "legal_basis": extras.get("open_legal_basis"),
    }


def view(resource_id: str, order: int, info: Row) -> Row:
    """Return the row of a preview that CKAN offers for a new file."""
    return {
        "id": named("view", resource_id, info["name"]),
        "resource_id": resource_id,
        "title": info["title"],
        "description": info["description"],
        "view_type": info["name"],
        "order": order,
        "config": None,
    }


def together(rows: Sequence[Row]) -> str:
    """Return rows as the JSON that one statement inserts, without what PostgreSQL can not keep."""
    packed = quickjson.packed(rows)
    if b"\\u0000" in packed:
        packed = quickjson.packed(without_nul(rows))
    return packed.decode()


def without_nul(value: Any) -> Any:
    """Return a value without NUL in its texts."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {without_nul(name): without_nul(one) for name, one in value.items()}
    return [without_nul(one) for one in value] if isinstance(value, (list, tuple)) else value
