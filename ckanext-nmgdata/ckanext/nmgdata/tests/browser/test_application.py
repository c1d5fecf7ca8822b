"""From a visitor's first search to the bytes of conditional data, and the way a refusal goes."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.sync_api import expect

from ... import factories
from ...kernel import clock
from . import english, journey, world

APPLICANT, ADDRESS, SECRET = "王小明", "wang@example.org", "caoyuan-2026"


def test_a_visitor_finds_open_data_and_downloads_without_a_login(visit):
    anybody = visit()
    journey.search(anybody, "气象")
    journey.open_hit(anybody, world.OPEN)
    assert anybody.download(anybody.page.get_by_role("link", name="下载", exact=True)) == world.WEATHER


def test_conditional_data_say_why_and_lead_to_the_application(visit):
    anybody = visit()
    journey.search(anybody, "出租汽车")
    journey.open_hit(anybody, world.CONDITIONAL)
    main = anybody.page.get_by_role("main")
    expect(main.get_by_role("link", name="下载", exact=True)).to_have_count(0)
    expect(main.get_by_text("《中华人民共和国个人信息保护法》第二十八条")).to_be_visible()
    file = main.locator(".files a").first.get_attribute("href") or ""
    anybody.go(f"{file}/download", status=403)
    main = anybody.page.get_by_role("main")
    expect(main.get_by_text("需要先申请，同意后即可下载")).to_be_visible()
    expect(main.get_by_text("内政发〔2024〕19号第二十八条第二款")).to_have_count(1)
    anybody.follow(main.get_by_role("link", name="申请使用这项数据"))
    expect(anybody.page.get_by_role("heading", level=1)).to_have_text("登录")


def test_from_registration_to_the_bytes(visit):
    applicant, reviewer, anybody = visit(), visit(), visit()
    journey.register(applicant, APPLICANT, ADDRESS, SECRET)
    journey.begin_application(applicant, world.names[world.CONDITIONAL])
    expect(applicant.page.locator("#f-applicant_name")).to_have_value(APPLICANT)
    receipt = journey.apply(applicant, journey.statement())
    assert re.fullmatch(r"SQ-\d{8}-\d{5}-\d", receipt.number)

    journey.look_up(anybody, receipt)
    expect(anybody.page.get_by_role("main").get_by_text("待部门审核")).to_be_visible()
    expect(anybody.page.get_by_role("main").get_by_text(APPLICANT)).to_have_count(0)
    journey.look_up(anybody, journey.Receipt(receipt.number, receipt.code[:-1] + "x"))
    assert english.words(journey.message_at(anybody, "number")) == set()

    journey.log_in(reviewer, "banshi")
    journey.open_case(reviewer, receipt)
    until = (clock.today() + timedelta(days=90)).isoformat()
    journey.decide(
        reviewer, "approve", "同意开放",
        {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": until},
    )  # fmt: skip
    expect(reviewer.page.get_by_role("main").get_by_text("已同意开放").first).to_be_visible()

    assert receipt.number in applicant.mail(ADDRESS, receipt.number)
    dataset = f"/dataset/{world.names[world.CONDITIONAL]}"
    applicant.go(dataset)
    expect(applicant.page.get_by_role("link", name="下载", exact=True)).to_have_count(0)
    journey.accept(applicant, receipt)
    applicant.go(dataset)
    assert applicant.download(applicant.page.get_by_role("link", name="下载", exact=True)) == factories.CSV
    journey.look_up(anybody, receipt)
    expect(anybody.page.get_by_role("main").get_by_text("课题研究")).to_be_visible()
    journey.log_out(applicant)
    no_english_in_mails(applicant, ADDRESS)


def test_a_refusal_states_reason_and_legal_basis(visit):
    applicant, reviewer = visit(), visit()
    journey.log_in(applicant, "chen")
    journey.begin_application(applicant, world.names[world.CONDITIONAL])
    wrong = journey.statement(scenario="科研", safeguards="", use_until="2020-01-01")
    journey.fill(applicant, wrong)
    applicant.follow(journey.submit(applicant, "提交申请"))
    assert "至少" in journey.message_at(applicant, "scenario")
    assert "安全" in journey.message_at(applicant, "safeguards")
    assert "已过" in journey.message_at(applicant, "use_until")
    for name, value in wrong.items():
        expect(applicant.page.locator(f"#f-{name}")).to_have_value(value)
    receipt = journey.apply(applicant, journey.statement())

    journey.log_in(reviewer, "banshi")
    journey.open_case(reviewer, receipt)
    reason, basis = "用途与开放条件不符，未说明销毁办法。", "内政发〔2024〕19号第二十八条"
    journey.decide(reviewer, "refuse", "不同意开放", {"reason": reason})
    assert english.words(journey.message_at(reviewer, "refuse-legal_basis")) == set()
    expect(reviewer.page.locator("#f-refuse-reason")).to_have_value(reason)
    ground = reviewer.page.locator("#f-refuse-refusal_ground option").nth(1).get_attribute("value") or ""
    stated = {"refusal_ground": ground, "reason": reason, "legal_basis": basis}
    journey.decide(reviewer, "refuse", "不同意开放", stated)

    assert "理由" in applicant.mail("chen@example.org", "未获同意")
    applicant.go("/nmg/my")
    applicant.follow(applicant.page.get_by_role("link", name=receipt.number))
    main = applicant.page.get_by_role("main")
    expect(main.get_by_text(reason)).to_be_visible()
    expect(main.get_by_text(basis, exact=True)).to_be_visible()
    no_english_in_mails(applicant, "chen@example.org")


def no_english_in_mails(visitor, address):
    """Read the mails of the journey as their reader does."""
    mails = visitor.portal.mails(address) + visitor.portal.mails("banshi@example.org")
    assert mails
    assert english.in_mails(mails) == []


def test_two_drafts_at_once_outlive_the_login_without_scripts_on_a_phone(visit):
    """What is typed comes back after the session has gone, in its own draft, and nothing mixes."""
    applicant = visit(scripts=False)
    applicant.page.set_viewport_size({"width": 320, "height": 640})
    main = applicant.page.get_by_role("main")
    journey.log_in(applicant, "chen")
    for text in ("第一份草稿：研究通勤。", "第二份草稿：研究拥堵。"):
        journey.begin_application(applicant, world.names[world.CONDITIONAL])
        journey.fill(applicant, {"scenario": text})
        applicant.follow(journey.submit(applicant, "存为草稿"))
        expect(main.get_by_text("申请已存为草稿。")).to_be_visible()
    drafts = applicant.page.locator("#drafts").get_by_role("link", name="继续填写")
    expect(drafts).to_have_count(2)
    applicant.follow(drafts.first)
    expect(applicant.page.locator("#f-scenario")).to_have_value("第二份草稿：研究拥堵。")
    journey.fill(applicant, {"scenario": "登录失效时才写好的第二份。"})
    applicant.context.clear_cookies()
    applicant.follow(journey.submit(applicant, "提交申请"))
    expect(applicant.page.get_by_role("heading", level=1)).to_have_text("登录")
    journey.fill(applicant, {"login": "chen", "password": applicant.portal.passwords["chen"]})
    applicant.follow(journey.submit(applicant, "登录"))
    expect(applicant.page.locator("#f-scenario")).to_have_value("登录失效时才写好的第二份。")

    # Another window has logged in anew: the form comes back as it was, with a word why.
    journey.fill(applicant, {"scenario": "重新登录之前打开的表单。"})
    applicant.context.clear_cookies()
    other = applicant.context.new_page()
    other.goto("/user/login")
    other.locator("#f-login").fill("chen")
    other.locator("#f-password").fill(applicant.portal.passwords["chen"])
    with other.expect_navigation():
        other.get_by_role("main").get_by_role("button", name="登录").click()
    other.close()
    applicant.follow(journey.submit(applicant, "提交申请"))
    expect(main.get_by_text("本表单在您重新登录之前打开")).to_be_visible()
    expect(applicant.page.locator("#f-scenario")).to_have_value("重新登录之前打开的表单。")

    applicant.go("/nmg/my")
    expect(drafts).to_have_count(2)
    for left in (1, 0):
        delete = applicant.page.locator("#drafts").locator("form button").first
        expect(delete).to_be_hidden()
        applicant.page.locator("#drafts summary").first.click()
        applicant.follow(delete)
        expect(drafts).to_have_count(left)
