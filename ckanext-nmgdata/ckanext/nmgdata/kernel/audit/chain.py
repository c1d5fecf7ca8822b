"""How an event is turned into bytes and sealed: pure functions, shared by writer and verifier."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

FIELDS = (
    "seq", "at", "verb", "actor_kind", "actor_id", "subject_type", "subject_id",
    "case_id", "detail", "commitment", "algorithm", "prev_hash",
)  # fmt: skip
LEAF = b"\x00"
"""Prefix of a leaf (RFC 6962 §2.1), so that a leaf can never be taken for an inner node."""


def canonical(value: Any) -> bytes:
    """Return the one JSON form of a value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def timestamp(at: datetime) -> str:
    """Return a moment as text, in UTC to the microsecond, as PostgreSQL keeps it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def digest(event: dict[str, Any]) -> str:
    """Return the hash that seals an event (a mapping that holds ``FIELDS``).

    :raises ValueError: when its algorithm is not known to this Python's OpenSSL
    """
    content = {name: event[name] for name in FIELDS}
    content["at"] = timestamp(event["at"])
    return hashlib.new(event["algorithm"], LEAF + canonical(content)).hexdigest()


def commitment(salt: str, personal: dict[str, str]) -> str:
    """Return the commitment to personal data: only who knows the salt can check it."""
    return hashlib.sha256(bytes.fromhex(salt) + canonical(personal)).hexdigest()
