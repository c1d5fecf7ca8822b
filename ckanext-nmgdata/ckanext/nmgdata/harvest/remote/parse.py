"""Have a page read by a limited child process (``child``), and take back what it found.

Children are kept and used again, for starting one costs as much as reading a hundred records. One that dies,
hangs or answers nonsense spoils its page and nothing else. What a child says is read as lengths, JSON and
bytes; nothing of it can make this process run anything.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from ..records import Page, Record, Refused
from .child import AHEAD, receive, send
from .client import Answer
from .errors import Code, RemoteError
from .spec import MIB, Spec

MODULE = f"{__package__}.child"
ROOT = str(Path(__file__).parents[4])
KEPT = 2
"""Children that wait for work; more may work at once."""
SOON = 0.25
"""Seconds to wait for one of them before another is started: a page takes a tenth, a bad one much longer."""
PAGES = 500
"""After so many pages a child has earned its rest: memory that no limit counts."""
WALL = 3
"""Times the CPU limit."""
LONGEST_ANSWER = 1024 * MIB
Hear = Callable[[str | None], None]
"""Told the address of the next page before the page itself is read, None where there is none."""
DIED_OF = {
    signal.SIGXCPU: Code.PARSE_TIME,
    signal.SIGABRT: Code.PARSE_MEMORY,
    signal.SIGKILL: Code.PARSE_MEMORY,
}


class Child:
    """One process."""

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.pages = 0
        self.process = subprocess.Popen(  # noqa: S603 - our own module by our own Python
            [sys.executable, "-P", "-m", MODULE, str(memory)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": ROOT}, start_new_session=True,
        )  # fmt: skip

    @property
    def orders(self) -> IO[bytes]:
        """Return where orders go."""
        return cast("IO[bytes]", self.process.stdin)

    @property
    def answers(self) -> IO[bytes]:
        """Return where answers come from."""
        return cast("IO[bytes]", self.process.stdout)

    def ask(
        self, head: dict[str, Any], body: bytes, seconds: float, hear: Hear | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """Give an order and wait for its answer.

        :raises RemoteError: the child has not survived it
        """
        self.pages += 1
        late = threading.Event()

        def expire() -> None:
            late.set()
            self.process.kill()

        watch = threading.Timer(seconds, expire)
        watch.daemon = True
        watch.start()
        try:
            send(self.orders, head, body)
            said, triples = receive(self.answers, LONGEST_ANSWER)
            if AHEAD in said:
                if hear is not None:
                    hear(said[AHEAD])
                said, triples = receive(self.answers, LONGEST_ANSWER)
        except (OSError, EOFError, ValueError) as error:
            raise RemoteError(Code.PARSE_TIME if late.is_set() else self.cause()) from error
        finally:
            watch.cancel()
        if said.get("error") == Code.PARSE_MEMORY:
            raise RemoteError(Code.PARSE_MEMORY)
        return said, triples

    def cause(self) -> Code:
        """Return of what the child has died, or that it talks nonsense."""
        self.end()
        return DIED_OF.get(signal.Signals(max(1, -(self.process.returncode or 0))), Code.PARSER_DIED)

    def end(self) -> None:
        """End the process."""
        for stream in (self.orders, self.answers):
            with suppress(OSError):
                stream.close()
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Pool:
    """Children that wait for work. A process that was forked does not use its parent's."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.idle: list[Child] = []
        self.busy = 0
        """Children that read a page just now."""
        self.lock = threading.Condition()

    @contextmanager
    def child(self, memory: int) -> Iterator[Child]:
        """Lend a child that has so much memory; one that has failed is not taken back."""
        worker = self.take(memory)
        try:
            worker = worker or Child(memory)
            yield worker
        except BaseException:
            self.give(None)
            if worker is not None:
                worker.process.kill()
                worker.end()
            raise
        self.give(worker)

    def take(self, memory: int) -> Child | None:
        """Return a child that waits, or is back soon; None where a new one is to be started."""
        with self.lock:
            if self.owner != os.getpid():
                self.owner, self.idle, self.busy = os.getpid(), [], 0
            self.lock.wait_for(lambda: self.fitting(memory) or self.busy < KEPT, SOON)
            fitting = self.fitting(memory)
            if fitting is not None:
                self.idle.remove(fitting)
            self.busy += 1
            return fitting

    def fitting(self, memory: int) -> Child | None:
        """Return a child that waits."""
        return next((each for each in self.idle if each.memory == memory), None)

    def give(self, worker: Child | None) -> None:
        """Keep a child for later, or let it go; None is one that has failed."""
        with self.lock:
            self.busy -= 1
            self.lock.notify()
            has_place = len(self.idle) < KEPT and self.owner == os.getpid()
            if worker is not None and worker.pages < PAGES and has_place:
                self.idle.append(worker)
                return
        if worker is not None:
            worker.end()

    def close(self) -> None:
        """Let the children go that wait; those of the process that this one was forked of are not ours."""
        with self.lock:
            idle, self.idle = (self.idle if self.owner == os.getpid() else []), []
        for worker in idle:
            worker.end()


_pool = Pool()


def has_room() -> bool:
    """Say whether a page more may be read beside those that are: there are children for two."""
    return _pool.busy < KEPT


def ask(
    task: str, answer: Answer, spec: Spec, hear: Hear | None = None
) -> tuple[dict[str, Any], list[Record]]:
    """Have a page read; return what the child says of it, and its records.

    :param task: one of ``child.TASKS``
    :raises RemoteError: the page can not be used
    """
    limits = spec.limits
    order = {
        "address": answer.address, "charset": answer.charset, "format": spec.format,
        "literal_bytes": limits.literal_bytes, "record_bytes": limits.record_bytes,
        "record_triples": limits.record_triples,
    }  # fmt: skip
    head = {"task": task, "order": order, "seconds": limits.parse_seconds}
    try:
        with _pool.child(limits.parse_bytes) as worker:
            said, triples = worker.ask(head, answer.body, limits.parse_seconds * WALL, hear)
    except RemoteError as error:
        error.address = answer.address
        raise
    try:
        if "error" not in said:
            return said, records(said["records"], triples)
        trouble = RemoteError(Code(said["error"]), str(said["detail"]), address=answer.address)
    except (KeyError, TypeError, ValueError) as error:
        raise RemoteError(Code.PARSER_DIED, "it talks nonsense", address=answer.address) from error
    raise trouble


def records(heads: list[list[Any]], triples: bytes) -> list[Record]:
    """Return the records whose triples follow one another."""
    found, at = [], 0
    for identifier, subject, digest, length in heads:
        found.append(Record(identifier, subject, bytes.fromhex(digest), triples[at : at + length]))
        at += length
    return found


def page(answer: Answer, spec: Spec, number: int = 0, hear: Hear | None = None) -> Page:
    """Return a fetched page of a catalogue, parsed.

    :param hear: told where the next page is, while this one is still being read
    :raises RemoteError: it can not be used
    """

    def after(stated: Any) -> str | None:
        return (stated or answer.next) if spec.follow else None

    said, found = ask("catalogue", answer, spec, hear and (lambda stated: hear(after(stated))))
    return Page(
        address=answer.address,
        number=number,
        records=tuple(found),
        refused=tuple(Refused(*each) for each in said["refused"]),
        next=after(said["next"]),
        total=said["total"],
        read=len(answer.body),
        validators=answer.validators,
    )


def close() -> None:
    """End the children that wait; the next page starts one anew."""
    _pool.close()
