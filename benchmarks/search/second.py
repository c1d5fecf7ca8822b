"""The second catalogue and its queries, judged by rule from what the records are.

The records of ``second.yaml`` stand for the region, for league-cities and for banners; the same file
always gives the same ones. A query names subjects, a place or departments, and a record's grade
follows from them (``grade``), so that nobody decides about single records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measures
import yaml
from catalogue import DIVISIONS, Record, Reference, read

HERE = Path(__file__).parent
REGION = "150000"
CITIES, BANNERS = 5, 4
# Departments have a place in their name, titles often but not always.
STYLES = ("{place}{title}", "{place}{title}", "{title}（{place}）", "{title}")


@dataclass(frozen=True)
class Fact:
    """What a record is: which subject, of which place and department."""

    subject: str
    place: str
    department: str


def load(template: Record, reference: Reference) -> tuple[list[Record], dict[str, Fact]]:
    """Return the records, and what each is, by name."""
    places = read(DIVISIONS)
    regional = {slug.partition("-")[2] for slug in reference.organizations if slug.startswith("nmg-")}
    records: list[Record] = []
    facts: dict[str, Fact] = {}
    for line in read(HERE / "second.yaml")["subjects"]:
        department, key, *rest = line.split("|")
        for code in chosen(key, places, region=department in regional):
            record = make(template, reference, places, (department, key, code), rest)
            records.append(record)
            facts[record["name"]] = Fact(key, code, department)
    return records, facts


def chosen(key: str, places: Mapping[str, Any], *, region: bool) -> list[str]:
    """Choose where a subject has records: some cities and banners, every other time the region."""

    def draw(codes: Iterable[str], count: int) -> list[str]:
        return sorted(codes, key=lambda code: hashlib.sha256(f"{key}/{code}".encode()).digest())[:count]

    cities = draw((c for c, p in places.items() if p["level"] == "league_city"), CITIES)
    banners = draw((c for c, p in places.items() if p["level"] == "banner"), BANNERS)
    whole = [REGION] if region and hashlib.sha256(key.encode()).digest()[0] % 2 else []
    return whole + cities + banners


def make(
    template: Record,
    reference: Reference,
    places: Mapping[str, Any],
    what: tuple[str, str, str],
    texts: list[str],
) -> Record:
    """Make one record of a subject."""
    department, key, code = what
    title, notes, items, theme = texts
    city = code if places[code]["level"] != "banner" else places[code]["parent_code"]
    slug = "nmg" if code == REGION else places[city]["portal_slug"]
    owner = f"{slug}-{department}"
    style = STYLES[hashlib.sha256(f"{key}{code}".encode()).digest()[1] % len(STYLES)]
    place = "全区" if code == REGION else places[code]["zh"]
    full = style.format(place=place, title=title)
    record = dict(template)
    record.update(
        name=f"{slug}-{department}-{key}-{code}",
        title=full,
        notes=notes,
        owner_org=owner,
        region_code=code,
        theme=theme,
        data_items=[{"name": f"c{i}", "label": label} for i, label in enumerate(items.split(","))],
        identifier=f"bench/{owner}/{key}/{code}",
        resources=[{"name": f"{full}（CSV）", "format": "CSV", "description": ""}],
    )
    for field in ("collecting_department", "approving_department", "providing_department"):
        record[field] = reference.organization(owner)
    return record


def grade(fact: Fact, asked: Mapping[str, Any], above: Mapping[str, str]) -> int:
    """Return how well a record answers a query, by its subject and department, then by its place.

    Where a place is named: 2 in it or below it, 1 at most above it, 0 elsewhere; where the region is
    named, 2 for the region as a whole and 1 for a part of it.
    """
    value = 2 if fact.subject in asked.get("of", ()) else 1 if fact.subject in asked.get("near", ()) else 0
    if fact.department in asked.get("by", ()):
        value = 2
    if "place" not in asked:
        return value
    place = str(asked["place"])
    if place == REGION:
        return value if fact.place == REGION else min(value, 1)
    if place in lineage(fact.place, above):
        return value
    return min(value, 1) if fact.place in lineage(place, above) else 0


def lineage(code: str, above: Mapping[str, str]) -> list[str]:
    """Return a place and those above it."""
    found = []
    while code:
        found.append(code)
        code = above.get(code, "")
    return found


def queries(facts: Mapping[str, Fact]) -> list[measures.Query]:
    """Return the queries with the grade of every record that has one; all are held out."""
    above = {code: str(place.get("parent_code") or "") for code, place in read(DIVISIONS).items()}
    found = []
    for asked in yaml.safe_load((HERE / "second-queries.yaml").read_text(encoding="utf-8")):
        grades = {name: value for name, fact in facts.items() if (value := grade(fact, asked, above))}
        if not grades and asked["kind"] != "nonsense":
            raise ValueError(f"{asked['q']}: nothing answers it")
        found.append(measures.Query(str(asked["q"]), asked["kind"], grades, "second"))
    return found
