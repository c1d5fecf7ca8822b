"""Pages and files of plans over HTTP: what the public sees, what an office does."""

from __future__ import annotations

import csv
import io
import json
import re
from xml.etree import ElementTree as ET

import pytest
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata.catalog.dcat_terms import NMG
from ckanext.nmgdata.factories import PDF, call, login, site_context, stop, upload
from ckanext.nmgdata.kernel import clock, outbox, tick
from ckanext.nmgdata.plan import counts, views
from ckanext.nmgdata.plan.model import Happening
from openpyxl import load_workbook
from rdflib import Graph, URIRef
from rdflib.namespace import RDF

from .conftest import at

PLACE = "/nmg/plans/2026/nmg-transport"


@pytest.fixture
def published(plans):
    """Return a published plan: one promise kept, one late, one still to come."""
    with at(2, 2):
        plan = plans.draft(key_areas="交通出行数据。")
        entries = [plans.entry(title) for title in ("公交线路", "停车场", "=充电桩")]
        for entry, month in zip(entries, ("2026-03", "2026-05", "2026-12"), strict=True):
            plans.promise(plan, entry, month, grounds=["livelihood"])
        plans.publish(plan)
    with at(3, 10):
        upload(entries[0])
        tk.get_action("package_patch")(site_context(), {"id": entries[0]["id"], "private": False})
        outbox.deliver()
    return plan, entries


def test_the_public_reads_promise_and_fact(app, plans, published):
    _plan, entries = published
    with at(6, 2):
        tick.once()
        year = app.get("/nmg/plans/2026").text
        assert "公交线路" in year and "停车场" in year
        page = app.get(PLACE).text
        assert "交通出行数据" in page and f"/dataset/{entries[0]['name']}" in page
        assert entries[1]["name"] not in page and "停车场" in page
        assert "停车场" in app.get(f"{PLACE}?state=late").text
        assert "公交线路" not in app.get(f"{PLACE}?state=late").text.split('id="items"')[1]
        for part in ("/versions", "/print"):
            assert "自治区交通厅" in app.get(PLACE + part).text
        printed = app.get("/nmg/plans/2026.print").text
        assert "自治区交通厅" in printed and "停车场" in printed and "XLSX" not in printed
    assert app.get("/nmg/plans/2025.print", status=404)
    assert app.get("/nmg/plans/2026.print?region=110000", status=404)
    assert app.get("/nmg/plans", follow_redirects=False).location.endswith("/nmg/plans/2026")
    assert app.get("/nmg/plans/2025", status=404)
    assert app.get("/nmg/plans/2026/nmg-water", status=404)
    for file in ("", ".csv"):
        assert app.get(f"/nmg/plans/2026{file}?region=310000", status=404)


def test_a_plan_comes_as_a_file(app, published):
    with at(6, 2):
        book = load_workbook(io.BytesIO(app.get(f"{PLACE}/items.xlsx").data))
        rows = list(book.active.iter_rows(values_only=True))
        assert [row[3] for row in rows[1:]] == ["公交线路", "停车场", "'=充电桩"]
        assert rows[1][11] == "2026-03-10" and rows[2][11] is None and rows[2][12] == 2
        text = app.get("/nmg/plans/2026.csv").data.decode("utf-8-sig")
        assert [line[3] for line in csv.reader(io.StringIO(text))][1:] == ["公交线路", "停车场", "'=充电桩"]
        found = json.loads(app.get(f"{PLACE}/items.json").data)
        assert [(i["title"], i["state"]) for i in found["items"]] == [
            ("公交线路", "opened"), ("停车场", "late"), ("=充电桩", "planned"),
        ]  # fmt: skip
        assert found["items"][1]["url"] is None and found["items"][0]["url"]
    assert app.get(f"{PLACE}/items.exe", status=404)


@pytest.mark.parametrize("withdraw", [False, True])
def test_every_door_says_what_has_stopped_the_data(app, published, withdraw):
    said = "开放后撤回" if withdraw else "开放后中止"
    with at(6, 2):
        stop(published[1][0], withdraw=withdraw)
        assert said in shown(app, PLACE) and said in app.get(f"{PLACE}/print").text
        text = app.get(f"{PLACE}/items.csv").data.decode("utf-8-sig")
        assert [line[10] for line in csv.reader(io.StringIO(text))][1] == said
        (item, *_rest) = json.loads(app.get(f"{PLACE}/items.json").data)["items"]
        graph = Graph().parse(data=app.get(f"{PLACE}/plan.ttl").text, format="turtle")
    assert item["state"] == "stopped" and item["stopped_by"] == ("withdrawn" if withdraw else "suspended")
    assert [str(o) for o in graph.objects(None, NMG.stoppedBy)] == [item["stopped_by"]]


def test_a_plan_is_a_series_in_dcat(app, published):
    _plan, entries = published
    graph = Graph().parse(data=app.get(f"{PLACE}/plan.ttl").text, format="turtle")
    dcat = "http://www.w3.org/ns/dcat#"
    (series,) = graph.subjects(RDF.type, URIRef(f"{dcat}DatasetSeries"))
    members = [str(m) for m in graph.objects(series, URIRef(f"{dcat}seriesMember"))]
    assert len(members) == 1 and entries[0]["id"] in members[0]
    assert entries[1]["id"] not in app.get(f"{PLACE}/plan.jsonld").text


