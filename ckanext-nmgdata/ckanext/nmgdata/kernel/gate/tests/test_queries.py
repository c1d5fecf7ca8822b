"""How often the database is asked for one thing: what the gate adds must not be paid for twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from sqlalchemy import event


@contextmanager
def asked() -> Iterator[list[str]]:
    """Collect the queries of the block."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_more):
        seen.append(statement)

    engine = model.ensure_engine()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def of(queries, column):
    """Return the queries that read a whole row, by one of its columns."""
    return [query for query in queries if column in query]


def test_an_entry_s_name_is_looked_up_once(world, app):
    name = world.open_data["name"]
    with asked() as queries:
        answer = app.get("/api/3/action/package_show", query_string={"id": name})
    assert answer.json["result"]["id"] == world.open_data["id"]
    assert len(of(queries, "package.title")) == 2, "as an id, then as a name"
    assert len(of(queries, "FROM nmgdata_suspension")) == 1


def test_a_file_and_its_entry_are_read_once_for_its_rows(world, app):
    file_id = world.open_data["resources"][0]["id"]
    table = {"resource_id": file_id, "force": True, "records": [{"a": "站"}], "fields": [{"id": "a"}]}
    tk.get_action("datastore_create")(factories.site_context(), table)

    def rows():
        query = {"resource_id": file_id}
        return app.get("/api/3/action/datastore_search", query_string=query, status=None)

    with asked() as queries:
        answer = rows()
    assert [row["a"] for row in answer.json["result"]["records"]] == ["站"]
    assert len(of(queries, "resource.url")) == 1
    assert len(of(queries, "package.title")) == 1
    assert len(of(queries, "nmgdata_suspension")) == 1
    factories.stop(world.open_data)
    assert rows().status_code == 403
