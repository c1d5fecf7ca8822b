"""Measure what the gate costs: single decisions, and a file of 50 MB and its table beside plain CKAN.

``python benchmarks/gate/run.py [--datasets 1000] [--turns 60]`` fills both portals, times decisions
inside ours (``decide.py``), then downloads the same file from both by turns over one open connection
each, asks both DataStores for rows of it, and prints one JSON line per measure. The stack ``bench`` must run (``make bench-gate`` starts
and stops it).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.gate.files import content
from benchmarks.lib import report, servers
from benchmarks.lib.report import say
from benchmarks.lib.turns import Browser, alternate, compare
from stack.shell import wait_until

FILES = str(Path(__file__).with_name("files.py"))
DECIDE = str(Path(__file__).with_name("decide.py"))
GOAL = 0.95
"""Throughput of ours / throughput of plain CKAN, at least."""
SLOWER = 1.1
"""Latency of ours / latency of plain CKAN for rows, at most."""
SIZE = len(content())
ROW_TURNS = 200
LOADED_WITHIN = 900
WARM_UP = 4
MB = 1e6

Paths = dict[str, dict[str, str]]
"""Side → open class → path of its download, ``table`` → its id; ours has a ``token``, too."""


def downloads(ours: servers.Portal, plain: servers.Portal, turns: int) -> dict[str, Any]:
    """Download the open file from both sides, then, for information, the granted one of ours.

    Plain CKAN knows no grants: beside the granted file, which a token opens and whose every download is
    audited, its open file is downloaded.
    """
    with files(ours, plain) as paths:
        beside = Browser(plain.address), paths["plain"]["unconditional"]
        public = Browser(ours.address), paths["ours"]["unconditional"]
        holder = (
            Browser(ours.address, {"Authorization": paths["ours"]["token"]}),
            paths["ours"]["conditional"],
        )
        with peaks() as memory:
            found = in_turns("download, open", public, beside, turns)
            whole = found["download, open"]
            whole |= {"goal": GOAL, "met": whole["throughput_ratio"] >= GOAL}
        found["download, memory of a web worker"] = memory
        say(f"  memory of a web worker: {memory}")
        found |= in_turns("download, granted", holder, beside, turns)
        return found | rows_in_turns(
            (public[0], paths["ours"]["table"]), (beside[0], paths["plain"]["table"])
        )


def rows_in_turns(ours: tuple[Browser, str], plain: tuple[Browser, str]) -> dict[str, Any]:
    """Ask both DataStores for a page of the open file's rows by turns."""

    def ask(side: tuple[Browser, str]) -> Callable[[int], bytes]:
        reader, table = side
        path = f"/api/3/action/datastore_search?resource_id={table}&limit=20&offset="
        return lambda turn: reader.get(f"{path}{20 * abs(turn)}")

    found = alternate(ask(ours), ask(plain), ROW_TURNS)
    middle = {name: found[name]["median_ms"] for name in ("ours", "plain")}
    say(
        f"  datastore_search     ours {middle['ours']:.1f} ms   plain {middle['plain']:.1f} ms   {found['ratio']:.2f}"
    )
    return {
        "datastore_search": {**found, "turns": ROW_TURNS, "goal": SLOWER, "met": found["ratio"] <= SLOWER}
    }


@contextmanager
def files(ours: servers.Portal, plain: servers.Portal) -> Iterator[Paths]:
    """Put the file into both portals for the block."""
    sides = (ours, plain)
    try:
        made = {
            side.name: json.loads(servers.in_portal(side, FILES, "add", *side.arguments, owner=True))
            for side in sides
        }
        say("Waiting until our worker has scanned the files and made tables of them")
        wait_until(
            lambda: json.loads(servers.in_portal(ours, FILES, "loaded")),
            "The tables of the files",
            LOADED_WITHIN,
        )
        yield made
    finally:
        for side in sides:
            servers.in_portal(side, FILES, "remove", owner=True)


def in_turns(name: str, one: tuple[Browser, str], two: tuple[Browser, str], turns: int) -> dict[str, Any]:
    """Download by turns; return two measures: of the whole file, and of its first byte."""
    firsts: tuple[list[float], list[float]] = ([], [])

    def side(which: int, reader: Browser, path: str) -> Callable[[int], None]:
        def work(turn: int) -> None:
            first, length = reader.download(path)
            if length != SIZE:
                raise RuntimeError(f"{path} has {length} bytes")
            if turn >= 0:
                firsts[which].append(first)

        return work

    whole = alternate(side(0, *one), side(1, *two), turns, warm_up=WARM_UP)
    speed = {name: SIZE / MB / (whole[name]["median_ms"] / 1000) for name in ("ours", "plain")}
    ratio = speed["ours"] / speed["plain"]
    whole |= {"ours_mb_per_s": speed["ours"], "plain_mb_per_s": speed["plain"], "throughput_ratio": ratio}
    begun = compare(*firsts)
    say(f"  {name:<20} ours {speed['ours']:.0f} MB/s   plain {speed['plain']:.0f} MB/s   ratio {ratio:.2f}")
    first = {name: begun[name]["median_ms"] for name in ("ours", "plain")}
    say(f"  {'its first byte':<20} ours {first['ours']:.1f} ms   plain {first['plain']:.1f} ms")
    return {
        name: {**whole, "turns": turns},
        f"{name}, first byte": {**begun, "turns": turns},
    }


@contextmanager
def peaks() -> Iterator[dict[str, float]]:
    """Yield a dictionary that holds, after the block, how much the busiest worker of each side grew (MB)."""
    grown: dict[str, float] = {}
    before: dict[int, int] = {}
    for name in ("ours", "plain"):
        for pid in servers.web_processes(name):
            Path(f"/proc/{pid}/clear_refs").write_text("5")
            before[pid] = resident(pid, "VmRSS")
    yield grown
    for name in ("ours", "plain"):
        pids = [pid for pid in servers.web_processes(name) if pid in before]
        grown[f"{name}_resident_mb"] = max(before[pid] for pid in pids) / MB
        grown[f"{name}_growth_mb"] = max(resident(pid, "VmHWM") - before[pid] for pid in pids) / MB


def resident(pid: int, field: str) -> int:
    """Return a field of a process's memory in bytes: ``VmRSS`` now, ``VmHWM`` at its highest."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def main() -> None:
    """Fill, decide, download, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=60)
    asked = parser.parse_args()
    with servers.filled(asked.datasets) as (ours, plain):
        found = json.loads(servers.in_portal(ours, DECIDE, owner=True))
        found |= downloads(ours, plain, asked.turns)
    report.finish("gate", found, datasets=asked.datasets)


if __name__ == "__main__":
    main()
