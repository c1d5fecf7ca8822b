"""Names of columns as PostgreSQL and the DataStore can carry them, and what had to be changed for it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

MOST_BYTES = 63
"""PostgreSQL's limit; twenty-one Chinese characters."""
STANDINS = str.maketrans({'"': "”", ":": "：", "%": "％", "\\": "＼", "$": "＄"})
"""Signs that mean something to the layers below; their wide forms look the same to a reader."""


@dataclass(frozen=True)
class Header:
    """The name of a column, and the heading it was made from."""

    name: str
    original: str
    faults: tuple[str, ...] = ()
    """``empty``, ``duplicate``, ``long``, ``signs``; none when the heading could stay."""


def repair(cells: Sequence[str | None]) -> list[Header]:
    """Return a usable, unique name for every heading."""
    headers: list[Header] = []
    taken: set[str] = set()
    for position, cell in enumerate(cells, 1):
        header = mend(storable(cell or ""), position, taken)
        taken.add(header.name)
        headers.append(header)
    return headers


def mend(original: str, position: int, taken: set[str]) -> Header:
    """Return the header of one column."""
    faults = []
    name = readable(original)
    if not name:
        faults.append("empty")
        name = f"第{position}列"
    elif name != original.strip():
        faults.append("signs")
    short = cut(name, MOST_BYTES)
    if short != name:
        faults.append("long")
    unique, turn = short, 2
    while unique in taken:
        ending = f"_{turn}"
        unique, turn = cut(short, MOST_BYTES - len(ending)) + ending, turn + 1
    if unique != short:
        faults.append("duplicate")
    return Header(unique, original, tuple(faults))


def storable(text: str) -> str:
    """Return a heading without what no database can store: zero bytes, and bytes of another encoding."""
    return "".join(c for c in text if c != "\0" and unicodedata.category(c) != "Cs")


def readable(text: str) -> str:
    """Return a heading without line breaks, control characters and leading underscores."""
    kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text.translate(STANDINS))
    return re.sub(r" +", " ", kept).strip().lstrip("_").strip()


def cut(text: str, most: int) -> str:
    """Return as much of a text as fits into so many bytes, whole characters only."""
    return text.encode()[:most].decode(errors="ignore").strip()
