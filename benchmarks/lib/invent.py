"""Invented datasets in any number: the records of the search benchmark, repeated by place and year.

The number of a dataset decides everything about it, so both portals, and every run, get the same.
"""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any

from benchmarks.search import catalogue

NAMESPACE = uuid.UUID("6f1c1c0e-5f0a-5c5e-9d0c-0d2f5a1b7e12")
FIRST_YEAR, YEARS = 2011, 16
HOST = "https://data.example.org"

Record = dict[str, Any]


@cache
def templates() -> tuple[list[Record], catalogue.Reference]:
    """Return the records to repeat, and the organisations they belong to."""
    return catalogue.load()


@cache
def banners() -> dict[str, list[tuple[str, str]]]:
    """Return code and name of the banners of each league-city, by the city's code."""
    found: dict[str, list[tuple[str, str]]] = {}
    for code, place in catalogue.read(catalogue.DIVISIONS).items():
        if place["level"] == "banner":
            found.setdefault(place["parent_code"], []).append((code, place["zh"]))
    return found


def record(number: int) -> Record:
    """Return dataset ``number``: a template as it is, then for a banner and a year of its own."""
    sources, _reference = templates()
    copy, index = divmod(number, len(sources))
    made = {key: value for key, value in sources[index].items() if value not in ("", None, [])}
    if copy:
        vary(made, copy - 1)
    made["name"] = f"{made['name']}-{number:06d}"
    made["resources"] = [
        {
            "name": resource["name"],
            "format": resource["format"],
            "description": resource.get("description") or "",
            "url": f"{HOST}/files/{number:06d}-{position}.{resource['format'].lower()}",
        }
        for position, resource in enumerate(made.get("resources", []))
    ]
    return made


def vary(made: Record, copy: int) -> None:
    """Turn a template into that of a banner (a city's only) and a year."""
    year = FIRST_YEAR + copy % YEARS
    places = banners().get(made["region_code"], [])
    where = ""
    if places:
        code, where = places[(copy // YEARS) % len(places)]
        made["region_code"] = code
    series = copy // (YEARS * max(len(places), 1))
    part = f"第{series + 1}部分" if series else ""
    made["title"] = f"{made['title']}（{where}{year}年{part}）"
    made["notes"] = f"{made['notes']}本条目为{where}{year}年度的数据。"


def identifier(kind: str, *parts: object) -> str:
    """Return the id of something, the same in every run."""
    return str(uuid.uuid5(NAMESPACE, "/".join([kind, *map(str, parts)])))


def organisations() -> list[dict[str, Any]]:
    """Return the departments of the templates: name, title, division, number of the department."""
    sources, reference = templates()
    cities = reference.cities
    found = {}
    for one in sources:
        slug = one["owner_org"]
        city = cities.get(slug.partition("-")[0])
        found[slug] = {
            "name": slug,
            "title": reference.organization(slug),
            "region_code": city["code"] if city else "150000",
            "organisation_type": "government",
        }
    ordered = [found[slug] for slug in sorted(found)]
    return [{**org, "department_number": f"{n % 1000:03d}"} for n, org in enumerate(ordered, 1)]
