"""Tables of the audit log. ``nmgdata_audit_event`` is only ever inserted into."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ..types import json, moment, text

GENESIS = "0" * 64
"""Digest that stands before the first event."""


class AuditEvent(tk.BaseModel):
    """One sealed event. Its hash covers every column but itself and holds no personal data."""

    __tablename__ = "nmgdata_audit_event"

    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    """Position in the chain, from 1, without gaps."""
    at: Mapped[moment]
    verb: Mapped[text]
    actor_kind: Mapped[text]
    actor_id: Mapped[str | None] = mapped_column(sa.Text)
    """Account id, a pseudonym; the name behind it can be destroyed with the account."""
    subject_type: Mapped[text]
    subject_id: Mapped[text]
    case_id: Mapped[str | None] = mapped_column(sa.Text)
    detail: Mapped[json]
    commitment: Mapped[str | None] = mapped_column(sa.Text)
    """SHA-256 of salt and personal data; without the salt it says nothing."""
    algorithm: Mapped[text]
    prev_hash: Mapped[str] = mapped_column(sa.Text, unique=True)
    hash: Mapped[str] = mapped_column(sa.Text, unique=True)

    __table_args__ = (
        sa.Index("nmgdata_audit_event_subject", "subject_type", "subject_id", "seq"),
        sa.Index("nmgdata_audit_event_case", "case_id", "seq"),
        sa.Index("nmgdata_audit_event_at", "at"),
        sa.CheckConstraint("seq >= 1", name="nmgdata_audit_event_seq"),
    )


class AuditHead(tk.BaseModel):
    """The last sealed event; its one row is locked to seal the next."""

    __tablename__ = "nmgdata_audit_head"

    id: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(sa.BigInteger)
    hash: Mapped[text]
    at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))

    __table_args__ = (sa.CheckConstraint("id = 1", name="nmgdata_audit_head_one"),)


class AuditSecret(tk.BaseModel):
    """Personal data of an event with the salt of its commitment; deleting the row destroys both."""

    __tablename__ = "nmgdata_audit_secret"

    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    salt: Mapped[text]
    personal: Mapped[dict[str, str]] = mapped_column(JSONB)
