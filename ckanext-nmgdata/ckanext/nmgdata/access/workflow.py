"""The machine of an application for conditional data (law.md §5.1), in two variants.

The region's settings choose: the department decides at once, or, in Hohhot, the authority first checks
the form (规范性审核, Hohhot Art. 26). A further variant is a further list of states and transitions.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan.plugins import toolkit as tk

from ..kernel import clock, retention
from ..kernel.deadlines import ledger
from ..kernel.evidence import files as evidence
from ..kernel.gate import answers, rights, stops
from ..kernel.gate.policy import Reason
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
    """Consent lies within the period that was applied for (R-COND-04)."""
    application = unit.session.get_one(Application, case.id)
    if data["valid_until"] < application.use_from:
        message = _("The applicant asked for use from {day}; consent would end before it begins.")
        raise tk.ValidationError({"valid_until": [message.format(day=application.use_from.isoformat())]})
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
        valid_from=max(application.use_from, clock.local_date(unit.now)),
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


def settle_clock(unit: Unit, case: Case, data: Payload | None = None) -> None:
    """Let the period rest for a supplement and while the data are suspended, where it may rest (DC-03)."""
    engine.hold(unit, case, rests=case.status in SUPPLEMENTS or at_rest(case))


def hand_over(unit: Unit, case: Case, data: Payload) -> None:
    """Give the case to another department, which then decides; its period runs on."""
    if data["org"] == case.org_id:
        raise tk.ValidationError({"org": [_("This department has the case already.")]})
    case.org_id = data["org"]


# --- the table -----------------------------------------------------------------------------------

DECIDE, FORMAL, PROVIDE = "D-OPEN-DECIDE", "D-OPEN-FORMAL", "D-OPEN-PROVIDE"
BY_PORTAL = ("api", "file")
"""Modes of provision for which an open grant suffices."""
USERS = (FILER, MEMBERS)
"""Who uses the data: the holder, and whom they have named for their organisation."""
BEFORE_CONSENT = ("review", "supplement")
SUPPLEMENTS = ("formal_supplement", "supplement")
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
    """Return the request for a supplement and its answer; whether the period runs on says DC-03."""
    return (
        Transition(
            f"{prefix}ask", N_("Ask for a supplement"), (review,), supplement, handler,
            form=schema.question, effects=(settle_clock,), notices=(FILER,),
        ),
        Transition(
            f"{prefix}supplement", N_("Supplement the application"), (supplement,), review, FILER,
            form=schema.supplement, guards=(take_evidence,), effects=(settle_clock,), notices=(handler,),
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
            form=schema.transfer, effects=(hand_over, settle_clock), notices=(FILER, PROVIDER),
        ),
        Transition(
            "reassign", N_("Assign to another department"), BEFORE_CONSENT, "review", AUTHORITY,
            form=schema.transfer, effects=(hand_over, settle_clock), notices=(FILER, PROVIDER),
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


def install() -> None:
    """Make the machines known, with those of use and closing."""
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
