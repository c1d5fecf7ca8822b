"""A served portal for the browser: web, worker, tick and mail sink of the stack, on the tests' servers."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from ckan.lib import jobs, search
from ckan.plugins import toolkit as tk
from playwright.sync_api import Browser, sync_playwright

from stack import portal as programs
from stack import process, servers, settings

from ...conftest import empty_tables
from ...kernel.outbox import search as index
from . import world
from .examine import examine
from .visitor import Portal, Visitor, launch


@pytest.fixture(autouse=True)
def monday() -> None:
    """Let these tests go by the machine's own clock, as the served portal does."""


@pytest.fixture(scope="package")
def served(portal: None) -> Iterator[Portal]:
    """Serve a portal with a small region in it, as `make up` would, with the rights of the portal's role."""
    stack = settings.load(os.environ["NMGDATA_STACK"])
    mail = stack.home / "mail"
    shutil.rmtree(mail, ignore_errors=True)
    empty_tables()
    search.clear_all()
    for queue in jobs.get_all_queues():
        queue.empty()  # what earlier tests have left would keep the worker from this portal's work
    index.rest_is_over()
    servers.restrict_runtime_role(stack)
    try:
        servers.up(stack)
        programs.start_programs(stack, workers=1, meanwhile=partial(build_world, stack.site_url))
        accounts = dict.fromkeys([*world.STAFF, *world.CITIZENS, world.OPERATOR], world.PASSWORD)
        yield Portal(stack.site_url, mail, accounts)
    finally:
        process.stop(stack, "web", signal.SIGQUIT)  # nobody waits for its answers any more
        programs.stop_programs(stack)
        process.stop(stack, "mail")


def build_world(site_url: str) -> None:
    """Make the small region, with the addresses of the portal that will serve it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tk.config, "ckan.site_url", site_url)
        world.build()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start the system's browser once."""
    with sync_playwright() as playwright:
        started = launch(playwright)
        yield started
        started.close()


@pytest.fixture
def visit(served: Portal, browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Return a maker of visitors, each with a window of its own; every page they see is examined."""
    opened: list[Visitor] = []
    faults: list[str] = []

    def open_window(**options: Any) -> Visitor:
        opened.append(Visitor(served, browser, partial(note, faults), **options))
        return opened[-1]

    yield open_window
    for visitor in opened:
        faults += [f"foreign host: {url}" for url in visitor.strangers]
        faults += [f"console: {text}" for text in visitor.complaints]
        visitor.close()
    assert not faults, "\n".join(dict.fromkeys(faults))


def note(faults: list[str], visitor: Visitor) -> None:
    """Write down what is wrong with the page a visitor has reached."""
    path = visitor.page.url.removeprefix(visitor.portal.url)
    faults += [f"{path}: {fault}" for fault in examine(visitor.page)]
