"""JSON as a table: lists of objects, in any of our encodings; everything else is refused with a clear word."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.tables import reading, stored

from .conftest import search
from .test_guess import copy
from .test_load import loaded, shown

RECORDS = '[{"站名":"呼和浩特","气温":-3.50,"编号":"0053"},{"站名":"鄂尔多斯","气温":1.25,"更多":{"海拔":[1,2.50]}}]'


def rows_of(tmp_path, content: bytes) -> list[list[str | None]]:
    """Return a file that its department calls JSON as rows."""
    return read(stored.to_be_table(copy(tmp_path, content), "JSON"), 20)


def read(file: stored.Copy, seconds: int) -> list[list[str | None]]:
    """Return what can be read in so many seconds."""
    rows, _delimiter = reading.table_rows(file, seconds)
    return [list(row.cells) for row in rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_objects_become_rows_under_all_their_names(tmp_path, encoding):
    assert rows_of(tmp_path, RECORDS.encode(encoding)) == [
        ["站名", "气温", "编号", "更多"],
        ["呼和浩特", "-3.50", "0053", None],
        ["鄂尔多斯", "1.25", None, '{"海拔":[1,2.50]}'],
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"data": [{"a": 1}]}', "records"),
        (b'{"item": [{"a": 1}]}', "records"),
        (b'{"a": 1}\n{"a": 2}\n', "records"),
        (b'[{"a": 1}, 2]', "records"),
        (b"[[1, 2], [3, 4]]", "records"),
        (b'[{"a": NaN}]', "json"),
        (b'[{"a": 1}, {"a"', "json"),
        (b'[{"a": 1}] and more', "json"),
        (b"a,b\n1,2\n", "json"),
        (b'[{"a": "' + "中".encode() * 20 + b'\xff\xff\xff"}]', "encoding"),
        (b'[{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}]", "deep"),
        (b"[" + b",".join(b'{"k%d": 1}' % n for n in range(5100)) + b"]", "columns"),
    ],
)
def test_what_is_no_list_of_objects_is_said_to_be_none(tmp_path, content, code):
    with pytest.raises(reading.UnreadableError) as refused:
        rows_of(tmp_path, content)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "content",
    [
        b'[{"a": ' + b'{"a":' * 300_000 + b"1" + b"}" * 300_000 + b"}]",
        b'[{"a": "' + b"x" * 5_000_000 + b'"}]',
        b'[{"a": ' + b"9" * 20_000 + b"}]",
    ],
    ids=["deep", "long", "digits"],
)
def test_hostile_json_ends_within_its_limits(tmp_path, ckan_config, monkeypatch, content):
    monkeypatch.setitem(ckan_config, "ckanext.nmgdata.tables.memory_mb", 200)
    file = stored.to_be_table(copy(tmp_path, content), "JSON")
    started = time.monotonic()
    try:
        found = len(read(file, seconds=4))
    except reading.UnreadableError as refused:
        found = refused.code
    assert found in (2, "memory", "killed", "deep", "broken", "json")
    assert time.monotonic() - started < 12


def test_a_number_beyond_all_bounds_is_not_written_out(tmp_path):
    assert rows_of(tmp_path, b'[{"a": 1e999999999, "b": 1e3}]')[1] == ["1E+999999999", "1000"]


def test_a_value_that_is_too_long_costs_its_row_and_not_the_table(tmp_path):
    file = stored.to_be_table(copy(tmp_path, b'[{"a": "%s"}, {"a": "1"}]' % (b"x" * 200_000)), "json")
    rows, _delimiter = reading.table_rows(file, 20)
    assert [row.fault for row in rows] == [None, "long", None]


def test_a_file_that_is_not_called_json_is_read_as_what_it_is(tmp_path):
    file = copy(tmp_path, b"[a],b\n1,2\n")
    assert file.kind == stored.JSON
    assert stored.to_be_table(file, "CSV") == file
    assert stored.to_be_table(replace(file, kind=stored.XLSX), "JSON").kind == stored.XLSX


@pytest.mark.usefixtures("clean")
class TestLoaded:
    def test_it_is_shown_drawn_and_converted(self, world, worked, app):
        file = loaded(world, worked, RECORDS.encode(), name="站.json")
        assert shown(file)["state"] == "loaded"
        assert [row["站名"] for row in search(file["id"])["records"]] == ["呼和浩特", "鄂尔多斯"]
        page = app.get(f"/dataset/{file['package_id']}/resource/{file['id']}").body
        assert "<td>呼和浩特</td>" in page
        assert 'class="bars"' in page
        assert "鄂尔多斯" in app.get(f"{file['url']}?as=csv").body

    def test_anything_else_says_why_there_is_no_preview(self, world, worked, app):
        file = loaded(world, worked, b'{"type": "FeatureCollection"}', name="图.json")
        page = f"/dataset/{file['package_id']}/resource/{file['id']}"
        assert shown(file)["error"] == "records"
        assert "只有由对象组成的列表" in app.get(page).body
        assert app.get(f"{file['url']}").body == '{"type": "FeatureCollection"}'

    def test_who_may_not_have_the_file_learns_nothing_of_it(self, world, worked, app):
        file = loaded(world, worked, RECORDS.encode(), name="站.json", open_class="conditional")
        page = app.get(f"/dataset/{file['package_id']}/resource/{file['id']}").body
        assert "呼和浩特" not in page.split("<main")[1]
        assert 'id="preview"' not in page
        with pytest.raises(tk.NotAuthorized):
            search(file["id"], factories.person("anybody"))
