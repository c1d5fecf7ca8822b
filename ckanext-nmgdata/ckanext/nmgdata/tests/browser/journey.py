"""What people do on the portal, step by step, as they would: by reading, typing and pressing.

Tests and ``tools/screenshots.py`` walk the same ways. Every page that is reached is shown to the
visitor's ``on_page``; a step returns what a person would take away from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Locator, expect

from ...kernel import clock
from .visitor import PATIENCE, Visitor, link_in


@dataclass(frozen=True)
class Receipt:
    """What an applicant or objector takes away: the number of the case and its query code."""

    number: str
    code: str


def submit(visitor: Visitor, label: str) -> Locator:
    """Return the button of the page's form that carries these words."""
    return visitor.page.get_by_role("main").get_by_role("button", name=label, exact=True)


def fill(visitor: Visitor, values: dict[str, str], form: str = "") -> None:
    """Fill in fields by their names: text, choice or one of several; on a case's page of one of its steps."""
    for name, value in values.items():
        place = f"#f-{form}-{name}" if form else f"#f-{name}"
        field = visitor.page.locator(place)
        kind = field.evaluate("e => e.tagName")
        if kind == "SELECT":
            field.select_option(value)
        elif kind == "FIELDSET":
            visitor.page.locator(f"{place}-{value}").check()
        else:
            field.fill(value)


def message_at(visitor: Visitor, name: str) -> str:
    """Return what is said at a field that was filled in wrongly."""
    field = visitor.page.locator(f"#f-{name}")
    expect(field).to_have_attribute("aria-describedby", re.compile(rf"\be-{name}\b"))
    return visitor.page.locator(f"#e-{name}").first.inner_text().strip()


# --- accounts ------------------------------------------------------------------------------------


def log_in(visitor: Visitor, name: str, password: str | None = None) -> None:
    """Log in from the head of the page."""
    visitor.go("/")
    visitor.follow(visitor.page.get_by_role("link", name="登录", exact=True))
    fill(visitor, {"login": name, "password": password or visitor.portal.passwords[name]})
    visitor.follow(submit(visitor, "登录"))
    expect(visitor.page.get_by_role("button", name="退出")).to_be_visible()


def log_out(visitor: Visitor) -> None:
    """Log out from the head of the page."""
    visitor.follow(visitor.page.get_by_role("button", name="退出"))
    expect(visitor.page.get_by_role("link", name="登录", exact=True)).to_be_visible()


def register(visitor: Visitor, name: str, address: str, password: str) -> None:
    """Register, open the link in the mail, activate the account and log in."""
    visitor.go("/")
    visitor.follow(visitor.page.get_by_role("link", name="注册", exact=True))
    fill(visitor, {"kind": "natural_person", "name": name, "email": address})
    fill(visitor, {"password1": password, "password2": password})
    visitor.follow(submit(visitor, "注册"))
    link = link_in(visitor.mail(address, "激活"))
    visitor.go(link)
    visitor.follow(submit(visitor, "激活账号"))
    fill(visitor, {"login": address, "password": password})
    visitor.follow(submit(visitor, "登录"))


# --- looking for data ----------------------------------------------------------------------------


def search(visitor: Visitor, words: str) -> None:
    """Type words into the search field of the home page."""
    visitor.go("/")
    visitor.page.locator("input[name=q]").fill(words)
    visitor.follow(visitor.page.get_by_role("button", name="搜索"))


def open_hit(visitor: Visitor, title: str) -> None:
    """Open a dataset from the list of what was found."""
    visitor.follow(visitor.page.get_by_role("main").get_by_role("link", name=title).first)
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text(title)


def file_of(visitor: Visitor, dataset: str) -> str:
    """Return the address of an entry's first file, as its page shows it."""
    visitor.go(f"/dataset/{dataset}")
    return visitor.page.locator(".files .what a").first.get_attribute("href") or ""


# --- an application ------------------------------------------------------------------------------


def statement(**changes: str) -> dict[str, str]:
    """Return the five statutory elements (内政发〔2024〕19号 Art. 28 ¶2) as an applicant would type them."""
    today = clock.today()
    return {
        "contact_phone": "0471-1234567",
        "scenario": "研究城市居民出行规律，形成公开发表的论文，供公交线网优化参考。",
        "data_scope": "全部字段，最近一年，市区范围。",
        "provision_mode": "file",
        "use_from": today.isoformat(),
        "use_until": (today + timedelta(days=180)).isoformat(),
        "safeguards": "存放在加密磁盘，只有课题组成员可以访问，期满后删除并出具说明。",
        **changes,
    }


def begin_application(visitor: Visitor, dataset: str) -> None:
    """Open a conditional dataset and press its button."""
    visitor.go(f"/dataset/{dataset}")
    visitor.follow(visitor.page.get_by_role("main").get_by_role("link", name="申请使用", exact=True).first)


def apply(visitor: Visitor, stated: dict[str, str]) -> Receipt:
    """Fill in the application form that is open, send it, and read the receipt."""
    fill(visitor, stated)
    visitor.follow(submit(visitor, "提交申请"))
    return read_receipt(visitor)


def look_up(visitor: Visitor, receipt: Receipt) -> None:
    """Ask where a case stands, by number and query code."""
    visitor.go("/")
    menu = visitor.page.get_by_role("navigation", name="主导航")
    visitor.follow(menu.get_by_role("link", name="办件进度"))
    fill(visitor, {"number": receipt.number, "code": receipt.code})
    visitor.follow(submit(visitor, "查询进度"))


