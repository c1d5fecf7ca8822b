"""Tables of the gate: links, stops, screenings, grants, closures, overrides, refusals, downloads."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ..types import json, key, moment, one_of, text

SUSPENDED, WITHDRAWN = "suspended", "withdrawn"
REASON_LENGTH = 10
"""Characters that the reason of an override has at least."""
PENDING, CLEAN, HELD, OVERRIDDEN = "pending", "clean", "held", "overridden"
"""States of a screening: not yet scanned, nothing found, something found, found and let pass."""
ROWS = "rows"
"""Version of a screened table that is kept through the API: its rows have no other name."""
WHOLE, PARTIAL, NOTHING = "whole", "partial", "nothing"
"""How much of a file a screening could read."""


class Origin(tk.BaseModel):
    """The true link of a resource. ``resource.url`` holds the portal's own address instead."""

    __tablename__ = "nmgdata_origin"

    resource_id: Mapped[str] = mapped_column(
        sa.ForeignKey("resource.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    )
    url: Mapped[text]
    updated_at: Mapped[moment]


class Suspension(tk.BaseModel):
    """A stop to opening: one row closes a dataset, or one file of it, at every door (R28¶3)."""

    __tablename__ = "nmgdata_suspension"

    id: Mapped[key]
    kind: Mapped[text]
    dataset_id: Mapped[text]
    resource_id: Mapped[str | None] = mapped_column(sa.Text)
    case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"))
    case_number: Mapped[text]
    since: Mapped[moment]
    lifted_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))

    __table_args__ = (
        sa.CheckConstraint(one_of("kind", (SUSPENDED, WITHDRAWN)), name="nmgdata_suspension_kind"),
        sa.Index(
            "nmgdata_suspension_live", "dataset_id", postgresql_where=sa.text("lifted_at IS NULL")
        ),
        sa.Index("nmgdata_suspension_case", "case_id"),
    )  # fmt: skip


