"""Tables of cases."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Mapped, mapped_column

from ..types import json, key, moment, text


class Case(tk.BaseModel):
    """One case. Only the engine changes ``status``; what was filed lies in the feature's own table."""

    __tablename__ = "nmgdata_case"

    id: Mapped[key]
    kind: Mapped[text]
    variant: Mapped[text]
    number: Mapped[str] = mapped_column(sa.Text, unique=True)
    code_hash: Mapped[text]
    """SHA-256 of the secret query code."""
    status: Mapped[text]
    dataset_id: Mapped[str | None] = mapped_column(sa.Text)
    org_id: Mapped[str | None] = mapped_column(sa.Text)
    """Department that decides."""
    region_code: Mapped[text]
    filer_id: Mapped[str | None] = mapped_column(sa.Text)
    """Account of the person who filed it; None for a person without an account."""
    holder: Mapped[str | None] = mapped_column(sa.Text)
    """Whom it waits for: a role of the machine; None when nobody has to act."""
    holder_id: Mapped[str | None] = mapped_column(sa.Text)
    """The organisation or account behind ``holder``."""
    due_on: Mapped[date | None] = mapped_column(sa.Date)
    """Last day of the period that runs for the holder."""
    provisional: Mapped[bool] = mapped_column(server_default=sa.false())
    opened_at: Mapped[moment]
    changed_at: Mapped[moment]
    closed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    erased_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    """When the personal data of the closed case were destroyed (``retention``)."""

    __table_args__ = (
        sa.CheckConstraint("(holder IS NULL) = (holder_id IS NULL)", name="nmgdata_case_holder"),
        sa.CheckConstraint("closed_at IS NULL OR holder IS NULL", name="nmgdata_case_closed"),
        sa.Index(
            "nmgdata_case_inbox", "holder_id", "due_on", "number",
            postgresql_where=sa.text("closed_at IS NULL AND holder_id IS NOT NULL"),
        ),
        sa.Index("nmgdata_case_filer", "filer_id", "opened_at"),
        sa.Index("nmgdata_case_org", "org_id", "kind", "opened_at"),
        sa.Index("nmgdata_case_dataset", "dataset_id", "kind"),
        sa.Index("nmgdata_case_kind", "kind", "opened_at", "id"),
        sa.Index(
            "nmgdata_case_retention", "closed_at",
            postgresql_where=sa.text("closed_at IS NOT NULL AND erased_at IS NULL"),
        ),
    )  # fmt: skip


class CaseEvent(tk.BaseModel):
    """One step of a case's timeline; inserted, never changed."""

    __tablename__ = "nmgdata_case_event"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"))
    transition: Mapped[text]
    source: Mapped[text]
    target: Mapped[text]
    actor_kind: Mapped[text]
    actor_id: Mapped[str | None] = mapped_column(sa.Text)
    role: Mapped[text]
    at: Mapped[moment]
    data: Mapped[json]
    """What was stated in this step."""

    __table_args__ = (sa.Index("nmgdata_case_event_case", "case_id", "id"),)