def open_case(visitor: Visitor, receipt: Receipt) -> None:
    """Open a case from the inbox."""
    visitor.go("/")
    visitor.follow(visitor.page.get_by_role("link", name="办件中心", exact=True))
    visitor.follow(visitor.page.get_by_role("main").get_by_role("link", name=receipt.number))


def decide(visitor: Visitor, step: str, label: str, values: dict[str, str]) -> None:
    """Unfold a step of the case that is open, fill in its form and take it."""
    card = visitor.page.locator(f"#step-{step}")
    if card.locator("> details").get_attribute("open") is None:
        card.locator("summary").first.click()
    fill(visitor, values, step)
    visitor.follow(card.get_by_role("button", name=label, exact=True))


def look(visitor: Visitor, reason: str) -> None:
    """Have the case that is open show who filed it, and say why."""
    visitor.page.locator("#reveal summary").click()
    fill(visitor, {"reason": reason}, "reveal")
    visitor.follow(submit(visitor, "显示姓名和联系方式（将记入日志）"))


def accept(visitor: Visitor, receipt: Receipt) -> None:
    """Accept the use agreement on the page of one's own case."""
    visitor.go("/nmg/my")
    visitor.follow(visitor.page.get_by_role("link", name=receipt.number))
    visitor.page.locator("#f-accept-agreement").check()
    visitor.follow(submit(visitor, "签署利用协议"))


# --- an objection --------------------------------------------------------------------------------


def objection(**changes: str) -> dict[str, str]:
    """Return what a rights holder states (内政发〔2024〕19号 Art. 28 ¶3), as that person would type it."""
    return {
        "ground": "personal_information",
        "statement": "“车牌”一列可以认出我本人的车，能推知我每天的行程。",
        "wish": "撤回数据，或者删除车牌一列。",
        "objector_kind": "natural_person",
        "objector_name": "李秀英",
        "concern": "数据里有我的车。",
        "contact_phone": "13900000000",
        "contact_email": "lixiuying@example.org",
        **changes,
    }


def begin_objection(visitor: Visitor, dataset: str) -> None:
    """Open an entry and follow its link to the form."""
    visitor.go(f"/dataset/{dataset}")
    visitor.follow(visitor.page.get_by_role("link", name="数据侵害了我的权益：提出异议"))


def object_to(visitor: Visitor, stated: dict[str, str], *evidence: Path) -> Receipt:
    """Fill in the form of an objection that is open, send it, and read the receipt."""
    fill(visitor, stated)
    if evidence:
        visitor.page.locator("#f-evidence").set_input_files(list(evidence))
    if visitor.scripts:
        expect(visitor.page.locator("[name=solution]")).not_to_have_value("", timeout=PATIENCE)
    visitor.follow(submit(visitor, "提交异议"))
    return read_receipt(visitor)


def read_receipt(visitor: Visitor) -> Receipt:
    """Read number and query code."""
    shown = visitor.page.locator
    return Receipt(shown("#case-number").inner_text().strip(), shown("#query-code").inner_text().strip())


def confirm_contact(visitor: Visitor, address: str) -> None:
    """Open the link of the mail that asks for it, and press its button."""
    visitor.go(link_in(visitor.mail(address, "确认")))
    visitor.follow(submit(visitor, "是，这是我的邮箱"))


def outcome(**changes: str) -> dict[str, str]:
    """Return what every outcome of an objection states (R-OBJ-05, R-OBJ-06)."""
    return {
        "findings": "经核实，数据中的车牌已经脱敏，不能指向特定自然人。",
        "public_reason": "数据已脱敏，不能识别特定自然人。",
        "feedback": "经核实，数据不含您的完整车牌，感谢您的监督。",
        **changes,
    }


# --- keeping the catalogue -----------------------------------------------------------------------


def entry(**changes: str) -> dict[str, str]:
    """Return a conditional entry as an editor would type it."""
    return {
        "title": "公共停车场实时泊位",
        "notes": "各公共停车场的总泊位与空余泊位，每小时一次，可用于停车诱导。",
        "data_form": "spreadsheet",
        "update_frequency": "monthly",
        "region_code": "150000",
        "theme": "transport",
        "collecting_department": "自治区交通运输厅",
        "approving_department": "自治区交通运输厅",
        "providing_department": "自治区交通运输厅",
        "contact_phone": "0471-7654321",
        "data_level": "general_2",
        "open_class": "conditional",
        "open_reason": "实时数据可推知停车场的安防状况。",
        "open_legal_basis": "《中华人民共和国数据安全法》第二十一条",
        "open_condition": "限停车诱导服务使用，不得转让。",
        "license_id": "other-closed",
        "share_class": "unconditional",
        "share_content": "全部数据项",
        "share_scope": "全区各级公共管理和服务机构",
        **changes,
    }


def begin_entry(visitor: Visitor) -> None:
    """Open the form of a new catalogue entry."""
    visitor.follow(visitor.page.get_by_role("link", name="新建条目"))


def attach(visitor: Visitor, file: Path, title: str) -> None:
    """Attach a file to the entry whose form has just been sent, and end at the entry's page."""
    fill(visitor, {"name": title})
    visitor.page.locator("#f-upload").set_input_files(file)
    visitor.follow(visitor.page.locator("button[name=save][value=go-metadata]"))
