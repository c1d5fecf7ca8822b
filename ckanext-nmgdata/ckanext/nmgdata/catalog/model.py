"""Tables of the catalogue."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Mapped, mapped_column


class Entry(tk.BaseModel):
    """What the catalogue last knew of an entry, so that a change is noticed, and its unique code."""

    __tablename__ = "nmgdata_entry"

    dataset_id: Mapped[str] = mapped_column(sa.ForeignKey("package.id", ondelete="CASCADE"), primary_key=True)
    identifier: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    """信息资源代码 (R-CAT-14); NULL for harvested entries, whose codes are their source's affair."""
    open_class: Mapped[str | None] = mapped_column(sa.Text)
    published_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    """When it first became visible to the public."""
    source: Mapped[str | None] = mapped_column(sa.Text)
    """Id of the harvest source that gives the entry; such an entry may lack what the law asks (DC-11)."""
