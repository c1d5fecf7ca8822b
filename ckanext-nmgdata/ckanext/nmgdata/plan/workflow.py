"""The machine of a plan, one case for its whole life (law.md §5.17; R26, DC-38).

A department drafts, submits, is reviewed, published, amended and closes the year with a report; an
authority collects, publishes its own plan with what it has approved, and amends it in the same way.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel import clock, orgs
from ..kernel.actors import Role, people
from ..kernel.deadlines import statutes
from ..kernel.unit import Unit
from ..kernel.workflow import engine, machine
from ..kernel.workflow.machine import AUTHORITY, DRAFT, PROVIDER, SYSTEM, Machine, Payload, State, Transition
from ..kernel.workflow.model import Case, CaseEvent
from ..marks import mark
from . import schedule, tenable, versions, year_end
from .logic import schema
from .model import KIND, Item, Plan

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
OF_AUTHORITY, OF_AGENCY, REVIEW, RETURN = "D-PLAN-AUTH", "D-PLAN-AGY", "D-PLAN-REVIEW", "D-PLAN-RETURN"
YEAR_END = "D-CAT-YEAR"
WRITABLE = ("drafting", "collecting", "returned")
"""States in which the draft itself is changed; of a published plan the next version is."""
MOST_SAID = 20
"""Outdated items that one refusal lists."""
SUBMISSIONS, RETURNS = ("submit", "amend"), ("return", "return_amendment")


def plan_of(unit: Unit, case: Case) -> Plan:
    """Return the plan of a case."""
    return unit.session.scalars(sa.select(Plan).where(Plan.case_id == case.id)).one()


def returned_because(case: Case) -> str:
    """Return why the authority gave the draft back that is being worked on now; empty where it did not."""
    query = sa.select(CaseEvent).where(
        CaseEvent.case_id == case.id, CaseEvent.transition.in_((*SUBMISSIONS, *RETURNS, "approve_amendment"))
    )
    last = model.Session.scalars(query.order_by(CaseEvent.id.desc()).limit(1)).first()
    return last.data.get("reason", "") if last is not None and last.transition in RETURNS else ""


# --- dates ---------------------------------------------------------------------------------------


def day_of_year(statute: str, unit: Unit, case: Case) -> date:
    """Return the day that a yearly period ends on; today where that day has passed already."""
    day = date.fromisoformat(f"{plan_of(unit, case).year}-{statutes.get(statute).value}")
    return max(day, clock.local_date(unit.now))


def authority_until(unit: Unit, case: Case, data: Payload) -> date:
    """Return until when an authority publishes its plan."""
    return day_of_year(OF_AUTHORITY, unit, case)


def agency_until(unit: Unit, case: Case, data: Payload) -> date:
    """Return until when a department submits its plan."""
    return day_of_year(OF_AGENCY, unit, case)


def year_end_until(unit: Unit, case: Case, data: Payload) -> date:
    """Return until when the yearly adjustment of the catalogue is done."""
    return day_of_year(YEAR_END, unit, case)


# --- guards --------------------------------------------------------------------------------------


def has_items(unit: Unit, case: Case, data: Payload) -> None:
    """Refuse a plan that promises nothing (R-PLAN-01)."""
    plan = plan_of(unit, case)
    if not unit.session.scalar(sa.select(sa.exists().where(Item.plan_id == plan.id, Item.end.is_(None)))):
        raise tk.ValidationError({"items": [_("A plan needs at least one item.")]})


def has_something_to_publish(unit: Unit, case: Case, data: Payload) -> None:
    """Refuse an authority's plan that neither promises nor brings together anything."""
    plan = plan_of(unit, case)
    own = sa.exists().where(Item.plan_id == plan.id, Item.end.is_(None))
    if not unit.session.scalar(sa.select(sa.or_(own, approved(plan.id).exists()))):
        raise tk.ValidationError(
            {"items": [_("There is nothing to publish yet: no item of your own and no approved plan.")]}
        )


def can_be_promised(unit: Unit, case: Case, data: Payload) -> None:
    """Refuse new items whose entries have gone meanwhile, or whose data are open already (R-PLAN-02).

    What the authority has approved it publishes as approved: data opened in between kept a promise early.
    """
    if case.status == "approved":
        return
    if found := tenable.spent(unit.session, plan_of(unit, case)):
        said = [item.title + mark("：") + why for item, why in found.items()]
        raise tk.ValidationError({"items": said[:MOST_SAID]})


