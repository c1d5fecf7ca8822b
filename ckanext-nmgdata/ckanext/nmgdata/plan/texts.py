"""The texts of a plan: check and change them; of a published plan for its next version."""

from __future__ import annotations

from typing import Any

from ckan.plugins import toolkit as tk

from ..forms import whole
from ..kernel import clock, orgs
from ..kernel.actors import Actor
from ..kernel.types import Conflict
from ..kernel.unit import begin
from . import items
from .logic import schema
from .model import Plan

_ = tk._
AHEAD, BACK = 2, 1
"""Years from now for which a plan can be begun."""


def about(stated: dict[str, Any]) -> tuple[str, int]:
    """Return the organisation and the year of a new plan.

    :raises tk.ValidationError: there is no such organisation, or the year is too far away
    """
    org_id = orgs.department(str(stated.get("org_id") or ""))
    year, now = whole(stated.get("year"), "year"), clock.today().year
    errors: dict[str, Any] = {}
    if org_id is None:
        errors["org_id"] = [_("Choose an organisation.")]
    if year is None or not now - BACK <= year <= now + AHEAD:
        errors["year"] = [
            _("Choose a year from {first} to {last}.").format(first=now - BACK, last=now + AHEAD)
        ]
    if org_id is None or year is None or errors:
        raise tk.ValidationError(errors)
    return org_id, year


def validated(stated: dict[str, Any], *, partly: bool) -> dict[str, str]:
    """Return the texts of a plan, checked.

    :raises tk.ValidationError: with the faults by field
    """
    clean, errors = items.validated(schema.plan(), stated, partly=partly)
    if errors:
        raise tk.ValidationError(errors)
    return clean


def change(actor: Actor, plan: Plan, texts: dict[str, str]) -> Plan:
    """Change the texts of a draft, or draft those of the next version."""
    with begin(actor) as unit:
        plan = unit.session.get_one(Plan, plan.id)
        mode = items.mode(unit, plan)
        if mode == items.LAST:
            raise Conflict(_("The plan is under review or closed; it cannot be changed now."))
        if mode == items.DRAFT:
            for name, value in texts.items():
                setattr(plan, name, value)
        else:
            whole_draft = {**(plan.pending or {}), **texts}
            changed = {name: value for name, value in whole_draft.items() if getattr(plan, name) != value}
            plan.pending = changed or None
    return plan