class Screening(tk.BaseModel):
    """Whether an uploaded file was found free of personal data (R-SEC-14); one row per file.

    It counts for one version of the file only: ``version`` must be the resource's present
    ``last_modified``, so that a replaced file is unscanned whoever replaced it.
    """

    __tablename__ = "nmgdata_screening"

    resource_id: Mapped[str] = mapped_column(
        sa.ForeignKey("resource.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    )
    version: Mapped[text]
    state: Mapped[text]
    uploader_id: Mapped[str | None] = mapped_column(sa.Text)
    """Who brought these bytes; never the one who lets a finding pass."""
    digest: Mapped[str | None] = mapped_column(sa.Text)
    """SHA-256 of the scanned bytes."""
    scanned_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    coverage: Mapped[str | None] = mapped_column(sa.Text)
    counts: Mapped[json]
    """Kind of personal data → number of hits."""
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=sa.text("'[]'"))
    """The first hits: kind, sheet, row, column, masked value."""
    overridden_by: Mapped[str | None] = mapped_column(sa.Text)
    overridden_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    override_reason: Mapped[str | None] = mapped_column(sa.Text)

    __table_args__ = (
        sa.CheckConstraint(
            one_of("state", (PENDING, CLEAN, HELD, OVERRIDDEN)), name="nmgdata_screening_state"
        ),
        sa.CheckConstraint(
            one_of("coverage", (WHOLE, PARTIAL, NOTHING)), name="nmgdata_screening_coverage"
        ),
        sa.CheckConstraint(
            "(state = 'pending') = (digest IS NULL)", name="nmgdata_screening_scanned"
        ),
        sa.CheckConstraint(
            "(state = 'overridden') = (overridden_by IS NOT NULL)"
            " AND (overridden_by IS NULL) = (coalesce(override_reason, '') = '')",
            name="nmgdata_screening_override",
        ),
        sa.Index(
            "nmgdata_screening_open", "state",
            postgresql_where=sa.text("state IN ('pending', 'held')"),
        ),
    )  # fmt: skip


class Grant(tk.BaseModel):
    """A right to conditional data, with the case that gave it (R28¶2, R-COND-04, R-COND-08)."""

    __tablename__ = "nmgdata_grant"

    id: Mapped[key]
    case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"))
    holder_id: Mapped[text]
    """Account of the person who may use the data."""
    purpose: Mapped[text]
    use_scope: Mapped[text]
    provision_mode: Mapped[text]
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    """Last day of use, in Asia/Shanghai."""
    quota: Mapped[int | None] = mapped_column(sa.Integer)
    """How often data may leave under it in all; None: as often as is needed."""
    per_hour: Mapped[int | None] = mapped_column(sa.Integer)
    """How often data may leave under it within one clock hour."""
    agreement: Mapped[str | None] = mapped_column(sa.Text)
    """Version of the use agreement that was accepted."""
    accepted_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    ended_reason: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[moment]

    __table_args__ = (
        sa.CheckConstraint("valid_until >= valid_from", name="nmgdata_grant_period"),
        sa.CheckConstraint(
            "(accepted_at IS NULL) = (agreement IS NULL)", name="nmgdata_grant_agreement"
        ),
        sa.CheckConstraint("quota > 0 AND per_hour > 0", name="nmgdata_grant_limits"),
        sa.Index("nmgdata_grant_holder", "holder_id"),
        sa.Index("nmgdata_grant_case", "case_id"),
        sa.Index(
            "nmgdata_grant_expiry", "valid_until", postgresql_where=sa.text("ended_at IS NULL")
        ),
    )  # fmt: skip


class GrantScope(tk.BaseModel):
    """What a grant reaches: a dataset or one file of it, down to fields and rows."""

    __tablename__ = "nmgdata_grant_scope"

    id: Mapped[key]
    grant_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_grant.id", ondelete="CASCADE"))
    dataset_id: Mapped[text]
    resource_id: Mapped[str | None] = mapped_column(sa.Text)
    fields: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    """Names of the granted columns; None: all."""
    row_filter: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Column → admitted values; None: all rows."""

    __table_args__ = (
        sa.Index("nmgdata_grant_scope_grant", "grant_id"),
        sa.Index("nmgdata_grant_scope_dataset", "dataset_id"),
    )


class GrantMember(tk.BaseModel):
    """An account that uses a grant for the organisation that holds it; named by the holder."""

    __tablename__ = "nmgdata_grant_member"

    grant_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_grant.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    named_at: Mapped[moment]

    __table_args__ = (sa.Index("nmgdata_grant_member_user", "user_id"),)


FILE, DUMP, TABLE, OFFLINE = "file", "dump", "rows", "offline"
"""Ways on which data leave under a grant: a file, a table as a file, queries of rows, handed over."""


class GrantUse(tk.BaseModel):
    """That data left under a grant: each file once, queries of a table counted by the hour."""

    __tablename__ = "nmgdata_grant_use"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    grant_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_grant.id", ondelete="CASCADE"))
    user_id: Mapped[text]
    resource_id: Mapped[str | None] = mapped_column(sa.Text)
    """None: what was handed over off-line was not one file."""
    door: Mapped[text]
    at: Mapped[moment]
    count: Mapped[int] = mapped_column(sa.Integer)
    sha256: Mapped[str | None] = mapped_column(sa.Text)
    """Digest of the bytes that left; None for a part of a file, a broken transfer and queries."""
    further: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    """Bytes of the file that left later as further parts of the same download."""
    version: Mapped[str | None] = mapped_column(sa.Text)
    """Which bytes the file was then: its ``last_modified``."""

    __table_args__ = (
        sa.CheckConstraint(one_of("door", (FILE, DUMP, TABLE, OFFLINE)), name="nmgdata_grant_use_door"),
        sa.Index("nmgdata_grant_use_grant", "grant_id", "at"),
        sa.Index(
            "nmgdata_grant_use_hour", "grant_id", "user_id", "resource_id", "at", unique=True,
            postgresql_where=sa.text("door = 'rows'"),
        ),
    )  # fmt: skip


class Closure(tk.BaseModel):
    """A violator's access to certain data, closed for a time (R50, R-SUSP-02).

    Of an organisation it reaches every account under the same credit code, those made later too
    (``closures.reaching``); each case closes and reopens on its own.
    """

    __tablename__ = "nmgdata_closure"

    id: Mapped[key]
    case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"))
    holder_id: Mapped[text]
    credit_code: Mapped[str | None] = mapped_column(sa.Text)
    """Unified social credit code of the organisation the person acted for; None: for nobody else."""
    dataset_id: Mapped[text]
    since: Mapped[moment]
    lifted_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))

    __table_args__ = (
        sa.Index(
            "nmgdata_closure_live", "holder_id", "dataset_id", "case_id", unique=True,
            postgresql_where=sa.text("lifted_at IS NULL"),
        ),
        sa.Index(
            "nmgdata_closure_organisation", "credit_code", "dataset_id",
            postgresql_where=sa.text("lifted_at IS NULL AND credit_code IS NOT NULL"),
        ),
        sa.Index("nmgdata_closure_case", "case_id"),
        sa.Index("nmgdata_closure_dataset", "dataset_id"),
    )  # fmt: skip


class Sealed(tk.BaseModel):
    """A withdrawn file in sealed storage, kept for audit until its retention date (R-OBJ-05, DC-45)."""

    __tablename__ = "nmgdata_sealed"

    resource_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    sha256: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"))
    name: Mapped[text]
    size: Mapped[int] = mapped_column(sa.BigInteger)
    location: Mapped[text]
    sealed_at: Mapped[moment]
    keep_until: Mapped[date]

    __table_args__ = (sa.Index("nmgdata_sealed_case", "case_id"),)


class Override(tk.BaseModel):
    """A short, reasoned opening of one resource to an auditor or the portal's operator (R29¶1)."""

    __tablename__ = "nmgdata_override"

    id: Mapped[key]
    resource_id: Mapped[text]
    holder_id: Mapped[text]
    reason: Mapped[text]
    """Free text, so it may name people: kept here and never in the sealed event."""
    since: Mapped[moment]
    until: Mapped[moment]

    __table_args__ = (
        sa.CheckConstraint(f"length(btrim(reason)) >= {REASON_LENGTH}", name="nmgdata_override_reason"),
        sa.CheckConstraint("until >= since", name="nmgdata_override_period"),
        sa.Index("nmgdata_override_holder", "holder_id", "resource_id", "until"),
    )


class Refusal(tk.BaseModel):
    """How often a resource was refused for a reason in an hour; the closed bucket is the audited event."""

    __tablename__ = "nmgdata_refusal"

    resource_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    reason: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    hour: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True), primary_key=True)
    count: Mapped[int] = mapped_column(sa.BigInteger)
    audited: Mapped[bool] = mapped_column(server_default=sa.false())

    __table_args__ = (sa.Index("nmgdata_refusal_open", "hour", postgresql_where=sa.text("NOT audited")),)


class Download(tk.BaseModel):
    """Downloads of a resource per day."""

    __tablename__ = "nmgdata_download"

    resource_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    dataset_id: Mapped[text]
    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    count: Mapped[int] = mapped_column(sa.BigInteger)

    __table_args__ = (sa.Index("nmgdata_download_dataset", "dataset_id"),)
