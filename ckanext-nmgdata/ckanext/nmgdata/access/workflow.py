"""The machine of an application for conditional data, single stage (law.md §5.1).

Hohhot's two-stage review is a further variant of this table, chosen by the region's settings.
"""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel import clock, events
from ..kernel.actors import Actor
from ..kernel.gate import rights
from ..kernel.gate.model import Grant
from ..kernel.types import new_id
from ..kernel.unit import Unit, begin
from ..kernel.workflow import engine, machine, sweep
from ..kernel.workflow.machine import DRAFT, FILER, PROVIDER, SYSTEM, Machine, Payload, State, Transition
from ..kernel.workflow.model import Case
from .agreement import digest
from .logic import schema
from .model import Application, ApplicationItem

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
    applies=lambda settings: not settings["two_stage_review"],
    states=(
        State("review", N_("Waiting for the department's decision"), holder=PROVIDER),
        State("approved", N_("Approved, use agreement to be accepted"), holder=FILER),
        State("provided", N_("Opened to the applicant")),
        State("refused", N_("Not approved"), final=True),
        State("withdrawn", N_("Withdrawn by the applicant"), final=True),
        State("expired", N_("Expired"), final=True),
        State("closed", N_("No application needed any more"), final=True),
    ),
    transitions=(
        Transition(
            "submit", N_("Application submitted"), (DRAFT,), "review", FILER,
            recorded=False, opens=DECIDE, notices=(FILER, PROVIDER),
        ),
        Transition(
            "approve", N_("Approve"), ("review",), "approved", PROVIDER,
            form=schema.approval, guards=(within_what_was_asked,), meets=(DECIDE,),
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
            "expire", N_("Period of use ended"), ("approved", "provided"), "expired", SYSTEM,
            effects=(end_grant, release), notices=(FILER,),
        ),
        Transition(
            "close", N_("Data became open to everyone"), ("review", "approved", "provided"), "closed",
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


def install() -> None:
    """Make the machine known and listen to clock and catalogue."""
    machine.register(APPLICATION)
    sweep.timer("application_expiry", expired)
    events.subscribe(events.ClassChanged, close_what_became_open)
