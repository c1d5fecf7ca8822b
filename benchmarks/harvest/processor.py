"""How much processor time a harvest costs, by program: ours, the parser's child, PostgreSQL, Solr."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.lib import servers
from stack import process

from . import memory

TICKS = os.sysconf("SC_CLK_TCK")
PARSER = "harvest.remote.child"


def used() -> dict[str, float]:
    """Return the seconds that each program has used so far, children that have ended included."""
    own = memory.tree(os.getpid())
    parsers = [pid for pid in own if PARSER in words(pid)]
    stack = servers.stack()
    found = {
        "portal": sum(seconds(pid) for pid in own if pid not in parsers),
        "parser": sum(seconds(pid) for pid in parsers),
    }
    for name in ("postgres", "solr"):
        pid = process.running(stack, name)
        found[name] = sum(seconds(one) for one in memory.tree(pid)) if pid else 0.0
    return found


def since(before: dict[str, float], datasets: int) -> dict[str, float]:
    """Return the milliseconds for each dataset since then."""
    return {f"{name}_ms": 1000 * (now - before[name]) / (datasets or 1) for name, now in used().items()}


def seconds(pid: int) -> float:
    """Return the time of a process and of those it has seen end."""
    try:
        said = (memory.PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0.0
    fields = said[said.rindex(")") + 2 :].split()
    return sum(map(int, fields[11:15])) / TICKS


def words(pid: int) -> str:
    """Return the command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