def has_changes(unit: Unit, case: Case, data: Payload) -> None:
    """Refuse an amendment that amends nothing."""
    if not versions.drafted(unit.session, plan_of(unit, case)):
        raise tk.ValidationError({"items": [_("Nothing has been changed yet.")]})


def not_by_who_submitted(unit: Unit, case: Case, data: Payload) -> None:
    """Nobody decides on what they have submitted themselves (DC-19), but an authority on its own plan."""
    if orgs.authority_of(case.region_code) == case.org_id:
        return
    query = sa.select(CaseEvent.actor_id).where(
        CaseEvent.case_id == case.id, CaseEvent.transition.in_(SUBMISSIONS)
    )
    submitter = unit.session.scalar(query.order_by(CaseEvent.id.desc()).limit(1))
    if submitter is not None and submitter == unit.actor.user_id:
        raise tk.NotAuthorized(_("Somebody else has to decide on what you have submitted."))


def is_settled(unit: Unit, case: Case, data: Payload) -> None:
    """Close a year only when of every promise is said what has become of it."""
    plan = plan_of(unit, case)
    if count := len(year_end.undecided(unit.session, plan)):
        message = _("Of {n} items it is not said yet whether they are carried over or dropped.")
        raise tk.ValidationError({"items": [message.format(n=count)]})
    if lost := year_end.lost(unit.session, plan):
        message = _("Not in the catalogue any more, so that it cannot be carried over: {titles}")
        raise tk.ValidationError({"items": [message.format(titles="、".join(lost))]})


# --- effects -------------------------------------------------------------------------------------


def approved(plan_id: str) -> sa.Select[tuple[str]]:
    """Return the query for the cases of approved plans that an authority's plan brings together."""
    return (
        sa.select(Plan.case_id)
        .join(Case, Case.id == Plan.case_id)
        .where(Plan.parent_id == plan_id, Plan.level == "department", Case.status == "approved")
    )


def call_departments(unit: Unit, case: Case, data: Payload) -> None:
    """Tell the departments of an authority that its plan is open for their contributions (R26¶1)."""
    regions = {region or orgs.REGION for _id, region in unit.session.execute(orgs.active())}
    own = [region for region in regions if orgs.authority_of(region) == case.org_id]
    reached = people(Role.REVIEWER).where(
        sa.func.coalesce(orgs.REGION_CODE, orgs.REGION).in_(own), orgs.GROUP.id != case.org_id
    )
    for user_id in sorted({user for _org, user, _address in unit.session.execute(reached)}):
        engine.notify(unit, case, "collect", "collect", engine.to_account(user_id))


def publish(unit: Unit, case: Case, data: Payload) -> None:
    """Publish a plan; an authority's takes the approved plans of its departments along."""
    plan = plan_of(unit, case)
    versions.publish(unit, plan, "")
    schedule.refresh(unit, plan)
    if plan.level != "department":
        for case_id in sorted(unit.session.scalars(approved(plan.id))):
            engine.fire(case_id, "publish", unit.actor, {}, unit)


def amend(unit: Unit, case: Case, data: Payload) -> None:
    """Publish what was amended as the next version, with the reason that was submitted (DC-38)."""
    plan = plan_of(unit, case)
    query = sa.select(CaseEvent.data).where(CaseEvent.case_id == case.id, CaseEvent.transition == "amend")
    submitted = unit.session.scalar(query.order_by(CaseEvent.id.desc()).limit(1)) or {}
    versions.publish(unit, plan, submitted.get("reason", ""))
    schedule.refresh(unit, plan)


def forget_drafts(unit: Unit, case: Case, data: Payload) -> None:
    """Drop what was drafted for another version and not submitted: closing the year publishes no drafts."""
    year_end.forget_drafts(unit, plan_of(unit, case))


def close(unit: Unit, case: Case, data: Payload) -> None:
    """Close the year; the completion rate stays as it is (law.md §5.17)."""
    year_end.close(unit, plan_of(unit, case), data["adjustment"])


