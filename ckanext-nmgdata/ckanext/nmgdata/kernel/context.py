"""Work that belongs to nobody's request: in a request context of the portal's own."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click
from flask import current_app, has_app_context

from .. import config

_applications: list[Any] = []


def remember(app: Any) -> None:
    """Keep the application of this process, for jobs of the worker that need it."""
    _applications[:] = [app]


def job_request() -> AbstractContextManager[Any]:
    """Return a block like ``own_request`` for the worker's jobs, which run outside the application."""
    if has_app_context() or not _applications:
        return own_request()
    return _applications[0].test_request_context(base_url=config.site_url())


def application() -> AbstractContextManager[Any]:
    """Return a block in which the application is at hand.

    CKAN's background worker is a command that has made one and does not enter it: its jobs find it there.
    """
    command = None if has_app_context() else click.get_current_context(silent=True)
    return command.meta["flask_app"].app_context() if command else nullcontext()


def own_request() -> AbstractContextManager[Any]:
    """Return a block in which code finds a request, but no person, no language and no cache of one.

    CKAN translates, makes addresses and validates only inside a request; what is delivered or fired
    by the clock must not depend on whose request happens to do it. A script without the application
    has nothing to make a request of; it goes on as it is.
    """
    if not has_app_context():
        return nullcontext()
    return current_app.test_request_context(base_url=config.site_url())
