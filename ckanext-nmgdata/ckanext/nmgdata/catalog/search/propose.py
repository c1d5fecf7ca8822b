"""What the search box proposes: words while somebody types, other words where nothing was found."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ckan.lib.search import SearchError
from ckan.plugins import toolkit as tk
from ckan.types import Context

from .known import lexicon
from .query import asked_for, is_place
from .text import fold, is_han

log = logging.getLogger(__name__)
WORDS = (
    "充电桩", "公积金", "空气质量", "公交", "气象", "养老", "医院", "学校", "景区", "停车场", "草原",
    "水库", "社保", "行政许可", "PM2.5",
)  # fmt: skip
"""What people look for on open-data portals, the most sought first."""
MOST = 4
MOST_ASKED = 12
"""Words that begin as typed and are tried, the shortest first."""
MOST_DATASETS = 5
MOST_NEAREST = 5
LONGEST = 60
SECONDS = 600
"""How long an answer holds; the words are asked for again after it."""


def words() -> tuple[str, ...]:
    """Return a few words that find entries, for the public as it is; none while there is no search."""
    return finding(WORDS)


def while_typing(typed: str, context: Context) -> dict[str, list[dict[str, str]]]:
    """Return known words that begin as typed, in characters, pinyin or initials, and titles found.

    A word is proposed when the public finds something by it; the titles are the reader's own.

    :raises SearchError: while there is no search
    """
    begun = fold(typed).strip()[:LONGEST]
    if not begun:
        return {"words": [], "datasets": []}
    known = finding(name for name in lexicon().beginning(begun)[:MOST_ASKED] if name != begun)
    return {"words": [{"text": word} for word in known], "datasets": titles(typed[:LONGEST], begun, context)}


def titles(typed: str, begun: str, context: Context) -> list[dict[str, str]]:
    """Return the first entries found; letters that are still being typed find too much."""
    if len(begun) == 1 and not is_han(begun):
        return []
    query = {"q": typed, "rows": MOST_DATASETS, "facet": "false", "fl": ["name", "title"]}
    found = tk.get_action("package_search")(context, query)["results"]
    return [{"name": one["name"], "text": one["title"]} for one in found]


def instead(typed: str) -> tuple[str, ...]:
    """Return parts of a query that found nothing which find something by themselves."""
    spans = [span for span in lexicon().cut(typed[:LONGEST]) if span.kind not in ("question", "form")]
    parts = [span.text for span in asked_for(spans)] + [s.text for s in spans if is_place(s)]
    meant = (term.name for span in spans for term in span.terms if span.kind in ("text", "pinyin"))
    return finding(one for one in dict.fromkeys((*parts, *meant)) if one != fold(typed).strip())


def nearest(word: str) -> list[dict[str, Any]]:
    """Return a few entries that the reader of the page finds by a word; none while there is no search."""
    query = {"q": word, "rows": MOST_NEAREST, "facet": "false"}
    try:
        return tk.get_action("package_search")({}, query)["results"]
    except SearchError:
        return []


def finding(asked: Iterable[str]) -> tuple[str, ...]:
    """Return the first few of these words that find entries; none while there is no search."""
    slot = int(time.monotonic() // SECONDS)
    chosen: list[str] = []
    try:
        for word in asked:
            if finds(word, slot):
                chosen.append(word)
            if len(chosen) == MOST:
                break
    except SearchError:
        log.warning("no words to propose: there is no search")
        return ()
    return tuple(chosen)


@lru_cache(maxsize=4096)
def finds(word: str, _slot: int) -> bool:
    """Say whether the public finds entries by a word; asked once for each stretch of time."""
    public: Context = {"user": "", "auth_user_obj": None}
    query: dict[str, Any] = {"q": word, "rows": 0, "facet": "false"}
    return bool(tk.get_action("package_search")(public, query)["count"])
