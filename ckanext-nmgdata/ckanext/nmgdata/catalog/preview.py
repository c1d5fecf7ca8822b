"""What a reader sees of a file before downloading it: its first rows, and one column of them as bars.

Only of what is open to everybody: a look at granted data would be a use of the grant. The rows come by
``datastore_search``, so through the gate like all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ckan.lib.search import SearchError
from ckan.plugins import toolkit as tk

from ..kernel.gate import doors
from ..kernel.workflow.terms import likeness

ROWS = 20
COLUMNS = 12
"""Columns of a wide table that are shown."""
NUMERIC = ("int", "numeric", "float", "double")
LABELS = ("text", "date", "timestamp")
CANDIDATES, RELATED = 40, 4


@dataclass(frozen=True)
class Bar:
    """One bar: what it stands for, its value, and its length in per cent."""

    label: str
    value: str
    length: float


@dataclass(frozen=True)
class Preview:
    """The first rows of a table."""

    columns: list[str]
    rows: list[list[Any]]
    total: int
    hidden: int
    """Columns that are not shown."""
    numbers: list[str]
    """Columns that can be drawn."""
    drawn: str
    label: str
    bars: list[Bar]


def nmgdata_preview(file: dict[str, Any]) -> Preview | None:
    """Return the preview of a file; None where it is no loaded table, or not open to everybody."""
    if not file.get("datastore_active"):
        return None
    if not doors.open_to_all(file["id"]):
        return None
    try:
        found = tk.get_action("datastore_search")({}, {"resource_id": file["id"], "limit": ROWS})
    except (tk.ObjectNotFound, tk.NotAuthorized, tk.ValidationError):
        return None
    fields = [one for one in found["fields"] if one["id"] != "_id"]
    return made(fields, found["records"], found.get("total") or 0, tk.request.args.get("column", ""))


def made(fields: list[dict[str, Any]], records: list[dict[str, Any]], total: int, asked: str) -> Preview:
    """Return a preview; the column that was asked for is drawn, else the first that can be."""
    names = [one["id"] for one in fields]
    numbers = [one["id"] for one in fields if one["type"].startswith(NUMERIC)]
    labels = [one["id"] for one in fields if one["type"].startswith(LABELS)]
    drawn = asked if asked in numbers else (numbers[0] if numbers else "")
    label = labels[0] if labels else ""
    return Preview(
        names[:COLUMNS],
        [[record.get(name) for name in names[:COLUMNS]] for record in records],
        total,
        max(0, len(names) - COLUMNS),
        numbers,
        drawn,
        label,
        bars(records, drawn, label) if drawn and label else [],
    )


def bars(records: list[dict[str, Any]], drawn: str, label: str) -> list[Bar]:
    """Return the bars of a column; what is below nought has none."""
    values = [number(record.get(drawn)) for record in records]
    longest = max((value for value in values if value is not None), default=0.0)
    return [
        Bar(
            str(record.get(label) or "—"),
            "—" if value is None else str(record[drawn]),
            round(100 * max(value or 0.0, 0.0) / longest, 1) if longest > 0 else 0.0,
        )
        for record, value in zip(records, values, strict=True)
    ]


def number(value: Any) -> float | None:
    """Return a value of the DataStore as a number; it gives large ones as text."""
    try:
        return None if value in (None, "") else float(value)
    except (TypeError, ValueError):
        return None


def nmgdata_related(dataset: dict[str, Any]) -> list[dict[str, Any]]:
    """Return entries of the same theme or department with the likest titles, as the reader may find them."""
    same = [
        f"{field}:{quoted(value)}"
        for field, value in (("theme", dataset.get("theme")), ("owner_org", dataset.get("owner_org")))
        if value
    ]
    if not same:
        return []
    query = {
        "fq": f"+({' OR '.join(same)}) -id:{quoted(dataset['id'])}",
        "fl": "id,name,title,open_class,open_state,theme",
        "sort": "metadata_modified desc",
        "rows": CANDIDATES,
        "facet": "false",
    }
    try:
        found = tk.get_action("package_search")({}, query)["results"]
    except SearchError:
        return []
    title = dataset.get("title") or dataset["name"]
    ranked = sorted(found, key=lambda one: -likeness(title, one.get("title") or one["name"]))
    return ranked[:RELATED]


def quoted(value: str) -> str:
    """Return a value as a phrase of Solr's language."""
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


HELPERS = {f.__name__: f for f in (nmgdata_preview, nmgdata_related)}
