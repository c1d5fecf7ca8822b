"""The pages of a catalogue, in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import sha256

from ..records import Page, Validators
from . import parse
from .client import Client
from .errors import Code, RemoteError
from .guard import Guard
from .spec import MIB, Spec

AT_ONCE = 2
"""Pages that may be asked for and parsed at once."""
AHEAD, AHEAD_BYTES = 8, 4 * MIB
"""Pages that may be on their way or wait while the caller uses others: so many, of so many bytes."""


def read(
    spec: Spec, start: str | None = None, known: Validators | None = None, client: Client | None = None
) -> Iterator[Page]:
    """Yield the pages of a catalogue; the next ones are fetched and parsed while the caller uses this one.

    A catalogue without datasets is one page without records. The iterator ends normally only if everything
    was read that the catalogue says it has.

    :param start: address of a page to go on from, as ``Page.next`` gave it; None begins at the beginning
    :param known: what the first page's ``validators`` were in an earlier run that read it whole
    :raises Unchanged: the server says that a catalogue of one page is as ``known`` had it
    :raises RemoteError: whatever went wrong; the pages yielded before stand
    """
    way = Way(spec)
    coming = Coming(way, client or Client(spec))
    try:
        step = coming.begin(start or spec.address, known)
        while step is not None:
            page = step.page.result()
            way.see(page)
            following = coming.take()
            yield replace(page, is_followed=following is not None and following.page.done())
            if step.trouble is not None:
                raise step.trouble
            step = following or coming.first()
        if start is None:
            way.arrived()
    finally:
        coming.end()


@dataclass
class Step:
    """One page on its way."""

    number: int
    address: str
    page: Future[Page] = field(default_factory=Future)
    is_heard: bool = False
    """Whether it is known where to go on after it."""
    following: str | None = None
    trouble: RemoteError | None = None
    """Why it is not gone on after it, though there is more."""


class Coming:
    """The pages on their way: each is asked for as soon as the one before it says where it is.

    One request at a time goes to the source; two pages may be parsed at once, where a child is idle.
    """

    def __init__(self, way: Way, client: Client) -> None:
        self.way = way
        self.client = client
        self.steps: deque[Step] = deque()
        self.lock = threading.RLock()
        self.asking = threading.Lock()
        self.threads = ThreadPoolExecutor(AT_ONCE, "harvest")
        self.last: Step | None = None
        self.is_over = False

    def begin(self, address: str, known: Validators | None) -> Step:
        """Set out; return the first page."""
        with self.lock:
            return self.set_out(Step(0, address), known)

    def first(self) -> Step | None:
        """Return the page that comes next, None after the last."""
        with self.lock:
            self.go_on(at_least=1)
            return self.steps[0] if self.steps else None

    def take(self) -> Step | None:
        """Let the first page go, which has come; return the next, if it is on its way."""
        with self.lock:
            self.steps.popleft()
            self.go_on(at_least=1)
            return self.steps[0] if self.steps else None

    def end(self) -> None:
        """Leave what is on its way."""
        with self.lock:
            self.is_over = True
        self.client.stop()
        self.threads.shutdown()
        self.client.close()

    def set_out(self, step: Step, known: Validators | None = None) -> Step:
        """Ask for a page."""
        self.steps.append(step)
        self.last = step
        step.page = self.threads.submit(self.fetch, step, known)
        step.page.add_done_callback(self.come)
        return step

    def go_on(self, at_least: int) -> None:
        """Ask for the page after the last one asked for, if it is known where it is and there is room."""
        last = self.last
        if last is None or self.is_over or last.following is None:
            return
        if len(self.steps) < at_least or (self.has_room() and parse.has_room()):
            self.set_out(Step(last.number + 1, last.following))

    def has_room(self) -> bool:
        """Say whether one page more may be on its way."""
        come = [step.page for step in self.steps if step.page.done()]
        if len(self.steps) - len(come) >= AT_ONCE or len(self.steps) >= AHEAD:
            return False
        return sum(page.result().read for page in come if page.exception() is None) < AHEAD_BYTES

    def fetch(self, step: Step, known: Validators | None) -> Page:
        """Return one page.

        :raises Unchanged: it is as ``known`` says
        :raises RemoteError: it can not be had
        """
        with self.asking:
            answer = self.client.get(step.address, known)

        def hear(following: str | None) -> None:
            self.heard(step, answer.address, following)

        page = parse.page(answer, self.client.spec, step.number, hear)
        self.heard(step, page.address, page.next)
        return page

    def come(self, _page: Future[Page]) -> None:
        """Go on where a page has come and so made room."""
        with self.lock:
            self.go_on(at_least=0)

    def heard(self, step: Step, address: str, following: str | None) -> None:
        """Note where to go on after a page, and go on."""
        with self.lock:
            if step.is_heard:
                return
            step.is_heard = True
            try:
                step.following = self.way.after(step.number, address, following)
            except RemoteError as error:
                step.trouble = error
            self.go_on(at_least=0)


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
        digests = b"".join(record.digest for record in page.records)
        content = sha256(digests + repr(page.refused).encode()).digest()
        if content in self.contents:
            raise RemoteError(Code.REPEATED_PAGE, "the records of a page before", address=page.address)
        self.contents.add(content)
        self.read += len(page.records) + len(page.refused)
        self.total = page.total if page.total is not None else self.total

    def after(self, number: int, address: str, following: str | None) -> str | None:
        """Return where to go on after a page.

        :param address: of that page, after redirects
        :raises RemoteError: it leads back, out of bounds, or on for ever
        """
        self.addresses.add(address)
        if following is None:
            return None
        if following in self.addresses:
            raise RemoteError(Code.PAGE_LOOP, f"leads back to {following}", address=address)
        if number + 1 >= self.spec.limits.pages:
            raise RemoteError(Code.TOO_MANY_PAGES, f"more than {self.spec.limits.pages}", address=address)
        self.guard.check(following)
        self.addresses.add(following)
        return following

    def arrived(self) -> None:
        """Make sure that nothing is missing.

        :raises RemoteError: the catalogue says that it has more
        """
        if self.spec.follow and self.total is not None and self.read < self.total:
            raise RemoteError(Code.INCOMPLETE, f"{self.read} of {self.total} records")
