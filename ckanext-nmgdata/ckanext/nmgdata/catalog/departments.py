"""The list of departments: every one of them, each once, in the order that people expect.

CKAN's order by number of datasets leaves out departments without any, and turns pages of equals at random.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Action, Context, DataDict

from ..kernel import orgs
from ..kernel.gate import lists
from .names import in_pinyin

LARGEST = "ckan.group_and_organization_list_all_fields_max"


@tk.chained_action
@tk.side_effect_free
def organization_list(next_action: Action, context: Context, data_dict: DataDict) -> list[Any]:
    """List departments: unless asked for otherwise the portal's own first, then city by city in pinyin."""
    if any(data_dict.get(name) for name in ("sort", "order_by", "organizations")):
        return next_action(context, data_dict)
    full = tk.asbool(data_dict.get("all_fields") or False)
    part = lists.asked_part(context, data_dict, None)
    asked = {name: value for name, value in data_dict.items() if name not in lists.ALL} | {"sort": "name asc"}
    found = in_order(next_action(context, {**asked, "all_fields": False}))[part]
    if not full:
        return found
    names = found[: tk.config[LARGEST]]
    shown = next_action(context, {**asked, "organizations": names}) if names else []
    return sorted(shown, key=lambda one: names.index(one["name"]))


def in_order(names: list[str]) -> list[str]:
    """Return departments by region and pinyin."""
    group = orgs.GROUP
    query = sa.select(group.name, orgs.REGION_CODE, orgs.TITLE).where(group.name.in_(names))
    places = {
        name: (region or orgs.REGION, in_pinyin(title), title)
        for name, region, title in model.Session.execute(query)
    }
    return sorted(names, key=lambda name: places[name])


ACTIONS = {organization_list.__name__: organization_list}
