"""Names of the columns that lie in the DataStore: what people look for who know the data.

Only of data that are open to everybody without condition: what a column is called can say what the law
keeps closed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from ckan import plugins as p

from ...kernel import memory
from ...kernel.gate import stops
from ...kernel.openness import opens_to_all

COLUMNS = "columns"
"""Question of ``kernel.memory``: the columns of a resource."""
MOST = 500
_READ = sa.text("""
    SELECT c.relname AS resource, a.attname AS name, col_description(a.attrelid, a.attnum) AS described
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname = ANY(:ids)
    AND a.attnum > 0 AND NOT a.attisdropped AND left(a.attname, 1) <> '_'
    ORDER BY c.relname, a.attnum
""")


def searchable(entry: Mapping[str, Any]) -> list[str]:
    """Return the ids of the tables whose columns may be searched; none unless all of it is open."""
    if not opens_to_all(entry) or entry.get("private"):
        return []
    if stops.is_stopped(entry):
        return []
    return [one["id"] for one in entry.get("resources") or [] if one.get("datastore_active") is True]


def of_entry(entry: Mapping[str, Any]) -> list[str]:
    """Return the names and labels of the columns of an entry's tables."""
    ids = searchable(entry)
    held = {one: memory.recall(COLUMNS, one) for one in ids}
    unknown = [one for one, names in held.items() if names is memory.UNKNOWN]
    found = {**held, **read(unknown)}
    return list(dict.fromkeys(name for one in ids for name in found[one]))[:MOST]


def read(ids: Iterable[str]) -> dict[str, list[str]]:
    """Return names and labels of the columns of tables by one query; an unknown table has none."""
    found: dict[str, list[str]] = {one: [] for one in ids}
    if not found or not p.plugin_loaded("datastore"):
        return found
    from ckanext.datastore.backend.postgres import get_read_engine

    with get_read_engine().connect() as connection:
        for row in connection.execute(_READ, {"ids": list(found)}):
            found[row.resource] += [row.name, *label_of(row.described)]
    return found


def label_of(described: str | None) -> list[str]:
    """Return the label that the data dictionary gives a column, if it does."""
    try:
        said = json.loads(described or "{}")
    except ValueError:
        return []
    info = said.get("_info", said) if isinstance(said, dict) else {}
    label = info.get("label") if isinstance(info, dict) else None
    return [label] if isinstance(label, str) and label.strip() else []
