"""The department's review with supplement, inbox and use report; and Hohhot's, where the authority comes first."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from stack import portal as programs
from stack import process, settings

from ... import factories
from ...access.use import schedule
from ...kernel import clock
from . import english, journey, world

QUESTION, ANSWER = "请补充说明数据存放地点。", "存放于校内机房的加密服务器，见附件。"
REPORT = {
    "actual_use": "用于公交线网优化课题，没有改变用途。",
    "results": "完成研究报告一份。",
    "benefit": "为两条公交线路的调整提供了依据。",
    "safety": "数据加密存放，没有发生安全事件。",
}


def shows(visitor, *texts):
    """Say that the page's main part shows some texts."""
    for text in texts:
        expect(visitor.page.get_by_role("main").get_by_text(text).first).to_be_visible()


def open_own(visitor, number):
    """Open a case of one's own."""
    visitor.go("/nmg/my")
    visitor.follow(visitor.page.get_by_role("main").get_by_role("link", name=number))


def supplement(visitor, number, step, file):
    """Answer what was asked for, with a file; a wrong one is told and what was typed is kept."""
    open_own(visitor, number)
    shows(visitor, QUESTION)
    wrong = file.with_name("说明")
    wrong.write_bytes(b"MZ")
    visitor.page.locator(f"#step-{step} summary").first.click()
    visitor.page.locator(f"#f-{step}-evidence").set_input_files(wrong)
    journey.decide(visitor, step, "补正申请", {"supplement": ANSWER})
    assert "PDF" in journey.message_at(visitor, f"{step}-evidence")
    expect(visitor.page.locator(f"#f-{step}-supplement")).to_have_value(ANSWER)
    visitor.page.locator(f"#f-{step}-evidence").set_input_files(file)
    journey.decide(visitor, step, "补正申请", {})


def no_english_in_mails(visitor, *addresses):
    """Read the mails of a journey as their readers do."""
    mails = [mail for address in addresses for mail in visitor.portal.mails(address)]
    assert mails
    assert english.in_mails(mails) == []


