"""Names of tables in the DataStore: their own, which are the ids of files, and aliases.

No name is both: rows of one table under the id of another file would be judged, and believed, as that
file's. CKAN looks for an alias at every search, in a view of all tables and what they rest on; of a name that
the gate has just read to be a table's own, the answer is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

RESERVED = re.compile(r"_.*|pg_.*|.{8}(-.{4}){3}-.{12}|.{64,}", re.IGNORECASE | re.DOTALL)
"""What is no alias: names of the portal's and PostgreSQL's own tables, what looks like the id of a file, and
what PostgreSQL would cut short."""
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


def refuse_reserved(stated: Any) -> None:
    """Refuse aliases that are, or could be, the id of a file or a table of another's.

    :param stated: a name, names with commas between them, or a list of names, as ``datastore_create`` takes
    :raises tk.ValidationError: on ``aliases``
    """
    from ckanext.datastore.helpers import get_list

    names = [str(one) for one in get_list(stated) or ()]
    taken = set(model.Session.scalars(sa.select(model.Resource.id).where(model.Resource.id.in_(names))))
    if refused := [one for one in names if one in taken or RESERVED.fullmatch(one.strip())]:
        message = tk._("This name is reserved; choose another alias: {names}")
        raise tk.ValidationError({"aliases": [message.format(names=", ".join(refused))]})


def is_taken(name: str) -> bool:
    """Say whether the DataStore has a table or an alias of that name, whosever it is."""
    from ckanext.datastore.backend.postgres import get_read_engine

    with get_read_engine().connect() as connection:
        query = sa.text("SELECT to_regclass(quote_ident(:name)) IS NOT NULL")
        return bool(connection.scalar(query, {"name": name}))


def behind(name: str) -> str:
    """Return the id of the file that a name means, which may be an alias of its table."""
    from ckanext.datastore.backend import DatastoreBackend

    if model.Resource.get(name) is not None:
        return name
    _found, real_id = DatastoreBackend.get_active_backend().resource_id_from_alias(name)
    return real_id or name


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
