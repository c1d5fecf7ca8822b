"""Following change feeds: where the region is in each, what stops its copies over there, who decides.

Revision ID: 8d15f3c0b7e4
Revises: 3c71f08ab2d6
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "8d15f3c0b7e4"
down_revision = "3c71f08ab2d6"
branch_labels = None
depends_on = None

SOURCE = "nmgdata_harvest_source"
MOVED = {
    "feed_cursor": sa.Text(),
    "feed_tag": sa.Text(),
    "followed_at": sa.DateTime(timezone=True),
}


def upgrade() -> None:
    """Create the tables; a cursor that nobody used moves into one of its own."""
    for name in MOVED:
        op.drop_column(SOURCE, name)
    op.add_column(SOURCE, sa.Column("applications", sa.Text(), server_default="origin", nullable=False))
    op.create_check_constraint(
        "nmgdata_harvest_source_applications", SOURCE, "applications IN ('origin', 'here')"
    )
    op.add_column(
        "nmgdata_harvest_record", sa.Column("followed_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_table(
        "nmgdata_harvest_following",
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("tag", sa.Text(), nullable=True),
        sa.Column("number", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("owes", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.CheckConstraint("attempts >= 0 AND failures >= 0", name="nmgdata_harvest_following_numbers"),
        sa.CheckConstraint(
            "(worker IS NULL) = (lease_until IS NULL)", name="nmgdata_harvest_following_lease"
        ),
        sa.ForeignKeyConstraint(["source_id"], ["nmgdata_harvest_source.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source_id"),
    )
    op.create_table(
        "nmgdata_harvest_stop",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=True),
        sa.Column("remote_case", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["source_id"], ["nmgdata_harvest_source.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_index(
        "nmgdata_harvest_stop_live",
        "nmgdata_harvest_stop",
        ["dataset_id", sa.text("coalesce(resource_id, '')")],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("nmgdata_harvest_stop_source", "nmgdata_harvest_stop", ["source_id"])


def downgrade() -> None:
    """Drop the tables and columns."""
    op.drop_table("nmgdata_harvest_stop")
    op.drop_table("nmgdata_harvest_following")
    op.drop_column("nmgdata_harvest_record", "followed_at")
    op.drop_constraint("nmgdata_harvest_source_applications", SOURCE)
    op.drop_column(SOURCE, "applications")
    for name, kind in MOVED.items():
        op.add_column(SOURCE, sa.Column(name, kind, nullable=True))
