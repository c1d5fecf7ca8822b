"""Template helpers of the public pages. They read; they decide nothing."""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from ckan import model
from ckan.lib.search import SearchError
from ckan.plugins import toolkit as tk

from .. import config, vocab
from ..kernel import clock, elsewhere, orgs
from ..kernel.deadlines import statutes
from ..kernel.gate import answers, counts, doors, stops
from ..kernel.gate.policy import Purpose, Reason
from ..kernel.orgs import REGION
from ..kernel.outbox import search as index
from . import cities, timeliness
from .items import data_items

log = logging.getLogger(__name__)
_ = tk._

CLASS_STYLE = {"unconditional": "open", "conditional": "cond", "non_open": "nonopen"}


# --- vocabularies --------------------------------------------------------------------------------


def nmgdata_choices(field: dict[str, Any]) -> list[dict[str, str]]:
    """Return the choices of a schema field that has a vocabulary."""
    return vocab.choices(field["vocabulary"])


def nmgdata_place_choices(field: dict[str, Any]) -> list[dict[str, str]]:
    """Return the divisions of the portal's region, banners under their city."""
    here = config.region()
    codes = [code for code in vocab.terms("division") if vocab.lies_within(code, here)]
    return [{"value": code, "label": " › ".join(vocab.place_path(code)[-2:])} for code in codes]


def nmgdata_term(name: str, slug: str) -> dict[str, Any]:
    """Return all that a vocabulary says about a term."""
    return vocab.term(name, slug)


def nmgdata_label(name: str, slug: str | None) -> str:
    """Return the label of a term."""
    return vocab.label(name, slug)


def nmgdata_place(code: str | None) -> str:
    """Return the name of a division."""
    return vocab.label("division", code)


def nmgdata_class_style(open_class: str | None) -> str:
    """Return the CSS class of a badge."""
    return CLASS_STYLE.get(open_class or "", "nonopen")


# --- facets --------------------------------------------------------------------------------------

FACET_VOCABULARIES = {
    "open_class": "open_class", "open_state": "open_state", "theme": "theme", "nmg_city": "division",
    "update_frequency": "update_frequency",
}  # fmt: skip


def facets(without: str | None = None) -> OrderedDict[str, str]:
    """Return the facets of dataset lists, in the order people choose by."""
    all_facets = OrderedDict(
        open_class=_("Open class"),
        theme=_("Theme"),
        nmg_city=_("League-city"),
        organization=_("Department"),
        res_format=_("Format"),
        update_frequency=_("Update frequency"),
        livelihood=_("Livelihood"),
        open_state=_("State of opening"),
    )
    all_facets.pop(without or "", None)
    return all_facets


def nmgdata_facet_label(facet: str, item: dict[str, Any]) -> str:
    """Return the label of one facet value."""
    name = item["name"]
    if facet == "nmg_city" and name == REGION:
        return _("The region itself")
    if facet in FACET_VOCABULARIES:
        return vocab.label(FACET_VOCABULARIES[facet], name)
    if facet == "livelihood":
        return _("Related to livelihood") if name == "true" else _("Other")
    return item.get("display_name") or name


def nmgdata_org_title(name: str) -> str:
    """Return the title of an organisation by its URL name."""
    group = model.Group.get(name)
    return group.title if group and group.title else name


def nmgdata_with_sort(order: str) -> str:
    """Return the present list in another order, from its first page."""
    return with_arguments({"sort": order, "page": ""})


def nmgdata_with_page(number: int) -> str:
    """Return another page of the present list."""
    return with_arguments({"page": str(number) if number > 1 else ""})


def with_arguments(changed: dict[str, str]) -> str:
    """Return the present address with some arguments changed, the empty ones left out."""
    kept = [(k, v) for k, v in tk.request.args.items(multi=True) if k not in changed]
    query = urlencode([*kept, *((k, v) for k, v in changed.items() if v)])
    return f"{tk.request.path}?{query}" if query else tk.request.path


def nmgdata_page_numbers(current: int, last: int) -> list[int | None]:
    """Return the page numbers to offer: first, last and those around; None for a gap."""
    shown = sorted({1, last, *range(max(1, current - 2), min(last, current + 2) + 1)})
    numbers: list[int | None] = []
    for number in shown:
        if numbers and number != (numbers[-1] or 0) + 1:
            numbers.append(None)
        numbers.append(number)
    return numbers


