"""The harvest: sources, jobs, pages, remote records, their files, problems.

Revision ID: 3c71f08ab2d6
Revises: c4e81f05a92d
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "3c71f08ab2d6"
down_revision = "c4e81f05a92d"
branch_labels = None
depends_on = None

COUNTS = ("read", "created", "updated", "restored", "unchanged", "stopped", "refused", "waiting")
ADD_UP = f"read_count = {' + '.join(f'{name}_count' for name in COUNTS[1:])}"
NOT_NEGATIVE = " AND ".join(f"{name}_count >= 0" for name in COUNTS[1:])


def counts() -> list[sa.Column]:
    """Return the columns that count records."""
    return [sa.Column(f"{name}_count", sa.Integer(), server_default="0", nullable=False) for name in COUNTS]


def upgrade() -> None:
    """Create the tables."""
    op.add_column("nmgdata_entry", sa.Column("source", sa.Text(), nullable=True))
    sources()
    jobs()
    records()


def sources() -> None:
    """Create the table of sources."""
    op.create_table(
        "nmgdata_harvest_source",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("region_exception", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), server_default="auto", nullable=False),
        sa.Column("feed", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("owner_org", sa.Text(), nullable=False),
        sa.Column("organisations", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("classes", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("default_class", sa.Text(), nullable=True),
        sa.Column("every_hours", sa.Integer(), server_default="24", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("grace_days", sa.Integer(), server_default="7", nullable=False),
        sa.Column("guard_share", sa.Float(), server_default="0.1", nullable=False),
        sa.Column("guard_number", sa.Integer(), server_default="100", nullable=False),
        sa.Column("limits", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("allowed_hosts", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("private_networks", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("credentials", sa.Text(), nullable=True),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("broken_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("validators", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("feed_cursor", sa.Text(), nullable=True),
        sa.Column("feed_tag", sa.Text(), nullable=True),
        sa.Column("followed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
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
        sa.CheckConstraint("name ~ '^[a-z0-9_-]{2,100}$'", name="nmgdata_harvest_source_name"),
        sa.CheckConstraint(
            "region_code ~ '^15[0-9]{4}$' AND (region_code ~ '00$' OR coalesce(region_exception, '') <> '')",
            name="nmgdata_harvest_source_region",
        ),
        sa.CheckConstraint("state IN ('active', 'paused')", name="nmgdata_harvest_source_state"),
        sa.CheckConstraint(
            "guard_share BETWEEN 0 AND 1 AND guard_number >= 0 AND every_hours >= 0 AND grace_days >= 0 AND failures >= 0",
            name="nmgdata_harvest_source_numbers",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address"),
        sa.UniqueConstraint("name"),
    )
    op.create_index(
        "nmgdata_harvest_source_due",
        "nmgdata_harvest_source",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'active'"),
    )


def jobs() -> None:
    """Create the tables of jobs, their pages and problems."""
    op.create_table(
        "nmgdata_harvest_job",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_page", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_address", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("read_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("vanished_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        *counts(),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (state IN ('finished', 'failed', 'cancelled'))",
            name="nmgdata_harvest_job_end",
        ),
        sa.CheckConstraint("(state = 'failed') = (error IS NOT NULL)", name="nmgdata_harvest_job_error"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'held', 'finished', 'failed', 'cancelled')",
            name="nmgdata_harvest_job_state",
        ),
        sa.CheckConstraint(
            "state NOT IN ('held', 'finished') OR (read_at IS NOT NULL AND waiting_count = 0)",
            name="nmgdata_harvest_job_whole",
        ),
        sa.CheckConstraint(
            "(confirmed_by IS NULL) = (confirmed_at IS NULL)", name="nmgdata_harvest_job_confirmed"
        ),
        sa.CheckConstraint(NOT_NEGATIVE, name="nmgdata_harvest_job_not_negative"),
        sa.CheckConstraint(ADD_UP, name="nmgdata_harvest_job_counts"),
        sa.ForeignKeyConstraint(["source_id"], ["nmgdata_harvest_source.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "nmgdata_harvest_job_list", "nmgdata_harvest_job", ["source_id", "queued_at"], unique=False
    )
    op.create_index(
        "nmgdata_harvest_job_one_live",
        "nmgdata_harvest_job",
        ["source_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "nmgdata_harvest_page",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("seen", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False),
        sa.Column("unnamed_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("work", sa.LargeBinary(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        *counts(),
        sa.CheckConstraint("(waiting_count > 0) = (work IS NOT NULL)", name="nmgdata_harvest_page_work"),
        sa.CheckConstraint(NOT_NEGATIVE, name="nmgdata_harvest_page_not_negative"),
        sa.CheckConstraint(ADD_UP, name="nmgdata_harvest_page_counts"),
        sa.ForeignKeyConstraint(["job_id"], ["nmgdata_harvest_job.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number"),
    )
    op.create_index(
        "nmgdata_harvest_page_waiting",
        "nmgdata_harvest_page",
        ["job_id", "number"],
        unique=False,
        postgresql_where=sa.text("work IS NOT NULL"),
    )
    op.create_table(
        "nmgdata_harvest_problem",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("is_refused", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint(
            "length(place) <= 500 AND length(detail) <= 500", name="nmgdata_harvest_problem_length"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["nmgdata_harvest_job.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("nmgdata_harvest_problem_job", "nmgdata_harvest_problem", ["job_id", "id"], unique=False)


def records() -> None:
    """Create the tables of records and their files."""
    op.create_table(
        "nmgdata_harvest_record",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("claim", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("package_id", sa.UnicodeText(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("remote", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("local", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("missing", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("vanished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "archived_at IS NULL OR vanished_at IS NOT NULL", name="nmgdata_harvest_record_archived"
        ),
        sa.CheckConstraint("digest IS NULL OR package_id IS NOT NULL", name="nmgdata_harvest_record_loaded"),
        sa.CheckConstraint("length(digest) = 32", name="nmgdata_harvest_record_digest"),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source_id"], ["nmgdata_harvest_source.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("claim"),
        sa.UniqueConstraint("package_id"),
        sa.UniqueConstraint("source_id", "identifier", name="nmgdata_harvest_record_identity"),
        sa.UniqueConstraint("subject"),
    )
    op.create_index(
        "nmgdata_harvest_record_vanished",
        "nmgdata_harvest_record",
        ["vanished_at"],
        unique=False,
        postgresql_where=sa.text("vanished_at IS NOT NULL AND archived_at IS NULL"),
    )
    op.create_table(
        "nmgdata_harvest_file",
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("keys", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["nmgdata_harvest_record.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("resource_id"),
    )
    op.create_index("ix_nmgdata_harvest_file_record_id", "nmgdata_harvest_file", ["record_id"])


def downgrade() -> None:
    """Drop the tables and the column."""
    for name in ("file", "record", "problem", "page", "job", "source"):
        op.drop_table(f"nmgdata_harvest_{name}")
    op.drop_column("nmgdata_entry", "source")
