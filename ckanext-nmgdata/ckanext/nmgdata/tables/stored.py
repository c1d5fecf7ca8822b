"""A copy of an uploaded file to work on: read from the storage itself, never over HTTP.

The copy is consistent whatever happens to the original meanwhile, works for every kind of storage,
and while it is made its digest, encoding and nature are found out.
"""

from __future__ import annotations

import codecs
import hashlib
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ckan import model
from ckan.lib import files

from .. import vocab
from ..kernel.gate.stored import StoredFile

CHUNK = 1024 * 1024
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
XLSX, JSON, DOCX, PDF, TEXT, OTHER = "xlsx", "json", "docx", "pdf", "text", "other"
RECORDS = "records"
"""A JSON file that is to be a table: a list of objects."""
SAMPLE = 32 * 1024


class MissingError(Exception):
    """There is no such file in the storage."""


class TooLargeError(Exception):
    """The file is larger than what the caller wants to look at."""


@dataclass(frozen=True)
class Copy:
    """A file on local disk, and what the bytes say about themselves."""

    path: Path
    size: int
    digest: str
    kind: str
    encoding: str
    """For text: how it is to be decoded; ``surrogateescape`` marks what does not fit."""


@contextmanager
def copy_of(resource: model.Resource, most_bytes: int) -> Iterator[Copy]:
    """Provide a copy of a resource's file, deleted afterwards.

    :raises MissingError: when the storage has no such file
    :raises TooLargeError: when it has more than ``most_bytes``
    """
    with tempfile.NamedTemporaryFile(prefix="nmgdata-") as target:
        hashed, judge, size = hashlib.sha256(), Encodings(), 0
        for piece in pieces(resource):
            size += len(piece)
            if size > most_bytes:
                raise TooLargeError
            hashed.update(piece)
            judge.see(piece)
            target.write(piece)
        target.flush()
        path = Path(target.name)
        yield Copy(path, size, hashed.hexdigest(), kind_of(path), judge.verdict())


def pieces(resource: model.Resource) -> Iterator[bytes]:
    """Yield the bytes of an upload."""
    stored = StoredFile(resource.id, resource.url or "")
    try:
        if not stored.exists():
            raise MissingError(resource.id)
        yield from stored.pieces()
    except (FileNotFoundError, files.exc.MissingFileError, files.exc.LocationError) as error:
        raise MissingError(resource.id) from error


class Encodings:
    """Finds the encoding of a text by decoding all of it, piece by piece."""

    def __init__(self) -> None:
        """Begin with everything possible."""
        self.head = b""
        self.utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")("strict")
        self.mostly_utf8 = True
        self.recent = b""

    def see(self, piece: bytes) -> None:
        """Take more bytes into account."""
        if len(self.head) < SAMPLE:
            self.head += piece[: SAMPLE - len(self.head)]
        if self.utf8 is None:
            return
        try:
            self.utf8.decode(piece)
        except UnicodeDecodeError as error:
            self.utf8 = None
            self.mostly_utf8 = is_mostly_utf8(self.recent + piece[: max(0, error.start) + SAMPLE])
        self.recent = (self.recent + piece)[-SAMPLE:]

    def verdict(self) -> str:
        """Return the encoding: by mark, by the pattern of zero bytes, UTF-8, or else GB18030."""
        for mark, name in BOMS.items():
            if self.head.startswith(mark):
                return name
        return utf16(self.head[:SAMPLE]) or ("utf-8" if self.utf8 or self.mostly_utf8 else "gb18030")


def is_mostly_utf8(text: bytes) -> bool:
    """Say whether a text that is not UTF-8 at one place is so around it: a few bad rows, no GB18030."""
    around = text.decode("utf-8", "surrogateescape")
    bad = sum("\udc80" <= char <= "\udcff" for char in around)
    good = sum(char > "\x7f" for char in around) - bad
    return good > bad


def utf16(head: bytes) -> str | None:
    """Return which UTF-16 a text without a mark is: Latin signs in it have a zero on one side."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) <= len(head) // 20 or max(even, odd) < 4 * min(even, odd):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def kind_of(path: Path) -> str:
    """Return what a file is by its content; what its name or its department says does not count."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"PK\x03\x04"):
        return kind_of_archive(path)
    if head.lstrip()[:5] == b"%PDF-":
        return PDF
    if b"\x00" in head and not head.startswith(tuple(BOMS)) and not utf16(head):
        return OTHER
    if any(head.startswith(sign) for sign in BINARY):
        return OTHER
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    return JSON if start in (b"{", b"[") else TEXT


BINARY = (b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")
"""Old Office files, images and archives that need not hold a zero byte early on."""


def to_be_table(copy: Copy, declared: str | None) -> Copy:
    """Return a copy as its table is read: a text whose department calls it JSON is one, in any encoding."""
    media = vocab.media_format(declared)
    as_records = media is not None and media["slug"] == "json" and copy.kind in (JSON, TEXT)
    return replace(copy, kind=RECORDS) if as_records else copy


def kind_of_archive(path: Path) -> str:
    """Return which Office format a ZIP file is."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return OTHER
    if "xl/workbook.xml" in names:
        return XLSX
    return DOCX if "word/document.xml" in names else OTHER
