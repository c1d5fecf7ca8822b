"""A grant of some columns and rows gives exactly these, at every door, and is no oracle for the rest."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date
from urllib.parse import quote

import openpyxl
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.datastore.backend.postgres import get_read_engine
from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.gate import rights, rows
from ckanext.nmgdata.kernel.gate.facts import GrantFact
from ckanext.nmgdata.kernel.gate.model import Grant, GrantScope, GrantUse
from ckanext.nmgdata.kernel.unit import begin
from ckanext.nmgdata.kernel.workflow.model import Case
from hypothesis import given
from hypothesis import strategies as st

from .conftest import first, forget_session, replace, search, xlsx

pytestmark = pytest.mark.usefixtures("clean")
HTML, JSON = {"Accept": "text/html"}, {"Accept": "application/json"}
ROWS = [
    ["旗县", "数量", "司机", "备注"],
    ["新城区", "3", "甲某", "secret-one"],
    ["回民区", "5", "乙某", "secret-two"],
    ["新城区", "8", "丙某", "=cmd"],
]
CONTENT = "\n".join(",".join(row) for row in ROWS).encode()
FIELDS = ["旗县", "数量", "备注"]
SECRET = "司机"


@pytest.fixture
def table(world, worked):
    """A conditional table, loaded, and a grant of three columns and one 旗县 for the applicant."""
    made = factories.dataset(world.department, open_class="conditional")
    factories.upload(made, CONTENT, name="轨迹.csv")
    worked()
    made = tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})
    limit(world, made, fields=FIELDS, row_filter={"旗县": ["新城区"]})
    return first(made)


def limit(world, made, **scope):
    """Give the applicant a grant that is limited."""
    case = world.granted(made)
    model.Session.execute(sa.update(GrantScope).values(**{"fields": None, "row_filter": None, **scope}))
    model.Session.commit()
    forget_session()
    return case


def download(app, world, resource, **headers):
    address = f"/dataset/{resource['package_id']}/resource/{resource['id']}/download"
    return app.get(address, headers={**factories.login(world.applicant), **headers}, status=None)


GRANTED = [["新城区", "3", "secret-one"], ["新城区", "8", "=cmd"]]


class TestSearch:
    def test_exactly_the_columns_and_rows(self, world, table):
        found = search(table["id"], world.applicant)
        assert [field["id"] for field in found["fields"]] == FIELDS
        assert [[str(record[name]) for name in FIELDS] for record in found["records"]] == GRANTED
        assert all(set(record) == set(FIELDS) for record in found["records"])
        assert found["total"] == 2
        assert SECRET not in json.dumps(found, ensure_ascii=False, default=str)

    @pytest.mark.parametrize("action", ["datastore_search", "datastore_info"])
    def test_not_under_the_name_of_another_table(self, world, table, worked, action):
        public = factories.dataset(world.department, open_class="unconditional")
        factories.upload(public, CONTENT, name="公开.csv")
        worked()
        other = first(tk.get_action("package_show")(factories.site_context(), {"id": public["id"]}))["id"]
        for named in ({"resource_id": other, "id": table["id"]}, {"resource_id": table["id"], "id": other}):
            with pytest.raises(tk.ValidationError):
                factories.call(action, world.applicant, **named)
        for named in ({"id": table["id"]}, {"resource_id": table["id"], "id": table["id"]}):
            found = factories.call(action, world.applicant, **named)
            assert SECRET not in json.dumps(found, ensure_ascii=False, default=str)

    def test_not_by_the_views_of_the_table(self, world, table):
        view = {
            "resource_id": table["id"],
            "view_type": "datatables_view",
            "title": "表",
            "show_fields": [SECRET],
        }
        factories.call("resource_view_create", world.editor, **view)
        shown = factories.call("resource_view_list", world.applicant, id=table["id"])
        assert len(shown) > 1
        assert SECRET not in json.dumps(shown, ensure_ascii=False)

    def test_not_by_a_file_that_takes_the_name_of_its_alias(self, app, world, table):
        name = "grassland_tracks"
        factories.call("datastore_create", world.editor, resource_id=table["id"], force=True, aliases=[name])
        rival = factories.join(factories.person("rival"), world.other, "editor")
        mine = factories.dataset(world.other, open_class="unconditional")
        values = {"package_id": mine["id"], "id": name, "url": "https://data.example/x", "format": "CSV"}
        with pytest.raises(tk.ValidationError) as refused:
            factories.call("resource_create", rival, **values, datastore_active=True)
        assert "id" in refused.value.error_dict
        model.Session.rollback()
        found = search(name, world.applicant)
        assert [field["id"] for field in found["fields"]] == FIELDS
        assert app.get(f"/datastore/dump/{name}", status=None).status_code == 403

    @pytest.mark.parametrize("form", ["objects", "lists", "csv", "tsv"])
    def test_in_every_form(self, world, table, form):
        records = search(table["id"], world.applicant, records_format=form)["records"]
        text = records if isinstance(records, str) else json.dumps(records, ensure_ascii=False)
        assert "甲某" not in text
        assert "回民区" not in text
        assert "新城区" in text

    def test_within_it_filters_order_and_paging_work(self, world, table):
        found = search(
            table["id"], world.applicant, filters={"数量": {"gt": 3}}, sort="数量 desc", fields="数量,旗县",
            distinct=True,
        )  # fmt: skip
        assert found["records"] == [{"数量": 8, "旗县": "新城区"}]
        assert found["filters"] == {"数量": {"gt": 3}}
        page = search(table["id"], world.applicant, limit=1, include_next_page=True)
        rest = search(table["id"], world.applicant, filters=page["next_page"])
        assert [record["数量"] for record in rest["records"]] == [8]
        assert search(table["id"], world.applicant, filters={"旗县": "回民区"})["total"] == 0
        assert (
            search(table["id"], world.applicant, filters={"$or": [{"旗县": "回民区"}, {"数量": 3}]})["total"]
            == 1
        )

    @pytest.mark.parametrize(
        "query",
        [
            {"filters": {SECRET: "甲某"}},
            {"filters": json.dumps({SECRET: "甲某"})},
            {"filters": {"$or": [{SECRET: "甲某"}, {"数量": 3}]}},
            {"filters": {"$and": [{"$or": [{"$and": [{SECRET: {"gt": "甲"}}]}]}]}},
            {"filters": [{SECRET: "甲某"}]},
            {"fields": [SECRET]},
            {"fields": f"旗县, {SECRET}"},
            {"fields": f'"{SECRET}"'},
            {"fields": ["_full_text"]},
            {"fields": ["_id"]},
            {"sort": SECRET},
            {"sort": f'"{SECRET}" desc'},
            {"sort": f"数量, {SECRET} desc nulls last"},
            {"sort": ["数量", SECRET]},
            {"sort": "_full_text"},
            {"sort": "rank"},
            {"q": "甲某"},
            {"q": {SECRET: "甲某"}},
            {"q": {"备注": "secret-one & !甲某"}, "plain": False},
            {"full_text": "甲某"},
            {"q": "secret", "fields": "rank"},
        ],
    )
    def test_what_is_not_granted_is_refused(self, world, table, query):
        with pytest.raises(tk.ValidationError) as refused:
            search(table["id"], world.applicant, **query)
        assert "乙某" not in str(refused.value.error_dict)

    @pytest.mark.parametrize("parameter", ["filters", "fields", "sort"])
    def test_a_hidden_column_and_one_that_is_not_there_get_the_same_words(self, world, table, parameter):
        def words(column):
            value = {column: "x"} if parameter == "filters" else column
            with pytest.raises(tk.ValidationError) as refused:
                search(table["id"], world.applicant, **{parameter: value})
            return str(refused.value.error_dict).replace(column, "…")

        assert words(SECRET) == words("没有的列")

    def test_by_alias_too(self, world, table):
        factories.call(
            "datastore_create", world.editor, resource_id=table["id"], force=True, aliases=["tracks"],
            calculate_record_count=False,
        )  # fmt: skip
        assert search("tracks", world.applicant)["total"] == 2
        with pytest.raises(tk.ValidationError):
            search("tracks", world.applicant, sort=SECRET)
        with pytest.raises(tk.NotAuthorized):
            search("tracks", world.citizen)

    def test_the_list_of_tables_is_closed(self, world, table):
        for user in (None, world.applicant, world.editor):
            with pytest.raises(tk.ObjectNotFound):
                search("_table_metadata", user)

    def test_a_column_that_the_table_has_lost_opens_no_rows(self, world, table, worked):
        replace(table, "旗,数量,备注\n新城区,1,x\n".encode())
        worked()
        with pytest.raises(tk.ValidationError):
            search(table["id"], world.applicant)

    def test_a_whole_grant_beside_it_opens_everything(self, world, table):
        grant = model.Session.scalars(sa.select(Grant)).one()
        with begin(Actor.system()) as unit:
            terms = rights.Terms("p", "s", "api", date(2027, 1, 1))
            rights.give(unit, grant.case_id, grant.holder_id, terms, [rights.Scope(table["package_id"])])
            rights.accept(unit, grant.case_id, "2026-1")
        assert search(table["id"], world.applicant)["total"] == 3


class TestInfo:
    def test_only_the_granted_columns_and_no_counts(self, world, table):
        info = factories.call("datastore_info", world.applicant, resource_id=table["id"])
        assert [field["id"] for field in info["fields"]] == FIELDS
        assert set(info["meta"]) == {"id", "table_type"}


class TestDump:
    @pytest.mark.parametrize("form", ["csv", "tsv", "json", "xml"])
    def test_every_format(self, world, app, table, form):
        answer = app.get(
            f"/datastore/dump/{table['id']}?format={form}", headers=factories.login(world.applicant)
        )
        text = answer.data.decode()
        for hidden in (SECRET, "甲某", "回民区"):
            assert hidden not in text
        assert "新城区" in text
        assert "secret-one" in text

    @pytest.mark.parametrize(
        "query",
        [f"sort={SECRET}", f"fields={SECRET}", "q=x", "filters=" + quote(json.dumps({SECRET: "甲某"}))],
    )
    def test_what_is_not_granted_is_refused(self, world, app, table, query):
        app.get(
            f"/datastore/dump/{table['id']}?{query}", headers=factories.login(world.applicant), status=400
        )

    def test_the_preview_s_own_doors(self, world, app, table):
        view = model.Session.scalars(sa.select(model.ResourceView.id)).one()
        form = {
            "draw": 1,
            "search[value]": "",
            "start": 0,
            "length": 10,
            "order[0][column]": 1,
            "order[0][dir]": "desc",
        }
        headers = factories.login(world.applicant)
        answer = json.loads(app.post(f"/datatables/ajax/{view}", data=form, headers=headers).data)
        assert [record["数量"] for record in answer["data"]] == ["8", "3"]
        assert SECRET not in json.dumps(answer, ensure_ascii=False)
        asked = {**form, "search[value]": "x"}
        assert (
            app.post(f"/datatables/ajax/{view}", data=asked, headers=headers, status=None).status_code == 400
        )


def used():
    """Return the uses of the grant: way, how often, digest."""
    forget_session()
    rows = model.Session.scalars(sa.select(GrantUse).order_by(GrantUse.id))
    return [(row.door, row.count, row.sha256) for row in rows]


class TestUses:
    """Rows leave under a grant by several doors; each is written down, and counts."""

    def test_a_dump_is_one_use_named_and_with_its_digest(self, world, app, table):
        answer = app.get(f"/datastore/dump/{table['id']}", headers=factories.login(world.applicant))
        number = model.Session.scalar(sa.select(Case.number))
        assert number in answer.headers["Content-Disposition"]
        assert 'rel="license"' in answer.headers["Link"]
        digest = hashlib.sha256(answer.get_data()).hexdigest()
        assert used() == [("dump", 1, digest)]

    def test_so_is_the_extract(self, world, app, table):
        answer = download(app, world, table)
        assert model.Session.scalar(sa.select(Case.number)) in answer.headers["Content-Disposition"]
        digest = hashlib.sha256(answer.get_data()).hexdigest()
        assert used() == [("file", 1, digest)]

    def test_queries_are_counted_and_held_to_the_quota(self, world, app, table):
        model.Session.execute(sa.update(Grant).values(quota=2))
        model.Session.commit()
        headers = factories.login(world.applicant)
        address = f"/api/3/action/datastore_search?resource_id={table['id']}"
        assert [app.get(address, headers=headers).status_code for _ in range(3)] == [200, 200, 403]
        assert used() == [("rows", 2, None)]
        dumped = app.get(f"/datastore/dump/{table['id']}", headers={**headers, **JSON})
        assert json.loads(dumped.body)["error"]["reason"] == "quota_used"


class TestFile:
    def test_the_extract_as_csv(self, world, app, table):
        answer = download(app, world, table)
        assert answer.data.startswith(b"\xef\xbb\xbf")
        assert list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")))) == [FIELDS, *GRANTED]
        assert quote("站点清单-摘录-SQ-20261123-") in answer.headers["Content-Disposition"]
        assert "no-store" in answer.headers["Cache-Control"]

    def test_a_workbook_made_of_it_names_its_grant(self, world, app, table):
        address = f"/dataset/{table['package_id']}/resource/{table['id']}/download?as=xlsx"
        answer = app.get(address, headers=factories.login(world.applicant))
        book = openpyxl.load_workbook(io.BytesIO(answer.data))
        number = model.Session.scalar(sa.select(Case.number))
        assert book.custom_doc_props["nmgdata_grant"].value == number
        assert [[str(cell.value) for cell in row] for row in book.active] == [FIELDS, *GRANTED]

    def test_of_a_workbook_too(self, world, worked, app):
        made = factories.dataset(world.department, open_class="conditional")
        file = factories.upload(made, xlsx(("表", ROWS)), name="表.xlsx", format="XLSX")
        worked()
        limit(world, made, fields=["数量"])
        answer = download(app, world, file)
        assert answer.data.decode("utf-8-sig").split() == ["数量", "3", "5", "8"]

    def test_head_tells_no_more(self, world, app, table):
        address = f"/dataset/{table['package_id']}/resource/{table['id']}/download"
        answer = app.client.head(address, headers=factories.login(world.applicant))
        assert (answer.status_code, answer.data) == (200, b"")

    def test_a_file_that_is_no_table_stays_shut(self, world, app):
        made = factories.dataset(world.department, open_class="conditional")
        factories.upload(made, b'{"a": 1}', name="a.json", format="JSON")
        made = tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})
        limit(world, made, fields=["a"])
        answer = download(app, world, first(made), **JSON)
        assert (answer.status_code, answer.json["error"]["reason"]) == (403, "out_of_scope")

    def test_a_flag_set_by_hand_opens_nothing(self, world, app):
        made = factories.dataset(world.department, open_class="conditional")
        factories.upload(made, b'{"a": 1}', name="a.json", format="JSON", datastore_active=True)
        made = tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})
        limit(world, made, fields=["a"])
        assert download(app, world, first(made), **JSON).status_code == 403

    def test_rows_only_and_fields_only(self, world, app, table):
        for scope, expected in (
            ({"row_filter": {"数量": ["5"]}}, [ROWS[0], ROWS[2]]),
            ({"row_filter": {"数量": []}}, [ROWS[0]]),
            ({"fields": ["司机", "没有的列"]}, [["司机"], ["甲某"], ["乙某"], ["丙某"]]),
        ):
            model.Session.execute(
                sa.update(GrantScope).values(**{"fields": None, "row_filter": None, **scope})
            )
            model.Session.commit()
            answer = download(app, world, table)
            assert list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")))) == expected
            found = search(table["id"], world.applicant, records_format="csv")["records"]
            assert list(csv.reader(io.StringIO(found))) == expected[1:]


# --- the pure part -------------------------------------------------------------------------------

COLUMNS = ["a", "b", "c", "d"]
NAMES = st.sampled_from([*COLUMNS, "_id", "_full_text", "x", "$a", "rank"])
VALUES = st.one_of(st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2))
FILTERS = st.recursive(
    st.dictionaries(NAMES.filter(lambda name: name != "$a"), VALUES, max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(["$and", "$or"]), st.lists(inner, max_size=3), max_size=1),
    max_leaves=6,
)


@given(
    fields=st.one_of(st.none(), st.sets(st.sampled_from(COLUMNS), min_size=1)),
    wanted=st.one_of(st.none(), st.lists(NAMES, max_size=3)),
    filters=FILTERS,
    sort=st.one_of(st.none(), st.lists(NAMES, max_size=2)),
)
def test_no_query_that_is_let_through_names_what_is_not_granted(fields, wanted, filters, sort):
    grant = GrantFact(
        "g", "c", date(2026, 1, 1), date(2027, 1, 1), accepted=True, ended=False, reaches=True,
        fields=None if fields is None else tuple(fields), row_filter=(("d", ("1",)),),
    )  # fmt: skip
    query = {"resource_id": "r", "fields": wanted, "filters": filters, "sort": sort}
    try:
        narrowed = rows.restrict(query, grant, COLUMNS)
    except rows.BeyondGrantError:
        return
    granted = set(COLUMNS) if fields is None else fields
    assert set(narrowed["fields"]) <= granted
    assert narrowed["filters"]["$and"][-1] == {"d": ["1"]}
    own = narrowed["filters"]["$and"][:-1]
    assert set(rows.filtered_by(own)) <= granted | {"_id"}
    assert set(sort or []) <= granted | {"_id"}


WRITES = {
    "datastore_delete": {},
    "datastore_records_delete": {"filters": {"数量": 3}},
    "datastore_upsert": {"method": "insert", "records": [{"旗县": "新城区", "数量": 1}]},
    "datastore_create": {"aliases": ["tracks"]},
}


@pytest.mark.parametrize("action", WRITES)
def test_rows_of_stopped_data_stay_as_they_are_by_whatever_name(world, table, worked, action):
    mine = factories.dataset(world.department, open_class="unconditional")
    factories.upload(mine, CONTENT, name="自己的.csv")
    worked()
    other = first(tk.get_action("package_show")(factories.site_context(), {"id": mine["id"]}))["id"]
    world.objected({"id": table["package_id"]})
    for named in (
        {"resource_id": table["id"]},
        {"id": table["id"]},
        {"resource_id": other, "id": table["id"]},
    ):
        with pytest.raises(tk.ValidationError):
            factories.call(action, world.editor, force=True, **named, **WRITES[action])
        model.Session.rollback()
    with get_read_engine().connect() as connection:
        assert connection.scalar(sa.text(f'SELECT count(*) FROM "{table["id"]}"')) == len(ROWS) - 1


@pytest.mark.parametrize(
    "form", ["{id}", " {id} ", '"{id}"', "harmless,{id}", ["harmless", "{id}"], "_nmgdata_{id}"]
)
def test_no_alias_takes_the_id_of_a_file(app, world, table, form):
    """Rows of one department would be read, and believed, as those of another's file."""
    theirs = factories.dataset(world.other, open_class="unconditional")
    link = factories.resource(theirs, url="https://data.example/rows.csv")["id"]
    named = [one.format(id=link) for one in form] if isinstance(form, list) else form.format(id=link)
    with pytest.raises(tk.ValidationError) as refused:
        factories.call("datastore_create", world.editor, resource_id=table["id"], force=True, aliases=named)
    assert "aliases" in refused.value.error_dict
    model.Session.rollback()
    assert app.get(f"/datastore/dump/{link}", status=None).status_code == 404
