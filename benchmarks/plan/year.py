"""Read a year of plans inside the portal of this environment: pages, files of a plan, the region's whole year.

Run with the role that owns the tables; prints one JSON line. Everything that it adds is deleted at the end.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import inside
from benchmarks.lib.filler import Filler
from benchmarks.lib.report import say, spread

DEPARTMENTS, ITEMS = 60, 100
MARK = "bench-plan"
WARM_UP = 3
ENDS = [date(2026, m, d) for m, d in enumerate((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), 1)]
NOW = datetime(2026, 1, 15, tzinfo=UTC)


def cities() -> list[str]:
    """Return the codes of the twelve league-cities."""
    from ckanext.nmgdata import vocab

    return sorted(vocab.league_cities())


def made(chance: random.Random) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield table and rows, city by city, in the order in which they refer to one another."""
    from ckanext.nmgdata import vocab

    themes = sorted(vocab.terms("theme"))
    for city in cities():
        tables: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("group", "nmgdata_case", "nmgdata_plan", "package", "nmgdata_plan_item")
        }
        parent = add_plan(tables, city, None, 0)
        for number in range(1, DEPARTMENTS + 1):
            plan = add_plan(tables, city, parent, number)
            for turn in range(ITEMS):
                add_item(tables, plan, city, turn, chance, themes)
        yield from tables.items()


def add_plan(tables: dict[str, Any], city: str, parent: dict[str, Any] | None, number: int) -> dict[str, Any]:
    """Add an organisation with its case and published plan."""
    org, name = str(uuid.uuid4()), f"{MARK}-{city}-{number:02d}"
    role = "agency" if parent else "authority"
    tables["group"].append({
        "id": org, "name": name, "title": f"{city}第{number}部门", "type": "organization", "state": "active",
        "is_organization": True, "approval_status": "approved", "created": datetime(2026, 1, 1),  # noqa: DTZ001
        "description": "", "image_url": "", "extras": {"region_code": city, "role": role},
    })  # fmt: skip
    case = {
        "id": str(uuid.uuid4()), "kind": "open_plan", "variant": "standard", "number": f"JH-{name}",
        "code_hash": "", "status": "published", "org_id": org, "region_code": city, "terms": [], "words": [],
        "provisional": False, "opened_at": NOW, "changed_at": NOW, "holder": "provider", "holder_id": org,
    }  # fmt: skip
    tables["nmgdata_case"].append(case)
    plan = {
        "id": str(uuid.uuid4()), "case_id": case["id"], "org_id": org, "year": 2026,
        "level": "department" if parent else "league_city", "region_code": city,
        "parent_id": parent["id"] if parent else None, "title": f"{city}第{number}部门2026年度公共数据开放计划",
        "description": "", "key_areas": "", "legal_basis": "", "version": 1, "published_at": NOW,
        "report": {}, "told_until": 0,
    }  # fmt: skip
    tables["nmgdata_plan"].append(plan)
    return {**plan, "org_name": name}


def add_item(
    tables: dict[str, Any],
    plan: dict[str, Any],
    city: str,
    turn: int,
    chance: random.Random,
    themes: list[str],
) -> None:
    """Add a promise and its entry; two in three are kept, some late, a few stopped or ended."""
    due, entry = chance.choice(ENDS), str(uuid.uuid4())
    fate = chance.random()
    kept = fate < 0.66
    title = f"{city}公共数据第{turn}项：{chance.choice('气象交通水利医疗教育')}信息"
    chosen = chance.choice(("unconditional", "conditional"))
    tables["package"].append({
        "id": entry, "name": f"{MARK}-{entry}", "title": title, "type": "dataset", "state": "active",
        "private": not kept, "owner_org": plan["org_id"], "extras": {"open_class": chosen},
        "metadata_created": datetime(2026, 1, 1), "metadata_modified": datetime(2026, 1, 1),  # noqa: DTZ001
    })  # fmt: skip
    ended = not kept and fate > 0.97
    tables["nmgdata_plan_item"].append({
        "id": str(uuid.uuid4()), "plan_id": plan["id"], "dataset_id": entry, "title": title,
        "description": "用于测量的计划条目。", "theme": chance.choice(themes), "open_class": chosen,
        "data_form": "spreadsheet", "update_frequency": "monthly", "format": "csv", "due_on": due,
        "grounds": chance.choice(([], [], ["livelihood"], ["urgent_need"])), "is_key": fate > 0.95,
        "demand_source": "own", "since_version": 1, "kept_id": entry if kept else None,
        "opened_on": date(2026, due.month, chance.randrange(1, 28)) if kept else None,
        "stop": "suspended" if fate < 0.01 else None, "stop_on": date(2026, 11, 1) if fate < 0.01 else None,
        "ended_on": date(2026, 6, 1) if ended else None, "end": "dropped" if ended else None,
        "end_reason": "建设单位尚未移交数据。" if ended else None,
    })  # fmt: skip


