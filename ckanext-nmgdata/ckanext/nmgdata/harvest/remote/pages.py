"""The pages of a catalogue, in order."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256

from ..records import Page, Validators
from . import parse
from .client import Client
from .errors import Code, RemoteError
from .guard import Guard
from .spec import Spec


def read(
    spec: Spec, start: str | None = None, known: Validators | None = None, client: Client | None = None
) -> Iterator[Page]:
    """Yield the pages of a catalogue; the next one is fetched and parsed while the caller uses this one.

    A catalogue without datasets is one page without records. The iterator ends normally only if everything
    was read that the catalogue says it has.

    :param start: address of a page to go on from, as ``Page.next`` gave it; None begins at the beginning
    :param known: what the first page's ``validators`` were in an earlier run that read it whole
    :raises Unchanged: the server says that a catalogue of one page is as ``known`` had it
    :raises RemoteError: whatever went wrong; the pages yielded before stand
    """
    way = Way(spec)
    asking = client or Client(spec)
    ahead = ThreadPoolExecutor(1, "harvest")
    try:
        coming: Future[Page] | None = ahead.submit(fetch, asking, start or spec.address, 0, known)
        while coming is not None:
            page, coming, trouble = coming.result(), None, None
            way.see(page)
            try:
                address = way.after(page)
            except RemoteError as error:
                address, trouble = None, error
            if address is not None:
                coming = ahead.submit(fetch, asking, address, page.number + 1, None)
            yield page
            if trouble is not None:
                raise trouble
        if start is None:
            way.arrived()
    finally:
        asking.stop()
        ahead.shutdown()
        asking.close()


def fetch(client: Client, address: str, number: int, known: Validators | None) -> Page:
    """Return one page.

    :raises Unchanged: it is as ``known`` says
    :raises RemoteError: it can not be had
    """
    return parse.page(client.get(address, known), client.spec, number)


class Way:
    """Where a run has been, so that it does not go in circles."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.guard = Guard(spec)
        self.addresses = {spec.address}
        self.contents: set[bytes] = set()
        self.read = 0
        self.total: int | None = None

    def see(self, page: Page) -> None:
        """Note a page.

        :raises RemoteError: it holds what a page before it held
        """
        self.addresses.add(page.address)
        digests = b"".join(record.digest for record in page.records)
        content = sha256(digests + repr(page.refused).encode()).digest()
        if content in self.contents:
            raise RemoteError(Code.REPEATED_PAGE, "the records of a page before", address=page.address)
        self.contents.add(content)
        self.read += len(page.records) + len(page.refused)
        self.total = page.total if page.total is not None else self.total

    def after(self, page: Page) -> str | None:
        """Return where to go on after a page.

        :raises RemoteError: it leads back, out of bounds, or on for ever
        """
        if page.next is None:
            return None
        if page.next in self.addresses:
            raise RemoteError(Code.PAGE_LOOP, f"leads back to {page.next}", address=page.address)
        if page.number + 1 >= self.spec.limits.pages:
            raise RemoteError(
                Code.TOO_MANY_PAGES, f"more than {self.spec.limits.pages}", address=page.address
            )
        self.guard.check(page.next)
        self.addresses.add(page.next)
        return page.next

    def arrived(self) -> None:
        """Make sure that nothing is missing.

        :raises RemoteError: the catalogue says that it has more
        """
        if self.spec.follow and self.total is not None and self.read < self.total:
            raise RemoteError(Code.INCOMPLETE, f"{self.read} of {self.total} records")
