"""The records the benchmark searches: the demo catalogue and a deterministic enlargement of it.

301 records are too few to tell rankings apart, because nearly every subject exists once. Here every
league-city subject of the demo is repeated for some other cities, and the subjects of
``subjects.yaml`` are added, so that a query which names a place has to choose among equals. The
same files always give the same records.
"""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
PACKAGE = HERE.parent.parent / "ckanext-nmgdata" / "ckanext" / "nmgdata"
DATA = PACKAGE / "demo" / "data"
DIVISIONS = PACKAGE / "schemas" / "vocab" / "division.yaml"
COPIES_OF_DEMO = 2
COPIES_OF_SUBJECT = 4

Record = dict[str, Any]


class Reference:
    """The league-cities, departments and organisations that records refer to."""

    def __init__(self) -> None:
        """Read them from the demo's data and the vocabulary."""
        more = read(HERE / "subjects.yaml")
        self.departments: dict[str, str] = more["departments"]
        self.subjects: list[str] = more["subjects"]
        self.cities = {
            place["portal_slug"]: {"code": code, "name": place["zh"]}
            for code, place in read(DIVISIONS).items()
            if place["level"] == "league_city"
        }
        with (DATA / "organizations.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.organizations = {row["slug"]: row["title_zh"] for row in rows}

    def organization(self, slug: str) -> str:
        """Return the title of an organisation, listed or not."""
        if slug not in self.organizations:
            city, code = slug.split("-", 1)
            self.organizations[slug] = self.departments[code].replace("{盟市}", self.cities[city]["name"])
        return self.organizations[slug]


def read(path: Path) -> Any:
    """Read one YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def chosen(key: str, cities: list[str], count: int) -> list[str]:
    """Choose some cities for a subject, always the same ones for the same subject."""
    return sorted(cities, key=lambda city: hashlib.sha256(f"{key}/{city}".encode()).digest())[:count]


def copies_of_demo(demo: list[Record], reference: Reference) -> list[Record]:
    """Repeat each league-city record of the demo for other cities."""
    found = []
    for record in demo:
        city, _, rest = record["name"].partition("-")
        if city not in reference.cities:
            continue
        here = reference.cities[city]["name"]
        others = [slug for slug in reference.cities if slug != city]
        for other in chosen(rest, others, COPIES_OF_DEMO):
            there = reference.cities[other]
            text = json.dumps(record, ensure_ascii=False).replace(here, there["name"])
            copy = json.loads(text)
            copy["name"] = f"{other}-{rest}"
            copy["owner_org"] = f"{other}-{record['owner_org'].partition('-')[2]}"
            copy["region_code"] = there["code"]
            found.append(copy)
    return found


def subjects(reference: Reference, template: Record) -> list[Record]:
    """Build the records of ``subjects.yaml`` for some cities each."""
    found = []
    for line in reference.subjects:
        department, key, title, notes, items, theme = line.split("|")
        for city in chosen(key, list(reference.cities), COPIES_OF_SUBJECT):
            there = reference.cities[city]
            owner = f"{city}-{department}"
            record = dict(template)
            record.update(
                name=f"{owner}-{key}",
                title=there["name"] + title,
                notes=notes,
                owner_org=owner,
                region_code=there["code"],
                theme=theme,
                data_items=[{"name": f"c{i}", "label": label} for i, label in enumerate(items.split(","))],
                identifier=f"bench/{owner}/{key}",
                resources=[
                    {
                        "name": f"{there['name']}{title}（CSV）",
                        "format": "CSV",
                        "description": "",
                    }
                ],
            )
            for field in ("collecting_department", "approving_department", "providing_department"):
                record[field] = reference.organization(owner)
            found.append(record)
    return found


def load() -> tuple[list[Record], Reference]:
    """Return all records, each name once, the demo's own first."""
    reference = Reference()
    demo = json.loads((DATA / "catalogue.json").read_text(encoding="utf-8"))
    template = next(r for r in demo if r["name"] == "hohhot-transport-bus-lines")
    found: dict[str, Record] = {}
    for record in [*demo, *copies_of_demo(demo, reference), *subjects(reference, template)]:
        found.setdefault(record["name"], record)
    return list(found.values()), reference
