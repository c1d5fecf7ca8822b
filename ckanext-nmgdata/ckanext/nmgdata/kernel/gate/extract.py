"""Files that are made from the DataStore: the extract of a limited grant, and a table in another form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import PurePosixPath

from ckan import model
from ckan.plugins import toolkit as tk
from flask import Response
from sqlalchemy.exc import ProgrammingError

from . import rows, serve, tables, trace
from .facts import Facts
from .streams import Body, StillOpen
from .trace import Trace

SUFFIX = "摘录"


def response(facts: Facts, traced: Trace, still_open: StillOpen, form: str = "") -> Response:
    """Return what a limited grant opens; the first rows are read before it begins, so that it can fail.

    :raises rows.BeyondGrantError: the table does not fit the grant, or is gone
    """
    try:
        types = tables.types_of(facts.resource_id)
    except ProgrammingError as gone:
        raise rows.unfit() from gone
    shown = rows.granted_columns(traced.grant, list(types))
    admitted = rows.granted_rows(traced.grant, types)
    if not shown:
        raise rows.unfit()
    part = tables.Part(facts.resource_id, {name: types[name] for name in shown}, admitted)
    return made(part, traced, still_open, form or "csv", f"-{SUFFIX}")


def converted(facts: Facts, traced: Trace | None, still_open: StillOpen, form: str) -> Response:
    """Return a whole table in another form; the same right as for the file itself has been asked for.

    :raises tk.ObjectNotFound: it is no table
    """
    types = tables.types_of(facts.resource_id) if facts.is_tabular else {}
    if not types:
        raise tk.ObjectNotFound(
            tk._("This file was not loaded as a table; it can be had in its own form only.")
        )
    return made(tables.Part(facts.resource_id, types), traced, still_open, form)


def made(
    part: tables.Part, traced: Trace | None, still_open: StillOpen, form: str, suffix: str = ""
) -> Response:
    """Return a part of a table as a download."""
    resource = model.Session.get_one(model.Resource, part.table)
    name = f"{PurePosixPath(serve.download_name(resource)).stem}{suffix}.{form}"
    media_type, write = tables.FORMS[form]
    if traced:
        part = replace(part, marks=trace.of_new_workbook(traced, serve.source_of(resource)))
    pieces = begun(write(part))
    if traced:
        name, pieces = traced.named(name), traced.hashed(pieces)
    answer = Response(Body(lambda _offset: pieces, still_open), content_type=media_type)
    answer.headers["Content-Disposition"] = serve.disposition(name)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if traced:
        traced.mark(answer)
    return answer


def begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return the same pieces with the first one read, so that a table that is gone is a clear answer."""
    return chain([next(pieces)], pieces)
