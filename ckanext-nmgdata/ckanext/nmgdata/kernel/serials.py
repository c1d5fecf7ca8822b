"""Serial numbers without gaps or repeats, given inside the transaction that uses them."""

from __future__ import annotations

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column


class Serial(tk.BaseModel):
    """The last number given in a series."""

    __tablename__ = "nmgdata_serial"

    series: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    last: Mapped[int]


def next_serial(session: Session, series: str) -> int:
    """Return the next number of a series; the transaction holds the series until it ends."""
    statement = insert(Serial).values(series=series, last=1)
    statement = statement.on_conflict_do_update(index_elements=["series"], set_={"last": Serial.last + 1})
    return session.execute(statement.returning(Serial.last)).scalar_one()
