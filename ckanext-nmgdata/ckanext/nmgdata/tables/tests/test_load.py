"""What goes in comes out; a table follows its file; whoever is killed leaves nothing half."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.datastore.backend.postgres import get_write_engine
from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel import outbox
from ckanext.nmgdata.kernel.outbox.model import Outbox
from ckanext.nmgdata.tables import follow, load, stored, work
from ckanext.nmgdata.tables.model import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import exists, forget_session, replace, search, xlsx
from .test_guess import copy

pytestmark = pytest.mark.usefixtures("clean")


def loaded(world, worked, content, name="表.csv", **values) -> dict[str, Any]:
    """Return a file whose table has been loaded."""
    made = factories.dataset(world.department, **values)
    made = factories.upload(made, content, name=name, format=name.rsplit(".")[-1].upper())
    worked()
    forget_session()
    return made


def shown(resource, world=None) -> dict[str, Any]:
    """Return what became of a table."""
    return tk.get_action("nmgdata_table_show")(factories.site_context(), {"id": resource["id"]})


# --- what goes in comes out ----------------------------------------------------------------------

CELLS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    st.from_regex(r"-?[0-9]{1,18}(\.[0-9]{1,6})?", fullmatch=True),
    st.dates(date(1, 1, 1)).map(str),
    st.datetimes(datetime(1, 1, 1)).map(lambda at: at.replace(microsecond=0).isoformat(" ")),  # noqa: DTZ001
    st.sampled_from(
        ["true", "FALSE", "007", "-0", "=1+1", "@cmd", "\\N", "\\.", "\t", "NULL", "", '"', "是"]
    ),
)


@st.composite
def tables(draw):
    """Rows below headings, as a spreadsheet would write them."""
    width = draw(st.integers(2, 4))
    kinds = [
        draw(st.sampled_from([CELLS, st.integers(-(10**12), 10**12).map(str), CELLS])) for _ in range(width)
    ]
    body = draw(st.lists(st.tuples(*kinds).filter(any), min_size=1, max_size=6))
    heads = draw(st.lists(st.text(max_size=30), min_size=width, max_size=width))
    return [[f"甲{heads[0]}", f"乙{heads[1]}", *heads[2:]], *map(list, body)]


def written(rows: list[list[str]], encoding: str) -> bytes:
    """Return rows as CSV."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode(encoding)


def canonical(cell: str | None, kind: str) -> str | None:
    """Return a cell as CKAN's API writes its type; only the T, milliseconds and small letters differ."""
    if not cell:
        return None
    return (
        f"{cell.replace(' ', 'T')}.000" if kind == "timestamp" else cell.lower() if kind == "bool" else cell
    )


@pytest.fixture(scope="module")
def worktable(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("round-trip")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=tables(), encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]))
def test_what_goes_in_comes_out_by_datastore_search(worktable, rows, encoding):
    from ckanext.datastore.backend import DatastoreBackend

    name = "f0000000-0000-4000-8000-000000000000"
    file = copy(worktable, written(rows, encoding))
    if encoding == "utf-8" and file.encoding != "utf-8":
        return
    object.__setattr__(file, "kind", stored.TEXT)
    object.__setattr__(file, "encoding", {"utf-16": "utf-16-le"}.get(encoding, encoding))
    load_reading_delimiter(file)
    with work.store() as cursor:
        report = load.build(cursor, name, file, {})
    ids = [column["id"] for column in report.columns]
    found = DatastoreBackend.get_active_backend().search(
        {}, {"resource_id": name, "limit": 100, "fields": ids, "records_format": "csv",
             "include_total": True, "include_next_page": False, "sort": "_id"},
    )  # fmt: skip
    assert report.bad_rows == []
    kinds = [column["type"] for column in report.columns]
    expected = [[canonical(cell, kind) for cell, kind in zip(row, kinds, strict=True)] for row in rows[1:]]
    came = [
        [as_bool(c, k) or None for c, k in zip(row, kinds, strict=True)]
        for row in csv.reader(io.StringIO(found["records"], newline=""))
    ]
    assert came == expected
    assert found["total"] == len(expected)


