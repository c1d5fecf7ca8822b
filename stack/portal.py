"""The CKAN side of a stack: Python packages, tables, demo data, web, worker and tick."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from . import servers
from .process import ask_to_stop, last_lines, running, start, stop
from .settings import ROOT, RUN, VENV, Settings
from .shell import StackError, run, step, wait_until

PROGRAMS = ("tick", "worker", "web")
WEB_WORKERS = 2
WEB_THREADS = 4


def install_packages(*, tests: bool = False) -> None:
    """Make ``.venv`` and install the pinned packages and this project into it, once per change."""
    lists = ["requirements.txt", "stack/requirements.txt", *(["requirements-dev.txt"] if tests else [])]
    inputs = [*lists, "setup.py", "pyproject.toml"]
    digest = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in inputs)).hexdigest()
    stamp = VENV / f"installed-{'tests' if tests else 'portal'}"
    if stamp.exists() and stamp.read_text() == digest:
        return
    RUN.mkdir(exist_ok=True)
    log = RUN / "pip.log"
    with step("Installing Python packages"):
        if not (VENV / "bin" / "python").exists():
            run([sys.executable, "-m", "venv", str(VENV)], log=log)
        pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        run([*pip, *(part for name in lists for part in ("-r", str(ROOT / name)))], log=log)
        run([*pip, "--no-deps", "-e", str(ROOT)], log=log)
    stamp.write_text(digest)


def ckan(settings: Settings, *arguments: str, owner: bool = False) -> str:
    """Run the ``ckan`` command in the stack; ``owner`` may change tables."""
    env = settings.owner_environment() if owner else settings.environment()
    return run([str(VENV / "bin" / "ckan"), *arguments], env=env, log=settings.logs / "ckan.log")


def ckan_in_terminal(settings: Settings, arguments: list[str]) -> int:
    """Run the ``ckan`` command with this terminal as its input and output."""
    env = {**os.environ, **settings.environment()}
    return subprocess.run([str(VENV / "bin" / "ckan"), *arguments], env=env, check=False).returncode


def prepare(settings: Settings) -> None:
    """Bring databases, tables and rights to the state of this checkout; safe to repeat."""
    for folder in ("storage", "webassets", "logs"):
        (settings.home / folder).mkdir(parents=True, exist_ok=True)
    servers.create_databases(settings)
    with step("Preparing the tables"):
        ckan(settings, "db", "upgrade", owner=True)
        permissions = ckan(settings, "datastore", "set-permissions", owner=True)
        servers.psql(settings, permissions[permissions.index("\\connect") :])
        servers.restrict_runtime_role(settings)
    marker = servers.reindex_marker(settings)
    if marker.exists():
        with step("Building the search index anew"):
            ckan(settings, "nmgdata", "reindex")
        marker.unlink()


def load_demo(settings: Settings) -> None:
    """Load the demo catalogue and accounts once; the passwords are kept with the stack."""
    if settings.ready:
        return
    if settings.demo:
        say_progress = [
            str(VENV / "bin" / "ckan"),
            "nmgdata",
            "demo",
            "--accounts",
            str(accounts_file(settings)),
        ]
        done = subprocess.run(say_progress, env={**os.environ, **settings.environment()}, check=False)
        if done.returncode:
            raise StackError("The demo data could not be loaded; the lines above say why.")
    settings.ready = True
    settings.save()


def accounts_file(settings: Settings) -> Path:
    """Return the file that lists the demo's accounts."""
    return settings.home / "accounts.txt"


def start_programs(
    settings: Settings, *, workers: int = WEB_WORKERS, meanwhile: Callable[[], None] | None = None
) -> None:
    """Start web, worker and tick; they are started anew, so that they run this checkout's code.

    :param meanwhile: what can be done while they load
    """
    stop_programs(settings)
    env = settings.environment()
    with step("Starting web, worker and tick"):
        start_web(settings, workers)
        start(settings, "worker", [str(VENV / "bin" / "ckan"), "jobs", "worker"], env=env)
        start(settings, "tick", [str(VENV / "bin" / "ckan"), "nmgdata", "tick"], env=env)
        if meanwhile:
            meanwhile()
        wait_for_page(settings)


def start_web(settings: Settings, workers: int) -> None:
    """Start the web program, with the settings as they are now."""
    start(
        settings,
        "web",
        [
            str(VENV / "bin" / "gunicorn"),
            "--chdir",
            str(ROOT / "docker" / "ckan"),
            "wsgi:application",
            "--config",
            str(ROOT / "docker" / "ckan" / "gunicorn.conf.py"),
            "--bind",
            f"127.0.0.1:{settings.port}",
            "--workers",
            str(workers),
            "--threads",
            str(WEB_THREADS),
        ],
        env=settings.environment(),
    )


def wait_for_page(settings: Settings) -> None:
    """Wait until the home page answers."""
    wait_until(lambda: page_answers(settings), "The portal", 90, last_lines(settings, "web"))


def stop_programs(settings: Settings) -> None:
    """Stop web, worker and tick."""
    for service in PROGRAMS:
        ask_to_stop(settings, service)
    for service in PROGRAMS:
        stop(settings, service, signal.SIGTERM)


def page_answers(settings: Settings) -> bool:
    """Say whether the home page answers."""
    if running(settings, "web") is None:
        raise StackError(f"The web process ended:\n{last_lines(settings, 'web')}")
    try:
        with urllib.request.urlopen(settings.site_url, timeout=60) as reply:
            return reply.status == 200
    except urllib.error.HTTPError as error:
        raise StackError(f"The home page answers {error.code}:\n{last_lines(settings, 'web', 30)}") from error
    except (urllib.error.URLError, OSError):
        return False


def give_tests_the_databases(settings: Settings) -> None:
    """Prepare the DataStore's rights for the tests, which own both databases and migrate themselves."""
    (settings.home / "storage").mkdir(parents=True, exist_ok=True)
    (settings.home / "webassets").mkdir(parents=True, exist_ok=True)
    permissions = ckan(settings, "datastore", "set-permissions", owner=True)
    servers.psql(settings, permissions[permissions.index("\\connect") :])
