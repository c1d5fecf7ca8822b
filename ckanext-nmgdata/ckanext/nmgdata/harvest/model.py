"""Tables of the harvest: sources, jobs and their pages, remote records, their files, problems.

What must never be is refused by the database: two jobs of a source at once, a remote record twice, one
identity under two sources, counts that do not add up to what was read.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ..kernel.types import json, key, moment, one_of, text

OUTCOMES = ("created", "updated", "restored", "unchanged", "stopped", "refused", "waiting")
"""What becomes of a record that was read. ``restored``: had vanished and is back; ``stopped``: left as it is
because a case stops the dataset here or the region has deleted it; ``waiting``: not loaded yet."""
ADD_UP = f"read_count = {' + '.join(f'{name}_count' for name in OUTCOMES)}"
NOT_NEGATIVE = " AND ".join(f"{name}_count >= 0" for name in OUTCOMES)


class SourceState(StrEnum):
    """Whether a source is harvested on schedule."""

    ACTIVE = "active"
    PAUSED = "paused"


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    HELD = "held"
    """Everything is loaded; more would vanish than the guard lets pass without a person."""
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


ORIGIN, HERE = "origin", "here"
"""Where conditional data of a source are applied for."""
LIVE = (JobState.QUEUED, JobState.RUNNING)
ENDED = (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)

later = Annotated[datetime | None, mapped_column(sa.DateTime(timezone=True), nullable=True)]


class Counted:
    """Columns that count what became of the records that were read."""

    read_count: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    created_count: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    updated_count: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    restored_count: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    unchanged_count: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    stopped_count: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    refused_count: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    waiting_count: Mapped[int] = mapped_column(sa.Integer, server_default="0")


class Source(tk.BaseModel):
    """A remote catalogue, as a rule of a league-city (R8¶2, R-PLAT-02)."""

    __tablename__ = "nmgdata_harvest_source"

    id: Mapped[key]
    name: Mapped[str] = mapped_column(sa.Text, unique=True)
    title: Mapped[text]
    region_code: Mapped[text]
    """GB/T 2260; records of other regions are not this source's to give."""
    region_exception: Mapped[str | None] = mapped_column(sa.Text)
    """Why a banner may have a source of its own (R-PLAT-03); without it its code is refused."""
    address: Mapped[str] = mapped_column(sa.Text, unique=True)
    format: Mapped[str] = mapped_column(sa.Text, server_default="auto")
    """How it is written, as ``remote.spec`` names formats; ``auto``: as the answers say."""
    feed: Mapped[str | None] = mapped_column(sa.Text)
    """Address of its change feed, if it has one."""
    state: Mapped[str] = mapped_column(sa.Text, server_default="active")
    owner_org: Mapped[text]
    """Id of the organisation that has the records whose publisher the portal does not know."""
    organisations: Mapped[json]
    """Publisher as the source names it (code, title or IRI) → id of the organisation here."""
    classes: Mapped[json]
    """Class as the source names it → slug of ``open_class``."""
    default_class: Mapped[str | None] = mapped_column(sa.Text)
    """Class of what states none; None: unknown, and closed until the authority sets it."""
    every_hours: Mapped[int] = mapped_column(sa.Integer, server_default="24")
    """Hours between two harvests (DC-07); 0: only when somebody asks."""
    due_at: Mapped[later]
    grace_days: Mapped[int] = mapped_column(sa.Integer, server_default="7")
    guard_share: Mapped[float] = mapped_column(sa.Float, server_default="0.1")
    """A run that would remove a greater share of the records than this is held."""
    guard_number: Mapped[int] = mapped_column(sa.Integer, server_default="100")
    """A run that would remove more records than this is held."""
    limits: Mapped[json]
    """Limits of ``remote.spec`` that differ from its own."""
    allowed_hosts: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    private_networks: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    """Networks (CIDR) that are not public and may be reached all the same."""
    credentials: Mapped[str | None] = mapped_column(sa.Text)
    """Name of the environment variable that holds the credentials; never the credentials."""
    contact: Mapped[str | None] = mapped_column(sa.Text)
    failures: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    """Failed jobs since the last good one."""
    broken_until: Mapped[later]
    """Until when the circuit breaker leaves the source in peace."""
    succeeded_at: Mapped[later]
    validators: Mapped[json]
    """What the server calls the state of the catalogue that was read whole last (ETag, Last-Modified)."""
    applications: Mapped[str] = mapped_column(sa.Text, server_default="origin")
    """Who decides about its conditional data: the portal of ``origin``, or departments with accounts here."""
    created_at: Mapped[moment]
    changed_at: Mapped[moment]

    __table_args__ = (
        sa.CheckConstraint(one_of("state", SourceState), name="nmgdata_harvest_source_state"),
        sa.CheckConstraint("name ~ '^[a-z0-9_-]{2,100}$'", name="nmgdata_harvest_source_name"),
        sa.CheckConstraint(
            "region_code ~ '^15[0-9]{4}$'"
            " AND (region_code ~ '00$' OR coalesce(region_exception, '') <> '')",
            name="nmgdata_harvest_source_region",
        ),
        sa.CheckConstraint(
            "address ~ '^https?://' AND coalesce(feed ~ '^https?://', true)",
            name="nmgdata_harvest_source_address",
        ),
        sa.CheckConstraint(
            "credentials ~ '^NMGDATA_HARVEST_[A-Z0-9_]{1,60}$'", name="nmgdata_harvest_source_credentials"
        ),
        sa.CheckConstraint(
            "default_class IN ('unconditional', 'conditional', 'non_open')",
            name="nmgdata_harvest_source_class",
        ),
        sa.CheckConstraint(
            one_of("applications", (ORIGIN, HERE)), name="nmgdata_harvest_source_applications"
        ),
        sa.CheckConstraint(
            "guard_share BETWEEN 0 AND 1 AND guard_number >= 0 AND every_hours >= 0"
            " AND grace_days >= 0 AND failures >= 0",
            name="nmgdata_harvest_source_numbers",
        ),
        sa.Index(
            "nmgdata_harvest_source_due", "due_at", postgresql_where=sa.text("state = 'active'")
        ),
    )  # fmt: skip


