"""An editor writes a conditional entry, with scripts and without; an auditor reads what happened."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from . import english, journey

FILE = "车场,泊位,空余\r\n示例一场,120,37\r\n".encode()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_an_editor_creates_a_conditional_entry_with_a_file(visit, scripts, tmp_path):
    editor = visit(scripts=scripts)
    journey.log_in(editor, "bianji")
    journey.begin_entry(editor)
    typed = journey.entry(
        title=f"公共停车场泊位{'一' if scripts else '二'}", open_condition="", private="False"
    )
    journey.fill(editor, typed)
    editor.follow(editor.page.locator("button[name=save]"))
    said = journey.message_at(editor, "open_condition")
    assert "条件" in said
    assert english.words(said) == set()
    for name in ("title", "notes", "open_reason", "open_legal_basis", "contact_phone", "theme", "private"):
        expect(editor.page.locator(f"#f-{name}")).to_have_value(typed[name])
    expect(editor.page.locator("#f-open_class-conditional")).to_be_checked()

    journey.fill(editor, {"open_condition": "限停车诱导服务使用。"})
    editor.follow(editor.page.locator("button[name=save]"))
    file = tmp_path / "泊位.csv"
    file.write_bytes(FILE)
    journey.attach(editor, file, "泊位清单")
    main = editor.page.get_by_role("main")
    expect(editor.page.get_by_role("heading", level=1)).to_have_text(typed["title"])
    assert editor.download(main.get_by_role("link", name="下载核对", exact=True)) == FILE

    anybody = visit(scripts=scripts)
    journey.search(anybody, "停车场泊位")
    journey.open_hit(anybody, typed["title"])
    expect(anybody.page.get_by_role("main").get_by_role("link", name="申请使用", exact=True)).to_be_visible()


def test_an_auditor_reads_the_audit_log(visit):
    auditor = visit()
    journey.log_in(auditor, "shenji")
    rows = auditor.page.locator("tbody tr")
    expect(rows.filter(has_text="数据集已发布：有条件开放").first).to_be_visible()
    auditor.go("/nmg/inbox")
    expect(auditor.page.get_by_role("heading", name="本辖区办件")).to_be_visible()
    expect(auditor.page.locator(".tabs")).to_have_count(0)
    visit().go("/nmg/audit")
