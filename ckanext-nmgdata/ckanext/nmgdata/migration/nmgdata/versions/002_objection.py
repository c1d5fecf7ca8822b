"""Objections, suspensions ex officio, evidence, sealed files.

Revision ID: 2c7be0d4f913
Revises: 8d1f0c5a7e21
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "2c7be0d4f913"
down_revision = "8d1f0c5a7e21"
branch_labels = None
depends_on = None


def case() -> sa.ForeignKeyConstraint:
    """Return the reference of a row to its case; a case is never deleted."""
    return sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "nmgdata_objection",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("objector_kind", sa.Text(), nullable=False),
        sa.Column("objector_name", sa.Text(), nullable=False),
        sa.Column("credit_code", sa.Text(), nullable=True),
        sa.Column("concern", sa.Text(), nullable=False),
        sa.Column("contact_phone", sa.Text(), nullable=False),
        sa.Column("contact_email", sa.Text(), nullable=False),
        sa.Column("contact_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verify_hash", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "objector_kind IN ('natural_person', 'legal_person', 'unincorporated')",
            name="nmgdata_objection_kind",
        ),
        case(),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_index("nmgdata_objection_dataset", "nmgdata_objection", ["dataset_id"])
    op.create_index("nmgdata_objection_address", "nmgdata_objection", ["address_key", "filed_at"])
    op.create_index("nmgdata_objection_filed", "nmgdata_objection", ["filed_at"])
    op.create_table(
        "nmgdata_exofficio",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("danger_kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        case(),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_table(
        "nmgdata_objection_item",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=True),
        sa.Column("files", JSONB(), nullable=False),
        case(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("nmgdata_objection_item_case", "nmgdata_objection_item", ["case_id"])
    op.create_table(
        "nmgdata_evidence",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=True),
        sa.Column("draft", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("scan", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "scan IN ('unscanned', 'pending', 'clean', 'infected')", name="nmgdata_evidence_scan"
        ),
        sa.CheckConstraint("(case_id IS NULL) <> (draft IS NULL)", name="nmgdata_evidence_owner"),
        case(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("nmgdata_evidence_case", "nmgdata_evidence", ["case_id"])
    op.create_index(
        "nmgdata_evidence_draft", "nmgdata_evidence", ["draft"], postgresql_where=sa.text("draft IS NOT NULL")
    )
    op.create_table(
        "nmgdata_used_challenge",
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("signature"),
    )
    op.create_table(
        "nmgdata_sealed",
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keep_until", sa.Date(), nullable=False),
        case(),
        sa.PrimaryKeyConstraint("resource_id", "sha256"),
    )
    op.create_index("nmgdata_sealed_case", "nmgdata_sealed", ["case_id"])


def downgrade() -> None:
    """Drop them again."""
    for table in (
        "nmgdata_sealed", "nmgdata_used_challenge", "nmgdata_evidence", "nmgdata_objection_item",
        "nmgdata_exofficio", "nmgdata_objection",
    ):  # fmt: skip
        op.drop_table(table)
