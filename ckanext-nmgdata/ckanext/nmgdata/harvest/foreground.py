"""Run harvests here and now, in as many processes as are called to one, until what they load is found."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ckan import model

from .. import config
from ..catalog.bulk.check import checker
from ..catalog.search.known import lexicon
from ..kernel import outbox
from ..kernel.outbox import search
from .remote import parse
from .run import Worker

log = logging.getLogger(__name__)
TOGETHER = 1000
"""Records after which a process brings what it has loaded into the index: few documents at once cost more."""


@dataclass
class Indexer:
    """Brings loaded datasets into the index now and then."""

    then: Callable[[], None] = lambda: None
    waiting: int = 0

    def after_pages(self, records: int) -> None:
        """Count what was loaded."""
        self.waiting += records
        if self.waiting >= TOGETHER:
            self.waiting = 0
            outbox.deliver([search.TOPIC])
        self.then()


def harvest(job_ids: Sequence[str], progress: Callable[[], None] = lambda: None, **ways: Any) -> None:
    """Run these jobs to their end, and index what they have loaded."""
    with helpers(job_ids, config.harvest_workers() - 1, **ways):
        Worker(only=job_ids, after_pages=Indexer(progress).after_pages, **ways).run()
    outbox.deliver([search.TOPIC])


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
        Worker(only=job_ids, after_pages=Indexer().after_pages, **ways).run()
        outbox.deliver([search.TOPIC])
        status = 0
    except Exception:
        log.exception("harvest: a helper has failed")
    finally:
        parse.close()
        os._exit(status)
