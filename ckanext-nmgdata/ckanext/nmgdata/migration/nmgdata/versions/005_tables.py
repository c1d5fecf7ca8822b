"""Screenings of uploaded files, and what became of each table.

Revision ID: 3c5a9e714b03
Revises: 5c41e07b9d33
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "3c5a9e714b03"
down_revision = "5c41e07b9d33"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "nmgdata_screening",
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("uploader_id", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("coverage", sa.Text(), nullable=True),
        sa.Column("counts", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("findings", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("overridden_by", sa.Text(), nullable=True),
        sa.Column("overridden_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'clean', 'held', 'overridden')", name="nmgdata_screening_state"
        ),
        sa.CheckConstraint("coverage IN ('whole', 'partial', 'nothing')", name="nmgdata_screening_coverage"),
        sa.CheckConstraint("(state = 'pending') = (digest IS NULL)", name="nmgdata_screening_scanned"),
        sa.CheckConstraint(
            "(state = 'overridden') = (overridden_by IS NOT NULL)"
            " AND (overridden_by IS NULL) = (coalesce(override_reason, '') = '')",
            name="nmgdata_screening_override",
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], ondelete="CASCADE", deferrable=True, initially="DEFERRED"
        ),
        sa.PrimaryKeyConstraint("resource_id"),
    )
    op.create_index(
        "nmgdata_screening_open",
        "nmgdata_screening",
        ["state"],
        postgresql_where=sa.text("state IN ('pending', 'held')"),
    )
    op.create_table(
        "nmgdata_table",
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("report", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'loading', 'loaded', 'failed')", name="nmgdata_table_state"),
        sa.CheckConstraint("(state = 'failed') = (error IS NOT NULL)", name="nmgdata_table_error"),
        sa.PrimaryKeyConstraint("resource_id"),
    )
    op.create_index("nmgdata_table_dataset", "nmgdata_table", ["dataset_id"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("nmgdata_table")
    op.drop_table("nmgdata_screening")
