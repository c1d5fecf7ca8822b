"""From the bytes of the wire to text: unpacked piece by piece, in the charset that it really has."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from .errors import Code, RemoteError

GZIP_OR_ZLIB = 47
RAW = -15
PIECE = 2**20
DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""", re.IGNORECASE)
KNOWN = {
    "utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be",
    "gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "gb18030": "gb18030", "x-gbk": "gb18030",
    "big5": "big5",
}  # fmt: skip
"""Charsets that are believed when they are declared; UTF-8 needs no declaration."""
WESTERN = {"iso-8859-1": "cp1252", "latin1": "cp1252", "windows-1252": "cp1252"}
"""Servers declare these without knowing, and they fit nearly everything: believed when nothing else fits."""
MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def decoded(pieces: Iterable[bytes], coding: str, limit: int) -> bytes:
    """Return the body unpacked.

    :param coding: Content-Encoding
    :raises RemoteError: it is longer than ``limit``, broken off, or packed in another way
    """
    found = bytearray()
    for piece in unpacked(pieces, coding.strip().lower()):
        found += piece
        if len(found) > limit:
            raise RemoteError(Code.TOO_LARGE, f"more than {limit} bytes")
    return bytes(found)


def unpacked(pieces: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """Yield the unpacked bytes in pieces of at most a mebibyte, however well they were packed."""
    if coding in ("", "identity"):
        yield from pieces
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise RemoteError(Code.ENCODING, coding)
    machine = None
    for piece in pieces:
        data = piece
        while data:
            if machine is None or machine.eof:
                machine = zlib.decompressobj(window(data, coding))
            yield from inflated(machine, data)
            data = machine.unused_data
    if machine is None or not machine.eof:
        raise RemoteError(Code.UNREACHABLE, "the packed answer breaks off")


def inflated(machine: Any, data: bytes) -> Iterator[bytes]:
    """Yield what packed bytes hold, up to the end of their stream."""
    try:
        while part := machine.decompress(data, PIECE):
            yield part
            data = machine.unconsumed_tail
    except zlib.error as error:
        raise RemoteError(Code.ENCODING, str(error)) from error


def window(data: bytes, coding: str) -> int:
    """Return how to unpack: some servers' ``deflate`` has no header."""
    return RAW if coding == "deflate" and data[0] & 0x0F != 8 else GZIP_OR_ZLIB


def text(body: bytes, charset: str = "") -> str:
    """Return the text of a page. What is valid UTF-8 is UTF-8, whatever it is declared to be.

    :param charset: as the header declares it; an XML declaration comes before it
    :raises RemoteError: no charset fits
    """
    for mark, name in MARKS:
        if body.startswith(mark):
            return in_charset(body[len(mark) :], name)
    if b"\0" in body[:200]:
        return in_charset(body, "utf-16-le" if body[1:2] == b"\0" else "utf-16-be")
    declared = DECLARED.match(body)
    stated = [name.lower() for name in (declared[1].decode() if declared else "", charset)]
    names = ["utf-8", *map(KNOWN.get, stated), "gb18030", *map(WESTERN.get, stated)]
    for name in filter(None, names):
        try:
            return body.decode(name)
        except UnicodeDecodeError:
            continue
    raise RemoteError(Code.CHARSET, f"neither UTF-8 nor {charset or 'GB18030'}")


def in_charset(body: bytes, name: str) -> str:
    """Return the text in a charset that the first bytes have shown.

    :raises RemoteError: it does not fit
    """
    try:
        return body.decode(name)
    except UnicodeDecodeError as error:
        raise RemoteError(Code.CHARSET, name) from error