def nmgdata_search_rests() -> bool:
    """Say whether Solr does not answer just now, so that numbers of datasets are not known."""
    return index.is_resting()


# --- the home page -------------------------------------------------------------------------------


def nmgdata_home() -> dict[str, Any] | None:
    """Return the numbers, themes, cities and newest entries of the home page; None without Solr."""
    query = {
        "rows": 8,
        "sort": "metadata_modified desc",
        "facet.field": json.dumps(["theme", "nmg_city", "open_class", "organization"]),
        "facet.limit": -1,
    }
    try:
        found = tk.get_action("package_search")({}, query)
    except SearchError:
        log.exception("the home page has no search")
        return None
    counted = {
        name: {i["name"]: i["count"] for i in f["items"]} for name, f in found["search_facets"].items()
    }
    return {
        "count": found["count"],
        "classes": counted["open_class"],
        "departments": len(counted["organization"]),
        "downloads": counts.all_downloads(),
        "newest": found["results"],
        "themes": [(slug, counted["theme"].get(slug, 0)) for slug in vocab.terms("theme")],
        "cities": cities.tiles(counted["nmg_city"]),
    }


def nmgdata_cities() -> list[dict[str, str]]:
    """Return name and address part of the twelve league-cities."""
    return [
        {"name": vocab.label("division", code), "slug": place["portal_slug"]}
        for code, place in vocab.league_cities().items()
    ]


# --- a dataset -----------------------------------------------------------------------------------


def nmgdata_timeliness(dataset: dict[str, Any]) -> timeliness.Timeliness:
    """Return how timely a dataset's updates are."""
    return timeliness.of_entry(dataset)


def nmgdata_dataset_title(dataset_id: str) -> str:
    """Return the title of a dataset that the reader may see."""
    package = model.Package.get(dataset_id)
    return (package.title or package.name) if package else ""


def nmgdata_downloads(dataset_id: str) -> int:
    """Return how often a dataset's files were downloaded."""
    return counts.downloads_of(dataset_id)


def nmgdata_access(resource_id: str) -> dict[str, Any] | None:
    """Return the gate's answer about a resource for the reader of the page."""
    judged = doors.judge(resource_id, doors.asking())
    return answers.explain(*judged) if judged else None


def nmgdata_maintains(resource_id: str) -> bool:
    """Say whether the gate hands a restricted file to the reader as one who maintains it."""
    judged = doors.judge(resource_id, doors.asking(), Purpose.MAINTAIN)
    return judged is not None and judged[1].reason is Reason.MAINTENANCE


def nmgdata_access_to(dataset: dict[str, Any]) -> dict[str, Any]:
    """Return the gate's answers about all files of a dataset that have bytes, by resource id."""
    return {r["id"]: nmgdata_access(r["id"]) or {} for r in dataset["resources"] if r.get("url")}


def nmgdata_is_stopped(thing: dict[str, Any]) -> bool:
    """Say whether a dataset or file, as it is shown, is suspended or withdrawn."""
    return stops.is_stopped(thing)


def nmgdata_stop(dataset: dict[str, Any], resource_id: str | None = None) -> dict[str, Any] | None:
    """Return what stops a dataset as a whole or one file of it, if anything does, and why."""
    stop = stops.of_dataset(dataset["id"], resource_id)
    return {**stop, "why": answers.why(stop["case_number"])} if stop else None


