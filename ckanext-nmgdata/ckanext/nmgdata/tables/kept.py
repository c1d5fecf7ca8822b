"""Scan a table that a department keeps through the API: its rows, as they lie in the DataStore (R-SEC-14)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from .. import config
from ..kernel.gate.screening import Result
from .reading import Row
from .scan import Search

BATCH = 2000


def scan(resource_id: str) -> Result:
    """Return what the rows of a table hold of personal data; the digest is over all of them.

    :raises TimeoutError: when it takes longer than the background may take; the table stays shut
    """
    search, digest = Search(config.tables_seconds()), hashlib.sha256()
    for row in rows(resource_id):
        digest.update("\x1f".join(cell or "" for cell in row.cells).encode() + b"\x1e")
        search.look_at(row, titled=True)
    return search.result(digest.hexdigest())


def rows(resource_id: str) -> Iterator[Row]:
    """Yield the headings of a table and its rows, a batch at a time; row 1 is the first below them."""
    from ckanext.datastore.backend.postgres import get_write_engine

    name = sa.quoted_name(resource_id, quote=True)
    query = sa.select(sa.text("*")).select_from(sa.table(name)).order_by(sa.column("_id"))
    with get_write_engine().connect().execution_options(yield_per=BATCH) as connection:
        found = connection.execute(query)
        shown = [at for at, column in enumerate(found.keys()) if column not in ("_id", "_full_text")]
        yield Row(0, cells(list(found.keys()), shown))
        for number, row in enumerate(found, 1):
            yield Row(number, cells(row, shown))


def cells(row: Sequence[object], shown: Sequence[int]) -> list[str | None]:
    """Return the cells of a row as text."""
    return [None if row[at] is None else str(row[at]) for at in shown]
