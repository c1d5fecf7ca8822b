"""The vocabularies of ``schemas/vocab``: stable slugs, Chinese and English labels, exchange codes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ckan.plugins import toolkit as tk

FOLDER = Path(__file__).parent / "schemas" / "vocab"
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""As safe as the other, ten times as fast; every process reads the vocabularies."""
Term = dict[str, Any]


@cache
def terms(name: str) -> dict[str, Term]:
    """Return a vocabulary: slug → its properties (``zh``, ``en``, …), in its own order."""
    return yaml.load((FOLDER / f"{name}.yaml").read_bytes(), Loader=LOADER)  # noqa: S506


def term(name: str, slug: str | None) -> Term:
    """Return one term; an unknown slug is its own label, so that a page never breaks on it."""
    return terms(name).get(slug or "") or {"zh": slug or "", "en": slug or ""}


def label(name: str, slug: str | None) -> str:
    """Return a term's label in the reader's language, Chinese where there is no English."""
    found = term(name, slug)
    return found["zh"] if in_chinese() else found.get("en") or found["zh"]


def in_chinese() -> bool:
    """Say whether the present page is in Chinese; outside a request it is."""
    try:
        return (tk.h.lang() or "zh").startswith("zh")
    except RuntimeError:
        return True


def choices(name: str) -> list[dict[str, str]]:
    """Return a vocabulary as the choices of a form field."""
    return [{"value": slug, "label": label(name, slug)} for slug in terms(name)]


# --- places --------------------------------------------------------------------------------------


def league_cities() -> dict[str, Term]:
    """Return the twelve league-cities by code."""
    return {code: place for code, place in terms("division").items() if place["level"] == "league_city"}


def city_of(code: str | None) -> str | None:
    """Return the league-city a division lies in; None for the region itself and unknown codes."""
    place = terms("division").get(code or "")
    if place is None or place["level"] == "region":
        return None
    return code if place["level"] == "league_city" else place["parent_code"]


def lies_within(code: str, other: str) -> bool:
    """Say whether a division is another one or lies in it."""
    place = terms("division").get(code)
    while place is not None:
        if code == other:
            return True
        code = place.get("parent_code", "")
        place = terms("division").get(code)
    return False


def place_path(code: str) -> list[str]:
    """Return the names from the region down to a division."""
    names: list[str] = []
    while place := terms("division").get(code):
        names.insert(0, place["zh"])
        code = place.get("parent_code", "")
    return names


# --- formats -------------------------------------------------------------------------------------


def media_format(value: str | None) -> Term | None:
    """Return the format of a resource by slug or label, whatever its case."""
    known = formats_by_name().get((value or "").strip().lower())
    return {**known} if known else None


@cache
def formats_by_name() -> dict[str, Term]:
    """Return the formats under slug and label in small letters."""
    found: dict[str, Term] = {}
    for slug, properties in terms("media_format").items():
        for name in (slug, properties["zh"].lower()):
            found.setdefault(name, {"slug": slug, **properties})
    return found
