"""Measure pages and files of the yearly open plans of a region: 12 league-cities × 60 departments × 100 items.

``python benchmarks/plan/run.py`` fills the stack ``bench``, which must run (``make bench-plan`` starts and
stops it), and prints one JSON line per measure; it fails where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import report, servers

YEAR = str(Path(__file__).with_name("year.py"))
PAGE_MS, XLSX_S = 300, 5


def main() -> None:
    """Fill, ask, print; fail where something is slower than its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=40)
    asked = parser.parse_args()
    ours = servers.ours()
    with servers.own_programs_stopped():
        command = (YEAR, "--turns", str(asked.turns))
        found = json.loads(servers.in_portal(ours, *command, owner=True))
    report.finish("plan", found)
    slow = [name for name, one in found.items() if one.get("p95_ms", 0) > PAGE_MS]
    slow += [name for name, one in found.items() if name.startswith("XLSX") and one["seconds"] > XLSX_S]
    if slow:
        raise SystemExit(f"Slower than {PAGE_MS} ms (p95) or {XLSX_S} s (XLSX): {slow}")


if __name__ == "__main__":
    main()
