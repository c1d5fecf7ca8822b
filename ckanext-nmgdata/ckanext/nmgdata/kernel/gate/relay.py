"""Pass on the bytes behind a conditional link without ever disclosing the link.

The address was typed by somebody, so every hop is resolved once, checked and connected to that
very address (no private networks, unless the host is a named exception). Nothing is sent before
the first piece was seen to be what was promised; what goes wrong later cuts the connection, so
that half a file never looks whole.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from ckan import model
from ckan.plugins import toolkit as tk
from flask import Response
from requests_hardened import Config, HTTPSession
from urllib3.exceptions import HTTPError
from werkzeug.http import parse_content_range_header, parse_range_header

from ... import config
from .streams import PIECE, Body, OpenAt, StillOpen, at_most, skip
from .trace import Trace
from .trouble import LinkTrouble, Trouble

TIMEOUT = (3.05, 15)
"""Seconds to connect, and between two pieces."""
MAX_REDIRECTS = 3
PASSED_ON = ("Content-Type", "Content-Range", "ETag", "Last-Modified")
PAGES = frozenset({"html", "htm", "xhtml", "shtml", ""})
"""Formats of which a web page is no surprise."""


@dataclass
class Source:
    """What the department's server answered, its first piece already read."""

    reply: requests.Response
    first: bytes
    rest: Iterator[bytes]

    @property
    def size(self) -> int | None:
        """Return the number of bytes in this answer, None where the server does not say or packs them."""
        length = self.reply.headers.get("Content-Length", "")
        return int(length) if length.isdigit() and not packed(self.reply) else None

    @property
    def start(self) -> int:
        """Return the place in the file at which this answer begins."""
        given = parse_content_range_header(self.reply.headers.get("Content-Range"))
        return (given.start or 0) if given and self.reply.status_code == 206 else 0

    def bytes(self) -> Iterator[bytes]:
        """Yield the answer from its first byte."""
        return itertools.chain([self.first] if self.first else [], self.rest)


def response(
    url: str, resource: model.Resource, still_open: StillOpen, traced: Trace | None = None
) -> Response:
    """Return a response that streams the file behind a link; under a grant its digest is logged.

    :raises LinkTrouble: the link leads to no file; nothing has been sent yet
    """
    source = begin(url)
    try:
        check(source, resource)
    except LinkTrouble:
        source.reply.close()
        raise
    status, headers, stream = as_asked(source)
    if traced and status == 200:
        stream = traced.hashed(stream)
    answer = Response(
        Body(lambda _offset: closing(source.reply, stream), still_open),
        status=status,
        direct_passthrough=True,
    )
    for header in PASSED_ON:
        if header in source.reply.headers:
            answer.headers[header] = source.reply.headers[header]
    for header, value in headers.items():
        answer.headers[header] = value
    if tk.request.method == "HEAD":
        source.reply.close()
    return answer


def whole(url: str, resource: model.Resource) -> OpenAt:
    """Return the opener of all the bytes behind a link, whatever part of them is asked for.

    It raises ``LinkTrouble`` whenever something goes wrong.
    """

    def open_at(_offset: int) -> Iterator[bytes]:
        source = begin(url, "GET", part=False)
        try:
            check(source, resource)
            yield from source.bytes()
        except HTTPError as error:
            raise LinkTrouble(Trouble.FAILED) from error
        finally:
            source.reply.close()

    return open_at


def begin(url: str, method: str | None = None, *, part: bool = True) -> Source:
    """Open a link and read its first piece.

    :param method: another one than the request's
    :param part: whether the range that the request asks for is enough
    """
    until = time.monotonic() + config.relay_seconds()
    try:
        reply = fetch(url, method or tk.request.method, part=part)
        if reply.request.method == "HEAD" and reply.status_code in (403, 405, 501):
            reply.close()
            reply = fetch(url, "GET")
        rest = limited(reply, until)
        first = next(rest, b"") if reply.request.method == "GET" else b""
    except (requests.RequestException, HTTPError) as error:
        raise LinkTrouble(Trouble.UNREACHABLE) from error
    return Source(reply, first, rest)


