"""Take the pictures of ``docs/screenshots/`` from a running demo portal.

    make up
    .venv/bin/python tools/screenshots.py          of the stack `main`
    .venv/bin/python tools/screenshots.py NAME     of another one

It walks the same ways as the browser tests (``tests/browser/journey.py``): a new applicant
registers and applies, the department approves, the agreement is accepted; an objection is filed and
set aside. So a second run finds the portal as the first did. Needs what `make test` installs, the
system's browser among it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ckanext.nmgdata.tests.browser import journey  # noqa: E402
from ckanext.nmgdata.tests.browser.visitor import Portal, Visitor, launch  # noqa: E402
from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from stack import settings  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
DATASET = "nmg-market-complaints"
CONTESTED = "nmg-justice-law-firms"
WIDE = {"width": 1280, "height": 960}
PHONE = {"width": 390, "height": 844}
LARGEST = 250_000


def running(name: str) -> Portal:
    """Return the portal of a stack, with the passwords of its demo accounts."""
    stack = settings.load(name)
    lines = (stack.home / "accounts.txt").read_text(encoding="utf-8").splitlines()
    accounts = dict(line.split()[:2] for line in lines if line.startswith("  "))
    return Portal(stack.site_url, stack.home / "mail", accounts)


def picture(visitor: Visitor, name: str, size: dict[str, int] | None = None) -> None:
    """Write what the window shows to ``docs/screenshots/NAME.png``."""
    visitor.page.set_viewport_size({"width": (size or WIDE)["width"], "height": (size or WIDE)["height"]})
    visitor.page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
    path = FOLDER / f"{name}.png"
    visitor.page.screenshot(path=path)
    bytes_written = path.stat().st_size
    print(f"{path.relative_to(ROOT)}  {bytes_written // 1000} kB")
    if bytes_written > LARGEST:
        raise SystemExit(f"{path.name} is larger than {LARGEST // 1000} kB")


def window(portal: Portal, browser: Browser) -> Visitor:
    """Open a window that looks at nothing by itself."""
    return Visitor(portal, browser, lambda _visitor: None)


def public_pages(visitor: Visitor) -> None:
    """Take the pages that everybody sees."""
    visitor.go("/")
    picture(visitor, "home")
    journey.search(visitor, "气象")
    picture(visitor, "search")
    visitor.go(f"/dataset/{DATASET}")
    picture(visitor, "dataset")
    picture(visitor, "phone", PHONE)


def register_and_apply(applicant: Visitor, filled_in: Callable[[], None]) -> tuple[str, journey.Receipt]:
    """Apply for conditional data with a new account; return its address and the receipt.

    :param filled_in: called while the form stands there filled in
    """
    address = f"wang-{time.time_ns()}@example.org"
    journey.register(applicant, "王小明", address, "caoyuan-2026")
    journey.begin_application(applicant, DATASET)
    stated = journey.statement(
        scenario="分析投诉热点，形成公开发表的消费环境研究报告，供消费者和监管部门参考。",
        data_scope="商品类别、问题类型、办理结果，最近一年，全区。",
    )
    journey.fill(applicant, stated)
    filled_in()
    return address, journey.apply(applicant, stated)


def approve(reviewer: Visitor) -> None:
    """Approve the application whose case is shown."""
    decision = {"purpose": "消费环境研究", "use_scope": "课题组内部使用"}
    journey.decide(reviewer, "approve", "同意开放", decision)


def object_to(objector: Visitor, dataset: str, filled_in: Callable[[], None]) -> journey.Receipt:
    """Object to an entry, with a proof that no objection had before."""
    journey.begin_objection(objector, dataset)
    stated = journey.objection(
        statement="“联系电话”一列是我的私人手机号，不是执业机构的电话。",
        wish="删除该列，或者改为机构电话。",
        concern="名录里有我的姓名和手机号。",
        contact_email=f"li-{time.time_ns()}@example.org",
    )
    journey.fill(objector, stated)
    filled_in()
    with TemporaryDirectory() as folder:
        proof = Path(folder) / "权利证明.pdf"
        proof.write_bytes(b"%%PDF-1.4\n%%%d\n%%%%EOF\n" % time.time_ns())
        return journey.object_to(objector, stated, proof)


def set_aside(authority: Visitor, receipt: journey.Receipt) -> None:
    """Let the authority open again what an objection has closed."""
    authority.go(f"/nmg/cases/{receipt.number}")
    journey.decide(authority, "lift_abusive", "认定为滥用异议", {"reason": "演示用的异议，数据恢复开放。"})


def application(applicant: Visitor, reviewer: Visitor) -> None:
    """Apply, approve and accept, and take the pages on the way."""
    _address, receipt = register_and_apply(applicant, lambda: picture(applicant, "application"))
    journey.log_in(reviewer, "reviewer")
    reviewer.go("/nmg/inbox")
    picture(reviewer, "inbox")
    journey.open_case(reviewer, receipt)
    reviewer.page.locator("#step-approve summary").first.click()
    picture(reviewer, "case")
    approve(reviewer)
    journey.accept(applicant, receipt)


def objection(objector: Visitor, authority: Visitor) -> None:
    """Object to open data, and take the form and the register; the authority then opens the data again."""
    receipt = object_to(objector, CONTESTED, lambda: picture(objector, "objection"))
    objector.go("/nmg/suspensions")
    picture(objector, "register")
    journey.log_in(authority, "authority")
    set_aside(authority, receipt)


def audit_log(auditor: Visitor) -> None:
    """Take the page that auditors read."""
    journey.log_in(auditor, "auditor")
    auditor.go("/nmg/audit")
    picture(auditor, "audit")


def main() -> None:
    """Take all pictures."""
    portal = running(sys.argv[1] if len(sys.argv) > 1 else "main")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        public_pages(window(portal, browser))
        application(window(portal, browser), window(portal, browser))
        objection(window(portal, browser), window(portal, browser))
        audit_log(window(portal, browser))
        browser.close()


if __name__ == "__main__":
    main()
