"""What became of each uploaded table."""

from __future__ import annotations

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Mapped, mapped_column

from ..kernel.types import json, key, moment, one_of, text

QUEUED, LOADING, LOADED, FAILED = STATES = ("queued", "loading", "loaded", "failed")


class Table(tk.BaseModel):
    """A file that is, or is to be, a table in the DataStore.

    No foreign key to the resource: the row is what tells the worker to drop the table of a file
    that is gone.
    """

    __tablename__ = "nmgdata_table"

    resource_id: Mapped[key]
    dataset_id: Mapped[text]
    version: Mapped[text]
    """Which bytes and which format the row speaks of; ``follow`` compares it."""
    state: Mapped[text]
    digest: Mapped[str | None] = mapped_column(sa.Text)
    """SHA-256 of the bytes in the DataStore."""
    rows: Mapped[int | None] = mapped_column(sa.BigInteger)
    report: Mapped[json]
    """Encoding, delimiter, sheet, columns, repaired headers, bad rows (``load.Report``)."""
    error: Mapped[str | None] = mapped_column(sa.Text)
    """Code of what went wrong (``present.ERRORS``)."""
    changed_at: Mapped[moment]

    __table_args__ = (
        sa.CheckConstraint(one_of("state", STATES), name="nmgdata_table_state"),
        sa.CheckConstraint("(state = 'failed') = (error IS NOT NULL)", name="nmgdata_table_error"),
        sa.Index("nmgdata_table_dataset", "dataset_id"),
    )
