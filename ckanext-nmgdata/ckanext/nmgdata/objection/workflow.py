"""The machines of objections and of suspensions ex officio (law.md §5.2, §5.3).

Filing suspends in the same transaction (R-OBJ-02, DC-52); three outcomes end it (R-OBJ-05), each
with findings, a reason for the public register and feedback to the objector (R-OBJ-06).
"""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel import outbox, retention
from ..kernel.gate import rights, stored
from ..kernel.unit import Unit
from ..kernel.workflow import machine
from ..kernel.workflow.machine import (
    ANYONE,
    AUTHORITY,
    DRAFT,
    FILER,
    OFFICE,
    PROVIDER,
    Machine,
    Payload,
    State,
    Transition,
)
from ..kernel.workflow.model import Case
from ..marks import joined
from . import privacy
from .logic import schema
from .model import ObjectionItem

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown

KIND, EX_OFFICIO = "rights_objection", "exofficio_suspension"
VERIFY, REPEAT = "D-OBJ-VERIFY", "D-OBJ-REPEAT"
RECLASSIFY = "reclassify"
"""Topic of the outbox: a withdrawn entry becomes non-open in the catalogue (R29)."""


# --- guards --------------------------------------------------------------------------------------


def has_processed_version(unit: Unit, case: Case, data: Payload) -> None:
    """Opening after processing needs a new file beside the one that is sealed (R-OBJ-05)."""
    sealed = set(data["sealed"])
    query = sa.select(model.Resource.id).where(
        model.Resource.package_id == case.dataset_id, model.Resource.state == model.State.ACTIVE
    )
    there = set(unit.session.scalars(query))
    before, named = files_before(unit, case), {i.resource_id for i in items(unit, case) if i.resource_id}
    right = named <= sealed <= named if named else sealed <= before
    if not sealed or not sealed <= there or not right:
        raise tk.ValidationError({"sealed": [_("Choose the files whose old version is to be sealed.")]})
    if not there - before:
        message = _(
            "Add the processed version to the dataset as a new file first; the old file stays sealed."
        )
        raise tk.ValidationError({"sealed": [message]})
    if same := stored.with_bytes_of(unit.session, there - before, sealed):
        message = _("This file is the same as one that is to be sealed: {names}")
        raise tk.ValidationError({"sealed": [message.format(names=joined(same))]})


# --- effects -------------------------------------------------------------------------------------


def items(unit: Unit, case: Case) -> list[ObjectionItem]:
    """Return what a case is about."""
    query = sa.select(ObjectionItem).where(ObjectionItem.case_id == case.id)
    return list(unit.session.scalars(query.order_by(ObjectionItem.id)))


def files_before(unit: Unit, case: Case) -> set[str]:
    """Return the files that the entry had when the case was filed."""
    return {key for item in items(unit, case) for key in item.files}


def suspend(unit: Unit, case: Case, data: Payload) -> None:
    """Stop the opening of everything the case is about, in this transaction (立即中止开放)."""
    for item in items(unit, case):
        rights.suspend(unit, origin(case), item.dataset_id, item.resource_id)


def resume(unit: Unit, case: Case, data: Payload) -> None:
    """Lift the stops of this case; those of other cases stay."""
    rights.lift(unit, case.id)


def take_down(unit: Unit, case: Case, data: Payload) -> None:
    """Withdraw the data for good; an entry withdrawn as a whole becomes non-open (R29)."""
    rights.withdraw(unit, case.id)
    for item in items(unit, case):
        if item.resource_id is None:
            fields = ("nonopen_ground", "public_reason", "legal_basis")
            wanted = {"dataset": item.dataset_id, **{name: data[name] for name in fields}}
            outbox.enqueue(unit.session, RECLASSIFY, wanted, key=case.id)


def replace(unit: Unit, case: Case, data: Payload) -> None:
    """Open the processed version and seal the old files."""
    rights.replace(unit, origin(case), case.dataset_id or "", data["sealed"])


def origin(case: Case) -> rights.Origin:
    """Return a case as the origin of stops."""
    return rights.Origin(case.id, case.number)


# --- the tables ----------------------------------------------------------------------------------

