"""A class moves in front of everybody's eyes: proposed, approved, announced, opened again; then evaluated."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from ... import factories
from . import english, journey, world

REASON = "实时路况可推知护卫车队的行踪，需要限定使用范围。"
BASIS = "《中华人民共和国数据安全法》第二十一条"
CONDITION = "限公共出行服务使用，延迟十五分钟展示，不得转让。"


def shows(visitor, *texts):
    """Say that the page's main part shows some texts."""
    for text in texts:
        expect(visitor.page.get_by_role("main").get_by_text(text).first).to_be_visible()


def link(visitor, name):
    """Return a link of the page's main part."""
    return visitor.page.get_by_role("main").get_by_role("link", name=name, exact=True)


def test_a_class_is_closed_by_the_authority_and_opened_by_the_department(visit):
    editor, official, anybody, reviewer = visit(), visit(), visit(scripts=False), visit()
    dataset = f"/dataset/{world.names[world.MOVING]}"
    file = journey.file_of(anybody, world.names[world.MOVING])

    journey.log_in(editor, "bianji")
    editor.go(dataset)
    editor.follow(link(editor, "调整开放属性"))
    editor.follow(link(editor, "提出建议").first)
    editor.follow(journey.submit(editor, "报主管部门审核"))
    for name in ("reason", "legal_basis", "open_condition"):
        assert english.words(journey.message_at(editor, name)) == set()
    journey.fill(editor, {"reason": REASON, "legal_basis": BASIS, "open_condition": CONDITION})
    editor.follow(journey.submit(editor, "报主管部门审核"))
    shows(editor, "建议已报主管部门", "建议收紧，待主管部门审核", REASON)
    number = editor.page.url.partition("#")[0].rpartition("/")[2]
    assert re.fullmatch(r"KF-\d{8}-\d{5}-\d", number)
    anybody.go(dataset)
    assert anybody.download(link(anybody, "下载")) == factories.CSV

    journey.log_in(official, "zhuguan")
    official.follow(link(official, number))
    journey.decide(official, "approve", "同意收紧", {})
    shows(official, "已生效")
    anybody.go(f"{file}/download", status=403)
    anybody.go(dataset)
    shows(anybody, "开放属性变更记录", REASON, BASIS)
    anybody.go("/nmg/classes?stricter=1")
    shows(anybody, world.MOVING, number)

    journey.log_in(reviewer, "banshi")
    reviewer.go(dataset)
    reviewer.follow(link(reviewer, "调整开放属性"))
    reviewer.follow(link(reviewer, "开放"))
    journey.fill(
        reviewer, {"evaluation": "延迟展示已经足够。", "secrecy_review": "保密办2026年11月20日审查，不涉密。"}
    )
    reviewer.follow(journey.submit(reviewer, "立即开放"))
    assert english.words(journey.message_at(reviewer, "evaluation")) == set()
    journey.fill(reviewer, {"evaluation": "延迟展示已经足以防止推知行踪。", "license_id": "other-open"})
    reviewer.follow(journey.submit(reviewer, "立即开放"))
    shows(reviewer, "变更已生效")
    anybody.go(dataset)
    assert anybody.download(link(anybody, "下载")) == factories.CSV
    mails = [*anybody.portal.mails("zhuguan@example.org"), *anybody.portal.mails("bianji@example.org")]
    assert english.in_mails(mails) == []


def test_a_department_makes_an_evaluation(visit):
    reviewer = visit()
    journey.log_in(reviewer, "banshi")
    reviewer.follow(link(reviewer, "待办评估 (1)"))
    shows(reviewer, world.EVALUATED)
    reviewer.follow(reviewer.page.locator("td.number a").first)
    reviewer.follow(journey.submit(reviewer, "提交评估结论"))
    assert english.words(journey.message_at(reviewer, "q_demand")) == set()
    names = ("q_demand", "q_basis", "q_sensitive", "q_processing", "q_consent", "q_part")
    typed = {
        **dict.fromkeys(names, "no"),
        "findings": "近一年没有申请，造价仍可推知商业秘密。",
        "conclusion": "keep",
    }
    journey.fill(reviewer, typed)
    expect(reviewer.page.locator("#f-target")).to_be_hidden()
    journey.fill(reviewer, {"reason": "造价明细仍涉及投标人的商业秘密。", "legal_basis": BASIS})
    reviewer.follow(journey.submit(reviewer, "提交评估结论"))
    shows(reviewer, "已记录", "目前没有待办的评估")
    reviewer.go(f"/dataset/{world.names[world.EVALUATED]}")
    shows(reviewer, "造价明细仍涉及投标人的商业秘密。")
