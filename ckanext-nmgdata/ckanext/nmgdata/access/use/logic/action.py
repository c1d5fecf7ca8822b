"""Actions of use reports, results, citations and grants."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from ....forms import whole
from ....kernel.gate.doors import actor_of
from ....kernel.gate.model import Grant
from ....kernel.workflow import engine, machine, queries, subjects
from ....kernel.workflow.model import Case
from .. import citation, grants, showcase, workflow
from ..model import UseReport
from . import schema

_ = tk._
MOST = 500


def nmgdata_use_report_submit(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Report on the use of granted data, or complete a report that was returned (Art. 36 ¶3).

    :param id: the id or number of the report's case; ``nmgdata_use_report_list`` lists yours
    :type id: string
    :param actual_use: what the data were actually used for
    :param results: results and products
    :param benefit: economic or social benefit
    :param safety: how the data were kept safe, and incidents

    :returns: ``id``, ``number`` and ``status`` of the case
    :rtype: dictionary
    """
    tk.check_access("nmgdata_use_report_submit", context, data_dict)
    case, actor = own_report(context, data_dict), actor_of(context)
    step = "complete" if case.status == "returned" else "report"
    stated = {name: data_dict.get(name, "") for name in schema.report()}
    case = engine.fire(case.id, step, actor, stated)
    return {"id": case.id, "number": case.number, "status": case.status}


def own_report(context: Context, data_dict: DataDict) -> Case:
    """Return a report that its reader may see; of others there is none."""
    case = queries.by_reference(tk.get_or_bust(data_dict, "id"))
    if case is None or case.kind != workflow.REPORT or not engine.may_see(case, actor_of(context)):
        raise tk.ObjectNotFound(_("Case not found"))
    return case


@tk.side_effect_free
def nmgdata_use_report_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List use reports: your own, and as a reviewer those of your departments; the latest due first.

    :param overdue: only those that are overdue (optional)
    :type overdue: boolean

    :returns: ``number``, ``status``, ``period_from``, ``period_until``, ``due_on``, ``overdue``,
        ``datasets`` (``id``, ``name`` and ``title`` of each that was used), ``dataset_id`` the first of them,
        ``title`` those of all, ``department``
    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_use_report_list", context, data_dict)
    only_overdue = tk.asbool(data_dict.get("overdue") or False)
    return grants.reports(actor_of(context), only_overdue=only_overdue, limit=MOST)


def nmgdata_showcase_submit(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Offer a result made with data of the portal; public once the department has let it.

    :param title: title of the result
    :param description: what it does, for whom; or how the data were useful
    :param link: where it can be seen, ``https://`` only (optional)
    :param datasets: ids or names of the datasets used
    :type datasets: list of strings
    :param source_statement: how it names its source (optional; default: the portal's statement)
    :param acquired_on: when the data were acquired, ISO 8601 (optional; default: the day of your grant,
        else the present day)
    :param report: id or number of your use report that it comes out of (optional)

    :returns: ``id``, ``number``, the secret query ``code`` and ``status`` of the case
    :rtype: dictionary
    """
    tk.check_access("nmgdata_showcase_submit", context, data_dict)
    stated, errors = tk.navl_validate(
        {name: data_dict.get(name, "") for name in schema.showcase()}, schema.showcase(), context
    )
    if errors:
        raise tk.ValidationError(errors)
    used = [public_dataset(reference) for reference in stated["datasets"]]
    report = report_id(context, data_dict.get("report"), used)
    receipt = workflow.offer(actor_of(context), used, stated, report)
    case = receipt.case
    return {"id": case.id, "number": case.number, "code": receipt.code, "status": case.status}


def public_dataset(reference: str) -> model.Package:
    """Return a public dataset by id or name; of another there is none."""
    dataset = model.Package.get(reference)
    if dataset is None or dataset.private or dataset.state != model.State.ACTIVE:
        raise tk.ValidationError({"datasets": [_("Dataset not found")]})
    return dataset


def report_id(context: Context, reference: str | None, used: list[model.Package]) -> str | None:
    """Return the reader's own report, about these data, that a result comes out of."""
    if not reference:
        return None
    case = queries.by_reference(reference)
    if case is None or case.kind != workflow.REPORT or not machine.is_filer(actor_of(context), case):
        raise tk.ValidationError({"report": [_("Case not found")]})
    if not {dataset.id for dataset in used} & {one.id for one in subjects.of(case.id)}:
        raise tk.ValidationError({"report": [_("This report is about other data.")]})
    return model.Session.get_one(UseReport, case.id).case_id


@tk.side_effect_free
def nmgdata_showcase_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the results in the showcase, the newest first.

    :param dataset_id: only those made with this dataset (optional)
    :param limit: at most so many, 500 at the most (default: 100)
    :type limit: int
    :param offset: where to begin (default: 0)
    :type offset: int

    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_showcase_list", context, data_dict)
    limit, offset = most(data_dict), max(whole(data_dict.get("offset"), "offset") or 0, 0)
    return showcase.published(limit, offset, data_dict.get("dataset_id") or None)


def most(data_dict: DataDict) -> int:
    """Return how many rows are wanted."""
    wanted = whole(data_dict.get("limit"), "limit", 100) or 0
    return min(max(wanted, 0), MOST)


@tk.side_effect_free
def nmgdata_citation_show(context: Context, data_dict: DataDict) -> dict[str, str]:
    """Return the source statement for a dataset, to be put into what is made with it.

    :param dataset_id: the id or name of the dataset
    :type dataset_id: string

    :returns: ``statement`` and its parts ``department``, ``title``, ``portal``, ``url`` and
        ``acquired_on``: the day of your grant, else the present day
    :rtype: dictionary
    """
    tk.check_access("nmgdata_citation_show", context, data_dict)
    asked: Context = {"user": context.get("user", "")}
    dataset = tk.get_action("package_show")(asked, {"id": tk.get_or_bust(data_dict, "dataset_id")})
    day = citation.acquired_on(dataset["id"], actor_of(context).user_id)
    return citation.of_dataset(dataset, day)


@tk.side_effect_free
def nmgdata_grant_register(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List who may use your departments' data until when, with the downloads that were audited.

    :param limit: at most so many, 500 at the most (default: 100)
    :type limit: int

    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_grant_register", context, data_dict)
    return grants.of_office(actor_of(context), most(data_dict))


def nmgdata_grant_revoke(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Revoke a grant of your department's data; its holder is told why and by which law.

    :param id: the id of the grant
    :type id: string
    :param reason: why
    :param legal_basis: law or regulation with its article

    :returns: ``id``, ``number`` and ``status`` of the application's case
    :rtype: dictionary
    """
    tk.check_access("nmgdata_grant_revoke", context, data_dict)
    actor = actor_of(context)
    grant = model.Session.get(Grant, tk.get_or_bust(data_dict, "id"))
    case = queries.by_reference(grant.case_id) if grant else None
    if case is None or not engine.may_see(case, actor):
        raise tk.ObjectNotFound(_("Grant not found"))
    stated = {name: data_dict.get(name, "") for name in schema.revocation()}
    case = engine.fire(case.id, "revoke", actor, stated)
    return {"id": case.id, "number": case.number, "status": case.status}


ACTIONS = {
    function.__name__: function
    for function in (
        nmgdata_use_report_submit, nmgdata_use_report_list, nmgdata_showcase_submit, nmgdata_showcase_list,
        nmgdata_citation_show, nmgdata_grant_register, nmgdata_grant_revoke,
    )
}  # fmt: skip
