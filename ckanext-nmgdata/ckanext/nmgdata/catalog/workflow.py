"""The machines of the catalogue: the change of an open class and the periodic evaluation (law.md §5.15).

Towards more open is one act of the department (DC-54), which takes effect with its statements; towards
less open the authority reviews first (R-OPEN-13). What takes effect does so in the transaction of its step.
"""

from __future__ import annotations

from ..kernel.workflow import machine
from ..kernel.workflow.machine import (
    AUTHORITY,
    DEPARTMENT,
    DRAFT,
    FILER,
    PROVIDER,
    SYSTEM,
    Machine,
    State,
    Transition,
)
from .classes import steps
from .classes.logic import schema
from .classes.model import CONVERTIBLE, EASE, KEEP, TIGHTEN

N_ = str  # marks a string for translation; it is translated when shown

CONVERT, REVIEW, EVALUATE = "D-OPEN-CONVERT", "D-OPEN-CHANGE-REVIEW", "D-OPEN-EVAL"
OPENED = {
    "form": schema.opening,
    "recorded": False,
    "guards": (steps.opens_something,),
    "effects": (steps.keep_stated, steps.take_files, steps.make_effective),
    "notices": (AUTHORITY,),
}
"""What opening further demands and brings about, whether an evaluation asked for it or not."""

CHANGE = Machine(
    kind=steps.CHANGE,
    prefix="KF",
    label=N_("Change of open class"),
    basis="内政发〔2024〕19号第二十八条第三款、第二十九条",
    filer=N_("department"),
    states=(
        State("converting", N_("Can be opened, to be carried out"), holder=PROVIDER),
        State("review", N_("Stricter class proposed, waiting for the authority"), holder=AUTHORITY),
        State("effective", N_("In effect"), final=True),
        State("returned", N_("Returned by the authority"), final=True),
        State("withdrawn", N_("Given up by the department"), final=True),
        State("lapsed", N_("Without object"), final=True),
    ),
    transitions=(
        Transition("open_further", N_("Open further"), (DRAFT,), "effective", PROVIDER, **OPENED),
        Transition(
            "found", N_("Found ready to be opened"), (DRAFT,), "converting", PROVIDER,
            opens=CONVERT, notices=(PROVIDER,),
        ),
        Transition(
            "propose", N_("Propose a stricter class"), (DRAFT,), "review", DEPARTMENT,
            form=schema.tightening, recorded=False, guards=(steps.may_be_so,), opens=REVIEW,
            notices=(AUTHORITY,),
        ),
        Transition(
            "harden", N_("Propose harder conditions"), (DRAFT,), "review", DEPARTMENT,
            form=schema.tightening, guards=(steps.other_conditions, steps.not_only_easier, steps.may_be_so),
            opens=REVIEW, notices=(AUTHORITY,),
        ),
        Transition(
            "ease", N_("Make the conditions easier"), (DRAFT,), "effective", PROVIDER,
            form=schema.easing, guards=(steps.other_conditions, steps.not_harder, steps.eased),
            effects=(steps.keep_stated, steps.make_effective), notices=(AUTHORITY,),
        ),
        Transition(
            "convert", N_("Open now"), ("converting",), "effective", PROVIDER, meets=(CONVERT,), **OPENED
        ),
        Transition(
            "published", N_("Published"), ("converting",), "effective", SYSTEM,
            meets=(CONVERT,), effects=(steps.release,), notices=(AUTHORITY,),
        ),
        Transition(
            "approve", N_("Approve the stricter class"), ("review",), "effective", AUTHORITY,
            form=schema.approval, meets=(REVIEW,), effects=(steps.make_effective,),
            notices=(FILER, PROVIDER),
        ),
        Transition(
            "return", N_("Return the proposal"), ("review",), "returned", AUTHORITY,
            form=schema.returning, meets=(REVIEW,), effects=(steps.release,), notices=(FILER, PROVIDER),
        ),
        Transition(
            "withdraw", N_("Give the proposal up"), ("review",), "withdrawn", DEPARTMENT,
            form=schema.returning, effects=(steps.release,), notices=(AUTHORITY,),
        ),
        Transition(
            "drop", N_("Do not open after all"), ("converting",), "withdrawn", PROVIDER,
            form=schema.returning, effects=(steps.release,), notices=(AUTHORITY,),
        ),
        Transition(
            "lapse", N_("The entry has changed"), ("converting", "review"), "lapsed", SYSTEM,
            effects=(steps.release,), notices=(PROVIDER,),
        ),
    ),
)  # fmt: skip

EVALUATION = Machine(
    kind=steps.EVALUATION,
    prefix="PG",
    label=N_("Evaluation of data not fully open"),
    basis="内政发〔2024〕19号第二十九条；呼和浩特市公共数据管理暂行办法第二十八条",
    states=(
        State("scheduled", N_("Evaluation to be made"), holder=PROVIDER),
        State("kept", N_("Class kept"), final=True),
        State("convertible", N_("Found ready to be opened"), final=True),
        State("easing", N_("Conditions made easier"), final=True),
        State("tightening", N_("Stricter class proposed"), final=True),
        State("lapsed", N_("Without object"), final=True),
    ),
    transitions=(
        Transition(
            "open", N_("Evaluation asked for"), (DRAFT,), "scheduled", SYSTEM,
            opens=EVALUATE, until=steps.due_on,
        ),
        Transition(
            KEEP, N_("Keep the class, for a renewed reason"), ("scheduled",), "kept", PROVIDER,
            form=schema.keeping, recorded=False, meets=(EVALUATE,), effects=(steps.conclude(KEEP),),
        ),
        Transition(
            CONVERTIBLE, N_("Can be opened"), ("scheduled",), "convertible", PROVIDER,
            form=schema.converting, recorded=False, meets=(EVALUATE,),
            effects=(steps.conclude(CONVERTIBLE),), notices=(AUTHORITY,),
        ),
        Transition(
            EASE, N_("Conditions can be easier"), ("scheduled",), "easing", PROVIDER,
            form=schema.loosening, recorded=False, guards=(steps.has_conditions,), meets=(EVALUATE,),
            effects=(steps.conclude(EASE),),
        ),
        Transition(
            TIGHTEN, N_("Must be closed further"), ("scheduled",), "tightening", PROVIDER,
            form=schema.closing, recorded=False, meets=(EVALUATE,), effects=(steps.conclude(TIGHTEN),),
        ),
        Transition(
            "lapse", N_("The entry has changed"), ("scheduled",), "lapsed", SYSTEM,
            effects=(steps.release_evaluation,),
        ),
    ),
)  # fmt: skip


def install() -> None:
    """Make the machines known and listen to the catalogue; the clock opens evaluations (``schedule``)."""
    machine.register(CHANGE)
    machine.register(EVALUATION)
    steps.install()
