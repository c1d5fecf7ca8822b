"""How applications are shown on pages and in the API."""

from __future__ import annotations

from typing import Any

from ckan import model

from ..kernel.actors import Actor
from ..kernel.workflow.model import Case
from ..kernel.workflow.presenters import Presenter, account_address
from . import agreement
from .model import Application, ApplicationItem

SHOWN = (
    "applicant_kind", "scenario", "data_scope", "provision_mode", "use_from", "use_until", "safeguards",
)  # fmt: skip
PERSONAL = ("applicant_name", "credit_code", "contact_phone")


def title(case: Case) -> str:
    """Return the title of the dataset applied for."""
    dataset = model.Session.get(model.Package, case.dataset_id) if case.dataset_id else None
    return (dataset.title or dataset.name) if dataset else ""


def payload(case: Case, actor: Actor) -> dict[str, Any]:
    """Return what the applicant stated; who it is says ``person``."""
    application = model.Session.get_one(Application, case.id)
    stated = {name: getattr(application, name) for name in SHOWN}
    for name in ("use_from", "use_until"):
        stated[name] = stated[name].isoformat()
    items = model.Session.query(ApplicationItem).filter_by(case_id=case.id)
    stated["resources"] = [item.resource_id for item in items if item.resource_id]
    dataset = model.Session.get(model.Package, case.dataset_id)
    stated["dataset_name"] = dataset.name if dataset else ""
    return stated


def person(case: Case) -> dict[str, str | None]:
    """Return who applies, with the mail address of the account that answers go to."""
    application = model.Session.get_one(Application, case.id)
    stated = {name: getattr(application, name) for name in PERSONAL}
    return {**stated, "contact_email": account_address(case)}


def defaults(case: Case, step: str) -> dict[str, Any]:
    """Begin the consent form with what was applied for, and the agreement with its text."""
    if step == "approve":
        application = model.Session.get_one(Application, case.id)
        return {
            "purpose": application.scenario,
            "use_scope": application.data_scope,
            "valid_until": application.use_until.isoformat(),
        }
    if step == "accept":
        version = agreement.current_version()
        return {"version": version, "text": agreement.text(version)}
    return {}


PRESENTER = Presenter(title, payload, "nmgdata/open_application/filed.html", defaults, person=person)
