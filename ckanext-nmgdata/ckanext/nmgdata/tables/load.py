"""Load a copied file into the DataStore: a fresh table, complete, in the place of the old one.

First pass: read, repair, guess types, write a spool in the form that COPY reads. Second pass, in one
transaction of the DataStore: create, COPY, index, drop the old table, rename. Whoever kills us in
between leaves the old table as it was.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import IO, Any

from psycopg2 import sql

from .. import config
from . import headers, reading
from .guess import Column
from .headers import Header
from .reading import Row, UnreadableError
from .stored import Copy

LOOKED_AT = 50
"""Rows among which the headings are looked for: titles stand above them."""
KEPT_FAULTS = 100
"""So many bad rows are listed; the rest is only counted."""
NULL = "\\N"
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass
class Report:
    """What was done to make a table of a file; shown to the editors."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str = ""
    skipped: int = 0
    """Rows above the headings: titles, notes."""
    columns: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    short_rows: int = 0
    """Rows with fewer cells than headings; the missing ones are empty."""
    bad: Counter[str] = field(default_factory=Counter)
    bad_rows: list[tuple[int, str]] = field(default_factory=list)
    """The first rows that could not be loaded, with why."""

    def refuse(self, number: int, why: str) -> None:
        """Note a row that cannot be loaded."""
        self.bad[why] += 1
        if len(self.bad_rows) < KEPT_FAULTS:
            self.bad_rows.append((number, why))

    def as_dict(self) -> dict[str, Any]:
        """Return what is stored."""
        return {
            "encoding": self.encoding, "delimiter": self.delimiter, "sheet": self.sheet,
            "skipped": self.skipped, "columns": self.columns, "short_rows": self.short_rows,
            "bad": dict(self.bad), "bad_rows": self.bad_rows,
        }  # fmt: skip


# --- first pass ----------------------------------------------------------------------------------


def spool(copy: Copy, target: IO[str]) -> tuple[list[Header], list[Column], Report]:
    """Write the rows of a file in COPY's text form and find out what they are.

    :raises UnreadableError: when the file holds no table, or more than the portal takes
    """
    seconds = config.tables_seconds()
    rows, delimiter = reading.table_rows(copy, seconds)
    report = Report(None if delimiter is None else copy.encoding, delimiter)
    titles, body = headed(rows, report)
    heads = headers.repair(titles)
    if len(heads) > config.tables_max_columns():
        raise UnreadableError("columns")
    columns = [Column(f"{head.name} {head.original}") for head in heads]
    for row in body:
        if line := fitted(row, len(heads), report):
            write_row(line, columns, target)
            report.rows += 1
            if report.rows > config.tables_max_rows():
                raise UnreadableError("rows")
    report.columns = [
        {"id": head.name, "original": head.original, "type": column.type(), "faults": list(head.faults)}
        for head, column in zip(heads, columns, strict=True)
    ]
    return heads, columns, report


def headed(rows: Iterator[Row], report: Report) -> tuple[Sequence[str | None], Iterator[Row]]:
    """Return the headings of the first sheet that holds a table, and the rows below them."""
    first = next(rows, None)
    while first is not None:
        sheet = first.sheet
        start, rest = [], None
        for row in chain([first], rows):
            if row.sheet != sheet:
                rest = row
                break
            start.append(row)
            if len(start) == LOOKED_AT:
                break
        filled = [sum(cell is not None for cell in row.cells) for row in start]
        at = next((i for i, count in enumerate(filled) if count > 1), None)
        if at is None:
            at = next((i for i, count in enumerate(filled) if count), None)
        if at is not None and (rest is None or len(start) > at + 1):
            report.sheet, report.skipped = sheet, max(0, start[at].number - 1)
            same = until_other_sheet(rows, sheet) if rest is None else iter(())
            return start[at].cells, chain(islice(start, at + 1, None), same)
        first = rest
    raise UnreadableError("empty")


def until_other_sheet(rows: Iterator[Row], sheet: str) -> Iterator[Row]:
    """Yield rows until another sheet begins."""
    for row in rows:
        if row.sheet != sheet:
            return
        yield row


def fitted(row: Row, width: int, report: Report) -> list[str | None] | None:
    """Return the cells of a row under the headings; None for an empty row, and for one that is bad."""
    cells = list(row.cells)
    if row.fault:
        report.refuse(row.number, row.fault)
        return None
    while len(cells) > width and cells[-1] is None:
        cells.pop()
    if len(cells) > width:
        report.refuse(row.number, "wide")
        return None
    if not any(cell is not None for cell in cells):
        return None
    if len(cells) < width:
        report.short_rows += 1
        cells += [None] * (width - len(cells))
    return cells


def write_row(cells: list[str | None], columns: list[Column], target: IO[str]) -> None:
    """Take a row into account and write it in COPY's text form."""
    for column, cell in zip(columns, cells, strict=True):
        if cell is not None:
            column.see(cell)
    target.write("\t".join(NULL if cell is None else cell.translate(ESCAPES) for cell in cells))
    target.write("\n")


