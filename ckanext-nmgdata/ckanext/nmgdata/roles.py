"""Two more capacities in an organisation, and the record of who is given one (docs/roles.md)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import authz, model
from ckan.plugins import toolkit as tk
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper, attributes

from .kernel.actors import Actor
from .kernel.audit import append
from .kernel.gate.doors import asking
from .kernel.unit import join

PERMISSIONS = {"reviewer": ["read"], "auditor": ["read"]}


def install() -> None:
    """Add the capacities to CKAN's own, and notice who is given one; may be called again."""
    for target, name, hook in HOOKS:
        if not event.contains(target, name, hook):
            event.listen(target, name, hook)
    authz.ROLE_PERMISSIONS.update(PERMISSIONS)
    authz._trans_functions.update(
        reviewer=lambda: tk._("Reviewer"),
        auditor=lambda: tk._("Auditor"),
    )


# --- who is given a role, and by whom (R-SEC-10) -------------------------------------------------

OPERATOR = "sysadmin"


def member_saved(_mapper: Mapper[Any], connection: Connection, member: model.Member) -> None:
    """Note that somebody has got another capacity in an organisation, or none any more."""
    changed = [attributes.get_history(member, name).has_changes() for name in ("capacity", "state")]
    if any(changed) and is_office(connection, member):
        active = member.state == model.State.ACTIVE
        note("role.given" if active else "role.taken", member.table_id, member.capacity, member.group_id)


def member_gone(_mapper: Mapper[Any], connection: Connection, member: model.Member) -> None:
    """Note that a capacity goes for good."""
    if member.state == model.State.ACTIVE and is_office(connection, member):
        note("role.taken", member.table_id, member.capacity, member.group_id)


def user_saved(_mapper: Mapper[Any], _connection: Connection, user: model.User) -> None:
    """Note that somebody becomes an operator, or is one no longer; CKAN's account of the site is nobody."""
    if user.name == tk.config["ckan.site_id"]:
        return
    before = attributes.get_history(user, "sysadmin")
    if before.has_changes() and bool(user.sysadmin) != any(before.deleted or ()):
        note("role.given" if user.sysadmin else "role.taken", user.id, OPERATOR, None)


def is_office(connection: Connection, member: model.Member) -> bool:
    """Say whether a membership is a person's in an organisation."""
    group: Any = model.Group
    query = sa.select(group.is_organization).where(group.id == member.group_id)
    return member.table_name == "user" and bool(connection.execute(query).scalar())


def note(verb: str, user_id: str | None, role: str | None, organisation: str | None) -> None:
    """Audit a change of a role by a person; of the operator's also one by a command of the machine.

    Other commands of the machine, such as a harvest, give offices to nobody but CKAN's account of the site.
    """
    actor = asking()
    if not actor.user_id and role == OPERATOR:
        actor = Actor.system()
    if actor.user_id or role == OPERATOR:
        detail = {"role": role, "organisation": organisation}
        append(join(actor), verb, ("account", user_id or ""), detail=detail)


HOOKS = (
    (model.Member, "after_insert", member_saved),
    (model.Member, "after_update", member_saved),
    (model.Member, "after_delete", member_gone),
    (model.User, "after_insert", user_saved),
    (model.User, "after_update", user_saved),
)
