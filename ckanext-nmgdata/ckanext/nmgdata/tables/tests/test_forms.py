"""A loaded table in another form: the same rows, through the same gate, as for the file itself."""

from __future__ import annotations

import csv
import io
import json

import openpyxl
import pytest
from ckanext.nmgdata import factories
from ckanext.nmgdata.factories import call
from ckanext.nmgdata.kernel.gate import counts

pytestmark = pytest.mark.usefixtures("clean_search")
TABLE = '站点,数量,开行日,备注\r\n示例一站,12,2026-01-02,"甲，""乙"""\r\n示例二站,7.50,2026-02-03,=1+1\r\n'.encode()


@pytest.fixture
def loaded(world, worked):
    """Return an open entry whose file is in the DataStore."""
    made = factories.dataset(world.department, title="公交站点")
    factories.upload(made, TABLE)
    assert worked() == 1
    return call("package_show", None, id=made["id"])


def address(dataset, form):
    return f"/dataset/{dataset['name']}/resource/{dataset['resources'][0]['id']}/download?as={form}"


def test_the_rows_are_the_same_in_every_form(loaded, app):
    answer = app.get(address(loaded, "csv"))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [row[0] for row in rows] == ["站点", "示例一站", "示例二站"]
    assert rows[1][3] == '甲，"乙"'

    answer = app.get(address(loaded, "json"))
    assert ".json" in answer.headers["Content-Disposition"]
    objects = json.loads(answer.data)
    assert [list(one) for one in objects] == [rows[0], rows[0]]
    assert [one["站点"] for one in objects] == ["示例一站", "示例二站"]

    sheet = openpyxl.load_workbook(io.BytesIO(app.get(address(loaded, "xlsx")).data)).active
    lines = list(sheet.iter_rows(values_only=True))
    assert [line[0] for line in lines] == [row[0] for row in rows]
    assert [line[1] for line in lines[1:]] == [12, 7.5]
    assert lines[2][3] == "=1+1"
    assert sheet["D3"].data_type == "s"


def test_it_is_counted_as_a_download(loaded, app):
    app.get(address(loaded, "xlsx"))
    assert counts.downloads_of(loaded["id"]) == 1


@pytest.mark.parametrize("form", ["csv", "xlsx", "json"])
def test_what_is_closed_is_closed_in_every_form(world, worked, app, loaded, form, as_user):
    made = factories.dataset(world.department, title="出租汽车轨迹", open_class="conditional")
    factories.upload(made, TABLE)
    worked()
    conditional = call("package_show", None, id=made["id"])
    app.get(address(conditional, form), status=403)
    world.granted(conditional)
    answer = app.get(address(conditional, form), headers=as_user(world.applicant))
    assert "no-store" in answer.headers["Cache-Control"]
    assert "SQ-" in answer.headers["Content-Disposition"]
    factories.stop(loaded)
    app.get(address(loaded, form), status=451)


def test_what_is_no_table_is_said_plainly(world, app, loaded):
    other = world.filled(factories.dataset(world.department, title="未入库"))
    app.get(address(other, "json"), status=404)
    app.get(address(loaded, "exe"), status=400)


def test_a_loaded_table_is_shown_and_drawn_before_it_is_downloaded(loaded, app):
    file = f"/dataset/{loaded['name']}/resource/{loaded['resources'][0]['id']}"
    page = app.get(file).body
    assert "示例二站" in page
    assert 'class="bars"' in page
    factories.stop(loaded)
    assert "示例二站" not in app.get(file).body
