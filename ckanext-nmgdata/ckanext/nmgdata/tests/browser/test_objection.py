"""A rights holder objects, the department verifies, the public reads the outcome (Art. 28 ¶3, R-OBJ)."""

from __future__ import annotations

import json
import re

from PIL import Image
from playwright.sync_api import expect

from stack.shell import wait_until

from ... import factories
from . import english, journey, world

OBJECTOR = "lixiuying@example.org"
TOLLS, MECHANICS, ROUTES = world.CONTESTED
WITHDRAWN_BECAUSE = "“车牌”一列可以识别特定自然人。"


def download_of(visitor):
    """Return the button that downloads the file of the entry that is open."""
    return visitor.page.get_by_role("main").get_by_role("link", name="下载", exact=True)


def shows(visitor, *texts):
    """Say that the page's main part shows some texts."""
    for text in texts:
        expect(visitor.page.get_by_role("main").get_by_text(text).first).to_be_visible()


def hides(visitor, *texts):
    """Say that the page does not hold some texts."""
    for text in texts:
        expect(visitor.page.get_by_role("main").get_by_text(text)).to_have_count(0)


def test_from_an_objection_to_the_register(visit, tmp_path):
    objector, anybody, reviewer = visit(), visit(), visit()
    dataset = world.names[TOLLS]
    file = journey.file_of(anybody, dataset)
    proof, photo = tmp_path / "行驶证.pdf", tmp_path / "车辆照片.png"
    proof.write_bytes(factories.PDF)
    Image.new("RGB", (40, 30), "white").save(photo)

    first = filed_after_a_mistake(objector, dataset, proof)
    closed_at_once(anybody, file, first)
    journey.confirm_contact(objector, OBJECTOR)
    followed(anybody, first)
    journey.log_in(reviewer, "banshi")
    read_by_its_handler(reviewer, first)
    restored(reviewer)
    anybody.go(f"/dataset/{dataset}")
    assert anybody.download(download_of(anybody)) == factories.CSV
    told(objector, first)

    journey.begin_objection(objector, dataset)
    second = journey.object_to(objector, journey.objection(), photo)
    closed_at_once(anybody, file, second)
    journey.open_case(reviewer, second)
    withdrawn(reviewer)
    gone(anybody, dataset, file, second)
    in_the_register(anybody, {first: "已恢复开放", second: "数据已撤回"})
    mails = [*anybody.portal.mails(OBJECTOR), *anybody.portal.mails("banshi@example.org")]
    assert english.in_mails(mails) == []


def filed_after_a_mistake(objector, dataset, proof):
    """Send an objection with a mistake first: what was typed and attached is still there."""
    journey.begin_objection(objector, dataset)
    typed = journey.objection(statement="侵权", contact_email="lixiuying", ground="")
    journey.fill(objector, typed)
    objector.page.locator("#f-evidence").set_input_files(proof)
    objector.follow(journey.submit(objector, "提交异议"))
    for name in ("statement", "contact_email", "ground"):
        assert english.words(journey.message_at(objector, name)) == set()
    for name, value in typed.items():
        expect(objector.page.locator(f"#f-{name}")).to_have_value(value)
    expect(objector.page.get_by_label(proof.name)).to_be_attached()
    receipt = journey.object_to(objector, journey.objection())
    assert re.fullmatch(r"YY-\d{8}-\d{5}-\d", receipt.number)
    return receipt


def closed_at_once(anybody, file, receipt):
    """The first request after the answer is refused, with the number of the case."""
    anybody.go(f"{file}/download", status=451)
    shows(anybody, "因权益异议中止开放", receipt.number)
    anybody.follow(anybody.page.get_by_role("link", name="返回数据集"))
    shows(anybody, "因权益异议中止开放", receipt.number)
    expect(download_of(anybody)).to_have_count(0)


def followed(anybody, receipt):
    """Number and code show where the case stands, and nothing of who objects."""
    journey.look_up(anybody, receipt)
    shows(anybody, "中止开放核实中", "还剩")
    hides(anybody, "李秀英", "13900000000", OBJECTOR)


def read_by_its_handler(reviewer, receipt):
    """The department's reviewer reads the evidence, then the contact, which is masked until asked for."""
    journey.open_case(reviewer, receipt)
    assert reviewer.download(reviewer.page.get_by_role("link", name="行驶证.pdf")) == factories.PDF
    shows(reviewer, "未经病毒扫描", "已确认")
    hides(reviewer, "李秀英", "13900000000", OBJECTOR)
    journey.look(reviewer, "核实异议，需电话联系")
    shows(reviewer, "李秀英", "13900000000", OBJECTOR)
    reviewer.follow(reviewer.page.get_by_role("link", name=receipt.number))


def restored(reviewer):
    """Resume opening; without an answer to the objector it is not possible (R-OBJ-06)."""
    journey.decide(reviewer, "restore", "恢复开放", journey.outcome(feedback=""))
    assert "反馈" in journey.message_at(reviewer, "restore-feedback")
    expect(reviewer.page.locator("#f-restore-findings")).to_have_value(journey.outcome()["findings"])
    journey.decide(reviewer, "restore", "恢复开放", journey.outcome())
    shows(reviewer, "已恢复开放")


def told(objector, receipt):
    """The objector's mail holds the answer, and its link leads to where number and code are asked for."""
    mail = objector.mail(OBJECTOR, "恢复开放")
    assert journey.outcome()["feedback"] in mail
    assert journey.outcome()["findings"] not in mail
    objector.go(re.search(r"https?://\S+", mail).group())
    expect(objector.page.locator("#f-number")).to_have_value(receipt.number)
    journey.fill(objector, {"code": receipt.code})
    objector.follow(journey.submit(objector, "查询进度"))
    shows(objector, journey.outcome()["feedback"])


