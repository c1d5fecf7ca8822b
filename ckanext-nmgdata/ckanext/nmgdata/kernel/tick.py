"""The resident loop: outbox at once, sweep every minute. One leader at a time, by advisory lock.

Everything it does can also be done by ``--once`` from cron, and running it twice does no harm.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from . import outbox
from .context import own_request
from .gate import counts
from .outbox import queue
from .workflow import sweep

log = logging.getLogger(__name__)
LOCK = 0x6E6D6764
"""Key of the leader's advisory lock ("nmgd")."""
PAUSE = 2.0
"""Seconds between two looks at the outbox when nobody wakes the loop."""
SWEEP_EVERY = 60.0
PURGE_EVERY = 3600.0
_chores: dict[str, Callable[[], Any]] = {}
_frequent: dict[str, Callable[[], Any]] = {}
_beside: dict[str, Callable[[threading.Event], None]] = {}


def minutely(work: Callable[[], Any]) -> None:
    """Have something done with every sweep; may be asked again."""
    _frequent[f"{work.__module__}.{work.__qualname__}"] = work


def hourly(work: Callable[[], Any]) -> None:
    """Have something done once an hour; may be asked again."""
    _chores[f"{work.__module__}.{work.__qualname__}"] = work


def beside(work: Callable[[threading.Event], None]) -> None:
    """Have something run beside the loop of the leader until it is told to stop; may be asked again.

    It does its work at least once, also when it is told to stop from the beginning (``--once``).
    """
    _beside[f"{work.__module__}.{work.__qualname__}"] = work


def purge() -> None:
    """Delete what is no longer needed."""
    for work in (queue.purge, *_chores.values()):
        guarded(work)


def once() -> None:
    """Do everything that is due now."""
    over = threading.Event()
    over.set()
    for work in _beside.values():
        guarded(partial(work, over))
    deliver()
    sweep_now()
    purge()


def deliver() -> None:
    """Deliver what the outbox holds."""
    guarded(outbox.deliver)


def sweep_now() -> None:
    """Send reminders, fire steps that the clock made due, close the hourly buckets and the day's."""
    done = guarded(sweep.sweep)
    guarded(counts.audit_refusals)
    guarded(counts.ask_for_refresh)
    for work in _frequent.values():
        guarded(work)
    deliver()
    if done and (done.notices or done.steps or done.errors):
        log.info("sweep: %s notices, %s steps, %s errors", done.notices, done.steps, done.errors)


def guarded(work: Callable[[], Any]) -> Any:
    """Run one part of the loop; an error in it is logged and does not end the loop."""
    try:
        with own_request():
            return work()
    except Exception:
        log.exception("tick: %s failed", getattr(work, "__name__", work))
        return None
    finally:
        model.Session.remove()


def forever(stop: threading.Event) -> None:
    """Run until told to stop; wait for leadership first, and again after a lost connection."""
    while not stop.is_set():
        try:
            with model.ensure_engine().connect() as connection:
                lead(connection, stop)
        except DBAPIError as error:
            log.warning("tick: database connection lost, trying again: %s", error.orig)
            stop.wait(PAUSE)


def lead(connection: Connection, stop: threading.Event) -> None:
    """Take the lock, listen, and work in turns until told to stop."""
    autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
    while not autocommit.scalar(sa.select(sa.func.pg_try_advisory_lock(LOCK))):
        if stop.wait(PAUSE):
            return
    autocommit.execute(sa.text(f"LISTEN {queue.CHANNEL}"))
    log.info("tick: leading")
    next_sweep = next_purge = 0.0
    with companions():
        while not stop.is_set():
            autocommit.execute(sa.text("SELECT 1"))
            deliver()
            if time.monotonic() >= next_sweep:
                sweep_now()
                next_sweep = time.monotonic() + SWEEP_EVERY
            if time.monotonic() >= next_purge:
                purge()
                next_purge = time.monotonic() + PURGE_EVERY
            wait_for_work(autocommit, stop)


@contextmanager
def companions() -> Iterator[None]:
    """Run what works beside the leader, each in a thread of its own, as long as the block lasts."""
    over = threading.Event()
    threads = [
        threading.Thread(target=copy_context().run, args=(guarded, partial(work, over)), daemon=True)
        for work in _beside.values()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def wait_for_work(connection: Connection, stop: threading.Event) -> None:
    """Sleep until a commit calls, at most ``PAUSE`` seconds."""
    raw: Any = connection.connection.dbapi_connection
    if not stop.is_set():
        select.select([raw], [], [], PAUSE)
    raw.poll()
    raw.notifies.clear()
