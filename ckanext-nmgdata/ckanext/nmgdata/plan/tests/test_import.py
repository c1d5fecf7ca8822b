"""The import of a table: every kind of bad row, nothing half-imported, the file back with its faults marked."""

from __future__ import annotations

import base64
import csv
import io
import re
import zipfile

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata.factories import call, login, site_context
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.plan import importing, items, template
from ckanext.nmgdata.plan.logic import schema
from ckanext.nmgdata.plan.model import Item, Plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from werkzeug.datastructures import FileStorage

from .conftest import at

HEAD = ["信息资源代码或网址名称", "名称", "摘要", "主题", "数据形式", "更新频率", "格式", "计划月份", "拟开放属性",
        "优先理由", "需求来源", "需求说明"]  # fmt: skip
FUTURE = ["", "道路施工信息", "全区道路施工的时间和地点。", "交通运输", "电子表格", "每日", "CSV", "2026-06",
          "无条件开放", "与民生紧密相关、社会迫切需要", "社会公众需求", "公众多次来电询问"]  # fmt: skip


def sent(content: bytes, name: str = "plan.csv") -> FileStorage:
    """Return a file as a form sends it."""
    return FileStorage(io.BytesIO(content), filename=name)


def as_csv(*rows: list[str], encoding: str = "utf-8-sig") -> FileStorage:
    """Return rows under the head as CSV."""
    out = io.StringIO()
    csv.writer(out).writerows([HEAD, *rows])
    return sent(out.getvalue().encode(encoding))


def as_xlsx(*rows: list[str]) -> FileStorage:
    """Return rows under the head as XLSX."""
    book, out = Workbook(), io.BytesIO()
    for row in [HEAD, *rows]:
        book.active.append(row)
    book.save(out)
    return sent(out.getvalue(), "plan.xlsx")


def known(name: str, **values: str) -> list[str]:
    """Return a row about an entry of the catalogue."""
    row = {"dataset": name, "month": "2026年5月", "class": "conditional", **values}
    return [row["dataset"], "", "", "", "", "", "", row["month"], row["class"], "", "", ""]


@pytest.fixture
def drafted(plans, pages):
    """Return a plan that is being drafted, and an entry that it can promise."""
    with at(1, 12):
        yield plans.draft(), plans.entry("公交线路")


@pytest.mark.parametrize("table", [as_csv, as_xlsx, lambda *rows: as_csv(*rows, encoding="gb18030")])
def test_a_right_table_becomes_items_and_hidden_entries(world, plans, drafted, table):
    plan, entry = drafted
    done = call(
        "nmgdata_plan_import", world.reviewer, id=plan["id"], table=table(FUTURE, known(entry["name"]))
    )
    assert done == {"count": 2}
    first, second = plans.items(plan, world.reviewer)
    assert (first["title"], first["month"], first["grounds"]) == (
        "道路施工信息",
        "2026-06",
        ["livelihood", "urgent_need"],
    )
    assert (second["title"], second["month"], second["open_class"]) == ("公交线路", "2026-05", "conditional")
    assert tk.get_action("package_show")(site_context(), {"id": first["entry_id"]})["private"]


BAD = {
    "no month": (7, "", "计划月份"),
    "no such month": (7, "2026-13", "计划月份"),
    "another year": (7, "2027-01", "计划月份"),
    "no class": (8, "", "拟开放属性"),
    "a class that does not open": (8, "非开放", "拟开放属性"),
    "unknown theme": (3, "占星术", "主题"),
    "unknown form": (4, "口述", "数据形式"),
    "unknown frequency": (5, "偶尔", "更新频率"),
    "unknown format": (6, "XYZ", "格式"),
    "unknown ground": (9, "领导要求", "优先理由"),
    "a ground of another region": (9, "产业战略意义重大", "优先理由"),
    "unknown source": (10, "天意", "需求来源"),
    "no title": (1, "", "名称"),
    "no summary": (2, "", "摘要"),
    "a person's number": (11, "请联系13812345678", "需求说明"),
    "an entry of nobody": (0, "no-such-entry", "信息资源代码或网址名称"),
    "too long": (2, "长" * 6000, "摘要"),
}


def test_nothing_is_imported_while_one_row_is_wrong(world, plans, drafted):
    plan, entry = drafted
    rows = [FUTURE, known(entry["name"])]
    for number, (column, value, _said) in enumerate(BAD.values()):
        row = [*FUTURE]
        row[1], row[column] = f"道路施工信息{number}" if column != 1 else "", value
        rows.append(row)
    rows += [[*FUTURE], known(entry["id"])]  # the same twice, by title and by entry
    with pytest.raises(tk.ValidationError) as refused:
        call("nmgdata_plan_import", world.reviewer, id=plan["id"], table=as_csv(*rows))
    lines = refused.value.error_dict["table"]
    for number, (name, (_column, _value, said)) in enumerate(BAD.items(), 4):
        assert any(line.startswith(f"第{number}行，{said}") for line in lines), (name, lines)
    assert any(f"第{len(rows)}行，名称" in line for line in lines)
    assert any(f"第{len(rows) + 1}行，信息资源" in line for line in lines)
    assert plans.items(plan, world.reviewer) == []
    package = model.Package
    assert model.Session.scalar(sa.select(sa.func.count()).where(package.title.like("道路施工%"))) == 0


