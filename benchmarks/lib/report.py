"""What every benchmark prints: progress on stderr, at the end one JSON line per measure on stdout."""

from __future__ import annotations

import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def say(text: str) -> None:
    """Print one line of progress."""
    print(text, file=sys.stderr, flush=True)


def rounded(value: Any) -> Any:
    """Return figures with four significant digits, whatever they are nested in."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def finish(name: str, measures: dict[str, dict[str, Any]], **common: Any) -> None:
    """Print one JSON line per measure, with what all have in common and what they were measured on.

    :param measures: name of a measure → its figures; a ``_ms`` is milliseconds, ``_s`` seconds
    """
    about = circumstances()
    for measure, figures in measures.items():
        line = {"benchmark": name, "measure": measure, **rounded(figures), **common, **about}
        print(json.dumps(line, ensure_ascii=False), flush=True)


def circumstances() -> dict[str, Any]:
    """Return commit, date, cores and versions; ``changed`` says that files differ from the commit."""
    return {
        "commit": git("rev-parse", "--short", "HEAD"),
        "changed": bool(git("status", "--porcelain", "--untracked-files=no")),
        "date": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[1],
        "ckan": importlib.metadata.version("ckan"),
    }


def git(*arguments: str) -> str:
    """Return what git says about this checkout, nothing where there is no git."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, 95th percentile and minimum of durations in seconds, as milliseconds."""
    ordered = sorted(seconds)
    return {
        "median_ms": 1000 * statistics.median(ordered),
        "p95_ms": 1000 * ordered[int(0.95 * (len(ordered) - 1))],
        "min_ms": 1000 * ordered[0],
    }
