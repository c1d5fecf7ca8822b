"""Actions of applications."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from ...kernel.evidence import files as evidence
from ...kernel.gate.doors import actor_of
from ...kernel.gate.holders import held_by
from ...kernel.gate.model import Grant, GrantScope
from ...kernel.orgs import title_of as org_title
from ...kernel.workflow.engine import Receipt
from .. import drafts, filing, renewal, wanted
from . import schema


def nmgdata_application_submit(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Apply for conditional data.

    Several departments decide each about their own data: then there is one case per department.

    :param items: what you apply for: dictionaries with ``dataset_id``, optional ``resource_id`` (only
        this file), ``fields`` (only these data items) and ``answers`` (to ``application_questions``)
    :type items: list of dictionaries
    :param dataset_id: instead of ``items``: the id or name of one dataset
    :type dataset_id: string
    :param resource_id: only this file of it (optional)
    :type resource_id: string
    :param applicant_kind: ``natural_person``, ``legal_person`` or ``unincorporated``
    :param applicant_name: name of the person or organisation
    :param credit_code: unified social credit code, for organisations
    :param id_number: ID number of a natural person, only where an entry has ``needs_id_number``
    :param contact_phone: where the department can ask back
    :param scenario: what the data will be used for
    :param data_scope: which data are needed
    :param provision_mode: how they are to be provided, e.g. ``file``
    :param use_from: first day of use, ISO 8601
    :param use_until: last day of use, ISO 8601
    :param safeguards: how the data will be kept safe
    :param renews: id or number of your earlier application for these data, which this one is to prolong
        (optional)
    :param evidence: files to attach, PDF, JPEG or PNG (multipart upload; optional)
    :param draft: id of a draft of yours: what it holds is applied for where you state nothing else, with its
        files, and it is deleted (optional)
    :param version: of this draft, as you have read it; one that has changed since is refused (optional)

    :returns: ``id``, ``number``, the secret query ``code`` and ``status`` of the first case, ``bundle_id``
        of the application, and all its ``cases`` with the same four
    :rtype: dictionary
    """
    tk.check_access("nmgdata_application_submit", context, data_dict)
    actor = actor_of(context)
    data_dict = drafts.completed(actor, data_dict)
    stated, errors = tk.navl_validate(
        {name: data_dict.get(name, "") for name in schema.submission()}, schema.submission(), context
    )
    wants, earlier = [], None
    try:
        wants = wanted.read(context, named(data_dict))
        stated["id_number"] = schema.id_number(stated, data_dict, needed=wanted.needs_id_number(wants))
    except tk.ValidationError as invalid:
        errors |= invalid.error_dict
    form = {"form": data_dict.get("form")}
    try:
        earlier = renewal.of(actor, data_dict.get("renews"), wants)
    except tk.ValidationError as invalid:
        errors |= invalid.error_dict
    if uploads := evidence.uploads(data_dict.get("evidence")):
        wrong = evidence.take(actor, form, uploads)
        errors |= {"evidence": wrong} if wrong else {}
    if errors:
        raise tk.ValidationError(errors)
    draft = (data_dict["draft"], data_dict["version"]) if data_dict.get("draft") else None
    filed = filing.file(actor, wants, stated, str(form["form"] or ""), earlier, draft)
    cases = [receipt(one) for one in filed.receipts]
    return {**cases[0], "bundle_id": filed.bundle_id, "cases": cases}


def named(data_dict: DataDict) -> Any:
    """Return what is applied for as a list, also where one dataset is named the short way."""
    if "items" in data_dict:
        return data_dict["items"]
    return [{name: data_dict.get(name) for name in ("dataset_id", "resource_id", "fields", "answers")}]


def receipt(filed: Receipt) -> dict[str, Any]:
    """Return what the applicant keeps of a case."""
    case = filed.case
    return {
        "id": case.id, "number": case.number, "code": filed.code, "status": case.status,
        "department": org_title(case.org_id),
    }  # fmt: skip


@tk.side_effect_free
def nmgdata_grant_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List your grants, and those you are named for: for what, for which purpose, until when.

    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_grant_list", context, data_dict)
    query = (
        sa.select(Grant, GrantScope)
        .join(GrantScope, GrantScope.grant_id == Grant.id)
        .where(held_by(actor_of(context).user_id))
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
        "fields": scope.fields,
        "row_filter": scope.row_filter,
        "purpose": grant.purpose,
        "use_scope": grant.use_scope,
        "provision_mode": grant.provision_mode,
        "valid_from": grant.valid_from.isoformat(),
        "valid_until": grant.valid_until.isoformat(),
        "quota": grant.quota,
        "per_hour": grant.per_hour,
        "agreement": grant.agreement,
        "ended_at": grant.ended_at.isoformat() if grant.ended_at else None,
    }
