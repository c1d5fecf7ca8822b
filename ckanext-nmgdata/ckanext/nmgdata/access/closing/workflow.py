"""The machine of a violator's closed access (law.md §5.8): 督促改正，暂时关闭其获取相关公共数据的权限.

The office of the case (``org_id``) is the one that closed: the department whose data they are, or
the authority. Its reviewers lift, refuse and refer; the authority alone revokes. ``referred`` is not
the end, because Art. 50 closes access only for a time: when the matter is settled it is lifted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ...kernel import clock, orgs, retention
from ...kernel.actors import Actor, Role
from ...kernel.deadlines import ledger
from ...kernel.evidence import files as evidence
from ...kernel.gate import closures, rights
from ...kernel.gate.model import Closure
from ...kernel.orgs import REGION
from ...kernel.unit import Unit, begin
from ...kernel.workflow import engine, machine, subjects, sweep
from ...kernel.workflow.machine import (
    AUTHORITY,
    DRAFT,
    FILER,
    MEMBERS,
    PROVIDER,
    SYSTEM,
    Machine,
    Payload,
    State,
)
from ...kernel.workflow.machine import Transition as Step
from ...kernel.workflow.model import Case
from ..model import Application
from .logic import schema
from .model import AccessSuspension

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown

KIND = "access_suspension"
CORRECT, LIFT = "D-SUSP-CORRECT", "D-SUSP-LIFT"


def notice(unit: Unit, case: Case) -> AccessSuspension:
    """Return the notice of a case."""
    return unit.session.get_one(AccessSuspension, case.id)


# --- competence (R-SUSP-04) ----------------------------------------------------------------------


def competent_office(actor: Actor, datasets: Sequence[model.Package]) -> str | None:
    """Return the office for which an actor may close these data; None when none is competent.

    A department is competent for its own data alone, the authority for all data of its region.
    """
    owners = {dataset.owner_org for dataset in datasets}
    if len(owners) == 1 and actor.has(Role.REVIEWER, owner := owners.pop()):
        return owner
    regions = {(dataset.extras or {}).get("region_code") or REGION for dataset in datasets}
    held = [m for m in actor.memberships if Role.AUTHORITY in m.roles]
    reaching = (m for m in held if all(m.region_code in (REGION, region) for region in regions))
    return next((m.org_id for m in reaching), None)


def not_competent() -> str:
    """Say who is."""
    return _("Only the department of the data, or the authority of the region, may do this.")


def only_by_the_competent(unit: Unit, case: Case, data: Payload) -> None:
    """Refuse what is beyond the office's competence, whoever calls."""
    datasets = [unit.session.get_one(model.Package, key) for key in data["datasets"]]
    if competent_office(unit.actor, datasets) != case.org_id:
        raise tk.NotAuthorized(not_competent())


# --- effects -------------------------------------------------------------------------------------


def close(unit: Unit, case: Case, data: Payload) -> None:
    """Close access in this transaction: of the person, and of the organisation they act for.

    Accounts registered with the organisation's code are reached by the code. Those that merely
    applied in its name get a row of their own; who applies in its name later is met by
    ``closures.reaching`` with the code that the application states.
    """
    row = notice(unit, case)
    for person in sorted({row.person_id, *acting_for(unit, row.credit_code)}):
        for dataset_id in data["datasets"]:
            rights.close_access(unit, case.id, person, dataset_id, row.credit_code)


def acting_for(unit: Unit, credit_code: str | None) -> set[str]:
    """Return the accounts with a running application or grant in the name of an organisation."""
    if credit_code is None:
        return set()
    query = (
        sa.select(Case.filer_id)
        .join(Application, Application.case_id == Case.id)
        .where(Application.credit_code == credit_code, Case.closed_at.is_(None))
    )
    return {person for person in unit.session.scalars(query.distinct()) if person}


def keep_files(unit: Unit, case: Case, data: Payload) -> None:
    """Make the files that were attached to the form, by the office or by the person, part of the case."""
    evidence.hand_in(unit, data["form"], case.id)


def keep_proof(unit: Unit, case: Case, data: Payload) -> None:
    """Keep what the person stated, apart from the timeline: it may name people."""
    notice(unit, case).proof = data["proof"]


def set_new_date(unit: Unit, case: Case, data: Payload) -> None:
    """Set the date until which the correction is to be completed."""
    notice(unit, case).correct_by = data["correct_by"]


def reopen(unit: Unit, case: Case, data: Payload) -> None:
    """Give back the access this case had closed; what other cases closed stays closed."""
    rights.reopen_access(unit, case.id)


def correction_is_over(unit: Unit, case: Case, data: Payload) -> None:
    """Note that the date was not kept: it falls away, because the matter has gone elsewhere."""
    ledger.close_period(unit, case.id, CORRECT, met=False)


def correct_by(unit: Unit, case: Case, data: Payload) -> date:
    """Return the date that the notice, or the refusal of a claim, sets."""
    return data["correct_by"]


# --- the table -----------------------------------------------------------------------------------

