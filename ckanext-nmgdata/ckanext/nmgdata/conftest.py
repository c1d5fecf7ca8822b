"""Fixtures that every test sees. Tests run on the real PostgreSQL, Redis and Solr of `make test`."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model, plugins
from ckan.cli.db import _run_migrations
from ckan.lib import search
from ckan.model import user
from ckan.tests.helpers import CKANTestApp
from ckan.tests.pytest_ckan import ckan_setup
from hypothesis import settings
from sqlalchemy import event

from . import factories
from .kernel import clock, limits
from .kernel.actors import Actor
from .kernel.outbox import search as index
from .kernel.unit import Unit, begin

MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
settings.register_profile("portal", deadline=None, print_blob=True)
settings.load_profile("portal")

LONG = ("browser", "test_two_portals", "test_commands", "test_packaging", "test_bulk", "stateful")
"""Parts of the names of files that take minutes: begun first, so that no process is left alone with one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long; the order within a file stays."""
    items.sort(key=lambda item: not any(part in str(item.path) for part in LONG))


@pytest.fixture(scope="session", autouse=True)
def portal() -> Iterator[None]:
    """Load the portal's plugins once and bring the test database to the newest version."""
    plugins.load_all()
    engine = model.ensure_engine()
    model.repo.upgrade_db()
    model.init_model(engine)  # CKAN's migrations leave one without a pool
    model.repo.tables_created_and_initialised = True
    _run_migrations("nmgdata")
    user.pbkdf2_sha512 = user.pbkdf2_sha512.using(rounds=1)  # nobody attacks the passwords of the tests
    gc.freeze()  # what is loaded now stays to the end
    yield
    plugins.unload_all()


@pytest.fixture(autouse=True)
def monday() -> Iterator[None]:
    """Let every test happen on Monday 23 November 2026, ten in the morning in Inner Mongolia."""
    with clock.fixed(MONDAY):
        yield


@pytest.fixture(scope="session", autouse=True)
def same_day(portal: None) -> None:
    """Let CKAN make entries and files on that day too, whenever the tests run."""

    def begun(_mapper: Any, _connection: Any, made: Any) -> None:
        name = "metadata_created" if isinstance(made, model.Package) else "created"
        setattr(made, name, clock.now().replace(tzinfo=None))

    for kind in (model.Package, model.Resource):
        event.listen(kind, "before_insert", begun)


@pytest.fixture(scope="session")
def wsgi(portal: None) -> Any:
    """Return the portal as a WSGI application, made once."""
    from ckan.common import config
    from ckan.config.middleware import make_app

    app = make_app(config)
    ckan_setup._config = config.copy()
    return app


@pytest.fixture
def app(wsgi: Any) -> CKANTestApp:
    """Return a fresh browser, without a login."""
    return CKANTestApp(wsgi)


@pytest.fixture
def pages(wsgi: Any) -> Iterator[None]:
    """Provide a request context for code that renders or makes addresses."""
    with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
        yield


@pytest.fixture
def clean(portal: None) -> Iterator[None]:
    """Begin with empty tables."""
    empty_tables()
    limits.storage().reset()
    yield
    model.Session.rollback()
    model.Session.remove()


@pytest.fixture
def clean_search(clean: None) -> None:
    """Begin with an empty index too."""
    search.clear_all()
    index.rest_is_over()


def empty_tables() -> None:
    """Delete all rows, but for the versions of the migrations; far faster than to truncate every table."""
    model.Session.rollback()
    model.Session.remove()
    with model.ensure_engine().begin() as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        names = {n for n in connection.scalars(sa.text(query)) if not n.endswith("alembic_version")}
        filled = " UNION ALL ".join(f"SELECT '{n}' WHERE EXISTS (SELECT FROM \"{n}\")" for n in sorted(names))
        rows = set(connection.scalars(sa.text(filled)))
        known = [table.name for table in reversed(model.meta.metadata.sorted_tables)]
        for name in [*sorted(rows - set(known)), *(name for name in known if name in rows)]:
            connection.execute(sa.text(f'DELETE FROM "{name}"'))
    factories.fake.unique.clear()


@pytest.fixture
def unit(clean: None) -> Iterator[Unit]:
    """Return an open unit of work of the system."""
    with begin(Actor.system()) as opened:
        yield opened


@pytest.fixture
def world(clean: None) -> factories.World:
    """Return a small region: authority, departments, people with roles."""
    return factories.World()


@pytest.fixture
def as_user() -> Callable[[Any], dict[str, Any]]:
    """Return a maker of request headers that log a person in by token."""
    return factories.login
