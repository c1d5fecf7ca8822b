"""Measure the public record of applications with 100,000 of them.

``python benchmarks/record/run.py [--datasets 1000]`` fills the stack ``bench``, which must run
(``make bench-record`` starts and stops it), and prints one JSON line per measure.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import report, servers

CASES = str(Path(__file__).with_name("cases.py"))
GOAL_MS = 150


def main() -> None:
    """Fill, ask, print; fail where a page is slower than the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=1000)
    asked = parser.parse_args()
    ours = servers.ours()
    with servers.own_programs_stopped():
        servers.fill(ours, asked.datasets)
        found = json.loads(servers.in_portal(ours, CASES, owner=True))
    report.finish("record", found, datasets=asked.datasets)
    pages = {name: one for name, one in found.items() if "turns" in one}
    if slow := [name for name, one in pages.items() if one["p95_ms"] > GOAL_MS]:
        raise SystemExit(f"Slower than {GOAL_MS} ms at the 95th percentile: {slow}")


if __name__ == "__main__":
    main()
