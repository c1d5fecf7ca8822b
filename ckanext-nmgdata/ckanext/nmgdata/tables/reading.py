"""Read a copied file as rows: text here, everything that may be hostile in a child with limits."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .. import config
from . import child
from .stored import DOCX, JSON, PDF, RECORDS, TEXT, XLSX, Copy

DELIMITERS = ",\t;|"
SNIFFED = 200
"""Lines that are looked at to find the delimiter."""
LONGEST_CELL = csv.field_size_limit()
"""Characters of a cell that is loaded; PostgreSQL cannot index much longer ones."""
LONGEST_LINE = 16 * 1024 * 1024
"""Characters of one line; a longer one is cut, so that a file without line breaks fits into memory."""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8", "LC_ALL": "C.UTF-8"}


class UnreadableError(Exception):
    """The file cannot be read; ``code`` is one of ``present.ERRORS``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Row:
    """One row of a table, or one line of a text."""

    number: int
    """As people count in the file: from one, headings and titles included."""
    cells: Sequence[str | None]
    sheet: str = ""
    at: str = ""
    """Place of a value in a JSON file."""
    fault: str | None = None
    """Why the row cannot be read: ``encoding``, ``malformed``, ``long``."""


# --- text files ----------------------------------------------------------------------------------


@contextmanager
def opened(copy: Copy) -> Iterator[Any]:
    """Open a text in its encoding; what does not fit becomes lone surrogates, which no text holds."""
    with copy.path.open("r", encoding=copy.encoding, errors="surrogateescape", newline="") as file:
        if copy.encoding.startswith("utf-16") and file.read(1) != "\ufeff":
            file.seek(0)
        yield file


def delimiter_of(copy: Copy) -> str:
    """Return the delimiter that cuts the first lines into most columns, most evenly."""
    with opened(copy) as file:
        lines = [line for line in (file.readline(LONGEST_LINE) for _turn in range(SNIFFED)) if line]

    def score(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in rows_of(lines, delimiter) if row and len(row) > 1]
        if not widths:
            return (0, 0)
        usual = max(set(widths), key=widths.count)
        return (widths.count(usual), usual)

    return max(DELIMITERS, key=score)


def rows_of(lines: Any, delimiter: str) -> Iterator[list[str] | None]:
    """Yield the records of delimited text; None for one that cannot be read."""
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None


def text_rows(copy: Copy, delimiter: str) -> Iterator[Row]:
    """Yield the records of a delimited text."""
    with opened(copy) as file:
        for number, cells in enumerate(rows_of(limited_lines(file), delimiter), 1):
            if cells is None:
                yield Row(number, (), fault="malformed")
            else:
                yield Row(number, [cell or None for cell in cells], fault=fault_of(cells))


def limited_lines(file: Any) -> Iterator[str]:
    """Yield lines of bearable length."""
    while line := file.readline(LONGEST_LINE):
        yield line


def fault_of(cells: Sequence[str]) -> str | None:
    """Say when cells are too long, hold bytes of another encoding, or what PostgreSQL cannot store."""
    for cell in cells:
        if len(cell) > LONGEST_CELL:
            return "long"
        if not cell.isascii():
            try:
                cell.encode()
            except UnicodeEncodeError:
                return "encoding"
        if "\0" in cell:
            return "encoding"
    return None


def lines(copy: Copy) -> Iterator[Row]:
    """Yield the lines of a text that is no table."""
    with opened(copy) as file:
        for number, line in enumerate(limited_lines(file), 1):
            yield Row(number, [line])


# --- what the child reads ------------------------------------------------------------------------


def child_rows(copy: Copy, seconds: int) -> Iterator[Row | int]:
    """Yield the rows of a file that a child reads; a number stands for a page without text.

    :raises UnreadableError: at the end of what could be read, when that is not the end of the file
    """
    command = [
        sys.executable, "-m", child.__name__, copy.kind, str(copy.path), copy.encoding,
        str(config.tables_memory_mb()), str(seconds), str(config.tables_unpacked_mb()),
    ]  # fmt: skip
    program = subprocess.Popen(  # noqa: S603 (our own program; the path is our own copy)
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        env=ENVIRONMENT, cwd="/", text=True, encoding="utf-8",
    )  # fmt: skip
    clock = threading.Timer(seconds, program.kill)
    clock.start()
    sheet, last = "", {}
    try:
        assert program.stdout  # noqa: S101 (for the type checker)
        for text in program.stdout:
            line = json.loads(text)
            if isinstance(line, list):
                cells = line[1]
                yield Row(line[0], cells, sheet, fault=fault_of([cell for cell in cells if cell]))
            elif "at" in line:
                yield Row(line["row"], [line["text"]], at=line["at"])
            elif "sheet" in line:
                sheet = line["sheet"]
            elif "unread" in line:
                yield line["unread"]
            else:
                last = line
    finally:
        clock.cancel()
        program.kill()
        program.wait()
        if program.stdout:
            program.stdout.close()
    if not last.get("end"):
        crashed = program.returncode in (-signal.SIGSEGV, -signal.SIGABRT)
        raise UnreadableError(last.get("error", "broken" if crashed else "killed"))


# --- both ----------------------------------------------------------------------------------------


def everything(copy: Copy, seconds: int) -> Iterator[Row | int]:
    """Yield all that can be read of a file of any kind; nothing for kinds that cannot be read."""
    if copy.kind in (XLSX, DOCX, PDF, JSON):
        yield from child_rows(copy, seconds)
    elif copy.kind == TEXT:
        delimiter = delimiter_of(copy)
        yield from text_rows(copy, delimiter) if is_table(copy, delimiter) else lines(copy)


def is_table(copy: Copy, delimiter: str) -> bool:
    """Say whether a text is a table: its first lines have more than one column."""
    return any(len(row.cells) > 1 for row in islice(text_rows(copy, delimiter), SNIFFED))


def table_rows(copy: Copy, seconds: int) -> tuple[Iterator[Row], str | None]:
    """Return the rows of a file that is to be a table, and its delimiter if it has one.

    :raises UnreadableError: when the file is no table at all
    """
    if copy.kind in (XLSX, RECORDS):
        return (row for row in child_rows(copy, seconds) if isinstance(row, Row)), None
    if copy.kind in (TEXT, JSON):  # a table may begin with a bracket
        delimiter = delimiter_of(copy)
        return text_rows(copy, delimiter), delimiter
    raise UnreadableError("no_table")
