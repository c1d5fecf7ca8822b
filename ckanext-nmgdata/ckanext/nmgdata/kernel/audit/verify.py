"""Re-compute the chain from outside: what was altered, removed, inserted or moved is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from ckan import model

from . import chain
from .model import GENESIS, AuditEvent, AuditHead, AuditSecret

BATCH = 2000


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with the chain, at a position."""

    seq: int
    what: str


@dataclass(frozen=True)
class Head:
    """The published state of the chain."""

    seq: int
    hash: str
    at: str


def head() -> Head:
    """Return the last sealed event, to be published daily and compared later."""
    row = model.Session.execute(sa.select(AuditHead.seq, AuditHead.hash, AuditHead.at)).first()
    if row is None:
        return Head(0, GENESIS, "")
    return Head(row.seq, row.hash, chain.timestamp(row.at) if row.at else "")


def verify(published: Head | None = None) -> list[Finding]:
    """Check every event against its hash and its predecessor, and the end against the head.

    :param published: a head noted earlier; its event must still be there, unchanged
    """
    findings: list[Finding] = []
    expected, previous = 1, GENESIS
    for event in events():
        findings += check(event, expected, previous)
        if published and event["seq"] == published.seq and event["hash"] != published.hash:
            findings.append(Finding(event["seq"], "differs from the head that was published"))
        expected, previous = event["seq"] + 1, event["hash"]
    last = head()
    if (last.seq, last.hash) != (expected - 1, previous):
        findings.append(Finding(last.seq, "head does not match the last event: events are missing"))
    if published and published.seq >= expected:
        findings.append(Finding(published.seq, "the published head is beyond the last event"))
    return findings + check_secrets()


def check(event: dict[str, Any], expected: int, previous: str) -> list[Finding]:
    """Return what is wrong with one event."""
    findings = []
    if event["seq"] != expected:
        findings.append(Finding(event["seq"], f"event {expected} is missing before it"))
    if event["prev_hash"] != previous:
        findings.append(Finding(event["seq"], "does not follow the event before it"))
    if chain.digest(event) != event["hash"]:
        findings.append(Finding(event["seq"], "was altered"))
    return findings


def events() -> Iterator[dict[str, Any]]:
    """Yield the events in order, a batch at a time."""
    table = AuditEvent.__table__
    last = 0
    while True:
        query = sa.select(table).where(table.c.seq > last).order_by(table.c.seq).limit(BATCH)
        rows = model.Session.execute(query).mappings().all()
        if not rows:
            return
        for row in rows:
            yield dict(row)
        last = rows[-1]["seq"]


def check_secrets() -> list[Finding]:
    """Check the personal data that still exist against their commitments."""
    query = sa.select(AuditSecret, AuditEvent.commitment).join(
        AuditEvent, AuditEvent.seq == AuditSecret.seq, isouter=True
    )
    return [
        Finding(secret.seq, "personal data were altered")
        for secret, commitment in model.Session.execute(query)
        if chain.commitment(secret.salt, secret.personal) != commitment
    ]
