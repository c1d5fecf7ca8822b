"""您是不是要找: a query with its mistyped words put right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .text import HAN_RUN, fold, is_han, syllables
from .words import Lexicon, Span

SHORTEST = 2
SHORTEST_LIKE = 3


def corrected(typed: str, lexicon: Lexicon, titles: Iterable[str]) -> str:
    """Return a query as it was probably meant, empty where nothing is wrong with it.

    A piece is wrong that no title found contains. What it was meant to be is a known word that sounds or
    looks like it, or what sounds or looks like it in a title that was found all the same.

    :param titles: those of the first entries found, best first
    """
    text, folded = fold(typed).strip(), [fold(title) for title in titles]
    spans = lexicon.cut(text)
    changed = text
    for at, span in enumerate(spans):
        if span.kind == "text" and is_han(span.text) and not any(span.text in one for one in folded):
            wrong, right = mended(spans, at, text, lexicon, folded)
            changed = changed.replace(wrong, right, 1)
        elif span.kind == "pinyin" and span.terms and span.text.replace(" ", "") == text.replace(" ", ""):
            changed = span.terms[0].name
    return "" if changed == text else changed


def mended(
    spans: Sequence[Span], at: int, text: str, lexicon: Lexicon, titles: Iterable[str]
) -> tuple[str, str]:
    """Return what is wrong with a piece and what was meant: itself, or with a neighbour (充电 + 庄)."""
    here = spans[at].text
    joined = [spans[at - 1].text + here] if at else []
    joined += [here + spans[at + 1].text] if at + 1 < len(spans) else []
    for piece in (here, *(one for one in joined if one in text)):
        near = lexicon.nearest_to(piece)
        right = (known(spans[at]) if piece == here else "") or (fold(near.name) if near else "")
        right = right or alike(piece, titles)
        if len(right) == len(piece):
            return piece, right
    return here, here


def known(span: Span) -> str:
    """Return the known word a piece was taken for, if it has as many characters."""
    names = (fold(term.name) for term in span.terms)
    return next((name for name in names if len(name) == len(span.text)), "")


def alike(piece: str, titles: Iterable[str]) -> str:
    """Return what sounds like a piece in one of the titles, or has all but one of its characters."""
    size, spoken = len(piece), syllables(piece)
    if size < SHORTEST:
        return ""
    for run in (run for title in titles for run in HAN_RUN.findall(title)):
        for start in range(len(run) - size + 1):
            part = run[start : start + size]
            near = sum(a == b for a, b in zip(part, piece, strict=True)) >= size - 1
            if syllables(part) == spoken or (near and size >= SHORTEST_LIKE):
                return part
    return ""