def as_bool(cell: str, kind: str) -> str:
    """Return PostgreSQL's t and f as words."""
    return {"t": "true", "f": "false"}.get(cell, cell) if kind == "bool" else cell


def load_reading_delimiter(file) -> None:
    """The property is about cells; strange texts may look as if cut by another sign."""
    from ckanext.nmgdata.tables import reading

    reading.delimiter_of = lambda _copy: ","


@pytest.fixture(autouse=True)
def sniffing_again():
    from ckanext.nmgdata.tables import reading

    real = reading.delimiter_of
    yield
    reading.delimiter_of = real


def test_types_and_labels(world, worked):
    content = "站点编号,名称,数量,经度,日期,时刻,开放\n001,甲,12,111.65,2026-11-22,2026-11-22 08:00:00,true\n002,乙,7,111.7,2026-11-23,2026-11-23 09:00:00,false\n"
    items = [{"name": "num", "label": "数量", "type": "integer", "description": "车辆数"}]
    made = loaded(world, worked, content.encode(), data_items=items)
    found = search(made["id"])
    kinds = {field["id"]: field["type"] for field in found["fields"]}
    assert kinds == {
        "_id": "int", "站点编号": "text", "名称": "text", "数量": "int4", "经度": "numeric", "日期": "date",
        "时刻": "timestamp", "开放": "bool",
    }  # fmt: skip
    assert found["records"][0]["站点编号"] == "001"
    assert found["records"][0]["经度"] == 111.65
    info = {field["id"]: field.get("info") for field in found["fields"]}
    assert info["数量"] == {"label": "数量", "notes": "车辆数"}
    assert search(made["id"], filters={"数量": {"gt": 10}})["total"] == 1
    assert search(made["id"], q="甲")["total"] == 1


def test_a_workbook_with_a_title_dates_and_formulas(world, worked):
    rows = [
        ["某局车辆一览表"], [], ["编号", "日期", "数量", "比例", "备注"],
        ["0012", datetime(2026, 11, 22), 3, 0.1, None], ["0013", datetime(2026, 11, 23), 4, 2.0, "=1+1"],  # noqa: DTZ001
    ]  # fmt: skip
    made = loaded(world, worked, xlsx(("说明", []), ("数据", rows), ("附", [["x"], [1]])), "表.xlsx")
    report = shown(made)
    assert (report["sheet"], report["skipped"], report["rows"]) == ("数据", 2, 2)
    records = search(made["id"])["records"]
    assert [record["编号"] for record in records] == ["0012", "0013"]
    assert [record["日期"] for record in records] == ["2026-11-22", "2026-11-23"]
    assert [record["比例"] for record in records] == [0.1, 2]


def test_bad_rows_are_named_and_the_rest_is_loaded(world, worked):
    lines = ["名称,数量", "甲,1", "乙,2,多", "丙", "", "丁,4"]
    content = "\n".join(lines).encode() + "\n戊,5\n".encode()[:4] + b"\xff\xff,6\n" + "己,7\n".encode()
    made = loaded(world, worked, content)
    report = shown(made)
    assert [(bad["row"], bad["reason"]) for bad in report["bad_rows"]] == [(3, "wide"), (7, "encoding")]
    assert report["bad_rows"][0]["message"]
    assert report["short_rows"] == 1
    assert [r["名称"] for r in search(made["id"])["records"]] == ["甲", "丙", "丁", "己"]


def test_headings_with_every_fault_can_be_searched(world, worked):
    content = 'a b,a b,,"x:y ""z""",50%,' + "长" * 30 + "\n1,2,3,4,5,6\n"
    made = loaded(world, worked, content.encode())
    found = search(made["id"], filters={"50％": "5"})
    assert found["total"] == 1
    assert all(len(field["id"].encode()) <= 63 for field in found["fields"])
    faulty = [column for column in shown(made)["columns"] if column["faults"]]
    assert len(faulty) == 5


# --- a table follows its file --------------------------------------------------------------------


