"""The table of attached files."""

from __future__ import annotations

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Mapped, mapped_column

from ..types import key, moment, one_of, text

SCANS = ("unscanned", "pending", "clean", "infected")


class Evidence(tk.BaseModel):
    """A file of evidence in sealed storage; without a case it waits for its form to be sent."""

    __tablename__ = "nmgdata_evidence"

    id: Mapped[key]
    case_id: Mapped[str | None] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"))
    draft: Mapped[str | None] = mapped_column(sa.Text)
    """SHA-256 of the secret of the form it was attached to."""
    name: Mapped[text]
    media_type: Mapped[text]
    size: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[text]
    """Digest of the file as it was sent."""
    location: Mapped[text]
    scan: Mapped[text]
    created_at: Mapped[moment]

    __table_args__ = (
        sa.CheckConstraint(one_of("scan", SCANS), name="nmgdata_evidence_scan"),
        sa.CheckConstraint("(case_id IS NULL) <> (draft IS NULL)", name="nmgdata_evidence_owner"),
        sa.Index("nmgdata_evidence_case", "case_id"),
        sa.Index("nmgdata_evidence_draft", "draft", postgresql_where=sa.text("draft IS NOT NULL")),
    )
