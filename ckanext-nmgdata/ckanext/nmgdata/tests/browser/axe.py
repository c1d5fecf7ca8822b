"""axe-core, the checker of WCAG 2.2 AA, on the page that a browser shows.

``tests/data/axe-4.14.1.min.js`` is the file of the npm package axe-core of that version, as it is (MPL 2.0).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

FILE = Path(__file__).parents[1] / "data" / "axe-4.14.1.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """rules => axe.run(document, {runOnly: rules, resultTypes: ['violations'], iframes: false})
  .then(found => found.violations.map(v => v.id + ': ' + v.help + ' — ' +
    v.nodes.slice(0, 3).map(n => n.html.slice(0, 140) + ' ' + (n.any[0] || n.all[0] || n.none[0] || {message: ''}).message)
    .join(' | ')))"""


@cache
def script() -> str:
    """Return the checker."""
    return FILE.read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """Return what breaks WCAG 2.2 AA on a page, one line for each rule."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(script())
    return list(page.evaluate(RUN, RULES))
