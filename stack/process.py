"""Start and stop the long-running programs of a stack, by the pid that was written down."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .settings import Settings
from .shell import StackError, as_user, wait_until

STOP_SECONDS = 20


def pid_file(settings: Settings, service: str) -> Path:
    """Return the file that holds a service's pid and the moment that process began."""
    return settings.home / "pids" / f"{service}.json"


def began(pid: int) -> str | None:
    """Return when a live process began (clock ticks since boot); None when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def running(settings: Settings, service: str) -> int | None:
    """Return the pid of a service that is running; a reused pid does not count."""
    path = pid_file(settings, service)
    if not path.exists():
        return None
    known = json.loads(path.read_text())
    now = began(known["pid"])
    return known["pid"] if now is not None and now == known["began"] else None


def start(
    settings: Settings,
    service: str,
    command: Sequence[str],
    *,
    env: dict[str, str] | None = None,
    user: str | None = None,
    cwd: Path | None = None,
) -> int:
    """Start a service in a session of its own, its output going to ``logs/SERVICE.log``."""
    settings.logs.mkdir(parents=True, exist_ok=True)
    with (settings.logs / f"{service}.log").open("ab") as log:
        child = subprocess.Popen(
            list(command),
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=cwd or settings.home,
            start_new_session=True,
            **as_user(user),
        )
    path = pid_file(settings, service)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pid": child.pid, "began": began(child.pid)}))
    return child.pid


def ask_to_stop(settings: Settings, service: str) -> None:
    """Tell a service to end, without waiting for it."""
    pid = running(settings, service)
    if pid is not None:
        tell(pid, signal.SIGTERM)


def tell(pid: int, signal_: signal.Signals) -> None:
    """Send a process a signal; it may have ended since it was looked for."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal_)


def stop(settings: Settings, service: str, how: signal.Signals = signal.SIGTERM) -> bool:
    """Stop a service and wait for its end; say whether it had been running."""
    pid = running(settings, service)
    if pid is None:
        return False

    def gone() -> bool:
        reap(pid)
        return running(settings, service) is None

    tell(pid, how)
    try:
        wait_until(gone, service, STOP_SECONDS)
    except StackError:
        tell(pid, signal.SIGKILL)
        wait_until(gone, service, STOP_SECONDS)
    pid_file(settings, service).unlink(missing_ok=True)
    return True


def reap(pid: int) -> None:
    """Collect a child that ended, so that it does not stay as a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def last_lines(settings: Settings, service: str, count: int = 12) -> str:
    """Return the end of a service's log."""
    path = settings.logs / f"{service}.log"
    if not path.exists():
        return ""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
