"""Action that closes access; all later steps go through ``nmgdata_case_transition``."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from ....kernel.evidence import files as evidence
from ....kernel.gate.doors import actor_of
from ....kernel.workflow import engine, queries
from ....kernel.workflow.model import Case
from ...model import ApplicationItem
from ...workflow import KIND as APPLICATION
from .. import workflow
from . import schema

_ = tk._


def nmgdata_access_close(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Urge a user of granted data to correct a violation, and close their access at once (Art. 50).

    If the user acts for an organisation, every account of it is kept from the data, those made later
    too. Grants of other data keep working.

    :param id: the id or the number of the application whose grant was misused
    :type id: string
    :param datasets: ids or names of the data to close; each within your competence
        (optional; default: those applied for)
    :type datasets: list of strings
    :param ground: ``illegal_gain``, ``abuse_or_harm``, ``breach_of_use``, ``no_safeguards`` or
        ``other_liability``
    :param facts: what was done, when, with which data
    :param evidence: what proves it
    :param files: what proves it, as PDF, JPEG or PNG (multipart upload; optional); the person reads them
    :param correct_by: last day for the correction, ISO 8601

    :returns: ``id``, ``number`` and ``status`` of the case
    :rtype: dictionary
    """
    tk.check_access("nmgdata_access_close", context, data_dict)
    actor = actor_of(context)
    case = misused(tk.get_or_bust(data_dict, "id"), actor)
    sent = {name: data_dict.get(name, "") for name in schema.notice()}
    sent["datasets"] = sent["datasets"] or applied_for(case)
    stated, errors = tk.navl_validate(sent, schema.notice(), context)
    if uploads := evidence.uploads(data_dict.get("files")):
        wrong = evidence.take(actor, stated, uploads)
        errors |= {"files": wrong} if wrong else {}
    if errors:
        raise tk.ValidationError(errors)
    datasets = [existing(reference) for reference in stated["datasets"]]
    stated["datasets"] = [dataset.id for dataset in datasets]
    made = workflow.file(actor, workflow.violator(case), datasets, stated).case
    return {"id": made.id, "number": made.number, "status": made.status}


def misused(reference: str, actor: Any) -> Case:
    """Return an application that its reader may see; of others there is none."""
    case = queries.by_reference(reference)
    if case is None or case.kind != APPLICATION or not engine.may_see(case, actor):
        raise tk.ObjectNotFound(_("Case not found"))
    return case


def applied_for(case: Case) -> list[str]:
    """Return the data that an application is about."""
    query = sa.select(ApplicationItem.dataset_id).where(ApplicationItem.case_id == case.id)
    return sorted(set(model.Session.scalars(query)))


def existing(reference: str) -> model.Package:
    """Return a dataset by id or name."""
    dataset = model.Package.get(reference)
    if dataset is None or dataset.state != model.State.ACTIVE:
        raise tk.ValidationError({"datasets": [_("Dataset not found")]})
    return dataset


ACTIONS = {nmgdata_access_close.__name__: nmgdata_access_close}
