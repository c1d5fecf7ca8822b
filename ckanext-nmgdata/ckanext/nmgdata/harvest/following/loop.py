"""The resident part: a thread for each source with a feed, so that a slow or dead city delays no other."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable

from ckan import model
from flask import Flask, current_app

from ... import config
from ..run import inside
from . import feeds
from .feeds import Follower

log = logging.getLogger(__name__)
LOOK = 5.0
"""Seconds between two looks for sources that nobody follows yet."""
JOIN, ONCE = 10.0, 300.0
"""Seconds that all threads have to end when told to, and to look once."""


def forever(stop: threading.Event) -> None:
    """Follow every feed until told to stop, each at least once."""
    threads: dict[str, tuple[Follower, threading.Thread]] = {}
    once = stop.is_set()
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    while True:
        try:
            for source_id in feeds.followed():
                if source_id not in threads or not threads[source_id][1].is_alive():
                    threads[source_id] = started(app, Follower(source_id), stop)
        except Exception:
            log.exception("following: looking for sources failed")
        finally:
            model.Session.remove()
        if stop.wait(LOOK):
            break
    end(list(threads.values()), once=once)


def end(threads: list[tuple[Follower, threading.Thread]], *, once: bool) -> None:
    """Wait for threads that were told to end; what they ask for just now is cut, unless it is all they do."""
    patience = time.monotonic() + (ONCE if once else JOIN)
    for follower, _thread in threads:
        if follower.client and not once:
            follower.client.stop()
    for _follower, thread in threads:
        thread.join(max(0.0, patience - time.monotonic()))


def started(app: Flask, follower: Follower, stop: threading.Event) -> tuple[Follower, threading.Thread]:
    """Start the thread of one source."""
    within = contextvars.copy_context()
    thread = threading.Thread(target=within.run, args=(keep_on, app, follower, stop), daemon=True)
    thread.start()
    return follower, thread


def keep_on(app: Flask, follower: Follower, stop: threading.Event) -> None:
    """Look again and again until told to end, at least once."""
    while True:
        guarded(app, follower, follower.look)
        if stop.wait(config.harvest_follow_seconds() or LOOK):
            break
    follower.close()
    guarded(app, follower, follower.release)


def guarded(app: Flask, follower: Follower, work: Callable[[], object]) -> None:
    """Do one thing in a request of its own; the database may be away, then it is tried again."""
    try:
        inside(app, work)
    except Exception:
        log.exception("following %s failed", follower.source_id)
    finally:
        model.Session.remove()
