"""What the pages offer to developers is run as it stands there, against the served portal."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from stack.shell import wait_until

from . import journey, world

LATEST = 30
"""Seconds that the worker may take to load a table."""


@pytest.fixture
def code(visit):
    """Return a reader of the code that a file's page shows, by language, once its table is loaded."""

    def read(title: str) -> dict[str, str]:
        anybody = visit()
        file = journey.file_of(anybody, world.names[title])

        def loaded() -> bool:
            anybody.page.goto(file)
            return "as=csv" in (anybody.page.locator("#api").text_content() or "")

        wait_until(loaded, "The table in the DataStore", LATEST)
        pieces = anybody.page.locator("#api pre")
        return {
            piece.get_attribute("data-language") or "": piece.locator("code").text_content() or ""
            for piece in pieces.all()
        }

    return read


def run(command: list[str], folder, **variables: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, timeout=120,
        env={**os.environ, "no_proxy": "*", **variables},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_work_as_they_stand(code, tmp_path):
    shown = code(world.OPEN)
    assert set(shown) == {"curl", "python", "r"}
    said = run([sys.executable, "-c", shown["python"]], tmp_path)
    assert "53463" in said
    assert "'日期'" in said
    run(["sh", "-ec", shown["curl"]], tmp_path)
    assert (tmp_path / "data.csv").read_bytes() == world.WEATHER


def test_ckanapi_reads_searches_and_is_refused(served, visit):
    from ckanapi import NotAuthorized, NotFound, RemoteCKAN

    portal = RemoteCKAN(served.url)
    found = portal.action.package_search(q="气象站点")
    assert world.names[world.OPEN] in [one["name"] for one in found["results"]]
    with pytest.raises(NotFound):
        portal.action.package_show(id="none")
    with pytest.raises(NotAuthorized):
        portal.action.package_create(title="无人")


def test_an_action_is_tried_on_its_page(visit):
    anybody = visit()
    page = anybody.go("/nmg/developers")
    anybody.follow(page.get_by_role("link", name="检索数据目录"))
    page.locator("#p-1").fill("气象")
    expect(page.locator("[data-curl]")).to_contain_text("q=气象")
    page.get_by_role("button", name="发送请求").click()
    expect(page.locator("[data-answer]")).to_contain_text("HTTP 200")
    expect(page.locator("[data-answer]")).to_contain_text(world.OPEN)

    without = visit(scripts=False)
    page = without.go("/nmg/developers/package_search")
    page.locator("#p-1").fill("气象")
    with page.expect_navigation():
        page.get_by_role("button", name="发送请求").click()
    found = json.loads(page.text_content("body") or "")["result"]["results"]
    assert world.OPEN in [one["title"] for one in found]
    without.complaints.clear()  # a browser asks for the icon of a page that is no page
