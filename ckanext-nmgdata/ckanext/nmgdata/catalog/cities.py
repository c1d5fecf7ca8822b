"""The twelve league-cities as the public sees them: tiles, timeliness."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ckan.lib.search import SearchError
from ckan.plugins import toolkit as tk

from .. import vocab
from ..kernel import clock, connections
from .timeliness import LATE, NO_DUE_DATE, ON_TIME

TILES: dict[str, tuple[int, int]] = {
    "150700": (8, 1), "152200": (8, 2), "150800": (3, 3), "150200": (4, 3), "150900": (5, 3),
    "152500": (6, 3), "150400": (7, 3), "150500": (8, 3), "152900": (1, 4), "150300": (2, 4),
    "150600": (3, 4), "150100": (4, 4),
}  # fmt: skip
"""Column and row of each league-city's tile: its rough place, not a map."""
SHORT_SUFFIXES = ("自治区", "盟", "市")


def tiles(numbers: dict[str, int]) -> list[dict[str, Any]]:
    """Return the league-cities as tiles, darker the more datasets they have, with their connections."""
    most = max([numbers.get(code, 0) for code in TILES] or [0]) or 1
    connected = connections.of_cities()
    return [
        {
            "code": code,
            "slug": place["portal_slug"],
            "name": short_name(vocab.label("division", code)),
            "count": numbers.get(code, 0),
            "column": TILES[code][0],
            "row": TILES[code][1],
            "tone": round(8 + 42 * numbers.get(code, 0) / most),
            "connection": connected.get(code),
        }
        for code, place in vocab.league_cities().items()
    ]


def short_name(name: str) -> str:
    """Return a place's name without 市 or 盟."""
    for suffix in SHORT_SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def timeliness(code: str) -> dict[str, int] | None:
    """Return how many datasets of a city are on time, late, and without a due date; None without Solr.

    The rule is that of ``timeliness.of_entry``, asked of the index.
    """
    on_time, dated = [], []
    for slug, term in vocab.terms("update_frequency").items():
        if (days := term.get("overdue_after_days")) is not None:
            first = clock.today() - timedelta(days=days)
            changed = f"modified:[{first} TO *] OR (issued:[{first} TO *] AND -modified:[* TO *])"
            on_time.append(f"(update_frequency:{slug} AND ({changed}))")
            dated.append(slug)
    due = f"update_frequency:({' OR '.join(dated)}) AND (modified:[* TO *] OR issued:[* TO *])"
    try:
        every, with_date, good = (count(code, more) for more in ("", due, " OR ".join(on_time)))
    except SearchError:
        return None
    return {ON_TIME: good, LATE: with_date - good, NO_DUE_DATE: every - with_date}


def count(code: str, more: str) -> int:
    """Return how many public datasets of a city fulfil one more condition."""
    chosen = f"nmg_city:{code}" + (f" AND ({more})" if more else "")
    return tk.get_action("package_search")({}, {"fq": chosen, "rows": 0})["count"]
