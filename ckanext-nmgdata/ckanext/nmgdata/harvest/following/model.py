"""Tables of following: where the region is in each feed, and what stops its copies over there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ...kernel.types import text
from ..model import later


class Following(tk.BaseModel):
    """Where the region is in the change feed of a source, who follows it, and how that goes."""

    __tablename__ = "nmgdata_harvest_following"

    source_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_harvest_source.id", ondelete="CASCADE"), primary_key=True
    )
    feed: Mapped[text]
    """Address that the cursor is of; a source with another one is followed from anew."""
    cursor: Mapped[str | None] = mapped_column(sa.Text)
    """How far the feed has been followed; None: not begun."""
    tag: Mapped[str | None] = mapped_column(sa.Text)
    number: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    """The last change that was taken; a feed that goes back behind it is not to be relied on."""
    owes: Mapped[bool] = mapped_column(sa.Boolean, server_default=sa.false())
    """Whether a harvest of the whole is owed, because changes may have been missed or were too many."""
    ordered_at: Mapped[later]
    """When such a harvest was asked for last."""
    worker: Mapped[str | None] = mapped_column(sa.Text)
    lease_until: Mapped[later]
    attempts: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    """How often the changes after the cursor were begun to be taken."""
    failures: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    """Failed looks in a row."""
    retry_at: Mapped[later]
    """Until when the city is left in peace after a failure."""
    error: Mapped[str | None] = mapped_column(sa.Text)
    """Machine code of the last failure; None while all is well."""
    detail: Mapped[str | None] = mapped_column(sa.Text)
    asked_at: Mapped[later]
    """When the feed was read last, to within half a lease."""
    changed_at: Mapped[later]
    """When it last had something new."""
    refused: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=sa.text("'[]'"))
    """The last changes that could not be taken: ``subject``, ``code``, ``detail``, ``at``."""

    __table_args__ = (
        sa.CheckConstraint("attempts >= 0 AND failures >= 0", name="nmgdata_harvest_following_numbers"),
        sa.CheckConstraint(
            "(worker IS NULL) = (lease_until IS NULL)", name="nmgdata_harvest_following_lease"
        ),
    )


class OriginStop(tk.BaseModel):
    """What stops a dataset or a file of it on the portal that it comes from, and the case that repeats it."""

    __tablename__ = "nmgdata_harvest_stop"

    case_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"), primary_key=True
    )
    source_id: Mapped[str | None] = mapped_column(
        sa.ForeignKey("nmgdata_harvest_source.id", ondelete="SET NULL")
    )
    dataset_id: Mapped[text]
    resource_id: Mapped[str | None] = mapped_column(sa.Text)
    """None: the dataset as a whole."""
    remote_case: Mapped[str | None] = mapped_column(sa.Text)
    """Public number of the city's case."""
    since: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    """Since when, by the city's word."""
    reason: Mapped[str | None] = mapped_column(sa.Text)
    """The city's public reason."""
    ended_at: Mapped[later]
    """When the city resumed opening. A withdrawal does not end."""

    __table_args__ = (
        sa.Index(
            "nmgdata_harvest_stop_live", "dataset_id", sa.text("coalesce(resource_id, '')"), unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index("nmgdata_harvest_stop_source", "source_id"),
    )  # fmt: skip
