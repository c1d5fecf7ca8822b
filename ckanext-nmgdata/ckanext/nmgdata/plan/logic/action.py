"""Actions of plans and their items; a plan's later steps go through ``nmgdata_case_transition``."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from ...forms import whole
from ...kernel import orgs
from ...kernel.gate.doors import actor_of
from ...kernel.workflow import engine
from .. import filing, importing, items, present, proposals, query, texts
from ..model import Item, Plan
from . import auth

_ = tk._
MOST = 1000


@tk.side_effect_free
def nmgdata_plan_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show a yearly open plan: texts, versions with their changes, counts of its items (Art. 26).

    :param id: id of the plan (and of its group), its case number, or ``year/organisation``
    :type id: string

    :rtype: dictionary
    """
    tk.check_access("nmgdata_plan_show", context, data_dict)
    plan = auth.readable(context, data_dict)
    return present.show(plan, drafts=auth.may_read_draft(actor_of(context), plan))


@tk.side_effect_free
def nmgdata_plan_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the plans that you may read: the published ones, and drafts of your offices.

    :param year: only of this year (optional)
    :type year: int
    :param level: ``region``, ``league_city`` or ``department`` (optional)
    :param org_id: id or name of the organisation (optional)

    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_plan_list", context, data_dict)
    wanted: list[Any] = [query.visible(actor_of(context))]
    if (year := whole(data_dict.get("year"), "year")) is not None:
        wanted.append(Plan.year == year)
    if data_dict.get("level"):
        wanted.append(Plan.level == data_dict["level"])
    if data_dict.get("org_id"):
        wanted.append(Plan.org_id == (orgs.department(data_dict["org_id"]) or ""))
    return [present.brief(line) for line in query.plans(*wanted)]


def nmgdata_plan_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Begin the plan of an organisation for a year; a department's belongs to its authority's plan.

    :param org_id: id or name of the organisation
    :param year: the year
    :type year: int
    :param title: its title (optional; default: organisation, year and name of the document)
    :param description: its text (optional)
    :param key_areas: priorities of the year (optional)
    :param legal_basis: its legal basis (optional)
    :param copy: take over texts and unkept promises of last year's plan (optional)
    :type copy: boolean

    :returns: the plan, as ``nmgdata_plan_show``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_plan_create", context, data_dict)
    org_id, year = texts.about(data_dict)
    stated = texts.validated(data_dict, partly=True)
    copy = tk.asbool(data_dict.get("copy") or False)
    plan = filing.create(actor_of(context), org_id, year, stated, copy=copy)
    return present.show(plan, drafts=True)


def nmgdata_plan_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change the texts of a plan: of a draft at once, of a published plan for its next version.

    :param id: the plan, as in ``nmgdata_plan_show``
    :param title: its title (optional, as the others)
    :param description: its text
    :param key_areas: priorities of the year
    :param legal_basis: its legal basis

    :returns: the plan
    :rtype: dictionary
    """
    tk.check_access("nmgdata_plan_update", context, data_dict)
    plan = auth.readable(context, data_dict)
    plan = texts.change(actor_of(context), plan, texts.validated(data_dict, partly=True))
    return present.show(plan, drafts=True)


def nmgdata_plan_submit(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Submit a plan, or the amendment of a published one, to the authority.

    :param id: the plan, as in ``nmgdata_plan_show``
    :param reason: why it is amended; published (for an amendment)

    :returns: ``id``, ``number`` and ``status`` of the case
    :rtype: dictionary
    """
    tk.check_access("nmgdata_plan_submit", context, data_dict)
    plan = auth.readable(context, data_dict)
    step = "amend" if plan.published_at else "submit"
    stated = {"reason": data_dict.get("reason", "")} if plan.published_at else {}
    case = engine.fire(plan.case_id, step, actor_of(context), stated)
    return {"id": case.id, "number": case.number, "status": case.status}


@tk.side_effect_free
def nmgdata_plan_item_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List the items of a plan: livelihood and urgently needed data first (Art. 26), then by month.

    :param plan_id: the plan, as in ``nmgdata_plan_show``
    :param state: ``planned``, ``opened``, ``late``, ``stopped`` or ``ended`` (optional)
    :param month: planned month, as ``2026-05`` (optional)
    :param theme: slug of a theme (optional)
    :param open_class: ``unconditional`` or ``conditional`` (optional)
    :param ground: a ground of priority (optional)
    :param q: words of the title (optional)
    :param limit: at most so many, 1000 at the most (default: 100)
    :type limit: int
    :param offset: where to begin (default: 0)
    :type offset: int

    :returns: ``count`` and ``items``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_plan_item_list", context, data_dict)
    plan = auth.readable(context, data_dict)
    drafts = auth.may_read_draft(actor_of(context), plan)
    names = ("state", "month", "theme", "open_class", "ground", "q")
    kept: dict[str, Any] = {name: str(data_dict.get(name) or "") for name in names}
    asked = query.Filter(**kept)
    limit = min(max(whole(data_dict.get("limit"), "limit", 100) or 0, 0), MOST)
    offset = max(whole(data_dict.get("offset"), "offset") or 0, 0)
    rows = query.of_plan(plan.id, asked, drafts=drafts, limit=limit, offset=offset)
    return {
        "count": query.count(plan.id, asked, drafts=drafts),
        "items": present.items(rows, drafts=drafts),
    }


