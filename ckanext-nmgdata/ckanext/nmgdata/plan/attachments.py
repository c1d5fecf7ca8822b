"""Files that belong to a plan (its signed text, say): attached to the draft, public with the plan.

They are kept as the kernel keeps files of cases: checked by content, images drawn anew, in sealed storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ckan.plugins import toolkit as tk

from ..kernel.actors import Actor
from ..kernel.evidence import files
from ..kernel.types import Conflict
from ..kernel.unit import begin
from . import items
from .model import Plan

_ = tk._


def change(actor: Actor, plan: Plan, uploads: Sequence[Any], gone: Sequence[str]) -> None:
    """Attach files to a draft, and take others off it.

    :raises tk.ValidationError: on ``evidence``, when a file is none that we accept
    :raises Conflict: the plan is published or being decided on
    """
    uploads = [upload for upload in uploads if upload and upload.filename]
    if not uploads and not gone:
        return
    secret = files.new_secret()
    wrong = files.attach(actor, secret, uploads)
    with begin(actor) as unit:
        own = unit.session.get_one(Plan, plan.id)
        try:
            drafting = items.mode(unit, own) == items.DRAFT
        except Conflict:
            drafting = False
        there = files.of_case(own.case_id)
        kept = [row for row in there if row.id not in gone]
        if not wrong and len(kept) + len(uploads) > files.MOST:
            wrong = [_("At most {n} files.").format(n=files.MOST)]
        if wrong or not drafting:
            files.drop(unit, secret, [row.id for row in files.drafts(secret)])
        else:
            files.hand_in(unit, secret, own.case_id)
            for row in there:
                if row.id in gone:
                    files.destroy(unit, row)
    if not drafting:
        raise Conflict(_("Files belong to the draft; those of a published plan stay as they are."))
    if wrong:
        errors: Any = {"evidence": wrong}
        raise tk.ValidationError(errors)
