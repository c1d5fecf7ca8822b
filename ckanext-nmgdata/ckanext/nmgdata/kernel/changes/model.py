"""Table of the change feed."""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Mapped, mapped_column

from ..types import moment, one_of, text


class Activity(StrEnum):
    """What a harvesting portal is to do, by the names of ActivityStreams 2.0."""

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"


class Cause(StrEnum):
    """Why; the weightier first, since a transaction leaves one row per dataset."""

    WITHDRAWN = "withdrawn"
    SUSPENDED = "suspended"
    LIFTED = "lifted"
    REMOVED = "removed"
    PUBLISHED = "published"
    CLASS_CHANGED = "class_changed"
    RESOURCE_REPLACED = "resource_replaced"
    UPDATED = "updated"


class Change(tk.BaseModel):
    """One change that the public may know of. Numbers follow the order of commits (``log``)."""

    __tablename__ = "nmgdata_change"

    seq: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    dataset_id: Mapped[text]
    activity: Mapped[text]
    cause: Mapped[text]
    at: Mapped[moment]

    __table_args__ = (
        sa.CheckConstraint(one_of("activity", Activity), name="nmgdata_change_activity"),
        sa.CheckConstraint(one_of("cause", Cause), name="nmgdata_change_cause"),
        sa.Index("nmgdata_change_dataset", "dataset_id", "seq"),
        sa.Index("nmgdata_change_at", "at"),
    )
