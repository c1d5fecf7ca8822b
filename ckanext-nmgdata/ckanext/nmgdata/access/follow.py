"""What the clock, the catalogue and stops bring to applications and to what they were given."""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model

from ..kernel import clock, events
from ..kernel.actors import Actor
from ..kernel.gate import stops
from ..kernel.gate.model import Grant, GrantScope
from ..kernel.openness import NON_OPEN
from ..kernel.unit import Unit
from ..kernel.workflow import engine, sweep
from ..kernel.workflow.machine import Payload
from ..kernel.workflow.model import Case
from . import handing, scope
from .model import ApplicationItem
from .workflow import USERS, at_rest, settle_clock


def expired() -> list[tuple[str, str]]:
    """Return the cases whose last grant has run out."""
    query = sa.select(Grant.case_id).where(Grant.ended_at.is_(None), Grant.valid_until < clock.today())
    return [(case_id, "expire") for case_id in model.Session.scalars(query.distinct())]


def close_what_became_open(unit: Unit, event: events.ClassChanged) -> None:
    """Close open applications and free grants when data become unconditional (DC-50).

    A case that is about other data, too, goes on with these: they need the right as before.
    """
    if not event.opens_to_everyone:
        return
    system = Unit(Actor.system(), unit.session, unit.now)
    for case in concerned(unit, event):
        if is_about_others(unit, case, event.dataset_id):
            here = sa.update(ApplicationItem).where(ApplicationItem.case_id == case.id)
            here = here.where(ApplicationItem.dataset_id == event.dataset_id)
            unit.session.execute(here.values(is_open=False, is_pending=False))
            title = unit.session.get_one(model.Package, event.dataset_id).title
            tell(unit, case, f"became_open:{event.dataset_id}", "became_open", {"title": title})
        else:
            engine.fire(case.id, "close", system.actor, {}, system)


def is_about_others(unit: Unit, case: Case, dataset_id: str) -> bool:
    """Say whether a case is about data beside these: of those decided, what was granted counts."""
    others = [item for item in scope.items(case.id) if item.is_open and item.dataset_id != dataset_id]
    if grant := handing.grant_of(unit, case):
        reached = sa.select(GrantScope.dataset_id).where(GrantScope.grant_id == grant.id)
        granted = set(unit.session.scalars(reached))
        others = [item for item in others if item.dataset_id in granted]
    return bool(others)


def tell_of_closing(unit: Unit, event: events.ClassChanged) -> None:
    """Tell applicants and users that the data are not open any more; what was decided stays as it is."""
    if event.after == NON_OPEN:
        for case in concerned(unit, event):
            tell(unit, case, f"non_open:{unit.now.isoformat()}", "non_open")


def concerned(unit: Unit, event: events.Event) -> list[Case]:
    """Return the open cases about the data of an event."""
    query = (
        sa.select(Case)
        .join(ApplicationItem, ApplicationItem.case_id == Case.id)
        .where(ApplicationItem.dataset_id == event.dataset_id, ApplicationItem.is_open)
        .order_by(Case.id)
        .distinct()
    )
    if event.resource_id is not None:
        file_or_all = (
            ApplicationItem.resource_id == event.resource_id,
            ApplicationItem.resource_id.is_(None),
        )
        query = query.where(sa.or_(*file_or_all))
    return list(unit.session.scalars(query))


def tell_of_stop(unit: Unit, event: events.Suspended) -> None:
    """Tell applicants and users that their case rests while the data are suspended."""
    for case in concerned(unit, event):
        settle_clock(unit, case)
        tell(unit, case, f"held:{event.case_id}:{event.resource_id}", "held")


def tell_of_resumption(unit: Unit, event: events.Lifted) -> None:
    """Tell them that it goes on, once nothing stops the data any more."""
    for case in concerned(unit, event):
        settle_clock(unit, case)
    if stops.reaches(event.dataset_id, event.resource_id):
        return
    for case in concerned(unit, event):
        tell(unit, case, f"resumed:{event.case_id}:{event.resource_id}", "resumed")


def end_what_was_withdrawn(unit: Unit, event: events.Withdrawn) -> None:
    """End cases and grants whose data are gone altogether; tell the others that files are gone (R-OBJ-06)."""
    system = Unit(Actor.system(), unit.session, unit.now)
    for case in concerned(unit, event):
        if all(stops.is_gone(item.dataset_id, item.resource_id) for item in scope.items(case.id)):
            engine.fire(case.id, "end", system.actor, {}, system)
        else:
            tell(unit, case, f"changed:{event.case_id}:{event.resource_id}", "changed")


def tell_of_replacement(unit: Unit, event: events.ResourceReplaced) -> None:
    """Tell who may use a file that it is another now; their grant opens the new version."""
    for case in concerned(unit, event):
        if case.status == "provided" and not at_rest(case):
            tell(unit, case, f"replaced:{event.resource_id}:{unit.now.isoformat()}", "replaced")


def tell_of_conditions(unit: Unit, event: events.ConditionsChanged) -> None:
    """Tell them that other conditions hold for the data, which, and what they may do (R-OPEN-09)."""
    title = unit.session.get_one(model.Package, event.dataset_id).title
    stated = {"title": title, "harder": event.harder, "before": event.before, "after": event.after}
    for case in concerned(unit, event):
        tell(unit, case, f"conditions:{event.case_number}", "conditions", stated)


def tell(unit: Unit, case: Case, event_id: str, template: str, stated: Payload | None = None) -> None:
    """Tell those who use the data, or have applied for them."""
    for to in USERS:
        engine.notify(unit, case, event_id, template, to, stated)


def install() -> None:
    """Listen to clock and catalogue."""
    sweep.timer("application_expiry", expired)
    events.subscribe(events.ClassChanged, close_what_became_open)
    events.subscribe(events.ClassChanged, tell_of_closing)
    events.subscribe(events.ConditionsChanged, tell_of_conditions)
    events.subscribe(events.Suspended, tell_of_stop)
    events.subscribe(events.Lifted, tell_of_resumption)
    events.subscribe(events.Withdrawn, end_what_was_withdrawn)
    events.subscribe(events.ResourceReplaced, tell_of_replacement)
