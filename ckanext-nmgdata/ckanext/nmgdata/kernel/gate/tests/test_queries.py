"""How often the database is asked for one thing: what the gate adds must not be paid for twice."""

from __future__ import annotations

from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel.types import new_id
from sqlalchemy.engine import Engine


def of(asked, column):
    """Return the queries that read a whole row, by one of its columns."""
    return [query for query in asked if column in query]


def test_an_entry_s_name_is_looked_up_once(world, app):
    name = world.open_data["name"]
    with factories.queries() as asked:
        answer = app.get("/api/3/action/package_show", query_string={"id": name})
    assert answer.json["result"]["id"] == world.open_data["id"]
    assert len(of(asked, "package.title")) == 2, "as an id, then as a name"
    assert len(of(asked, "FROM nmgdata_suspension")) == 1


def test_a_file_and_its_entry_are_read_once_for_its_rows(world, app):
    file_id = world.open_data["resources"][0]["id"]
    factories.table(file_id, records=[{"a": "站"}], fields=[{"id": "a"}])

    def rows():
        query = {"resource_id": file_id}
        return app.get("/api/3/action/datastore_search", query_string=query, status=None)

    with factories.queries() as asked:
        answer = rows()
    assert [row["a"] for row in answer.json["result"]["records"]] == ["站"]
    assert len(of(asked, "resource.url")) == 1
    assert len(of(asked, "package.title")) == 1
    assert len(of(asked, "nmgdata_suspension")) == 1
    factories.stop(world.open_data)
    assert rows().status_code == 451


def test_an_alias_is_looked_for_only_where_a_name_may_be_one(world, app):
    file_id, alias = world.open_data["resources"][0]["id"], f"stations_{new_id()[:8]}"
    factories.table(file_id, aliases=alias, records=[{"a": "站"}])
    for name, looks in ((file_id, 0), (alias, 2)):
        with factories.queries(Engine) as asked:
            answer = app.get(
                "/api/3/action/datastore_search", query_string={"resource_id": name}, status=None
            )
        assert answer.json["success"] is (name != "nobody's name")
        assert len(of(asked, '"_table_metadata"')) == looks, name
