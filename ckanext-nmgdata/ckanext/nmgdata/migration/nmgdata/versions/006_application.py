"""Applications for several data at once, down to fields and rows; drafts of their form.

Revision ID: 6e1b0f3a7c52
Revises: 3c5a9e714b03
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "6e1b0f3a7c52"
down_revision = "3c5a9e714b03"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table; an application from before stands alone."""
    op.add_column("nmgdata_application", sa.Column("bundle_id", sa.Text(), nullable=True))
    op.execute("UPDATE nmgdata_application SET bundle_id = case_id")
    op.alter_column("nmgdata_application", "bundle_id", nullable=False)
    op.create_index("nmgdata_application_bundle", "nmgdata_application", ["bundle_id"])
    op.add_column("nmgdata_application", sa.Column("id_number", sa.Text(), nullable=True))
    op.add_column(
        "nmgdata_application",
        sa.Column("answers", JSONB(), server_default=sa.text("'[]'"), nullable=False),
    )
    op.add_column("nmgdata_application_item", sa.Column("fields", JSONB(), nullable=True))
    op.add_column(
        "nmgdata_application_item",
        sa.Column("is_pending", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    op.execute(
        "UPDATE nmgdata_application_item i SET is_pending = c.status = 'review'"
        " FROM nmgdata_case c WHERE c.id = i.case_id"
    )
    op.drop_index("nmgdata_application_item_one_open", "nmgdata_application_item")
    one_pending()
    op.create_table(
        "nmgdata_application_draft",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("data", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "nmgdata_application_draft_user",
        "nmgdata_application_draft",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.create_index("nmgdata_application_draft_age", "nmgdata_application_draft", ["changed_at"])


def one_pending() -> None:
    """Let a person have one pending application per dataset or file."""
    op.create_index(
        "nmgdata_application_item_one_pending",
        "nmgdata_application_item",
        ["applicant_id", "dataset_id", sa.text("coalesce(resource_id, '')")],
        unique=True,
        postgresql_where=sa.text("is_pending"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("nmgdata_application_draft")
    op.drop_index("nmgdata_application_item_one_pending", "nmgdata_application_item")
    op.create_index(
        "nmgdata_application_item_one_open",
        "nmgdata_application_item",
        ["applicant_id", "dataset_id", sa.text("coalesce(resource_id, '')")],
        unique=True,
        postgresql_where=sa.text("is_open"),
    )
    op.drop_column("nmgdata_application_item", "is_pending")
    op.drop_column("nmgdata_application_item", "fields")
    op.drop_column("nmgdata_application", "answers")
    op.drop_column("nmgdata_application", "id_number")
    op.drop_index("nmgdata_application_bundle", "nmgdata_application")
    op.drop_column("nmgdata_application", "bundle_id")
