"""Data that are handed over off-line: written down with what, when, how; only under a grant that is live."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from ckan.plugins import toolkit as tk

from ..kernel import clock
from ..kernel.actors import Actor
from ..kernel.gate import answers, closures, meter, stops
from ..kernel.gate.model import OFFLINE, Grant
from ..kernel.gate.policy import Reason
from ..kernel.unit import Unit
from ..kernel.workflow.machine import Payload
from ..kernel.workflow.model import Case
from . import scope

_ = tk._


def grant_of(unit: Unit, case: Case) -> Grant | None:
    """Return the grant of a case that has not ended."""
    query = sa.select(Grant).where(Grant.case_id == case.id, Grant.ended_at.is_(None))
    return unit.session.scalar(query)


def fit(unit: Unit, case: Case, data: Payload) -> None:
    """Refuse what the gate would refuse: no live grant, stopped data, a violator (R28¶3, R50)."""
    grant, day = grant_of(unit, case), data["handed_on"]
    if grant is None or not grant.valid_from <= day <= grant.valid_until or day < accepted_on(grant):
        message = _("On this day there was no right to the data.")
        raise tk.ValidationError({"handed_on": [message]})
    for item in scope.items(case.id):
        if stops.reaches(item.dataset_id, item.resource_id):
            raise tk.ValidationError({"status": [answers.sentence(Reason.SUSPENDED)]})
        if closures.reaching(item.dataset_id, case.filer_id):
            raise tk.ValidationError({"status": [answers.sentence(Reason.ACCESS_CLOSED)]})


def accepted_on(grant: Grant) -> date:
    """Return the day on which the use agreement was accepted."""
    return clock.local_date(grant.accepted_at) if grant.accepted_at else clock.today()


def record(unit: Unit, case: Case, data: Payload) -> None:
    """Write the hand-over down as a use of the grant; it counts like any other."""
    grant = grant_of(unit, case)
    if grant is None:
        return
    holder = Actor("person", user_id=case.filer_id)
    try:
        meter.take(unit.session, holder, grant.id, None, OFFLINE, sha256=data["sha256"])
    except meter.UsedUpError as full:
        raise tk.ValidationError({"status": [answers.sentence(full.reason)]}) from full
