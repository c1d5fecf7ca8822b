"""File an application: one case per deciding department, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from ckan.plugins import toolkit as tk

from ..kernel import elsewhere
from ..kernel.actors import Actor
from ..kernel.evidence import files as evidence
from ..kernel.gate import answers, closures
from ..kernel.gate.policy import Reason
from ..kernel.orgs import REGION
from ..kernel.types import new_id
from ..kernel.unit import Unit, begin
from ..kernel.workflow import engine, terms
from ..kernel.workflow.engine import Filing, Receipt
from ..kernel.workflow.machine import Payload
from ..kernel.workflow.model import Case
from . import drafts, renewal
from .model import Application, ApplicationItem
from .wanted import Wanted, by_department, needs_id_number
from .workflow import KIND

_ = tk._


@dataclass(frozen=True)
class Filed:
    """An application with its cases, in the order in which their data were named."""

    bundle_id: str
    receipts: list[Receipt]


def file(
    actor: Actor,
    wants: Sequence[Wanted],
    stated: Payload,
    form_secret: str = "",
    earlier: Case | None = None,
    draft: tuple[str, str] | None = None,
) -> Filed:
    """File an application; nothing of it is filed when a part cannot be.

    :param form_secret: finds the files that were attached to its form; each department gets them
    :param earlier: the application that it prolongs, as far as it is about the same data
    :param draft: id and version of the actor's draft out of which it was made, deleted with it

    :raises tk.ValidationError: there is an open application of this person for a part of it
    :raises Conflict: the draft has changed since it was read
    """
    bundle_id = new_id()
    with begin(actor) as unit:
        one_at_a_time(unit, actor)
        refuse_what_is_open(unit, actor, wants)
        refuse_another_organisation(actor, stated["credit_code"])
        refuse_what_is_closed(actor, wants, stated["credit_code"])
        parts = by_department(wants).values()
        receipts = [file_case(unit, bundle_id, part, stated, renewed(earlier, part)) for part in parts]
        evidence.hand_in(unit, form_secret, *(receipt.case.id for receipt in receipts))
        if draft:
            drafts.use_up(unit, *draft)
    return Filed(bundle_id, receipts)


def renewed(earlier: Case | None, part: Sequence[Wanted]) -> str | None:
    """Return the application that one department's part prolongs."""
    return earlier.id if earlier and any(renewal.reaches(earlier, want) for want in part) else None


def file_case(
    unit: Unit, bundle_id: str, wants: Sequence[Wanted], stated: Payload, renews_id: str | None = None
) -> Receipt:
    """File the case of one department."""
    dataset = wants[0].dataset
    filing = Filing(
        org_id=elsewhere.office(dataset),
        region_code=dataset.get("region_code") or REGION,
        dataset_id=dataset["id"],
        filer_id=unit.actor.user_id,
    )

    def rows(unit: Unit, case: Case) -> None:
        application = Application(case_id=case.id, bundle_id=bundle_id, **stated)
        application.id_number = stated["id_number"] if needs_id_number(wants) else None
        application.renews_id = renews_id
        told = dict(answer for want in wants for answer in want.answers)
        application.answers = [{"question": q, "answer": a} for q, a in told.items()]
        unit.session.add(application)
        case.words = terms.terms(f"{application.scenario} {application.data_scope}")
        for want in wants:
            item = ApplicationItem(
                id=new_id(), case_id=case.id, applicant_id=filing.filer_id,
                dataset_id=want.dataset_id, resource_id=want.resource_id,
            )  # fmt: skip
            item.fields = list(want.fields) if want.fields else None
            unit.session.add(item)
        unit.session.flush()

    return engine.start(KIND, filing, unit.actor, {}, unit, rows=rows)


def one_at_a_time(unit: Unit, actor: Actor) -> None:
    """Let a person file one application after the other, so that two clicks make one."""
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 11))")
    unit.session.execute(lock, {"key": actor.user_id or ""})


def refuse_what_is_open(unit: Unit, actor: Actor, wants: Sequence[Wanted]) -> None:
    """Refuse a second open application of a person for the same file, alone or with its dataset."""
    query = (
        sa.select(ApplicationItem.dataset_id, ApplicationItem.resource_id, Case.number)
        .join(Case, Case.id == ApplicationItem.case_id)
        .where(
            ApplicationItem.applicant_id == actor.user_id,
            ApplicationItem.is_pending,
            ApplicationItem.dataset_id.in_({want.dataset_id for want in wants}),
        )
    )
    for dataset_id, resource_id, number in unit.session.execute(query):
        if any(meets(want, dataset_id, resource_id) for want in wants):
            message = _("You have an open application for these data already: {number}.")
            raise tk.ValidationError({"dataset_id": [message.format(number=number)]})


def refuse_another_organisation(actor: Actor, credit_code: str | None) -> None:
    """Refuse the name of another organisation than the one that an account is registered for (R50)."""
    registered = closures.code_of(actor.user_id or "")
    if registered and credit_code and credit_code != registered:
        message = _(
            "This account belongs to the organisation {code}; apply with an account of the other one."
        )
        raise tk.ValidationError({"credit_code": [message.format(code=registered)]})


def refuse_what_is_closed(actor: Actor, wants: Sequence[Wanted], credit_code: str | None) -> None:
    """Refuse data to which the person's, or their organisation's, access is closed (R50, R-SUSP-02)."""
    for want in wants:
        if closures.reaching(want.dataset_id, actor.user_id, credit_code):
            raise tk.ValidationError({"dataset_id": [answers.sentence(Reason.ACCESS_CLOSED)]})


def meets(want: Wanted, dataset_id: str, resource_id: str | None) -> bool:
    """Say whether a file is in both: a whole dataset holds each of its files."""
    return want.dataset_id == dataset_id and (
        None in (want.resource_id, resource_id) or want.resource_id == resource_id
    )
