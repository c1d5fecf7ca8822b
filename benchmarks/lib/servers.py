"""The two portals that are measured: the stack ``bench``, and plain CKAN beside it.

Plain CKAN is CKAN as released with the settings of ``docker/ckan/ckan.ini``, less our plugins and
those that they need. It has a database, a Solr core with CKAN's stock schema and a Redis database of
its own on the servers of the stack, and is served by the very command that serves ours.

``python -m benchmarks.lib.servers PROGRAM`` runs a Python program in our portal's environment.
"""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import ckan

from stack import portal, process, servers, settings
from stack.shell import wait_until

from .report import ROOT, say

NAME = "bench"
PLAIN = "bench-plain"
PLAIN_PORT_DISTANCE = 10
CORE = "plain"
OUR_PLUGINS = ("nmgdata", "scheming", "dcat", "structured_data")
OUR_SETTINGS = (
    "ckanext.",
    "scheming.",
    "ckan.auth.route_after_login",
)
PYTHON = str(settings.VENV / "bin" / "python")


@dataclass(frozen=True)
class Portal:
    """One side: its address, the environment of its programs, and that of the filler."""

    name: str
    address: str
    environment: dict[str, str]
    owner: dict[str, str]
    """As ``environment``, but with the role that owns the tables."""
    arguments: tuple[str, ...] = ()
    """What the filler is told about this side."""


def stack() -> settings.Settings:
    """Return the running stack ``bench``.

    :raises SystemExit: when it is not running
    """
    found = settings.load(NAME)
    if process.running(found, "postgres") is None:
        raise SystemExit("The stack `bench` is not running: use `make bench-…`, which starts it.")
    return found


def ours() -> Portal:
    """Return our portal."""
    bench = stack()
    owner = {**bench.owner_environment()}
    return Portal("ours", bench.site_url, bench.environment(), owner)


def web_processes(name: str) -> list[int]:
    """Return the pids of the processes that answer requests at a portal, "ours" or "plain"."""
    bench = stack()
    home = bench if name == "ours" else plain_home(bench)
    parent = process.running(home, "web")
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text() if parent else ""
    return [int(pid) for pid in found.split()]


@contextmanager
def own_programs_stopped() -> Iterator[None]:
    """Stop web, worker and tick of our portal for the block; then start them anew."""
    bench = stack()
    portal.stop_programs(bench)
    try:
        yield
    finally:
        start_programs(bench)


@contextmanager
def web_alone() -> Iterator[None]:
    """Stop worker and tick of our portal for the block, that only the benchmark's own programs work."""
    bench = stack()
    for name in ("worker", "tick"):
        process.stop(bench, name)
    try:
        yield
    finally:
        start_programs(bench)


def start_programs(bench: settings.Settings) -> None:
    """Start our portal's programs; what the stack says about it goes to stderr."""
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        portal.start_programs(bench)
    finally:
        sys.stdout = out


# --- plain CKAN ----------------------------------------------------------------------------------


@contextmanager
def plain_served() -> Iterator[Portal]:
    """Serve plain CKAN for the block, by the command of our own web process with another address."""
    bench, side = stack(), plain()
    home = plain_home(bench)
    pid = process.running(bench, "web")
    if pid is None:
        raise SystemExit("The portal of the stack `bench` is not running: make up NAME=bench")
    command = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    command[command.index("--bind") + 1] = side.address.removeprefix("http://")
    process.stop(home, "web")
    process.start(home, "web", command, env=side.environment)
    try:
        wait_until(lambda: answers(side.address), "Plain CKAN", 90, process.last_lines(home, "web"))
        yield side
    finally:
        process.stop(home, "web")


def plain_home(bench: settings.Settings) -> settings.Settings:
    """Return where plain CKAN keeps its process files and logs."""
    return settings.Settings(name=PLAIN, port=bench.port + PLAIN_PORT_DISTANCE)


def answers(address: str) -> bool:
    """Say whether a portal answers."""
    try:
        with urllib.request.urlopen(f"{address}/api/3/action/status_show", timeout=30) as reply:
            return reply.status == 200
    except OSError:
        return False