def test_news_come_as_a_feed(app, world, plans, published, monkeypatch):
    """Each leads to its item, however long the plan is."""
    with at(6, 2):
        tick.once()
        item = plans.items(published[0], state="late")[0]
        call("nmgdata_plan_item_update", world.reviewer, id=item["id"], late_reason="系统升级延期。")
        feed = ET.fromstring(app.get(f"{PLACE}/feed.atom").data)
    atom = "{http://www.w3.org/2005/Atom}"
    titles = [one.findtext(f"{atom}title") for one in feed.iter(f"{atom}entry")]
    assert titles[0].endswith("停车场") and titles[-1].endswith(published[0]["title"])
    assert "系统升级延期。" in [one.findtext(f"{atom}summary") for one in feed.iter(f"{atom}entry")]
    monkeypatch.setattr(views, "PER_PAGE", 1)
    assert "停车场" not in shown(app, f"{PLACE}#items")
    (address,) = {link.get("href") for link in feed.find(f"{atom}entry").iter(f"{atom}link")}
    with at(6, 2):
        assert "停车场" in shown(app, address)
        (link,) = set(re.findall(r'href="([^"]+\?item=[^"]+)"', app.get(PLACE).text.split("停车场")[0]))
        assert "停车场" in shown(app, link)


def test_counts_know_an_event_that_is_written_after_a_later_one(world, plans, published):
    """Two write at once; who has the lower number may be the later one to commit."""
    plan, _entries = published
    first, second = (Happening(plan_id=plan["id"], kind="opened", at=clock.now()) for _turn in range(2))
    first.id, second.id = 7_000_001, 7_000_002
    model.Session.add(second)
    model.Session.flush()
    known = counts.known()
    model.Session.add(first)
    model.Session.flush()
    assert counts.known() != known


def shown(app, address: str) -> str:
    """Return the part of a plan's page with its items."""
    return app.get(address.split("#", maxsplit=1)[0].replace("&amp;", "&")).text.split('id="items"')[1]


def test_an_office_makes_its_plan_on_pages(app, world, plans):
    office, entry = login(world.reviewer), None
    with at(1, 12):
        entry = plans.entry("公交线路")
        form = {"org_id": world.department["id"], "year": "2026"}
        page = app.post("/nmg/plans/work", data=form, headers=office, follow_redirects=False)
        assert page.status_code == 302 and page.location.endswith(f"{PLACE}/work")
        assert "公交线路" in app.get(f"{PLACE}/work/proposals", headers=office).text
        wrong = app.post(f"{PLACE}/work/items/new", data={"title": "道路施工"}, headers=office)
        assert "道路施工" in wrong.text and 'aria-invalid="true"' in wrong.text
        form = {"chosen": entry["id"], "month": "2026-03", "open_class": "unconditional"}
        app.post(f"{PLACE}/work/proposals", data=form, headers=office, follow_redirects=False)
        assert "公交线路" in app.get(f"{PLACE}/work", headers=office).text
        (item,) = plans.items(
            call("nmgdata_plan_list", world.reviewer, level="department")[0], world.reviewer
        )
        form = {"do": "change", "month": "2026-04", "has_grounds": "1", "grounds": ["livelihood"]}
        app.post(f"{PLACE}/work/items/{item['id']}", data=form, headers=office, follow_redirects=False)
        assert plans.items({"id": item["plan_id"]}, world.reviewer)[0]["month"] == "2026-04"
        form = {"title": "交通厅计划", "key_areas": "出行"}
        app.post(f"{PLACE}/work/texts", data=form, headers=office, follow_redirects=False)
        upload = {**form, "evidence": (io.BytesIO(PDF), "盖章文本.pdf")}
        app.post(f"{PLACE}/work/texts", data=upload, headers=office, follow_redirects=False)
        (kept,) = plans.shown({"id": item["plan_id"]}, world.reviewer)["attachments"]
        assert app.get(f"{PLACE}/files/{kept['id']}", status=404), (
            "a draft's files are nobody else's business"
        )
        assert app.get(PLACE, status=404)
        app.post(f"{PLACE}/work/submit", headers=office, follow_redirects=False)
        assert "交通厅计划" in app.get(f"{PLACE}/work", headers=office).text
        case = app.get(
            f"/nmg/cases/{plans.shown({'id': item['plan_id']}, world.official)['case']}",
            headers=login(world.official),
        )
        assert "公交线路" in case.text and 'id="step-approve"' in case.text
        plans.step(world.official, {"id": item["plan_id"]}, "approve")
        plans.step(world.official, {"id": item["plan_id"]}, "publish")
        assert app.get(f"{PLACE}/files/{kept['id']}").data == PDF and "盖章文本.pdf" in app.get(PLACE).text
        outbox.deliver()
        (told,) = call("group_show", None, id=item["plan_id"])["attachments"]
        assert told["name"] == "盖章文本.pdf" and told["url"].endswith(f"{PLACE}/files/{kept['id']}")
    assert app.get(f"{PLACE}/work", headers=login(world.stranger), status=404)


def test_the_list_of_key_data_is_marked_whole_or_not_at_all(app, plans, world):
    """An authority's old form neither marks what was published meanwhile nor fails: it is told why."""
    place, official = "/nmg/plans/2026/nmg-data/work/compose", login(world.official)
    with at(2, 2):
        plan = plans.draft()
        for title in ("公交线路", "停车场"):
            plans.promise(plan, plans.entry(title), "2026-03")
        first, second = plans.items(plan, world.official)
        form = {"chosen": [first["id"]]}
        assert "已保存" in app.post(place, data=form, headers=official).text
        plans.publish(plan)
        answer = app.post(place, data={"chosen": [first["id"], second["id"]]}, headers=official)
        assert "重点清单已随计划公布" in answer.text
    assert [item["is_key"] for item in plans.items(plan)] == [True, False]
