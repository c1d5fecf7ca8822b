"""Pages of sources over HTTP: a city is connected, checked, harvested, held, decided; nobody else sees it."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from ckan import model
from ckan.lib import jobs as background
from ckan.plugins import toolkit as tk

from ...factories import call, login, site_context
from ...kernel import connections, outbox
from .. import jobs, query
from ..model import Problem, Source
from ..remote.errors import Code
from . import hostile
from .test_sources import KEEPERS, OTHERS, READERS, somebody

BASE = "/nmg/sources"
SECRET = "swordfish-77"


def text_of(answer):
    """Return what a page says in its main part."""
    page = BeautifulSoup(answer.text, "html.parser").select_one("main")
    return re.sub(r"\s+", " ", page.get_text(" ")) if page else ""


class Keeper:
    """Somebody who looks after sources, in front of the portal."""

    def __init__(self, app, person):
        self.app, self.headers = app, login(person)

    def get(self, path="", status=200):
        """Open a page."""
        return self.app.get(BASE + path, headers=self.headers, status=status, follow_redirects=False)

    def post(self, path, status=302, **form):
        """Send a form."""
        return self.app.post(
            BASE + path, data=form, headers=self.headers, status=status, follow_redirects=False
        )

    def says(self, path="", status=200):
        """Return what a page says."""
        return text_of(self.get(path, status))


@pytest.fixture
def operator(app, region):
    """Return the operator of the portal."""
    return Keeper(app, region.sysadmin)


@pytest.fixture
def official(app, region):
    """Return the region's authority."""
    return Keeper(app, region.official)


def typed(region, **values):
    """Return the form of a new source as a browser sends it."""
    return {
        "region_code": "150600", "title": "鄂尔多斯市", "name": "ordos", "owner_org": region.ordos["id"],
        "address": f"{region.server.host}/catalog.ttl", "format": "auto", "feed": "", "contact": "",
        "organisations": "鄂尔多斯市人民政府 = ordos", "every_hours": "24", "grace_days": "7",
        "guard_percent": "10", "guard_number": "100", "allowed_hosts": "", "private_networks": "127.0.0.0/24",
        "credentials": "", "limits-request_seconds": "5", "limits-page_bytes": "", **values,
    }  # fmt: skip


class TestWho:
    """What a page shows and to whom."""

    PAGES = ("", "/new", "/ordos", "/ordos/edit", "/ordos/records", "/ordos/jobs/{job}", "/ordos/jobs/{job}/progress",
             "/ordos/jobs/{job}.csv", "/nobody")  # fmt: skip

    @pytest.mark.parametrize("who", OTHERS)
    def test_others_see_nothing(self, app, region, who):
        source = region.connected()
        job = jobs.ask(source["id"])
        person = somebody(region, who)
        headers = login(person) if person else {}
        for path in self.PAGES:
            address = BASE + path.format(job=job)
            answer = app.get(address, headers=headers, status=None, follow_redirects=False)
            assert answer.status_code == (403 if who else 302), path
        for path in ("check", "run", "state", "delete"):
            answer = app.post(f"{BASE}/ordos/{path}", headers=headers, status=None, follow_redirects=False)
            assert answer.status_code == (403 if who else 302), path
            assert who or "/user/login" in answer.location
        assert query.source("ordos").state == "active"

    @pytest.mark.parametrize("who", READERS)
    def test_readers_see_and_only_keepers_have_buttons(self, app, region, who):
        source = region.connected()
        job = jobs.ask(source["id"])
        reader = Keeper(app, somebody(region, who))
        for path in ("", "/ordos", "/ordos/records", f"/ordos/jobs/{job}", f"/ordos/jobs/{job}/progress"):
            assert reader.get(path).status_code == 200
        has_buttons = f'action="{BASE}/ordos/check"' in reader.get("/ordos").text
        assert has_buttons == (who in KEEPERS)
        assert reader.get("/ordos/edit", status=None).status_code == (200 if who in KEEPERS else 403)
        if who not in KEEPERS:
            for path in ("check", "run", "state", "delete", f"jobs/{job}/cancel", f"jobs/{job}/confirm"):
                reader.post(f"/ordos/{path}", status=403, state="paused")

    def test_a_city_s_authority_sees_its_city_only(self, app, region, official):
        region.connected()
        assert "呼和浩特市" in official.says()
        city = Keeper(app, region.city_official)
        assert "鄂尔多斯市" in city.says()
        assert "呼和浩特市" not in city.says()
        with_other = {"region_code": "150100", "name": "hohhot", "address": "https://hohhot.example.cn/"}
        assert "您不负责该地区" in text_of(city.post("/new", 200, **typed(region, **with_other)))


