"""Work inside a portal: load CKAN with the configuration that the environment names."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def ckan() -> Iterator[None]:
    """Load CKAN and enter a request of nobody's, as CKAN's own commands do."""
    from ckan.cli import load_config
    from ckan.config.middleware import make_app
    from ckanext.nmgdata.kernel.collector import look_rarely

    app: Any = make_app(load_config(os.environ["CKAN_INI"]))
    logging.disable(logging.WARNING)
    look_rarely()  # as docker/ckan/wsgi.py serves both sides
    with app._wsgi_app.test_request_context(base_url=os.environ["CKAN_SITE_URL"]):
        yield


def site_user() -> dict[str, Any]:
    """Return the site's own user."""
    from ckan.plugins import toolkit as tk

    return tk.get_action("get_site_user")({"ignore_auth": True}, {})


def call(action: str, **data: Any) -> Any:
    """Call an action as the site's own user."""
    from ckan.plugins import toolkit as tk

    return tk.get_action(action)({"user": site_user()["name"], "ignore_auth": True}, data)