CLOSED = ("access_closed", "uncorrected")
SUSPENSION = Machine(
    kind=KIND,
    prefix="GB",
    label=N_("Access closed for a time"),
    basis="内政发〔2024〕19号第五十条",
    filer=N_("data user"),
    states=(
        State("access_closed", N_("Access closed, to be corrected"), holder=FILER),
        State("uncorrected", N_("Access closed, not corrected in time"), holder=PROVIDER),
        State("correction_claimed", N_("Correction claimed, being checked"), holder=PROVIDER),
        State("referred", N_("Access closed, referred for handling by law")),
        State("lifted", N_("Access given back"), final=True),
        State("revoked", N_("Closing revoked, access given back"), final=True),
    ),
    transitions=(
        Step(
            "submit", N_("Urge to correct and close access"), (DRAFT,), "access_closed", PROVIDER,
            form=schema.notice, recorded=False, guards=(only_by_the_competent,), effects=(close, keep_files),
            opens=CORRECT, until=correct_by, notices=(FILER, MEMBERS, PROVIDER, AUTHORITY),
        ),
        Step(
            "claim", N_("Report the correction"), CLOSED, "correction_claimed", FILER,
            form=schema.claim, recorded=False, effects=(keep_proof, keep_files), meets=(CORRECT,), opens=LIFT,
            notices=(PROVIDER,),
        ),
        Step(
            "lift", N_("Give access back"), ("correction_claimed", "referred"), "lifted", PROVIDER,
            form=schema.lifting, meets=(LIFT,), effects=(reopen,), notices=(FILER, MEMBERS),
        ),
        Step(
            "refuse_claim", N_("Not corrected, access stays closed"), ("correction_claimed",),
            "access_closed", PROVIDER, form=schema.claim_refusal, meets=(LIFT,), effects=(set_new_date,),
            opens=CORRECT, until=correct_by, notices=(FILER,),
        ),
        Step(
            "pass_date", N_("Date of correction passed"), ("access_closed",), "uncorrected", SYSTEM,
            notices=(FILER, PROVIDER),
        ),
        Step(
            "refer", N_("Refer for handling by law"), ("uncorrected",), "referred", PROVIDER,
            form=schema.referral, effects=(correction_is_over,), notices=(FILER, AUTHORITY),
        ),
        Step(
            "revoke", N_("Revoke the closing"), (*CLOSED, "correction_claimed", "referred"), "revoked",
            AUTHORITY, form=schema.revocation, effects=(reopen,), notices=(FILER, MEMBERS, PROVIDER),
        ),
    ),
)  # fmt: skip


# --- filing --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Violator:
    """Whose access is closed, by the application whose grant was misused."""

    case_id: str
    person_id: str
    name: str
    credit_code: str | None


def violator(case: Case) -> Violator:
    """Return the holder of a case's grant, and the organisation they act for."""
    application = model.Session.get_one(Application, case.id)
    person = case.filer_id or ""
    code = application.credit_code or closures.code_of(person)
    return Violator(case.id, person, application.applicant_name, code)


def file(actor: Actor, whom: Violator, datasets: Sequence[model.Package], stated: Payload) -> engine.Receipt:
    """Close access: notice, closures and case in one transaction.

    :raises tk.NotAuthorized: when the actor is not competent for all of the data (R-SUSP-04)
    """
    office = competent_office(actor, datasets)
    region = {(dataset.extras or {}).get("region_code") or REGION for dataset in datasets}
    filing = engine.Filing(
        org_id=office,
        region_code=region.pop() if len(region) == 1 else REGION,
        dataset_id=datasets[0].id,
        filer_id=whom.person_id,
    )

    def rows(unit: Unit, case: Case) -> None:
        row = AccessSuspension(
            case_id=case.id,
            origin_case_id=whom.case_id,
            person_id=whom.person_id,
            person_name=whom.name,
            credit_code=whom.credit_code,
            **{name: stated[name] for name in ("ground", "facts", "evidence", "correct_by")},
        )
        unit.session.add(row)
        unit.session.flush()

    with begin(actor) as unit:
        return engine.start(KIND, filing, actor, stated, unit, rows=rows)


# --- what the clock brings, what is destroyed -----------------------------------------------------


def past_their_date() -> list[tuple[str, str]]:
    """Return the cases whose date of correction has passed."""
    query = (
        sa.select(Case.id)
        .join(AccessSuspension, AccessSuspension.case_id == Case.id)
        .where(Case.status == "access_closed", AccessSuspension.correct_by < clock.today())
    )
    return [(case_id, "pass_date") for case_id in model.Session.scalars(query)]


def erase(unit: Unit, case: Case) -> None:
    """Destroy what a notice says about people; ground and date stay."""
    row = notice(unit, case)
    row.person_name = row.facts = row.evidence = ""
    row.proof = row.credit_code = None
    for file in evidence.of_case(case.id):
        evidence.destroy(unit, file)
    unit.session.execute(sa.update(Closure).where(Closure.case_id == case.id).values(credit_code=None))


def data_of(case_id: str) -> list[dict[str, Any]]:
    """Return the data that a case has closed: id, name, title."""
    package: Any = model.Package
    query = (
        sa.select(package.id, package.name, package.title)
        .join(Closure, Closure.dataset_id == package.id)
        .where(Closure.case_id == case_id)
        .distinct()
        .order_by(package.title, package.id)
    )
    found = model.Session.execute(query)
    return [{"id": key, "name": name, "title": title or name} for key, name, title in found]


def authority_of(case: Case) -> str:
    """Return the name of the authority of the case's region, to which the person can object (R47)."""
    found = orgs.authority_of(case.region_code)
    group = model.Session.get(model.Group, found) if found else None
    return (group.title or group.name) if group else ""


def install() -> None:
    """Make the machine known and listen to the clock."""
    machine.register(SUSPENSION)
    subjects.register(KIND, sa.select(Closure.case_id, Closure.dataset_id))
    sweep.timer("access_suspension_date", past_their_date)
    retention.register(KIND, erase)
