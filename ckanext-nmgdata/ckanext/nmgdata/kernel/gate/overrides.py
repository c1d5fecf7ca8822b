"""Open one resource to an auditor or the operator for a short time, with a reason (R29¶1).

Never withdrawn data, never a violator's; the class and what is suspended stay as they are. The
event is sealed before the first byte can leave, and every download under it is an event too.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ... import config
from ..audit import append
from ..types import new_id
from ..unit import Unit
from . import facts, policy
from .model import REASON_LENGTH, Override

_ = tk._


def take(unit: Unit, resource_id: str, reason: str) -> Override:
    """Give the unit's actor the resource for the time that the portal sets.

    :raises NotAuthorized: this person may not, or needs no override
    :raises ValidationError: the reason is too short
    """
    found = facts.read(resource_id, unit.actor, unit.session)
    if found is None:
        raise tk.ObjectNotFound(_("Resource not found"))
    decision = policy.by_right(found, policy.Purpose.USE, unit.now)
    if not policy.overridable(found, decision):
        raise tk.NotAuthorized(_("You have no right to do this."))
    if len(reason.strip()) < REASON_LENGTH:
        message = _("State the reason in at least {n} characters.").format(n=REASON_LENGTH)
        raise tk.ValidationError({"reason": [message]})
    row = Override(
        id=new_id(),
        resource_id=resource_id,
        holder_id=unit.actor.user_id,
        reason=reason.strip(),
        since=unit.now,
        until=unit.now + timedelta(minutes=config.override_minutes()),
    )
    unit.session.add(row)
    unit.session.flush()
    detail = {"override": row.id, "until": row.until.isoformat(), "refused": decision.reason.value}
    append(unit, "override.used", ("resource", resource_id), detail=detail)
    return row


def end(unit: Unit, dataset_id: str, resource_id: str | None) -> None:
    """End the overrides of a dataset, or of one file: their reasons speak of another refusal than a stop."""
    files = sa.select(model.Resource.id).where(model.Resource.package_id == dataset_id)
    if resource_id:
        files = files.where(model.Resource.id == resource_id)
    running = sa.update(Override).where(Override.resource_id.in_(files), Override.until > unit.now)
    ended = running.values(until=sa.func.greatest(Override.since, unit.now))
    unit.session.execute(ended.execution_options(synchronize_session=False))


def reason_of(override_id: str) -> str:
    """Return why an override was taken; for the audit page."""
    return model.Session.scalar(sa.select(Override.reason).where(Override.id == override_id)) or ""
