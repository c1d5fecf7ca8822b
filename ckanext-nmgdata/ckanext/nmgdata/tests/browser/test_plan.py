"""A year of a plan in the browser: the department drafts, the authority decides, the public watches."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from ckan.plugins import toolkit as tk
from openpyxl import Workbook
from playwright.sync_api import expect

from ... import factories
from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.workflow import engine
from ...plan import chores
from . import journey

YEAR = clock.today().year
PLACE = f"/nmg/plans/{YEAR}"


def table() -> bytes:
    """Return a table with one right row and one that has no month."""
    book, out = Workbook(), io.BytesIO()
    head = ["名称", "摘要", "主题", "数据形式", "更新频率", "计划月份", "拟开放属性"]
    for row in (
        head,
        [
            "道路施工信息",
            "全区道路施工的时间和地点。",
            "交通运输",
            "电子表格",
            "每日",
            f"{YEAR}-12",
            "无条件开放",
        ],
        ["公交到站信息", "公交车辆到站时间。", "交通运输", "电子表格", "实时", "", "无条件开放"],
    ):
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def test_a_plan_is_made_decided_and_watched(visit):
    department, authority, anybody = visit(), visit(), visit()

    # The department drafts: a proposal from its catalogue, a table, whose faults come back marked.
    journey.log_in(department, "banshi")
    department.go("/nmg/plans/work")
    page = department.page
    page.locator("#f-year").select_option(str(YEAR))
    department.follow(page.get_by_role("button", name="开始起草"))
    department.follow(page.get_by_role("link", name="建议条目"))
    box = page.get_by_role("checkbox").first
    promised = page.locator("tbody label").first.inner_text()
    box.check()
    page.locator("#f-month").select_option(f"{YEAR}-12")
    page.locator("#f-open_class").select_option("unconditional")
    department.follow(page.get_by_role("button", name="将所选列入计划"))
    expect(page.get_by_role("link", name=promised)).to_be_visible()
    department.follow(page.get_by_role("link", name="导入表格"))
    file = {"name": "计划.xlsx", "mimeType": "application/octet-stream", "buffer": table()}
    page.locator("#f-table").set_input_files(file)
    department.follow(page.get_by_role("button", name="导入"))
    expect(page.get_by_text("第3行，计划月份")).to_be_visible()
    assert department.download(page.get_by_role("link", name="下载标出错误的表格"))[:2] == b"PK"
    department.follow(page.get_by_role("link", name="取消"))
    department.follow(page.get_by_role("link", name="添加条目"))
    page.locator("#f-title").fill("道路施工信息")
    department.follow(page.get_by_role("button", name="加入计划"))
    assert "请" in journey.message_at(department, "notes")
    page.locator("#f-notes").fill("全区道路施工的时间和地点。")
    for name, value in (("theme", "transport"), ("data_form", "spreadsheet"), ("update_frequency", "daily"),
                        ("month", f"{YEAR}-11"), ("open_class", "unconditional")):  # fmt: skip
        page.locator(f"#f-{name}").select_option(value)
    page.get_by_label("与民生紧密相关").check()
    department.follow(page.get_by_role("button", name="加入计划"))
    expect(page.get_by_role("link", name="道路施工信息")).to_be_visible()
    department.follow(page.get_by_role("button", name="提交计划"))
    desk, number = page.url, page.get_by_role("main").get_by_role("link", name="JH-").inner_text()
    anybody.go(desk.removeprefix(anybody.portal.url).removesuffix("/work"), status=404)

    # The authority is told, reads, approves, publishes.
    journey.log_in(authority, "zhuguan")
    authority.go(f"/nmg/cases/{number}")
    expect(authority.page.get_by_text("道路施工信息")).to_be_visible()
    for label in ("同意计划", "公布计划"):
        authority.page.get_by_text(label, exact=True).first.click()
        authority.follow(authority.page.get_by_role("button", name=label))

    # The public reads what was promised; the data are opened, and it reads that too.
    anybody.go(PLACE)
    anybody.follow(anybody.page.get_by_role("main").get_by_role("link", name=f"{YEAR}").last)
    plan = anybody.page.url.removeprefix(anybody.portal.url)
    expect(anybody.page.get_by_text("道路施工信息").first).to_be_visible()
    assert anybody.download(anybody.page.get_by_role("link", name="XLSX"))[:2] == b"PK"
    entry = factories.call("nmgdata_plan_item_list", None, plan_id=plan.removeprefix("/nmg/plans/"), q="道路")
    (item,) = entry["items"]
    with clock.fixed(datetime(YEAR + 1, 1, 5, 4, 0, tzinfo=UTC)):
        for case_id, step in list(chores.year_ends()):  # the year has gone by, as the sweep will find
            engine.fire(case_id, step, Actor.system(), {})
    hidden = tk.get_action("package_search")(
        factories.site_context(), {"q": "道路施工信息", "include_private": True}
    )
    made = hidden["results"][0]
    factories.upload(made)
    tk.get_action("package_patch")(
        factories.site_context(),
        {**{k: v for k, v in factories.entry({"id": made["owner_org"]}).items() if k not in ("title", "notes")},
         "id": made["id"], "private": False},
    )  # fmt: skip
    anybody.go(f"{plan}?state=opened")
    expect(anybody.page.get_by_role("link", name="道路施工信息", exact=True)).to_be_visible()
    assert item["state"] in ("planned", "late")

    # The department closes the year.
    department.go(desk.removeprefix(department.portal.url))
    department.follow(page.get_by_role("link", name="年末调整"))
    page.locator("select[name^=end-]").first.select_option("carried")
    page.locator("input[name^=reason-]").first.fill("系统建设顺延，转入下一年度。")
    page.locator("#f-adjustment").fill("核对全部目录条目，更新摘要。")
    department.follow(page.get_by_role("button", name="结束本年度"))
    anybody.go(plan)
    expect(anybody.page.get_by_text("核对全部目录条目，更新摘要。")).to_be_visible()
    expect(anybody.page.get_by_text("系统建设顺延，转入下一年度。").first).to_be_visible()
    for part in ("/versions", "/print"):
        anybody.go(f"{plan}{part}")
