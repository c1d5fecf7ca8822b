"""The file of a limited grant: its columns and rows as CSV, streamed from the DataStore."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

import psycopg2
from ckan import model
from ckan.plugins import toolkit as tk
from flask import Response
from psycopg2 import sql
from sqlalchemy.exc import ProgrammingError

from . import rows, serve
from .facts import Facts
from .streams import Body, StillOpen
from .trace import Trace

SUFFIX = "摘录"
AT_ONCE = 2000
"""Rows that are fetched and sent together."""
MARK = "\ufeff"
"""Byte-order mark: spreadsheets here take a CSV without it for GBK."""


def response(facts: Facts, traced: Trace, still_open: StillOpen) -> Response:
    """Return the extract as a download; the first rows are read before it begins, so that it can fail."""
    grant = traced.grant
    admitted: dict[str, list[str]] = {}
    try:
        columns = rows.columns_of(facts.resource_id)
        shown = rows.granted_columns(grant, columns)
        admitted = rows.granted_rows(grant, columns)
    except (rows.BeyondGrantError, ProgrammingError):
        shown = []
    if not shown:
        return tk.abort(409, tk._("Your grant does not fit this table any more."))
    resource = model.Session.get_one(model.Resource, facts.resource_id)
    name = traced.named(f"{PurePosixPath(serve.download_name(resource)).stem}-{SUFFIX}.csv")
    pieces = traced.hashed(begun(lines(facts.resource_id, shown, admitted)))
    answer = Response(Body(lambda _offset: pieces, still_open), mimetype="text/csv")
    answer.headers["Content-Disposition"] = serve.disposition(name)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    traced.mark(answer)
    return answer


def begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return the same pieces with the first one read, so that a table that is gone is a clear answer."""
    try:
        first = next(pieces)
    except rows.BeyondGrantError:
        return tk.abort(409, tk._("Your grant does not fit this table any more."))
    return chain([first], pieces)


def statement(table: str, columns: list[str], admitted: dict[str, list[str]]) -> sql.Composed:
    """Return the query of an extract; values as text, exactly as the DataStore writes them."""
    selected = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns)
    conditions = [
        sql.SQL("{} IN ({})").format(sql.Identifier(name), sql.SQL(", ").join(map(sql.Literal, values)))
        if values
        else sql.SQL("FALSE")
        for name, values in admitted.items()
    ]
    where = sql.SQL(" WHERE ") + sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("")
    return sql.SQL("SELECT {} FROM {}{} ORDER BY _id").format(selected, sql.Identifier(table), where)


def lines(table: str, columns: list[str], admitted: dict[str, list[str]]) -> Iterator[bytes]:
    """Yield the extract piece by piece, at constant memory, in a connection of its own."""
    from ckanext.datastore.backend.postgres import get_read_engine

    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(MARK)
    writer.writerow(columns)
    with get_read_engine().connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        with raw.cursor(name="nmgdata_extract") as cursor:
            cursor.itersize = AT_ONCE
            try:
                cursor.execute(statement(table, columns, admitted))
            except psycopg2.Error as error:
                raise rows.BeyondGrantError({}) from error
            while True:
                found = cursor.fetchmany(AT_ONCE)
                writer.writerows(found)
                yield taken(buffer)
                if len(found) < AT_ONCE:
                    return


def taken(buffer: io.StringIO) -> bytes:
    """Return what has been written so far and begin again."""
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
