"""How objections are shown."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model

from ..kernel.actors import Actor
from ..kernel.evidence import files as evidence
from ..kernel.workflow import presenters
from ..kernel.workflow.model import Case
from ..kernel.workflow.presenters import Presenter, dataset_name, dataset_title
from .model import ExOfficio, Objection, ObjectionItem

STATED = ("ground", "statement", "wish", "objector_kind", "concern")
PERSONAL = ("objector_name", "credit_code", "contact_phone", "contact_email")


def files_of(case: Case) -> list[dict[str, Any]]:
    """Return the files of the dataset: which the case is about, which can still be had."""
    query = sa.select(ObjectionItem.resource_id, ObjectionItem.files).where(ObjectionItem.case_id == case.id)
    items = model.Session.execute(query).all()
    stopped, before = {item.resource_id for item in items}, {key for item in items for key in item.files}
    resources = model.Session.scalars(
        sa.select(model.Resource)
        .where(model.Resource.package_id == case.dataset_id, model.Resource.state == model.State.ACTIVE)
        .order_by(model.Resource.position)
    )
    return [
        {
            "id": resource.id,
            "name": resource.name or resource.id,
            "named": resource.id in stopped,
            "stopped": None in stopped or resource.id in stopped,
            "new": resource.id not in before,
        }
        for resource in resources
    ]


def objection(case: Case, actor: Actor) -> dict[str, Any]:
    """Return what an objector stated; who it is says ``person``."""
    row = model.Session.get_one(Objection, case.id)
    return {
        **{name: getattr(row, name) for name in STATED},
        "contact_verified": row.contact_verified_at is not None,
        "proven": row.proven,
        "files": files_of(case),
        "dataset_name": dataset_name(case),
        "evidence": [evidence.shown(e) for e in evidence.of_case(case.id)],
    }


def person(case: Case) -> dict[str, str | None]:
    """Return who objects."""
    row = model.Session.get_one(Objection, case.id)
    return {name: getattr(row, name) for name in PERSONAL}


def ex_officio(case: Case, actor: Actor) -> dict[str, Any]:
    """Return why an office suspended."""
    row = model.Session.get_one(ExOfficio, case.id)
    return {
        "danger_kind": row.danger_kind,
        "reason": row.reason,
        "files": files_of(case),
        "dataset_name": dataset_name(case),
    }


def defaults(case: Case, step: str) -> dict[str, Any]:
    """Begin the form of processing with the files the case is about."""
    if step != "open_after_processing":
        return {}
    files = files_of(case)
    return {"files": files, "sealed": [f["id"] for f in files if f["stopped"] and not f["new"]]}


def contact(case: Case) -> str | None:
    """Return the address the objector gave for the answer."""
    row = model.Session.get(Objection, case.id)
    return row.contact_email if row else None


OBJECTION = Presenter(
    dataset_title, objection, "nmgdata/rights_objection/filed.html", defaults, contact, person
)
EX_OFFICIO = Presenter(dataset_title, ex_officio, "nmgdata/exofficio_suspension/filed.html", defaults)


def install() -> None:
    """Say how both kinds of case are shown."""
    from .workflow import EX_OFFICIO as ZZ
    from .workflow import KIND as YY

    presenters.register(YY, OBJECTION)
    presenters.register(ZZ, EX_OFFICIO)
