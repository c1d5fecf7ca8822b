"""A case about several data is found by each of them, in every list, and by no other (R-COND-03, R36¶3)."""

from __future__ import annotations

import csv
import io

import openpyxl
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _run_migrations
from ckan.plugins import toolkit as tk
from ckanext.nmgdata.access import scope
from ckanext.nmgdata.access.closing.tests.test_closing import NOTICE
from ckanext.nmgdata.access.model import ApplicationItem
from ckanext.nmgdata.access.privacy import erase_application
from ckanext.nmgdata.access.tests.test_application import APPROVAL, fire
from ckanext.nmgdata.access.use import schedule
from ckanext.nmgdata.conftest import MONDAY
from ckanext.nmgdata.factories import STATEMENT, call, dataset, login, site_context
from ckanext.nmgdata.kernel import clock
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.unit import begin
from ckanext.nmgdata.kernel.workflow import boxes, terms
from ckanext.nmgdata.kernel.workflow.model import Case


@pytest.fixture
def bridges(world):
    """Return a second conditional entry of the department."""
    assert world.reviewer
    return dataset(world.department, title="桥梁养护明细", open_class="conditional")


@pytest.fixture
def both(world, bridges):
    """Return an application for two entries of one department."""
    wanted = [{"dataset_id": world.conditional["id"]}, {"dataset_id": bridges["id"]}]
    return call("nmgdata_application_submit", world.applicant, items=wanted, **STATEMENT)


def numbers(user, **asked) -> list[str]:
    """Return the numbers of the cases that somebody is shown."""
    return [row["number"] for row in call("nmgdata_case_list", user, box="all", **asked)]


def accepted(world, case, **terms) -> None:
    """Grant an application and accept the agreement."""
    fire(world.reviewer, case, "approve", **APPROVAL, **terms)
    fire(world.applicant, case, "accept", agreement="2026-1")


def test_filter_and_words_find_an_application_by_each_of_its_data(world, bridges, both):
    other = dataset(world.department, title="隧道养护明细", open_class="conditional")
    alone = world.submitted(other)
    for entry, word, case in (
        (world.conditional, "出租汽车", both), (bridges, "桥梁", both), (other, "隧道", alone),
    ):  # fmt: skip
        for asked in ({"dataset": entry["name"]}, {"q": word}, {"dataset": entry["name"], "q": word}):
            assert numbers(world.reviewer, **asked) == [case["number"]]
    assert numbers(world.reviewer, q="出租汽车 桥梁") == [both["number"]]
    assert numbers(world.reviewer, q="桥梁 隧道") == []
    assert numbers(world.reviewer, dataset=other["name"], q="桥梁") == []


def test_words_find_what_an_application_states(world, bridges, app):
    """By scenario and scope, never by who applies; for who reads the case, until it is destroyed."""
    stated = {
        "scenario": "分析早高峰的拥堵成因",
        "data_scope": "二〇二五年的养护记录",
        "applicant_name": "乌仁图雅",
    }
    filed = call(
        "nmgdata_application_submit",
        world.applicant,
        items=[{"dataset_id": bridges["id"]}],
        **{**STATEMENT, **stated},
    )
    for user, found in (
        (world.reviewer, [filed["number"]]),
        (world.official, [filed["number"]]),
        (world.stranger, []),
    ):
        for q in ("拥堵成因", "养护记录", "桥梁 早高峰"):
            assert numbers(user, q=q) == found
    assert numbers(world.reviewer, q="乌仁图雅") == []
    with begin(Actor.system()) as unit:
        erase_application(unit, unit.session.get_one(Case, filed["id"]))
    assert numbers(world.reviewer, q="拥堵成因") == []
    assert numbers(world.reviewer, q="桥梁") == [filed["number"]]


def test_a_new_title_of_one_leaves_the_words_of_the_other(world, bridges, both):
    tk.get_action("package_patch")(site_context(), {"id": bridges["id"], "title": "涵洞养护明细"})
    for word, found in (("涵洞", True), ("出租汽车", True), ("桥梁", False)):
        assert numbers(world.reviewer, q=word) == ([both["number"]] if found else [])


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_lists_and_exports_name_all_of_them(world, bridges, both, app, form):
    named = [world.conditional["title"], bridges["title"]]
    for user in (world.reviewer, world.applicant):
        (row,) = call("nmgdata_case_list", user, box="all" if user is world.reviewer else "filed")
        assert [one["title"] for one in row["datasets"]] == named
    data = app.get(f"/nmg/inbox/export.{form}?box=all", headers=login(world.reviewer)).data
    if form == "csv":
        head, line = csv.reader(io.StringIO(data.decode("utf-8-sig")))
    else:
        head, line = openpyxl.load_workbook(io.BytesIO(data)).active.values
    assert line[head.index("数据")] == "、".join(named)


