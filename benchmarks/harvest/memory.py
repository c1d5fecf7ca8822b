"""How much memory a process and its children have together, at their peak."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EVERY = 0.2
PROC = Path("/proc")


class Peak:
    """The peaks, in megabytes."""

    pss: float = 0.0
    """Proportional: pages that processes share count once."""
    rss: float = 0.0


def tree(pid: int) -> list[int]:
    """Return a process and all that it has started."""
    try:
        tasks = (PROC / str(pid) / "task").iterdir()
        found = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(one for child in found for one in tree(int(child)))]


def memory_of(pid: int) -> tuple[float, float]:
    """Return PSS and RSS of a process in megabytes."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0, 0.0
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines[1:]}
    return sizes.get("Pss", 0.0), sizes.get("Rss", 0.0)


@contextmanager
def watched(*pids: int) -> Iterator[Peak]:
    """Watch processes and their children within the block."""
    peak, stop = Peak(), threading.Event()

    def watch() -> None:
        while not stop.wait(EVERY):
            sizes = [memory_of(one) for pid in pids for one in tree(pid)]
            peak.pss = max(peak.pss, sum(size[0] for size in sizes))
            peak.rss = max(peak.rss, sum(size[1] for size in sizes))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()
