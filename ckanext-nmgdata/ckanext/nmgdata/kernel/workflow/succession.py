"""Departments are merged and authorities replaced; their open cases pass to whoever follows them.

That is the department that has the data of the case now, else the authority of its region: nobody waits for
an office that is no more.
"""

from __future__ import annotations

import logging

import sqlalchemy as sa
from ckan import model

from .. import orgs
from ..actors import Actor
from ..audit import append
from ..unit import begin
from . import engine
from . import machine as machines
from .machine import FILER, OFFICES, PROVIDER, SYSTEM
from .model import Case, CaseEvent

log = logging.getLogger(__name__)
STEP = "inherited"
"""Name of a succession in the timeline of a case, and of its notice; no machine has a step of this name."""
BATCH = 500


def follow() -> int:
    """Pass on the open cases of offices that are no more; return how many. One that fails stops no other."""
    done = 0
    for case_id in stranded():
        try:
            done += pass_on(case_id)
        except Exception:
            model.Session.rollback()
            log.exception("case %s could not be passed on", case_id)
    return done


def stranded() -> list[str]:
    """Return the open cases whose department, or whose holder, is no active organisation any more."""
    here = orgs.active().with_only_columns(orgs.GROUP.id)
    gone = sa.or_(Case.org_id.not_in(here), sa.and_(Case.holder.in_(OFFICES), Case.holder_id.not_in(here)))
    query = sa.select(Case.id).where(Case.closed_at.is_(None), Case.org_id.is_not(None), gone)
    found = list(model.Session.scalars(query.order_by(Case.id).limit(BATCH)))
    model.Session.rollback()
    return found


def pass_on(case_id: str) -> int:
    """Pass one case on; 0 where nobody follows its office."""
    with begin(Actor.system()) as unit:
        case = engine.lock(unit, case_id)
        heir = successor(case)
        if heir is None or case.closed_at is not None:
            return 0
        before, case.org_id = case.org_id, heir
        event = CaseEvent(
            case_id=case.id, transition=STEP, source=case.status, target=case.status,
            actor_kind=unit.actor.kind, actor_id=None, role=SYSTEM, at=unit.now, data={},
        )  # fmt: skip
        unit.session.add(event)
        unit.session.flush()
        engine.settle(unit, machines.of_case(case), case)
        append(
            unit, "case.inherited", ("case", case.id), case_id=case.id, detail={"from": before, "to": heir}
        )
        for to in (FILER, PROVIDER):
            engine.notify(unit, case, event.id, STEP, to)
    return 1


def successor(case: Case) -> str | None:
    """Return the organisation that deals with a case from now on."""
    dataset = model.Session.get(model.Package, case.dataset_id) if case.dataset_id else None
    candidates = (case.org_id, dataset.owner_org if dataset else None)
    follows = (orgs.department(org_id) for org_id in candidates if org_id)
    return next((org_id for org_id in follows if org_id), None) or orgs.authority_of(case.region_code)
