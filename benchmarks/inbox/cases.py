"""Ask every question of the inbox inside the portal of this environment, with 300,000 cases.

Run with the role that owns the tables; prints one JSON line. The cases are deleted at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import cases, inside, plans, reader
from benchmarks.lib.filler import Filler
from benchmarks.lib.report import say, spread

OPEN, CLOSED = 100_000, 200_000
PEOPLE = 5000
DEPARTMENTS = 20
"""Departments of the reviewer who decides for many."""
TURNS = 40
WARM_UP = 3
LIMIT = 51
TABLE = "nmgdata_case"


def fill(made: cases.Cases, targets: list[cases.Target]) -> None:
    """Add open cases, finished ones between them, and a hundred urgings."""
    for number in range(OPEN):
        target, person = made.one_of(targets), cases.person(made.chance.randrange(PEOPLE))
        made.waiting(target, person)
        for _more in range(CLOSED // OPEN):
            made.finished(made.one_of(targets), person)
        if number % (OPEN // 10) == 0:
            say(f"  {number:>7} open cases")
    made.settle()


def people(departments: list[str]) -> dict[str, Any]:
    """Return the accounts that ask: of the busiest department, of many, of a city, of the whole region."""
    made = {}
    for number, code in enumerate(("150000", "150100")):
        name = f"bench-authority-{code}"
        try:
            inside.call("organization_show", id=name)
        except Exception:  # noqa: BLE001 (there is none yet)
            inside.call("organization_create", name=name, title=name, role="authority", region_code=code)
        departments = [*departments[: DEPARTMENTS + number], name]
    whose = {
        "reviewer of the busiest department": departments[:1],
        f"reviewer of {DEPARTMENTS} departments": departments[:DEPARTMENTS],
        "authority of a city": ["bench-authority-150100"],
        "authority of the whole region": ["bench-authority-150000"],
    }
    for number, (name, orgs) in enumerate(whose.items()):
        made[name] = reader.account(f"bench-officer-{number}")
        for org in orgs:
            inside.call("organization_member_create", id=org, username=made[name].name, role="reviewer")
    return made


def questions(actor: Any, department: str, dataset: str) -> dict[str, Any]:
    """Return the queries of the pages that an officer looks at, by name."""
    from ckan import model
    from ckanext.nmgdata.kernel import clock
    from ckanext.nmgdata.kernel.workflow import boxes

    none, today = boxes.Filter(), clock.today()
    filters = {
        "kind": boxes.Filter(kind="open_application"), "rare kind": boxes.Filter(kind="rights_objection"),
        "state": boxes.Filter(status="refused"), "department": boxes.Filter(org=department),
        "dataset": boxes.Filter(dataset=dataset),
        "banner": boxes.Filter(region="150105"),
        "week": boxes.Filter(received_from=today - timedelta(days=9), received_to=today - timedelta(days=3)),
        "mine": boxes.Filter(assigned="me"), "two characters": boxes.Filter(q="公交"),
        "a word and a department": boxes.Filter(q="企业 局"), "a rare word": boxes.Filter(q="鑫龘"),
        "number": boxes.Filter(q=f"SQ-{today - timedelta(days=3):%Y%m%d}-01"),
    }  # fmt: skip
    asked = {f"box {box}": (box, none, "") for box in boxes.offered(actor)}
    asked |= {f"all, {name}": ("all", one, "") for name, one in filters.items()}
    for box in ("waiting", "overdue", "all"):
        sort = "newest" if box == "all" else "due"
        rows = boxes.page(actor, box, none, sort=sort, limit=LIMIT)
        if len(rows) == LIMIT:
            asked[f"box {box}, second page"] = (box, none, boxes.cursor(rows[-2], sort))
    model.Session.rollback()
    return {
        name: boxes.listed(
            actor, box, one, sort="newest" if box == "all" else "due", after=after, limit=LIMIT
        )
        for name, (box, one, after) in asked.items()
    }


def timed(work: Callable[[], int]) -> tuple[dict[str, float], int]:
    """Return the spread of a piece of work, each time in a fresh session, and what it returned last."""
    from ckan import model

    taken, found = [], 0
    for turn in range(-WARM_UP, TURNS):
        model.Session.rollback()
        model.Session.expunge_all()
        began = time.perf_counter()
        found = work()
        if turn >= 0:
            taken.append(time.perf_counter() - began)
    return spread(taken), found


def measure(name: str, user_id: str, department: str, dataset: str) -> dict[str, Any]:
    """Return the measures of one officer: every list, the numbers on the tabs, and the whole page."""
    from ckan import model
    from ckanext.nmgdata.desk import dictize
    from ckanext.nmgdata.kernel.actors import Actor
    from ckanext.nmgdata.kernel.workflow import boxes

    actor, found = Actor("person", user_id=user_id, name=name), {}
    queries = {**questions(actor, department, dataset), "numbers on the tabs": boxes.counts_query(actor)}
    for what, query in queries.items():
        figures, rows = timed(lambda query=query: len(model.Session.execute(query).all()))
        plan = plans.explained(model.Session, query)
        text = plan.pop("text")
        say(f"  {name}, {what}: {figures['median_ms']:.1f} ms, p95 {figures['p95_ms']:.1f} ms, {rows} rows")
        if figures["p95_ms"] > 50 or what in ("box overdue", "all, two characters"):
            say(text)
        found[f"{name}, {what}"] = {**figures, "found": rows, "plan": plan}

    def page() -> int:
        """Do what the page asks of the database and of CKAN: rows, their names, numbers."""
        rows = boxes.page(actor, "all", boxes.Filter(), sort="newest", limit=LIMIT)
        return len(dictize.rows(rows, actor, "newest")) + len(boxes.counts(actor))

    figures, _rows = timed(page)
    say(f"  {name}, whole page: {figures['median_ms']:.1f} ms, p95 {figures['p95_ms']:.1f} ms")
    return {**found, f"{name}, whole page": {**figures, "plan": {}}}


def main() -> None:
    """Fill, ask, clear, print."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with inside.ckan():
        filler = Filler(plain=False)
        targets = cases.targets(filler, "conditional")
        busiest = Counter(org for _dataset, org, _file in targets[: len(targets) // 4]).most_common()
        departments = [org for org, _n in busiest]
        who = {name: user.id for name, user in people(departments).items()}
        made = cases.Cases(filler)
        found = {}
        try:
            fill(made, targets)
            for name, user_id in who.items():
                found |= measure(name, user_id, departments[0], targets[0][0])
        finally:
            cases.clear(filler)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
