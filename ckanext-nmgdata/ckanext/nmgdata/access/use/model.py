"""Tables of use reports and of results that users of data offer for the showcase."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Mapped, mapped_column

from ...kernel.types import day, text


class UseReport(tk.BaseModel):
    """One report on the use of granted data (使用情况报告, R-USE-01); its case says where it stands."""

    __tablename__ = "nmgdata_use_report"

    case_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"), primary_key=True
    )
    grant_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_grant.id", ondelete="RESTRICT"))
    period_from: Mapped[day]
    period_until: Mapped[day]
    due_on: Mapped[day]
    is_last: Mapped[bool]
    actual_use: Mapped[str | None] = mapped_column(sa.Text)
    results: Mapped[str | None] = mapped_column(sa.Text)
    benefit: Mapped[str | None] = mapped_column(sa.Text)
    safety: Mapped[str | None] = mapped_column(sa.Text)
    """How the data were kept safe, and what went wrong."""
    submitted_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))

    __table_args__ = (
        sa.UniqueConstraint("grant_id", "period_from", name="nmgdata_use_report_once"),
        sa.CheckConstraint("period_until >= period_from", name="nmgdata_use_report_period"),
        sa.CheckConstraint(
            "(submitted_at IS NULL) = (actual_use IS NULL)", name="nmgdata_use_report_submitted"
        ),
    )


class Showcase(tk.BaseModel):
    """A result (成果) made with data of the portal; public once its department has let it (R-USE-04)."""

    __tablename__ = "nmgdata_showcase"

    case_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"), primary_key=True
    )
    title: Mapped[text]
    description: Mapped[text]
    link: Mapped[str | None] = mapped_column(sa.Text)
    source_statement: Mapped[str | None] = mapped_column(sa.Text)
    acquired_on: Mapped[date | None] = mapped_column(sa.Date)
    report_id: Mapped[str | None] = mapped_column(
        sa.ForeignKey("nmgdata_use_report.case_id", ondelete="RESTRICT")
    )
    """The use report it came out of."""

    __table_args__ = (sa.CheckConstraint("link LIKE 'https://%'", name="nmgdata_showcase_link"),)


class ShowcaseDataset(tk.BaseModel):
    """A dataset that a result was made with."""

    __tablename__ = "nmgdata_showcase_dataset"

    case_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_showcase.case_id", ondelete="CASCADE"), primary_key=True
    )
    dataset_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)

    __table_args__ = (sa.Index("nmgdata_showcase_dataset_id", "dataset_id"),)
