"""The machine of an application for conditional data (law.md §5.1), in two variants.

The region's settings choose: the department decides at once, or, in Hohhot, the authority first checks
the form (规范性审核, Hohhot Art. 26). A further variant is a further list of states and transitions.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel import clock, events, retention
from ..kernel.actors import Actor
from ..kernel.deadlines import ledger
from ..kernel.evidence import files as evidence
from ..kernel.gate import answers, rights, stops
from ..kernel.gate.model import Grant, GrantScope
from ..kernel.gate.policy import Reason
from ..kernel.openness import NON_OPEN
from ..kernel.unit import Unit
from ..kernel.workflow import engine, machine, subjects, sweep
from ..kernel.workflow.machine import (
    AUTHORITY,
    DRAFT,
    FILER,
    MEMBERS,
    PROVIDER,
    SYSTEM,
    Machine,
    Payload,
    State,
    Transition,
)
from ..kernel.workflow.model import Case
from . import handing, privacy, scope
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


def at_rest(case: Case) -> bool:
    """Say whether all that a case is about is suspended (law.md §5.1, on_hold)."""
    return all(stops.reaches(item.dataset_id, item.resource_id) for item in scope.items(case.id))


def not_while_stopped(unit: Unit, case: Case, data: Payload) -> None:
    """Applications rest while their data are suspended (law.md §5.1, on_hold)."""
    if at_rest(case):
        raise tk.ValidationError({"status": [answers.sentence(Reason.SUSPENDED)]})


def take_evidence(unit: Unit, case: Case, data: Payload) -> None:
    """Make the files that were attached to the form part of the case; its secret is not recorded."""
    evidence.hand_in(unit, data.pop("form"), case.id)


def until_when(unit: Unit, case: Case, data: Payload) -> None:
    """State the last day of use, for the notice and the timeline."""
    grant = handing.grant_of(unit, case)
    data["valid_until"] = grant.valid_until if grant else None


# --- effects -------------------------------------------------------------------------------------


def give_grant(unit: Unit, case: Case, data: Payload) -> None:
    """Write the grant that the consent gives; it opens once the use agreement is accepted."""
    application = unit.session.get_one(Application, case.id)
    terms = rights.Terms(
        purpose=data["purpose"],
        use_scope=data["use_scope"],
        provision_mode=data.get("provision_mode") or application.provision_mode,
        valid_from=min(max(application.use_from, clock.local_date(unit.now)), data["valid_until"]),
        valid_until=data["valid_until"],
        quota=data.get("quota"),
        per_hour=data.get("per_hour"),
    )
    rights.give(unit, case.id, case.filer_id or "", terms, scope.reaching(case, data))


def open_grant(unit: Unit, case: Case, data: Payload) -> None:
    """Open the grant, because the use agreement was accepted.

    What the portal does not hand out by itself, the department is to provide in time (R28¶2: 及时), counted
    from the first day of use.
    """
    data["agreement_digest"] = digest(data["agreement"])
    rights.accept(unit, case.id, data["agreement"])
    grant = handing.grant_of(unit, case)
    if grant is not None and grant.provision_mode not in BY_PORTAL:
        ledger.open_period(unit, case.id, PROVIDE, begins=grant.valid_from)


def end_grant(unit: Unit, case: Case, data: Payload) -> None:
    """End the grant of a case."""
    rights.end(unit, case.status, case_id=case.id)


def release(unit: Unit, case: Case, data: Payload) -> None:
    """Let the applicant apply for the same data again, because this case is closed."""
    unit.session.execute(
        sa.update(ApplicationItem)
        .where(ApplicationItem.case_id == case.id)
        .values(is_open=False, is_pending=False)
    )


def settle_items(unit: Unit, case: Case, data: Payload) -> None:
    """Let the applicant ask anew for what was decided: for longer, or for more."""
    unit.session.execute(
        sa.update(ApplicationItem).where(ApplicationItem.case_id == case.id).values(is_pending=False)
    )


def hand_over(unit: Unit, case: Case, data: Payload) -> None:
    """Give the case to another department, which then decides; its period runs on."""
    case.org_id = data["org"]


# --- the table -----------------------------------------------------------------------------------

DECIDE, FORMAL, PROVIDE = "D-OPEN-DECIDE", "D-OPEN-FORMAL", "D-OPEN-PROVIDE"
BY_PORTAL = ("api", "file")
"""Modes of provision for which an open grant suffices."""
USERS = (FILER, MEMBERS)
"""Who uses the data: the holder, and whom they have named for their organisation."""
BEFORE_CONSENT = ("review", "supplement")
UNDECIDED = ("formal_review", "formal_supplement", *BEFORE_CONSENT)

STATES = (
    State("review", N_("Waiting for the department's decision"), holder=PROVIDER),
    State("supplement", N_("To be supplemented by the applicant"), holder=FILER),
    State("approved", N_("Approved, use agreement to be accepted"), holder=FILER),
    State("provided", N_("Opened to the applicant")),
    State("refused", N_("Not approved"), final=True),
    State("revoked", N_("Consent revoked"), final=True),
    State("withdrawn", N_("Withdrawn by the applicant"), final=True),
    State("expired", N_("Expired"), final=True),
    State("closed", N_("No application needed any more"), final=True),
    State("ended", N_("Data withdrawn"), final=True),
)
FORMAL_STATES = (
    State("formal_review", N_("Formal check by the authority"), holder=AUTHORITY),
    State("formal_supplement", N_("To be supplemented by the applicant"), holder=FILER),
    State("rejected", N_("Returned after the formal check"), final=True),
)


def submitted_to(state: str, statute: str, handler: str) -> Transition:
    """Return the submission, which leads to the first review."""
    return Transition(
        "submit", N_("Application submitted"), (DRAFT,), state, FILER,
        recorded=False, opens=statute, notices=(FILER, handler),
    )  # fmt: skip


def asking_back(review: str, supplement: str, handler: str, prefix: str = "") -> tuple[Transition, ...]:
    """Return the request for a supplement and its answer; the period of the review runs on (DC-03)."""
    return (
        Transition(
            f"{prefix}ask", N_("Ask for a supplement"), (review,), supplement, handler,
            form=schema.question, notices=(FILER,),
        ),
        Transition(
            f"{prefix}supplement", N_("Supplement the application"), (supplement,), review, FILER,
            form=schema.supplement, guards=(take_evidence,), notices=(handler,),
        ),
    )  # fmt: skip


def from_review_on(undecided: tuple[str, ...]) -> tuple[Transition, ...]:
    """Return the steps that all variants share: the department's decision and what follows."""
    alive = (*undecided, "approved", "provided")
    return (
        *asking_back("review", "supplement", PROVIDER),
        Transition(
            "approve", N_("Approve"), BEFORE_CONSENT, "approved", PROVIDER,
            form=schema.approval, guards=(not_while_stopped, within_what_was_asked, scope.fit),
            meets=(DECIDE,), effects=(give_grant, settle_items), notices=(FILER,),
        ),
        Transition(
            "refuse", N_("Do not approve"), BEFORE_CONSENT, "refused", PROVIDER,
            form=schema.refusal, meets=(DECIDE,), effects=(release,), notices=(FILER,),
        ),
        Transition(
            "transfer", N_("Transfer to another department"), BEFORE_CONSENT, "review", PROVIDER,
            form=schema.transfer, effects=(hand_over,), notices=(FILER, PROVIDER),
        ),
        Transition(
            "reassign", N_("Assign to another department"), BEFORE_CONSENT, "review", AUTHORITY,
            form=schema.transfer, effects=(hand_over,), notices=(FILER, PROVIDER),
        ),
        Transition(
            "withdraw", N_("Withdraw the application"), (*undecided, "approved"), "withdrawn", FILER,
            effects=(end_grant, release),
            notices=(PROVIDER, AUTHORITY) if "formal_review" in undecided else (PROVIDER,),
        ),
        Transition(
            "accept", N_("Accept the use agreement"), ("approved",), "provided", FILER,
            form=schema.agreement, effects=(open_grant,), notices=(PROVIDER,), owed=False,
        ),
        Transition(
            "deliver", N_("Record an off-line hand-over"), ("provided",), "provided", PROVIDER,
            form=schema.delivery, guards=(handing.fit,), meets=(PROVIDE,), effects=(handing.record,),
            notices=(FILER,),
        ),
        Transition(
            "revoke", N_("Revoke the consent"), ("approved", "provided"), "revoked", PROVIDER,
            form=use_schema.revocation, effects=(end_grant, release), notices=USERS,
        ),
        Transition(
            "ending", N_("Period of use ends soon"), ("provided",), "provided", SYSTEM,
            guards=(until_when,), notices=USERS,
        ),
        Transition(
            "expire", N_("Period of use ended"), ("approved", "provided"), "expired", SYSTEM,
            effects=(end_grant, release), notices=USERS,
        ),
        Transition(
            "close", N_("Data became open to everyone"), alive, "closed",
            SYSTEM, effects=(end_grant, release), notices=USERS,
        ),
        Transition(
            "end", N_("Data were withdrawn"), alive, "ended",
            SYSTEM, effects=(end_grant, release), notices=USERS,
        ),
    )  # fmt: skip


