"""Tables of the ledger: what is due, and which reminders went out."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Mapped, mapped_column

from ..types import key, moment, one_of, text

STATES = ("open", "met", "stopped")


class Deadline(tk.BaseModel):
    """One period of one case. It is open until the duty is met or falls away."""

    __tablename__ = "nmgdata_deadline"

    id: Mapped[key]
    case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="CASCADE"))
    statute: Mapped[text]
    source: Mapped[text]
    """Article the period had when it was opened."""
    responsible: Mapped[text]
    started_on: Mapped[date]
    working_days: Mapped[int | None]
    due_on: Mapped[date]
    provisional: Mapped[bool]
    paused_on: Mapped[date | None] = mapped_column(sa.Date)
    """Since when it rests, because its data are suspended and the region lets the clock rest (DC-03)."""
    paused_days: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    """Working days it has rested altogether."""
    state: Mapped[text]
    closed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    next_notice_on: Mapped[date | None] = mapped_column(sa.Date)
    """Day on which the sweep has to look at it next; None when nothing is to be said any more."""

    __table_args__ = (
        sa.CheckConstraint(one_of("state", STATES), name="nmgdata_deadline_state"),
        sa.CheckConstraint("due_on >= started_on", name="nmgdata_deadline_order"),
        sa.CheckConstraint("paused_days >= 0", name="nmgdata_deadline_paused"),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="nmgdata_deadline_closed"),
        sa.Index(
            "nmgdata_deadline_one_open", "case_id", "statute", unique=True,
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index("nmgdata_deadline_case", "case_id"),
        sa.Index(
            "nmgdata_deadline_sweep", "next_notice_on", postgresql_where=sa.text("state = 'open'")
        ),
        sa.Index(
            "nmgdata_deadline_provisional", "id",
            postgresql_where=sa.text("state = 'open' AND provisional"),
        ),
    )  # fmt: skip


class DeadlineNotice(tk.BaseModel):
    """A reminder or an escalation that went out; each goes out once."""

    __tablename__ = "nmgdata_deadline_notice"

    deadline_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_deadline.id", ondelete="CASCADE"), primary_key=True
    )
    due_on: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    days_left: Mapped[int] = mapped_column(primary_key=True)
    """Working days before the due date; 0 on expiry, negative afterwards."""
    at: Mapped[moment]
