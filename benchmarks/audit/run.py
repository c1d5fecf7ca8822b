"""Measure what the audit chain costs a writer, whether it holds with many, and how fast it is verified.

``python benchmarks/audit/run.py`` begins a new chain in the stack ``bench``, which must run
(``make bench-audit`` starts and stops it), and prints one JSON line per measure. PostgreSQL is durable
there: every commit waits for the disk.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import report, servers

EVENTS = str(Path(__file__).with_name("events.py"))


def main() -> None:
    """Empty, measure, empty, print."""
    ours = servers.ours()
    servers.in_portal(ours, EVENTS, "empty", owner=True)
    found = json.loads(servers.in_portal(ours, EVENTS, "measure"))
    servers.in_portal(ours, EVENTS, "empty", owner=True)
    report.finish("audit", found)
    if broken := [name for name, one in found.items() if one.get("findings")]:
        raise SystemExit(f"The chain is broken: {broken}")


if __name__ == "__main__":
    main()
