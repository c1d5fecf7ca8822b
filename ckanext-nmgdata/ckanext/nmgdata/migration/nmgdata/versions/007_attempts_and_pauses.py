"""Attempts to object are counted; periods can rest.

Revision ID: 8e0b7f21c6d4
Revises: 6e1b0f3a7c52

The labels of oversight name whole region codes now: `ckan search-index rebuild` once after the upgrade.
"""

import sqlalchemy as sa
from alembic import op

revision = "8e0b7f21c6d4"
down_revision = "6e1b0f3a7c52"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, add the columns."""
    op.create_table(
        "nmgdata_objection_attempt",
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("address_key", "hour"),
    )
    op.create_index("nmgdata_objection_attempt_hour", "nmgdata_objection_attempt", ["hour"])
    op.add_column("nmgdata_deadline", sa.Column("paused_on", sa.Date(), nullable=True))
    op.add_column(
        "nmgdata_deadline",
        sa.Column("paused_days", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_check_constraint("nmgdata_deadline_paused", "nmgdata_deadline", "paused_days >= 0")


def downgrade() -> None:
    """Undo it."""
    op.drop_constraint("nmgdata_deadline_paused", "nmgdata_deadline")
    op.drop_column("nmgdata_deadline", "paused_days")
    op.drop_column("nmgdata_deadline", "paused_on")
    op.drop_table("nmgdata_objection_attempt")
