"""Answers that bulk work has got by one query for many, so that hooks need not ask for each.

A hook of CKAN's gets one dataset at a time and asks what it needs to know. Whoever calls it for hundreds
reads the answers first and calls it inside ``holding``; the functions that are asked look here before they
go to the database. Nothing is kept beyond the block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_held: ContextVar[Mapping[str, Mapping[Any, Any]] | None] = ContextVar("nmgdata_memory", default=None)
UNKNOWN: Any = object()
"""Answer to what nobody has looked up."""


@contextmanager
def holding(**answers: Mapping[Any, Any]) -> Iterator[None]:
    """Have ``answers[question][key]`` at hand inside the block."""
    token = _held.set({**(_held.get() or {}), **answers})
    try:
        yield
    finally:
        _held.reset(token)


def recall(question: str, key: Any) -> Any:
    """Return a held answer, ``UNKNOWN`` if there is none."""
    return (_held.get() or {}).get(question, {}).get(key, UNKNOWN)
