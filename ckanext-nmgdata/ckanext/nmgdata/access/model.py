"""Tables of applications. What an applicant states is personal data and lies here, not in the case."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ..kernel import identity
from ..kernel.types import json, key, moment, one_of, text


class Application(tk.BaseModel):
    """The statement of an applicant: who, and the five statutory elements (R-COND-01)."""

    __tablename__ = "nmgdata_application"

    case_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"), primary_key=True
    )
    bundle_id: Mapped[text]
    """Cases that were filed together, one per deciding department, have the same."""
    applicant_kind: Mapped[text]
    applicant_name: Mapped[text]
    credit_code: Mapped[str | None] = mapped_column(sa.Text)
    id_number: Mapped[str | None] = mapped_column(sa.Text)
    """Only where the condition of an entry needs it (DC-18)."""
    contact_phone: Mapped[text]
    scenario: Mapped[text]
    """具体应用场景."""
    data_scope: Mapped[text]
    """数据需求范围."""
    provision_mode: Mapped[text]
    """数据提供方式."""
    use_from: Mapped[date]
    use_until: Mapped[date]
    """数据使用时限."""
    safeguards: Mapped[text]
    """安全保障措施."""
    renews_id: Mapped[str | None] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"))
    """Case of the earlier application that this one is to prolong."""
    answers: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default=sa.text("'[]'"))
    """Questions of the department, as they stood, with their answers."""

    __table_args__ = (
        sa.CheckConstraint(
            one_of("applicant_kind", identity.KINDS), name="nmgdata_application_applicant_kind"
        ),
        sa.CheckConstraint("use_until > use_from", name="nmgdata_application_period"),
        sa.Index("nmgdata_application_bundle", "bundle_id"),
        sa.Index("nmgdata_application_renews", "renews_id"),
    )


class ApplicationItem(tk.BaseModel):
    """What is applied for: a dataset, or one file of it."""

    __tablename__ = "nmgdata_application_item"

    id: Mapped[key]
    case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"))
    applicant_id: Mapped[text]
    dataset_id: Mapped[text]
    resource_id: Mapped[str | None] = mapped_column(sa.Text)
    fields: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    """Names of the columns that are wanted; None: all."""
    is_open: Mapped[bool] = mapped_column(server_default=sa.true())
    """False once the case is closed."""
    is_pending: Mapped[bool] = mapped_column(server_default=sa.true())
    """False once it is decided; one person has one pending application per dataset or file."""

    __table_args__ = (
        sa.Index(
            "nmgdata_application_item_one_pending",
            "applicant_id", "dataset_id", sa.text("coalesce(resource_id, '')"),
            unique=True, postgresql_where=sa.text("is_pending"),
        ),
        sa.Index("nmgdata_application_item_case", "case_id"),
        sa.Index("nmgdata_application_item_dataset", "dataset_id"),
    )  # fmt: skip


class ApplicationDraft(tk.BaseModel):
    """What somebody has begun to apply for and typed; of an account, or of a login that ran out."""

    __tablename__ = "nmgdata_application_draft"

    id: Mapped[key]
    user_id: Mapped[str | None] = mapped_column(sa.Text)
    data: Mapped[json]
    changed_at: Mapped[moment]

    __table_args__ = (
        sa.Index(
            "nmgdata_application_draft_user", "user_id", postgresql_where=sa.text("user_id IS NOT NULL"),
        ),
        sa.Index("nmgdata_application_draft_age", "changed_at"),
    )  # fmt: skip
