"""Measure the inbox: how long its pages take with 100,000 open and 200,000 closed cases, and by which plan.

``python benchmarks/inbox/run.py [--datasets 1000]`` fills the stack ``bench``, which must run
(``make bench-inbox`` starts and stops it), and prints one JSON line per measure. The plan at the end
stands in ``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import report, servers

GOAL_MS = 150
"""95th percentile that every question of a page stays within, on two cores."""
CASES = str(Path(__file__).with_name("cases.py"))


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=1000)
    asked = parser.parse_args()
    ours = servers.ours()
    with servers.own_programs_stopped():
        servers.fill(ours, asked.datasets)
        found = json.loads(servers.in_portal(ours, CASES, owner=True))
    report.finish("inbox", found, datasets=asked.datasets)
    if slow := [name for name, one in found.items() if one["p95_ms"] > GOAL_MS]:
        raise SystemExit(f"Slower than {GOAL_MS} ms: {slow}")


if __name__ == "__main__":
    main()
