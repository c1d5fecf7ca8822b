"""The only code that moves a case.

``fire``: lock the row → state → actor → guards → payload → status → deadline → effects → audit →
outbox, all in one transaction. A wrong state is a ``Conflict`` (409), a missing right
``NotAuthorized`` (403), a bad form a ``ValidationError``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .. import clock, orgs, outbox
from ..actors import Actor, Role, reviewers_of
from ..audit import append
from ..deadlines import ledger, statutes
from ..types import Conflict, new_id
from ..unit import Unit, begin
from . import machine as machines
from . import numbers, subjects, terms
from .machine import AUTHORITY, DRAFT, FILER, OFFICES, PROVIDER, Machine, Payload, Transition
from .model import OPEN_URGE, Case, CaseEvent, Urge

_ = tk._


ACCOUNT = "account:"
"""What the receiver of a notice begins with when it is not a role of the case."""


@dataclass(frozen=True)
class Filing:
    """What a new case is about."""

    org_id: str | None
    region_code: str
    dataset_id: str | None = None
    filer_id: str | None = None


@dataclass(frozen=True)
class Receipt:
    """What the filer keeps: the number, and the code that opens the case without an account."""

    case: Case
    code: str


@contextmanager
def working(actor: Actor, unit: Unit | None) -> Iterator[Unit]:
    """Use the unit that is open, or open one."""
    if unit is not None:
        yield unit
    else:
        with begin(actor) as own:
            yield own


def start(
    kind: str,
    filing: Filing,
    actor: Actor,
    data: Payload,
    unit: Unit | None = None,
    *,
    step: str | None = None,
    rows: Callable[[Unit, Case], None] | None = None,
) -> Receipt:
    """File a case: create it and fire its submission, in one transaction.

    ``step`` names the first step where a kind has several; ``rows`` writes what the feature keeps
    about the case, before the effects of that step read it.
    """
    machine = machines.chosen(kind, statutes.current().settings)
    with working(actor, unit) as u:
        code = numbers.new_code()
        case = Case(
            id=new_id(),
            kind=kind,
            variant=machine.variant,
            number=numbers.next_number(u, machine.prefix, clock.local_date(u.now)),
            code_hash=numbers.hash_code(code),
            status=DRAFT,
            dataset_id=filing.dataset_id,
            org_id=filing.org_id,
            region_code=filing.region_code or orgs.REGION,
            filer_id=filing.filer_id,
            opened_at=u.now,
            changed_at=u.now,
        )
        u.session.add(case)
        u.session.flush()
        if rows:
            rows(u, case)
        first = next(s for s in machine.from_state(DRAFT) if step in (None, s.name))
        move(u, machine, case, first, data)
        case.terms = terms.of(subjects.of(case.id))
    return Receipt(case, code)


def fire(case_id: str, transition: str, actor: Actor, data: Payload, unit: Unit | None = None) -> Case:
    """Take one step of a case.

    :raises tk.ObjectNotFound: there is no such case
    :raises Conflict: the step is not possible in the case's present state
    """
    with working(actor, unit) as u:
        case = lock(u, case_id)
        machine = machines.of_case(case)
        step = machine.step(transition)
        if step is None:
            raise tk.ValidationError({"transition": [_("There is no such step in this case.")]})
        if case.status not in step.source:
            raise Conflict(_("The case has moved on; this step is no longer possible. Reload the page."))
        move(u, machine, case, step, data)
    return case


def lock(unit: Unit, case_id: str) -> Case:
    """Lock a case until the transaction ends and return it as it stands now."""
    case = unit.session.get(Case, case_id, with_for_update=True, populate_existing=True)
    if case is None:
        raise tk.ObjectNotFound(_("Case not found"))
    return case


def move(unit: Unit, machine: Machine, case: Case, step: Transition, data: Payload) -> None:
    """Take a step of a locked case whose state allows it."""
    if not machines.ROLES[step.actor](unit.actor, case):
        raise tk.NotAuthorized(_("This step belongs to somebody else."))
    payload = validated(step, data, case)
    for guard in step.guards:
        guard(unit, case, payload)
    source, case.status, case.changed_at = case.status, step.target, unit.now
    for statute in step.meets:
        ledger.close_period(unit, case.id, statute)
    if step.opens:
        ledger.open_period(unit, case.id, step.opens, step.until and step.until(unit, case, payload))
    event = write_event(unit, case, step, source, payload)
    for effect in step.effects:
        effect(unit, case, payload)
    settle(unit, machine, case)
    append(
        unit,
        "case.transition",
        ("case", case.id),
        case_id=case.id,
        detail={"kind": case.kind, "step": step.name, "from": source, "to": case.status},
    )
    for to in step.notices:
        notify(unit, case, event.id, step.name, to)


def validated(step: Transition, data: Payload, case: Case) -> Payload:
    """Return what the step asks for, checked; anything else that was sent is dropped.

    Validators find the case in their context, as ``case``.
    """
    schema = step.form()
    if not schema:
        return {}
    context: Any = {"session": model.Session, "case": case}
    stated = {name: data.get(name, "") for name in schema if name in data}
    clean, errors = tk.navl_validate(stated, schema, context)
    if errors:
        raise tk.ValidationError(errors)
    return clean


def write_event(unit: Unit, case: Case, step: Transition, source: str, payload: Payload) -> CaseEvent:
    """Add a step to the timeline."""
    event = CaseEvent(
        case_id=case.id,
        transition=step.name,
        source=source,
        target=step.target,
        actor_kind=unit.actor.kind,
        actor_id=unit.actor.user_id,
        role=step.actor,
        at=unit.now,
        data=jsonable(payload) if step.recorded else {},
    )
    unit.session.add(event)
    unit.session.flush()
    return event


def jsonable(payload: Payload) -> Payload:
    """Return a payload with its dates as text."""
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in payload.items()}


def settle(unit: Unit, machine: Machine, case: Case) -> None:
    """Write down whom the case waits for now and until when."""
    state = machine.state(case.status)
    if state.final:
        case.closed_at = unit.now
        ledger.close_all(unit, case.id)
    case.holder, case.holder_id = state.holder, holder_id(case, state.holder)
    if case.holder_id is None:
        case.holder = None
    if case.assignee_id and case.holder in OFFICES and case.assignee_id not in reviewers_of(case.holder_id):
        case.assignee_id = None  # it has gone to another office
    settle_urges(unit, case)
    refresh_due(unit, case)


def settle_urges(unit: Unit, case: Case) -> None:
    """End the urging of an office that has acted: what it has done is its answer."""
    query = sa.select(Urge).where(Urge.case_id == case.id, sa.text(OPEN_URGE))
    for urge in unit.session.scalars(query):
        if urge.org_id != case.holder_id:
            urge.settled_at = unit.now
            ledger.close_period(unit, case.id, ledger.URGE, met=False)


def refresh_due(unit: Unit, case: Case) -> None:
    """Copy the earliest open period to the case, for the inbox."""
    running = (d for d in ledger.of_case(case.id) if d.state == "open" and d.paused_on is None)
    periods = [d for d in running if d.statute != ledger.URGE]
    first = min(periods, key=lambda d: d.due_on, default=None)
    case.due_on = first.due_on if first else None
    case.provisional = bool(first and first.provisional)
    unit.session.flush()


def hold(unit: Unit, case: Case, *, rests: bool) -> None:
    """Let the clock of a case rest or run on, where the region's rules let it rest (DC-03)."""
    if rests and statutes.setting("pause_clock_on_hold"):
        ledger.pause(unit, case.id)
    elif not rests:  # also where the rule has changed meanwhile: what rests must run on
        ledger.resume(unit, case.id)
    refresh_due(unit, case)


