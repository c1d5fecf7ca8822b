"""What leads from a file back to the grant under which it was handed out; the data are never altered.

Every file is named by the number of its case and its digest is logged. A workbook (XLSX) also carries the
number, the source and where its licence stands as properties of the document: parts beside its sheets.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import zipfile
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]
from werkzeug.wrappers import Response

from .. import sheets
from . import meter
from .answers import ways
from .facts import GrantFact
from .streams import PIECE, OpenAt

LICENCE = "licence"
"""Name of the way (``answers.ways``) to the page with the licence of a grant."""
WORKBOOK = ".xlsx"
TYPES, RELATIONS, PROPERTIES = "[Content_Types].xml", "_rels/.rels", "docProps/custom.xml"
CONTENT = "application/vnd.openxmlformats-officedocument.custom-properties+xml"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
RELATION = f"{OFFICE}/relationships/custom-properties"
OWN, VALUES = f"{OFFICE}/custom-properties", f"{OFFICE}/docPropsVTypes"
SPACES = {None: OWN, "vt": VALUES}
FORMAT = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"
"""Format of custom properties (ECMA-376 Part 1, §22.3)."""
PART = 1024 * 1024
"""Bytes up to which these parts of a workbook are read; larger ones are no honest workbook's."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time of the added parts, always the same: the same grant and file give the same bytes."""
KNOWN = 1000
_digests: dict[tuple[Any, ...], str] = {}


@dataclass
class Trace:
    """One handing-out under a grant."""

    grant: GrantFact
    number: str
    sha256: str | None = None
    use_id: int | None = None

    @property
    def licence(self) -> str:
        """Return the address of the grant's licence; empty where no feature shows one."""
        return tk.url_for(ways[LICENCE], id=self.grant.id, qualified=True) if LICENCE in ways else ""

    def properties(self, source: str) -> dict[str, str]:
        """Return what a workbook says of itself."""
        return {"nmgdata_grant": self.number, "nmgdata_source": source, "nmgdata_licence": self.licence}

    def named(self, name: str) -> str:
        """Return a file name with the number of the case before its ending."""
        path = PurePosixPath(name)
        return f"{path.stem}-{self.number}{path.suffix}"

    def mark(self, answer: Response) -> None:
        """Say with the bytes on which terms they are handed out (RFC 8288)."""
        if self.licence:
            answer.headers.add("Link", f'<{self.licence}>; rel="license"')

    def hashed(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what leaves, and log its digest once all of it has."""
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
            yield piece
        if self.use_id is not None:
            meter.finish(self.use_id, digest.hexdigest())


def of(grant: GrantFact | None) -> Trace | None:
    """Return the beginning of a trace; None where there is no grant."""
    if grant is None:
        return None
    query = sa.text("SELECT number FROM nmgdata_case WHERE id = :id")
    return Trace(grant, model.Session.execute(query, {"id": grant.case_id}).scalar_one())


def digest_of(key: tuple[Any, ...], open_at: OpenAt) -> str:
    """Return the SHA-256 of a file; read once per version and process."""
    if key not in _digests:
        if len(_digests) >= KNOWN:
            _digests.clear()
        _digests[key] = digest(open_at)
    return _digests[key]


def digest(open_at: OpenAt) -> str:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    for piece in open_at(0):
        found.update(piece)
    return found.hexdigest()


# --- workbooks -----------------------------------------------------------------------------------


def in_workbook(trace: Trace, open_at: OpenAt, source: str) -> tuple[int, OpenAt] | None:
    """Return size and opener of a copy of a workbook that names its grant; None for what is no workbook.

    The parts of the workbook are taken over as they lie in it, packed, and not read.
    """
    copy: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the response, when it is collected)
    for piece in open_at(0):
        copy.write(piece)
    try:
        with zipfile.ZipFile(copy, "a") as book:
            changed = parts(partial(part, book), book.NameToInfo, trace.properties(source))
            for name, content in changed.items():
                put(book, name, content)
    except (zipfile.BadZipFile, etree.LxmlError, KeyError, ValueError, OSError, RuntimeError):
        copy.close()
        return None
    size = copy.seek(0, io.SEEK_END)

    def opened(offset: int) -> Iterator[bytes]:
        copy.seek(offset)
        yield from iter(lambda: copy.read(PIECE), b"")

    return size, opened


def of_new_workbook(trace: Trace, source: str) -> dict[str, bytes]:
    """Return the parts by which a workbook of the portal's own making (``sheets``) names its grant."""
    return parts(lambda name: sheets.PARTS[name].encode(), sheets.PARTS, trace.properties(source))


def parts(read: Callable[[str], bytes], names: Container[str], stated: dict[str, str]) -> dict[str, bytes]:
    """Return the parts of a workbook that change: its list of contents, its relations, its properties.

    :param read: returns a part by its name
    :param names: of the parts that the workbook has
    """
    relations = parsed(read(RELATIONS))
    listed = next((line for line in relations if line.get("Type") == RELATION), None)
    place = PROPERTIES if listed is None else (listed.get("Target") or "").lstrip("/")
    properties = (
        parsed(read(place)) if place in names else etree.Element(f"{{{OWN}}}Properties", nsmap=SPACES)
    )
    state(properties, stated)
    changed = {place: written(properties)}
    if listed is None:
        ids = {line.get("Id") for line in relations}
        free = next(f"rId{n}" for n in range(1, len(ids) + 2) if f"rId{n}" not in ids)
        add(relations, "Relationship", Id=free, Type=RELATION, Target=place)
        changed[RELATIONS] = written(relations)
    types = parsed(read(TYPES))
    if not any(line.get("PartName") == f"/{place}" for line in types):
        add(types, "Override", PartName=f"/{place}", ContentType=CONTENT)
        changed[TYPES] = written(types)
    return changed


def state(properties: Any, stated: dict[str, str]) -> None:
    """Put properties into a list of them, in the place of earlier ones of the same names."""
    for line in [line for line in properties if line.get("name") in stated]:
        properties.remove(line)
    for name, value in stated.items():
        line = add(properties, "property", fmtid=FORMAT, pid="0", name=name)
        etree.SubElement(line, f"{{{VALUES}}}lpwstr").text = value
    for number, line in enumerate(properties, 2):
        line.set("pid", str(number))


def add(parent: Any, tag: str, **attributes: str) -> Any:
    """Add an element of the parent's own namespace."""
    return etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{tag}", attributes)


def parsed(content: bytes) -> Any:
    """Read a part; nothing it names is fetched or put in."""
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))


def written(tree: Any) -> bytes:
    """Return a part as bytes."""
    return etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True)


def part(book: zipfile.ZipFile, name: str) -> bytes:
    """Return a small part of a workbook.

    :raises KeyError, ValueError: there is none, or it is far too large
    """
    if book.getinfo(name).file_size > PART:
        raise ValueError(name)
    with book.open(name) as file:
        return file.read(PART)


def put(book: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a part in the place of an earlier one, which is no longer in the list of contents."""
    if name in book.NameToInfo:
        book.filelist.remove(book.NameToInfo.pop(name))
    book.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
