"""A record as an entry for ``package_create``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..records import Record
from .spec import Spec


def entry(record: Record, spec: Spec) -> dict[str, Any]:
    """Return a record as an entry; whatever the record says, nothing raises.

    Fields of the dataset schema of which the record says nothing are absent, except ``title``, ``name``
    (pinyin and a hash of source and identifier), ``owner_org`` and ``region_code``, which are always there.
    ``open_class`` is there only if the city's own nmg metadata state it, or the source maps or presumes it.
    Each resource carries ``remote_keys``, what it can be recognised by, strongest first (``match``). Beside the
    fields stands ``remote``: ``subject``, ``identifier``, ``page`` (landing page), ``publisher``, ``licence``
    (as stated, if it is none of the register), ``stop`` (``open_state``, ``since``, ``case`` of the city's own
    suspension or withdrawal, or None), and ``missing``, the legal fields that are not stated (DC-11).
    """
    raise NotImplementedError


def match(known: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> list[int | None]:
    """Return for each found distribution which known one it is, by their ``remote_keys``.

    Stronger keys first: its IRI, its address, its title and format; so that a resource keeps its id, and
    what hangs on it, when one of them changes.
    """
    raise NotImplementedError
