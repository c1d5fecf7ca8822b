"""Print an API token of an ordinary reader of the portal of this environment; the account is made."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import inside

NAME = "bench-reader"


def account(name: str = NAME) -> Any:
    """Return an account, made at first use."""
    from ckan import model

    if model.User.by_name(name) is None:
        inside.call("user_create", name=name, email=f"{name}@example.org", password="correct-horse-1")
    return model.User.by_name(name)


def token() -> str:
    """Return a new API token of the reader."""
    return inside.call("api_token_create", user=account().name, name="benchmark")["token"]


if __name__ == "__main__":
    with inside.ckan():
        print(token())
