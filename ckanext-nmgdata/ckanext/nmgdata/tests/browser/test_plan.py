"""A year of a plan in the browser: the department drafts, the authority decides, the public watches.

Journeys that would meet in one plan have each a department of its own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from ckan import model
from ckan.plugins import toolkit as tk
from openpyxl import Workbook
from playwright.sync_api import expect

from ... import factories
from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.workflow import engine, sweep
from ...plan import chores
from ..test_commands import eventually
from . import journey, world

YEAR = clock.today().year
LAST, NEXT = YEAR - 1, YEAR + 1
PLACE = f"/nmg/plans/{YEAR}"
RETURNED, MENDED = "请补充与民生紧密相关的数据。", "建设单位推迟移交数据。"
LATE, DROPPED, CARRIED = "采集设备升级延期。", "数据来源已经撤销。", "系统建设顺延，转入下一年度。"


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
                        ("month", f"{YEAR}-12"), ("open_class", "unconditional")):  # fmt: skip
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


def account(name: str) -> factories.Person:
    """Return an account of the region by its name."""
    user = model.User.by_name(name)
    assert user is not None
    return factories.Person(user.id, user.name)


@contextmanager
def at(month: int, day: int, year: int) -> Iterator[None]:
    """Let something happen on a day of a year."""
    with clock.fixed(datetime(year, month, day, 4, 0, tzinfo=UTC)):
        yield


def office(title: str, name: str, reviewer: str) -> dict[str, Any]:
    """Make a department with a reviewer."""
    department = factories.organisation(title, name=name, region_code="150000")
    person = factories.person(reviewer, fullname=f"{title}办事员", password=world.PASSWORD)
    factories.join(person, department, "reviewer")
    return department


def drafted(department: dict[str, Any], reviewer: str, year: int, **months: int) -> list[dict[str, Any]]:
    """Draft a plan of hidden entries, each by a month; return the plan and the entries."""
    person = account(reviewer)
    plan = factories.call("nmgdata_plan_create", person, org_id=department["id"], year=year)
    entries = [factories.dataset(department, title=title, private=True) for title in months]
    for entry, month in zip(entries, months.values(), strict=True):
        factories.call(
            "nmgdata_plan_item_create", person, plan_id=plan["id"], dataset_id=entry["id"],
            month=f"{year}-{month:02d}", open_class="unconditional",
        )  # fmt: skip
    return [plan, *entries]


def shows(visitor, *texts):
    """Say that the page's main part shows some texts."""
    for text in texts:
        expect(visitor.page.get_by_role("main").get_by_text(text).first).to_be_visible()


def item_form(visitor, desk, title, do, values, label):
    """Open an item from its plan's desk, unfold one of its forms, fill it in and send it."""
    visitor.go(desk)
    visitor.follow(visitor.page.get_by_role("link", name=title, exact=True))
    form = visitor.page.locator("details", has=visitor.page.locator(f"input[name=do][value={do}]"))
    if form.get_attribute("open") is None:
        form.locator("summary").click()
    journey.fill(visitor, values, do)
    visitor.follow(form.get_by_role("button", name=label, exact=True))


