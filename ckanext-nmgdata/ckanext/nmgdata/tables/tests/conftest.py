"""What tests of files need: uploads, the worker's job, and a look into the DataStore."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.datastore.backend.postgres import get_write_engine
from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel import outbox
from ckanext.nmgdata.tables import follow, work
from werkzeug.datastructures import FileStorage


@pytest.fixture(autouse=True)
def empty_store() -> Iterator[None]:
    """Leave no table behind in the DataStore."""
    yield
    with get_write_engine().begin() as connection:
        names = connection.scalars(
            sa.text(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND"
                " (tablename LIKE '________-____-%' OR tablename LIKE '\\_nmgdata\\_%')"
            )
        ).all()
        for name in names:
            connection.execute(sa.text(f'DROP TABLE "{name}" CASCADE'))
        connection.execute(sa.text("DELETE FROM _table_stats"))


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return a way to deliver the outbox and do the jobs at once, in this process."""

    def run() -> int:
        jobs: list[tuple[Any, list[Any]]] = []
        monkeypatch.setattr(work.jobs, "enqueue", lambda f, args, **_how: jobs.append((f, args)))
        outbox.deliver([follow.TOPIC])
        for function, arguments in jobs:
            function(*arguments)
        return len(jobs)

    return run


def search(resource_id: str, user: Any = None, **query: Any) -> dict[str, Any]:
    """Search a table as a person, with all checks on."""
    return tk.get_action("datastore_search")(
        factories.context_of(user), {"resource_id": resource_id, **query}
    )


def replace(resource: dict[str, Any], content: bytes, user: Any = None, **values: Any) -> dict[str, Any]:
    """Replace the file of a resource."""
    context = factories.context_of(user) if user else factories.site_context()
    name = values.pop("name_of_file", resource["url"].rsplit("/", 1)[-1])
    file = FileStorage(io.BytesIO(content), filename=name)
    return tk.get_action("resource_patch")(
        context, {"id": resource["id"], "upload": file, "url": name, **values}
    )


def first(dataset: dict[str, Any]) -> dict[str, Any]:
    """Return the first file of a dataset."""
    return dataset["resources"][0]


def exists(resource_id: str) -> bool:
    """Say whether the DataStore holds a table of that name."""
    with get_write_engine().connect() as connection:
        query = sa.text("SELECT to_regclass(quote_ident(:name)) IS NOT NULL")
        return bool(connection.scalar(query, {"name": resource_id}))


def xlsx(*sheets: tuple[str, list[list[Any]]]) -> bytes:
    """Return a workbook with these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def forget_session() -> None:
    """Begin with fresh rows."""
    model.Session.rollback()
    model.Session.expire_all()
