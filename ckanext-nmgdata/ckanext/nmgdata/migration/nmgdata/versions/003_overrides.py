"""Overrides: short, reasoned openings for auditors and the portal's operator.

Revision ID: 2c6f5b0d9a44
Revises: 2c7be0d4f913
"""

import sqlalchemy as sa
from alembic import op

revision = "2c6f5b0d9a44"
down_revision = "2c7be0d4f913"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "nmgdata_override",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(btrim(reason)) >= 10", name="nmgdata_override_reason"),
        sa.CheckConstraint("until > since", name="nmgdata_override_period"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "nmgdata_override_holder", "nmgdata_override", ["holder_id", "resource_id", "until"], unique=False
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_index("nmgdata_override_holder", table_name="nmgdata_override")
    op.drop_table("nmgdata_override")
