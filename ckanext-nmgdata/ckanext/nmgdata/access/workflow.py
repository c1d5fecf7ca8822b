"""The machine of an application for conditional data, single stage (law.md §5.1).

Hohhot's two-stage review is a further variant of this table, chosen by the region's settings.
"""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel import clock, events, retention
from ..kernel.actors import Actor
from ..kernel.gate import answers, rights, stops
from ..kernel.gate.model import Grant
from ..kernel.gate.policy import Reason
from ..kernel.types import new_id
from ..kernel.unit import Unit, begin
from ..kernel.workflow import engine, machine, sweep
from ..kernel.workflow.machine import DRAFT, FILER, PROVIDER, SYSTEM, Machine, Payload, State, Transition
from ..kernel.workflow.model import Case
from . import privacy
from .agreement import digest
from .logic import schema
from .model import Application, ApplicationItem
from .use.logic import schema as use_schema

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown

KIND = "open_application"


# --- guards --------------------------------------------------------------------------------------


def within_what_was_asked(unit: Unit, case: Case, data: Payload) -> None:
    """Consent may not last longer than applied for (R-COND-04)."""
    application = unit.session.get_one(Application, case.id)
    if data["valid_until"] > application.use_until:
        message = _("The applicant asked for use until {day}; consent cannot last longer.")
        raise tk.ValidationError({"valid_until": [message.format(day=application.use_until.isoformat())]})


def not_while_stopped(unit: Unit, case: Case, data: Payload) -> None:
    """Applications rest while their data are suspended (law.md §5.1, on_hold)."""
    if all(stops.reaches(item.dataset_id, item.resource_id) for item in items(unit, case)):
        raise tk.ValidationError({"status": [answers.sentence(Reason.SUSPENDED)]})


# --- effects -------------------------------------------------------------------------------------


def give_grant(unit: Unit, case: Case, data: Payload) -> None:
    """Write the grant that the consent gives; it opens once the use agreement is accepted."""
    application = unit.session.get_one(Application, case.id)
    terms = rights.Terms(
        purpose=data["purpose"],
        use_scope=data["use_scope"],
        provision_mode=application.provision_mode,
        valid_from=min(max(application.use_from, clock.local_date(unit.now)), data["valid_until"]),
        valid_until=data["valid_until"],
    )
    scopes = [rights.Scope(item.dataset_id, item.resource_id) for item in items(unit, case)]
    rights.give(unit, case.id, case.filer_id or "", terms, scopes)


def open_grant(unit: Unit, case: Case, data: Payload) -> None:
    """Open the grant, because the use agreement was accepted."""
    data["agreement_digest"] = digest(data["agreement"])
    rights.accept(unit, case.id, data["agreement"])


def end_grant(unit: Unit, case: Case, data: Payload) -> None:
    """End the grant of a case."""
    rights.end(unit, case.status, case_id=case.id)


def release(unit: Unit, case: Case, data: Payload) -> None:
    """Let the applicant apply for the same data again, because this case is closed."""
    unit.session.execute(
        sa.update(ApplicationItem).where(ApplicationItem.case_id == case.id).values(is_open=False)
    )


def items(unit: Unit, case: Case) -> list[ApplicationItem]:
    """Return what a case is about."""
    query = sa.select(ApplicationItem).where(ApplicationItem.case_id == case.id)
    return list(unit.session.scalars(query.order_by(ApplicationItem.id)))


# --- the table -----------------------------------------------------------------------------------