def test_a_plan_comes_back_with_a_reason_and_is_amended_in_versions(visit):
    water = office("内蒙古自治区水利厅", "nmg-water", "shuili")
    drafted(water, "shuili", NEXT, 水库水位=6)
    spare = factories.dataset(water, title="饮用水水源地名录", private=True)
    place = f"/nmg/plans/{NEXT}/nmg-water"
    desk = f"{place}/work"
    department, authority, anybody = visit(), visit(), visit(scripts=False)

    # The authority gives the plan back, and says why; the department reads it where it works.
    journey.log_in(department, "shuili", world.PASSWORD)
    department.go(desk)
    department.follow(journey.submit(department, "提交计划"))
    shows(department, "计划正在审核或已结束")
    journey.log_in(authority, "zhuguan")
    authority.go("/nmg/plans/work")
    authority.follow(authority.page.get_by_role("link", name="内蒙古自治区水利厅").first)
    authority.follow(authority.page.get_by_role("link", name="前往办件"))
    case = authority.page.url.removeprefix(authority.portal.url)
    journey.decide(authority, "return", "退回计划", {"reason": ""})
    assert "修改" in journey.message_at(authority, "return-reason")
    journey.decide(authority, "return", "退回计划", {"reason": RETURNED})
    assert RETURNED in department.mail("shuili@example.org", "退回")
    department.go(desk)
    shows(department, "主管部门退回", RETURNED)

    # It mends the draft and submits it again; the reason is no longer there.
    department.follow(department.page.get_by_role("link", name="添加条目"))
    journey.fill(
        department, {"dataset_id": spare["id"], "month": f"{NEXT}-09", "open_class": "unconditional"}
    )
    department.page.get_by_label("与民生紧密相关").check()
    department.follow(journey.submit(department, "加入计划"))
    department.follow(journey.submit(department, "提交计划"))
    authority.go(case)
    shows(authority, "饮用水水源地名录")
    for step, label in (("approve", "同意计划"), ("publish", "公布计划")):
        journey.decide(authority, step, label, {})
    department.go(desk)
    expect(department.page.get_by_text(RETURNED)).to_have_count(0)

    # A month is put off: drafted, sent back, submitted again, published as the second version.
    item_form(department, desk, "水库水位", "change", {"month": f"{NEXT}-10", "reason": MENDED}, "保存")
    shows(department, "拟列入下一版本的调整", f"{NEXT}-06", f"{NEXT}-10")
    anybody.go(place)
    expect(anybody.page.locator(".plan-items").get_by_text(f"{NEXT}-10")).to_have_count(0)
    for reason, step, label, stated in (
        ("按部门安排调整。", "return_amendment", "退回调整", {"reason": "请说明移交的时间。"}),
        ("十月中旬移交。", "approve_amendment", "同意并公布调整", {}),
    ):
        journey.fill(department, {"reason": reason})
        department.follow(journey.submit(department, "提交调整"))
        authority.go(case)
        shows(authority, MENDED)
        journey.decide(authority, step, label, stated)
        department.go(desk)
        expect(department.page.get_by_text("请说明移交的时间。")).to_have_count(len(stated))
    anybody.go(place)
    anybody.follow(anybody.page.get_by_role("link", name="第2版"))
    shows(anybody, "十月中旬移交。", MENDED, "首次公布的计划。")
    cells = anybody.page.locator("tbody tr").first.locator("td").all_inner_texts()
    assert [cell.strip() for cell in cells[2:4]] == [f"{NEXT}-06", f"{NEXT}-10"]


def test_a_year_ends_and_every_promise_is_accounted_for(visit):
    forestry = office("内蒙古自治区林业和草原局", "nmg-forestry", "lincao")
    place = f"/nmg/plans/{LAST}/nmg-forestry"
    desk = f"{place}/work"
    with at(2, 2, LAST):
        plan, kept, *_left = drafted(
            forestry, "lincao", LAST, 草原监测站点=3, 林场名录=6, 湿地分布=9, 古树名木=11
        )
        factories.call("nmgdata_plan_submit", account("lincao"), id=plan["id"])
        for step in ("approve", "publish"):
            factories.call("nmgdata_case_transition", account("zhuguan"), id=plan["case"], transition=step)
    with at(3, 10, LAST):
        factories.upload(kept)
        tk.get_action("package_patch")(factories.site_context(), {"id": kept["id"], "private": False})
    chores.months_passed()  # the year has gone by: what the resident loop does within the hour
    sweep.sweep()
    department, authority, anybody = visit(), visit(), visit(scripts=False)

    # The department says why it is late; everybody reads it, and where nothing was said.
    journey.log_in(department, "lincao", world.PASSWORD)
    item_form(department, desk, "林场名录", "late", {"late_reason": LATE}, "公布理由")
    anybody.go(f"{place}?state=late")
    shows(anybody, LATE, "尚未说明理由", "逾期")

    # The guided adjustment: nothing is closed before each promise is accounted for, nothing typed is lost.
    department.follow(department.page.get_by_role("link", name="年末调整"))
    journey.fill(department, {"adjustment": "核对全部目录条目，新增四条。"})
    department.follow(journey.submit(department, "结束本年度"))
    shows(department, "还有3个条目没有说明")
    department.page.get_by_label("理由：林场名录").fill(CARRIED)
    department.follow(journey.submit(department, "保存"))
    end = department.page.get_by_label("终止方式：林场名录")
    expect(end).to_have_attribute("aria-invalid", "true")
    expect(department.page.get_by_label("理由：林场名录")).to_have_value(CARRIED)
    end.select_option("carried")
    department.page.get_by_label("终止方式：湿地分布").select_option("dropped")
    department.page.get_by_label("理由：湿地分布").fill(DROPPED)
    department.follow(journey.submit(department, "保存"))
    item_form(
        department, desk, "古树名木", "end",
        {"end": "replaced", "replaced_by": "草原监测站点", "reason": "并入草原监测站点一并开放。"}, "保存",
    )  # fmt: skip
    department.follow(department.page.get_by_role("link", name="年末调整"))
    journey.fill(department, {"adjustment": "核对全部目录条目，新增四条。"})
    department.follow(journey.submit(department, "结束本年度"))
    assert report(department) == {"计划开放": "4", "已开放": "1", "其中按期": "1", "逾期未开放": "0",
                                  "开放后中止": "0", "不再执行": "3", "取消": "1", "由其他数据代替": "1",
                                  "转入下一年度计划": "1"}  # fmt: skip

    # The public finds every promise, what has become of it and why; the carried one stands in the next plan.
    anybody.go(place)
    shows(anybody, "年度已结束", "核对全部目录条目，新增四条。", CARRIED, DROPPED)
    expect(anybody.page.locator(".plan-items tbody tr")).to_have_count(4)
    anybody.follow(anybody.page.get_by_role("link", name="第2版"))
    shows(anybody, "年末调整", CARRIED, DROPPED, "草原监测站点")
    anybody.go(f"{place}/print")
    shows(anybody, CARRIED, DROPPED, LATE)
    department.go(f"{PLACE}/nmg-forestry/work")
    shows(department, "林场名录")

    # The authority closes its own year, with a report on all that it has brought together.
    journey.log_in(authority, "zhuguan")
    authority.go(f"/nmg/plans/{LAST}/nmg-data/work")
    shows(authority, "内蒙古自治区林业和草原局", "年度已结束")
    authority.follow(authority.page.get_by_role("link", name="年末调整"))
    authority.page.locator("select[name^=end-]").select_option("dropped")
    authority.page.locator("input[name^=reason-]").fill("清单已并入全国目录。")
    journey.fill(authority, {"adjustment": "全区目录已经核对。"})
    authority.follow(journey.submit(authority, "结束本年度"))
    assert report(authority)["计划开放"] == "5" and report(authority)["取消"] == "2"
    anybody.go(f"/nmg/plans/{LAST}/nmg-data")
    shows(anybody, "全区目录已经核对。", "清单已并入全国目录。")


