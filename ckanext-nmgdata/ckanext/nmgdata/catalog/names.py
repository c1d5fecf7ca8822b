"""URL names of datasets and organisations: pinyin and a short hash, never CKAN's ``__``."""

from __future__ import annotations

import hashlib
import re

from pypinyin import lazy_pinyin

LENGTH = 60
HASH = 6


def from_title(title: str, salt: str = "") -> str:
    """Return a stable name for a title: readable pinyin, then a hash of title and ``salt``.

    The same title of another department (another salt) gives another name.
    """
    words = re.findall(r"[a-z0-9]+", " ".join(lazy_pinyin(title)).lower())
    stem = "-".join(words)[:LENGTH].strip("-") or "dataset"
    digest = hashlib.sha256(f"{salt}\n{title}".encode()).hexdigest()[:HASH]
    return f"{stem}-{digest}"