class TestForm:
    """A form that is refused keeps what was typed and says by field what is wrong."""

    def test_a_city_is_connected_with_what_is_known_of_it(self, region, operator):
        _org = region.ordos
        assert "未对接" in operator.says()
        page = operator.get("/new?region=150600").text
        assert 'value="鄂尔多斯市"' in page
        assert "鄂尔多斯市人民政府 = ordos" in page
        assert operator.post("/new", **typed(region)).location.endswith(f"{BASE}/ordos")
        source = query.source("ordos")
        assert (source.limits, source.private_networks) == ({"request_seconds": 5}, ["127.0.0.0/24"])
        assert "接入中" in operator.says()
        edit = BeautifulSoup(operator.get("/ordos/edit").text, "html.parser")
        assert edit.select_one("[name=limits-request_seconds]")["value"] == "5"
        sent = {
            f["name"]: f.get("value", f.text.strip())
            for f in edit.select("main form input, main form textarea")
        }
        for field in edit.select("main form select"):
            chosen = field.select_one("option[selected]")
            sent[field["name"]] = chosen["value"] if chosen else ""
        operator.post("/ordos/edit", **sent)
        assert query.source("ordos").changed_at == source.created_at, "an unchanged form changes nothing"

    def test_what_is_wrong_stands_by_its_field(self, region, operator):
        wrong = typed(region, address="ftp://x/", every_hours="oft", private_networks="0.0.0.0/0", title="",
                      organisations='<script>alert("x")</script> = nobody')  # fmt: skip
        wrong["limits-page_bytes"] = "9999999"
        answer = operator.post("/new", 200, **wrong)
        page = BeautifulSoup(answer.text, "html.parser")
        for field in ("address", "every_hours", "private_networks", "title", "organisations", "limits"):
            assert page.select_one(f"#e-{field}"), field
        assert page.select_one("[name=address]")["value"] == "ftp://x/"
        assert '<script>alert("x")' not in answer.text
        assert query.sources() == []

    def test_the_authority_sees_classes_and_no_networks_the_operator_the_reverse(
        self, region, operator, official
    ):
        region.connected()
        assert 'name="default_class"' not in operator.get("/ordos/edit").text
        assert 'name="private_networks"' not in official.get("/ordos/edit").text
        form = typed(region, default_class="unconditional", classes="PUBLIC = 无条件开放")
        del form["private_networks"], form["credentials"]
        official.post("/ordos/edit", **form)
        source = query.source("ordos")
        assert (source.default_class, source.private_networks) == ("unconditional", ["127.0.0.0/24"])
        assert "无条件开放" in operator.says("/ordos")

    def test_no_page_shows_a_secret(self, region, operator, monkeypatch):
        monkeypatch.setenv("NMGDATA_HARVEST_ORDOS", f"Bearer {SECRET}")
        region.connected(credentials="NMGDATA_HARVEST_ORDOS")
        answer = operator.post("/ordos/check", 200)
        assert any(SECRET in headers.get("Authorization", "") for _path, headers in region.server.asked)
        for page in (answer, operator.get("/ordos"), operator.get("/ordos/edit"), operator.get()):
            assert SECRET not in page.text

    def test_no_shape_of_a_value_is_an_error_of_ours(self, app, region):
        region.connected()
        headers = {**login(region.sysadmin), "Content-Type": "application/json"}
        for field in ("address", "organisations", "limits", "every_hours", "state", "id"):
            for value in (5, ["a"], {"a": {"b": 1}}, True, 1.5, "a\0b", "\ud800", None):
                sent = json.dumps({"id": "ordos", field: value})
                answer = app.post(
                    "/api/3/action/nmgdata_source_update", data=sent, headers=headers, status=None
                )
                assert answer.status_code in (200, 400, 404, 409), (field, value, answer.text)


