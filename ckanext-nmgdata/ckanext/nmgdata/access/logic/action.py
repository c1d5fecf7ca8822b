"""Actions of applications."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict
from sqlalchemy.exc import IntegrityError

from ...kernel.actors import REGION
from ...kernel.gate import answers, closures, stops
from ...kernel.gate.doors import actor_of
from ...kernel.gate.model import Grant, GrantScope
from ...kernel.gate.policy import Reason
from ...kernel.workflow.engine import Filing, Receipt
from .. import workflow
from . import schema

_ = tk._


def nmgdata_application_submit(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Apply for conditional data.

    :param dataset_id: the id or name of the dataset
    :type dataset_id: string
    :param resource_id: only this file of it (optional)
    :type resource_id: string
    :param applicant_kind: ``natural_person``, ``legal_person`` or ``unincorporated``
    :param applicant_name: name of the person or organisation
    :param credit_code: unified social credit code, for organisations
    :param contact_phone: where the department can ask back
    :param scenario: what the data will be used for
    :param data_scope: which data are needed
    :param provision_mode: how they are to be provided, e.g. ``file``
    :param use_from: first day of use, ISO 8601
    :param use_until: last day of use, ISO 8601
    :param safeguards: how the data will be kept safe

    :returns: ``number``, the secret query ``code``, ``id`` and ``status`` of the case
    :rtype: dictionary
    """
    tk.check_access("nmgdata_application_submit", context, data_dict)
    dataset = applied_for(context, data_dict)
    stated, errors = tk.navl_validate(
        {name: data_dict.get(name, "") for name in schema.submission()}, schema.submission(), context
    )
    if errors:
        raise tk.ValidationError(errors)
    receipt = submit(context, dataset, data_dict.get("resource_id"), stated)
    case = receipt.case
    return {"id": case.id, "number": case.number, "code": receipt.code, "status": case.status}


def applied_for(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the dataset applied for; refuse where no application is needed or possible (R-COND-02)."""
    asked: Context = {"user": context.get("user", "")}
    dataset = tk.get_action("package_show")(asked, {"id": tk.get_or_bust(data_dict, "dataset_id")})
    reason = stops.application(dataset["id"])
    if reason is not Reason.APPLICATION_REQUIRED:
        raise tk.ValidationError({"dataset_id": [answers.sentence(reason)]})
    wanted = data_dict.get("resource_id")
    if wanted and wanted not in [resource["id"] for resource in dataset["resources"]]:
        raise tk.ValidationError({"resource_id": [_("This file does not belong to the dataset.")]})
    return dataset


def submit(
    context: Context, dataset: dict[str, Any], resource_id: str | None, stated: dict[str, Any]
) -> Receipt:
    """File the application; a second open one for the same data is refused by the database."""
    actor = actor_of(context)
    if closures.reaching(dataset["id"], actor.user_id, stated["credit_code"]):
        raise tk.ValidationError({"dataset_id": [answers.sentence(Reason.ACCESS_CLOSED)]})
    filing = Filing(
        org_id=dataset["owner_org"],
        region_code=dataset.get("region_code") or REGION,
        dataset_id=dataset["id"],
        filer_id=actor.user_id,
    )
    try:
        return workflow.file(actor, filing, resource_id or None, stated)
    except IntegrityError as error:
        if "nmgdata_application_item_one_open" not in str(error.orig):
            raise
        message = _("You have an open application for these data already.")
        raise tk.ValidationError({"dataset_id": [message]}) from error


@tk.side_effect_free
def nmgdata_grant_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List your grants: for what, for which purpose, until when.

    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_grant_list", context, data_dict)
    query = (
        sa.select(Grant, GrantScope)
        .join(GrantScope, GrantScope.grant_id == Grant.id)
        .where(Grant.holder_id == actor_of(context).user_id)
        .order_by(Grant.created_at.desc())
    )
    return [dictize(grant, scope) for grant, scope in model.Session.execute(query)]


def dictize(grant: Grant, scope: GrantScope) -> dict[str, Any]:
    """Return a grant for the API."""
    return {
        "id": grant.id,
        "case_id": grant.case_id,
        "dataset_id": scope.dataset_id,
        "resource_id": scope.resource_id,
        "purpose": grant.purpose,
        "use_scope": grant.use_scope,
        "provision_mode": grant.provision_mode,
        "valid_from": grant.valid_from.isoformat(),
        "valid_until": grant.valid_until.isoformat(),
        "agreement": grant.agreement,
        "ended_at": grant.ended_at.isoformat() if grant.ended_at else None,
    }
