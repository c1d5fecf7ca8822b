"""Limits on objections, so that a flood cannot close the portal (R-OBJ-08, R39¶1).

Counted in the database, so that they hold with Redis down and over several web processes.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from ckan.plugins import toolkit as tk

from .. import config
from ..kernel.actors import Actor
from ..kernel.unit import Unit
from ..kernel.workflow.model import Case
from .model import Objection

_ = tk._
HOUR = timedelta(hours=1)
LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 11))")


class TooManyError(tk.ValidationError):
    """So many objections came from here, or altogether, that this one has to wait."""

    code = "too_many"
    status = 429


def check(unit: Unit, actor: Actor, key: str, *, proven: bool) -> None:
    """Refuse one objection too many of an address, of an account, or of all who have no account.

    Who has not solved the challenge is counted with the others of that sort alone: neighbours behind
    the same address who did solve it take nothing away from a person without JavaScript.

    :raises TooManyError: with what else can be done
    """
    per_address, unproven, without_account = config.objection_limits()
    unit.session.execute(LOCK, {"key": key if actor.user_id is None else actor.user_id})
    since = unit.now - HOUR
    own = Objection.address_key == key
    if actor.user_id is not None:
        own = sa.or_(own, Case.filer_id == actor.user_id)
    full = count(unit, since, own) >= per_address
    if not full and actor.user_id is None:
        full = count(unit, since, Case.filer_id.is_(None)) >= without_account
    if not full and actor.user_id is None and not proven:
        full = count(unit, since, sa.and_(own, Objection.proven.is_(False))) >= unproven
    if full:
        message = _(
            "Many objections have come in within the last hour. Try again later, log in, or telephone the "
            "department; its number stands on the page of the dataset."
        )
        raise TooManyError({"limit": [message]})


def count(unit: Unit, since: object, which: sa.ColumnElement[bool]) -> int:
    """Return how many objections of a sort were filed since a moment."""
    query = sa.select(sa.func.count()).select_from(Objection).join(Case, Case.id == Objection.case_id)
    return unit.session.scalar(query.where(Objection.filed_at > since, which)) or 0
