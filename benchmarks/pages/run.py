"""Measure what readers wait for: our portal beside plain CKAN, on the same data, in turns.

``python benchmarks/pages/run.py [--datasets 1000] [--turns 200]`` fills both portals with the same
invented datasets, asks them by turns over one open connection each, and prints one JSON line per
measure. The stack ``bench`` must run (``make bench-pages`` starts and stops it). Plain CKAN is CKAN
2.12 with the same settings and the same web server, less our plugins and those that they need.

Calls of the API are the same on both sides, to the letter. A search for words is not the same work on
both, because plain CKAN finds nothing for most Chinese words: ``found_ours`` and ``found_plain`` say
how many datasets an answer holds on average, and "words that both find" has only those for which both
fill a whole page.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import invent, report, rows, servers
from benchmarks.lib.report import say
from benchmarks.lib.turns import Browser, alternate

QUERIES = Path(__file__).parents[1] / "search" / "queries.yaml"
READER = Path(servers.__file__).with_name("reader.py")
SEED = 20241122
GOAL = 1.1
ROWS = 10
"""Datasets in a full answer."""

Path_ = Callable[[int], str]
"""Number of a turn → path."""
Readers = dict[str, Browser]
"""Side ("ours" or "plain") → its client."""


@dataclass
class Asked:
    """The datasets and words that are asked for, the same of both portals."""

    names: list[str]
    titles: list[str]
    words: list[str]


def choose(datasets: int) -> Asked:
    """Choose public datasets and the words of the search benchmark, the same in every run."""
    chance = random.Random(SEED)
    numbers = chance.sample(range(datasets), min(datasets, 2000))
    records = [one for one in map(invent.record, numbers) if not rows.is_hidden(one)]
    words = [str(query["q"]) for query in yaml.safe_load(QUERIES.read_text(encoding="utf-8"))]
    chance.shuffle(words)
    return Asked([one["name"] for one in records], [one["title"] for one in records], words)


# --- what is asked for ---------------------------------------------------------------------------


def in_goal(asked: Asked) -> dict[str, Path_]:
    """Return the measures that the goal is about: name → path of a turn."""
    return {
        "package_show": call("package_show", id=asked.names),
        "package_search *:*": call("package_search", q=["*:*"]),
        "package_search one department": call("package_search", fq=departments(asked.names)),
        "dataset page": lambda turn: f"/dataset/{of(asked.names, turn)}",
    }


def for_information(asked: Asked, both: list[str]) -> dict[str, Path_]:
    """Return further measures; ``both`` are the words for which both sides find a full answer."""
    found = {
        "package_search words": call("package_search", q=asked.words),
        "package_search title": call("package_search", q=asked.titles),
        "home page": lambda _turn: "/",
        "dataset list": lambda turn: f"/dataset/?page={1 + turn % 20}",
        "search page": lambda turn: f"/dataset/?{urlencode({'q': of(asked.words, turn)})}",
    }
    if both:
        found["package_search words that both find"] = call("package_search", q=both)
    return found


def call(action: str, **lists: list[str]) -> Path_:
    """Return the path of an action; each parameter goes round its list of values."""
    return lambda turn: api(action, **{name: of(values, turn) for name, values in lists.items()})


def api(action: str, **data: Any) -> str:
    """Return the path of an action."""
    return f"/api/3/action/{action}?{urlencode(data, quote_via=quote)}"


def of(values: list[str], turn: int) -> str:
    """Return the value of a turn."""
    return values[turn % len(values)]


def departments(names: list[str]) -> list[str]:
    """Return the filters for the departments that have datasets among these, each once."""
    found = {record["owner_org"] for record in invent.templates()[0] if record["name"]}
    mine = {org for org in found if any(name.startswith(f"{org}-") for name in names)}
    return [f"organization:{org}" for org in sorted(mine)]


def found_by_both(readers: Readers, words: list[str]) -> list[str]:
    """Return the words for which both sides find at least a full answer."""
    return [
        word
        for word in words
        if all(count(reader, api("package_search", q=word, rows=0)) >= ROWS for reader in readers.values())
    ]


def count(reader: Browser, path: str) -> int:
    """Return how many datasets a search finds."""
    return json.loads(reader.get(path))["result"]["count"]


# --- measuring -----------------------------------------------------------------------------------


def measure(ours: servers.Portal, plain: servers.Portal, asked: Asked, turns: int) -> dict[str, Any]:
    """Ask for every page by turns, anonymously, then package_show with a token."""
    public = {side.name: Browser(side.address) for side in (ours, plain)}
    counts = {name: count(reader, api("package_search", q="*:*", rows=0)) for name, reader in public.items()}
    if len(set(counts.values())) != 1:
        raise SystemExit(f"The portals do not hold the same datasets: {counts}")
    known = {side.name: Browser(side.address, {"Authorization": token(side)}) for side in (ours, plain)}
    goals = in_goal(asked)
    found = {name: in_turns(public, path, turns, name, goal=GOAL) for name, path in goals.items()}
    name = "package_show with a token"
    found[name] = in_turns(known, goals["package_show"], turns, name, goal=GOAL)
    both = found_by_both(public, asked.words)
    for name, path in for_information(asked, both).items():
        found[name] = in_turns(public, path, turns, name)
    return found


def in_turns(
    readers: Readers, path: Path_, turns: int, name: str, goal: float | None = None
) -> dict[str, Any]:
    """Ask both sides for a page by turns; say how it did."""
    found = alternate(
        lambda turn: readers["ours"].get(path(turn)), lambda turn: readers["plain"].get(path(turn)), turns
    )
    ours, plain = found["ours"]["median_ms"], found["plain"]["median_ms"]
    say(f"  {name:<36} ours {ours:7.1f} ms   plain {plain:7.1f} ms   ratio {found['ratio']:.2f}")
    if name.startswith("package_search"):
        found |= {f"found_{side}": results(reader, path) for side, reader in readers.items()}
    return {**found, "turns": turns, **({"goal": goal, "met": found["ratio"] <= goal} if goal else {})}


def results(reader: Browser, path: Path_, sample: int = 40) -> float:
    """Return how many datasets an answer holds on average."""
    answers = (json.loads(reader.get(path(turn)))["result"]["results"] for turn in range(sample))
    return statistics.fmean(map(len, answers))


def token(side: servers.Portal) -> str:
    """Return an API token of an ordinary account."""
    return servers.in_portal(side, str(READER))


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=200)
    asked = parser.parse_args()
    with servers.filled(asked.datasets) as (ours, plain):
        found = measure(ours, plain, choose(asked.datasets), asked.turns)
    report.finish("pages", found, datasets=asked.datasets)


if __name__ == "__main__":
    main()
