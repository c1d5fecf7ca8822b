"""Speak to the person at the terminal and run programs for them."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class StackError(Exception):
    """Something the person must know: what went wrong, and what to do about it."""


def say(text: str = "") -> None:
    """Print one line at once, also when the output is a pipe."""
    print(text, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a step and say how long it took."""
    print(f"  {text} …", end="", flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        say(" failed")
        raise
    say(f" {time.monotonic() - began:.1f} s")


def run(
    command: Sequence[str],
    *,
    log: Path | None = None,
    env: dict[str, str] | None = None,
    user: str | None = None,
    stdin: str | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a program to its end and return what it printed; on failure show the tail of it."""
    done = subprocess.run(
        list(command),
        env={**os.environ, **(env or {})},
        input=stdin,
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        **as_user(user),
    )
    if log:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"$ {' '.join(command)}\n{done.stdout}\n")
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-15:])
        where = f"\nThe whole output is in {log}." if log else ""
        raise StackError(f"`{' '.join(command)}` ended with {done.returncode}:\n{tail}{where}")
    return done.stdout


def as_user(user: str | None) -> dict[str, Any]:
    """Return the ``subprocess`` arguments that give up root's rights for another user's."""
    if not user or os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(user)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def wait_until(ready: Callable[[], bool], what: str, seconds: float, hint: str = "") -> None:
    """Ask ``ready()`` until it is true; a server that never comes up is a ``StackError``."""
    limit = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > limit:
            raise StackError(f"{what} did not answer within {seconds:.0f} s. {hint}".strip())
        time.sleep(0.1)


def fail(error: StackError) -> None:
    """Print a failure to the person and end the program."""
    print(f"\n✗ {error}", file=sys.stderr, flush=True)
    raise SystemExit(1)
