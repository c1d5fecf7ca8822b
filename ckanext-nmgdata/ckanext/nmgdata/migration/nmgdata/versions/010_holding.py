"""Holding a grant: limits, members, uses; what an application renews; mails about progress.

Revision ID: 5e8f03c71a4b
Revises: 7b20d94e1f58
"""

import sqlalchemy as sa
from alembic import op

revision = "5e8f03c71a4b"
down_revision = "7b20d94e1f58"
branch_labels = None
depends_on = None

CHOICE = "nmgdata_mail_choice_kind"


def upgrade() -> None:
    """Add columns and tables; admit the new choice of mails."""
    op.add_column("nmgdata_grant", sa.Column("quota", sa.Integer(), nullable=True))
    op.add_column("nmgdata_grant", sa.Column("per_hour", sa.Integer(), nullable=True))
    op.create_check_constraint("nmgdata_grant_limits", "nmgdata_grant", "quota > 0 AND per_hour > 0")
    op.create_table(
        "nmgdata_grant_member",
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("named_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["nmgdata_grant.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("grant_id", "user_id"),
    )
    op.create_index("nmgdata_grant_member_user", "nmgdata_grant_member", ["user_id"])
    op.create_table(
        "nmgdata_grant_use",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=True),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.CheckConstraint("door IN ('file', 'dump', 'rows', 'offline')", name="nmgdata_grant_use_door"),
        sa.ForeignKeyConstraint(["grant_id"], ["nmgdata_grant.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("nmgdata_grant_use_grant", "nmgdata_grant_use", ["grant_id", "at"])
    op.create_index(
        "nmgdata_grant_use_hour",
        "nmgdata_grant_use",
        ["grant_id", "user_id", "resource_id", "at"],
        unique=True,
        postgresql_where=sa.text("door = 'rows'"),
    )
    op.add_column("nmgdata_application", sa.Column("renews_id", sa.Text(), nullable=True))
    op.create_foreign_key(
        None, "nmgdata_application", "nmgdata_case", ["renews_id"], ["id"], ondelete="RESTRICT"
    )
    op.create_index("nmgdata_application_renews", "nmgdata_application", ["renews_id"])
    choices("'reminders', 'assignments', 'progress'")


def choices(kinds: str) -> None:
    """Say which mails can be switched off."""
    op.drop_constraint(CHOICE, "nmgdata_mail_choice", type_="check")
    op.create_check_constraint(CHOICE, "nmgdata_mail_choice", f"kind IN ({kinds})")


def downgrade() -> None:
    """Drop them."""
    op.execute("DELETE FROM nmgdata_mail_choice WHERE kind = 'progress'")
    choices("'reminders', 'assignments'")
    op.drop_index("nmgdata_application_renews", "nmgdata_application")
    op.drop_column("nmgdata_application", "renews_id")
    op.drop_table("nmgdata_grant_use")
    op.drop_table("nmgdata_grant_member")
    op.drop_constraint("nmgdata_grant_limits", "nmgdata_grant", type_="check")
    op.drop_column("nmgdata_grant", "per_hour")
    op.drop_column("nmgdata_grant", "quota")
