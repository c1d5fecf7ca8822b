"""Table of the outbox."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Mapped, mapped_column

from ..types import json, moment, text


class Outbox(tk.BaseModel):
    """One thing to deliver. ``key`` makes a repeat harmless: a topic never holds it twice.

    ``done_at`` ends it: without ``error`` it was delivered, with one the receiver has refused it for good.
    """

    __tablename__ = "nmgdata_outbox"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    topic: Mapped[text]
    key: Mapped[str | None] = mapped_column(sa.Text)
    payload: Mapped[json]
    created_at: Mapped[moment]
    due_at: Mapped[moment]
    attempts: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    error: Mapped[str | None] = mapped_column(sa.Text)
    done_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))

    __table_args__ = (
        sa.UniqueConstraint("topic", "key", name="nmgdata_outbox_key"),
        sa.Index("nmgdata_outbox_due", "topic", "due_at", "id", postgresql_where=sa.text("done_at IS NULL")),
    )
