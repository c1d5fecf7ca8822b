"""Append events; seal them in one chain just before the transaction commits.

Sealing locks the single head row as the last act of a transaction, takes the next sequence number
under that lock and links to the hash before it. ``UNIQUE (prev_hash)`` makes a fork impossible,
should the lock ever be missed.
"""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ... import config
from .. import quickjson
from ..pending import Pending
from ..unit import Unit
from .chain import commitment, digest
from .model import GENESIS, AuditEvent, AuditHead, AuditSecret
from .verbs import SUBJECTS, VERBS

COLUMNS = ", ".join(column.name for column in AuditEvent.__table__.columns)
ADD = sa.text(
    f"INSERT INTO nmgdata_audit_event ({COLUMNS}) SELECT {COLUMNS}"
    " FROM json_populate_recordset(NULL::nmgdata_audit_event, CAST(:rows AS json)) ORDER BY seq"
)


def append(
    unit: Unit,
    verb: str,
    subject: tuple[str, str],
    *,
    case_id: str | None = None,
    detail: dict[str, Any] | None = None,
    personal: dict[str, str] | None = None,
) -> None:
    """Record an act in the unit's transaction; it is sealed when that commits.

    :param subject: type and id of what was acted on, e.g. ``("resource", id)``
    :param detail: codes, ids and dates; hashed, so never personal data or free text
    :param personal: what may have to be destroyed later; kept apart, hashed only as a commitment
    :raises KeyError: for a verb or a type of subject that is not registered
    """
    if verb not in VERBS or subject[0] not in SUBJECTS:
        raise KeyError(verb, subject[0])
    salt = secrets.token_hex(16) if personal else None
    record = {
        "at": unit.now,
        "verb": verb,
        "actor_kind": unit.actor.kind,
        "actor_id": unit.actor.user_id,
        "subject_type": subject[0],
        "subject_id": subject[1],
        "case_id": case_id,
        "detail": detail or {},
        "commitment": commitment(salt, personal) if salt and personal else None,
        "algorithm": config.audit_digest(),
    }
    secret = {"salt": salt, "personal": personal} if salt else None
    _pending.add(unit.session, (record, secret))


def seal(session: Session, pending: list[tuple[dict[str, Any], dict[str, Any] | None]]) -> None:
    """Give the pending events their place in the chain."""
    head = lock_head(session)
    seq, prev = head.seq, head.hash
    rows, secrets_kept = [], []
    for record, secret in pending:
        seq += 1
        row = {**record, "seq": seq, "prev_hash": prev}
        prev = row["hash"] = digest(row)
        rows.append(row)
        if secret:
            secrets_kept.append({"seq": seq, **secret})
    session.execute(ADD, {"rows": quickjson.text(rows)})
    if secrets_kept:
        session.execute(sa.insert(AuditSecret.__table__), secrets_kept)
    session.execute(
        sa.update(AuditHead).values(seq=seq, hash=prev, at=pending[-1][0]["at"]).where(AuditHead.id == 1)
    )


def lock_head(session: Session) -> sa.Row[tuple[int, str]]:
    """Lock the head row until the transaction ends and return it."""
    query = sa.select(AuditHead.seq, AuditHead.hash).where(AuditHead.id == 1).with_for_update()
    head = session.execute(query).first()
    if head is None:
        first = {"id": 1, "seq": 0, "hash": GENESIS}
        session.execute(insert(AuditHead).values(**first).on_conflict_do_nothing())
        head = session.execute(query).one()
    return head


_pending = Pending("nmgdata_audit_pending", seal)


def install() -> None:
    """Hook sealing into CKAN's session; may be called again."""
    _pending.install()
