"""The machine of what the portal of origin stops: the region repeats the city's decision (DC-53).

Each stop of a city is a case of the region's own, so that register, refusals, audit and timeline say it like
any other stop. The portal itself takes every step. Cases of the region stand beside it: lifting one stop
never lifts another. Only of a city that is gone, which can never lift what it has suspended, the authority
here decides.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Schema

from ..forms import stated, without_personal_data
from ..kernel import clock
from ..kernel.actors import Actor
from ..kernel.gate import rights
from ..kernel.unit import Unit
from ..kernel.workflow import machine, presenters, sweep
from ..kernel.workflow.machine import AUTHORITY, DRAFT, SYSTEM, Machine, Payload, State, Transition
from ..kernel.workflow.model import Case
from ..kernel.workflow.presenters import Presenter, dataset_name, dataset_title
from ..marks import joined
from . import query
from .following.model import Following, OriginStop
from .model import RemoteRecord, Source

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
KIND = "origin_stop"
SUSPENDED, WITHDRAWN, ORPHANED = "suspended", "withdrawn", "orphaned"
GONE = timedelta(days=30)
"""Time without a word of a portal after which its authority here decides about what it had suspended."""


def public() -> Schema:
    """What the region publishes of a city's stop: the city's own public reason, or which city it is."""
    return {"public_reason": [tk.get_validator("ignore_missing")]}


def decision() -> Schema:
    """Why the authority ends the stop of a portal that is gone; the register publishes it."""
    reason = stated(10, _("State why, for the public register."))
    return {"public_reason": [reason, without_personal_data]}


def suspend(unit: Unit, case: Case, data: Payload) -> None:
    """Close the copy at every door, in this transaction."""
    stop = unit.session.get_one(OriginStop, case.id)
    rights.suspend(unit, rights.Origin(case.id, case.number), stop.dataset_id, stop.resource_id)


def withdraw(unit: Unit, case: Case, data: Payload) -> None:
    """Close the copy for good."""
    rights.withdraw(unit, case.id)


def resume(unit: Unit, case: Case, data: Payload) -> None:
    """Lift the city's stop; those of the region's own cases stay."""
    rights.lift(unit, case.id)


def over(unit: Unit, case: Case, data: Payload) -> None:
    """Forget the city's word: if the city comes back and still says so, that is a new stop."""
    stop = unit.session.get_one(OriginStop, case.id)
    stop.ended_at = unit.now
    anew = sa.update(RemoteRecord).where(RemoteRecord.package_id == stop.dataset_id).values(digest=None)
    unit.session.execute(anew.execution_options(synchronize_session=False))


MACHINE = Machine(
    kind=KIND,
    prefix="LY",
    label=N_("Stop by the portal of origin"),
    basis="内政发〔2024〕19号第八条、第二十八条第三款",
    states=(
        State(SUSPENDED, N_("Opening suspended by the portal of origin")),
        State(WITHDRAWN, N_("Data withdrawn by the portal of origin"), final=True),
        State("restored", N_("Opening resumed by the portal of origin"), final=True),
        State(
            ORPHANED, N_("Suspended by a portal of origin that is gone, to be decided"), holder=AUTHORITY
        ),
        State("released", N_("Opening resumed, the portal of origin is gone"), final=True),
        State("removed", N_("Data withdrawn, the portal of origin is gone"), final=True),
    ),
    transitions=(
        Transition(
            "open", N_("Suspended by the portal of origin"), (DRAFT,), SUSPENDED, SYSTEM,
            form=public, effects=(suspend,),
        ),
        Transition(
            "withdraw", N_("Withdrawn by the portal of origin"), (SUSPENDED, ORPHANED), WITHDRAWN, SYSTEM,
            form=public, effects=(withdraw,),
        ),
        Transition(
            "restore", N_("Resumed by the portal of origin"), (SUSPENDED, ORPHANED), "restored", SYSTEM,
            effects=(resume,),
        ),
        Transition(
            "orphan", N_("Nothing heard of the portal of origin for long"), (SUSPENDED,), ORPHANED, SYSTEM,
            notices=(AUTHORITY,),
        ),
        Transition(
            "found", N_("The portal of origin is heard of again"), (ORPHANED,), SUSPENDED, SYSTEM,
        ),
        Transition(
            "release", N_("Resume opening, the portal of origin is gone"), (ORPHANED,), "released", AUTHORITY,
            form=decision, effects=(resume, over),
        ),
        Transition(
            "remove", N_("Withdraw, the portal of origin is gone"), (ORPHANED,), "removed", AUTHORITY,
            form=decision, effects=(withdraw, over),
        ),
    ),
)  # fmt: skip


# --- how such cases are shown --------------------------------------------------------------------


def filed(case: Case, actor: Actor) -> dict[str, Any]:
    """Return what the city said."""
    stop = model.Session.get_one(OriginStop, case.id)
    source = model.Session.get(Source, stop.source_id) if stop.source_id else None
    page = sa.select(RemoteRecord.remote["page"].astext).where(RemoteRecord.package_id == stop.dataset_id)
    resource = model.Session.get(model.Resource, stop.resource_id) if stop.resource_id else None
    return {
        "source": source.title if source else None,
        "remote_case": stop.remote_case,
        "since": stop.since.isoformat() if stop.since else None,
        "reason": stop.reason,
        "page": model.Session.scalar(page),
        "file": (resource.name or resource.id) if resource else stop.resource_id,
        "dataset_name": dataset_name(case),
    }


def public_reason(number: str) -> str | None:
    """Return why the portal of origin has closed data, by the number of the region's case."""
    said = (
        sa.select(OriginStop.reason, OriginStop.remote_case, Source.title)
        .join(Case, Case.id == OriginStop.case_id)
        .outerjoin(Source, Source.id == OriginStop.source_id)
        .where(Case.number == number)
    )
    found = model.Session.execute(said).first()
    return sentence(*found) if found else None


def sentence(reason: str | None, remote_case: str | None, title: str | None) -> str:
    """Return a city's stop in one sentence: who, in which case, why."""
    by = _("Stopped by the portal of origin ({source})").format(source=title or _("no longer connected"))
    case = _("case {number} there").format(number=remote_case) if remote_case else ""
    return joined((part for part in (by, case, reason) if part), "；")


def gone_or_back() -> list[tuple[str, str]]:
    """Return the stops whose portal has become silent for long, or was disconnected; or is back."""
    heard = query.heard_at()
    gone = sa.or_(Source.id.is_(None), heard < clock.now() - GONE)
    found = (
        sa.select(Case.id, sa.case((Case.status == SUSPENDED, "orphan"), else_="found"))
        .join(OriginStop, OriginStop.case_id == Case.id)
        .outerjoin(Source, Source.id == OriginStop.source_id)
        .outerjoin(Following, Following.source_id == Source.id)
        .where(
            OriginStop.ended_at.is_(None),
            sa.or_(sa.and_(Case.status == SUSPENDED, gone), sa.and_(Case.status == ORPHANED, ~gone)),
        )
    )
    return [(case_id, step) for case_id, step in model.Session.execute(found)]


def install() -> None:
    """Make the machine and its pages known, and listen to the clock."""
    sweep.timer("origin_gone", gone_or_back)
    machine.register(MACHINE)
    presenters.register(KIND, Presenter(dataset_title, filed, "nmgdata/origin_stop/filed.html"))
