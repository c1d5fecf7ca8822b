"""Notices in the site: one row per account and event, made when the outbox delivers, never twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from .. import clock
from ..actors import Actor
from ..types import moment, one_of, text
from ..unit import begin
from . import machine as machines
from .model import Case

N_ = str  # marks a string for translation; it is translated when shown

KEEP = timedelta(days=400)
"""How long a notice that was read is kept."""
MANY = 100
"""Unread notices are counted up to here; more is said as “99+”."""
CHOICES = {
    "reminders": N_("Reminders before a period ends"),
    "assignments": N_("Cases that a colleague assigns to you"),
    "progress": N_("Steps that ask nothing of you and decide nothing"),
    "plans": N_("News of the data and the open plans that you follow"),
}
"""Mails that may be switched off. Decisions, answers and stops are owed by law, so they may not."""
CHOICE_OF = {
    "reminder": "reminders",
    "urge_reminder": "reminders",
    "ending": "reminders",
    "assigned": "assignments",
}
"""Template → the choice it falls under; besides, ``progress`` is each step that the law does not owe."""


class Notice(tk.BaseModel):
    """What an account was told about a case."""

    __tablename__ = "nmgdata_notice"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    user_id: Mapped[text]
    case_id: Mapped[str] = mapped_column(sa.ForeignKey("nmgdata_case.id", ondelete="CASCADE"))
    template: Mapped[text]
    key: Mapped[text]
    """Key of the notice in the outbox."""
    subject: Mapped[text]
    """What the mail has as its subject."""
    at: Mapped[moment]
    read_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))

    __table_args__ = (
        sa.UniqueConstraint("user_id", "key", name="nmgdata_notice_once"),
        sa.Index("nmgdata_notice_list", "user_id", "id"),
        sa.Index("nmgdata_notice_unread", "user_id", postgresql_where=sa.text("read_at IS NULL")),
    )


class MailChoice(tk.BaseModel):
    """Mails that a person has switched off; the notice in the site stays."""

    __tablename__ = "nmgdata_mail_choice"

    user_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    at: Mapped[moment]

    __table_args__ = (sa.CheckConstraint(one_of("kind", CHOICES), name="nmgdata_mail_choice_kind"),)


def add(user_ids: Iterable[str], case_id: str, template: str, key: str, subject: str) -> None:
    """Note what accounts are told, in the transaction of the delivery; a repeat adds nothing."""
    rows = [
        {"user_id": user, "case_id": case_id, "template": template, "key": key, "subject": subject}
        for user in user_ids
    ]
    if rows:
        statement = insert(Notice).values([{**row, "at": clock.now()} for row in rows])
        model.Session.execute(statement.on_conflict_do_nothing())


def listed(user_id: str, *, unread: bool = False, before: int | None = None, limit: int = 50) -> list[Notice]:
    """Return the notices of an account, the newest first, from before an id."""
    query = sa.select(Notice).where(Notice.user_id == user_id)
    if unread:
        query = query.where(Notice.read_at.is_(None))
    if before is not None:
        query = query.where(Notice.id < before)
    return list(model.Session.scalars(query.order_by(Notice.id.desc()).limit(limit)))


def unread(user_id: str) -> int:
    """Return how many notices an account has not read, counted no further than is shown."""
    rows = sa.select(sa.literal(1)).where(Notice.user_id == user_id, Notice.read_at.is_(None)).limit(MANY)
    return model.Session.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0


def mark_read(actor: Actor, ids: Sequence[int] | None = None) -> int:
    """Mark one's own notices as read, all of them without ``ids``; return how many were unread."""
    with begin(actor) as unit:
        query = sa.update(Notice).where(Notice.user_id == actor.user_id, Notice.read_at.is_(None))
        if ids is not None:
            query = query.where(Notice.id.in_(ids))
        done: Any = unit.session.execute(
            query.values(read_at=unit.now).execution_options(synchronize_session=False)
        )
        return done.rowcount


def choice_of(case: Case, template: str) -> str | None:
    """Return the choice under which a notice about a case falls; None where the law owes the mail."""
    step = machines.of_case(case).step(template)
    return "progress" if step and not step.owed else CHOICE_OF.get(template)


def switched_off(user_ids: Iterable[str], choice: str | None) -> set[str]:
    """Return those accounts that do not want a mail; none where the law owes it."""
    query = sa.select(MailChoice.user_id).where(
        MailChoice.user_id.in_(list(user_ids)), MailChoice.kind == choice
    )
    return set(model.Session.scalars(query))


def choices(user_id: str) -> dict[str, bool]:
    """Return which mails that may be switched off an account gets."""
    off = set(model.Session.scalars(sa.select(MailChoice.kind).where(MailChoice.user_id == user_id)))
    return {kind: kind not in off for kind in CHOICES}


def choose(actor: Actor, user_id: str, kind: str, *, wanted: bool) -> None:
    """Switch a kind of mail on or off."""
    with begin(actor) as unit:
        if wanted:
            unit.session.execute(
                sa.delete(MailChoice).where(MailChoice.user_id == user_id, MailChoice.kind == kind)
            )
        else:
            row = insert(MailChoice).values(user_id=user_id, kind=kind, at=unit.now)
            unit.session.execute(row.on_conflict_do_nothing())


def purge() -> int:
    """Delete notices that were read long ago; return how many."""
    with begin(Actor.system()) as unit:
        old = sa.delete(Notice).where(Notice.read_at < unit.now - KEEP)
        done: Any = unit.session.execute(old)
        return done.rowcount
