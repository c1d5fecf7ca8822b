"""Tables of plans: the plan, its items, its versions, and what has become of it (R-PLAN-01 … -05).

What the public sees is the last version: an item without ``since_version`` and everything ``pending`` are
still a draft. An item keeps what was promised as it was promised; what has become of it stands beside.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ..kernel import openness
from ..kernel.types import day, json, key, moment, one_of, text

KIND = "open_plan"
"""Kind of its case."""
GROUP = "open-plan"
"""Type of the group that a published plan is in CKAN."""
LEVELS = ("region", "league_city", "department")
STOPS = ("suspended", "withdrawn", "closed")
"""Why data that were opened are no longer open; ``closed``: taken out of the catalogue, or less open."""
ENDS = ("dropped", "replaced", "carried")
"""Why a promise ends without being kept; ``carried``: into the next year's plan."""
RANK = """CASE WHEN 'livelihood' = ANY (grounds) THEN 0 WHEN 'urgent_need' = ANY (grounds) THEN 1
 WHEN cardinality(grounds) > 0 THEN 2 ELSE 3 END"""
"""Order of an item in its plan: livelihood, then what is urgently needed, then other grounds (R26¶1)."""


class Plan(tk.BaseModel):
    """One plan of one organisation for one year; its case says where it stands.

    Its id is the id of the group of type ``open-plan`` that is the plan for the public.
    """

    __tablename__ = "nmgdata_plan"

    id: Mapped[key]
    case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="RESTRICT"), unique=True)
    org_id: Mapped[text]
    year: Mapped[int]
    level: Mapped[text]
    region_code: Mapped[text]
    parent_id: Mapped[str | None] = mapped_column(sa.ForeignKey("nmgdata_plan.id", ondelete="RESTRICT"))
    """Plan of the authority of that year."""
    title: Mapped[text]
    description: Mapped[text]
    key_areas: Mapped[text]
    """What the year is about (年度开放重点, R26¶1)."""
    legal_basis: Mapped[text]
    pending: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Texts of the next version: field → text."""
    version: Mapped[int] = mapped_column(sa.Integer, server_default="0")
    """0 until it is published."""
    published_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    report: Mapped[json]
    """Report of the year-end adjustment, once there is one."""
    told_until: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    """Last event that its followers have had by mail."""

    __table_args__ = (
        sa.UniqueConstraint("org_id", "year", name="nmgdata_plan_once"),
        sa.CheckConstraint(one_of("level", LEVELS), name="nmgdata_plan_level"),
        sa.CheckConstraint("level <> 'department' OR parent_id IS NOT NULL", name="nmgdata_plan_parent"),
        sa.CheckConstraint("(version = 0) = (published_at IS NULL)", name="nmgdata_plan_published"),
        sa.CheckConstraint("closed_at IS NULL OR published_at IS NOT NULL", name="nmgdata_plan_closed"),
        sa.CheckConstraint("year BETWEEN 2000 AND 2200", name="nmgdata_plan_year"),
        sa.Index("nmgdata_plan_of_year", "year", "region_code"),
        sa.Index("nmgdata_plan_children", "parent_id"),
    )


class Item(tk.BaseModel):
    """One promise: this entry will be open, so open, by the end of this month."""

    __tablename__ = "nmgdata_plan_item"

    id: Mapped[key]
    plan_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_plan.id", ondelete="CASCADE"))
    dataset_id: Mapped[text]
    """Entry of the catalogue (R-PLAN-02); a future dataset is a non-public entry first."""
    title: Mapped[text]
    description: Mapped[text]
    theme: Mapped[str | None] = mapped_column(sa.Text)
    data_form: Mapped[str | None] = mapped_column(sa.Text)
    update_frequency: Mapped[str | None] = mapped_column(sa.Text)
    format: Mapped[str | None] = mapped_column(sa.Text)
    open_class: Mapped[text]
    """How open it will be."""
    due_on: Mapped[day]
    """Last day of the planned month."""
    grounds: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), server_default="{}")
    rank: Mapped[int] = mapped_column(sa.SmallInteger, sa.Computed(RANK, persisted=True))
    is_key: Mapped[bool] = mapped_column(server_default=sa.false())
    """In the authority's list of key data (重点清单)."""
    demand_source: Mapped[text]
    demand_note: Mapped[str | None] = mapped_column(sa.Text)
    since_version: Mapped[int | None]
    pending: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What the next version changes: field → value, with ``reason``; ``end`` for the end of the promise."""
    kept_id: Mapped[str | None] = mapped_column(sa.Text)
    """Dataset that keeps the promise."""
    opened_on: Mapped[date | None] = mapped_column(sa.Date)
    stop: Mapped[str | None] = mapped_column(sa.Text)
    stop_on: Mapped[date | None] = mapped_column(sa.Date)
    ended_on: Mapped[date | None] = mapped_column(sa.Date)
    end: Mapped[str | None] = mapped_column(sa.Text)
    end_reason: Mapped[str | None] = mapped_column(sa.Text)
    replaced_by: Mapped[str | None] = mapped_column(
        sa.ForeignKey("nmgdata_plan_item.id", ondelete="SET NULL")
    )
    late_reason: Mapped[str | None] = mapped_column(sa.Text)
    suggested_id: Mapped[str | None] = mapped_column(sa.Text)
    """Dataset that seems to keep the promise; the department says whether it does."""
    suggested_on: Mapped[date | None] = mapped_column(sa.Date)
    """Since when it is open: the day on which the promise was kept, if it does."""

    __table_args__ = (
        sa.CheckConstraint(one_of("open_class", openness.OPENED), name="nmgdata_plan_item_class"),
        sa.CheckConstraint(one_of("stop", STOPS), name="nmgdata_plan_item_stop"),
        sa.CheckConstraint(one_of('"end"', ENDS), name="nmgdata_plan_item_end"),
        sa.CheckConstraint("(opened_on IS NULL) = (kept_id IS NULL)", name="nmgdata_plan_item_kept"),
        sa.CheckConstraint("(stop IS NULL) = (stop_on IS NULL)", name="nmgdata_plan_item_stopped"),
        sa.CheckConstraint(
            "(ended_on IS NULL) = (\"end\" IS NULL) AND (ended_on IS NULL) = (coalesce(end_reason, '') = '')",
            name="nmgdata_plan_item_ended",
        ),
        sa.CheckConstraint("title <> ''", name="nmgdata_plan_item_title"),
        sa.Index(
            "nmgdata_plan_item_once", "plan_id", "dataset_id", unique=True,
            postgresql_where=sa.text("ended_on IS NULL"),
        ),
        sa.Index("nmgdata_plan_item_order", "plan_id", "rank", "due_on", "id"),
        sa.Index("nmgdata_plan_item_entry", "dataset_id"),
        sa.Index(
            "nmgdata_plan_item_replaced", "replaced_by",
            postgresql_where=sa.text("replaced_by IS NOT NULL"),
        ),
        sa.Index("nmgdata_plan_item_keeper", "kept_id", postgresql_where=sa.text("kept_id IS NOT NULL")),
        sa.Index(
            "nmgdata_plan_item_open", "due_on",
            postgresql_where=sa.text(
                "since_version IS NOT NULL AND opened_on IS NULL AND ended_on IS NULL"
            ),
        ),
    )  # fmt: skip


DECIDING = sa.func.coalesce(Item.kept_id, Item.dataset_id)
"""The dataset that decides about an item: the one that keeps it, else its own entry."""


class Version(tk.BaseModel):
    """One published version of a plan (DC-38), with what it changed against the one before."""

    __tablename__ = "nmgdata_plan_version"

    plan_id: Mapped[str] = mapped_column(
        sa.ForeignKey("nmgdata_plan.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[moment]
    reason: Mapped[text]
    """Why the plan was amended; empty for the first version."""
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=sa.text("'[]'"))
    """Each: ``kind`` (added, changed, ended, text), ``item``, ``title``, ``reason``, and ``fields``, each
    with what it was and is."""


class Happening(tk.BaseModel):
    """What has happened to a published plan or item; inserted, never changed. Feed and mails read it."""

    __tablename__ = "nmgdata_plan_event"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    plan_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_plan.id", ondelete="CASCADE"))
    item_id: Mapped[str | None] = mapped_column(sa.ForeignKey("nmgdata_plan_item.id", ondelete="CASCADE"))
    kind: Mapped[text]
    at: Mapped[moment]
    said: Mapped[str | None] = mapped_column(sa.Text)
    """The reason that was published."""

    __table_args__ = (
        sa.Index("nmgdata_plan_event_plan", "plan_id", "id"),
        sa.Index("nmgdata_plan_event_item", "item_id"),
    )