# --- the table -----------------------------------------------------------------------------------

PLAN = Machine(
    kind=KIND,
    prefix="JH",
    label=N_("Yearly open plan"),
    basis="内政发〔2024〕19号第二十六条",
    states=(
        State("drafting", N_("Plan being drafted"), holder=PROVIDER),
        State("collecting", N_("Departments contribute"), holder=PROVIDER),
        State("submitted", N_("Plan under review"), holder=AUTHORITY),
        State("returned", N_("Plan returned"), holder=PROVIDER),
        State("approved", N_("Approved, to be published"), holder=AUTHORITY),
        State("published", N_("Plan published"), holder=PROVIDER),
        State("amending", N_("Amendment under review"), holder=AUTHORITY),
        State("adjusting", N_("Year-end adjustment"), holder=PROVIDER),
        State("closed", N_("Year closed"), final=True),
    ),
    transitions=(
        Transition(
            "draft", N_("Draft begun"), (DRAFT,), "drafting", machine.OFFICE,
            opens=OF_AGENCY, until=agency_until,
        ),
        Transition(
            "collect", N_("Departments called to contribute"), (DRAFT,), "collecting", AUTHORITY,
            opens=OF_AUTHORITY, until=authority_until, effects=(call_departments,),
        ),
        Transition(
            "announce", N_("Plan of the authority opened"), (DRAFT,), "collecting", SYSTEM,
            opens=OF_AUTHORITY, until=authority_until, notices=(PROVIDER,),
        ),
        Transition(
            "submit", N_("Submit the plan"), ("drafting", "returned"), "submitted", PROVIDER,
            guards=(has_items, can_be_promised), meets=(OF_AGENCY, RETURN), opens=REVIEW,
            notices=(AUTHORITY,),
        ),
        Transition(
            "return", N_("Return the plan"), ("submitted",), "returned", AUTHORITY,
            form=schema.returning, guards=(not_by_who_submitted,), meets=(REVIEW,), opens=RETURN,
            notices=(PROVIDER,),
        ),
        Transition(
            "approve", N_("Approve the plan"), ("submitted",), "approved", AUTHORITY,
            guards=(not_by_who_submitted,), meets=(REVIEW,), notices=(PROVIDER,),
        ),
        Transition(
            "publish", N_("Publish the plan"), ("approved", "collecting"), "published", AUTHORITY,
            guards=(has_something_to_publish, can_be_promised), meets=(OF_AUTHORITY,),
            effects=(publish,), notices=(PROVIDER,),
        ),
        Transition(
            "amend", N_("Submit the amendment"), ("published",), "amending", PROVIDER,
            form=schema.amending, guards=(has_changes, can_be_promised), opens=REVIEW, notices=(AUTHORITY,),
        ),
        Transition(
            "approve_amendment", N_("Approve and publish the amendment"), ("amending",), "published",
            AUTHORITY, guards=(not_by_who_submitted,), meets=(REVIEW,), effects=(amend,),
            notices=(PROVIDER,),
        ),
        Transition(
            "return_amendment", N_("Return the amendment"), ("amending",), "published", AUTHORITY,
            form=schema.returning, guards=(not_by_who_submitted,), meets=(REVIEW,), notices=(PROVIDER,),
        ),
        Transition(
            "progress", N_("Monthly progress"), ("published",), "published", SYSTEM,
            form=schema.progress, notices=(AUTHORITY,),
        ),
        *(
            Transition(
                f"progress_{state}", N_("Monthly progress"), (state,), state, SYSTEM,
                form=schema.progress, notices=(AUTHORITY,),
            )
            for state in ("amending", "adjusting")
        ),
        Transition(
            "adjust", N_("Year-end adjustment begun"), ("published",), "adjusting", SYSTEM,
            opens=YEAR_END, until=year_end_until, effects=(forget_drafts,), notices=(PROVIDER,),
        ),
        Transition(
            "close", N_("Close the year"), ("adjusting",), "closed", PROVIDER,
            form=schema.closing, guards=(is_settled,), meets=(YEAR_END,), effects=(close,),
            notices=(AUTHORITY,),
        ),
    ),
)  # fmt: skip


def install() -> None:
    """Make the machine known."""
    machine.register(PLAN)