DECIDE = "D-OPEN-DECIDE"
APPLICATION = Machine(
    kind=KIND,
    prefix="SQ",
    label=N_("Application for conditional data"),
    basis="内政发〔2024〕19号第二十八条第二款",
    states=(
        State("review", N_("Waiting for the department's decision"), holder=PROVIDER),
        State("approved", N_("Approved, use agreement to be accepted"), holder=FILER),
        State("provided", N_("Opened to the applicant")),
        State("refused", N_("Not approved"), final=True),
        State("revoked", N_("Consent revoked"), final=True),
        State("withdrawn", N_("Withdrawn by the applicant"), final=True),
        State("expired", N_("Expired"), final=True),
        State("closed", N_("No application needed any more"), final=True),
        State("ended", N_("Data withdrawn"), final=True),
    ),
    transitions=(
        Transition(
            "submit", N_("Application submitted"), (DRAFT,), "review", FILER,
            recorded=False, opens=DECIDE, notices=(FILER, PROVIDER),
        ),
        Transition(
            "approve", N_("Approve"), ("review",), "approved", PROVIDER,
            form=schema.approval, guards=(not_while_stopped, within_what_was_asked), meets=(DECIDE,),
            effects=(give_grant,), notices=(FILER,),
        ),
        Transition(
            "refuse", N_("Do not approve"), ("review",), "refused", PROVIDER,
            form=schema.refusal, meets=(DECIDE,), effects=(release,), notices=(FILER,),
        ),
        Transition(
            "withdraw", N_("Withdraw the application"), ("review", "approved"), "withdrawn", FILER,
            effects=(end_grant, release), notices=(PROVIDER,),
        ),
        Transition(
            "accept", N_("Accept the use agreement"), ("approved",), "provided", FILER,
            form=schema.agreement, effects=(open_grant,),
        ),
        Transition(
            "revoke", N_("Revoke the consent"), ("approved", "provided"), "revoked", PROVIDER,
            form=use_schema.revocation, effects=(end_grant, release), notices=(FILER,),
        ),
        Transition(
            "expire", N_("Period of use ended"), ("approved", "provided"), "expired", SYSTEM,
            effects=(end_grant, release), notices=(FILER,),
        ),
        Transition(
            "close", N_("Data became open to everyone"), ("review", "approved", "provided"), "closed",
            SYSTEM, effects=(end_grant, release), notices=(FILER,),
        ),
        Transition(
            "end", N_("Data were withdrawn"), ("review", "approved", "provided"), "ended",
            SYSTEM, effects=(end_grant, release), notices=(FILER,),
        ),
    ),
)  # fmt: skip


# --- filing --------------------------------------------------------------------------------------


def file(actor: Actor, filing: engine.Filing, resource_id: str | None, data: Payload) -> engine.Receipt:
    """File an application: statement, item and case in one transaction."""
    with begin(actor) as unit:
        receipt = engine.start(KIND, filing, actor, data, unit)
        case_id = receipt.case.id
        unit.session.add(Application(case_id=case_id, **data))
        item = ApplicationItem(
            id=new_id(),
            case_id=case_id,
            applicant_id=filing.filer_id,
            dataset_id=filing.dataset_id,
            resource_id=resource_id,
        )
        unit.session.add(item)
        unit.session.flush()
    return receipt


# --- what the clock and other features bring -----------------------------------------------------


def expired() -> list[tuple[str, str]]:
    """Return the cases whose last grant has run out."""
    query = sa.select(Grant.case_id).where(Grant.ended_at.is_(None), Grant.valid_until < clock.today())
    return [(case_id, "expire") for case_id in model.Session.scalars(query.distinct())]


def close_what_became_open(unit: Unit, event: events.ClassChanged) -> None:
    """Close open applications and free grants when data become unconditional (DC-50)."""
    if not event.opens_to_everyone:
        return
    query = sa.select(ApplicationItem.case_id).where(
        ApplicationItem.dataset_id == event.dataset_id, ApplicationItem.is_open
    )
    system = Unit(Actor.system(), unit.session, unit.now)
    for case_id in list(unit.session.scalars(query.distinct())):
        engine.fire(case_id, "close", system.actor, {}, system)


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
        engine.notify(unit, case, f"held:{event.case_id}:{event.resource_id}", "held", FILER)


def tell_of_resumption(unit: Unit, event: events.Lifted) -> None:
    """Tell them that it goes on, once nothing stops the data any more."""
    if stops.reaches(event.dataset_id, event.resource_id):
        return
    for case in concerned(unit, event):
        engine.notify(unit, case, f"resumed:{event.case_id}:{event.resource_id}", "resumed", FILER)


def end_what_was_withdrawn(unit: Unit, event: events.Withdrawn) -> None:
    """End cases and grants whose data are gone altogether; tell the others that files are gone (R-OBJ-06)."""
    system = Unit(Actor.system(), unit.session, unit.now)
    for case in concerned(unit, event):
        if all(stops.is_gone(item.dataset_id, item.resource_id) for item in items(unit, case)):
            engine.fire(case.id, "end", system.actor, {}, system)
        else:
            engine.notify(unit, case, f"changed:{event.case_id}:{event.resource_id}", "changed", FILER)


def install() -> None:
    """Make the machines known and listen to clock and catalogue."""
    from .closing import workflow as closing
    from .use import workflow as use

    use.install()
    closing.install()
    machine.register(APPLICATION)
    retention.register(KIND, privacy.erase_application)
    sweep.timer("application_expiry", expired)
    events.subscribe(events.ClassChanged, close_what_became_open)
    events.subscribe(events.Suspended, tell_of_stop)
    events.subscribe(events.Lifted, tell_of_resumption)
    events.subscribe(events.Withdrawn, end_what_was_withdrawn)
