"""Destroy personal data of closed cases once their time has passed (R-SEC-11, DC-57).

A feature says what it destroys of its kinds of case. The case, its timeline and its audit events
stay: the chain's hashes hold no personal data, and the salts of its commitments are destroyed too,
so that nobody can try out names against them afterwards. ``audit verify`` finds nothing wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from ckan import model
from dateutil.relativedelta import relativedelta

from .. import config
from . import clock
from .actors import Actor
from .audit import append
from .audit.model import AuditEvent, AuditSecret
from .unit import Unit, begin
from .workflow.machine import FILER
from .workflow.model import Case, CaseEvent

log = logging.getLogger(__name__)
BATCH = 200
Eraser = Callable[[Unit, Case], None]
_erasers: dict[str, Eraser] = {}


def register(kind: str, eraser: Eraser) -> None:
    """Say how the personal data of a kind of case are destroyed."""
    _erasers[kind] = eraser


def cutoff() -> datetime:
    """Return the moment before which cases must have been closed for their data to be destroyed."""
    return clock.now() - relativedelta(months=config.retention_months())


def due() -> list[str]:
    """Return closed cases whose time has passed, the oldest first."""
    query = (
        sa.select(Case.id)
        .where(Case.closed_at < cutoff(), Case.erased_at.is_(None), Case.kind.in_(sorted(_erasers)))
        .order_by(Case.closed_at)
    )
    found = list(model.Session.scalars(query))
    model.Session.rollback()
    return found


def sweep() -> int:
    """Destroy what is due, so many at once; return of how many cases. An error in one stops no others."""
    done = 0
    for case_id in due():
        if done == BATCH:
            break
        try:
            erase(case_id)
            done += 1
        except Exception:
            log.exception("personal data of case %s could not be destroyed", case_id)
    return done


def erase(case_id: str) -> None:
    """Destroy the personal data of one closed case, and the salts of its audit events."""
    with begin(Actor.system()) as unit:
        case = unit.session.get(Case, case_id, with_for_update=True, populate_existing=True)
        if case is None or case.erased_at is not None or case.closed_at is None:
            return
        _erasers[case.kind](unit, case)
        events = sa.select(AuditEvent.seq).where(AuditEvent.case_id == case.id)
        unit.session.execute(sa.delete(AuditSecret).where(AuditSecret.seq.in_(events)))
        # What they stated in later steps goes too; that they took the step stays.
        unit.session.execute(
            sa.update(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.role == FILER).values(data={})
        )
        case.erased_at = unit.now
        append(unit, "personal.erased", ("case", case.id), case_id=case.id)
