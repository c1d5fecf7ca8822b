"""The resident part: a thread for each source with a feed, so that a slow or dead city delays no other."""

from __future__ import annotations

import contextvars
import logging
import threading
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
JOIN = 10.0
"""Seconds that a thread has to end when told to."""


def forever(stop: threading.Event) -> None:
    """Follow every feed until told to stop, each at least once."""
    threads: dict[str, tuple[Follower, threading.Thread]] = {}
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
    for follower, thread in threads.values():
        thread.join(JOIN)
        if thread.is_alive() and follower.client:
            follower.client.stop()
            thread.join(JOIN)


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
