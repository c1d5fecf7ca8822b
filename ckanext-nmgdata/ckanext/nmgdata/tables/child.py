"""Read a file that may be hostile: a program of its own, with limits on memory and time.

    python -m ckanext.nmgdata.tables.child KIND PATH ENCODING MEMORY_MB SECONDS UNPACKED_MB

Knows nothing of CKAN. Writes JSON lines: ``{"sheet": name}`` begins a sheet; ``[row, [cells]]`` is a
row (cells are text or null); ``{"at": path, "row": n, "text": …}`` is one value of a JSON file; the
last line is ``{"end": true}``, or ``{"error": code}`` when the file could not be read to its end.
"""

from __future__ import annotations

import json
import resource
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, time
from decimal import Decimal
from typing import Any

MOST_PARTS = 10_000
WHOLE = 1e15
"""Floats below it are whole numbers to the last digit."""
ITEM = "item"
"""What stands in the place of a JSON value for the elements of an array."""
DEEPEST = 200
MOST_NAMES = 5_000
"""Names of columns that are gathered from the objects of a JSON file."""
PLAIN = 40
"""Digits before and after the point with which a number of a JSON file is written out."""
SHORTEST = 11
"""Shorter values hold no number of a person; they are not passed on."""
MOST_EMPTY = 1_000_000
"""So many empty rows in a row of a sheet end it."""


class UnreadableError(Exception):
    """The file cannot be read; the argument is a code of ``present.ERRORS``."""


def check_archive(path: str, unpacked: int) -> None:
    """Refuse a ZIP bomb before anything is unpacked; Python unpacks no more than a part declares."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise UnreadableError("broken") from error
    if any(part.flag_bits & 1 for part in parts):
        raise UnreadableError("encrypted")
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > unpacked:
        raise UnreadableError("bomb")


# --- spreadsheets --------------------------------------------------------------------------------


def xlsx(path: str, encoding: str, unpacked: int) -> Iterator[Any]:
    """Yield the rows of every sheet, hidden ones too; formulas as the values they had when saved."""
    import openpyxl

    check_archive(path, unpacked)
    with open(path, "rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        for sheet in book.worksheets:
            yield {"sheet": sheet.title}
            yield from sheet_rows(sheet)


def sheet_rows(sheet: Any) -> Iterator[Any]:
    """Yield the rows of a sheet that hold anything."""
    sheet.reset_dimensions()  # what the file says about its size is not to be believed
    empty = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        cells = [as_text(value) for value in row]
        while cells and cells[-1] is None:
            cells.pop()
        empty = 0 if cells else empty + 1
        if cells:
            yield [number, cells]
        elif empty > MOST_EMPTY:
            return


def as_text(value: Any) -> str | None:
    """Return a cell as text, as it would stand in a CSV file."""
    match value:
        case None | "":
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            day = value.time() == time(0)
            return value.date().isoformat() if day else value.replace(microsecond=0).isoformat(" ")
        case float():
            whole = value.is_integer() and abs(value) < WHOLE
            return str(int(value)) if whole else f"{Decimal(repr(value)):f}"
        case _:
            return str(value)


# --- texts ---------------------------------------------------------------------------------------


def docx(path: str, encoding: str, unpacked: int) -> Iterator[Any]:
    """Yield the paragraphs of a document: text, tables, notes, headers and footers."""
    from defusedxml.ElementTree import iterparse

    check_archive(path, unpacked)
    with zipfile.ZipFile(path) as archive:
        parts = [name for name in archive.namelist() if name.startswith("word/") and name.endswith(".xml")]
        number = 0
        for name in sorted(parts, key=lambda part: (part != "word/document.xml", part)):
            with archive.open(name) as part:
                for _event, element in iterparse(part):
                    if not element.tag.endswith("}p"):
                        continue
                    text = "".join(run.text or "" for run in element.iter() if run.tag.endswith("}t"))
                    number += 1
                    if text:
                        yield [number, [text]]
                    element.clear()


def pdf(path: str, encoding: str, unpacked: int) -> Iterator[Any]:
    """Yield the text of every page; a page without text (a scan) is said to be one."""
    import pypdf

    reader = pypdf.PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(""):
        raise UnreadableError("encrypted")
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        yield [number, [text]] if text.strip() else {"unread": number}


def json_values(path_of_file: str, encoding: str, unpacked: int) -> Iterator[Any]:
    """Yield every value of a JSON file, or of one JSON text after the other, with its place."""
    import ijson

    texts = items = 0
    path: list[str] = []
    with open(path_of_file, "rb") as file:
        file.seek(3 if file.read(3) == b"\xef\xbb\xbf" else 0)
        for event, value in ijson.basic_parse(file, multiple_values=True):
            if event in ("end_map", "end_array"):
                path.pop()
            elif event in ("start_map", "start_array"):
                if not path:
                    texts, items = texts + 1, 0
                elif event == "start_map" and path[-1] == ITEM and path.count(ITEM) == 1:
                    items += 1
                path.append(ITEM if event == "start_array" else "")
                if len(path) > DEEPEST:
                    raise UnreadableError("broken")
            elif len(text := str(value)) >= SHORTEST:
                yield {"at": ".".join(path), "row": items or texts, "text": text}
            if event == "map_key":
                path[-1] = str(value)


# --- JSON as a table -----------------------------------------------------------------------------


def records(path: str, encoding: str, unpacked: int) -> Iterator[Any]:
    """Yield a list of objects as rows: first all names that occur, then the values of each object.

    Read twice, so that memory holds one object at a time. What lies inside an object is written as JSON.
    """
    names = dict.fromkeys(name for one in objects(path, encoding) for name in one)
    yield [0, list(names)]
    for number, one in enumerate(objects(path, encoding), 1):
        yield [number, [json_cell(one.get(name)) for name in names]]


def objects(path: str, encoding: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON file.

    :raises UnreadableError: when it is not JSON, or not a list of nothing but objects
    """
    import ijson

    names: set[str] = set()
    with open(path, encoding=encoding, newline="") as text:
        try:
            start = text.read(1)
            while start and (start.isspace() or start == "\ufeff"):
                start = text.read(1)
            if start != "[":
                raise UnreadableError("records" if start == "{" else "json")
            for one in ijson.items(Utf8(start, text), "item"):
                if not isinstance(one, dict):
                    raise UnreadableError("records")
                names.update(one)
                if len(names) > MOST_NAMES:
                    raise UnreadableError("columns")
                yield one
        except UnicodeDecodeError as error:
            raise UnreadableError("encoding") from error
        except (ijson.JSONError, ValueError) as error:  # a number of thousands of digits is a ValueError
            raise UnreadableError("json") from error


