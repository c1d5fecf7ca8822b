"""A table of the DataStore in the form that somebody asked for: CSV, XLSX or JSON, written while it is read.

The rows come through a cursor of the database in a connection of their own, so that neither memory nor a
transaction of the portal grows with the table. What of it may leave has been decided before.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg2
from ckan.plugins import toolkit as tk
from psycopg2 import sql

from ..sheets import MEDIA_TYPE, Cell, xlsx
from .rows import unfit

AT_ONCE = 2000
"""Rows that are fetched and sent together."""
MARK = "\ufeff"
"""Byte-order mark: spreadsheets here take a CSV without it for GBK."""
WHOLE, NUMBERS = frozenset({"int", "int4", "int8", "integer", "bigint"}), frozenset({"numeric"})
"""Types of the DataStore whose values stand as numbers in a workbook."""
EXACT = 15
"""Digits that a spreadsheet keeps; a longer number stands as a text."""
WIDTH = 16


@dataclass(frozen=True)
class Part:
    """What of a table is wanted: columns with their types, and column → admitted values."""

    table: str
    columns: dict[str, str]
    admitted: dict[str, list[str]] = field(default_factory=dict)
    marks: dict[str, bytes] = field(default_factory=dict)
    """Parts by which a workbook names the grant under which it is handed out (``trace``)."""

    def query(self, selected: sql.Composable) -> sql.Composed:
        """Return the statement that reads the rows in their order."""
        conditions = [
            sql.SQL("{} IN ({})").format(sql.Identifier(name), sql.SQL(", ").join(map(sql.Literal, values)))
            if values
            else sql.SQL("FALSE")
            for name, values in self.admitted.items()
        ]
        where = sql.SQL(" WHERE ") + sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("")
        return sql.SQL("SELECT {} FROM {}{} ORDER BY _id").format(selected, sql.Identifier(self.table), where)


def types_of(table: str) -> dict[str, str]:
    """Return column → type of a table, without CKAN's own column; nothing where there is no such table."""
    from ckanext.datastore.backend import DatastoreBackend

    backend = DatastoreBackend.get_active_backend()
    if not backend.resource_exists(table):
        return {}
    fields = backend.resource_fields(table, False, False)["fields"]
    return {one["id"]: one.get("type") or "text" for one in fields}


def as_texts(part: Part) -> sql.Composable:
    """Return the columns as text, exactly as the DataStore writes them."""
    return sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in part.columns)


def as_objects(part: Part) -> sql.Composed:
    """Return the query of rows as JSON objects, written by the database, which keeps every digit."""
    columns = sql.SQL(", ").join(map(sql.Identifier, part.columns))
    return sql.SQL("SELECT row_to_json(one)::text FROM ({}) one").format(part.query(columns))


def read(statement: sql.Composed) -> Iterator[list[tuple[Any, ...]]]:
    """Yield rows, many at once, at constant memory; the first batch even where there are none.

    :raises BeyondGrantError: the table does not fit what was granted any more, or is gone
    """
    from ckanext.datastore.backend.postgres import get_read_engine

    with get_read_engine().connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        with raw.cursor(name="nmgdata_extract") as cursor:
            cursor.itersize = AT_ONCE
            try:
                cursor.execute(statement)
            except psycopg2.Error as error:
                raise unfit() from error
            while True:
                found = cursor.fetchmany(AT_ONCE)
                yield found
                if len(found) < AT_ONCE:
                    return


# --- forms ---------------------------------------------------------------------------------------


def as_csv(part: Part) -> Iterator[bytes]:
    """Yield CSV in UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(MARK)
    writer.writerow(part.columns)
    for found in read(part.query(as_texts(part))):
        writer.writerows(found)
        yield taken(buffer)


def taken(buffer: io.StringIO) -> bytes:
    """Return what has been written so far and begin again."""
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def as_json(part: Part) -> Iterator[bytes]:
    """Yield a list of objects."""
    separator = "[\n"
    for found in read(as_objects(part)):
        piece = ""
        for (text,) in found:
            piece += separator + text
            separator = ",\n"
        yield piece.encode()
    yield (b"\n]\n" if separator != "[\n" else b"[]\n")


def as_xlsx(part: Part) -> Iterator[bytes]:
    """Yield a workbook with one sheet; numbers stand in it as numbers."""
    kinds = list(part.columns.values())
    batches = read(part.query(as_texts(part)))
    first = next(batches)

    def lines() -> Iterator[Sequence[Cell]]:
        for found in (first, *batches):
            for row in found:
                yield [cell(value, kind) for value, kind in zip(row, kinds, strict=True)]

    yield from xlsx(tk._("Data"), list(part.columns), lines(), [WIDTH] * len(kinds), part.marks)


def cell(value: str | None, kind: str) -> Cell:
    """Return a value as a workbook takes it."""
    if value is None or len(value) > EXACT:
        return value
    if kind in WHOLE:
        return int(value)
    return Decimal(value) if kind in NUMBERS else value


FORMS: dict[str, tuple[str, Callable[[Part], Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "xlsx": (MEDIA_TYPE, as_xlsx),
    "json": ("application/json; charset=utf-8", as_json),
}
"""What can be asked for with ``?as=``: media type and writer."""
PARAMETER = "as"


def wanted() -> str:
    """Return the form that the request asks for, empty for the file as it is; anything else is refused."""
    form = tk.request.args.get(PARAMETER, "").lower()
    if form and form not in FORMS:
        tk.abort(400, tk._("Files are handed out as {forms}.").format(forms=", ".join(FORMS)))
    return form