VERIFYING = State("verifying", N_("Opening suspended, being verified"), holder=PROVIDER)
RETRACTED = State(
    "retracted", N_("Taken back by the objector, findings still to be recorded"), holder=PROVIDER
)
REPEATED = State("repeated", N_("Same evidence as before, waiting for the authority"), holder=AUTHORITY)
OPEN = ("verifying", "retracted")
OUTCOMES = (
    State("withdrawn", N_("Data withdrawn"), final=True),
    State("restored", N_("Opening resumed"), final=True),
    State("open_after_processing", N_("Opened after lawful processing"), final=True),
)


def outcomes(source: tuple[str, ...]) -> tuple[Transition, ...]:
    """Return the three steps that end a verification, and no fourth."""
    return (
        Transition(
            "withdraw", N_("Withdraw the data"), source, "withdrawn", PROVIDER,
            form=schema.withdrawal, meets=(VERIFY,), effects=(take_down,), notices=(FILER, AUTHORITY),
        ),
        Transition(
            "restore", N_("Resume opening"), source, "restored", PROVIDER,
            form=schema.restoration, meets=(VERIFY,), effects=(resume,), notices=(FILER, AUTHORITY),
        ),
        Transition(
            "open_after_processing", N_("Open after lawful processing"), source, "open_after_processing",
            PROVIDER, form=schema.processing, guards=(has_processed_version,), meets=(VERIFY,),
            effects=(replace,), notices=(FILER, AUTHORITY),
        ),
    )  # fmt: skip


OBJECTION = Machine(
    kind=KIND,
    prefix="YY",
    label=N_("Objection of a rights holder"),
    basis="内政发〔2024〕19号第二十八条第三款",
    filer=N_("objector"),
    states=(
        VERIFYING,
        RETRACTED,
        REPEATED,
        *OUTCOMES,
        State("abusive", N_("Set aside as an abuse, opening resumed"), final=True),
        State("set_aside", N_("Not verified again: same evidence as before"), final=True),
    ),
    transitions=(
        Transition(
            "submit", N_("Objection filed, opening suspended"), (DRAFT,), "verifying", ANYONE,
            recorded=False, opens=VERIFY, effects=(suspend,), notices=(FILER, PROVIDER, AUTHORITY),
        ),
        Transition(
            "submit_again", N_("Objection filed with the same evidence as before"), (DRAFT,), "repeated",
            ANYONE, recorded=False, opens=REPEAT, notices=(FILER, AUTHORITY),
        ),
        Transition(
            "take_up", N_("Suspend and verify again"), ("repeated",), "verifying", AUTHORITY,
            meets=(REPEAT,), opens=VERIFY, effects=(suspend,), notices=(FILER, PROVIDER),
        ),
        Transition(
            "set_aside", N_("Do not verify again"), ("repeated",), "set_aside", AUTHORITY,
            form=schema.setting_aside, meets=(REPEAT,), notices=(FILER,),
        ),
        Transition(
            "retract", N_("Take the objection back"), ("verifying",), "retracted", FILER,
            notices=(PROVIDER,),
        ),
        *outcomes(OPEN),
        Transition(
            "lift_abusive", N_("Set aside as an abuse"), OPEN, "abusive", AUTHORITY,
            form=schema.setting_aside, effects=(resume,), notices=(FILER, PROVIDER),
        ),
    ),
)  # fmt: skip

SUSPENSION = Machine(
    kind=EX_OFFICIO,
    prefix="ZZ",
    label=N_("Suspension ex officio"),
    basis="内政发〔2024〕19号第二十八条第三款；呼和浩特市公共数据管理暂行办法第二十七条",
    states=(VERIFYING, *OUTCOMES),
    transitions=(
        Transition(
            "submit", N_("Opening suspended ex officio"), (DRAFT,), "verifying", OFFICE,
            recorded=False, opens=VERIFY, effects=(suspend,), notices=(PROVIDER, AUTHORITY),
        ),
        *outcomes(("verifying",)),
    ),
)  # fmt: skip


def install() -> None:
    """Make the machines known."""
    machine.register(OBJECTION)
    machine.register(SUSPENSION)
    retention.register(KIND, privacy.erase_objection)
