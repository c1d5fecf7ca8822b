"""Actions of the inbox: lists, assignments, urgings, numbers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ckan import model
from ckan.logic import validate
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from ...kernel.actors import Role
from ...kernel.gate.doors import actor_of
from ...kernel.workflow import assignment, boxes, oversight, queries, urges
from ...kernel.workflow import statistics as numbers
from ...kernel.workflow.model import Case
from .. import dictize
from . import schema

MOST = 500


def existing(reference: str) -> Case:
    """Return a case whose existence the auth function has made sure of."""
    case = queries.by_reference(reference)
    if case is None:
        raise tk.ObjectNotFound(tk._("Case not found"))
    return case


@tk.side_effect_free
@validate(schema.case_list)
def nmgdata_case_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List cases: those that wait for you, those that you filed, or those of your office.

    :param box: ``waiting`` (default), ``due_soon``, ``overdue``, ``urged``, ``all``, ``unattended``,
        ``department`` (of your own departments alone), ``region`` (for authority and auditors) or ``filed``
    :type box: string
    :param kind: only cases of this kind (optional)
    :type kind: string
    :param status: only cases in this state (optional)
    :param org: only cases of this department, by id or name (optional)
    :param region: only cases of this division and those below it, e.g. ``150100`` (optional)
    :param dataset: only cases about this dataset, by id or name (optional)
    :param received_from: first day of receipt, ISO 8601 (optional)
    :param received_to: last day of receipt (optional)
    :param assigned: ``me``, ``nobody`` or the name of an account (optional)
    :param q: words in the title of the data, the department or what an application states, or how a
        number begins (optional)
    :param sort: ``due``, ``newest`` or ``oldest`` (optional)
    :param after: ``cursor`` of the last row of the page before (optional)
    :param limit: at most so many, 500 at the most (default: 50)
    :type limit: int

    Filters, orders and pages belong to the boxes of an office; of the cases that you filed only ``kind``.

    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_case_list", context, data_dict)
    actor, box = actor_of(context), data_dict["box"]
    limit, kind = min(data_dict["limit"], MOST), data_dict.get("kind")
    if box == "filed":
        return dictize.briefs(queries.filed_by(actor.user_id or "", limit, kind))
    if box == "department":
        return dictize.briefs(queries.of_orgs(actor.orgs(Role.REVIEWER), limit, kind))
    if box == "region":
        return dictize.briefs(oversight.cases(actor, limit, kind))
    if box not in boxes.offered(actor):
        return []
    sort = order_of(data_dict)
    options = {"sort": sort, "after": data_dict.get("after") or "", "limit": limit}
    return dictize.rows(boxes.page(actor, box, filter_of(data_dict), **options), actor, sort)


def order_of(data_dict: DataDict) -> str:
    """Return the order that was asked for; the natural one of the box otherwise."""
    return data_dict.get("sort") or ("newest" if data_dict["box"] == "all" else "due")


def filter_of(data_dict: DataDict) -> boxes.Filter:
    """Return a filter with ids for names."""
    named = {name: data_dict.get(name) or "" for name in ("kind", "status", "region", "q")}
    assigned = data_dict.get("assigned") or ""
    return boxes.Filter(
        **named,
        org=id_of(model.Group, data_dict.get("org")),
        dataset=id_of(model.Package, data_dict.get("dataset")),
        received_from=as_day(data_dict.get("received_from")),
        received_to=as_day(data_dict.get("received_to")),
        assigned=assigned if assigned in (boxes.ME, boxes.NOBODY) else id_of(model.User, assigned),
    )


def id_of(kind: Any, name: str | None) -> str:
    """Return the id of what has a name; what is not known stays, and finds nothing."""
    found = kind.get(name) if name else None
    return found.id if found else name or ""


def as_day(moment: datetime | None) -> date | None:
    """Return the day of a validated date."""
    return moment.date() if moment else None


@validate(schema.assignment)
def nmgdata_case_assign(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Assign cases to a colleague, all of them or none; every reviewer may still decide.

    :param ids: ids or numbers of cases, 500 at the most
    :type ids: list of strings
    :param assignee: name or id of the account; without it the cases are nobody's
    :type assignee: string

    :returns: ``assigned``, the numbers of the cases; errors are said by id
    :rtype: dictionary
    """
    tk.check_access("nmgdata_case_assign", context, data_dict)
    assignee = id_of(model.User, data_dict.get("assignee")) or None
    cases = assignment.assign(actor_of(context), data_dict["ids"], assignee)
    return {"assigned": sorted(case.number for case in cases), "assignee": assignee}


@validate(schema.urging)
def nmgdata_case_urge(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Urge the office that holds a case (督办); it has to answer within the period D-URGE.

    :param id: the id or the number of the case
    :type id: string
    :param text: what is asked; read by the offices and auditors only
    :type text: string

    :returns: the case
    :rtype: dictionary
    """
    tk.check_access("nmgdata_case_urge", context, data_dict)
    case, actor = existing(data_dict["id"]), actor_of(context)
    urges.urge(actor, case.id, data_dict["text"])
    return dictize.show(case, actor)


@validate(schema.urging)
def nmgdata_case_urge_answer(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Answer the urging of a case.

    :param id: the id or the number of the case
    :type id: string
    :param text: the answer; read by the offices and auditors only
    :type text: string

    :returns: the case
    :rtype: dictionary
    """
    tk.check_access("nmgdata_case_urge_answer", context, data_dict)
    case, actor = existing(data_dict["id"]), actor_of(context)
    urges.answer(actor, case.id, data_dict["text"])
    return dictize.show(case, actor)


@tk.side_effect_free
@validate(schema.statistics)
def nmgdata_case_statistics(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Count cases by month and kind: received, decided, by outcome, overdue, working days taken.

    :param org_id: id or name of a department (default: all that you look after)
    :type org_id: string
    :param since: first day that counts, ISO 8601 (default: the last twelve months)

    :returns: rows with ``month``, ``kind``, ``received``, ``decided``, ``outcomes``, ``overdue``, and
        ``median`` and ``p90`` of the working days to the first ``answer`` and to the ``decision``
    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_case_statistics", context, data_dict)
    org_id = id_of(model.Group, data_dict.get("org_id")) or None
    return numbers.statistics(actor_of(context), org_id, as_day(data_dict.get("since")))
