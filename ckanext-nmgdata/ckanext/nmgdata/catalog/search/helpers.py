"""Template helpers of the search page."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from . import correct, marks, propose
from .known import lexicon


def nmgdata_suggestions() -> tuple[str, ...]:
    """Return words that the search box proposes: only such as find something in this catalogue."""
    return propose.words()


def nmgdata_marked(text: str | None, typed: str | None) -> Markup:
    """Return a text with the words of a query marked."""
    return marks.marked(text or "", typed or "")


def nmgdata_snippet(text: str | None, typed: str | None) -> Markup:
    """Return the part of a description in which the words of a query stand, marked."""
    return marks.snippet(text or "", typed or "")


def nmgdata_found_by(dataset: dict[str, Any], typed: str | None) -> list[Markup]:
    """Return the data items by which an entry was found, when its title and description do not say why."""
    return marks.matching_items(dataset, typed or "")


def nmgdata_correction(typed: str | None, found: list[dict[str, Any]]) -> str:
    """Return what was probably meant, if that finds something; empty where nothing is wrong."""
    titles = [one.get("title") or "" for one in found]
    meant = correct.corrected(typed or "", lexicon(), titles)
    return meant if meant and propose.finding([meant]) else ""


def nmgdata_instead(typed: str | None) -> tuple[str, ...]:
    """Return parts of a query that found nothing which find something by themselves."""
    return propose.instead(typed or "")


def nmgdata_nearest(words: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return a few entries by the first of these words, for who found nothing by all he typed."""
    return propose.nearest(words[0]) if words else []


HELPERS = {
    function.__name__: function
    for function in (
        nmgdata_suggestions, nmgdata_marked, nmgdata_snippet, nmgdata_found_by, nmgdata_correction,
        nmgdata_instead, nmgdata_nearest,
    )
}  # fmt: skip
