"""One stage for all tests of this folder; they look and never change it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ckan.plugins import toolkit as tk

from ...conftest import MONDAY, empty_tables
from ...kernel import clock
from . import stage as stages


@pytest.fixture(scope="module")
def stage(portal: None, wsgi: Any) -> Iterator[stages.Stage]:
    """Return the stage, built once, with the department's server running."""
    from ckan.lib import search

    from ...kernel.outbox import search as index

    with clock.fixed(MONDAY), stages.department() as host:
        empty_tables()
        search.clear_all()
        index.rest_is_over()
        with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
            built = stages.build(host)
        yield built
    empty_tables()


@pytest.fixture
def reachable(stage: stages.Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the gate reach the department's server, which lies on a private network."""
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.gate.private_hosts", [stage.host])


@pytest.fixture(scope="module")
def browser(wsgi: Any) -> Any:
    """Return a client that follows no redirects and keeps no cookies."""
    return wsgi._wsgi_app.test_client(use_cookies=False)
