"""Names of tables: CKAN looks for an alias at every search, in a view of all tables and what they rest on.

Of a name that the gate has just read to be a table's own, the answer is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

_own = ContextVar("nmgdata_own_name", default="")
Look = Callable[[Any, str], tuple[bool, str | None]]


@contextmanager
def own_name(table: str) -> Iterator[None]:
    """Let a name be known as a table's own for the block; none where it is empty."""
    token = _own.set(table)
    try:
        yield
    finally:
        _own.reset(token)


def spared(look: Look) -> Look:
    """Return CKAN's look for an alias, which says at once of a table's own name that it is no alias."""

    @wraps(look)
    def resource_id_from_alias(backend: Any, alias: str) -> tuple[bool, str | None]:
        return (True, None) if alias and alias == _own.get() else look(backend, alias)

    return resource_id_from_alias


def install() -> None:
    """Spare CKAN's DataStore the look; may be called again."""
    from ckanext.datastore.backend.postgres import DatastorePostgresqlBackend as Backend

    if not hasattr(Backend.resource_id_from_alias, "__wrapped__"):
        Backend.resource_id_from_alias = spared(Backend.resource_id_from_alias)  # type: ignore[method-assign]
