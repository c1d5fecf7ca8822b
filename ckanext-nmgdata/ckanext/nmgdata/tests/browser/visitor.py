"""One person in front of one browser window."""

from __future__ import annotations

import email
import email.policy
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Playwright, Request, Response

from stack.shell import wait_until

CHROMIUM = "/usr/bin/chromium"
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=zh-CN",
]  # fmt: skip
PATIENCE = 20_000
"""Milliseconds that a condition may take; no step ever waits for a fixed time."""
LOCAL_SCHEMES = {"data", "blob", "about"}


@dataclass(frozen=True)
class Portal:
    """A portal that is being served: where it is, where its mail goes, who may log in."""

    url: str
    mail: Path
    passwords: dict[str, str]

    def mails(self, address: str) -> list[tuple[str, str]]:
        """Return subject and text of the mails that an address has got, oldest first."""
        found = []
        for path in sorted(self.mail.glob("*.eml")):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if address in str(message["To"]):
                body = message.get_body(("plain",))
                found.append((str(message["Subject"]), body.get_content() if body else ""))
        return found


class Visitor:
    """A browser window of its own: what is seen, requested and complained about in it is kept."""

    def __init__(
        self, portal: Portal, browser: Browser, on_page: Callable[[Visitor], None], scripts: bool = True
    ) -> None:
        self.portal = portal
        self.on_page = on_page
        self.scripts = scripts
        self.status = 0
        self.strangers: list[str] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(
            base_url=portal.url, locale="zh-CN", java_script_enabled=scripts, accept_downloads=True,
            viewport={"width": 1280, "height": 900},
        )  # fmt: skip
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.page.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _request(self, request: Request) -> None:
        """Notice a request that leaves the portal."""
        parts = urlsplit(request.url)
        if parts.scheme not in LOCAL_SCHEMES and f"{parts.scheme}://{parts.netloc}" != self.portal.url:
            self.strangers.append(request.url)

    def _response(self, response: Response) -> None:
        """Remember the status of the page itself."""
        if response.frame == self.page.main_frame and response.request.is_navigation_request():
            self.status = response.status

    def _console(self, message: ConsoleMessage) -> None:
        """Notice an error in the console; that a refused page is refused is none."""
        about_the_page = message.location.get("url") == self.page.url and "status of 4" in message.text
        if message.type == "error" and not about_the_page:
            self.complaints.append(message.text)

    def go(self, path: str, status: int = 200) -> Page:
        """Open an address and look at the page."""
        self.page.goto(path)
        return self.arrived(status)

    def follow(self, link: Locator, status: int = 200) -> Page:
        """Follow a link or press a button that leads to another page, and look at it."""
        with self.page.expect_navigation():
            link.click()
        return self.arrived(status)

    def arrived(self, status: int = 200) -> Page:
        """Look at the page that has come."""
        self.page.wait_for_load_state("load")
        assert self.status == status, f"{self.page.url}: {self.status}"
        self.on_page(self)
        return self.page

    def download(self, link: Locator) -> bytes:
        """Follow a link to a file and return its bytes."""
        with self.page.expect_download() as coming:
            link.click()
        return Path(coming.value.path()).read_bytes()

    def mail(self, address: str, about: str) -> str:
        """Wait for a mail to an address whose subject says something, and return its text."""
        found: list[str] = []

        def come() -> bool:
            found.extend(text for subject, text in self.portal.mails(address) if about in subject)
            return bool(found)

        wait_until(come, f"The mail “{about}” to {address}", PATIENCE / 1000)
        return found[-1]

    def close(self) -> None:
        """Close the window."""
        self.context.close()


def link_in(text: str) -> str:
    """Return the first address in a mail."""
    found = re.search(r"https?://\S+", text)
    assert found, text
    return found.group()


def launch(playwright: Playwright) -> Browser:
    """Start the system's browser with an empty profile of its own."""
    return playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=OPTIONS,
        env={**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": "zh_CN"},  # zh_CN.UTF-8 is not everywhere
    )
