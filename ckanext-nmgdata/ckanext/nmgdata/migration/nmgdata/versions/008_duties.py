"""Duties of use: use reports, results, violators' closed access by organisation, retention.

Revision ID: 7d20c4e8f116
Revises: 8e0b7f21c6d4
"""

import sqlalchemy as sa
from alembic import op

revision = "7d20c4e8f116"
down_revision = "8e0b7f21c6d4"
branch_labels = None
depends_on = None

LIVE = "lifted_at IS NULL"


def case_id() -> sa.Column:
    """Return the key of a table that holds what was stated in a case."""
    return sa.Column("case_id", sa.Text(), nullable=False)


def upgrade() -> None:
    """Create the tables, extend cases and closures."""
    op.add_column("nmgdata_case", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("nmgdata_case_kind", "nmgdata_case", ["kind", "opened_at", "id"])
    op.create_index(
        "nmgdata_case_retention",
        "nmgdata_case",
        ["closed_at"],
        postgresql_where=sa.text("closed_at IS NOT NULL AND erased_at IS NULL"),
    )
    op.add_column("nmgdata_closure", sa.Column("credit_code", sa.Text(), nullable=True))
    op.drop_index("nmgdata_closure_live", "nmgdata_closure")
    op.create_index(
        "nmgdata_closure_live",
        "nmgdata_closure",
        ["holder_id", "dataset_id", "case_id"],
        unique=True,
        postgresql_where=sa.text(LIVE),
    )
    op.create_index(
        "nmgdata_closure_organisation",
        "nmgdata_closure",
        ["credit_code", "dataset_id"],
        postgresql_where=sa.text(f"{LIVE} AND credit_code IS NOT NULL"),
    )
    op.create_index("nmgdata_closure_case", "nmgdata_closure", ["case_id"])
    create_reports()
    create_showcase()
    create_suspensions()


def create_reports() -> None:
    """Create the table of use reports."""
    op.create_table(
        "nmgdata_use_report",
        case_id(),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_until", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("is_last", sa.Boolean(), nullable=False),
        sa.Column("actual_use", sa.Text(), nullable=True),
        sa.Column("results", sa.Text(), nullable=True),
        sa.Column("benefit", sa.Text(), nullable=True),
        sa.Column("safety", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("period_until >= period_from", name="nmgdata_use_report_period"),
        sa.CheckConstraint(
            "(submitted_at IS NULL) = (actual_use IS NULL)", name="nmgdata_use_report_submitted"
        ),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["grant_id"], ["nmgdata_grant.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("case_id"),
        sa.UniqueConstraint("grant_id", "period_from", name="nmgdata_use_report_once"),
    )


def create_showcase() -> None:
    """Create the tables of results."""
    op.create_table(
        "nmgdata_showcase",
        case_id(),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("source_statement", sa.Text(), nullable=True),
        sa.Column("acquired_on", sa.Date(), nullable=True),
        sa.Column("report_id", sa.Text(), nullable=True),
        sa.CheckConstraint("link LIKE 'https://%'", name="nmgdata_showcase_link"),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["report_id"], ["nmgdata_use_report.case_id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_table(
        "nmgdata_showcase_dataset",
        case_id(),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_showcase.case_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("case_id", "dataset_id"),
    )
    op.create_index("nmgdata_showcase_dataset_id", "nmgdata_showcase_dataset", ["dataset_id"])


def create_suspensions() -> None:
    """Create the table of notices that close a violator's access."""
    op.create_table(
        "nmgdata_access_suspension",
        case_id(),
        sa.Column("origin_case_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("person_name", sa.Text(), nullable=False),
        sa.Column("credit_code", sa.Text(), nullable=True),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("correct_by", sa.Date(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["origin_case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_index("nmgdata_access_suspension_date", "nmgdata_access_suspension", ["correct_by"])


def downgrade() -> None:
    """Drop them; of several live closings of one person and dataset only one can stay live."""
    op.drop_table("nmgdata_access_suspension")
    op.drop_table("nmgdata_showcase_dataset")
    op.drop_table("nmgdata_showcase")
    op.drop_table("nmgdata_use_report")
    op.drop_index("nmgdata_closure_case", "nmgdata_closure")
    op.drop_index("nmgdata_closure_organisation", "nmgdata_closure")
    op.drop_index("nmgdata_closure_live", "nmgdata_closure")
    op.execute(
        "UPDATE nmgdata_closure c SET lifted_at = now() WHERE lifted_at IS NULL AND EXISTS ("
        " SELECT FROM nmgdata_closure o WHERE o.holder_id = c.holder_id AND o.dataset_id = c.dataset_id"
        " AND o.lifted_at IS NULL AND o.id < c.id)"
    )
    op.drop_column("nmgdata_closure", "credit_code")
    op.create_index(
        "nmgdata_closure_live",
        "nmgdata_closure",
        ["holder_id", "dataset_id"],
        unique=True,
        postgresql_where=sa.text(LIVE),
    )
    op.drop_index("nmgdata_case_retention", "nmgdata_case")
    op.drop_index("nmgdata_case_kind", "nmgdata_case")
    op.drop_column("nmgdata_case", "erased_at")