class Job(tk.BaseModel, Counted):
    """One harvest of a source. Who holds its lease reads; others may load what was read."""

    __tablename__ = "nmgdata_harvest_job"

    id: Mapped[key]
    source_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_harvest_source.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(sa.Text, server_default="queued")
    asked_by: Mapped[str | None] = mapped_column(sa.Text)
    """Account that asked for it; None: the clock."""
    queued_at: Mapped[moment]
    started_at: Mapped[later]
    read_at: Mapped[later]
    """When the last page had been read."""
    ended_at: Mapped[later]
    worker: Mapped[str | None] = mapped_column(sa.Text)
    lease_until: Mapped[later]
    next_page: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    next_address: Mapped[str | None] = mapped_column(sa.Text)
    """Where reading goes on; None before the first page and after the last."""
    attempts: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    """How often reading was begun or taken up again."""
    total: Mapped[int | None] = mapped_column(sa.Integer)
    """How many records the catalogue says it has."""
    read_bytes: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    vanished_count: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    """Records of the source that this run did not find."""
    confirmed_by: Mapped[str | None] = mapped_column(sa.Text)
    confirmed_at: Mapped[later]
    error: Mapped[str | None] = mapped_column(sa.Text)
    """Machine code of what made it fail."""
    detail: Mapped[str | None] = mapped_column(sa.Text)

    __table_args__ = (
        sa.CheckConstraint(one_of("state", JobState), name="nmgdata_harvest_job_state"),
        sa.CheckConstraint(ADD_UP, name="nmgdata_harvest_job_counts"),
        sa.CheckConstraint(NOT_NEGATIVE, name="nmgdata_harvest_job_not_negative"),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (state IN ('finished', 'failed', 'cancelled'))",
            name="nmgdata_harvest_job_end",
        ),
        sa.CheckConstraint(
            "state NOT IN ('held', 'finished') OR (read_at IS NOT NULL AND waiting_count = 0)",
            name="nmgdata_harvest_job_whole",
        ),
        sa.CheckConstraint("(state = 'failed') = (error IS NOT NULL)", name="nmgdata_harvest_job_error"),
        sa.CheckConstraint(
            "(confirmed_by IS NULL) = (confirmed_at IS NULL)", name="nmgdata_harvest_job_confirmed"
        ),
        sa.Index(
            "nmgdata_harvest_job_one_live", "source_id", unique=True,
            postgresql_where=sa.text("state IN ('queued', 'running')"),
        ),
        sa.Index("nmgdata_harvest_job_list", "source_id", "queued_at"),
    )  # fmt: skip


