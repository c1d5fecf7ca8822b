"""Measure the inbox: how long "what waits for me" takes with 100,000 cases, and by which plan.

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
    if slow := [name for name, one in found.items() if not one["index_scan"]]:
        raise SystemExit(f"A whole table of cases is read for: {slow}")


if __name__ == "__main__":
    main()
