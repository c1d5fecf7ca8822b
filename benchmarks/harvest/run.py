"""Measure harvests beside stock CKAN, on the same catalogue, in one run.

``run.py --datasets 1000 [--no-stock] [--sources 12] [--large 100000]``. Prints one JSON line per measure:
datasets per second of the first load, of an unchanged catalogue that is wholly fetched and parsed, and of
one with 5 % changes; the ratio to stock; the memory of all processes together; twelve sources at once; what
a harvest does to the search of people.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.harvest import memory
from benchmarks.lib import servers
from benchmarks.lib.report import finish, say
from stack import settings

HERE = Path(__file__).parent
STOCK = settings.RUN / "stock-harvest"
STOCK_PACKAGES = ("ckan[requirements]==2.12.0", "ckanext-dcat==2.4.4", "ckanext-harvest==1.6.3",
                  "ckanext-scheming==3.1.0")  # fmt: skip
QUERIES = ("公交", "空气质量", "养老服务", "统计", "水质监测")
WARM = 20_000
"""Datasets that are loaded before anything is measured: Java compiles what runs often while it runs."""
BESIDE = 0.3
"""Of the datasets that change while people search: enough searches for a percentile."""
WORKERS = 2
"""Processes of ours; each has its own limit."""
EVERY = 0.25
"""Seconds between two searches of a person."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the catalogue without a word."""

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def served() -> Iterator[tuple[Path, str]]:
    """Serve a folder for the block: the folder, and its address."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "pages"
        folder.mkdir()
        handler = functools.partial(Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield folder, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def ours(folder: Path, host: str, datasets: int, **more: Any) -> tuple[dict[str, Any], memory.Peak]:
    """Run our side; return its rounds and its memory."""
    side = servers.ours()
    command = [servers.PYTHON, str(HERE / "ours.py"), "--datasets", str(datasets), "--folder", str(folder)]
    command += ["--host", host, *(option(name, value) for name, value in more.items())]
    environment = {**os.environ, **side.owner}
    return measured("our side", command, environment)


def option(name: str, value: Any) -> str:
    """Return an option of the command line."""
    return f"--{name}" if value is True else f"--{name}={value}"


def stock(folder: Path, host: str, datasets: int) -> tuple[dict[str, Any], memory.Peak]:
    """Run the stock side in its own virtualenv, database, Redis database and Solr core."""
    side = servers.plain()
    python = STOCK / "bin" / "python"
    if not python.exists():
        say("Making the virtualenv of the stock side")
        subprocess.run([sys.executable, "-m", "venv", str(STOCK)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *STOCK_PACKAGES], check=True)
    bench = servers.stack()
    emptied(bench)
    command = [str(python), str(HERE / "stock.py"), "--datasets", str(datasets), "--folder", str(folder)]
    command += ["--host", host, "--db", bench.database("stock", "plain")]
    command += [
        "--redis",
        f"redis://127.0.0.1:{bench.redis_port}/2",
        "--solr",
        side.environment["CKAN_SOLR_URL"],
    ]
    plain_environment = {key: value for key, value in os.environ.items() if not key.startswith("CKAN_")}
    return measured("the stock side", command, plain_environment)


def measured(
    name: str, command: list[str], environment: dict[str, str]
) -> tuple[dict[str, Any], memory.Peak]:
    """Run one side; return what it prints last, and the memory of all its processes."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    with process, memory.watched(process.pid) as peak:
        output, _errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"{name} has failed")
    return json.loads(output.strip().splitlines()[-1]), peak


def emptied(bench: settings.Settings) -> None:
    """Make the stock side's database anew."""
    from stack import servers as stack_servers

    sql = """
        DROP DATABASE IF EXISTS stock;
        CREATE DATABASE stock OWNER plain ENCODING 'UTF8' TEMPLATE template0;
    """
    stack_servers.psql(bench, sql)


