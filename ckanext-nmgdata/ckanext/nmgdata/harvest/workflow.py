"""The machine of what the portal of origin stops: the region repeats the city's decision (DC-53).

Each stop of a city is a case of the region's own, so that register, refusals, audit and timeline say it like
any other stop. The portal itself takes every step. Cases of the region stand beside it: lifting one stop
never lifts another.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Schema

from ..kernel.actors import Actor
from ..kernel.gate import rights
from ..kernel.unit import Unit
from ..kernel.workflow import machine, presenters
from ..kernel.workflow.machine import DRAFT, SYSTEM, Machine, Payload, State, Transition
from ..kernel.workflow.model import Case
from ..kernel.workflow.presenters import Presenter, dataset_name, dataset_title
from .following.model import OriginStop
from .model import RemoteRecord, Source

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
KIND = "origin_stop"
SUSPENDED, WITHDRAWN = "suspended", "withdrawn"


def public() -> Schema:
    """What the region publishes of a city's stop: the city's own public reason, or which city it is."""
    return {"public_reason": [tk.get_validator("ignore_missing")]}


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


MACHINE = Machine(
    kind=KIND,
    prefix="LY",
    label=N_("Stop by the portal of origin"),
    basis="内政发〔2024〕19号第八条、第二十八条第三款",
    states=(
        State(SUSPENDED, N_("Opening suspended by the portal of origin")),
        State(WITHDRAWN, N_("Data withdrawn by the portal of origin"), final=True),
        State("restored", N_("Opening resumed by the portal of origin"), final=True),
    ),
    transitions=(
        Transition(
            "open", N_("Suspended by the portal of origin"), (DRAFT,), SUSPENDED, SYSTEM,
            form=public, effects=(suspend,),
        ),
        Transition(
            "withdraw", N_("Withdrawn by the portal of origin"), (SUSPENDED,), WITHDRAWN, SYSTEM,
            form=public, effects=(withdraw,),
        ),
        Transition(
            "restore", N_("Resumed by the portal of origin"), (SUSPENDED,), "restored", SYSTEM,
            effects=(resume,),
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
    query = (
        sa.select(OriginStop.reason, OriginStop.remote_case, Source.title)
        .join(Case, Case.id == OriginStop.case_id)
        .outerjoin(Source, Source.id == OriginStop.source_id)
        .where(Case.number == number)
    )
    found = model.Session.execute(query).first()
    return sentence(*found) if found else None


def sentence(reason: str | None, remote_case: str | None, title: str | None) -> str:
    """Return a city's stop in one sentence: who, in which case, why."""
    by = _("Stopped by the portal of origin ({source})").format(source=title or _("no longer connected"))
    case = _("case {number} there").format(number=remote_case) if remote_case else ""
    return "；".join(part for part in (by, case, reason) if part)


def install() -> None:
    """Make the machine and its pages known."""
    machine.register(MACHINE)
    presenters.register(KIND, Presenter(dataset_title, filed, "nmgdata/origin_stop/filed.html"))
