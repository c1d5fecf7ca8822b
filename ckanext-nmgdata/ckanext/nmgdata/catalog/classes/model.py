"""Tables of classes that move: what a change states, what an evaluation found, which class held when."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Mapped, mapped_column

from ...kernel.openness import ORDER
from ...kernel.types import day, json, moment, one_of, text

EVALUATION, PROCESSING, CONSENT = "evaluation", "processing", "consent"
BASES = (EVALUATION, PROCESSING, CONSENT)
"""What a change towards more open rests on (R29¶2, ¶3)."""
KEEP, CONVERTIBLE, EASE, TIGHTEN = "keep", "convertible", "ease", "tighten"
HARDER, EASIER = "harder", "easier"
"""How the conditions of data may change whose class stays."""
CONCLUSIONS = (KEEP, CONVERTIBLE, EASE, TIGHTEN)


class ClassChange(tk.BaseModel):
    """What a change of the open class states (R-OPEN-06, R-OPEN-07, R-OPEN-13)."""

    __tablename__ = "nmgdata_class_change"

    case_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"), primary_key=True
    )
    dataset_id: Mapped[text]
    before: Mapped[text]
    after: Mapped[text]
    publishes: Mapped[bool] = mapped_column(server_default=sa.false())
    """Whether the entry has never been published, so that publishing it is the change."""
    is_open: Mapped[bool] = mapped_column(server_default=sa.true())
    reason: Mapped[str | None] = mapped_column(sa.Text)
    legal_basis: Mapped[str | None] = mapped_column(sa.Text)
    open_condition: Mapped[str | None] = mapped_column(sa.Text)
    needs_id_number: Mapped[bool | None]
    """Whether natural persons state their ID number from now on (DC-18); None: as the entry has it."""
    nonopen_ground: Mapped[str | None] = mapped_column(sa.Text)
    license_id: Mapped[str | None] = mapped_column(sa.Text)
    basis: Mapped[str | None] = mapped_column(sa.Text)
    evaluation: Mapped[str | None] = mapped_column(sa.Text)
    """What the evaluation of conditional data has found."""
    processing_kind: Mapped[str | None] = mapped_column(sa.Text)
    processing: Mapped[str | None] = mapped_column(sa.Text)
    consented_by: Mapped[str | None] = mapped_column(sa.Text)
    """Who consented; may name people, so it stands in no timeline and in no list."""
    secrecy_review: Mapped[str | None] = mapped_column(sa.Text)
    """Who reviewed the secrecy, when, with what result (R-SEC-04)."""

    __table_args__ = (
        sa.CheckConstraint(one_of("before", ORDER), name="nmgdata_class_change_before"),
        sa.CheckConstraint(one_of("after", ORDER), name="nmgdata_class_change_after"),
        sa.CheckConstraint(one_of("basis", BASES), name="nmgdata_class_change_basis"),
        sa.CheckConstraint(
            "basis IS DISTINCT FROM 'processing' OR (processing_kind <> '' AND processing <> '')",
            name="nmgdata_class_change_processed",
        ),
        sa.CheckConstraint(
            "basis IS DISTINCT FROM 'consent' OR consented_by <> ''", name="nmgdata_class_change_consented"
        ),
        sa.Index(
            "nmgdata_class_change_one_open", "dataset_id", unique=True, postgresql_where=sa.text("is_open")
        ),
        sa.Index("nmgdata_class_change_dataset", "dataset_id"),
    )


class Evaluation(tk.BaseModel):
    """One evaluation of data that are not, or not fully, open (R-OPEN-08)."""

    __tablename__ = "nmgdata_evaluation"

    case_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"), primary_key=True
    )
    dataset_id: Mapped[text]
    open_class: Mapped[text]
    """The class when it was opened."""
    published: Mapped[bool]
    due_on: Mapped[day]
    is_open: Mapped[bool] = mapped_column(server_default=sa.true())
    answers: Mapped[json]
    """Question → ``yes``, ``no`` or ``unclear``."""
    findings: Mapped[str | None] = mapped_column(sa.Text)
    conclusion: Mapped[str | None] = mapped_column(sa.Text)
    target: Mapped[str | None] = mapped_column(sa.Text)
    evaluator_id: Mapped[str | None] = mapped_column(sa.Text)
    evaluated_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    evaluated_on: Mapped[date | None] = mapped_column(sa.Date)
    change_id: Mapped[str | None] = mapped_column(
        sa.ForeignKey("nmgdata_class_change.case_id", ondelete="RESTRICT")
    )
    """The change of class that it brought."""

    __table_args__ = (
        sa.CheckConstraint(one_of("conclusion", CONCLUSIONS), name="nmgdata_evaluation_conclusion"),
        sa.CheckConstraint(
            "(conclusion IS NULL) = (evaluated_at IS NULL)"
            " AND (evaluated_at IS NULL) = (evaluated_on IS NULL)"
            " AND (conclusion IS NULL) = (coalesce(findings, '') = '')",
            name="nmgdata_evaluation_done",
        ),
        sa.CheckConstraint("conclusion IS NULL OR NOT is_open", name="nmgdata_evaluation_closed"),
        sa.Index(
            "nmgdata_evaluation_one_open", "dataset_id", unique=True, postgresql_where=sa.text("is_open")
        ),
        sa.Index("nmgdata_evaluation_last", "dataset_id", "evaluated_on"),
    )


class ClassPeriod(tk.BaseModel):
    """Which class an entry had from when until when; written with every change, never altered (DC-16).

    The title is that of the day, and no foreign key holds it, so that the announcement of a stricter
    class outlives what becomes of the entry.
    """

    __tablename__ = "nmgdata_class_period"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    dataset_id: Mapped[text]
    open_class: Mapped[str | None] = mapped_column(sa.Text)
    before: Mapped[str | None] = mapped_column(sa.Text)
    """The class of the period before; None for the first, the same where only its conditions have changed."""
    since: Mapped[moment]
    until: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    announced: Mapped[bool]
    """Whether the public knows of the entry, before or after the change."""
    title: Mapped[text]
    department: Mapped[text]
    case_number: Mapped[str | None] = mapped_column(sa.Text)
    basis: Mapped[str | None] = mapped_column(sa.Text)
    reason: Mapped[str | None] = mapped_column(sa.Text)
    legal_basis: Mapped[str | None] = mapped_column(sa.Text)

    __table_args__ = (
        sa.Index(
            "nmgdata_class_period_current", "dataset_id", unique=True,
            postgresql_where=sa.text("until IS NULL"),
        ),
        sa.Index("nmgdata_class_period_dataset", "dataset_id", "since"),
        sa.Index(
            "nmgdata_class_period_announced", "since", "id",
            postgresql_where=sa.text("announced AND before IS NOT NULL"),
        ),
    )  # fmt: skip