def common(**special: Any) -> Machine:
    """Return a variant of the machine."""
    return Machine(
        kind=KIND,
        prefix="SQ",
        label=N_("Application for conditional data"),
        **{"basis": "内政发〔2024〕19号第二十八条第二款", **special},
    )


APPLICATION = common(
    states=STATES,
    transitions=(submitted_to("review", DECIDE, PROVIDER), *from_review_on(BEFORE_CONSENT)),
)
TWO_STAGE = common(
    variant="two_stage",
    applies=lambda settings: settings["two_stage_review"],
    basis="内政发〔2024〕19号第二十八条第二款，呼和浩特市公共数据管理暂行办法第二十六条",
    states=(*FORMAL_STATES, *STATES),
    transitions=(
        submitted_to("formal_review", FORMAL, AUTHORITY),
        *asking_back("formal_review", "formal_supplement", AUTHORITY, "formal_"),
        Transition(
            "pass_on", N_("Pass on to the department"), ("formal_review", "formal_supplement"), "review",
            AUTHORITY, meets=(FORMAL,), opens=DECIDE, notices=(FILER, PROVIDER),
        ),
        Transition(
            "reject", N_("Return the application"), ("formal_review", "formal_supplement"), "rejected",
            AUTHORITY, form=schema.rejection, meets=(FORMAL,), effects=(release,), notices=(FILER,),
        ),
        *from_review_on(UNDECIDED),
    ),
)  # fmt: skip


