"""JSON of many things at once: by orjson, and by Python's own where orjson refuses what Python takes."""

from __future__ import annotations

import json
from typing import Any

import orjson


def packed(value: Any) -> bytes:
    """Return a value as JSON in UTF-8.

    orjson takes no integer beyond 64 bits and no half of a surrogate pair; the latter becomes a ``?``.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def text(value: Any) -> str:
    """Return a value as JSON."""
    return packed(value).decode()


def read(said: str | bytes) -> Any:
    """Return what JSON says.

    :raises ValueError: it is none
    """
    try:
        return orjson.loads(said)
    except ValueError:  # NaN, integers beyond 64 bits become numbers for Python only
        return json.loads(said)
