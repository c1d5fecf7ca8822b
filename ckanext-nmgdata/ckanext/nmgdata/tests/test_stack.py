"""The programs of a stack: started, found and ended by what `stack.process` remembers of them."""

import json
import os
import signal
from pathlib import Path
from typing import cast

import pytest

from stack import process
from stack.settings import Settings


class Home:
    """The part of a stack's settings that starting and stopping a program needs."""

    def __init__(self, home: Path):
        self.home = home
        self.logs = home / "logs"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return cast("Settings", Home(tmp_path))


@pytest.fixture
def pid(settings: Settings) -> int:
    return process.start(settings, "sleeper", ["sleep", "60"])


def test_a_program_is_stopped_and_forgotten(settings: Settings, pid: int):
    assert process.running(settings, "sleeper") == pid
    assert process.stop(settings, "sleeper")
    assert not process.stop(settings, "sleeper")
    assert process.began(pid) is None


def test_a_program_that_ends_while_it_is_looked_at_is_stopped_at_once(
    settings: Settings, pid: int, monkeypatch: pytest.MonkeyPatch
):
    """kill -9 takes a moment: the program may be there when it is looked for, and gone a line later."""
    looked = process.running

    def killed_when_seen(settings: Settings, service: str) -> int | None:
        monkeypatch.setattr(process, "running", looked)
        found = looked(settings, service)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return found

    monkeypatch.setattr(process, "running", killed_when_seen)
    monkeypatch.setattr(process, "STOP_SECONDS", 5)
    assert process.stop(settings, "sleeper")


def test_a_program_that_died_at_its_start_does_not_run(settings: Settings, pid: int):
    process.stop(settings, "sleeper")
    process.pid_file(settings, "sleeper").write_text(json.dumps({"pid": pid, "began": None}))
    assert process.running(settings, "sleeper") is None
