"""Run harvests here and now, in as many processes as are called to one, until what they load is found."""

from __future__ import annotations

import contextvars
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ckan import model
from flask import Flask, current_app

from .. import config
from ..catalog.bulk.check import checker
from ..catalog.search.known import lexicon
from ..kernel import outbox
from ..kernel.outbox import search
from .remote import parse
from .run import Worker, inside

log = logging.getLogger(__name__)
TOGETHER = 500
"""Records after which a process brings what it has loaded into the index: few documents at once cost more."""


@dataclass
class Indexer:
    """Brings loaded datasets into the index now and then, while the next ones are loaded."""

    then: Callable[[], None] = lambda: None
    waiting: int = 0
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "index"))
    running: Future[None] | None = None

    def after_pages(self, records: int) -> None:
        """Count what was loaded."""
        self.waiting += records
        enough = min(TOGETHER, config.harvest_rate() or TOGETHER)  # no long work where search is to be fast
        if self.waiting >= enough and (self.running is None or self.running.done()):
            self.settle()
            self.waiting = 0
            app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
            within = contextvars.copy_context()
            self.running = self.thread.submit(within.run, inside, app, beside)
        self.then()

    def settle(self) -> None:
        """Wait for what is being indexed; raise what has failed."""
        if self.running is not None:
            self.running.result()


def index() -> None:
    """Bring into the index what waits for it."""
    outbox.deliver([search.TOPIC])


def beside() -> None:
    """``index`` in a thread, which has a session of its own."""
    try:
        index()
    finally:
        model.Session.remove()


def harvest(job_ids: Sequence[str], progress: Callable[[], None] = lambda: None, **ways: Any) -> None:
    """Run these jobs to their end, and index what they have loaded."""
    with helpers(job_ids, config.harvest_workers() - 1, **ways):
        work(job_ids, Indexer(progress), **ways)
    index()  # what helpers have left


def work(job_ids: Sequence[str], indexer: Indexer, **ways: Any) -> None:
    """Take part until the jobs are at their end."""
    with indexer.thread:
        Worker(only=job_ids, after_pages=indexer.after_pages, **ways).run()
    indexer.settle()
    index()


@contextmanager
def helpers(job_ids: Sequence[str], number: int, **ways: Any) -> Iterator[None]:
    """Have other processes take part within the block."""
    model.Session.remove()
    if number > 0:  # what takes its time is made once, for all
        checker()
        lexicon()
    started = [fork(job_ids, **ways) for _turn in range(number)]
    try:
        yield
    finally:
        for pid in started:
            os.waitpid(pid, 0)


def fork(job_ids: Sequence[str], **ways: Any) -> int:
    """Start a process that takes part; return its id. It shares the memory of what is loaded already."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        model.ensure_engine().dispose(close=False)  # the connections are the parent's
        work(job_ids, Indexer(), **ways)
        status = 0
    except Exception:
        log.exception("harvest: a helper has failed")
    finally:
        try:
            parse.close()
        finally:
            os._exit(status)  # whatever has happened: its parent's work is not to be done twice
