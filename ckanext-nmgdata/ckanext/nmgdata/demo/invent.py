"""Small invented files for sample entries, from their data items; openly marked as invented.

The same entry always gets the same rows. Nothing in them is taken from a real record; personal
names, numbers and addresses are never invented, only obvious placeholders.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

ROWS = 40
NOTE = "示例"
PLACES = ("示例一区", "示例二区", "示例三旗", "示例四县")
Item = dict[str, Any]


def rows(entry: dict[str, Any], today: date) -> list[dict[str, Any]]:
    """Return invented rows of an entry: column label → value."""
    chance = random.Random(entry["name"])  # noqa: S311 (invented data, the same every time)
    items = entry["data_items"]
    return [
        {item.get("label") or item["name"]: value(item, number, chance, today) for item in items}
        for number in range(1, ROWS + 1)
    ]


def value(item: Item, number: int, chance: random.Random, today: date) -> Any:
    """Return one invented value of a data item's type."""
    day = today - timedelta(days=chance.randrange(1, 360))
    makers: dict[str, Callable[[], Any]] = {
        "integer": lambda: chance.randrange(1, 500),
        "number": lambda: number_like(item, chance),
        "date": day.isoformat,
        "datetime": lambda: f"{day.isoformat()}T{chance.randrange(8, 18):02d}:00:00+08:00",
        "boolean": lambda: chance.choice(["是", "否"]),
        "geometry": lambda: f"POINT({longitude(chance)} {latitude(chance)})",
    }
    return makers.get(item.get("type", ""), lambda: text(item, number, chance))()


def number_like(item: Item, chance: random.Random) -> float:
    """Return a number that fits the item's label."""
    label = item.get("label") or ""
    if "经度" in label:
        return longitude(chance)
    if "纬度" in label:
        return latitude(chance)
    return round(chance.uniform(1, 1000), 1)


def longitude(chance: random.Random) -> float:
    """Return a longitude in Inner Mongolia."""
    return round(chance.uniform(106.0, 122.0), 5)


def latitude(chance: random.Random) -> float:
    """Return a latitude in Inner Mongolia."""
    return round(chance.uniform(39.0, 45.0), 5)


def text(item: Item, number: int, chance: random.Random) -> str:
    """Return a placeholder text."""
    label = item.get("label") or item["name"]
    if any(word in label for word in ("区", "旗县", "盟市", "地区")):
        return chance.choice(PLACES)
    return f"{NOTE}{label}{number:02d}"


def as_csv(table: list[dict[str, Any]]) -> bytes:
    """Return rows as CSV in UTF-8 with a byte-order mark, as spreadsheets here expect."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(table[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(table)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def as_json(table: list[dict[str, Any]]) -> bytes:
    """Return rows as JSON."""
    return json.dumps(table, ensure_ascii=False, indent=1).encode()


FORMATS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {"csv": as_csv, "json": as_json}
"""Formats in which files are invented."""