def holder_id(case: Case, holder: str | None) -> str | None:
    """Return the account or organisation behind a role in a case."""
    match holder:
        case machines.FILER:
            return case.filer_id
        case machines.PROVIDER:
            return case.org_id
        case machines.AUTHORITY:
            return orgs.authority_of(case.region_code)
        case _other:
            return None


def notify(
    unit: Unit, case: Case, event_id: int | str, template: str, to: str, stated: Payload | None = None
) -> None:
    """Put a notice into the outbox; the same notice of the same event goes out once.

    :param stated: what an event from outside of the case says; of a step its record says it
    """
    said = {"stated": stated} if stated else {}
    outbox.enqueue(
        unit.session,
        "notice",
        {"case": case.id, "kind": case.kind, "template": template, "to": to, "event": event_id, **said},
        key=f"{case.id}:{event_id}:{template}:{to}",
    )


def to_account(user_id: str) -> str:
    """Return the receiver of a notice that is meant for one account."""
    return f"{ACCOUNT}{user_id}"


def possible(case: Case, actor: Actor) -> list[Transition]:
    """Return the steps that an actor may take in a case now: the buttons of the page."""
    if case.closed_at is not None:
        return []
    steps = machines.of_case(case).from_state(case.status)
    return [step for step in steps if machines.ROLES[step.actor](actor, case)]


def oversees(case: Case, actor: Actor) -> bool:
    """Say whether an actor works on a case or watches over it: its offices, their authority, auditors."""
    if machines.is_filer(actor, case):
        return False
    offices = any(machines.ROLES[role](actor, case) for role in OFFICES)
    return offices or actor.covers(Role.AUDITOR, case.region_code)


def may_see(case: Case, actor: Actor) -> bool:
    """Say whether an actor may read a case: its parties, their authority and auditors (R-PLAT-06)."""
    return (
        actor.is_system
        or any(machines.ROLES[role](actor, case) for role in (FILER, PROVIDER, AUTHORITY))
        or actor.covers(Role.AUDITOR, case.region_code)
    )