def test_a_replaced_file_is_loaded_again_and_what_editors_wrote_stays(world, worked):
    made = loaded(world, worked, "名称,数量\n甲,1\n".encode())
    fields = [{"id": "名称", "type": "text", "info": {"label": "站点名称"}}, {"id": "数量", "type": "int4"}]
    factories.call(
        "datastore_create", world.editor, resource_id=made["id"], force=True, fields=fields,
        aliases=["stops"], calculate_record_count=False,
    )  # fmt: skip
    replace(made, "名称,数量,区\n乙,x,东\n丙,2,西\n".encode())
    assert worked() == 1
    found = search("stops")
    assert [record["名称"] for record in found["records"]] == ["乙", "丙"]
    assert found["total"] == 2
    info = {field["id"]: (field["type"], field.get("info")) for field in found["fields"]}
    assert info["名称"] == ("text", {"label": "站点名称"})
    assert info["数量"][0] == "text"


def test_words_are_asked_by_column_as_ckan_takes_them(app, world, worked):
    made = loaded(world, worked, "名称,数量\n甲站,1\n乙站,2\n".encode())
    answer = app.post(
        "/api/3/action/datastore_search", json={"resource_id": made["id"], "q": {"名称": "甲站"}}
    )
    assert [record["名称"] for record in answer.json["result"]["records"]] == ["甲站"]
    for q in ({"名称": 1}, {"名称": ["甲站"]}, ["甲站"]):
        bad = app.post(
            "/api/3/action/datastore_search", json={"resource_id": made["id"], "q": q}, status=None
        )
        assert bad.status_code == 400, q


def test_the_table_goes_with_its_file(world, worked):
    made = loaded(world, worked, factories.CSV)
    assert exists(made["id"])
    tk.get_action("resource_delete")(factories.site_context(), {"id": made["id"]})
    worked()
    assert not exists(made["id"])
    assert model.Session.get(Table, made["id"]) is None


def test_the_table_goes_when_the_format_changes_and_comes_back(world, worked):
    made = loaded(world, worked, factories.CSV)
    patch = tk.get_action("resource_patch")
    patch(factories.site_context(), {"id": made["id"], "format": "JSON"})
    worked()
    assert not exists(made["id"])
    assert not patch(factories.site_context(), {"id": made["id"], "format": "CSV"})["datastore_active"]
    worked()
    forget_session()
    assert search(made["id"])["total"] == 2


def test_the_tables_of_a_deleted_dataset_go(world, worked):
    made = loaded(world, worked, factories.CSV)
    tk.get_action("package_delete")(factories.site_context(), {"id": made["package_id"]})
    worked()
    assert not exists(made["id"])


@pytest.mark.parametrize("is_stopped", [False, True])
def test_what_a_program_sends_back_as_it_was_shown_changes_nothing(world, worked, is_stopped):
    """``url_type`` left out or null means that it stays, and the address shown is the file's own."""
    made = loaded(world, worked, factories.CSV)
    if is_stopped:
        world.objected({"id": made["package_id"]})
    before = model.Session.get(model.Resource, made["id"]).url
    factories.call("resource_patch", world.editor, id=made["id"], url_type=None)
    assert worked() == 0
    forget_session()
    row = model.Session.get(model.Resource, made["id"])
    assert (row.url, row.url_type, row.extras["datastore_active"]) == (before, "upload", True)
    assert exists(made["id"])


def test_a_link_in_the_place_of_the_file_drops_the_table(world, worked):
    made = loaded(world, worked, factories.CSV)
    link = {"id": made["id"], "url": "https://data.example.org/x.csv", "url_type": "", "clear_upload": "true"}
    tk.get_action("resource_patch")(factories.site_context(), link)
    worked()
    assert not exists(made["id"])


def test_a_file_that_is_no_table_says_so_and_leaves_no_old_rows(world, worked):
    made = loaded(world, worked, factories.CSV)
    replace(made, b"\x89PNG\r\n\x1a\n\x00")
    worked()
    report = shown(made)
    assert (report["state"], report["error"]) == ("failed", "no_table")
    assert report["message"]
    assert not exists(made["id"])


def test_doing_it_twice_changes_nothing(world, worked):
    made = loaded(world, worked, factories.CSV)
    with get_write_engine().connect() as connection:
        oid = sa.text("SELECT to_regclass(quote_ident(:name))::oid")
        before = connection.scalar(oid, {"name": made["id"]})
        work.process(made["id"])
        assert connection.scalar(oid, {"name": made["id"]}) == before