def plain() -> Portal:
    """Return plain CKAN, made at first use; it is not served yet."""
    bench = stack()
    address = f"http://127.0.0.1:{bench.port + PLAIN_PORT_DISTANCE}"
    home = settings.RUN / PLAIN
    for folder in ("storage", "webassets", "logs"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    environment = {
        **bench.environment(),
        "CKAN_INI": str(home / "ckan.ini"),
        "CKAN_SITE_URL": address,
        "CKAN_SITE_ID": PLAIN,
        "CKAN_SQLALCHEMY_URL": bench.database("plain", "plain"),
        "CKAN_SOLR_URL": bench.solr_url.removesuffix("ckan") + CORE,
        "CKAN_REDIS_URL": f"redis://127.0.0.1:{bench.redis_port}/1",
        "CKAN_STORAGE_PATH": str(home / "storage"),
        "CKAN_WEBASSETS_PATH": str(home / "webassets"),
    }
    bench.save()
    write_settings(home / "ckan.ini")
    make_core(bench)
    make_database(bench, environment)
    return Portal("plain", address, environment, environment, ("--plain",))


def write_settings(path: Path) -> None:
    """Write our portal's settings less what belongs to our plugins."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(ROOT / "docker" / "ckan" / "ckan.ini", encoding="utf-8")
    section = parser["app:main"]
    for key in list(section):
        if key.startswith(OUR_SETTINGS):
            del section[key]
    kept = [name for name in section["ckan.plugins"].split() if not name.startswith(OUR_PLUGINS)]
    section["ckan.plugins"] = " ".join(kept)
    with path.open("w", encoding="utf-8") as file:
        parser.write(file)


def make_database(bench: settings.Settings, environment: dict[str, str]) -> None:
    """Create plain CKAN's database and tables."""
    sql = """
        SELECT 'CREATE ROLE plain LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'plain') \\gexec
        ALTER ROLE plain PASSWORD :'password';
        SELECT 'CREATE DATABASE plain OWNER plain ENCODING ''UTF8'' TEMPLATE template0'
        WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'plain') \\gexec
    """
    servers.psql(bench, sql, password=bench.secret("plain"))
    command = [str(settings.VENV / "bin" / "ckan"), "db", "init"]
    subprocess.run(command, env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL)


def make_core(bench: settings.Settings) -> None:
    """Create a Solr core with CKAN's stock schema and the settings of ours, if there is none."""
    home = bench.home / "solr"
    base = bench.solr_url.removesuffix("/ckan")
    with urllib.request.urlopen(f"{base}/admin/cores?action=STATUS", timeout=60) as reply:
        if CORE in json.load(reply)["status"]:
            return
    folder = home / CORE
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(home / "ckan" / "conf", folder / "conf")
    stock = Path(ckan.__file__).parent / "config" / "solr" / "schema.xml"
    shutil.copy(stock, folder / "conf" / "schema.xml")
    query = urlencode({"action": "CREATE", "name": CORE, "instanceDir": CORE})
    with urllib.request.urlopen(f"{base}/admin/cores?{query}", timeout=60) as reply:
        reply.read()


# --- filling -------------------------------------------------------------------------------------


def fill(side: Portal, datasets: int, *, index: bool = True) -> None:
    """Fill a portal with invented datasets, unless it holds just these already."""
    say(f"Filling {side.name} with {datasets} datasets")
    command = [PYTHON, str(Path(__file__).with_name("fill.py")), "--datasets", str(datasets)]
    command += [*side.arguments, *([] if index else ["--no-index"])]
    subprocess.run(command, env={**os.environ, **side.owner}, check=True, stdout=sys.stderr)


@contextmanager
def filled(datasets: int) -> Iterator[tuple[Portal, Portal]]:
    """Fill both portals with the same datasets and serve both for the block."""
    with own_programs_stopped():
        fill(ours(), datasets)
    fill(plain(), datasets)
    with plain_served() as beside:
        yield ours(), beside


def in_portal(side: Portal, *command: str, owner: bool = False) -> str:
    """Run a Python program in the environment of a portal and return the last line that it prints.

    :param owner: with the role that owns the tables, where tables are emptied
    """
    environment = {**os.environ, **(side.owner if owner else side.environment)}
    done = subprocess.run([PYTHON, *command], env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip().splitlines()[-1]


if __name__ == "__main__":
    there = {**os.environ, **ours().environment}
    sys.exit(subprocess.run([PYTHON, *sys.argv[1:]], env=there, check=False).returncode)
