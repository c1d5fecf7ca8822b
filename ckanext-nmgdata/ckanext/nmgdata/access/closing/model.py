"""Table of notices that close a violator's access; what is closed lies in the gate's ``nmgdata_closure``."""

from __future__ import annotations

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Mapped, mapped_column

from ...kernel.types import day, text


class AccessSuspension(tk.BaseModel):
    """Why a person's access is closed and until when they are to correct (R-SUSP-01, R-SUSP-02)."""

    __tablename__ = "nmgdata_access_suspension"

    case_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"), primary_key=True
    )
    origin_case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"))
    """The application whose grant was misused."""
    person_id: Mapped[text]
    person_name: Mapped[text]
    credit_code: Mapped[str | None] = mapped_column(sa.Text)
    """Code of the organisation the person acts for."""
    ground: Mapped[text]
    facts: Mapped[text]
    evidence: Mapped[text]
    correct_by: Mapped[day]
    proof: Mapped[str | None] = mapped_column(sa.Text)
    """What the person says and shows to have corrected."""

    __table_args__ = (sa.Index("nmgdata_access_suspension_date", "correct_by"),)
