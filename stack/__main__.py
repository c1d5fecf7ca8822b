"""``python3 -m stack up|down|logs|clean|token|ckan|servers|test``: see the Makefile."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time

from . import portal, servers, system
from .process import running
from .settings import PORTS, ROOT, RUN, VENV, Settings, load
from .shell import StackError, fail, say

TEST_PORT = 5090


def up(settings: Settings, asked: argparse.Namespace) -> None:
    """Bring the portal up, from nothing or from where it stands."""
    began = time.monotonic()
    choose(settings, asked)
    say(f"Inner Mongolia public data portal, stack `{settings.name}`")
    system.ensure(settings)
    settings.save()
    portal.install_packages(tests=asked.tests)
    servers.up(settings)
    portal.prepare(settings)
    portal.load_demo(settings)
    portal.start_programs(settings)
    say(f"\nReady after {time.monotonic() - began:.0f} s:  {settings.site_url}")
    accounts = portal.accounts_file(settings)
    if accounts.exists():
        say(f"\n{accounts.read_text(encoding='utf-8')}")
        say(f"Mail of the portal: {settings.home / 'mail'}")


def choose(settings: Settings, asked: argparse.Namespace) -> None:
    """Take over what was asked; what is fixed at the first start cannot be changed later."""
    if settings.ready and asked.region and asked.region != settings.region:
        raise StackError(
            f"Stack `{settings.name}` is the portal of {settings.region}. For another region use "
            f"another NAME, or `make clean NAME={settings.name}` first."
        )
    settings.port = asked.port or settings.port
    settings.region = asked.region or settings.region
    if asked.demo:
        settings.demo = asked.demo != "no"


def down(settings: Settings, _asked: argparse.Namespace) -> None:
    """Stop everything of this stack, with that of the second process of its tests; data stay."""
    for stack in (settings, second(settings)):
        portal.stop_programs(stack)
        servers.down(stack)
    say(f"Stack `{settings.name}` is stopped.")


def clean(settings: Settings, asked: argparse.Namespace) -> None:
    """Stop the stack and delete its data."""
    down(settings, asked)
    for stack in (settings, second(settings)):
        if stack.data:
            shutil.rmtree(stack.data, ignore_errors=True)
        shutil.rmtree(stack.home, ignore_errors=True)
    say(f"The data of stack `{settings.name}` are deleted.")


def logs(settings: Settings, asked: argparse.Namespace) -> None:
    """Follow the logs of this stack."""
    files = sorted(str(path) for path in settings.logs.glob("*.log"))
    if not files:
        raise StackError(f"Stack `{settings.name}` has no logs yet: make up NAME={settings.name}")
    os.execvp("tail", ["tail", "-n", "20", *(["-F"] if sys.stdout.isatty() else []), *files])


def token(settings: Settings, _asked: argparse.Namespace) -> None:
    """Print an API token of the demo's sysadmin."""
    need_running(settings)
    say(portal.ckan(settings, "nmgdata", "token", "sysadmin").strip().splitlines()[-1])


def run_ckan(settings: Settings, asked: argparse.Namespace) -> None:
    """Run the ``ckan`` command in the stack."""
    need_running(settings)
    raise SystemExit(portal.ckan_in_terminal(settings, asked.arguments))


def need_running(settings: Settings) -> None:
    """Refuse when the servers are not up."""
    if running(settings, "postgres") is None:
        raise StackError(f"Stack `{settings.name}` is not running: make up NAME={settings.name}")


def test(settings: Settings, asked: argparse.Namespace) -> None:
    """Bring up what the tests need, then run them; the servers stay for the next time.

    All tests run in two processes, each with servers of its own: some tests stop theirs. Some tests
    (``ARGS``) run in one.
    """
    settings.port = asked.port or (settings.port if settings.ready else TEST_PORT)
    system.ensure(settings, browser=True)
    stacks = [settings] if asked.arguments else [settings, second(settings)]
    environments = [servers_of_tests(stack) for stack in stacks]
    command = [str(VENV / "bin" / "python"), "-m", "pytest", *asked.arguments]
    env = {**os.environ, **environments[0]}
    if len(stacks) > 1:
        command += ["-n", str(len(stacks)), "--dist", "loadfile", "--no-loadscope-reorder"]
        env["NMGDATA_WORKERS"] = json.dumps(environments)
    raise SystemExit(subprocess.run(command, env=env, cwd=ROOT, check=False).returncode)


def second(settings: Settings) -> Settings:
    """Return the stack of the second process of the tests."""
    other = load(f"{settings.name}-2")
    other.port = settings.port + PORTS
    return other


def servers_of_tests(settings: Settings) -> dict[str, str]:
    """Start the servers of one process of the tests; return its environment."""
    settings.save()
    portal.install_packages(tests=True)
    servers.up(settings, mail=False)
    servers.create_databases(settings)
    portal.give_tests_the_databases(settings)
    settings.ready = True
    settings.save()
    return {
        **settings.owner_environment(),
        "CKAN_SITE_URL": "http://test.ckan.net",
        "NMGDATA_RUNTIME_URL": settings.database("nmgdata", "nmgdata"),
        "NMGDATA_STACK": settings.name,
    }


COMMANDS = {
    "up": up,
    "down": down,
    "clean": clean,
    "logs": logs,
    "token": token,
    "ckan": run_ckan,
    "test": test,
}


def main() -> None:
    """Read the command line and do what it asks."""
    parser = argparse.ArgumentParser(prog="stack")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--name", default="")
    parser.add_argument("--port", type=lambda text: int(text) if text else None)
    parser.add_argument("--region", default="")
    parser.add_argument("--demo", default="")
    parser.add_argument(
        "--tests", action="store_true", help="with the Python packages of tests and benchmarks"
    )
    line = sys.argv[1:]
    split = line.index("--") if "--" in line else len(line)
    asked = parser.parse_args(line[:split])
    asked.arguments = line[split + 1 :]
    name = asked.name or ("test" if asked.command == "test" else "main")
    RUN.mkdir(exist_ok=True)
    try:
        COMMANDS[asked.command](load(name), asked)
    except StackError as error:
        fail(error)


if __name__ == "__main__":
    main()