def test_a_save_that_drops_ckan_s_flag_gets_it_back(world, worked):
    made = loaded(world, worked, factories.CSV)
    package = tk.get_action("package_show")(factories.site_context(), {"id": made["package_id"]})
    package["resources"][0].pop("datastore_active")
    package["resources"][0]["description"] = "另一说明"
    tk.get_action("package_update")(factories.site_context(), package)
    forget_session()
    assert model.Session.get(model.Resource, made["id"]).extras["datastore_active"] is True


def test_the_outbox_keeps_the_work_while_redis_is_down(world, monkeypatch):
    def refused(*_arguments, **_named):
        raise ConnectionError("Redis is down")

    made = factories.upload(factories.dataset(world.department))
    monkeypatch.setattr(work.jobs, "enqueue", refused)
    outbox.deliver([follow.TOPIC])
    waiting = model.Session.scalars(sa.select(Outbox).where(Outbox.topic == follow.TOPIC)).one()
    assert waiting.done_at is None
    assert waiting.payload == {"resource": made["id"]}


def test_the_preview_is_offered_once(world, worked):
    made = loaded(world, worked, factories.CSV, open_class="conditional")
    replace(made, "站点,数量\n另,1\n".encode())
    worked()
    views = model.Session.scalars(sa.select(model.ResourceView.view_type)).all()
    assert views.count("datatables_view") == 1


def test_limits(world, worked, monkeypatch, ckan_config):
    for option, value, error in (
        ("max_rows", 1, "rows"),
        ("max_columns", 1, "columns"),
        ("max_mb", 0, "size"),
    ):
        with monkeypatch.context() as patched:
            patched.setitem(ckan_config, f"ckanext.nmgdata.tables.{option}", value)
            assert shown(loaded(world, worked, factories.CSV))["error"] == error


def test_the_command_loads_what_is_not_loaded(world, worked):
    made = loaded(world, worked, factories.CSV)
    with work.store() as cursor:
        load.drop(cursor, made["id"])
    from ckanext.nmgdata.tables.cli import tables as command
    from click.testing import CliRunner

    done = CliRunner().invoke(command, ["--again"])
    assert done.exit_code == 0, done.output
    assert "loaded: 1" in done.output
    assert search(made["id"])["total"] == 2


# --- killed in the middle ------------------------------------------------------------------------

KILLED = """
import os, sys
from ckan.cli.cli import ckan
from ckan.config.middleware import make_app
from ckan.cli import load_config
from ckanext.nmgdata.tables import load, work
make_app(load_config(sys.argv[1]))
real = load.finish
def slow(*arguments):
    print("half way", flush=True)
    sys.stdin.read()
load.finish = slow
work.process(sys.argv[2])
"""


def test_a_killed_worker_leaves_no_half_table_and_the_next_one_a_whole_new_one(world, worked):
    made = loaded(world, worked, "名称,数量\n旧,1\n".encode())
    replace(made, "名称,数量\n".encode() + "新,2\n".encode() * 5000)
    model.Session.commit()
    worker = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(Path.cwd() / "test.ini"), made["id"]],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert worker.stdout.readline() == "half way\n", worker.stderr.read()
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    finally:
        worker.kill()
        worker.communicate()
    forget_session()
    assert shown(made)["state"] == "loading"
    with pytest.raises(tk.NotAuthorized):  # its rows are not those of the file any more
        search(made["id"])
    until = time.monotonic() + 30
    while leftovers() and time.monotonic() < until:
        pass
    assert leftovers() == 0
    worked()
    forget_session()
    found = search(made["id"], limit=1)
    assert (found["total"], found["records"][0]["名称"]) == (5000, "新")


def leftovers() -> int:
    """Return how many half-made tables others can see."""
    with get_write_engine().connect() as connection:
        return connection.scalar(
            sa.text("SELECT count(*) FROM pg_tables WHERE tablename LIKE '\\_nmgdata\\_%'")
        )


def test_reports_are_json(world, worked):
    made = loaded(world, worked, factories.CSV)
    json.dumps(shown(made))
