"""Time single decisions inside the portal of this environment; print the figures as one JSON line.

Grants, suspensions and closed accesses are filled in first, in proportion to the datasets, and deleted
at the end. What is timed is what every door does: read the facts for this person and resource, and
decide; and the deciding alone.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import cases, inside, plans
from benchmarks.lib.filler import Filler
from benchmarks.lib.report import say, spread

TURNS = 500
PURE_TURNS = 100_000
WARM_UP = 100
ONE_IN = {"grants": 2, "holders": 10, "suspensions": 50, "closures": 200}
"""One grant for every two datasets, and so on."""
LIVE_ONE_IN = 6


@dataclass(frozen=True)
class Question:
    """Who asks for which file, and what the gate must answer."""

    person: str | None
    resource: str
    answer: str


def fill(filler: Filler) -> dict[str, int]:
    """Fill in rights and stops; return how many of each."""
    made = cases.Cases(filler)
    open_ones = cases.targets(filler, "unconditional")
    conditional = cases.targets(filler, "conditional")
    numbers = {name: max(1, (len(open_ones) + len(conditional)) // one) for name, one in ONE_IN.items()}
    people = [cases.person(number) for number in range(numbers["holders"])]
    for _number in range(numbers["grants"]):
        made.grant(made.one_of(conditional), made.one_of(people))
    for number in range(numbers["suspensions"]):
        made.suspension(made.chance.choice(open_ones), live=number % LIVE_ONE_IN == 0)
    pairs = {(made.one_of(conditional), made.one_of(people)) for _number in range(numbers["closures"])}
    for number, (target, person) in enumerate(sorted(pairs)):
        made.closure(target, person, live=number % LIVE_ONE_IN == 0)
    made.settle()
    return numbers


QUESTIONS = {
    "anybody, open": """
        SELECT NULL, r.id, 'unconditional' FROM resource r JOIN package p ON p.id = r.package_id
        WHERE p.extras ->> 'open_class' = 'unconditional' AND NOT EXISTS (
            SELECT FROM nmgdata_suspension s WHERE s.dataset_id = p.id AND s.lifted_at IS NULL)
        ORDER BY md5(r.id) LIMIT 500""",
    "holder, conditional": """
        SELECT g.holder_id, min(r.id), 'granted'
        FROM nmgdata_grant g JOIN nmgdata_grant_scope s ON s.grant_id = g.id
        JOIN resource r ON r.package_id = s.dataset_id
        WHERE g.ended_at IS NULL AND s.resource_id IS NULL AND NOT EXISTS (
            SELECT FROM nmgdata_closure c WHERE c.holder_id = g.holder_id AND c.dataset_id = s.dataset_id)
        GROUP BY g.id ORDER BY md5(g.id) LIMIT 500""",
    "stranger, conditional": """
        SELECT 'nobody-knows-me', r.id, 'application_required'
        FROM resource r JOIN package p ON p.id = r.package_id
        WHERE p.extras ->> 'open_class' = 'conditional' ORDER BY md5(r.id) LIMIT 500""",
    "busiest holder, most granted dataset": """
        SELECT (SELECT holder_id FROM nmgdata_grant GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1), min(r.id), ''
        FROM nmgdata_grant_scope s JOIN resource r ON r.package_id = s.dataset_id
        GROUP BY s.dataset_id ORDER BY count(DISTINCT s.id) DESC LIMIT 1""",
    "anybody, suspended": """
        SELECT NULL, min(r.id), 'suspended' FROM nmgdata_suspension s
        JOIN resource r ON r.package_id = s.dataset_id
        WHERE s.lifted_at IS NULL AND s.resource_id IS NULL GROUP BY s.id ORDER BY md5(s.id) LIMIT 500""",
}
"""Kind of question → query for person, resource and right answer ('' where any will do)."""


def measure(questions: list[Question]) -> dict[str, Any]:
    """Return the time of reading facts and deciding, and how many queries one decision takes."""
    from ckan import model
    from ckanext.nmgdata import factories
    from ckanext.nmgdata.kernel import clock
    from ckanext.nmgdata.kernel.gate import facts, policy

    taken = []
    with factories.queries() as asked:
        for turn in range(-WARM_UP, TURNS):
            question = questions[turn % len(questions)]
            began = time.perf_counter()
            actor = actor_of(question.person)
            found = facts.read(question.resource, actor)
            assert found is not None
            decision = policy.decide(found, policy.Purpose.USE, clock.now())
            if turn >= 0:
                taken.append(time.perf_counter() - began)
            if question.answer and decision.reason != question.answer:
                raise RuntimeError(f"{question} was answered {decision.reason}")
    model.Session.rollback()
    return {**spread(taken), "queries": len(asked) / (TURNS + WARM_UP)}


def measure_pure(questions: list[Question]) -> dict[str, float]:
    """Return the time of deciding alone, in microseconds, over the facts of all questions by turns."""
    from ckanext.nmgdata.kernel import clock
    from ckanext.nmgdata.kernel.gate import facts, policy

    known = [facts.read(question.resource, actor_of(question.person)) for question in questions]
    now = clock.now()
    began = time.perf_counter()
    for turn in range(PURE_TURNS):
        policy.decide(known[turn % len(known)], policy.Purpose.USE, now)  # type: ignore[arg-type]
    return {"mean_us": (time.perf_counter() - began) / PURE_TURNS * 1e6}


def actor_of(person: str | None) -> Any:
    """Return a fresh actor, whose roles are not read yet."""
    from ckanext.nmgdata.kernel.actors import Actor

    return Actor("person", user_id=person, name=person) if person else Actor.anonymous()


def plan(question: Question) -> dict[str, Any]:
    """Return the plan of the facts query for a question."""
    from ckan import model
    from ckanext.nmgdata.kernel.gate import facts

    actor = actor_of(question.person)
    return plans.explained(model.Session, facts.query_for(actor), facts.asked(question.resource, actor))


def measure_all() -> dict[str, Any]:
    """Return all measures of a portal that is filled with rights and stops."""
    import sqlalchemy as sa
    from ckan import model

    found: dict[str, Any] = {}
    everything = []
    for name, query in QUESTIONS.items():
        asked = [Question(*row) for row in model.Session.execute(sa.text(query))]
        everything += asked
        explained = plan(asked[0])
        found[f"facts and decide: {name}"] = {**measure(asked), "plan": explained}
        one = found[f"facts and decide: {name}"]
        say(f"  {name:<40} {one['median_ms']:.2f} ms, {one['queries']:.0f} queries")
        if "most granted" in name:
            say(explained["text"])
        del explained["text"]
    found["decide"] = measure_pure(everything)
    say(f"  deciding alone: {found['decide']['mean_us']:.1f} µs")
    return found


def main() -> None:
    """Fill, measure, clear, print."""
    with inside.ckan():
        filler = Filler(plain=False)
        try:
            filled = fill(filler)
            measures = measure_all()
        finally:
            cases.clear(filler)
    print(json.dumps({name: {**figures, "filled": filled} for name, figures in measures.items()}))


if __name__ == "__main__":
    main()