def test_the_table_comes_back_with_its_faults_marked(app, world, plans):
    with at(1, 12):
        plan, office = plans.draft(), login(world.reviewer)
        place = "/nmg/plans/2026/nmg-transport/work/import"
        page = app.post(place, data={"table": (io.BytesIO(as_csv(FUTURE, known("x")).read()), "计划.csv")},
                        headers=office, content_type="multipart/form-data")  # fmt: skip
        assert "第3行" in page.text and plans.items(plan, world.reviewer) == []
        coded = re.search(r"base64,([^\"]+)", page.text)
    sheet = load_workbook(io.BytesIO(base64.b64decode(coded[1]))).active
    assert sheet["A3"].fill.fgColor.rgb == "FFF4C7C3" and sheet["A3"].comment
    assert sheet["B2"].value == "道路施工信息" and not sheet["A2"].comment
    assert "目录" in sheet.cell(3, len(HEAD) + 1).value


def test_the_marked_table_can_be_mended_and_sent_again(world, plans, drafted):
    """Its last column, the comments and what was made harmless in it do not stand in the way."""
    plan, entry = drafted
    row = [*FUTURE]
    row[2], row[11] = "+全区道路施工的时间和地点。\x01", "=来电询问"
    table = importing.read(as_csv(row, known("x")))
    with pytest.raises(tk.ValidationError):
        importing.draft(Actor.person(world.reviewer), model.Session.get_one(Plan, plan["id"]), table)
    book = load_workbook(io.BytesIO(template.marked(table)))
    book.active["A3"].value, out = entry["name"], io.BytesIO()
    book.save(out)
    done = call("nmgdata_plan_import", world.reviewer, id=plan["id"], table=sent(out.getvalue(), "plan.xlsx"))
    assert done == {"count": 2}
    first = plans.items(plan, world.reviewer)[0]
    assert (first["description"], first["demand_note"]) == ("+全区道路施工的时间和地点。", "=来电询问")


def test_a_shifted_row_is_told_and_not_cut(world, plans, drafted):
    plan, entry = drafted
    with pytest.raises(tk.ValidationError) as refused:
        call(
            "nmgdata_plan_import",
            world.reviewer,
            id=plan["id"],
            table=as_csv([*known(entry["name"]), "多余"]),
        )
    assert refused.value.error_dict["table"][0].startswith("第2行")
    table = importing.read(as_csv([*known(entry["name"]), "多余"]))
    importing.check(model.Session.get_one(Plan, plan["id"]), table)
    told = load_workbook(io.BytesIO(template.marked(table))).active.cell(2, len(HEAD) + 1).value
    assert told.startswith("行：")


def test_empty_rows_of_a_spreadsheet_are_not_counted(pages, drafted):
    rows = importing.read(as_csv(known("x"), *([[""] * len(HEAD)] * 3000), known("y"))).rows
    assert [row.number for row in rows] == [2, 3003]


@pytest.mark.parametrize(
    "month", ["2026-123", "2026-05-999", "2026-5x", "26-05", "2026-05 和 2026-06", "05-2026"]
)
def test_a_month_is_a_month(pages, month):
    with pytest.raises(tk.Invalid):
        schema.month_end(month)


@pytest.mark.parametrize(
    "month", ["2026-05", "2026-5", "2026年5月", "2026/05/03", "2026.5", "2026-05-03 00:00:00"]
)
def test_a_month_may_be_written_in_many_ways(pages, month):
    assert schema.month_end(month).isoformat() == "2026-05-31"


def bomb() -> bytes:
    """Return a small archive that unpacks to much."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * (importing.MOST_UNPACKED + 1))
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\xfe\x00\x01", b"PK\x03\x04broken", b"\0" * 100, "名称,别的\n甲,乙\n".encode(),
        "名称,名称,计划月份,拟开放属性\n".encode(), (",".join(HEAD) + "\n").encode(),
        (",".join(HEAD) + "\n" + "甲\n" * 2001).encode(), b"x" * (importing.MOST_BYTES + 1), bomb(),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_in_words(pages, content):
    with pytest.raises(tk.ValidationError) as refused:
        importing.read(sent(content))
    assert set(refused.value.error_dict) == {"table"}


@given(st.binary(max_size=400))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_break_the_reader(pages, content):
    try:
        table = importing.read(sent(content))
    except tk.ValidationError:
        return
    assert table.rows


def test_the_template_can_be_read_again(pages):
    for kind in (template.empty(), template.empty_csv()):
        with pytest.raises(tk.ValidationError, match=r"数据行|rows"):
            importing.read(sent(kind))


def test_promised_twice_is_refused(world, plans, drafted):
    plan, entry = drafted
    plans.promise(plan, entry, "2026-05")
    with pytest.raises(tk.ValidationError, match="已在计划中"):
        call("nmgdata_plan_import", world.reviewer, id=plan["id"], table=as_csv(known(entry["name"])))
    assert model.Session.query(Item).count() == 1


def test_a_table_that_is_sent_twice_at_once_is_imported_once(world, plans, drafted):
    """Two windows: the second was checked before the first had made its hidden entries."""
    plan, _entry = drafted
    row, actor = model.Session.get_one(Plan, plan["id"]), Actor.person(world.reviewer)
    first, second = ([*importing.check(row, importing.read(as_csv(FUTURE)))] for _window in range(2))
    assert items.add_all(actor, row, first) == 1
    with pytest.raises(tk.ValidationError) as refused:
        items.add_all(actor, row, second)
    assert list(refused.value.error_dict) == ["title"]
    model.Session.rollback()
    assert len(plans.items(plan, world.reviewer)) == 1
    found = sa.select(sa.func.count()).where(
        model.Package.title == FUTURE[1], model.Package.state == "active"
    )
    assert model.Session.scalar(found) == 1
