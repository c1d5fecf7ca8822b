"""A league-city's platform in the browser: checked, harvested while one watches, held, refused; seen by the public."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from playwright.sync_api import expect

from ... import factories
from ...harvest.following import stops
from ...harvest.model import Source
from ...harvest.tests import hostile
from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.unit import begin
from ...kernel.workflow import sweep
from ...kernel.workflow.model import Case
from . import journey
from .visitor import PATIENCE
from .world import PASSWORD


@pytest.fixture
def city(served) -> Iterator[hostile.Server]:
    """Serve a city's catalogue, connected by the operator."""
    server = hostile.Server()
    server.page("/catalog.ttl", hostile.catalogue((1, 2, 3)))
    city_hall = factories.organisation("鄂尔多斯市人民政府", name="ordos", region_code="150600")
    factories.join(factories.person("ordosban", fullname="云市办", password=PASSWORD), city_hall, "reviewer")
    operator = factories.person("pingtai", sysadmin=True)
    factories.call(
        "nmgdata_source_create", operator, region_code="150600", address=f"{server.host}/catalog.ttl",
        private_networks=["127.0.0.0/24"],
    )  # fmt: skip
    yield server
    server.close()


def test_a_city_is_checked_harvested_and_held(visit, city):
    authority, anybody = visit(), visit()
    journey.log_in(authority, "zhuguan")
    page = authority.go("/nmg/sources")
    authority.follow(page.get_by_role("link", name="鄂尔多斯市"))
    authority.follow(page.get_by_role("button", name="检查"))
    expect(page.get_by_role("heading", name="检查报告")).to_be_visible()
    expect(page.get_by_text("公交站点 3")).to_be_visible()

    # The worker of the portal reads it; the page follows without being loaded again, and then tells more.
    may_answer = threading.Event()
    answer = city.routes["/catalog.ttl"]
    city.routes["/catalog.ttl"] = lambda request: (may_answer.wait(60), answer(request))[1]
    authority.follow(page.get_by_role("button", name="立即采集"))
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_text("进行中").first).to_be_visible(timeout=PATIENCE)
    may_answer.set()
    expect(page.locator("[data-refresh]")).to_have_count(0, timeout=PATIENCE)
    expect(page.get_by_text("3 条记录 · 新增 3")).to_be_visible()
    anybody.go("/nmg/cities/ordos")
    expect(anybody.page.get_by_text("已对接")).to_be_visible()

    # An empty catalogue removes nothing by itself.
    city.page("/catalog.ttl", hostile.catalogue(()))
    authority.follow(page.get_by_role("button", name="立即采集"))
    decide = page.get_by_role("link", name="查看清单并决定")
    expect(decide).to_be_visible(timeout=PATIENCE)
    authority.follow(decide)
    expect(page.get_by_role("link", name="公交站点 2")).to_be_visible()
    authority.follow(page.get_by_role("button", name="不同意，全部保留"))
    expect(page.get_by_text("已取消，不移除任何数据。")).to_be_visible()
    anybody.go("/nmg/cities/ordos")
    expect(anybody.page.get_by_text("公交站点 2")).to_be_visible()

    stop_is_read_and_ended(authority, visit(), anybody)


def stop_is_read_and_ended(authority, department, anybody):
    """The city's stop as its readers see it; once the city is gone, the authority of the region ends it."""
    stopped, number = stop_of_the_city("公交站点 1")
    journey.log_in(department, "ordosban", PASSWORD)
    for reader in (authority, department):
        page = reader.go(f"/nmg/cases/{number}")
        expect(page.get_by_role("heading", name="来源平台中止或者撤回：公交站点 1")).to_be_visible()
        for said in ("YY-20261123-00001-1", "数据可以识别特定自然人。", "鄂尔多斯市"):
            expect(page.get_by_role("main").get_by_text(said).first).to_be_visible()
        expect(page.locator("section[id^=step-]")).to_have_count(0)
    anybody.go(f"/nmg/cases/{number}")
    expect(anybody.page.get_by_role("heading", name="登录")).to_be_visible()
    anybody.go(f"/dataset/{stopped}")
    expect(anybody.page.get_by_text(number).first).to_be_visible()
    anybody.go("/nmg/suspensions")
    expect(anybody.page.get_by_text(number)).to_be_visible()

    the_city_is_gone()
    page = anybody.go(f"/dataset/{stopped}")
    expect(page.get_by_text("此处内容可能已不是最新")).to_be_visible()
    department.go(f"/nmg/cases/{number}")
    expect(department.page.locator("section[id^=step-]")).to_have_count(0)
    page = authority.go("/nmg/inbox")
    authority.follow(page.get_by_role("link", name=number))
    page.get_by_text("恢复开放（来源平台已失联）").first.click()
    authority.follow(page.get_by_role("button", name="恢复开放（来源平台已失联）"))
    assert "请说明理由" in journey.message_at(authority, "release-public_reason")
    journey.fill(authority, {"public_reason": "来源平台已停止运行，经核实可以继续开放。"}, "release")
    authority.follow(page.get_by_role("button", name="恢复开放（来源平台已失联）"))
    expect(page.get_by_text("来源平台已失联，恢复开放").first).to_be_visible()
    anybody.go(f"/dataset/{stopped}")
    expect(anybody.page.get_by_text(number)).to_have_count(0)


def stop_of_the_city(title: str) -> tuple[str, str]:
    """Have the city suspend an entry, as its feed tells it; return name of the entry and number of the case."""
    said = {"open_state": "suspended", "case": "YY-20261123-00001-1", "reason": "数据可以识别特定自然人。"}
    with begin(Actor.system()) as unit:
        package = unit.session.scalar(sa.select(model.Package).where(model.Package.title == title))
        source = unit.session.scalar(sa.select(Source))
        stops.settle(unit, source, {package.id: {stops.WHOLE: stops.Stated.read(said)}})
        case = sa.select(Case.number).where(Case.dataset_id == package.id, Case.kind == "origin_stop")
        return package.name, unit.session.scalar(case)


def the_city_is_gone() -> None:
    """Let forty days pass without a word of the city."""
    then = clock.now() - timedelta(days=40)
    model.Session.execute(sa.update(Source).values(created_at=then, succeeded_at=then))
    model.Session.commit()
    assert sweep.sweep().errors == 0