# --- second pass ---------------------------------------------------------------------------------


def build(cursor: Any, table: str, copy: Copy, hints: dict[str, dict[str, str]]) -> Report:
    """Replace a table by the rows of a file, in the transaction of the cursor.

    :param hints: heading → label and notes, from the catalogue's data items
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="", prefix="nmgdata-") as spooled:
        heads, columns, report = spool(copy, spooled)
        spooled.flush()
        spooled.seek(0)
        known = dictionary(cursor, table)
        aliases = aliases_of(cursor, table)
        fresh = f"_nmgdata_{table}"
        create(
            cursor,
            fresh,
            heads,
            [overridden(c.type(), known.get(h.name)) for h, c in zip(heads, columns, strict=True)],
        )
        names = sql.SQL(", ").join(sql.Identifier(head.name) for head in heads)
        cursor.copy_expert(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(fresh), names), spooled)
    for head in heads:
        describe(cursor, fresh, head.name, known.get(head.name) or described(head, hints))
    finish(cursor, fresh, table, aliases, report.rows)
    return report


def overridden(guessed: str, known: dict[str, Any] | None) -> str:
    """Return the type of a column; what the data dictionary says prevails where values cannot suffer."""
    wanted = (known or {}).get("type_override")
    if wanted == "text":
        return "text"
    if wanted == "numeric" and guessed in ("int4", "int8"):
        return "numeric"
    return "timestamp" if wanted == "timestamp" and guessed == "date" else guessed


def described(head: Header, hints: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the data dictionary's entry of a new column: the catalogue's data item, or the heading."""
    hint = hints.get(head.original.strip()) or hints.get(head.name)
    if hint:
        return hint
    return {"label": head.original.strip()} if head.faults and head.original.strip() else {}


def create(cursor: Any, fresh: str, heads: Sequence[Header], types: Sequence[str]) -> None:
    """Create an empty table of CKAN's form; its name keeps it out of CKAN's sight."""
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(fresh)))
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(head.name), sql.SQL(kind))
        for head, kind in zip(heads, types, strict=True)
    ]
    own = [sql.SQL("_id serial PRIMARY KEY"), sql.SQL("_full_text tsvector")]
    cursor.execute(
        sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(fresh), sql.SQL(", ").join(own + columns))
    )
    cursor.execute(
        sql.SQL(
            "CREATE TRIGGER zfulltext BEFORE INSERT OR UPDATE ON {}"
            " FOR EACH ROW EXECUTE PROCEDURE populate_full_text_trigger()"
        ).format(sql.Identifier(fresh))
    )


def describe(cursor: Any, table: str, column: str, info: dict[str, Any]) -> None:
    """Write an entry of the data dictionary, in CKAN's form: a comment that begins with a space."""
    if info:
        comment = " " + json.dumps({"_info": info}, ensure_ascii=False, separators=(",", ":"))
        statement = sql.SQL("COMMENT ON COLUMN {}.{} IS {}")
        cursor.execute(statement.format(sql.Identifier(table), sql.Identifier(column), sql.Literal(comment)))


def finish(cursor: Any, fresh: str, table: str, aliases: list[str], rows: int) -> None:
    """Index the new table and put it in the old one's place, aliases and row count included."""
    new, old = sql.Identifier(fresh), sql.Identifier(table)
    cursor.execute(sql.SQL("CREATE INDEX ON {} USING gin (_full_text)").format(new))
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(old))
    cursor.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(new, old))
    for alias in aliases:
        cursor.execute(sql.SQL("CREATE VIEW {} AS SELECT * FROM {}").format(sql.Identifier(alias), old))
    cursor.execute("DELETE FROM _table_stats WHERE resource_id = %s", [table])
    cursor.execute(
        "INSERT INTO _table_stats VALUES (%s, jsonb_build_object('rows', %s::bigint))", [table, rows]
    )
    cursor.execute(sql.SQL("ANALYZE {}").format(old))


def drop(cursor: Any, table: str) -> None:
    """Drop a table and what depends on it; no harm when there is none."""
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier(table)))
    cursor.execute("DELETE FROM _table_stats WHERE resource_id = %s", [table])


def aliases_of(cursor: Any, table: str) -> list[str]:
    """Return the aliases that editors have given a table."""
    cursor.execute("SELECT name FROM _table_metadata WHERE alias_of = %s", [table])
    return [name for (name,) in cursor.fetchall()]


def dictionary(cursor: Any, table: str) -> dict[str, dict[str, Any]]:
    """Return what the data dictionary of the present table says: column → info."""
    cursor.execute(
        """
        SELECT a.attname, d.description
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = a.attnum
        WHERE c.relname = %s AND c.relkind = 'r'
        """,
        [table],
    )
    return {column: json.loads(comment).get("_info") or {} for column, comment in cursor.fetchall()}
