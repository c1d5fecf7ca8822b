"""Somebody types pinyin, takes what is proposed by keyboard alone, and is told of a slip."""

from __future__ import annotations

from playwright.sync_api import expect

from . import world


def test_words_are_proposed_and_taken_by_keyboard(visit):
    reader = visit()
    reader.go("/")
    box = reader.page.get_by_role("combobox")
    box.press_sequentially("qixia")
    proposed = reader.page.get_by_role("listbox").get_by_role("option")
    expect(proposed.first).to_have_text("气象")
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("Escape")
    expect(reader.page.get_by_role("listbox")).to_have_count(0)
    expect(box).to_have_value("qixia")
    box.press_sequentially("ng")
    expect(proposed.first).to_have_text("气象")
    box.press("ArrowDown")
    expect(proposed.first).to_have_attribute("aria-selected", "true")
    with reader.page.expect_navigation():
        box.press("Enter")
    expect(reader.page.get_by_role("combobox")).to_have_value("气象")
    expect(reader.page.locator(".hits mark").first).to_have_text("气象")
    expect(reader.page.get_by_role("link", name=world.OPEN)).to_be_visible()


def test_without_scripts_and_with_a_slip(visit):
    reader = visit(scripts=False)
    reader.go("/dataset/?q=汽象战点")
    expect(reader.page.get_by_text("您是不是要找")).to_be_visible()
    reader.follow(reader.page.locator(".meant a"))
    expect(reader.page.get_by_role("searchbox")).to_have_value("气象站点")
    expect(reader.page.get_by_role("link", name=world.OPEN)).to_be_visible()