def test_a_report_is_about_what_was_granted(world, bridges, both, app):
    """R36¶3: only the second of two was granted; the report, its lists and the search name that one alone."""
    (item,) = [i for i in scope.items(both["id"]) if i.dataset_id == bridges["id"]]
    accepted(world, both, scopes=[{"item": item.id}])
    with clock.fixed(MONDAY.replace(year=2027, month=6)):
        schedule.open_due()
        (report, *_more) = call("nmgdata_use_report_list", world.reviewer)
        assert report["title"] == bridges["title"]
        assert [one["id"] for one in report["datasets"]] == [bridges["id"]]
        assert report["number"] in numbers(world.reviewer, q="桥梁")
        assert report["number"] not in numbers(world.reviewer, q="出租汽车")
    page = app.get(f"/nmg/cases/{report['number']}", headers=login(world.applicant)).body
    assert f"/dataset/{bridges['name']}" in page


def test_a_report_about_several_names_and_offers_all(world, bridges, both, app):
    """R36¶3: list, page and the form of a result begin with every dataset of the grant."""
    accepted(world, both)
    with clock.fixed(MONDAY.replace(year=2027, month=6)):
        schedule.open_due()
        (report, *_more) = call("nmgdata_use_report_list", world.reviewer)
        named = [world.conditional, bridges]
        assert report["title"] == "、".join(one["title"] for one in named)
        for one in named:
            assert report["number"] in numbers(world.reviewer, dataset=one["id"])
    for path in (f"/nmg/cases/{report['number']}", f"/nmg/showcase/new?report={report['number']}"):
        page = app.get(path, headers=login(world.applicant)).body
        assert all(one["name"] in page for one in named)


def test_a_notice_of_closing_is_found_by_each_of_the_data_it_names(world, bridges, both):
    """R50, R-SUSP-02."""
    accepted(world, both)
    closed = [world.conditional["id"], bridges["id"]]
    made = call("nmgdata_access_close", world.reviewer, id=both["id"], datasets=closed, **NOTICE)
    for key in closed:
        assert made["number"] in numbers(world.reviewer, dataset=key, kind="access_suspension")


def test_cases_from_before_are_found_too(world, bridges, both):
    """The migration writes down the words of every title, and lets a report name what was granted."""
    (item,) = [i for i in scope.items(both["id"]) if i.dataset_id == bridges["id"]]
    accepted(world, both, scopes=[{"item": item.id}])
    with clock.fixed(MONDAY.replace(year=2027, month=6)):
        schedule.open_due()
        (report, *_more) = call("nmgdata_use_report_list", world.reviewer)
    first = {"dataset_id": world.conditional["id"], "terms": terms.terms(world.conditional["title"])}
    model.Session.execute(sa.update(Case).values(first))
    model.Session.commit()
    assert numbers(world.reviewer, q="桥梁") == []
    model.Session.remove()
    _run_migrations("nmgdata", version="7e19d0c45ab3", forward=False)
    _run_migrations("nmgdata")
    assert set(numbers(world.reviewer, q="桥梁")) >= {report["number"], both["number"]}
    assert numbers(world.reviewer, q="出租汽车") == [both["number"]]
    assert report["number"] not in numbers(world.reviewer, dataset=world.conditional["id"])
    assert numbers(world.reviewer, q=STATEMENT["scenario"]) == [both["number"]]


def copied(table, times: int, **changed: str) -> None:
    """Add copies of every row of a table, with some columns from an expression over ``n``."""
    columns = [column.name for column in table.columns]
    values = ", ".join(changed.get(name, f"t.{name}") for name in columns)
    sql = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} t, generate_series(1, {times}) n"
    model.Session.execute(sa.text(sql))


def test_the_filter_goes_by_the_indexes_of_the_data(world, bridges, both):
    """One query, in which neither the cases nor a table of their data is read whole."""
    item = ApplicationItem.__table__
    copied(Case.__table__, 3000, id="'c' || n", number="'SQ-' || n", dataset_id="'d' || n % 500")
    copied(
        item, 3000, id="t.id || n", case_id="'c' || n", dataset_id="'d' || n % 500", is_open="false",
        is_pending="false",
    )  # fmt: skip
    for name in ("nmgdata_case", item.name):
        model.Session.execute(sa.text(f"ANALYZE {name}"))
    actor = Actor("person", user_id=world.official.id, name=world.official.name)
    query = boxes.listed(actor, "all", boxes.Filter(dataset=bridges["id"]), sort="newest", limit=51)
    asked = query.compile(model.Session.get_bind(), compile_kwargs={"literal_binds": True})
    plan = "\n".join(model.Session.connection().exec_driver_sql(f"EXPLAIN {asked}").scalars())
    model.Session.rollback()
    for index in ("nmgdata_case_dataset", "nmgdata_application_item_dataset", "nmgdata_case_pkey"):
        assert index in plan
    for table in ("nmgdata_case", "nmgdata_application_item"):
        assert f"Seq Scan on {table} " not in plan
