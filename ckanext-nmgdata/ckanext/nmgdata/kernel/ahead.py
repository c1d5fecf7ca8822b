"""Make the next part of something long while its reader uses the one before."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from ckan import model

T = TypeVar("T")


def ahead(parts: Iterator[T]) -> Iterator[T]:
    """Yield the parts, each made beforehand in one other thread.

    It is made in the caller's request, with a session of its own: between two parts the iterator holds
    nothing of the database, and nothing that a ``ContextVar`` is to hand on.
    """
    end = object()

    def make() -> T | object:
        try:
            return next(parts, end)
        finally:
            model.Session.remove()

    with ThreadPoolExecutor(1, "ahead") as thread:
        coming = thread.submit(copy_context().run, make)
        while (part := coming.result()) is not end:
            coming = thread.submit(copy_context().run, make)
            yield part  # type: ignore[misc]
