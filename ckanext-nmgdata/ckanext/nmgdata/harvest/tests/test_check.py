"""A dry run says what a harvest would do, and does nothing of it."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ...factories import call, site_context
from ...kernel.actors import Actor
from ...kernel.types import Conflict
from .. import check
from . import hostile
from .hostile import catalogue

pytestmark = pytest.mark.usefixtures("pages")
TABLES = (
    "package", "resource", "package_extra", "nmgdata_origin", "nmgdata_entry", "nmgdata_change", "nmgdata_outbox",
    "nmgdata_harvest_record", "nmgdata_harvest_file", "nmgdata_harvest_job", "nmgdata_harvest_page",
    "nmgdata_harvest_problem", "nmgdata_harvest_source",
)  # fmt: skip


def written():
    """Return when every row that a harvest could write was written last (PostgreSQL's xmin)."""
    model.Session.rollback()
    found = {}
    for table in TABLES:
        if model.Session.scalar(sa.text("SELECT to_regclass(:name)"), {"name": table}):
            rows = model.Session.execute(sa.text(f'SELECT ctid::text, xmin::text FROM "{table}"')).all()
            found[table] = sorted(tuple(row) for row in rows)
    return found


def outcomes(report):
    """Return outcome by identifier of a report."""
    return {one["identifier"]: one["outcome"] for one in report["records"]}


def test_it_says_what_would_be_and_writes_nothing(region, work):
    source = region.connected()
    work(source["id"])
    stopped = call("nmgdata_harvest_record_list", region.official, source_id="ordos", q="2")["records"][0]
    tk.get_action("package_delete")(site_context(), {"id": stopped["dataset_id"]})
    text = catalogue((1, 2, 4)).replace("公交站点 1", "公交车站 1").replace("公交站点 2", "改了")
    text += hostile.dataset(3) + '[] a dcat:Dataset ; dct:title "无名" .\n'
    region.server.page("/catalog.ttl", text)
    before = written()
    report = call("nmgdata_source_check", region.official, id="ordos")
    assert written() == before
    assert outcomes(report) == {"1": "updated", "2": "stopped", "4": "created", "无名": "refused"}
    assert report["counts"] == {
        "created": 1, "updated": 1, "restored": 0, "unchanged": 1, "stopped": 1, "refused": 1, "incomplete": 2,
    }  # fmt: skip
    by = {one["identifier"]: one for one in report["records"]}
    assert by["1"]["changes"] == ["名称"] and by["1"]["title"] == "公交车站 1"
    assert "开放属性" in by["4"]["missing"] and by["无名"]["why"]
    assert report["whole"] and report["error"] is None and (report["read"], report["tried"]) == (5, 5)
    job = work(source["id"])
    assert (job.created_count, job.updated_count, job.unchanged_count, job.stopped_count, job.refused_count) == (
        1, 1, 1, 1, 1,
    )  # fmt: skip


def test_a_file_that_has_moved_is_a_change_of_the_files_and_its_address_is_not_said(region, work):
    source = region.connected()
    work(source["id"])
    region.server.page("/catalog.ttl", catalogue((1, 2, 3)).replace("org/1.csv", "org/secret-place.csv"))
    report = call("nmgdata_source_check", region.official, id="ordos")
    assert [(one["identifier"], one["changes"]) for one in report["records"]] == [("1", ["文件"])]
    assert "secret-place" not in str(report)


def test_it_reads_a_few_pages_only(region):
    region.connected()
    for number in range(1, 7):
        following = f"{region.server.host}/p{number + 1}"
        region.serve(number, following=following, path=f"/p{number}")
    region.serve(1, following=f"{region.server.host}/p2", path="/catalog.ttl")
    report = call("nmgdata_source_check", region.official, id="ordos")
    assert report["pages"] == check.PAGES and not report["whole"] and report["error"] is None
    assert report["counts"]["created"] == check.PAGES
    assert len(region.server.asked) <= check.PAGES + 1


def test_a_record_that_stands_on_two_pages_is_refused_as_in_a_run(region):
    region.connected()
    region.serve(1, 2, following=f"{region.server.host}/p2")
    region.serve(2, 3, path="/p2")
    assert call("nmgdata_source_check", region.official, id="ordos")["counts"]["refused"] == 1


@pytest.mark.parametrize(("answer", "code"), [
    (hostile.answer("<html><body>404", Content_Type="text/html"), "html"),
    (hostile.answer("nothing", 404), "not_found"),
    (hostile.answer("", 403), "refused"),
    (hostile.redirect("http://127.0.0.1:1/"), "host_not_allowed"),
    (hostile.reset, "unreachable"),
])  # fmt: skip
def test_what_ends_it_is_said_by_name(region, answer, code):
    region.connected()
    region.server.routes["/catalog.ttl"] = answer
    report = call("nmgdata_source_check", region.official, id="ordos")
    assert (report["error"], report["records"]) == (code, [])
    assert report["error_label"]


def test_a_private_network_is_no_way_in_for_who_may_not_name_it(region):
    call("nmgdata_source_create", region.official, **region.stated())
    report = call("nmgdata_source_check", region.official, id="ordos")
    assert report["error"] == "network_not_allowed" and region.server.asked == []


def test_it_does_not_outlast_its_time(region):
    source = region.connected()
    region.server.routes["/catalog.ttl"] = hostile.silent(region.server)
    began = time.monotonic()
    report = check.check(Actor.system(), source["id"], 0.5)
    assert time.monotonic() - began < 5
    assert report["error"] == "time_over" and not report["whole"]


def test_one_at_a_time(region):
    source = region.connected()
    with check.alone(), pytest.raises(Conflict):
        check.check(Actor.system(), source["id"])
    assert check.check(Actor.system(), source["id"])["counts"]["created"] == 3
