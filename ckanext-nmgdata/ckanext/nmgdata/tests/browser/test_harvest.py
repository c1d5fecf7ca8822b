"""A league-city's platform in the browser: checked, harvested while one watches, held, refused; seen by the public."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from ... import factories
from ...harvest.tests import hostile
from . import journey
from .visitor import PATIENCE


@pytest.fixture
def city(served) -> Iterator[hostile.Server]:
    """Serve a city's catalogue, connected by the operator."""
    server = hostile.Server()
    server.page("/catalog.ttl", hostile.catalogue((1, 2, 3)))
    factories.organisation("鄂尔多斯市人民政府", name="ordos", region_code="150600")
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