# --- what the clock and other features bring -----------------------------------------------------


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
        if at_rest(case):
            engine.hold(unit, case, rests=True)
        tell(unit, case, f"held:{event.case_id}:{event.resource_id}", "held")


def tell_of_resumption(unit: Unit, event: events.Lifted) -> None:
    """Tell them that it goes on, once nothing stops the data any more."""
    for case in concerned(unit, event):
        if not at_rest(case):
            engine.hold(unit, case, rests=False)
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
    """Make the machines known and listen to clock and catalogue."""
    from .closing import workflow as closing
    from .use import schedule
    from .use import workflow as use

    use.install()
    closing.install()
    retention.register(KIND, privacy.erase_application)
    machine.register(APPLICATION)
    machine.register(TWO_STAGE)
    subjects.register(KIND, sa.select(ApplicationItem.case_id, ApplicationItem.dataset_id))
    sweep.timer("application_ending", schedule.ending)
    sweep.timer("application_expiry", expired)
    events.subscribe(events.ClassChanged, close_what_became_open)
    events.subscribe(events.ClassChanged, tell_of_closing)
    events.subscribe(events.ConditionsChanged, tell_of_conditions)
    events.subscribe(events.Suspended, tell_of_stop)
    events.subscribe(events.Lifted, tell_of_resumption)
    events.subscribe(events.Withdrawn, end_what_was_withdrawn)
    events.subscribe(events.ResourceReplaced, tell_of_replacement)
