"""Every page type keeps WCAG 2.2 AA, asks no other host, and can be read large, in high contrast and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from . import axe, journey, world
from .examine import WIDER
from .visitor import Visitor

PUBLIC = [
    "/", "/dataset/", "/dataset/?q=气象", "/dataset/?q=没有这样的数据", "/dataset/{open}", "{file}", "/dataset/{conditional}",
    "{closed}/download 403", "/organization/", "/organization/nmg-transport", "/organization/about/nmg-transport",
    "/nmg/cities", "/nmg/cities/ordos", "/nmg/plans", "/nmg/plans/{year}", "/nmg/plans/{year}/nmg-data", "/nmg/cases", "/nmg/suspensions",
    "/nmg/changes", "/nmg/classes", "/nmg/applications", "/nmg/showcase", "/nmg/object/{open}", "/about", "/nmg/developers",
    "/nmg/developers/package_search", "/nmg/developers/nmgdata_application_submit", "/nmg/display",
    "/user/login", "/user/register", "/user/reset", "/no-such-page 404", "/group/",
    "/nmg/plans/{year}.print", "/nmg/plans/{year}/nmg-data/print", "/nmg/plans/{year}/nmg-data/versions",
]  # fmt: skip
APPLICANT = [
    "/nmg/apply/{conditional}", "/nmg/my", "/nmg/favourites", "/nmg/cases/{case}", "/nmg/notices", "/nmg/notices/mails", "/nmg/my/data",
    "/nmg/my/grants", "/nmg/showcase/new", "/user/edit/hejing", "/user/hejing", "/user/hejing/api-tokens", "/nmg/inbox 403",
]  # fmt: skip
REVIEWER = [
    "/nmg/inbox", "/nmg/cases/{case}", "/nmg/inbox/statistics", "/nmg/grants", "/nmg/evaluations", "/nmg/plans/work",
    "/nmg/classes/change/{open}", "/dataset/{conditional}", "/nmg/plans/{next}/nmg-transport/work",
    "/nmg/plans/{next}/nmg-transport/work/texts", "/nmg/plans/{next}/nmg-transport/work/items/new",
    "/nmg/plans/{next}/nmg-transport/work/proposals", "/nmg/plans/{next}/nmg-transport/work/import",
]  # fmt: skip
EDITOR = [
    "/dataset/new", "/dataset/edit/{open}", "/dataset/resources/{open}", "/dataset/{open}/resource/new", "{file}",
    "{file}/edit", "/nmg/suspend/{open}",
]  # fmt: skip
AUTHORITY = ["/nmg/inbox", "/nmg/objections", "/nmg/plans/work", "/nmg/sources", "/nmg/sources/new"]
AUDITOR = ["/nmg/audit"]
OPERATOR = [
    "/ckan-admin/", "/ckan-admin/config", "/ckan-admin/trash", "/user/", "/organization/new", "/nmg/undelivered",
    "/organization/edit/nmg-transport", "/organization/members/nmg-transport", "/organization/member_new/nmg-transport",
    "/organization/bulk_process/nmg-transport", "/dataset/groups/{open}", "/group/new",
]  # fmt: skip
READERS = {
    "": PUBLIC, "hejing": APPLICANT, "banshi": REVIEWER, "bianji": EDITOR, "zhuguan": AUTHORITY, "shenji": AUDITOR,
    "yunwei": OPERATOR,
}  # fmt: skip
MODES = [
    "/",
    "/dataset/",
    "/dataset/{conditional}",
    "/nmg/cities",
    "/nmg/plans",
    "/user/login",
    "/nmg/developers",
]
TWICE = "() => { document.documentElement.style.fontSize = '200%'; }"
MOVING = """() => [...document.querySelectorAll('body *')].filter(e => {
  const s = getComputedStyle(e);
  return parseFloat(s.transitionDuration) > 0 || (s.animationName !== 'none' && parseFloat(s.animationDuration) > 0);
}).map(e => e.outerHTML.slice(0, 100)).slice(0, 3)"""


@pytest.fixture(scope="module")
def places(served, browser) -> dict[str, str]:
    """Return the parts of addresses: an open entry, its file, a conditional one, a case about it, a plan."""
    applicant = Visitor(served, browser, lambda _visitor: None)
    journey.log_in(applicant, "hejing")
    journey.begin_application(applicant, world.names[world.CONDITIONAL])
    receipt = journey.apply(applicant, journey.statement())
    found = {
        "open": world.names[world.OPEN],
        "conditional": world.names[world.CONDITIONAL],
        "file": journey.file_of(applicant, world.names[world.OPEN]),
        "closed": journey.file_of(applicant, world.names[world.CONDITIONAL]),
        "case": receipt.number,
        "year": str(world.PLAN_YEAR),
        "next": str(world.PLAN_YEAR + 2),
    }
    applicant.close()
    reviewer = Visitor(served, browser, lambda _visitor: None)
    journey.log_in(reviewer, "banshi")
    reviewer.go("/nmg/plans/work")
    journey.fill(reviewer, {"year": found["next"]})
    reviewer.follow(journey.submit(reviewer, "开始起草"))
    reviewer.close()
    return found


@pytest.fixture(scope="module")
def windows(served, browser) -> Iterator[dict[str, Visitor]]:
    """Keep one window for each reader."""
    opened: dict[str, Visitor] = {}
    yield opened
    for visitor in opened.values():
        visitor.close()


@pytest.fixture
def window_of(served, browser, windows):
    """Return a maker of windows, in which the reader is logged in."""

    def of(account: str) -> Visitor:
        if account not in windows:
            windows[account] = Visitor(served, browser, lambda _visitor: None)
            if account:
                journey.log_in(windows[account], account)
        return windows[account]

    return of


def go(visitor: Visitor, page: str, places: dict[str, str]) -> None:
    """Open a page of the lists above; a number behind it is its status."""
    address, _, status = page.format(**places).partition(" ")
    visitor.go(address, int(status or 200))


@pytest.mark.parametrize(
    ("account", "page"), [(account, page) for account, pages in READERS.items() for page in pages]
)
def test_a_page_keeps_wcag_and_bears_large_text(window_of, places, account, page):
    visitor = window_of(account)
    before = len(visitor.strangers)
    go(visitor, page, places)
    assert axe.violations(visitor.page) == []
    visitor.page.evaluate(TWICE)
    assert visitor.page.evaluate(WIDER) == [], "too wide at twice the size of type"
    assert visitor.strangers[before:] == []


def test_elder_mode_and_high_contrast_stay_on_and_keep_wcag(served, browser, places):
    visitor = Visitor(served, browser, lambda _visitor: None)
    for name in ("开启长者模式", "开启高对比度"):
        visitor.go("/nmg/display")
        visitor.follow(visitor.page.get_by_role("main").get_by_role("link", name=name))
    faults = []
    visitor.page.set_viewport_size({"width": 360, "height": 800})
    for page in MODES:
        go(visitor, page, places)
        expect(visitor.page.locator("html")).to_have_class(re.compile("elder contrast"))
        faults += [f"{page}: {fault}" for fault in axe.violations(visitor.page)]
        faults += [f"{page}: too wide {start}" for start in visitor.page.evaluate(WIDER)]
    size = visitor.page.evaluate("() => parseFloat(getComputedStyle(document.body).fontSize)")
    visitor.close()
    assert faults == []
    assert size == 20


def test_without_scripts_a_mode_goes_on_and_off_in_place(visit):
    anybody = visit(scripts=False)
    anybody.go("/dataset/?q=气象")
    anybody.follow(anybody.page.get_by_role("link", name="长者模式"))
    assert "q=%E6%B0%94%E8%B1%A1" in anybody.page.url
    anybody.follow(anybody.page.get_by_role("link", name="退出长者模式"))
    expect(anybody.page.locator("html")).not_to_have_class(re.compile("elder"))


@pytest.mark.parametrize("back", ["//evil.example/x", "https://evil.example/", "/\\evil.example"])
def test_a_mode_leads_to_no_other_host(visit, back):
    anybody = visit()
    anybody.page.goto(f"/nmg/display?elder=on&back={back}")
    assert anybody.page.url.startswith(anybody.portal.url)


def test_from_the_search_to_the_bytes_by_keyboard(visit):
    anybody = visit()
    page = anybody.go("/")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("跳到正文")
    for _step in range(40):
        page.keyboard.press("Tab")
        if page.locator(":focus").get_attribute("name") == "q":
            break
    page.keyboard.type("气象站点")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    with page.expect_navigation():
        tab_to(page, world.OPEN)
        page.keyboard.press("Enter")
    tab_to(page, "下载")
    outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    with page.expect_download() as coming:
        page.keyboard.press("Enter")
    assert coming.value.suggested_filename.endswith(".csv")


def tab_to(page, text: str) -> None:
    """Go from one thing to the next until the focus is on what carries a text."""
    for _step in range(120):
        page.keyboard.press("Tab")
        if (page.evaluate("() => document.activeElement.textContent") or "").strip() == text:
            return
    raise AssertionError(f"{text} is not reached by keyboard")


def test_nothing_moves_for_who_wants_no_motion(visit):
    anybody = visit()
    anybody.page.emulate_media(reduced_motion="reduce")
    for path in ("/", "/dataset/", f"/dataset/{world.names[world.OPEN]}"):
        anybody.page.goto(path)
        assert anybody.page.evaluate(MOVING) == []


LIGHT = ["/", "/dataset/", "/dataset/?q=气象"]
MOST = 200_000
"""Bytes that a page of the catalogue may cost, without images: half a second on a slow telephone."""


@pytest.mark.parametrize("path", LIGHT)
def test_the_first_pages_are_light(served, browser, path):
    visitor = Visitor(served, browser, lambda _visitor: None)
    answers = []

    def keep(request):
        answers.append(request)

    visitor.page.on("requestfinished", keep)
    visitor.page.goto(path)
    visitor.page.wait_for_load_state("networkidle")
    sizes = {a.url: a.sizes()["responseBodySize"] for a in answers if a.resource_type != "image"}
    visitor.close()
    assert sum(sizes.values()) <= MOST, sizes
    assert not [url for url in sizes if "font" in url or url.endswith(("woff", "woff2"))]
