"""The desk: assignees, search in lists of cases, urgings, notices in the site, choice of mails.

Revision ID: 7b20d94e1f58
Revises: 7d20c4e8f116
"""

import sqlalchemy as sa
from alembic import op
from ckanext.nmgdata.kernel.workflow.terms import terms
from sqlalchemy.dialects.postgresql import ARRAY

revision = "7b20d94e1f58"
down_revision = "7d20c4e8f116"
branch_labels = None
depends_on = None

DUE = sa.text("coalesce(due_on, 'infinity'::date)")
OPEN_CASE = "closed_at IS NULL"
HELD = "closed_at IS NULL AND holder_id IS NOT NULL"
OPEN_URGE = sa.text("answered_at IS NULL AND settled_at IS NULL")


def upgrade() -> None:
    """Add the columns and indexes of cases; create the tables."""
    op.add_column("nmgdata_case", sa.Column("assignee_id", sa.Text(), nullable=True))
    op.add_column("nmgdata_case", sa.Column("terms", ARRAY(sa.Text()), server_default="{}", nullable=False))
    find_cases_by_title()
    op.drop_index("nmgdata_case_inbox", "nmgdata_case")
    op.drop_index("nmgdata_case_org", "nmgdata_case")
    index_cases()
    op.create_index("nmgdata_deadline_case", "nmgdata_deadline", ["case_id"])
    op.create_table(
        "nmgdata_urge",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("deadline_id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("text <> ''", name="nmgdata_urge_text"),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (coalesce(answer, '') = '')"
            " AND (answered_at IS NULL) = (answered_by IS NULL)",
            name="nmgdata_urge_answer",
        ),
        sa.CheckConstraint("answered_at IS NULL OR settled_at IS NULL", name="nmgdata_urge_end"),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["deadline_id"], ["nmgdata_deadline.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("nmgdata_urge_case", "nmgdata_urge", ["case_id"])
    op.create_index(
        "nmgdata_urge_one_open", "nmgdata_urge", ["case_id"], unique=True, postgresql_where=OPEN_URGE
    )
    op.create_index("nmgdata_urge_org", "nmgdata_urge", ["org_id"], postgresql_where=OPEN_URGE)
    op.create_table(
        "nmgdata_notice",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "key", name="nmgdata_notice_once"),
    )
    op.create_index("nmgdata_notice_list", "nmgdata_notice", ["user_id", "id"])
    op.create_index(
        "nmgdata_notice_unread", "nmgdata_notice", ["user_id"], postgresql_where=sa.text("read_at IS NULL")
    )
    op.create_table(
        "nmgdata_mail_choice",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('reminders', 'assignments')", name="nmgdata_mail_choice_kind"),
        sa.PrimaryKeyConstraint("user_id", "kind"),
    )


def find_cases_by_title() -> None:
    """Write down the terms of the cases that are there."""
    connection = op.get_bind()
    titles = connection.execute(
        sa.text(
            "SELECT p.id, coalesce(nullif(p.title, ''), p.name) FROM package p"
            " WHERE EXISTS (SELECT FROM nmgdata_case c WHERE c.dataset_id = p.id)"
        )
    ).all()
    for dataset_id, title in titles:
        connection.execute(
            sa.text("UPDATE nmgdata_case SET terms = :terms WHERE dataset_id = :id"),
            {"terms": terms(title), "id": dataset_id},
        )


def index_cases() -> None:
    """Index cases for the boxes of the inbox, its orders and its search."""
    op.create_index(
        "nmgdata_case_inbox", "nmgdata_case", ["holder_id", DUE, "number"], postgresql_where=sa.text(HELD)
    )
    op.create_index("nmgdata_case_due", "nmgdata_case", [DUE, "number"], postgresql_where=sa.text(OPEN_CASE))
    op.create_index(
        "nmgdata_case_assignee",
        "nmgdata_case",
        ["assignee_id", DUE, "number"],
        postgresql_where=sa.text("assignee_id IS NOT NULL"),
    )
    op.create_index("nmgdata_case_org", "nmgdata_case", ["org_id", "opened_at", "number"])
    op.create_index("nmgdata_case_received", "nmgdata_case", ["opened_at", "number"])
    op.create_index(
        "nmgdata_case_prefix", "nmgdata_case", ["number"], postgresql_ops={"number": "text_pattern_ops"}
    )
    op.create_index("nmgdata_case_terms", "nmgdata_case", ["terms"], postgresql_using="gin")


def downgrade() -> None:
    """Drop the tables, indexes and columns."""
    for name in ("nmgdata_mail_choice", "nmgdata_notice", "nmgdata_urge"):
        op.drop_table(name)
    op.drop_index("nmgdata_deadline_case", "nmgdata_deadline")
    for name in ("terms", "prefix", "received", "org", "assignee", "due", "inbox"):
        op.drop_index(f"nmgdata_case_{name}", "nmgdata_case")
    op.drop_column("nmgdata_case", "terms")
    op.drop_column("nmgdata_case", "assignee_id")
    op.create_index(
        "nmgdata_case_inbox",
        "nmgdata_case",
        ["holder_id", "due_on", "number"],
        postgresql_where=sa.text(HELD),
    )
    op.create_index("nmgdata_case_org", "nmgdata_case", ["org_id", "kind", "opened_at"])