def test_ckanapi_reads_a_plan_as_the_group_that_it_is(served, visit):
    """A developer who knows CKAN reads the plan, its data and who follows it, and can change none of it."""
    from ckanapi import NotAuthorized, RemoteCKAN

    grassland = office("内蒙古自治区草原工作站", "nmg-grassland", "caoyuan")
    with at(2, 2, LAST):
        plan, kept, _left = drafted(grassland, "caoyuan", LAST, 草原植被盖度=3, 草原承包=11)
        factories.call("nmgdata_plan_submit", account("caoyuan"), id=plan["id"])
        for step in ("approve", "publish"):
            factories.call("nmgdata_case_transition", account("zhuguan"), id=plan["case"], transition=step)
    with at(3, 10, LAST):
        factories.upload(kept)
        tk.get_action("package_patch")(factories.site_context(), {"id": kept["id"], "private": False})
    portal = RemoteCKAN(served.url)
    eventually(lambda: portal.action.package_search(fq=f"groups:plan-{LAST}-nmg-grassland")["count"])
    listed = portal.action.group_list(type="open-plan", all_fields=True, include_extras=True)
    (name,) = [one["name"] for one in listed if one["id"] == plan["id"]]
    group = portal.action.group_show(id=name, include_datasets=True)
    assert (group["type"], group["year"], group["level"]) == ("open-plan", LAST, "department")
    assert group["title"] == plan["title"] and group["package_count"] == 1
    assert [one["id"] for one in group["packages"]] == [kept["id"]], (
        "a planned entry is nobody's business yet"
    )
    members = portal.action.member_list(id=name, object_type="package")
    assert [member[0] for member in members] == [kept["id"]]
    found = portal.action.package_search(fq=f"groups:{name}")["results"]
    assert [one["id"] for one in found] == [kept["id"]]
    assert [one["id"] for one in portal.action.group_package_show(id=name)] == [kept["id"]]
    shown = portal.action.package_show(id=kept["id"])
    assert name in [one["name"] for one in shown["groups"]]
    token = factories.login(account("caoyuan"))["Authorization"]
    with RemoteCKAN(served.url, apikey=token) as own:
        assert own.action.follow_group(id=name)["object_id"] == plan["id"]
        assert portal.action.group_follower_count(id=name) == 1
        assert name in [one["name"] for one in own.action.group_followee_list(id="caoyuan")]
        for change in ("group_patch", "group_delete"):
            with pytest.raises(NotAuthorized):
                own.call_action(change, {"id": name, "title": "另一个计划"})


def report(visitor) -> dict[str, str]:
    """Read the report of a year."""
    names, values = (visitor.page.locator(f"dl.facts {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, values, strict=True))
