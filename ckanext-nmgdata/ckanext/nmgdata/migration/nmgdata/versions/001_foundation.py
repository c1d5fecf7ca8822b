"""The kernel's tables, the catalogue's and those of applications.

Revision ID: 8d1f0c5a7e21
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "8d1f0c5a7e21"
down_revision = None
branch_labels = None
depends_on = None

GATE_ADDRESS = (
    "url = '' OR (coalesce(url_type, '') = 'upload' AND strpos(url, '/') = 0)"
    " OR url ~ ('^https?://[^?#]+/resource/' || id || '/download$')"
    " OR url ~ ('^https?://[^?#]+/datastore/dump/' || id)"
)
"""No true link in ``resource.url``; rows from before are left to ``ckan nmgdata origins``."""


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "nmgdata_audit_event",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=True),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=True),
        sa.Column("detail", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=True),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint("seq >= 1", name="nmgdata_audit_event_seq"),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("hash"),
        sa.UniqueConstraint("prev_hash"),
    )
    op.create_index("nmgdata_audit_event_at", "nmgdata_audit_event", ["at"], unique=False)
    op.create_index("nmgdata_audit_event_case", "nmgdata_audit_event", ["case_id", "seq"], unique=False)
    op.create_index(
        "nmgdata_audit_event_subject",
        "nmgdata_audit_event",
        ["subject_type", "subject_id", "seq"],
        unique=False,
    )
    op.create_table(
        "nmgdata_audit_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name="nmgdata_audit_head_one"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "nmgdata_audit_secret",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("personal", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "nmgdata_case",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=True),
        sa.Column("org_id", sa.Text(), nullable=True),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("filer_id", sa.Text(), nullable=True),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("holder_id", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("provisional", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(holder IS NULL) = (holder_id IS NULL)", name="nmgdata_case_holder"),
        sa.CheckConstraint("closed_at IS NULL OR holder IS NULL", name="nmgdata_case_closed"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("nmgdata_case_dataset", "nmgdata_case", ["dataset_id", "kind"], unique=False)
    op.create_index("nmgdata_case_filer", "nmgdata_case", ["filer_id", "opened_at"], unique=False)
    op.create_index(
        "nmgdata_case_inbox",
        "nmgdata_case",
        ["holder_id", "due_on", "number"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL AND holder_id IS NOT NULL"),
    )
    op.create_index("nmgdata_case_org", "nmgdata_case", ["org_id", "kind", "opened_at"], unique=False)
    op.create_table(
        "nmgdata_download",
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", "day"),
    )
    op.create_index("nmgdata_download_dataset", "nmgdata_download", ["dataset_id"], unique=False)
    op.create_table(
        "nmgdata_outbox",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("payload", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("topic", "key", name="nmgdata_outbox_key"),
    )
    op.create_index(
        "nmgdata_outbox_due",
        "nmgdata_outbox",
        ["topic", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "nmgdata_refusal",
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("audited", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", "reason", "hour"),
    )
    op.create_index(
        "nmgdata_refusal_open",
        "nmgdata_refusal",
        ["hour"],
        unique=False,
        postgresql_where=sa.text("NOT audited"),
    )
    op.create_table(
        "nmgdata_serial",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series"),
    )
    op.create_table(
        "nmgdata_workday",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("is_workday", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    op.create_table(
        "nmgdata_application",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("applicant_kind", sa.Text(), nullable=False),
        sa.Column("applicant_name", sa.Text(), nullable=False),
        sa.Column("credit_code", sa.Text(), nullable=True),
        sa.Column("contact_phone", sa.Text(), nullable=False),
        sa.Column("scenario", sa.Text(), nullable=False),
        sa.Column("data_scope", sa.Text(), nullable=False),
        sa.Column("provision_mode", sa.Text(), nullable=False),
        sa.Column("use_from", sa.Date(), nullable=False),
        sa.Column("use_until", sa.Date(), nullable=False),
        sa.Column("safeguards", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "applicant_kind IN ('natural_person', 'legal_person', 'unincorporated')",
            name="nmgdata_application_applicant_kind",
        ),
        sa.CheckConstraint("use_until > use_from", name="nmgdata_application_period"),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_table(
        "nmgdata_application_item",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("applicant_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=True),
        sa.Column("is_open", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("nmgdata_application_item_case", "nmgdata_application_item", ["case_id"], unique=False)
    op.create_index(
        "nmgdata_application_item_dataset", "nmgdata_application_item", ["dataset_id"], unique=False
    )
    op.create_index(
        "nmgdata_application_item_one_open",
        "nmgdata_application_item",
        ["applicant_id", "dataset_id", sa.literal_column("coalesce(resource_id, '')")],
        unique=True,
        postgresql_where=sa.text("is_open"),
    )
    op.create_table(
        "nmgdata_case_event",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("transition", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("nmgdata_case_event_case", "nmgdata_case_event", ["case_id", "id"], unique=False)
    op.create_table(
        "nmgdata_closure",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "nmgdata_closure_live",
        "nmgdata_closure",
        ["holder_id", "dataset_id"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "nmgdata_deadline",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("statute", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("responsible", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("working_days", sa.Integer(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_notice_on", sa.Date(), nullable=True),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="nmgdata_deadline_closed"),
        sa.CheckConstraint("state IN ('open', 'met', 'stopped')", name="nmgdata_deadline_state"),
        sa.CheckConstraint("due_on >= started_on", name="nmgdata_deadline_order"),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "nmgdata_deadline_one_open",
        "nmgdata_deadline",
        ["case_id", "statute"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "nmgdata_deadline_provisional",
        "nmgdata_deadline",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'open' AND provisional"),
    )
    op.create_index(
        "nmgdata_deadline_sweep",
        "nmgdata_deadline",
        ["next_notice_on"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "nmgdata_entry",
        sa.Column("dataset_id", sa.UnicodeText(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.Column("open_class", sa.Text(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["package.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("dataset_id"),
        sa.UniqueConstraint("identifier"),
    )
    op.create_table(
        "nmgdata_grant",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("use_scope", sa.Text(), nullable=False),
        sa.Column("provision_mode", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("agreement", sa.Text(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(accepted_at IS NULL) = (agreement IS NULL)", name="nmgdata_grant_agreement"),
        sa.CheckConstraint("valid_until >= valid_from", name="nmgdata_grant_period"),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("nmgdata_grant_case", "nmgdata_grant", ["case_id"], unique=False)
    op.create_index(
        "nmgdata_grant_expiry",
        "nmgdata_grant",
        ["valid_until"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("nmgdata_grant_holder", "nmgdata_grant", ["holder_id"], unique=False)
    op.create_table(
        "nmgdata_suspension",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=True),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('suspended', 'withdrawn')", name="nmgdata_suspension_kind"),
        sa.ForeignKeyConstraint(["case_id"], ["nmgdata_case.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("nmgdata_suspension_case", "nmgdata_suspension", ["case_id"], unique=False)
    op.create_index(
        "nmgdata_suspension_live",
        "nmgdata_suspension",
        ["dataset_id"],
        unique=False,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "nmgdata_deadline_notice",
        sa.Column("deadline_id", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("days_left", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["deadline_id"], ["nmgdata_deadline.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("deadline_id", "due_on", "days_left"),
    )
    op.create_table(
        "nmgdata_grant_scope",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=True),
        sa.Column("fields", JSONB(), nullable=True),
        sa.Column("row_filter", JSONB(), nullable=True),
        sa.ForeignKeyConstraint(["grant_id"], ["nmgdata_grant.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("nmgdata_grant_scope_dataset", "nmgdata_grant_scope", ["dataset_id"], unique=False)
    op.create_index("nmgdata_grant_scope_grant", "nmgdata_grant_scope", ["grant_id"], unique=False)
    op.create_table(
        "nmgdata_origin",
        sa.Column("resource_id", sa.UnicodeText(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], ondelete="CASCADE", initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("resource_id"),
    )
    op.execute(f"ALTER TABLE resource ADD CONSTRAINT nmgdata_gate_address CHECK ({GATE_ADDRESS}) NOT VALID")
    op.execute(
        "INSERT INTO nmgdata_audit_head (id, seq, hash) VALUES (1, 0, repeat('0', 64)) ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    """Drop the tables."""
    op.execute("ALTER TABLE resource DROP CONSTRAINT nmgdata_gate_address")

    op.drop_table("nmgdata_origin")
    op.drop_index("nmgdata_grant_scope_grant", table_name="nmgdata_grant_scope")
    op.drop_index("nmgdata_grant_scope_dataset", table_name="nmgdata_grant_scope")
    op.drop_table("nmgdata_grant_scope")
    op.drop_table("nmgdata_deadline_notice")
    op.drop_index(
        "nmgdata_suspension_live",
        table_name="nmgdata_suspension",
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.drop_index("nmgdata_suspension_case", table_name="nmgdata_suspension")
    op.drop_table("nmgdata_suspension")
    op.drop_index("nmgdata_grant_holder", table_name="nmgdata_grant")
    op.drop_index(
        "nmgdata_grant_expiry", table_name="nmgdata_grant", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_index("nmgdata_grant_case", table_name="nmgdata_grant")
    op.drop_table("nmgdata_grant")
    op.drop_table("nmgdata_entry")
    op.drop_index(
        "nmgdata_deadline_sweep", table_name="nmgdata_deadline", postgresql_where=sa.text("state = 'open'")
    )
    op.drop_index(
        "nmgdata_deadline_provisional",
        table_name="nmgdata_deadline",
        postgresql_where=sa.text("state = 'open' AND provisional"),
    )
    op.drop_index(
        "nmgdata_deadline_one_open", table_name="nmgdata_deadline", postgresql_where=sa.text("state = 'open'")
    )
    op.drop_table("nmgdata_deadline")
    op.drop_index(
        "nmgdata_closure_live", table_name="nmgdata_closure", postgresql_where=sa.text("lifted_at IS NULL")
    )
    op.drop_table("nmgdata_closure")
    op.drop_index("nmgdata_case_event_case", table_name="nmgdata_case_event")
    op.drop_table("nmgdata_case_event")
    op.drop_index(
        "nmgdata_application_item_one_open",
        table_name="nmgdata_application_item",
        postgresql_where=sa.text("is_open"),
    )
    op.drop_index("nmgdata_application_item_dataset", table_name="nmgdata_application_item")
    op.drop_index("nmgdata_application_item_case", table_name="nmgdata_application_item")
    op.drop_table("nmgdata_application_item")
    op.drop_table("nmgdata_application")
    op.drop_table("nmgdata_workday")
    op.drop_table("nmgdata_serial")
    op.drop_index(
        "nmgdata_refusal_open", table_name="nmgdata_refusal", postgresql_where=sa.text("NOT audited")
    )
    op.drop_table("nmgdata_refusal")
    op.drop_index(
        "nmgdata_outbox_due", table_name="nmgdata_outbox", postgresql_where=sa.text("done_at IS NULL")
    )
    op.drop_table("nmgdata_outbox")
    op.drop_index("nmgdata_download_dataset", table_name="nmgdata_download")
    op.drop_table("nmgdata_download")
    op.drop_index("nmgdata_case_org", table_name="nmgdata_case")
    op.drop_index(
        "nmgdata_case_inbox",
        table_name="nmgdata_case",
        postgresql_where=sa.text("closed_at IS NULL AND holder_id IS NOT NULL"),
    )
    op.drop_index("nmgdata_case_filer", table_name="nmgdata_case")
    op.drop_index("nmgdata_case_dataset", table_name="nmgdata_case")
    op.drop_table("nmgdata_case")
    op.drop_table("nmgdata_audit_secret")
    op.drop_table("nmgdata_audit_head")
    op.drop_index("nmgdata_audit_event_subject", table_name="nmgdata_audit_event")
    op.drop_index("nmgdata_audit_event_case", table_name="nmgdata_audit_event")
    op.drop_index("nmgdata_audit_event_at", table_name="nmgdata_audit_event")
    op.drop_table("nmgdata_audit_event")
