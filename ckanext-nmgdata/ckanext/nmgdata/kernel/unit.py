"""The unit of work: one transaction for a decision and everything that goes with it.

``with unit.begin(actor) as u:`` is the only place that commits the tables of this project. Rows
that belong to a CKAN dataset write are written by ``unit.join(...)`` inside
``IPackageController.after_dataset_*`` and committed by CKAN. In both ways the audit events are
sealed last, just before the commit, and what must happen afterwards (index, mail) is an outbox
row in the same transaction. A unit never calls a CKAN action that writes: those commit by
themselves (docs/adr/0003).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from ckan import model
from sqlalchemy.orm import Session

from . import clock
from .actors import Actor

_ACTIVE = "nmgdata_unit"


@dataclass
class Unit:
    """One piece of work: who does it, when, and the session that carries it."""

    actor: Actor
    session: Session
    now: datetime = field(default_factory=clock.now)


@contextmanager
def begin(actor: Actor) -> Iterator[Unit]:
    """Do the work of the block in one transaction: all of it is committed, or none.

    :raises RuntimeError: when a unit is already open in this thread; pass that one on instead.
    """
    session = model.Session()
    if session.info.get(_ACTIVE):
        raise RuntimeError("a unit of work is already open: pass it on")
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("the session holds changes of somebody else: commit or undo them first")
    session.rollback()
    session.info[_ACTIVE] = True
    try:
        yield Unit(actor, session)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop(_ACTIVE, None)


def join(actor: Actor) -> Unit:
    """Return a unit inside the transaction that CKAN has open and will commit itself."""
    return Unit(actor, model.Session())