def test_one_stage_from_the_inbox_over_a_supplement_to_the_use_report(visit, tmp_path):
    applicant, reviewer = visit(), visit()
    journey.log_in(applicant, "zhou")
    journey.begin_application(applicant, world.names[world.CONDITIONAL])
    receipt = journey.apply(applicant, journey.statement(applicant_name="周申请"))

    journey.log_in(reviewer, "banshi")
    reviewer.follow(reviewer.page.get_by_role("link", name="办件中心", exact=True))
    shows(reviewer, receipt.number, "还剩")
    reviewer.page.get_by_label(f"{receipt.number}").first.check()
    journey.fill(reviewer, {"assignee": "banshi"})
    reviewer.follow(journey.submit(reviewer, "分派"))
    journey.open_case(reviewer, receipt)
    journey.decide(reviewer, "ask", "要求补正", {"question": QUESTION})

    assert QUESTION in applicant.mail("zhou@example.org", "补正")
    proof = tmp_path / "存放说明.pdf"
    proof.write_bytes(factories.PDF)
    supplement(applicant, receipt.number, "supplement", proof)
    journey.open_case(reviewer, receipt)
    shows(reviewer, ANSWER)
    assert reviewer.download(reviewer.page.get_by_role("link", name=proof.name)) == factories.PDF

    until = (clock.today() + timedelta(days=5)).isoformat()
    terms = {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": until, "quota": "2"}
    journey.decide(reviewer, "approve", "同意开放", terms)
    journey.accept(applicant, receipt)
    applicant.go(f"/dataset/{world.names[world.CONDITIONAL]}")
    assert applicant.download(applicant.page.get_by_role("link", name="下载", exact=True)) == factories.CSV
    applicant.go("/nmg/my/grants")
    applicant.follow(applicant.page.get_by_role("link", name="使用记录、使用人和令牌"))
    shows(applicant, "剩余1次", "周申请")

    assert schedule.open_due() == 1  # the clock's chore, which the portal does once an hour
    applicant.mail("zhou@example.org", "使用情况报告")
    applicant.go("/nmg/my/grants")
    applicant.follow(applicant.page.get_by_role("link", name="提交使用情况报告"))
    journey.decide(applicant, "report", "提交使用情况报告", {**REPORT, "safety": ""})
    assert english.words(journey.message_at(applicant, "report-safety")) == set()
    expect(applicant.page.locator("#f-report-results")).to_have_value(REPORT["results"])
    journey.decide(applicant, "report", "提交使用情况报告", REPORT)
    shows(applicant, "使用情况报告已提交")
    reviewer.go("/nmg/grants")
    reviewer.follow(reviewer.page.locator("#reports").get_by_role("link").first)
    shows(reviewer, REPORT["results"])
    journey.decide(reviewer, "note", "收悉", {})
    shows(reviewer, "使用情况报告已归档")
    no_english_in_mails(applicant, "zhou@example.org", "banshi@example.org")


@pytest.fixture
def hohhot(served):
    """Serve the same data as the portal of Hohhot during a test."""
    stack = settings.load(os.environ["NMGDATA_STACK"])
    for region in ("150100", stack.region):
        stack.region = region
        process.stop(stack, "web", signal.SIGTERM)
        programs.start_web(stack, workers=1)
        programs.wait_for_page(stack)
        if region == "150100":
            yield


def test_two_stages_in_hohhot(hohhot, visit, tmp_path):
    applicant, authority, reviewer = visit(), visit(scripts=False), visit()
    journey.log_in(applicant, "chen")
    journey.begin_application(applicant, world.names[world.CONDITIONAL])
    shows(applicant, "规范性审核")
    receipt = journey.apply(applicant, journey.statement(applicant_name="陈申请"))

    journey.log_in(reviewer, "banshi")
    reviewer.go("/nmg/inbox")
    expect(reviewer.page.get_by_role("main").get_by_role("link", name=receipt.number)).to_have_count(0)
    journey.log_in(authority, "zhuguan")
    journey.open_case(authority, receipt)
    shows(authority, "主管部门规范性审核", "还剩")
    expect(authority.page.locator("#step-approve")).to_have_count(0)
    journey.decide(authority, "formal_ask", "要求补正", {"question": QUESTION})
    proof = tmp_path / "存放说明.pdf"
    proof.write_bytes(factories.PDF)
    supplement(applicant, receipt.number, "formal_supplement", proof)
    journey.open_case(authority, receipt)
    shows(authority, ANSWER)
    journey.decide(authority, "pass_on", "转至数源部门", {})
    shows(authority, "待部门审核")

    journey.open_case(reviewer, receipt)
    shows(reviewer, "还剩")
    until = (clock.today() + timedelta(days=90)).isoformat()
    terms = {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": until}
    journey.decide(reviewer, "approve", "同意开放", terms)
    journey.accept(applicant, receipt)
    applicant.go(f"/dataset/{world.names[world.CONDITIONAL]}")
    assert applicant.download(applicant.page.get_by_role("link", name="下载", exact=True)) == factories.CSV

    applicant.go("/nmg/my/grants")
    applicant.follow(applicant.page.get_by_role("link", name="按原内容申请续期").first)
    shows(applicant, f"办件{receipt.number}的续期申请")
    second = journey.apply(applicant, {"safeguards": "同上次申请，仍存放在加密服务器。"})
    journey.open_case(authority, second)
    reason = "使用时限与应用场景不符，请重新填写。"
    journey.decide(authority, "reject", "驳回申请", {"reason": reason})
    assert reason in applicant.mail("chen@example.org", "驳回")
    open_own(applicant, second.number)
    shows(applicant, "规范性审核未通过，已驳回", reason)
    no_english_in_mails(applicant, "chen@example.org", "zhuguan@example.org", "banshi@example.org")
