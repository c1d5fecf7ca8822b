"""Data items (信息项) as the form sends them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ckanext.scheming.plugins import expand_form_composite

FIELD = "data_items"


def data_items(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the data items of an entry, or of the extras as they are stored."""
    stored = entry.get(FIELD) or []
    try:
        items = json.loads(stored) if isinstance(stored, str) else stored
    except ValueError:
        return []
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def tidy(entry: dict[str, Any]) -> None:
    """Turn the form's ``data_items-0-name`` into a list, and leave out the rows that hold nothing.

    The form always offers a few empty rows, so that it works without scripts.
    """
    expand_form_composite(entry, {FIELD})
    rows = entry.get(FIELD)
    if isinstance(rows, list):
        entry[FIELD] = [row for row in rows if not isinstance(row, dict) or holds_something(row)]


def holds_something(row: dict[str, Any]) -> bool:
    """Say whether a row states anything."""
    return any(str(value).strip() for value in row.values() if value is not None)
