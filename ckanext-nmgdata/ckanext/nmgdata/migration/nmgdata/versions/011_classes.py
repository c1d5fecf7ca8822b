"""Classes that move: changes of the open class, evaluations, the history of classes.

Revision ID: 3c71f0a9d2e5
Revises: 5e8f03c71a4b
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "3c71f0a9d2e5"
down_revision = "5e8f03c71a4b"
branch_labels = None
depends_on = None

CLASSES = "IN ('non_open', 'conditional', 'unconditional')"


def case_id() -> sa.Column:
    """Return the key of a table that holds what was stated in a case."""
    return sa.Column("case_id", sa.Text(), nullable=False)


def texts(*names: str) -> list[sa.Column]:
    """Return texts that may be missing."""
    return [sa.Column(name, sa.Text(), nullable=True) for name in names]


def upgrade() -> None:
    """Create the tables; the history begins with what the catalogue knows."""
    create_changes()
    create_evaluations()
    create_periods()
    op.execute(
        "INSERT INTO nmgdata_class_period"
        " (dataset_id, open_class, since, announced, title, department)"
        " SELECT p.id, e.open_class, e.published_at, false, coalesce(nullif(p.title, ''), p.name),"
        " coalesce(nullif(g.title, ''), g.name, '')"
        " FROM nmgdata_entry e JOIN package p ON p.id = e.dataset_id"
        ' LEFT JOIN "group" g ON g.id = p.owner_org WHERE e.published_at IS NOT NULL'
    )


def create_changes() -> None:
    """Create the table of what a change states."""
    op.create_table(
        "nmgdata_class_change",
        case_id(),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("publishes", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default=sa.true(), nullable=False),
        *texts("reason", "legal_basis", "open_condition", "nonopen_ground", "license_id", "basis"),
        *texts("evaluation", "processing_kind", "processing", "consented_by", "secrecy_review"),
        sa.CheckConstraint(f"before {CLASSES}", name="nmgdata_class_change_before"),
        sa.CheckConstraint(f"after {CLASSES}", name="nmgdata_class_change_after"),
        sa.CheckConstraint(
            "basis IN ('evaluation', 'processing', 'consent')", name="nmgdata_class_change_basis"
        ),
        sa.CheckConstraint(
            "basis IS DISTINCT FROM 'processing' OR (processing_kind <> '' AND processing <> '')",
            name="nmgdata_class_change_processed",
        ),
        sa.CheckConstraint(
            "basis IS DISTINCT FROM 'consent' OR consented_by <> ''", name="nmgdata_class_change_consented"
        ),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_index(
        "nmgdata_class_change_one_open",
        "nmgdata_class_change",
        ["dataset_id"],
        unique=True,
        postgresql_where=sa.text("is_open"),
    )
    op.create_index("nmgdata_class_change_dataset", "nmgdata_class_change", ["dataset_id"])


def create_evaluations() -> None:
    """Create the table of evaluations."""
    op.create_table(
        "nmgdata_evaluation",
        case_id(),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("open_class", sa.Text(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("answers", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        *texts("findings", "conclusion", "target", "evaluator_id"),
        sa.Column("evaluated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("evaluated_on", sa.Date(), nullable=True),
        *texts("change_id"),
        sa.CheckConstraint(
            "conclusion IN ('keep', 'convertible', 'tighten')", name="nmgdata_evaluation_conclusion"
        ),
        sa.CheckConstraint(
            "(conclusion IS NULL) = (evaluated_at IS NULL)"
            " AND (evaluated_at IS NULL) = (evaluated_on IS NULL)"
            " AND (conclusion IS NULL) = (coalesce(findings, '') = '')",
            name="nmgdata_evaluation_done",
        ),
        sa.CheckConstraint("conclusion IS NULL OR NOT is_open", name="nmgdata_evaluation_closed"),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["change_id"], ["nmgdata_class_change.case_id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_index(
        "nmgdata_evaluation_one_open",
        "nmgdata_evaluation",
        ["dataset_id"],
        unique=True,
        postgresql_where=sa.text("is_open"),
    )
    op.create_index("nmgdata_evaluation_last", "nmgdata_evaluation", ["dataset_id", "evaluated_on"])


def create_periods() -> None:
    """Create the table of which class held when."""
    op.create_table(
        "nmgdata_class_period",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        *texts("open_class", "before"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("announced", sa.Boolean(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        *texts("case_number", "basis", "reason", "legal_basis"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "nmgdata_class_period_current",
        "nmgdata_class_period",
        ["dataset_id"],
        unique=True,
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_index("nmgdata_class_period_dataset", "nmgdata_class_period", ["dataset_id", "since"])
    op.create_index(
        "nmgdata_class_period_announced",
        "nmgdata_class_period",
        ["since", "id"],
        postgresql_where=sa.text("announced AND before IS NOT NULL"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("nmgdata_class_period")
    op.drop_table("nmgdata_evaluation")
    op.drop_table("nmgdata_class_change")
