"""Actions of objections and of the public register."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ckan import model
from ckan.logic import validate
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict, Schema

from ...kernel import elsewhere
from ...kernel.actors import Actor, Role
from ...kernel.evidence import files as evidence
from ...kernel.gate import answers, stops
from ...kernel.gate.doors import actor_of, asking
from ...kernel.orgs import REGION
from ...kernel.types import Conflict
from ...kernel.workflow import engine, queries
from ...kernel.workflow.engine import Filing
from .. import filing, register, workflow
from . import schema

_ = tk._
MOST = 500


def nmgdata_objection_submit(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Object to the opening of data; they are closed when this answers (Art. 28 ¶3).

    :param dataset_id: the id or name of the dataset
    :type dataset_id: string
    :param resources: only these files of it (optional; default: the whole entry)
    :type resources: list of strings
    :param ground: ``privacy``, ``personal_information``, ``trade_secret`` or ``other_rights``
    :param statement: which data, and how they harm your rights
    :param wish: what you wish to happen
    :param objector_kind: ``natural_person``, ``legal_person`` or ``unincorporated``
    :param objector_name: name of the person or organisation
    :param credit_code: unified social credit code, for organisations
    :param concern: how the data concern you
    :param contact_phone: telephone
    :param contact_email: e-mail; the answer goes there
    :param evidence: a file, PDF, JPEG or PNG (multipart upload); needed unless the region's rules
        make the objection itself the trigger

    :returns: ``number``, the secret query ``code``, ``id`` and ``status`` of the case
    :rtype: dictionary
    """
    tk.check_access("nmgdata_objection_submit", context, data_dict)
    actor = visitor(context)
    dataset, resources = objected_to(context, data_dict)
    solution, form_secret = data_dict.get("solution") or "", data_dict.get("form") or evidence.new_secret()
    proven = filing.admit(actor, solution)
    stated, errors = schema.judged(schema.filing(), data_dict, context)
    # The files of a form with errors are kept too, so that nothing has to be attached twice.
    known = proven or actor.user_id is not None
    files = evidence.uploads(data_dict.get("evidence"))
    wrong = evidence.attach(actor, form_secret, files, at_most=evidence.room(known) if errors else None)
    if wrong:
        errors["evidence"] = wrong
    if errors:
        raise tk.ValidationError(errors)
    about = what(dataset, actor)
    receipt = filing.file(actor, about, resources, stated, form_secret, proven=proven)
    case = receipt.case
    return {"id": case.id, "number": case.number, "code": receipt.code, "status": case.status}


def visitor(context: Context) -> Actor:
    """Return who acts, with the address of the present request for the limits."""
    return replace(actor_of(context), address=asking().address)


def validated(form: Schema, data_dict: DataDict, context: Context) -> dict[str, Any]:
    """Return what a form asks for, checked."""
    stated, errors = schema.judged(form, data_dict, context)
    if errors:
        raise tk.ValidationError(errors)
    return stated


def objected_to(context: Context, data_dict: DataDict) -> tuple[dict[str, Any], list[str]]:
    """Return the dataset and the files of it; refuse where there is nothing to close any more."""
    asked: Context = {"user": context.get("user", "")}
    dataset = tk.get_action("package_show")(asked, {"id": tk.get_or_bust(data_dict, "dataset_id")})
    if (reason := stops.objection(dataset["id"])) is not None:
        raise tk.ValidationError({"dataset_id": [answers.sentence(reason)]})
    wanted = schema.several(data_dict.get("resources") or [])
    if not set(wanted) <= {resource["id"] for resource in dataset["resources"]}:
        raise tk.ValidationError({"resources": [_("This file does not belong to the dataset.")]})
    return dataset, wanted


def what(dataset: dict[str, Any], actor: Actor | None) -> Filing:
    """Return what a case about a dataset is filed with."""
    return Filing(
        org_id=elsewhere.office(dataset),
        region_code=dataset.get("region_code") or REGION,
        dataset_id=dataset["id"],
        filer_id=actor.user_id if actor else None,
    )


def is_own(dataset: dict[str, Any], actor: Actor) -> bool:
    """Say whether somebody works for the department of a dataset."""
    return any(actor.has(role, dataset["owner_org"]) for role in (Role.EDITOR, Role.REVIEWER))


def nmgdata_suspension_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Suspend the opening of your department's data ex officio; they are closed when this answers.

    :param dataset_id: the id or name of the dataset
    :type dataset_id: string
    :param resources: only these files of it (optional; default: the whole entry)
    :type resources: list of strings
    :param danger_kind: ``national_security``, ``public_interest`` or ``other_rights``
    :param reason: which danger, in which data

    :returns: ``number``, ``id`` and ``status`` of the case
    :rtype: dictionary
    """
    tk.check_access("nmgdata_suspension_create", context, data_dict)
    dataset, resources = objected_to(context, data_dict)
    stated = validated(schema.ex_officio(), data_dict, context)
    actor, about = actor_of(context), what(dataset, None)
    if is_own(dataset, actor):  # an editor acts for the department, also where an authority decides for it
        about = replace(about, org_id=dataset["owner_org"])
    case = filing.suspend(actor, about, resources, stated)
    return {"id": case.id, "number": case.number, "status": case.status}


@tk.side_effect_free
@validate(schema.register_page)
def nmgdata_suspension_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the public register of suspensions and withdrawals, the newest first.

    :param dataset_id: only of this dataset (optional)
    :type dataset_id: string
    :param limit: at most so many, 500 at the most (default: 100)
    :type limit: int
    :param offset: where to begin (default: 0)
    :type offset: int

    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_suspension_list", context, data_dict)
    return register.rows(min(data_dict["limit"], MOST), data_dict["offset"], data_dict.get("dataset_id"))


def nmgdata_objection_bulk_lift(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Set a wave of abusive objections aside and resume opening; each is a step of its own case.

    :param ids: ids or numbers of the cases
    :type ids: list of strings
    :param reason: why they are an abuse; published and audited
    :type reason: string

    :returns: ``lifted``: numbers of the cases; ``failed``: number → message
    :rtype: dictionary
    """
    tk.check_access("nmgdata_objection_bulk_lift", context, data_dict)
    stated = validated(schema.lifting(), data_dict, context)
    actor, lifted, failed = actor_of(context), [], {}
    for reference in stated.pop("ids"):
        case = queries.by_reference(reference)
        if case is None or case.kind != workflow.KIND:
            failed[reference] = _("Case not found")
            continue
        number = case.number
        try:
            engine.fire(case.id, "lift_abusive", actor, stated)
        except (Conflict, tk.NotAuthorized) as refused:
            model.Session.rollback()
            failed[number] = getattr(refused, "message", None) or str(refused)
        else:
            lifted.append(number)
    return {"lifted": lifted, "failed": failed}


ACTIONS = {
    function.__name__: function
    for function in (
        nmgdata_objection_submit, nmgdata_suspension_create, nmgdata_suspension_list,
        nmgdata_objection_bulk_lift,
    )
}  # fmt: skip
