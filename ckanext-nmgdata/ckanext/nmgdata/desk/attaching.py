"""Files that come with a step of a case, from its page or from a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ckan.plugins import toolkit as tk

from ..kernel.actors import Actor
from ..kernel.evidence import files as evidence
from ..kernel.workflow import engine
from ..kernel.workflow.model import Case


def attach(case: Case, transition: str, actor: Actor, stated: dict[str, Any], sent: Sequence[Any]) -> None:
    """Keep the files of a step that takes some and that is this person's to take.

    :raises tk.ValidationError: something is wrong with a file; the others are kept with the form
    """
    step = next((s for s in engine.possible(case, actor) if s.name == transition), None)
    if step is None or "form" not in step.form():
        return
    wrong = evidence.take(actor, stated, evidence.uploads(list(sent)))
    if wrong:
        raise tk.ValidationError({"evidence": wrong})
