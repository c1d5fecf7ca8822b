"""A toy kind of case, so that tests of the engine depend on no feature."""

from __future__ import annotations

from ckan.plugins import toolkit as tk
from ckanext.nmgdata.kernel.workflow import machine, presenters
from ckanext.nmgdata.kernel.workflow.machine import (
    AUTHORITY,
    DRAFT,
    FILER,
    PROVIDER,
    SYSTEM,
    Machine,
    State,
    Transition,
)

KIND = "toy"
EFFECTS: list[str] = []


def remember(unit, case, data):
    """Leave a trace of an effect."""
    EFFECTS.append(case.status)


def explode(unit, case, data):
    """Fail in the middle of a step."""
    if data.get("note") == "explode":
        raise RuntimeError("an effect failed")


def refuse_blue(unit, case, data):
    """Refuse what is blue."""
    if data["note"] == "blue":
        raise tk.ValidationError({"note": ["not blue"]})


def note_form():
    """Return a form of one field that must be filled."""
    return {"note": [tk.get_validator("not_empty"), tk.get_validator("unicode_safe")]}


TOY = Machine(
    kind=KIND,
    prefix="TT",
    label="Toy case",
    basis="nothing",
    states=(
        State("asked", "Asked", holder=PROVIDER),
        State("answered", "Answered", holder=FILER),
        State("checked", "Checked", holder=AUTHORITY),
        State("done", "Done", final=True),
    ),
    transitions=(
        Transition("ask", "Ask", (DRAFT,), "asked", FILER, opens="D-OPEN-DECIDE", notices=(PROVIDER,)),
        Transition(
            "answer", "Answer", ("asked",), "answered", PROVIDER, form=note_form,
            guards=(refuse_blue,), meets=("D-OPEN-DECIDE",), effects=(remember, explode), notices=(FILER,),
        ),
        Transition("check", "Check", ("answered",), "checked", FILER, opens="D-OPEN-FORMAL"),
        Transition("close", "Close", ("checked",), "done", AUTHORITY),
        Transition("expire", "Expire", ("asked", "answered"), "done", SYSTEM),
    ),
)  # fmt: skip


def install() -> None:
    """Make the toy known."""
    machine.register(TOY)
    presenter = presenters.Presenter(lambda case: "toy", lambda case, actor: {}, "nmgdata/desk/step.html")
    presenters.register(KIND, presenter)


def uninstall() -> None:
    """Take the toy away again."""
    machine._machines.pop((KIND, "standard"), None)
    presenters._presenters.pop(KIND, None)
    EFFECTS.clear()
