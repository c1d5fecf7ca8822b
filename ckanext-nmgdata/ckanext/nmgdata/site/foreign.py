"""No page asks another host for anything: it would learn who reads what, and could change what is seen.

Departments write texts with pictures, and addresses of pictures. What lies elsewhere becomes a link that
is followed by who wants to; the Content-Security-Policy of ``hardening`` holds the same in the browser.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from ckan.lib import helpers as core
from ckan.plugins import toolkit as tk
from markupsafe import Markup, escape

PICTURE = re.compile(r"""<img\b((?:[^>"']|"[^"]*"|'[^']*')*)>""", re.IGNORECASE)
ATTRIBUTE = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
SKIPPED = re.compile(r"[\t\n\r]|^[\x00-\x20]+|[\x00-\x20]+$")
"""What browsers leave out of an address."""


def nmgdata_is_ours(address: str | None) -> bool:
    """Say whether the portal itself answers at an address, as a browser would read it in a page."""
    said = SKIPPED.sub("", address or "").replace("\\", "/")
    if said.startswith("/"):
        return not said.startswith("//")
    try:
        parts, own = urlsplit(said), urlsplit(tk.config["ckan.site_url"])
    except ValueError:
        return False
    if not parts.scheme:
        return bool(said)
    return (parts.scheme.lower(), parts.netloc) == (own.scheme, own.netloc)


def without_foreign_pictures(html: str) -> Markup:
    """Return rendered HTML with links in the place of pictures that lie elsewhere."""
    return Markup(PICTURE.sub(linked, html))  # noqa: S704 (rendered and cleaned before)


def linked(found: re.Match[str]) -> str:
    """Return a picture of our own as it is, another one as a link, or as its words without an address."""
    named = {
        one[1].lower(): unescape(one[2] or one[3] or one[4] or "") for one in ATTRIBUTE.finditer(found[1])
    }
    source, words = named.get("src", ""), named.get("alt") or named.get("title") or ""
    if nmgdata_is_ours(source) and "srcset" not in named:
        return found[0]
    label = escape(tk._("Picture elsewhere: {name}").format(name=words or urlsplit(source).netloc or source))
    if not re.match(r"(https?:)?//", source, re.IGNORECASE):
        return str(escape(words))
    return f'<a href="{escape(source)}" rel="nofollow noopener noreferrer">{label}</a>'


def render_markdown(data: str, auto_link: bool = True, allow_html: bool = False) -> Any:
    """Render a text as CKAN does, in its place, without pictures from elsewhere."""
    return without_foreign_pictures(str(core.render_markdown(data, auto_link, allow_html)))


def user_image(user_id: str, size: int = 100) -> Any:
    """Return the picture of a person as CKAN does, in its place; none that lies elsewhere."""
    return without_foreign_pictures(str(core.user_image(user_id, size)))


HELPERS = {f.__name__: f for f in (nmgdata_is_ours, render_markdown, user_image)}
