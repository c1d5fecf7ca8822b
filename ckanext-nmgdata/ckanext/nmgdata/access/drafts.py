"""What somebody has begun to apply for: kept on request, and when a login runs out over a long form.

One draft per account. What was typed without a login waits for a day under a secret that only the
address after the login holds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model

from ..kernel.actors import Actor
from ..kernel.types import new_id
from ..kernel.unit import begin
from ..kernel.workflow.model import Case
from . import scope
from .model import Application, ApplicationDraft

UNCLAIMED = timedelta(days=1)
KEPT = timedelta(days=90)
COPIED = (
    "applicant_kind", "applicant_name", "credit_code", "contact_phone", "scenario", "data_scope",
    "provision_mode", "safeguards",
)  # fmt: skip


def of(user_id: str) -> dict[str, Any]:
    """Return the draft of an account; empty when there is none."""
    row = model.Session.scalar(sa.select(ApplicationDraft).where(ApplicationDraft.user_id == user_id))
    return dict(row.data) if row else {}


def keep(actor: Actor, data: dict[str, Any]) -> str:
    """Keep a draft in the place of an earlier one, without an ID number; return its secret id."""
    data = {name: value for name, value in data.items() if name != "id_number"}
    with begin(actor) as unit:
        if actor.user_id:
            delete_of(unit.session, actor.user_id)
        row = ApplicationDraft(id=new_id(), user_id=actor.user_id, data=data, changed_at=unit.now)
        unit.session.add(row)
    return row.id


def claim(actor: Actor, draft_id: str) -> None:
    """Give a draft that was typed without a login to who has now logged in and knows its secret."""
    with begin(actor) as unit:
        query = sa.select(ApplicationDraft).where(
            ApplicationDraft.id == draft_id, ApplicationDraft.user_id.is_(None)
        )
        row = unit.session.scalar(query.with_for_update())
        if row is not None and actor.user_id:
            delete_of(unit.session, actor.user_id)
            row.user_id = actor.user_id


def delete_of(session: Any, user_id: str) -> None:
    """Delete the draft of an account."""
    session.execute(sa.delete(ApplicationDraft).where(ApplicationDraft.user_id == user_id))


def forget(actor: Actor) -> None:
    """Delete the draft of who has filed it."""
    with begin(actor) as unit:
        delete_of(unit.session, actor.user_id or "")


def from_case(case: Case) -> dict[str, Any]:
    """Return an earlier application as the beginning of a new one, without its period."""
    application = model.Session.get_one(Application, case.id)
    items = [
        {"dataset_id": item.dataset_id, "resource_id": item.resource_id, "fields": item.fields}
        for item in scope.items(case.id)
    ]
    return {**{name: getattr(application, name) for name in COPIED}, "items": items}


def purge() -> None:
    """Delete drafts that nobody has come back to."""
    with begin(Actor.system()) as unit:
        old = sa.or_(
            ApplicationDraft.changed_at < unit.now - KEPT,
            sa.and_(ApplicationDraft.user_id.is_(None), ApplicationDraft.changed_at < unit.now - UNCLAIMED),
        )
        unit.session.execute(sa.delete(ApplicationDraft).where(old))