def fill(filler: Filler) -> None:
    """Insert everything, so that the planner knows it."""
    with filler.engine.begin() as connection:
        for table, rows in made(random.Random(26)):
            connection.execute(filler.table(table).insert(), rows)
    with filler.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


CLEAR = (
    "DELETE FROM nmgdata_plan_item WHERE plan_id IN (SELECT id FROM nmgdata_plan WHERE case_id IN ({cases}))",
    "DELETE FROM nmgdata_plan WHERE case_id IN ({cases}) AND parent_id IS NOT NULL",
    "DELETE FROM nmgdata_plan WHERE case_id IN ({cases})",
    "DELETE FROM nmgdata_case WHERE id IN ({cases})",
    f"DELETE FROM package WHERE name LIKE '{MARK}-%%'",
    f"DELETE FROM \"group\" WHERE name LIKE '{MARK}-%%'",
)


def clear(filler: Filler) -> None:
    """Delete what was inserted."""
    cases = f"SELECT id FROM nmgdata_case WHERE number LIKE 'JH-{MARK}-%%'"
    with filler.engine.begin() as connection:
        for statement in CLEAR:
            connection.exec_driver_sql(statement.format(cases=cases))


def asked(client: Any, address: str) -> int:
    """Ask for an address, as a browser would, and return how many bytes came."""
    answer = client.get(address, buffered=False)
    if answer.status_code != 200:
        raise SystemExit(f"{address}: {answer.status_code}")
    size = sum(len(piece) for piece in answer.iter_encoded())
    answer.close()
    return size


def measure(client: Any, address: str, turns: int, *, cold: bool = False) -> dict[str, Any]:
    """Return the spread of one address.

    :param cold: forget the counts before each turn, as the first reader after a change finds it
    """
    from ckan import model
    from ckanext.nmgdata.plan import counts

    taken, size = [], 0
    for turn in range(-WARM_UP, turns):
        model.Session.remove()
        if cold:
            counts.read.cache_clear()
        began = time.perf_counter()
        size = asked(client, address)
        if turn >= 0:
            taken.append(time.perf_counter() - began)
    return {**spread(taken), "turns": turns, "kilobytes": size // 1024}


def once(client: Any, address: str) -> dict[str, Any]:
    """Return how long a large file takes, and by how much memory has grown."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    size = asked(client, address)
    taken, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": taken, "megabytes": size / 1e6, "memory_growth_mb": (after - before) / 1024}


def main() -> None:
    """Fill, ask, clear, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=40)
    turns = parser.parse_args().turns
    with inside.ckan():
        from flask import current_app

        client: Any = current_app.test_client()
        filler = Filler(plain=False)
        found: dict[str, Any] = {}
        clear(filler)
        try:
            say(f"Filling 12 × {DEPARTMENTS} × {ITEMS} items")
            fill(filler)
            city, plan = cities()[0], f"/nmg/plans/2026/{MARK}-{cities()[0]}-01"
            pages = {
                "year": "/nmg/plans/2026", "year of a city": f"/nmg/plans/2026?region={city}",
                "plan": plan, "plan of an authority": f"/nmg/plans/2026/{MARK}-{city}-00",
                "plan, late": f"{plan}?state=late", "plan to print": f"{plan}/print",
                "plan as CSV": f"{plan}/items.csv", "plan as XLSX": f"{plan}/items.xlsx",
                "plan as JSON": f"{plan}/items.json", "plan as Turtle": f"{plan}/plan.ttl",
                "feed": f"{plan}/feed.atom",
            }  # fmt: skip
            for name, address in pages.items():
                found[name] = measure(client, address, turns)
                say(f"  {name:<28} {found[name]['median_ms']:7.1f} ms, p95 {found[name]['p95_ms']:7.1f} ms")
            found["year, counted anew"] = measure(client, "/nmg/plans/2026", turns // 2, cold=True)
            say(f"  year, counted anew p95 {found['year, counted anew']['p95_ms']:.0f} ms")
            for kind in ("xlsx", "csv", "json"):
                name = f"{kind.upper()} of the region's year"
                found[name] = once(client, f"/nmg/plans/2026.{kind}")
                say(f"  {name} {found[name]['seconds']:.1f} s, {found[name]['megabytes']:.1f} MB")
        finally:
            clear(filler)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
