"""Take a laptop's and a phone's picture of every type of page: ``docs/pages/`` and ``docs/pages.md``.

    make up
    .venv/bin/python tools/pages.py          of the stack `main`
    .venv/bin/python tools/pages.py NAME     of another one

It walks the ways of the browser tests (``tests/browser/journey.py``): somebody registers, applies and
gets data, two objections are decided, one of them by withdrawal of an entry that an editor has made for it.
"""

from __future__ import annotations

import email
import email.policy
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ckanext.nmgdata.kernel import clock  # noqa: E402
from ckanext.nmgdata.tests.browser import journey  # noqa: E402
from ckanext.nmgdata.tests.browser.visitor import Visitor, launch  # noqa: E402
from screenshots import (  # noqa: E402
    CONTESTED,
    DATASET,
    approve,
    object_to,
    register_and_apply,
    running,
    set_aside,
    window,
)  # fmt: skip

FOLDER = ROOT / "docs" / "pages"
SIZES = {"laptop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
TALLEST = {"laptop": 2000, "phone": 2200}
"""Pixels of a picture's height; what is below is cut off."""
QUALITY = 62
MOST = 6_000_000
"""Bytes of all pictures together."""
PREVIEWED = "bayannur-agri-agri-prices"
REASONS = ("open_reason", "open_legal_basis", "open_condition")
"""Fields of what is not open to everyone."""
HEAD = """# Every type of page

Laptop (1280 px) and phone (390 px), taken from the demo by `tools/pages.py`; long pages are cut off below.
Entries marked 示例, people and cases are invented. Fields for dates and files are drawn by the browser,
in its own language.
"""


@dataclass
class Album:
    """The pictures that have been taken, in their order."""

    pages: list[tuple[str, str]]

    def take(self, visitor: Visitor, name: str, title: str, address: str = "", status: int = 200) -> None:
        """Take both pictures of a page, which is opened when an address is given."""
        if address:
            visitor.go(address, status)
        for device, size in SIZES.items():
            visitor.page.set_viewport_size({"width": size["width"], "height": size["height"]})
            visitor.page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
            tall = visitor.page.evaluate("document.documentElement.scrollHeight")
            frame = {"x": 0, "y": 0, "width": size["width"], "height": min(tall, TALLEST[device])}
            taken = visitor.page.screenshot(full_page=True, clip=frame)  # type: ignore[arg-type]
            path = FOLDER / f"{name}-{device}.webp"
            Image.open(io.BytesIO(taken)).convert("RGB").save(path, "WEBP", quality=QUALITY, method=6)
        self.pages.append((name, title))
        print(name, flush=True)

    def write(self) -> None:
        """Write the page that shows them, and forget pictures of pages that are no more."""
        parts = [HEAD]
        for name, title in self.pages:
            cells = " ".join(
                f'<img src="pages/{name}-{d}.webp" height="420" alt="{title}, {d}">' for d in SIZES
            )
            parts.append(f"## {title}\n\n{cells}\n")
        (ROOT / "docs" / "pages.md").write_text("\n".join(parts), encoding="utf-8")
        kept = {f"{name}-{device}.webp" for name, _title in self.pages for device in SIZES}
        for path in FOLDER.glob("*.webp"):
            if path.name not in kept:
                path.unlink()
        size = sum(path.stat().st_size for path in FOLDER.glob("*.webp"))
        print(f"{len(kept)} pictures, {size / 1e6:.1f} MB")
        if size > MOST:
            raise SystemExit(f"More than {MOST / 1e6:.0f} MB")


def public_pages(album: Album, visitor: Visitor) -> None:
    """Take what everybody sees."""
    year = clock.today().year
    album.take(visitor, "home", "Home", "/")
    album.take(visitor, "search", "Search", "/dataset/?q=气象")
    album.take(visitor, "nothing-found", "Nothing found", "/dataset/?q=没有这样的数据")
    album.take(visitor, "dataset-open", "Entry, unconditionally open", f"/dataset/{PREVIEWED}")
    album.take(visitor, "file", "File with preview", journey.file_of(visitor, PREVIEWED))
    album.take(visitor, "dataset-conditional", "Entry, conditionally open", f"/dataset/{DATASET}")
    closed = journey.file_of(visitor, DATASET)
    album.take(visitor, "refused", "403: a file that must be applied for", f"{closed}/download", 403)
    album.take(visitor, "not-found", "404", "/no-such-page", 404)
    for name, title, address in (
        ("departments", "Departments", "/organization/"),
        ("department", "Department", "/organization/nmg-market"),
        ("cities", "League-cities", "/nmg/cities"), ("city", "League-city", "/nmg/cities/ordos"),
        ("plans", "Open plans of a year", f"/nmg/plans/{year}"),
        ("plan", "Open plan with its items", f"/nmg/plans/{year}/nmg-commerce"),
        ("classes", "Announcements of classes", "/nmg/classes"),
        ("applications", "Public record of applications", "/nmg/applications"),
        ("showcase", "Showcase", "/nmg/showcase"), ("changes", "Change feed", "/nmg/changes"),
        ("progress", "Progress of a case", "/nmg/cases"), ("developers", "Developers", "/nmg/developers"),
        ("api", "Documentation of an action", "/nmg/developers/package_search"),
        ("login", "Login", "/user/login"), ("register", "Registration", "/user/register"),
        ("display", "Display: elder mode, high contrast", "/nmg/display"),
    ):  # fmt: skip
        album.take(visitor, name, title, address)


def modes(album: Album, visitor: Visitor) -> None:
    """Take an entry in elder mode and in high contrast."""
    visitor.go(f"/nmg/display?elder=on&back=/dataset/{DATASET}")
    album.take(visitor, "elder", "Elder mode")
    visitor.go("/nmg/display?elder=off&contrast=on&back=/dataset/?q=气象")
    album.take(visitor, "contrast", "High contrast")


def application(album: Album, applicant: Visitor, reviewer: Visitor) -> None:
    """Apply, approve and accept, and take the pages on the way, the last mail among them."""
    address, receipt = register_and_apply(
        applicant, lambda: album.take(applicant, "apply", "Application form")
    )
    album.take(applicant, "receipt", "Receipt of an application")
    album.take(applicant, "my", "My applications", "/nmg/my")
    album.take(applicant, "case", "Case, as the applicant sees it", f"/nmg/cases/{receipt.number}")
    journey.log_in(reviewer, "reviewer")
    album.take(reviewer, "inbox", "Inbox of a department", "/nmg/inbox")
    journey.open_case(reviewer, receipt)
    reviewer.page.locator("#step-approve summary").first.click()
    album.take(reviewer, "case-review", "Case, as the department sees it")
    approve(reviewer)
    applicant.mail(address, "同意")
    album.take(applicant, "agreement", "Use agreement", f"/nmg/cases/{receipt.number}")
    journey.accept(applicant, receipt)
    for name, title, path in (
        ("grants", "My grants", "/nmg/my/grants"), ("notices", "Notices", "/nmg/notices"),
        ("favourites", "Favourites", "/nmg/favourites"), ("my-data", "My personal data", "/nmg/my/data"),
    ):  # fmt: skip
        album.take(applicant, name, title, path)
    applicant.page.set_content(last_mail(applicant, address))
    album.take(applicant, "mail", "Mail")


def last_mail(visitor: Visitor, address: str) -> str:
    """Return the last mail to an address as HTML."""
    for path in sorted(visitor.portal.mail.glob("*.eml"), reverse=True):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = message.get_body(("html",))
        if address in str(message["To"]) and body:
            return body.get_content()
    raise SystemExit(f"No mail to {address}")


def objections(album: Album, objector: Visitor, authority: Visitor, editor: Visitor) -> None:
    """Take what is suspended, then what is withdrawn, and how the register tells of both."""
    file = journey.file_of(objector, CONTESTED)
    receipt = object_to(objector, CONTESTED, lambda: album.take(objector, "objection", "Objection form"))
    album.take(objector, "dataset-suspended", "Entry, suspended", f"/dataset/{CONTESTED}")
    album.take(objector, "suspended", "451: a suspended file", f"{file}/download", 451)
    album.take(objector, "suspensions", "Register of suspensions", "/nmg/suspensions")
    journey.log_in(authority, "authority")
    authority.go(f"/nmg/cases/{receipt.number}")
    album.take(authority, "case-objection", "Objection, as its handler sees it")
    set_aside(authority, receipt)

    journey.log_in(editor, "editor")
    journey.begin_entry(editor)
    album.take(editor, "entry-form", "Form of an entry")
    typed = journey.entry(
        title="示例：停车场值班人员联系表", private="False", open_class="unconditional",
        data_level="general_1", license_id="cc-by",
    )  # fmt: skip
    journey.fill(editor, {name: value for name, value in typed.items() if name not in REASONS})
    with TemporaryDirectory() as folder:
        table = Path(folder) / "联系表.csv"
        table.write_text("车场,值班电话\n示例一场,0471-0000000\n", encoding="utf-8")
        editor.follow(editor.page.locator("button[name=save]"))
        journey.attach(editor, table, "联系表")
    name = editor.page.url.rsplit("/", 1)[-1]
    file = journey.file_of(objector, name)
    receipt = object_to(objector, name, lambda: None)
    authority.go(f"/nmg/cases/{receipt.number}")
    because = journey.outcome(public_reason="“值班电话”一列可以联系到特定自然人。")
    ground = {"nonopen_ground": "personal_privacy", "legal_basis": "《中华人民共和国个人信息保护法》第十三条"}
    journey.decide(authority, "withdraw", "撤回数据", because | ground)
    album.take(objector, "withdrawn", "410: a withdrawn file", f"{file}/download", 410)
    album.take(objector, "dataset-withdrawn", "Entry, withdrawn", f"/dataset/{name}", 410)


def offices(album: Album, auditor: Visitor, authority: Visitor) -> None:
    """Take what auditors and the authority read."""
    journey.log_in(auditor, "auditor")
    album.take(auditor, "audit", "Audit log", "/nmg/audit")
    album.take(authority, "negative-list", "Negative list", "/nmg/negative-list")
    album.take(authority, "statistics", "Numbers of the inbox", "/nmg/inbox/statistics")
    album.take(authority, "sources", "Connections of the league-cities", "/nmg/sources")


def pictures(album: Album, browser: Browser, stack: str) -> None:
    """Take all pictures."""
    portal = running(stack)
    authority = window(portal, browser)
    public_pages(album, window(portal, browser))
    modes(album, window(portal, browser))
    application(album, window(portal, browser), window(portal, browser))
    objections(album, window(portal, browser), authority, window(portal, browser))
    offices(album, window(portal, browser), authority)


def main() -> None:
    """Take all pictures and write the page that shows them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    album = Album([])
    with sync_playwright() as playwright:
        browser = launch(playwright)
        pictures(album, browser, sys.argv[1] if len(sys.argv) > 1 else "main")
        browser.close()
    album.write()


if __name__ == "__main__":
    main()