def withdrawn(reviewer):
    """Withdraw the data; ground and legal basis are needed."""
    because = journey.outcome(public_reason=WITHDRAWN_BECAUSE, feedback="已撤回数据，感谢您的监督。")
    journey.decide(reviewer, "withdraw", "撤回数据", because)
    for name in ("nonopen_ground", "legal_basis"):
        assert english.words(journey.message_at(reviewer, f"withdraw-{name}")) == set()
    basis = "《中华人民共和国个人信息保护法》第十三条"
    journey.decide(
        reviewer, "withdraw", "撤回数据", {"nonopen_ground": "personal_privacy", "legal_basis": basis}
    )
    shows(reviewer, "数据已撤回")


def gone(anybody, dataset, file, receipt):
    """No byte leaves any more; a tombstone says what was here, whose it was, in which case it went and why."""
    anybody.go(f"{file}/download", status=410)
    address = f"/dataset/{dataset}"
    wait_until(lambda: anybody.context.request.get(address).status == 410, "The tombstone", 20)
    anybody.go(address, status=410)
    expect(anybody.page.get_by_role("heading", level=1)).to_have_text(TOLLS)
    shows(anybody, "已撤回", world.DEPARTMENT, receipt.number, WITHDRAWN_BECAUSE)


def in_the_register(anybody, outcomes):
    """The public register holds both cases, for people and for programs."""
    anybody.go("/")
    anybody.follow(anybody.page.get_by_role("link", name="中止开放公示"))
    for receipt, outcome in outcomes.items():
        row = anybody.page.locator("tbody tr").filter(has_text=receipt.number)
        expect(row).to_contain_text(outcome)
        expect(row).to_contain_text(TOLLS)
    hides(anybody, "李秀英", journey.outcome()["findings"])
    for kind in ("CSV", "JSON"):
        link = anybody.page.get_by_role("link", name=kind, exact=True).get_attribute("href")
        answer = anybody.context.request.get(link)
        text = json.dumps(answer.json(), ensure_ascii=False) if kind == "JSON" else answer.text()
        assert all(receipt.number in text for receipt in outcomes)
        assert "李秀英" not in text


def test_without_scripts_it_closes_too_and_the_authority_sets_abuse_aside(visit, tmp_path):
    objector, official, anybody = visit(scripts=False), visit(), visit()
    file = journey.file_of(anybody, world.names[MECHANICS])
    proof = tmp_path / "证明.pdf"
    proof.write_bytes(factories.PDF)
    journey.begin_objection(objector, world.names[MECHANICS])
    receipt = journey.object_to(objector, journey.objection(contact_email="wu@example.org"), proof)
    anybody.go(f"{file}/download", status=451)

    journey.log_in(official, "zhuguan")
    official.go("/nmg/inbox")
    official.follow(official.page.get_by_role("link", name="未办结的异议"))
    official.page.get_by_label(receipt.number).check()
    row = official.page.locator("tbody tr").filter(has_text=receipt.number)
    expect(row).to_contain_text("未通过机器人验证")
    official.follow(journey.submit(official, "对所选异议不予受理并恢复开放"))
    assert english.words(journey.message_at(official, "reason")) == set()
    expect(official.page.get_by_label(receipt.number)).to_be_checked()
    reason = "同一证据与本数据无关，属于滥用异议。"
    journey.fill(official, {"reason": reason})
    official.follow(journey.submit(official, "对所选异议不予受理并恢复开放"))
    hides(official, receipt.number)

    anybody.go(f"/dataset/{world.names[MECHANICS]}")
    assert anybody.download(download_of(anybody)) == factories.CSV
    assert reason in objector.mail("wu@example.org", "不予受理")
    assert english.in_mails(anybody.portal.mails("wu@example.org")) == []


def test_an_editor_suspends_ex_officio_and_a_reviewer_reads_why(visit):
    editor, reviewer, anybody = visit(), visit(), visit()
    file = journey.file_of(anybody, world.names[ROUTES])
    journey.log_in(editor, "bianji")
    editor.go(f"/dataset/{world.names[ROUTES]}")
    editor.follow(editor.page.get_by_role("link", name="依职权中止开放"))
    danger = "途经地点可以推知危险货物的存放位置。"
    journey.fill(editor, {"reason": danger})
    editor.follow(journey.submit(editor, "立即中止开放"))
    assert english.words(journey.message_at(editor, "danger_kind")) == set()
    expect(editor.page.locator("#f-reason")).to_have_value(danger)
    journey.fill(editor, {"danger_kind": "public_interest"})
    editor.follow(journey.submit(editor, "立即中止开放"))
    expect(editor.page.get_by_role("heading", level=1)).to_have_text(ROUTES)
    shows(editor, "依职权中止开放，正在核实")

    anybody.go(f"{file}/download", status=451)
    shows(anybody, "依职权中止开放")
    hides(anybody, "权益异议")
    number = re.search(r"ZZ-\d{8}-\d{5}-\d", anybody.page.get_by_role("main").inner_text()).group()
    journey.log_in(reviewer, "banshi")
    journey.open_case(reviewer, journey.Receipt(number, ""))
    shows(reviewer, danger)
    journey.decide(
        reviewer, "open_after_processing", "依法处理后开放", journey.outcome(processing="删去地点。")
    )
    shows(reviewer, "请先把处理后的版本作为新文件加入数据集")
    anybody.go(f"{file}/download", status=451)
