"""Ask "what waits for me" inside the portal of this environment, with ever more open cases.

Run with the role that owns the tables; prints one JSON line. The cases are deleted at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import cases, inside, plans, reader
from benchmarks.lib.filler import Filler
from benchmarks.lib.report import say, spread

STEPS = (1000, 10_000, 100_000)
"""Open cases at which the same questions are asked."""
FINISHED_ONE_IN = 4
"""One finished case for so many open ones."""
PEOPLE = 5000
DEPARTMENTS = 20
"""Departments of the reviewer who decides for many."""
TURNS, ACTION_TURNS = 200, 20
WARM_UP = 5
TABLE = "nmgdata_case"


def fill(made: cases.Cases, targets: list[cases.Target], more: int) -> None:
    """Add so many open cases, and finished ones between them."""
    for number in range(more):
        target, person = made.one_of(targets), cases.person(made.chance.randrange(PEOPLE))
        made.waiting(target, person)
        if number % FINISHED_ONE_IN == 0:
            made.finished(made.one_of(targets), person)
    made.settle()


def reviewers(departments: list[str]) -> dict[str, Any]:
    """Return the accounts that ask: of the busiest department, of many departments, of none."""
    found = {
        "reviewer of the busiest department": departments[:1],
        f"reviewer of {DEPARTMENTS} departments": departments[:DEPARTMENTS],
        "nobody's reviewer": [],
    }
    made = {}
    for number, (name, orgs) in enumerate(found.items()):
        made[name] = reader.account(f"bench-reviewer-{number}")
        for org in orgs:
            inside.call("organization_member_create", id=org, username=made[name].name, role="reviewer")
    return made


def measure(user_id: str, name: str) -> dict[str, Any]:
    """Return the time of the whole question and of the action around it, and the plan of the query.

    The question is two queries: the memberships of who asks, then the cases.
    """
    from ckan import model
    from ckan.plugins import toolkit as tk
    from ckanext.nmgdata.kernel.actors import Actor
    from ckanext.nmgdata.kernel.workflow import queries

    def ask() -> int:
        return len(queries.inbox(Actor("person", user_id=user_id, name=name)))

    def act() -> int:
        context: Any = {"user": name, "ignore_auth": True}
        return len(tk.get_action("nmgdata_case_list")(context, {"box": "waiting"}))

    action, found = timed(act, ACTION_TURNS)
    asked, found = timed(ask, TURNS)
    query = queries.inbox_query(Actor("person", user_id=user_id, name=name))
    plan = plans.explained(model.Session, query)
    return {**asked, "turns": TURNS, "action": action, "found": found, "plan": plan}


def timed(work: Callable[[], int], turns: int) -> tuple[dict[str, float], int]:
    """Return the spread of a piece of work, each time in a fresh session, and what it returned last."""
    from ckan import model

    taken, found = [], 0
    for turn in range(-WARM_UP, turns):
        model.Session.rollback()
        model.Session.expunge_all()
        began = time.perf_counter()
        found = work()
        if turn >= 0:
            taken.append(time.perf_counter() - began)
    return spread(taken), found


def main() -> None:
    """Fill step by step, ask, clear, print."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with inside.ckan():
        filler = Filler(plain=False)
        targets = cases.targets(filler, "conditional")
        busiest = Counter(org for _dataset, org, _file in targets[: len(targets) // 4]).most_common()
        made = cases.Cases(filler)
        who = {name: (user.id, user.name) for name, user in reviewers([org for org, _n in busiest]).items()}
        found = {}
        try:
            for before, step in pairwise((0, *STEPS)):
                fill(made, targets, step - before)
                found |= ask(who, step)
        finally:
            cases.clear(filler)
    print(json.dumps(found))


def ask(who: dict[str, tuple[str, str]], step: int) -> dict[str, Any]:
    """Return the measures at a number of open cases; say the plans at the last."""
    found = {}
    for name, (user_id, user_name) in who.items():
        one = measure(user_id, user_name)
        plan = one["plan"]
        one |= {"open_cases": step, "index_scan": TABLE not in plan["whole_tables"]}
        say(f"  {step:>7} open cases, {name:<36} {one['median_ms']:6.2f} ms, {one['found']} found")
        say(f"    by {', '.join(plan['scans'])}; the action {one['action']['median_ms']:.0f} ms")
        if step == STEPS[-1]:
            say(plan["text"])
        del plan["text"]
        found[f"{name}, {step} open cases"] = one
    return found


if __name__ == "__main__":
    main()
