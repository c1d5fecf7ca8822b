"""The data-use agreement (公共数据利用协议). A version is never changed, only followed by another."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "agreements"


@cache
def versions() -> tuple[str, ...]:
    """Return the versions there have been, the newest last."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.md")))


def current_version() -> str:
    """Return the version that is to be accepted now."""
    return versions()[-1]


@cache
def text(version: str) -> str:
    """Return the text of a version, in Markdown.

    :raises KeyError: for a version there has never been
    """
    if version not in versions():
        raise KeyError(version)
    return (FOLDER / f"{version}.md").read_text(encoding="utf-8")


def digest(version: str) -> str:
    """Return the SHA-256 of a version, which the audit log keeps with an acceptance."""
    return hashlib.sha256(text(version).encode()).hexdigest()
