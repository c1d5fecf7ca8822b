"""One page over HTTP, from a server of which nothing is expected.

urllib3 knows nothing of proxies in the environment, of cookies or of ``.netrc``, and follows no redirect
unless told: what happens here is what stands here. One request has ``request_seconds`` from its resolution
to its last byte; when they are over a timer cuts the connection, so that neither slow headers nor a slow
handshake can outlast them.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

from requests.utils import parse_header_links
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError, SSLError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Url

from ..records import Validators
from . import decoding
from .errors import RETRIED, Code, RemoteError, Unchanged
from .guard import Guard, Resolver, pool, resolve
from .spec import Spec, split

AGENT = "ckanext-nmgdata (harvester)"
ACCEPT = (
    "text/turtle, application/n-triples, application/rdf+xml, application/ld+json;q=0.8, "
    "application/json;q=0.5, */*;q=0.1"
)
PIECE = 2**16
REDIRECTS = frozenset({301, 302, 303, 307, 308})
FIRST_WAIT, LONGEST_WAIT = 0.5, 20.0
STATUS = {
    401: Code.REFUSED, 403: Code.REFUSED, 404: Code.NOT_FOUND, 410: Code.GONE,
    429: Code.BUSY, 503: Code.BUSY,
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """A page as it came.

    :param address: of the last hop
    :param charset: as the header says, "" if it does not
    :param next: address of the next page by the header Link, absolute
    """

    address: str
    body: bytes
    media_type: str
    charset: str
    next: str | None
    validators: Validators | None


class Client:
    """Asks one source for its pages, one after the other; not for several threads at once."""

    def __init__(
        self,
        spec: Spec,
        *,
        resolver: Resolver = resolve,
        sleep: Callable[[float], object] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.spec = spec
        self.guard = Guard(spec, resolver)
        self.stopped = threading.Event()
        self.sleep = sleep or self.stopped.wait
        self.chance = chance
        self._pools: dict[tuple[str | None, str | None, int | None], HTTPConnectionPool] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_exception: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        for known in self._pools.values():
            known.close()
        self._pools.clear()
        self.guard.close()

    def stop(self) -> None:
        """End what is under way in another thread, pauses included."""
        self.stopped.set()
        self.guard.end()

    def get(self, address: str, known: Validators | None = None, accept: str = ACCEPT) -> Answer:
        """Return a page; a network or server that fails is asked again, each time after a longer pause.

        :raises Unchanged: it is as ``known`` says
        :raises RemoteError: it can not be had
        """
        for attempt in range(1, self.spec.limits.attempts + 1):
            try:
                return self.once(address, known, accept)
            except RemoteError as error:
                wait = self.pause(error, attempt)
                if wait is None:
                    raise
                self.sleep(wait)
        raise AssertionError("unreachable")

    def pause(self, error: RemoteError, attempt: int) -> float | None:
        """Return how many seconds to wait before the next attempt, None to give up."""
        last = attempt >= self.spec.limits.attempts
        if error.code not in RETRIED or last or self.stopped.is_set():
            return None
        asked = error.retry_after or 0
        if asked > self.spec.limits.retry_after_seconds:
            return None
        return max(asked, self.chance() * min(LONGEST_WAIT, FIRST_WAIT * 2**attempt))

    def once(self, address: str, known: Validators | None, accept: str) -> Answer:
        """Return a page, redirects followed, by one attempt within its time."""
        self.guard.was_cut = False
        timer = threading.Timer(self.spec.limits.request_seconds, self.guard.cut)
        timer.daemon = True
        timer.start()
        try:
            found = self.follow(address, known, accept)
        except RemoteError as error:
            error.address = error.address or address
            raise
        except (HTTPError, OSError, ValueError) as error:
            self.close()
            code = Code.TIMEOUT if self.guard.was_cut else code_of(error)
            raise RemoteError(code, type(error).__name__, address=address) from error
        finally:
            timer.cancel()
        if self.guard.was_cut:
            raise RemoteError(Code.TIMEOUT, "cut", address=address)
        return found

    def follow(self, address: str, known: Validators | None, accept: str) -> Answer:
        """Ask, and ask again where a redirect leads to; every hop is checked like the first."""
        for _hop in range(self.spec.limits.redirects + 1):
            url = self.guard.check(address)
            reply = self.send(url, headers(self.spec, url, known, accept))
            try:
                if reply.status not in REDIRECTS:
                    return self.read(reply, address)
            except BaseException:
                reply.close()
                raise
            reply.close()
            target = urljoin(address, reply.headers.get("Location", ""))
            if url.scheme == "https" and not target.lower().startswith("https:"):
                raise RemoteError(Code.INSECURE_REDIRECT, address=address)
            address = target
        raise RemoteError(Code.REDIRECTS, address=address)

    def send(self, url: Url, said: dict[str, str]) -> BaseHTTPResponse:
        """Send the request; the body is not read yet."""
        key = (url.scheme, url.host, url.port)
        if key not in self._pools:
            self._pools[key] = pool(url, self.guard)
        return self._pools[key].urlopen(
            "GET", url.request_uri, headers=said, redirect=False, retries=False,
            preload_content=False, decode_content=False,
        )  # fmt: skip

    def read(self, reply: BaseHTTPResponse, address: str) -> Answer:
        """Return the answer with its body.

        :raises Unchanged: 304
        :raises RemoteError: any other status than 200, or a body beyond the limits
        """
        if reply.status == 304:
            raise Unchanged(address)
        if reply.status != 200:
            server = Code.SERVER if reply.status >= 500 else Code.STATUS
            code = STATUS.get(reply.status, server)
            raise RemoteError(code, f"status {reply.status}", address=address, retry_after=retry_after(reply))
        limit = self.spec.limits.page_bytes
        if int(reply.headers.get("Content-Length") or 0) > limit:
            raise RemoteError(Code.TOO_LARGE, f"more than {limit} bytes are announced", address=address)
        coding = reply.headers.get("Content-Encoding", "")
        body = decoding.decoded(self.pieces(reply), coding, limit)
        media, charset = media_type(reply.headers.get("Content-Type", ""))
        return Answer(address, body, media, charset, next_link(reply, address), validators(reply))

    def pieces(self, reply: BaseHTTPResponse) -> Iterator[bytes]:
        """Yield the body as it comes over the wire.

        :raises RemoteError: on average it comes too slowly
        """
        limits = self.spec.limits
        began, got = time.monotonic(), 0
        while piece := reply.read1(PIECE, decode_content=False):
            got += len(piece)
            spent = time.monotonic() - began
            if spent > limits.read_seconds and got < limits.slowest * spent:
                self.close()
                raise RemoteError(Code.TOO_SLOW, f"{got} bytes in {spent:.0f} s")
            yield piece


def headers(spec: Spec, url: Url, known: Validators | None, accept: str) -> dict[str, str]:
    """Return the headers of a request; credentials for the source's own origins only."""
    said = {"User-Agent": AGENT, "Accept": accept, "Accept-Encoding": "gzip, deflate"}
    if known and known.etag:
        said["If-None-Match"] = known.etag
    if known and known.modified:
        said["If-Modified-Since"] = known.modified
    if spec.credentials and origin(url) in {origin(split(own)) for own in (spec.address, spec.feed) if own}:
        secret = os.environ.get(spec.credentials, "").strip()
        if not secret:
            raise RemoteError(Code.CREDENTIALS, f"{spec.credentials} is not set")
        said["Authorization"] = secret
    return said


