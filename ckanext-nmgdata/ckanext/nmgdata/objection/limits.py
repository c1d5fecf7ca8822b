"""Limits on objections, so that a flood cannot close the portal (R-OBJ-08, R39¶1).

Counted in the database, so that they hold with Redis down and over several web processes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NoReturn

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import insert

from .. import config
from ..kernel.actors import Actor
from ..kernel.gate import answers
from ..kernel.unit import Unit, begin
from ..kernel.workflow.model import Case
from .model import Objection, ObjectionAttempt

_ = tk._
HOUR = timedelta(hours=1)
RETRY = 10 * 60
"""Seconds after which a place may have become free."""
LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 11))")


class TooManyError(tk.ValidationError):
    """So many objections came from here, or altogether, that this one has to wait."""

    code = "too_many"
    status = 429


def note_attempt(unit: Unit, key: str) -> None:
    """Count a form that came in, solved or not, right or wrong, before anything of it is looked at.

    :raises TooManyError: too many came from this address within the hour, so that this one is not read
    """
    hour = unit.now.replace(minute=0, second=0, microsecond=0)
    row = insert(ObjectionAttempt).values(address_key=key, hour=hour, count=1)
    counted = row.on_conflict_do_update(
        index_elements=["address_key", "hour"], set_={"count": ObjectionAttempt.count + 1}
    )
    if unit.session.scalars(counted.returning(ObjectionAttempt.count)).one() > config.objection_attempts():
        refuse()


def forget_attempts() -> None:
    """Forget the counts of past hours."""
    with begin(Actor.system()) as unit:
        unit.session.execute(sa.delete(ObjectionAttempt).where(ObjectionAttempt.hour < unit.now - 2 * HOUR))


def refuse() -> NoReturn:
    """Say that this one has to wait, and what else can be done.

    :raises TooManyError: always
    """
    message = _(
        "Many objections have come in within the last hour. Try again later, log in, or telephone the "
        "department; its number stands on the page of the dataset."
    )
    answers.answer_with(TooManyError.status, {"Retry-After": str(RETRY)})
    raise TooManyError({"limit": [message]})


def check(unit: Unit, actor: Actor, key: str, *, proven: bool) -> None:
    """Refuse one objection too many of an address, of an account, or of all who have no account.

    Who has an account, and who has not solved the challenge, is counted with the others of that sort
    alone: neighbours behind the same address take nothing away from a person who logs in, nor from one
    without JavaScript.

    :raises TooManyError: with what else can be done
    """
    per_address, unproven, without_account = config.objection_limits()
    unit.session.execute(LOCK, {"key": key if actor.user_id is None else actor.user_id})
    since = unit.now - HOUR
    if actor.user_id is None:
        own = sa.and_(Objection.address_key == key, Case.filer_id.is_(None))
    else:
        beside = sa.and_(Objection.address_key == key, Case.filer_id.is_not(None))
        own = sa.or_(beside, Case.filer_id == actor.user_id)
    full = count(unit, since, own) >= per_address
    if not full and actor.user_id is None:
        full = count(unit, since, Case.filer_id.is_(None)) >= without_account
    if not full and actor.user_id is None and not proven:
        full = count(unit, since, sa.and_(own, Objection.proven.is_(False))) >= unproven
    if full:
        refuse()


def count(unit: Unit, since: object, which: sa.ColumnElement[bool]) -> int:
    """Return how many objections of a sort were filed since a moment."""
    query = sa.select(sa.func.count()).select_from(Objection).join(Case, Case.id == Objection.case_id)
    return unit.session.scalar(query.where(Objection.filed_at > since, which)) or 0