class TestJourney:
    """From connection to a held run."""

    @pytest.fixture(autouse=True)
    def queue(self):
        """Begin and end without background work."""
        background.get_queue().empty()
        yield
        background.get_queue().empty()

    def test_check_run_history_errors_log(self, region, operator, work):
        source = region.connected()
        region.serve(1, 2, extra='[] a dcat:Dataset ; dct:title "=cmd|calc" .\n')
        checked = text_of(operator.post("/ordos/check", 200))
        assert "检查报告" in checked
        assert "公交站点 1" in checked
        assert "缺少的法定项" in checked
        assert "记录没有标识" in checked
        assert query.count_jobs(source["id"]) == 0
        operator.post("/ordos/run")
        job = query.open_job(source["id"])
        page = operator.get(f"/ordos/jobs/{job.id}")
        assert f'data-refresh="{BASE}/ordos/jobs/{job.id}/progress"' in page.text
        assert "等待开始" in text_of(page)
        assert "正在" in text_of(operator.get("/ordos")) or "等待开始" in text_of(operator.get("/ordos"))
        operator.post("/ordos/run")
        assert query.count_jobs(source["id"]) == 1
        outbox.deliver()
        assert background.get_queue().job_ids
        work(source["id"])
        fragment = operator.get(f"/ordos/jobs/{job.id}/progress").text
        assert "data-refresh" not in fragment
        assert "<html" not in fragment
        shown = operator.says(f"/ordos/jobs/{job.id}")
        assert "已完成" in shown
        assert "新增 2" in shown
        assert "=cmd|calc" in shown
        assert "没有符合条件" in operator.says(f"/ordos/jobs/{job.id}?code=html")
        assert "没有符合条件" in operator.says(f"/ordos/jobs/{job.id}?q=%25'")
        log = operator.get(f"/ordos/jobs/{job.id}.csv")
        rows = list(csv.reader(io.StringIO(log.data.decode("utf-8-sig"))))
        assert rows[0][0] == "页"
        assert [row[1] for row in rows if row[2] == "no_identifier"] == ["'=cmd|calc"]
        assert "attachment" in log.headers["Content-Disposition"]
        assert "已对接" in operator.says()
        records = operator.says("/ordos/records?state=incomplete")
        assert "公交站点 2" in records
        assert "开放属性" in records
        assert "公交站点" not in operator.says("/ordos/records?q=nothing")

    def test_errors_come_page_by_page(self, region, operator):
        source = region.connected()
        job = jobs.ask(source["id"])
        rows = [{"job_id": job, "page": 0, "place": f"row-{n:03}", "code": "syntax" if n % 2 else "literal_too_long",
                 "detail": "<b>x</b>", "is_refused": True} for n in range(120)]  # fmt: skip
        model.Session.execute(sa.insert(Problem), rows)
        model.Session.commit()
        first, last = operator.get(f"/ordos/jobs/{job}"), operator.get(f"/ordos/jobs/{job}?page=3")
        assert "row-000" in first.text
        assert "row-050" not in first.text
        assert "row-119" in last.text
        assert "<b>x</b>" not in first.text
        chosen = operator.get(f"/ordos/jobs/{job}?code=syntax&page=2").text
        assert "row-101" in chosen
        assert "row-100" not in chosen
        assert len(operator.get(f"/ordos/jobs/{job}.csv").data.splitlines()) == 121
        assert operator.get(f"/ordos/jobs/{job}?page=999").status_code == 200

    def test_a_held_run_is_read_and_refused_or_confirmed(self, region, official, work):
        source = region.connected()
        work(source["id"])
        region.serve()
        for decision, state in (("cancel", "cancelled"), ("confirm", "finished")):
            held = work(source["id"])
            assert "等待您决定" in official.says("/ordos")
            assert "待核对" in official.says()
            shown = official.says(f"/ordos/jobs/{held.id}")
            assert "公交站点 1" in shown
            assert "7 天后归档" in shown
            official.post(f"/ordos/jobs/{held.id}/{decision}")
            assert query.job(held.id).state == state
            official.post(f"/ordos/jobs/{held.id}/{decision}")
            assert query.job(held.id).state == state
        assert "公交站点 1" in official.says("/ordos/records?state=vanished")

    def test_pause_resume_delete(self, region, official):
        region.connected()
        official.post("/ordos/state", state="paused")
        assert "已暂停" in official.says("/ordos")
        official.post("/ordos/state", state="nonsense")
        assert query.source("ordos").state == "paused"
        official.post("/ordos/state", state="active")
        assert official.post("/ordos/delete").location.endswith(BASE)
        assert query.source("ordos") is None
        official.get("/ordos", 404)

    def test_a_failure_says_what_to_do(self, region, official, work):
        source = region.connected(contact="王工 0477-1234567")
        region.server.routes["/catalog.ttl"] = hostile.answer("<html><body>维护中", Content_Type="text/html")
        job = work(source["id"])
        assert job.error == Code.HTML
        shown = official.says("/ordos")
        assert "该地址是网页，不是目录" in shown
        assert "王工" in shown
        assert "已中断" in official.says()