class JobPage(tk.BaseModel, Counted):
    """One page of a job: what became of its records, which of the known ones it held, what still waits."""

    __tablename__ = "nmgdata_harvest_page"

    job_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_harvest_job.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    address: Mapped[text]
    seen: Mapped[list[int]] = mapped_column(ARRAY(sa.BigInteger), server_default="{}")
    """Numbers of the records that the page held: one array in place of a row per record."""
    unnamed_count: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    """Refused records of which nobody can say which they are; they may be ones that are known."""
    work: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    """Compressed records that wait to be loaded, so that whoever loads them need not read again."""
    worker: Mapped[str | None] = mapped_column(sa.Text)
    lease_until: Mapped[later]
    attempts: Mapped[int] = mapped_column(sa.Integer, server_default="0")

    __table_args__ = (
        sa.CheckConstraint(ADD_UP, name="nmgdata_harvest_page_counts"),
        sa.CheckConstraint(NOT_NEGATIVE, name="nmgdata_harvest_page_not_negative"),
        sa.CheckConstraint("(waiting_count > 0) = (work IS NOT NULL)", name="nmgdata_harvest_page_work"),
        sa.Index(
            "nmgdata_harvest_page_waiting", "job_id", "number",
            postgresql_where=sa.text("work IS NOT NULL"),
        ),
    )  # fmt: skip


class RemoteRecord(tk.BaseModel):
    """One record of a source and the dataset that it is here."""

    __tablename__ = "nmgdata_harvest_record"

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    source_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_harvest_source.id", ondelete="CASCADE"))
    identifier: Mapped[text]
    claim: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    """The identifier where it means the same everywhere (an address, a UUID, a catalogue code); no two
    sources have one."""
    subject: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    """Address by which the source names the dataset; no two sources have one."""
    package_id: Mapped[str | None] = mapped_column(
        sa.ForeignKey("package.id", ondelete="CASCADE"), unique=True
    )
    """None until it is loaded for the first time."""
    digest: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    """SHA-256 of the description that was loaded last."""
    remote: Mapped[json]
    """What the source says beside the entry (page, publisher, stop), and under ``fields`` what it says in
    the fields that the region may edit."""
    local: Mapped[json]
    """What the region says there instead; survives every harvest."""
    missing: Mapped[list[str]] = mapped_column(JSONB, server_default=sa.text("'[]'"))
    """Fields of the law that the source leaves empty or states wrongly (DC-11)."""
    changed_at: Mapped[later]
    followed_at: Mapped[later]
    """When the change feed told of it last; what a harvest read before that is older."""
    vanished_at: Mapped[later]
    archived_at: Mapped[later]

    __table_args__ = (
        sa.UniqueConstraint("source_id", "identifier", name="nmgdata_harvest_record_identity"),
        sa.CheckConstraint("length(digest) = 32", name="nmgdata_harvest_record_digest"),
        sa.CheckConstraint(
            "archived_at IS NULL OR vanished_at IS NOT NULL", name="nmgdata_harvest_record_archived"
        ),
        sa.CheckConstraint(
            "digest IS NULL OR package_id IS NOT NULL", name="nmgdata_harvest_record_loaded"
        ),
        sa.Index(
            "nmgdata_harvest_record_vanished", "vanished_at",
            postgresql_where=sa.text("vanished_at IS NOT NULL AND archived_at IS NULL"),
        ),
    )  # fmt: skip


class RemoteFile(tk.BaseModel):
    """One distribution of a record and the resource that it is here, so that grants keep holding.

    It stays when the source drops the distribution, so that one which comes back is the same resource.
    """

    __tablename__ = "nmgdata_harvest_file"

    resource_id: Mapped[key]
    record_id: Mapped[int] = mapped_column(
        sa.ForeignKey("nmgdata_harvest_record.id", ondelete="CASCADE"), index=True
    )
    keys: Mapped[list[str]] = mapped_column(JSONB)
    """What it is recognised by, strongest first (``remote.describe.match``)."""


class Problem(tk.BaseModel):
    """What was wrong with one record of a job, in plain words."""

    __tablename__ = "nmgdata_harvest_problem"

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    job_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_harvest_job.id", ondelete="CASCADE"))
    page: Mapped[int | None] = mapped_column(sa.Integer)
    place: Mapped[text]
    """Line, subject or identifier, as far as it is known."""
    code: Mapped[text]
    detail: Mapped[text]
    is_refused: Mapped[bool] = mapped_column(sa.Boolean, server_default=sa.text("true"))
    """False: the record was loaded, but not as the source states it."""

    __table_args__ = (
        sa.CheckConstraint(
            "length(place) <= 500 AND length(detail) <= 500", name="nmgdata_harvest_problem_length"
        ),
        sa.Index("nmgdata_harvest_problem_job", "job_id", "id"),
    )


Values = dict[str, Any]
"""Columns of a row by name."""