def nmgdata_plan_item_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Promise to open an entry of the organisation's own catalogue, or a future dataset (Art. 26).

    A future dataset becomes a non-public entry first. In a published plan the item is drafted for the
    next version.

    :param plan_id: the plan, as in ``nmgdata_plan_show``
    :param dataset_id: id or name of the entry; without it a future dataset is described:
    :param title: its title
    :param notes: its summary
    :param theme: its theme
    :param data_form: its data form
    :param update_frequency: how often it will be updated
    :param month: planned month, as ``2026-05``
    :param open_class: ``unconditional`` or ``conditional``
    :param grounds: grounds of priority: ``livelihood``, ``urgent_need`` (optional)
    :type grounds: list of strings
    :param demand_source: ``own``, ``public_demand``, ``application``, ``evaluation``, ``assigned`` or
        ``carried`` (default: ``own``)
    :param demand_note: about the demand (optional)
    :param format: slug of the intended format (optional)

    :returns: the item
    :rtype: dictionary
    """
    tk.check_access("nmgdata_plan_item_create", context, data_dict)
    plan = auth.readable(context, {"id": data_dict["plan_id"]})
    item = items.add(actor_of(context), plan, data_dict)
    return shown(item.id)


def nmgdata_plan_item_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change an item, end it, or say what has become of it; one of these at a time.

    A draft is changed at once. Of a published plan changes and ends are drafted for the next version and
    need a ``reason``, which is published with it; facts hold at once.

    :param id: id of the item
    :param month: planned month; so also ``open_class``, ``grounds``, ``demand_source``, ``demand_note``,
        ``format``, as in ``nmgdata_plan_item_create``
    :param reason: why; published
    :param end: ``dropped``, ``replaced`` (with ``replaced_by``: id of another item) or ``carried``
    :param late_reason: why it is late; published at once
    :param kept_id: id or name of the public dataset that keeps the promise
    :param suggestion: ``decline`` when the suggested dataset does not keep it
    :param is_key: take it into the list of key data (authority)
    :type is_key: boolean

    :returns: the item
    :rtype: dictionary
    """
    tk.check_access("nmgdata_plan_item_update", context, data_dict)
    item, plan = auth.item_and_plan(context, data_dict)
    actor, key = actor_of(context), data_dict["id"]
    if data_dict.get("is_key") not in (None, ""):
        items.mark_keys(actor, {key: tk.asbool(data_dict["is_key"])})
    elif data_dict.get("suggestion") == "decline":
        items.decline(actor, key)
    elif data_dict.get("kept_id"):
        items.keep(actor, plan, key, str(data_dict["kept_id"]))
    elif "late_reason" in data_dict:
        items.explain(actor, plan, key, data_dict)
    elif data_dict.get("end"):
        items.finish(actor, plan, key, data_dict)
    else:
        items.change(actor, plan, key, data_dict)
    return shown(item.id)


def nmgdata_plan_item_delete(context: Context, data_dict: DataDict) -> None:
    """Delete a drafted item, or take back what is drafted of a published one.

    :param id: id of the item
    :type id: string
    """
    tk.check_access("nmgdata_plan_item_delete", context, data_dict)
    item, plan = auth.item_and_plan(context, data_dict)
    items.remove(actor_of(context), plan, item.id)


def nmgdata_plan_import(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Draft items from a table, all of them or none; the errors are told row by row.

    :param id: the plan, as in ``nmgdata_plan_show``
    :param table: XLSX or CSV in the form of the template (multipart upload)

    :returns: ``count``: how many items were drafted
    :rtype: dictionary
    """
    tk.check_access("nmgdata_plan_import", context, data_dict)
    plan = auth.readable(context, data_dict)
    table = importing.read(data_dict.get("table"))
    return {"count": importing.draft(actor_of(context), plan, table)}


@tk.side_effect_free
def nmgdata_plan_proposal_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List what an organisation could promise: entries that are not open, conditional ones, what is wanted.

    :param id: the plan, as in ``nmgdata_plan_show``

    :returns: for each ``dataset_id``, ``title``, ``why`` (``not_open``, ``application``, ``evaluation``,
        ``favourite`` or ``conditional``), ``applications``, ``followers``, ``grounds``
    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_plan_proposal_list", context, data_dict)
    return proposals.of_plan(auth.readable(context, data_dict))


def shown(item_id: str) -> dict[str, Any]:
    """Return an item as it stands now."""
    return present.items([model.Session.get_one(Item, item_id)], drafts=True)[0]


ACTIONS = {
    function.__name__: function
    for function in (
        nmgdata_plan_show, nmgdata_plan_list, nmgdata_plan_create, nmgdata_plan_update, nmgdata_plan_submit,
        nmgdata_plan_item_list, nmgdata_plan_item_create, nmgdata_plan_item_update, nmgdata_plan_item_delete,
        nmgdata_plan_import, nmgdata_plan_proposal_list,
    )
}  # fmt: skip