def origin(url: Url) -> tuple[str | None, str | None, int | None]:
    """Return what has to agree for a secret to be sent."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme or "")


def code_of(error: Exception) -> Code:
    """Return the code of a failure of the network."""
    if isinstance(error, SSLError):
        return Code.CERTIFICATE
    if isinstance(error, (ReadTimeoutError, TimeoutError)) and not isinstance(error, NewConnectionError):
        return Code.TIMEOUT
    return Code.UNREACHABLE


def retry_after(reply: BaseHTTPResponse) -> float | None:
    """Return the seconds that a server asks to wait; a date counts from the answer's own."""
    said = reply.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", said):
        return float(said)
    try:
        pause = parsedate_to_datetime(said) - parsedate_to_datetime(reply.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, pause.total_seconds())


def media_type(header: str) -> tuple[str, str]:
    """Return media type and charset of an answer in lower case."""
    media, _, parameters = header.partition(";")
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", parameters, re.IGNORECASE)
    return media.strip().lower(), charset[1].lower() if charset else ""


def next_link(reply: BaseHTTPResponse, address: str) -> str | None:
    """Return the next page by the header Link (RFC 8288)."""
    for link in parse_header_links(reply.headers.get("Link", "")[:10_000]):
        if link.get("rel") == "next" and link.get("url"):
            return urljoin(address, link["url"])
    return None


def validators(reply: BaseHTTPResponse) -> Validators | None:
    """Return by what the page can be asked for conditionally."""
    etag, modified = reply.headers.get("ETag"), reply.headers.get("Last-Modified")
    return Validators(etag, modified) if etag or modified else None
