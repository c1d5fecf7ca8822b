"""Tables of objections. Who objects, and with what, is personal data and lies here, not in the case."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ..kernel import identity
from ..kernel.types import key, moment, one_of, text


class Objection(tk.BaseModel):
    """What a rights holder states: who, which right, what is wrong, what is wished (R-OBJ-01)."""

    __tablename__ = "nmgdata_objection"

    case_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"), primary_key=True
    )
    dataset_id: Mapped[text]
    ground: Mapped[text]
    statement: Mapped[text]
    wish: Mapped[text]
    objector_kind: Mapped[text]
    objector_name: Mapped[text]
    credit_code: Mapped[str | None] = mapped_column(sa.Text)
    concern: Mapped[text]
    """How the data concern the objector (身份说明)."""
    contact_phone: Mapped[text]
    contact_email: Mapped[text]
    contact_verified_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    verify_hash: Mapped[text]
    """SHA-256 of the secret in the mailed link that verifies the address."""
    digest: Mapped[text]
    """SHA-256 over the evidence, or the statement where there is none: the same again is a repeat (DC-23)."""
    address_key: Mapped[text]
    """Keyed digest of the network address, for the limits on floods."""
    proven: Mapped[bool]
    """Whether the browser solved the challenge against robots."""
    filed_at: Mapped[moment]

    __table_args__ = (
        sa.CheckConstraint(one_of("objector_kind", identity.KINDS), name="nmgdata_objection_kind"),
        sa.Index("nmgdata_objection_dataset", "dataset_id"),
        sa.Index("nmgdata_objection_address", "address_key", "filed_at"),
        sa.Index("nmgdata_objection_filed", "filed_at"),
    )


class ExOfficio(tk.BaseModel):
    """Why a department or the authority suspends by itself (R-OBJ-04)."""

    __tablename__ = "nmgdata_exofficio"

    case_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"), primary_key=True
    )
    dataset_id: Mapped[text]
    danger_kind: Mapped[text]
    reason: Mapped[text]


class ObjectionItem(tk.BaseModel):
    """What an objection or suspension is about: the whole entry, or one file of it (DC-43)."""

    __tablename__ = "nmgdata_objection_item"

    id: Mapped[key]
    case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"))
    dataset_id: Mapped[text]
    resource_id: Mapped[str | None] = mapped_column(sa.Text)
    files: Mapped[list[str]] = mapped_column(JSONB)
    """Files the entry had when the case was filed; what comes later is a new version."""

    __table_args__ = (sa.Index("nmgdata_objection_item_case", "case_id"),)


class ObjectionAttempt(tk.BaseModel):
    """How many forms came from a network address in an hour, whatever became of them."""

    __tablename__ = "nmgdata_objection_attempt"

    address_key: Mapped[key]
    hour: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True), primary_key=True)
    count: Mapped[int] = mapped_column(sa.Integer)

    __table_args__ = (sa.Index("nmgdata_objection_attempt_hour", "hour"),)


class UsedChallenge(tk.BaseModel):
    """A solved challenge that has been used; it counts once."""

    __tablename__ = "nmgdata_used_challenge"

    signature: Mapped[key]
    used_at: Mapped[moment]