def fetch(url: str, method: str, *, part: bool = True) -> requests.Response:
    """Send the request; bytes are asked for as they are, not packed."""
    headers = {"Accept-Encoding": "identity"}
    for name in ("Range", "If-Range"):
        if part and one_range() and name in tk.request.headers:
            headers[name] = tk.request.headers[name]
    with session_for(url) as session:
        return session.request(method, url, headers=headers, stream=True, timeout=TIMEOUT)


def one_range() -> Any:
    """Return the range that is asked for; None without one, or for several, which may be ignored."""
    wanted = parse_range_header(tk.request.headers.get("Range"))
    return wanted if wanted and wanted.units == "bytes" and len(wanted.ranges) == 1 else None


def session_for(url: str) -> requests.Session:
    """Return a session that reaches public addresses only, or one for a named private host."""
    named = (urlsplit(url).netloc or "").lower() in config.private_hosts()
    session = HTTPSession(
        Config(
            ip_filter_enable=not named,
            ip_filter_allow_loopback_ips=False,
            never_redirect=named,
            default_timeout=TIMEOUT,
        )
    )
    session.max_redirects = MAX_REDIRECTS
    session.trust_env = False
    return session


def limited(reply: requests.Response, until: float) -> Iterator[bytes]:
    """Yield the body piece by piece; too long or too late raises, which cuts the connection."""
    left = config.relay_bytes()
    for piece in reply.raw.stream(PIECE, decode_content=packed(reply)):
        left -= len(piece)
        if left < 0 or time.monotonic() > until:
            raise HTTPError("the limits of passing on are reached")
        yield piece


def packed(reply: requests.Response) -> bool:
    """Say whether a server has packed the bytes although it was asked not to."""
    return reply.headers.get("Content-Encoding", "identity").lower() not in ("", "identity")


def check(source: Source, resource: model.Resource) -> None:
    """Make sure that the answer is what the resource promises.

    :raises LinkTrouble: it is an error, too large, or a page (of an error, of a login) for a file
    """
    reply = source.reply
    if reply.status_code == 416:
        return
    if reply.status_code not in (200, 206):
        raise LinkTrouble(Trouble.REFUSED if reply.status_code < 500 else Trouble.FAILED)
    if (source.size or 0) > config.relay_bytes():
        raise LinkTrouble(Trouble.TOO_LARGE)
    if (resource.format or "").strip().lower() not in PAGES and source.start == 0 and is_page(source):
        raise LinkTrouble(Trouble.PAGE)


def is_page(source: Source) -> bool:
    """Say whether an answer is a web page, by its declared type or its first bytes."""
    declared = source.reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    begins = source.first[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return declared in ("text/html", "application/xhtml+xml") or begins.startswith(
        (b"<!doctype html", b"<html")
    )


def as_asked(source: Source) -> tuple[int, dict[str, str], Iterator[bytes]]:
    """Return status, headers and bytes for the range that was asked for, also where the server ignores it."""
    headers = {"Accept-Ranges": "bytes"}
    size, wanted = source.size, one_range()
    if wanted and source.reply.status_code == 200 and size and unchanged(source.reply):
        part = wanted.range_for_length(size)
        if part is None:
            headers["Content-Range"] = f"bytes */{size}"
            return 416, headers, iter(())
        start, stop = part
        headers |= {"Content-Range": f"bytes {start}-{stop - 1}/{size}", "Content-Length": str(stop - start)}
        return 206, headers, at_most(skip(source.bytes(), start), stop - start)
    if size is not None:
        headers["Content-Length"] = str(size)
    return source.reply.status_code, headers, source.bytes()


def unchanged(reply: requests.Response) -> bool:
    """Say whether the file still is the one of which the rest is asked for."""
    known = tk.request.headers.get("If-Range")
    return known is None or known in (reply.headers.get("ETag"), reply.headers.get("Last-Modified"))


def closing(reply: requests.Response, stream: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a stream and close its connection at the end, whatever happens."""
    try:
        yield from stream
    finally:
        reply.close()
