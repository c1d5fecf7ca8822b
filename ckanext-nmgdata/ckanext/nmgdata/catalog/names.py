"""URL names of datasets, organisations and files: pinyin, never CKAN's ``__`` and ``.csv``."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

from .search.text import HAN_RUN, syllables

LENGTH = 60
HASH = 6


def from_title(title: str, salt: str = "") -> str:
    """Return a stable name for a title: readable pinyin, then a hash of title and ``salt``.

    The same title of another department (another salt) gives another name.
    """
    stem = in_pinyin(title) or "dataset"
    digest = hashlib.sha256(f"{salt}\n{title}".encode()).hexdigest()[:HASH]
    return f"{stem}-{digest}"


def of_file(filename: str) -> str:
    """Return the name under which an uploaded file is kept: its ending stays, Chinese becomes pinyin.

    CKAN drops every character that is not ASCII: 泊位.csv would become ``.csv``, a file without format.
    """
    if filename.isascii():
        return filename
    path = PurePosixPath(filename.replace("\\", "/"))
    return f"{in_pinyin(path.stem) or 'file'}{path.suffix.lower()}"


def in_pinyin(text: str) -> str:
    """Return a text as words that an address can hold."""
    spoken = HAN_RUN.sub(lambda run: f" {' '.join(syllables(run[0]))} ", text)
    words = re.findall(r"[a-z0-9]+", spoken.lower())
    return "-".join(words)[:LENGTH].strip("-")
