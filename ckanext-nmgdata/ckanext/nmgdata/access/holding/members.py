"""Whom the holder of a grant names to use it for their organisation (持有人为组织的, 指定使用人).

Only accounts that were registered with the organisation's own credit code can be named, so that a
closing under Art. 50 reaches all of them (``kernel/gate/closures``).
"""

from __future__ import annotations

from typing import Any, cast

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ...kernel.actors import Actor
from ...kernel.audit import append
from ...kernel.gate import closures
from ...kernel.gate.model import Grant, GrantMember, GrantScope
from ...kernel.types import Conflict
from ...kernel.unit import Unit, begin
from ..model import Application

_ = tk._
MOST = 50


def of_grants(grant_ids: list[str]) -> dict[str, list[model.User]]:
    """Return the accounts that are named, by grant."""
    user = cast(Any, model.User)
    query = (
        sa.select(GrantMember.grant_id, user)
        .join(user, user.id == GrantMember.user_id)
        .where(GrantMember.grant_id.in_(grant_ids))
        .order_by(GrantMember.named_at, user.name)
    )
    found: dict[str, list[model.User]] = {}
    for grant_id, account in model.Session.execute(query):
        found.setdefault(grant_id, []).append(account)
    return found


def add(actor: Actor, grant_id: str, account: str) -> None:
    """Name an account of one's organisation.

    :raises tk.ValidationError: there is no such account of the organisation, or its access is closed
    """
    with begin(actor) as unit:
        grant = held(unit, grant_id)
        user = named(unit, grant, account)
        here = sa.select(sa.func.count()).where(GrantMember.grant_id == grant.id)
        if (unit.session.scalar(here) or 0) >= MOST:
            raise tk.ValidationError({"account": [_("At most {n} accounts.").format(n=MOST)]})
        if unit.session.get(GrantMember, (grant.id, user.id)) is None:
            unit.session.add(GrantMember(grant_id=grant.id, user_id=user.id, named_at=unit.now))
            note(unit, "grant.member_named", grant, user.id)


def remove(actor: Actor, grant_id: str, account: str) -> None:
    """Take an account off again; what it may reach ends with this."""
    with begin(actor) as unit:
        grant = held(unit, grant_id)
        user = model.User.get(account)
        row = unit.session.get(GrantMember, (grant.id, user.id)) if user else None
        if row is None:
            raise tk.ValidationError({"account": [_("This account is not named.")]})
        unit.session.delete(row)
        note(unit, "grant.member_removed", grant, row.user_id)


def held(unit: Unit, grant_id: str) -> Grant:
    """Return a running grant of the unit's actor, locked.

    :raises tk.ObjectNotFound: it is somebody else's, or there is none
    """
    grant = unit.session.get(Grant, grant_id, with_for_update=True, populate_existing=True)
    if grant is None or grant.holder_id != unit.actor.user_id:
        raise tk.ObjectNotFound(_("Grant not found"))
    if grant.ended_at is not None:
        raise Conflict(_("This grant has ended."))
    return grant


def named(unit: Unit, grant: Grant, account: str) -> model.User:
    """Return the account that can be named; for every other the answer is the same."""
    code = unit.session.get_one(Application, grant.case_id).credit_code
    if code is None:
        message = _("You hold this grant as a natural person; only an organisation can name accounts.")
        raise tk.ValidationError({"account": [message]})
    user = model.User.get(account)
    if user is None or user.id == grant.holder_id or not user.is_active or closures.code_of(user.id) != code:
        message = _("There is no such account that was registered with your organisation's credit code.")
        raise tk.ValidationError({"account": [message]})
    reached = sa.select(GrantScope.dataset_id).where(GrantScope.grant_id == grant.id)
    if any(closures.reaching(dataset_id, user.id) for dataset_id in unit.session.scalars(reached)):
        raise tk.ValidationError({"account": [_("The access of this account to these data is closed.")]})
    return user


def note(unit: Unit, verb: str, grant: Grant, user_id: str) -> None:
    """Audit who was named or taken off; an account's id names nobody by itself."""
    append(unit, verb, ("grant", grant.id), case_id=grant.case_id, detail={"account": user_id})