class Utf8:
    """A text as the UTF-8 bytes that the reader of JSON takes."""

    def __init__(self, start: str, text: Any) -> None:
        self.start, self.text = start, text

    def read(self, size: int) -> bytes:
        """Return about as many bytes; none at the end."""
        if size == 0:
            return b""
        piece, self.start = self.start or self.text.read(size), ""
        return piece.encode()


def json_cell(value: Any) -> str | None:
    """Return a value of a JSON object as a cell."""
    import simplejson

    match value:
        case Decimal():
            plain = abs(value.adjusted()) < PLAIN and -int(value.as_tuple().exponent) < PLAIN
            return f"{value:f}" if plain else str(value)
        case dict() | list():
            try:
                return simplejson.dumps(value, use_decimal=True, ensure_ascii=False, separators=(",", ":"))
            except RecursionError as error:
                raise UnreadableError("deep") from error
        case _:
            return as_text(value)


READERS: dict[str, Callable[[str, str, int], Iterator[Any]]] = {
    "xlsx": xlsx, "docx": docx, "pdf": pdf, "json": json_values, "records": records,
}  # fmt: skip


def main(kind: str, path: str, encoding: str, memory: str, seconds: str, unpacked: str) -> None:
    """Read one file and write what it holds to the standard output."""
    import logging

    logging.disable()
    megabyte = 1024 * 1024
    most, longest = int(memory) * megabyte, int(seconds)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (longest, longest))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    write = sys.stdout.write
    try:
        for line in READERS[kind](path, encoding, int(unpacked) * megabyte):
            write(json.dumps(line, ensure_ascii=True))
            write("\n")
        last = {"end": True}
    except UnreadableError as error:
        last = {"error": str(error)}
    except MemoryError:
        last = {"error": "memory"}
    except Exception:  # noqa: BLE001 (a hostile file raises anything; the parent is told that it is broken)
        last = {"error": "broken"}
    write(json.dumps(last) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
