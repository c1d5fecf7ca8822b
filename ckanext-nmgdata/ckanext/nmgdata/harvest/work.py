"""What of a page waits to be loaded, packed small enough to lie in the page's row."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from .records import Record

LEVEL = 1
"""Speed before size: it lies there for seconds."""


@dataclass(frozen=True)
class Task:
    """One record that is to be loaded. ``number`` is the one of its row."""

    number: int
    outcome: str
    """What it counts as when it is loaded: ``created``, ``updated`` or ``restored``."""
    record: Record


def pack(tasks: Sequence[Task]) -> bytes | None:
    """Return tasks as bytes; None for none."""
    if not tasks:
        return None
    rows = [
        (one.number, one.outcome, one.record.identifier, one.record.subject, one.record.triples.decode())
        for one in tasks
    ]
    return zlib.compress(json.dumps(rows, ensure_ascii=False).encode(), LEVEL)


def unpack(packed: bytes) -> list[Task]:
    """Return the tasks."""
    return [
        Task(number, outcome, record(identifier, subject, triples.encode()))
        for number, outcome, identifier, subject, triples in json.loads(zlib.decompress(packed))
    ]


def record(identifier: str, subject: str, triples: bytes) -> Record:
    """Return a record whose digest is that of its triples, as everywhere."""
    return Record(identifier, subject, sha256(triples).digest(), triples)
