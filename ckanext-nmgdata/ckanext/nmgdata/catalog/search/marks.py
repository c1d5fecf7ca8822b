"""What of a found entry to show, with the words that were looked for marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

from .known import lexicon
from .text import fold, is_han
from .words import Lexicon

LONGEST = 110
"""Characters of a description that are shown."""
BEFORE = 20
"""Characters shown before the first word found, where the description is cut."""
PAIR = 2
MAX_TYPED = 200
DUMB = ("question", "form")


@lru_cache(maxsize=512)
def pattern(typed: str, lexicon_: Lexicon) -> re.Pattern[str] | None:
    """Return what finds the words of a query, and their other names, in folded text."""
    wanted: set[str] = set()
    for span in lexicon_.cut(typed[:MAX_TYPED]):
        if span.kind in DUMB:
            continue
        heard = span.kind in ("text", "pinyin")
        wanted.add(span.text)
        wanted.update(fold(name) for term in span.terms for name, _weight in term.also)
        wanted.update(fold(term.name) for term in span.parts)
        wanted.update(fold(term.name) for term in span.terms if heard)
        if is_han(span.text) and not span.terms:
            wanted.update(span.text[at : at + PAIR] for at in range(len(span.text) - 1))
    words = sorted((word for word in wanted if len(word) > 1), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words))) if words else None


def finder(typed: str) -> re.Pattern[str] | None:
    """Return what finds the words of a query by the words in use; None where there is nothing to mark."""
    return pattern(typed, lexicon()) if typed else None


def spots(text: str, wanted: re.Pattern[str] | None) -> list[tuple[int, int]]:
    """Return where the words stand in a text that is not folded."""
    if wanted is None:
        return []
    pieces = [fold(one) or " " for one in text]
    places = [at for at, piece in enumerate(pieces) for _ in piece]
    found = wanted.finditer("".join(pieces))
    return [(places[one.start()], places[one.end() - 1] + 1) for one in found]


def marked(text: str, typed: str) -> Markup:
    """Return a text with the words of a query marked."""
    return with_marks(text, spots(text, finder(typed)))


def with_marks(text: str, found: Iterable[tuple[int, int]]) -> Markup:
    """Return a text, escaped, with marks."""
    shown, position = Markup(""), 0
    for start, end in found:
        if start >= position:
            shown += escape(text[position:start]) + Markup("<mark>%s</mark>") % text[start:end]
            position = end
    return shown + escape(text[position:])


def snippet(text: str, typed: str) -> Markup:
    """Return the part of a description in which the words of a query stand, marked."""
    text = " ".join(text.split())
    found = spots(text, finder(typed))
    begin = max(0, found[0][0] - BEFORE) if found and found[0][1] > LONGEST else 0
    part = text[begin : begin + LONGEST]
    inside = [(start - begin, end - begin) for start, end in found if start >= begin]
    ends = ("…" if begin else "", "…" if begin + LONGEST < len(text) else "")
    kept = [(start, end) for start, end in inside if end <= LONGEST]
    return escape(ends[0]) + with_marks(part, kept) + ends[1]


def matching_items(dataset: Mapping[str, Any], typed: str, most: int = 4) -> list[Markup]:
    """Return the data items by which an entry was found, when neither title nor description say why."""
    wanted = finder(typed)
    title, notes = dataset.get("title") or "", dataset.get("notes") or ""
    if wanted is None or spots(title, wanted) or spots(notes, wanted):
        return []
    items = dataset.get("data_items")
    labels = (str(one.get("label") or "") for one in (items if isinstance(items, list) else []))
    hits = ((label, spots(label, wanted)) for label in labels)
    return [with_marks(label, found) for label, found in hits if found][:most]