class TestPublic:
    """The city's page and the tiles say how it is, in plain words and without anything internal."""

    def test_from_unconnected_to_connected_to_interrupted(self, app, region, work):
        _org = region.ordos
        page = "/nmg/cities/ordos"
        assert "尚未对接" in text_of(app.get(page))
        assert [tile.text for tile in BeautifulSoup(app.get("/").text, "html.parser").select(".state")] == [
            "未对接"
        ] * 12
        source = region.connected()
        assert "接入中" in text_of(app.get(page))
        region.serve(1, 2, 3, extra='[] a dcat:Dataset ; dct:title "无名" .\n')
        work(source["id"])
        shown = text_of(app.get(page))
        assert "已对接" in shown
        assert "每 24 小时" in shown
        assert "4 个条目中有 1 个未能接收" in shown
        assert "公交站点 1" in shown
        for address in ("/", "/nmg/cities"):
            tile = BeautifulSoup(app.get(address).text, "html.parser").select_one(
                'a[href="/nmg/cities/ordos"] .state'
            )
            assert tile.text == "已对接"
        region.server.routes.clear()
        work(source["id"])
        answer = app.get(page)
        assert "暂时无法连接盟市平台" in text_of(answer)
        assert "此前同步的数据仍可使用" in text_of(answer)
        for internal in ("127.0.0.1", str(region.server.port), "not_found", "catalog.ttl", "404"):
            assert internal not in text_of(answer)

    def test_timeliness_is_that_of_the_entries(self, app, region, work):
        source = region.connected()
        freq = "<http://publications.europa.eu/resource/authority/frequency/{}>"
        said = [
            ("MONTHLY", "2026-11-20"),
            ("MONTHLY", "2026-01-01"),
            ("MONTHLY", None),
            ("IRREG", "2020-01-01"),
        ]
        text = hostile.PREFIXES + "<https://city.example.org/catalog> a dcat:Catalog .\n"
        for number, (how, day) in enumerate(said):
            extra = f"; dct:accrualPeriodicity {freq.format(how)}"
            extra += f' ; dct:modified "{day}"^^xsd:date' if day else ""
            text += hostile.dataset(number, extra)
        region.server.page("/catalog.ttl", text)
        work(source["id"])
        shown = text_of(app.get("/nmg/cities/ordos"))
        assert "按期更新 1 " in shown
        assert "更新逾期 1 " in shown
        assert "无更新期限 2" in shown

    def test_of_several_sources_the_worst_counts_and_a_banner_s_does_not(self, region):
        region.connected()
        second = region.connected(name="ordos-2", address="https://second.example.cn/")
        assert connections.of_cities()["150600"].state == "new"
        model.Session.get_one(Source, second["id"]).failures = 1
        model.Session.flush()
        assert connections.of_cities()["150600"].state == "trouble"
        model.Session.rollback()


@pytest.mark.usefixtures("pages")
def test_the_region_s_own_quality_notes_survive_a_harvest(region, work):
    """Local edits that the region may make survive; what the source says itself goes on coming."""
    source = region.connected()
    work(source["id"])
    record = call("nmgdata_harvest_record_list", region.official, source_id="ordos", q="1")["records"][0]
    patch = {"id": record["dataset_id"], "quality_notes": "2026年9月缺一周数据。"}
    tk.get_action("package_patch")(site_context(), patch)
    region.server.page("/catalog.ttl", hostile.catalogue((1, 2, 3)).replace("公交站点 1", "公交车站 1"))
    assert work(source["id"]).updated_count == 1
    shown = call("package_show", id=record["dataset_id"])
    assert (shown["title"], shown["quality_notes"]) == ("公交车站 1", "2026年9月缺一周数据。")
    records = call("nmgdata_harvest_record_list", region.official, source_id="ordos", q="公交车站")["records"]
    assert records[0]["local"] == ["quality_notes"]
