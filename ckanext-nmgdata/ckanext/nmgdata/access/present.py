"""How applications are shown on pages and in the API."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model

from .. import vocab
from ..kernel import orgs
from ..kernel.actors import Actor
from ..kernel.evidence import files as evidence
from ..kernel.gate import closures
from ..kernel.workflow import engine
from ..kernel.workflow.model import Case
from ..kernel.workflow.presenters import Presenter, account_address, dataset_name, dataset_title
from . import agreement, renewal, scope
from .model import Application, ApplicationItem

SHOWN = (
    "applicant_kind", "scenario", "data_scope", "provision_mode", "use_from", "use_until", "safeguards",
    "answers",
)  # fmt: skip
PERSONAL = ("applicant_name", "credit_code", "id_number", "contact_phone")


def title(case: Case) -> str:
    """Return the title of the dataset applied for; of several the first, and how many."""
    first = dataset_title(case)
    query = sa.select(sa.func.count()).where(ApplicationItem.case_id == case.id)
    number = model.Session.scalar(query) or 0
    return f"{first} 等{number}项" if number > 1 else first


def payload(case: Case, actor: Actor) -> dict[str, Any]:
    """Return what the applicant stated; who it is says ``person``."""
    application = model.Session.get_one(Application, case.id)
    stated = {name: getattr(application, name) for name in SHOWN}
    for name in ("use_from", "use_until"):
        stated[name] = stated[name].isoformat()
    items = scope.items(case.id)
    stated["items"] = [shown(item) for item in items]
    stated["resources"] = [item.resource_id for item in items if item.resource_id]
    stated["dataset_name"] = dataset_name(case)
    stated["evidence"] = [evidence.shown(row) for row in evidence.of_case(case.id)]
    stated["renews"] = renewal.number_of(application.renews_id)
    stated["renewed_by"] = renewal.following(case.id)
    registered = closures.code_of(case.filer_id or "")
    stated["code_is_registered"] = application.credit_code is None or application.credit_code == registered
    stated["own"] = bool(actor.user_id) and case.filer_id == actor.user_id
    stated["bundle_id"] = application.bundle_id if stated["own"] else None
    stated["together_with"] = together_with(application) if stated["own"] else []
    return stated


def shown(item: ApplicationItem) -> dict[str, Any]:
    """Return one thing that was applied for."""
    return {
        "id": item.id,
        "dataset_id": item.dataset_id,
        "dataset_name": name_of(item.dataset_id),
        "resource_id": item.resource_id,
        "fields": item.fields,
        "field_labels": scope.asked_for(item),
        "label": scope.label(item),
    }


def name_of(dataset_id: str | None) -> str:
    """Return the name of a dataset, for links."""
    dataset = model.Session.get(model.Package, dataset_id) if dataset_id else None
    return dataset.name if dataset else ""


def together_with(application: Application) -> list[str]:
    """Return the numbers of the cases that were filed with this one, for other departments."""
    query = sa.select(Case.number).join(Application, Application.case_id == Case.id)
    query = query.where(
        Application.bundle_id == application.bundle_id, Application.case_id != application.case_id
    )
    return list(model.Session.scalars(query.order_by(Case.number)))


def person(case: Case) -> dict[str, str | None]:
    """Return who applies, with the mail address of the account that answers go to."""
    application = model.Session.get_one(Application, case.id)
    stated = {name: getattr(application, name) for name in PERSONAL}
    return {**stated, "contact_email": account_address(case)}


def defaults(case: Case, step: str) -> dict[str, Any]:
    """Begin the consent form with what was applied for, and the agreement with its text."""
    if step == "approve":
        return scope.begins_with(case)
    if step in ("transfer", "reassign"):
        others = [pair for pair in orgs.departments() if pair[0] != case.org_id]
        return {"departments": [{"value": org_id, "label": title} for org_id, title in others]}
    if step == "refuse":
        terms = vocab.terms("refusal_ground").values()
        return {
            "bases": sorted(
                {term["legal_basis_example"] for term in terms if term.get("legal_basis_example")}
            )
        }
    if step in ("supplement", "formal_supplement"):
        return {"form": evidence.new_secret(), "attached": []}
    if step == "accept":
        version = agreement.current_version()
        return {"version": version, "text": agreement.text(version)}
    return {}


def read_form(case: Case, step: str, sent: dict[str, Any]) -> dict[str, Any]:
    """Return what a form states; that of consent ticks columns and writes rows in lines."""
    return {**sent, "scopes": scope.from_form(case, sent)} if step == "approve" else sent


PRESENTER = Presenter(
    title, payload, "nmgdata/open_application/filed.html", defaults, person=person,
    reads_evidence=engine.may_see, read_form=read_form,
)  # fmt: skip
