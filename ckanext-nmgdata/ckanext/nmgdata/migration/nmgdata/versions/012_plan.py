"""The yearly open plan: plans, items, versions, what happened.

Revision ID: c4e81f05a92d
Revises: 3c71f0a9d2e5
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "c4e81f05a92d"
down_revision = "3c71f0a9d2e5"
branch_labels = None
depends_on = None

TABLES = ("nmgdata_plan_event", "nmgdata_plan_version", "nmgdata_plan_item", "nmgdata_plan")
OPEN_ITEM = "since_version IS NOT NULL AND opened_on IS NULL AND ended_on IS NULL"
RANK = """CASE WHEN 'livelihood' = ANY (grounds) THEN 0 WHEN 'urgent_need' = ANY (grounds) THEN 1
 WHEN cardinality(grounds) > 0 THEN 2 ELSE 3 END"""


def upgrade() -> None:
    """Create the tables; let people switch the news of plans off."""
    mails_to_choose("'reminders', 'assignments', 'progress', 'plans'")
    op.create_table(
        "nmgdata_plan",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("key_areas", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("pending", JSONB(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("told_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("level IN ('region', 'league_city', 'department')", name="nmgdata_plan_level"),
        sa.CheckConstraint("level <> 'department' OR parent_id IS NOT NULL", name="nmgdata_plan_parent"),
        sa.CheckConstraint("(version = 0) = (published_at IS NULL)", name="nmgdata_plan_published"),
        sa.CheckConstraint("closed_at IS NULL OR published_at IS NOT NULL", name="nmgdata_plan_closed"),
        sa.CheckConstraint("year BETWEEN 2000 AND 2200", name="nmgdata_plan_year"),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["parent_id"], ["nmgdata_plan.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id"),
        sa.UniqueConstraint("org_id", "year", name="nmgdata_plan_once"),
    )
    op.create_index("nmgdata_plan_of_year", "nmgdata_plan", ["year", "region_code"])
    op.create_index("nmgdata_plan_children", "nmgdata_plan", ["parent_id"])
    create_items()
    op.create_table(
        "nmgdata_plan_version",
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changes", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["nmgdata_plan.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("plan_id", "version"),
    )
    op.create_table(
        "nmgdata_plan_event",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["plan_id"], ["nmgdata_plan.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["item_id"], ["nmgdata_plan_item.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("nmgdata_plan_event_plan", "nmgdata_plan_event", ["plan_id", "id"])
    op.create_index("nmgdata_plan_event_item", "nmgdata_plan_event", ["item_id"])
    op.create_index(
        "nmgdata_plan_event_late", "nmgdata_plan_event", ["item_id"], unique=True,
        postgresql_where=sa.text("kind = 'late'"),
    )  # fmt: skip


def mails_to_choose(kinds: str) -> None:
    """Say which mails may be switched off."""
    op.drop_constraint("nmgdata_mail_choice_kind", "nmgdata_mail_choice")
    op.create_check_constraint("nmgdata_mail_choice_kind", "nmgdata_mail_choice", f"kind IN ({kinds})")


def create_items() -> None:
    """Create the table of items."""
    op.create_table(
        "nmgdata_plan_item",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("theme", sa.Text(), nullable=True),
        sa.Column("data_form", sa.Text(), nullable=True),
        sa.Column("update_frequency", sa.Text(), nullable=True),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("open_class", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("grounds", ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("rank", sa.SmallInteger(), sa.Computed(RANK, persisted=True), nullable=False),
        sa.Column("is_key", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("demand_source", sa.Text(), nullable=False),
        sa.Column("demand_note", sa.Text(), nullable=True),
        sa.Column("since_version", sa.Integer(), nullable=True),
        sa.Column("pending", JSONB(), nullable=True),
        sa.Column("kept_id", sa.Text(), nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("stop", sa.Text(), nullable=True),
        sa.Column("stop_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("end", sa.Text(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("replaced_by", sa.Text(), nullable=True),
        sa.Column("late_reason", sa.Text(), nullable=True),
        sa.Column("suggested_id", sa.Text(), nullable=True),
        sa.Column("suggested_on", sa.Date(), nullable=True),
        sa.CheckConstraint("open_class IN ('unconditional', 'conditional')", name="nmgdata_plan_item_class"),
        sa.CheckConstraint("stop IN ('suspended', 'withdrawn', 'closed')", name="nmgdata_plan_item_stop"),
        sa.CheckConstraint("\"end\" IN ('dropped', 'replaced', 'carried')", name="nmgdata_plan_item_end"),
        sa.CheckConstraint("(opened_on IS NULL) = (kept_id IS NULL)", name="nmgdata_plan_item_kept"),
        sa.CheckConstraint("(stop IS NULL) = (stop_on IS NULL)", name="nmgdata_plan_item_stopped"),
        sa.CheckConstraint(
            "(ended_on IS NULL) = (\"end\" IS NULL) AND (ended_on IS NULL) = (coalesce(end_reason, '') = '')",
            name="nmgdata_plan_item_ended",
        ),
        sa.CheckConstraint("title <> ''", name="nmgdata_plan_item_title"),
        sa.ForeignKeyConstraint(["plan_id"], ["nmgdata_plan.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["replaced_by"], ["nmgdata_plan_item.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "nmgdata_plan_item_once", "nmgdata_plan_item", ["plan_id", "dataset_id"], unique=True,
        postgresql_where=sa.text("ended_on IS NULL"),
    )  # fmt: skip
    op.create_index("nmgdata_plan_item_order", "nmgdata_plan_item", ["plan_id", "rank", "due_on", "id"])
    op.create_index("nmgdata_plan_item_entry", "nmgdata_plan_item", ["dataset_id"])
    op.create_index(
        "nmgdata_plan_item_replaced", "nmgdata_plan_item", ["replaced_by"],
        postgresql_where=sa.text("replaced_by IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "nmgdata_plan_item_keeper", "nmgdata_plan_item", ["kept_id"],
        postgresql_where=sa.text("kept_id IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "nmgdata_plan_item_open", "nmgdata_plan_item", ["due_on"], postgresql_where=sa.text(OPEN_ITEM)
    )


def downgrade() -> None:
    """Drop the tables; their cases stay in the ledger."""
    for table in TABLES:
        op.drop_table(table)
    op.execute("DELETE FROM nmgdata_mail_choice WHERE kind = 'plans'")
    mails_to_choose("'reminders', 'assignments', 'progress'")
