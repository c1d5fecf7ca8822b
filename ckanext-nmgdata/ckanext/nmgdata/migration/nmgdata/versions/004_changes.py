"""The change feed.

Revision ID: 5c41e07b9d33
Revises: 2c6f5b0d9a44

Entries that are there already come into the feed by ``ckan nmgdata reconcile --repair``.
"""

import sqlalchemy as sa
from alembic import op

revision = "5c41e07b9d33"
down_revision = "2c6f5b0d9a44"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "nmgdata_change",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("activity IN ('Create', 'Update', 'Delete')", name="nmgdata_change_activity"),
        sa.CheckConstraint(
            "cause IN ('withdrawn', 'suspended', 'lifted', 'removed', 'published', 'class_changed',"
            " 'resource_replaced', 'updated')",
            name="nmgdata_change_cause",
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("nmgdata_change_dataset", "nmgdata_change", ["dataset_id", "seq"], unique=False)
    op.create_index("nmgdata_change_at", "nmgdata_change", ["at"], unique=False)


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("nmgdata_change")