@contextmanager
def searching(address: str) -> Iterator[list[tuple[float, float]]]:
    """Search as a person would, a few times a second, within the block; yields when, and the seconds it took."""
    took, stop = list[tuple[float, float]](), threading.Event()

    def search() -> None:
        turn = 0
        while not stop.wait(EVERY):
            query = urllib.parse.urlencode({"q": QUERIES[turn % len(QUERIES)], "rows": 20})
            began, turn = time.time(), turn + 1
            with urllib.request.urlopen(
                f"{address}/api/3/action/package_search?{query}", timeout=60
            ) as reply:
                reply.read()
            took.append((began, time.time() - began))

    thread = threading.Thread(target=search, daemon=True)
    thread.start()
    try:
        yield took
    finally:
        stop.set()
        thread.join()


def p95(took: list[tuple[float, float]], since: float = 0.0, seconds: float = math.inf) -> float:
    """Return the 95th percentile in milliseconds, of the searches within so many seconds."""
    within = [one for when, one in took if since <= when < since + seconds]
    return 1000 * statistics.quantiles(within, n=20)[-1] if len(within) > 1 else 0.0


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=1000)
    parser.add_argument("--stock-datasets", type=int, default=0, help="fewer for the slow side; 0: as many")
    parser.add_argument("--no-stock", action="store_true")
    parser.add_argument("--sources", type=int, default=12)
    parser.add_argument("--large", type=int, default=0, help="datasets of the measure of memory")
    parser.add_argument("--rate", type=int, default=100, help="records a second of the throttled loader")
    asked = parser.parse_args()
    measures: dict[str, dict[str, Any]] = {}
    with servers.own_programs_stopped(), served() as (folder, host):
        say("Warming Solr up, which a portal that runs is and stock will be")
        ours(folder, host, WARM, rounds="first")
        say("One source")
        rounds, peak = ours(folder, host, asked.datasets)
        for name, found in rounds.items():
            measures[name] = {**found, "memory_pss_mb": peak.pss, "memory_rss_mb": peak.rss}
        if not asked.no_stock:
            say("Stock, the same catalogue")
            beside, stock_peak = stock(folder, host, asked.stock_datasets or asked.datasets)
            for name, found in beside.items():
                measures[name] |= {
                    "stock": found["datasets_per_s"], "stock_memory_pss_mb": stock_peak.pss,
                    "ratio": measures[name]["datasets_per_s"] / found["datasets_per_s"],
                }  # fmt: skip
        if asked.sources > 1:
            say(f"{asked.sources} sources at once")
            several, _peak = ours(
                folder, host, asked.datasets, sources=asked.sources, rounds="first,unchanged"
            )
            for name, found in several.items():
                ideal = measures[name]["seconds"]
                measures[f"{asked.sources} sources, {name}"] = {**found, "to_ideal": found["seconds"] / ideal}
        if asked.large:
            say(f"{asked.large} datasets")
            large, peak = ours(folder, host, asked.large, rounds="first,unchanged")
            memory_of = {"memory_pss_mb": peak.pss, "memory_rss_mb": peak.rss}
            say(f"  {memory_of}")
            measures |= {f"{asked.large}, {name}": {**found, **memory_of} for name, found in large.items()}
    with servers.web_alone():
        measures["search beside it"] = search_beside(asked)
    finish("harvest", measures, datasets=asked.datasets)


def search_beside(asked: argparse.Namespace) -> dict[str, float]:
    """Return the 95th percentile of a person's search: idle, beside a harvest, beside a throttled one."""
    found = {}
    address = servers.ours().address
    with served() as (folder, host):
        ours(folder, host, asked.datasets, rounds="first")  # so that there is something to find
        with searching(address) as took:
            time.sleep(15)
        found["idle_p95_ms"] = p95(took)
        turns = (("full_p95_ms", "changed", 0), ("throttled_p95_ms", "unchanged", asked.rate // WORKERS))
        for name, rounds, rate in turns:  # the second takes the changes of the first back
            with searching(address) as took:
                done, _peak = ours(
                    folder, host, asked.datasets, rounds=rounds, keep=True, rate=rate, share=BESIDE
                )
            found[name] = p95(took, done[rounds]["since"], done[rounds]["seconds"])
    found["throttled_ratio"] = found["throttled_p95_ms"] / found["idle_p95_ms"]
    return found


if __name__ == "__main__":
    main()