def nmgdata_items(dataset: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the data items of a dataset."""
    return data_items(dataset)


def nmgdata_item_type(value: str | None) -> str:
    """Return the name of a data item's type."""
    types = {
        "string": _("Text"), "number": _("Number"), "integer": _("Integer"), "date": _("Date"),
        "datetime": _("Date and time"), "boolean": _("Yes or no"), "geometry": _("Geometry"),
    }  # fmt: skip
    return types.get(value or "", value or "")


def nmgdata_decision_days() -> int:
    """Return within how many working days an application is usually decided."""
    return statutes.get("D-OPEN-DECIDE").working_days or 0


def nmgdata_size(resource: dict[str, Any]) -> str:
    """Return the size of a file for people, empty when it is not known."""
    size = resource.get("size")
    return tk.h.localised_filesize(int(size)) if size else ""


def nmgdata_upload_limit() -> int:
    """Return how many megabytes an uploaded file may have."""
    return tk.config["ckan.max_resource_size"]


# --- time ----------------------------------------------------------------------------------------


def nmgdata_date(value: str | date | None) -> str:
    """Return a date as it is written in the reader's language."""
    if isinstance(value, str):
        value = timeliness.parse(value)
    if not value:
        return ""
    if isinstance(value, datetime):
        value = clock.local_date(value)
    if not vocab.in_chinese():
        return value.isoformat()
    return f"{value.year}年{value.month}月{value.day}日"


def nmgdata_moment(value: str | datetime | None) -> str:
    """Return a moment in Asia/Shanghai, to the minute."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not value:
        return ""
    local = value.astimezone(clock.LOCAL)
    return f"{nmgdata_date(local.date())} {local:%H:%M}"


def nmgdata_time_left(due: dict[str, Any] | None) -> str:
    """Say a period as people count it: 还剩 2 个工作日（11月25日前）."""
    if due is None:
        return ""
    on, left = date.fromisoformat(due["on"]), due["working_days"]
    day = f"{on.month}月{on.day}日" if vocab.in_chinese() else on.isoformat()
    if left < 0:
        text = _("{days} working days overdue").format(days=-left)
    elif left == 0:
        text = _("due today ({day})").format(day=day)
    else:
        text = _("{days} working days left (until {day})").format(days=left, day=day)
    return text + (_(" (provisional)") if due["provisional"] else "")


# --- the reader ----------------------------------------------------------------------------------


def nmgdata_desk() -> bool:
    """Say whether the reader has an inbox."""
    return doors.asking().has_desk


def nmgdata_elsewhere(dataset_id: str) -> elsewhere.Elsewhere | None:
    """Return the portal that an entry comes from; None for one that is kept here."""
    return elsewhere.of(dataset_id)


def nmgdata_is_auditor() -> bool:
    """Say whether the reader may read the audit log."""
    return bool(doors.asking().oversight)


def nmgdata_is_demo() -> bool:
    """Say whether this portal shows invented entries."""
    return config.is_demo()


def nmgdata_region() -> str:
    """Return the code of the portal's region."""
    return config.region()


def nmgdata_first_error(errors: dict[str, Any]) -> str:
    """Return the first message of a refused form."""
    for messages in errors.values():
        if messages:
            return str(messages[0] if isinstance(messages, list) else messages)
    return ""


def nmgdata_organisation(name: str | None) -> dict[str, str] | None:
    """Return name, title and contact of an organisation."""
    group = model.Group.get(name) if name else None
    if group is None:
        return None
    return {"name": group.name, "title": group.title or group.name, **orgs.extras_of(group.id)}


def unix_locale_to_bcp47(locale: str) -> str:
    """Return the language tag of a page; CKAN's own ``zh-Hans-CN`` stops its scripts from starting.

    Its client turns only the first "-" back into "_" and asks for a catalogue that does not exist.
    """
    return "zh-CN" if locale == "zh_Hans_CN" else locale.replace("_", "-")


HELPERS = {
    function.__name__: function
    for function in (
        nmgdata_choices, nmgdata_place_choices, nmgdata_term, nmgdata_label,
        nmgdata_org_title, nmgdata_with_sort, nmgdata_with_page, nmgdata_page_numbers,
        nmgdata_is_demo, nmgdata_search_rests, nmgdata_place, nmgdata_class_style,
        nmgdata_facet_label, nmgdata_home, nmgdata_timeliness, nmgdata_downloads, nmgdata_access,
        nmgdata_access_to, nmgdata_maintains, nmgdata_is_stopped, nmgdata_stop, nmgdata_items,
        nmgdata_item_type, nmgdata_decision_days, nmgdata_size, nmgdata_upload_limit, nmgdata_cities,
        nmgdata_dataset_title, nmgdata_date, nmgdata_moment, nmgdata_time_left,
        nmgdata_desk, nmgdata_elsewhere, nmgdata_is_auditor, nmgdata_region, nmgdata_first_error,
        nmgdata_organisation, unix_locale_to_bcp47,
    )
}  # fmt: skip
