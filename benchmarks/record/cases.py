"""Read the public record of applications inside the portal of this environment, with 100,000 of them.

Run with the role that owns the tables; prints one JSON line. The cases are deleted at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import cases, inside, plans
from benchmarks.lib.filler import Filler
from benchmarks.lib.report import say, spread

APPLICATIONS = 100_000
WAITING_ONE_IN = 5
PEOPLE = 5000
TURNS, WARM_UP = 100, 5
DEEP = 40
"""Pages to turn before one far behind the first is asked for."""


def fill(made: cases.Cases, targets: list[cases.Target]) -> None:
    """Add the applications; most are refused, as the record shows more of those."""
    for number in range(APPLICATIONS):
        target, person = made.one_of(targets), cases.person(made.chance.randrange(PEOPLE))
        if number % WAITING_ONE_IN == 0:
            made.waiting(target, person)
        else:
            made.refused(target, person)
    made.settle()


def questions(departments: list[str]) -> dict[str, dict[str, Any]]:
    """Return what is asked: the first page, a page far behind it, and each filter."""
    from ckan.plugins import toolkit as tk

    after = None
    for _turn in range(DEEP):
        after = asked({"after": after})["next"]
    name = tk.get_action("organization_show")({"ignore_auth": True}, {"id": departments[0]})["name"]
    return {
        "first page": {}, f"page {DEEP}": {"after": after}, "busiest department": {"department": name},
        "refused": {"outcome": "refused"}, "waiting": {"outcome": "waiting"},
        "nothing found by outcome": {"outcome": "withdrawn"}, "a city without any": {"region_code": "150600"},
        "this year": {"year": time.localtime().tm_year},
    }  # fmt: skip


def asked(question: dict[str, Any]) -> dict[str, Any]:
    """Ask the action, as the page does."""
    from ckan.plugins import toolkit as tk

    return tk.get_action("nmgdata_application_register")({"user": ""}, {"limit": 50, **question})


def measure(question: dict[str, Any]) -> dict[str, Any]:
    """Return the spread of one question, each time in a fresh session."""
    from ckan import model

    taken, found = [], 0
    for turn in range(-WARM_UP, TURNS):
        model.Session.rollback()
        model.Session.expunge_all()
        began = time.perf_counter()
        found = len(asked(question)["lines"])
        if turn >= 0:
            taken.append(time.perf_counter() - began)
    return {**spread(taken), "turns": TURNS, "found": found}


def counted() -> dict[str, Any]:
    """Return how long the medians take, which are counted once an hour."""
    from ckanext.nmgdata.access import record

    taken = []
    for _turn in range(5):
        record.counted.cache_clear()
        began = time.perf_counter()
        record.medians()
        taken.append(time.perf_counter() - began)
    return spread(taken)


def main() -> None:
    """Fill, ask, clear, print."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with inside.ckan():
        from ckan import model
        from ckanext.nmgdata.access import record

        filler = Filler(plain=False)
        targets = cases.targets(filler, "conditional")
        made = cases.Cases(filler)
        found: dict[str, Any] = {}
        try:
            fill(made, targets)
            for name, question in questions([targets[0][1]]).items():
                found[name] = measure(question)
                say(f"  {name:<26} {found[name]['median_ms']:7.2f} ms, p95 {found[name]['p95_ms']:7.2f} ms")
            found["medians, once an hour"] = counted()
            say(f"  medians {found['medians, once an hour']['median_ms']:.0f} ms")
            say(plans.explained(model.Session, record.query(record.Filters(), 51))["text"])
        finally:
            cases.clear(filler)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
