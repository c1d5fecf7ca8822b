"""Tables of cases."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from ..types import json, key, moment, text

DUE = "coalesce(due_on, 'infinity'::date)"
"""Order of urgency: a case without a period comes last."""
OPEN_URGE = "answered_at IS NULL AND settled_at IS NULL"


class Case(tk.BaseModel):
    """One case. Only the engine changes ``status``; what was filed lies in the feature's own table."""

    __tablename__ = "nmgdata_case"

    id: Mapped[key]
    kind: Mapped[text]
    variant: Mapped[text]
    number: Mapped[str] = mapped_column(sa.Text, unique=True)
    code_hash: Mapped[text]
    """SHA-256 of the secret query code."""
    status: Mapped[text]
    dataset_id: Mapped[str | None] = mapped_column(sa.Text)
    org_id: Mapped[str | None] = mapped_column(sa.Text)
    """Department that decides."""
    region_code: Mapped[text]
    filer_id: Mapped[str | None] = mapped_column(sa.Text)
    """Account of the person who filed it; None for a person without an account."""
    holder: Mapped[str | None] = mapped_column(sa.Text)
    """Whom it waits for: a role of the machine; None when nobody has to act."""
    holder_id: Mapped[str | None] = mapped_column(sa.Text)
    """The organisation or account behind ``holder``."""
    due_on: Mapped[date | None] = mapped_column(sa.Date)
    """Last day of the period that runs for the holder."""
    assignee_id: Mapped[str | None] = mapped_column(sa.Text)
    """Account of the colleague who is to deal with it; no right: every reviewer may still decide."""
    terms: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    """Characters and pairs of characters in the titles of the data, for the search in lists of cases."""
    words: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    """The same of what was written in an application; who lists a case may read it, until it is destroyed."""
    provisional: Mapped[bool] = mapped_column(server_default=sa.false())
    opened_at: Mapped[moment]
    changed_at: Mapped[moment]
    closed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    erased_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    """When the personal data of the closed case were destroyed (``retention``)."""

    __table_args__ = (
        sa.CheckConstraint("(holder IS NULL) = (holder_id IS NULL)", name="nmgdata_case_holder"),
        sa.CheckConstraint("closed_at IS NULL OR holder IS NULL", name="nmgdata_case_closed"),
        sa.Index(
            "nmgdata_case_inbox", "holder_id", sa.text(DUE), "number",
            postgresql_where=sa.text("closed_at IS NULL AND holder_id IS NOT NULL"),
        ),
        sa.Index(
            "nmgdata_case_due", sa.text(DUE), "number", postgresql_where=sa.text("closed_at IS NULL")
        ),
        sa.Index(
            "nmgdata_case_assignee", "assignee_id", sa.text(DUE), "number",
            postgresql_where=sa.text("assignee_id IS NOT NULL"),
        ),
        sa.Index("nmgdata_case_received", "opened_at", "number"),
        sa.Index("nmgdata_case_prefix", "number", postgresql_ops={"number": "text_pattern_ops"}),
        sa.Index("nmgdata_case_terms", "terms", postgresql_using="gin"),
        sa.Index("nmgdata_case_words", "words", postgresql_using="gin"),
        sa.Index("nmgdata_case_filer", "filer_id", "opened_at"),
        sa.Index("nmgdata_case_org", "org_id", "opened_at", "number"),
        sa.Index("nmgdata_case_dataset", "dataset_id", "kind"),
        sa.Index("nmgdata_case_kind", "kind", "opened_at", "id"),
        sa.Index(
            "nmgdata_case_retention", "closed_at",
            postgresql_where=sa.text("closed_at IS NOT NULL AND erased_at IS NULL"),
        ),
    )  # fmt: skip


class CaseEvent(tk.BaseModel):
    """One step of a case's timeline; inserted, never changed."""

    __tablename__ = "nmgdata_case_event"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"))
    transition: Mapped[text]
    source: Mapped[text]
    target: Mapped[text]
    actor_kind: Mapped[text]
    actor_id: Mapped[str | None] = mapped_column(sa.Text)
    role: Mapped[text]
    at: Mapped[moment]
    data: Mapped[json]
    """What was stated in this step."""

    __table_args__ = (sa.Index("nmgdata_case_event_case", "case_id", "id"),)


class Urge(tk.BaseModel):
    """An urging (督办) of the authority: what it asks of the office that holds a case, and the answer.

    It is open until it is answered, or settled because the office has passed the case on or decided it.
    """

    __tablename__ = "nmgdata_urge"

    id: Mapped[key]
    case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="CASCADE"))
    deadline_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_deadline.id", ondelete="CASCADE"))
    """The period of the answer; the ledger keeps its last day."""
    org_id: Mapped[text]
    """The office that is asked."""
    by_id: Mapped[text]
    text: Mapped[text]
    at: Mapped[moment]
    answer: Mapped[str | None] = mapped_column(sa.Text)
    answered_by: Mapped[str | None] = mapped_column(sa.Text)
    answered_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    settled_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))

    __table_args__ = (
        sa.CheckConstraint("text <> ''", name="nmgdata_urge_text"),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (coalesce(answer, '') = '')"
            " AND (answered_at IS NULL) = (answered_by IS NULL)",
            name="nmgdata_urge_answer",
        ),
        sa.CheckConstraint("answered_at IS NULL OR settled_at IS NULL", name="nmgdata_urge_end"),
        sa.Index("nmgdata_urge_case", "case_id"),
        sa.Index(
            "nmgdata_urge_one_open", "case_id", unique=True, postgresql_where=sa.text(OPEN_URGE),
        ),
        sa.Index("nmgdata_urge_org", "org_id", postgresql_where=sa.text(OPEN_URGE)),
    )  # fmt: skip
