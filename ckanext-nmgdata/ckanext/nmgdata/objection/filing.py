"""File an objection: statement, evidence, case and suspension in one transaction (R-OBJ-02)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel import outbox
from ..kernel.actors import Actor
from ..kernel.addresses import address_key
from ..kernel.deadlines import statutes
from ..kernel.evidence import files as evidence
from ..kernel.types import new_id
from ..kernel.unit import Unit, begin
from ..kernel.workflow.engine import Filing, Receipt, start
from ..kernel.workflow.model import Case
from . import challenge, limits, notices, workflow
from .model import ExOfficio, Objection, ObjectionItem
from .repeats import files_of, is_repeat

_ = tk._


def evidence_needed() -> bool:
    """Say whether an objection needs evidence: yes, unless its filing as such is the trigger (R-OBJ-03)."""
    return statutes.setting("objection_trigger") == "evidence"


def admit(actor: Actor, solution: str) -> bool:
    """Let an objection come in, before any of its files is looked at; say whether its challenge is solved.

    :raises limits.TooManyError: too many came from here within the hour
    """
    key = address_key(actor.address)
    with begin(actor) as unit:
        limits.note_attempt(unit, key)
    with begin(actor) as unit:
        proven = challenge.use(unit, solution)
        limits.check(unit, actor, key, proven=proven)
    return proven


def file(
    actor: Actor,
    filing: Filing,
    resource_ids: Sequence[str],
    stated: dict[str, Any],
    form_secret: str,
    *,
    proven: bool,
) -> Receipt:
    """File an objection; the data are closed when this returns.

    :raises tk.ValidationError: evidence is missing where it is needed
    :raises limits.TooManyError: too many came from here within the hour
    """
    with begin(actor) as unit:
        attached = evidence.drafts(form_secret)
        if not attached and evidence_needed():
            raise tk.ValidationError({"evidence": [_("Attach at least one file of evidence (Art. 28 ¶3).")]})
        key = address_key(actor.address)
        limits.check(unit, actor, key, proven=proven)
        files = [row.sha256 for row in attached]
        digest = digest_of(files or [stated["statement"]])
        verification = secrets.token_urlsafe(24)

        def rows(unit: Unit, case: Case) -> None:
            add_items(unit, case, resource_ids)
            row = Objection(case_id=case.id, dataset_id=filing.dataset_id, digest=digest, **stated)
            row.address_key, row.proven, row.filed_at = key, proven, unit.now
            row.verify_hash = evidence.hashed(verification)
            unit.session.add(row)
            unit.session.flush()
            evidence.hand_in(unit, form_secret, case.id)

        stated_before = filing.dataset_id and is_repeat(unit, filing.dataset_id, resource_ids, digest, files)
        step = "submit_again" if stated_before else "submit"
        receipt = start(workflow.KIND, filing, actor, {}, unit, step=step, rows=rows)
        wanted = {"case": receipt.case.id, "secret": verification}
        outbox.enqueue(unit.session, notices.VERIFY_CONTACT, wanted, key=receipt.case.id)
    return receipt


def suspend(actor: Actor, filing: Filing, resource_ids: Sequence[str], stated: dict[str, Any]) -> Case:
    """Suspend ex officio (R-OBJ-04); the data are closed when this returns."""

    def rows(unit: Unit, case: Case) -> None:
        add_items(unit, case, resource_ids)
        unit.session.add(ExOfficio(case_id=case.id, dataset_id=filing.dataset_id, **stated))
        unit.session.flush()

    return start(workflow.EX_OFFICIO, filing, actor, {}, rows=rows).case


def add_items(unit: Unit, case: Case, resource_ids: Sequence[str]) -> None:
    """Write down what a case is about: these files, or the whole entry (DC-43)."""
    files = files_of(unit, case.dataset_id or "")
    for resource_id in resource_ids or [None]:
        item = ObjectionItem(id=new_id(), case_id=case.id, dataset_id=case.dataset_id, files=files)
        item.resource_id = resource_id
        unit.session.add(item)
    unit.session.flush()


def digest_of(parts: Sequence[str]) -> str:
    """Return a digest of the evidence, in whatever order it was attached."""
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def to_verify(number: str, secret: str) -> Objection | None:
    """Return the objection whose mailed link was followed."""
    query = (
        sa.select(Objection)
        .join(Case, Case.id == Objection.case_id)
        .where(Case.number == number, Objection.verify_hash == evidence.hashed(secret))
    )
    return model.Session.scalar(query)


def verify_contact(case_id: str, actor: Actor) -> None:
    """Write down that the address of contact is the objector's."""
    with begin(actor) as unit:
        row = unit.session.get_one(Objection, case_id, with_for_update=True, populate_existing=True)
        row.contact_verified_at = row.contact_verified_at or unit.now
