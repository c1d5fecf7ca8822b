"""How far consent reaches: which of the things applied for, which columns and rows of their tables.

The reviewer's form and the API state it as a list, one entry per thing that is granted:
``{"item": id, "fields": [column, …] or None, "rows": {column: [value, …]} or None}``. Without a list
everything is granted as it was asked for. The gate can tell columns and rows apart only where
they lie in the DataStore, so a file that is no table is granted whole or not at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..catalog.items import data_items
from ..kernel.gate import rights
from ..kernel.gate.rows import columns_of
from ..kernel.unit import Unit
from ..kernel.workflow.machine import Payload
from ..kernel.workflow.model import Case
from .model import Application, ApplicationItem

_ = tk._
ROWS = re.compile(r"\s*([^=＝]+?)\s*[=＝]\s*(.+?)\s*")
"""One line of a row filter: ``column = value、value``."""
SEPARATOR = re.compile(r"\s*[、,，;；]\s*")
VALUES = 200


def items(case_id: str) -> list[ApplicationItem]:
    """Return what a case is about."""
    query = sa.select(ApplicationItem).where(ApplicationItem.case_id == case_id)
    return list(model.Session.scalars(query.order_by(ApplicationItem.id)))


def tables(item: ApplicationItem) -> dict[str, list[str]]:
    """Return the tables that something applied for holds: id of the file → its columns."""
    resource: Any = model.Resource
    query = sa.select(resource).where(
        resource.package_id == item.dataset_id, resource.state == model.State.ACTIVE
    )
    if item.resource_id:
        query = query.where(resource.id == item.resource_id)
    found = model.Session.scalars(query.order_by(resource.position))
    return {row.id: columns_of(row.id) for row in found if (row.extras or {}).get("datastore_active")}


def columns(item: ApplicationItem) -> list[str]:
    """Return the columns of all tables of something applied for, each once."""
    return list(dict.fromkeys(name for names in tables(item).values() for name in names))


def listed(value: Any) -> list[Any] | None:
    """Accept a list, or its JSON; nothing stated is None."""
    if value is tk.missing or value in (None, ""):
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise tk.Invalid(_("Name the data that are granted as a list."))
    return value


# --- consent -------------------------------------------------------------------------------------


def fit(unit: Unit, case: Case, data: Payload) -> None:
    """Guard of consent: bring its scopes into their one form, within what was asked for (R-COND-04)."""
    asked = {item.id: item for item in items(case.id)}
    stated = data.get("scopes")
    if stated is None:
        stated = [{"item": key} for key in asked]
    scopes = [one(asked, part) for part in stated]
    if not scopes or len({part["item"] for part in scopes}) < len(scopes):
        raise tk.ValidationError({"scopes": [_("Grant at least one of the things applied for.")]})
    data["scopes"] = scopes


def one(asked: dict[str, ApplicationItem], part: dict[str, Any]) -> dict[str, Any]:
    """Return one scope in its one form."""
    item = asked.get(str(part.get("item")))
    if item is None:
        raise tk.ValidationError({"scopes": [_("This was not applied for.")]})
    known = columns(item)
    fields, rows = fields_of(part.get("fields"), item, known), rows_of(part.get("rows"), known)
    if rows and not any(rows.keys() <= set(names) for names in tables(item).values()):
        message = _("No table has all of these columns. Limit rows by columns of the same table.")
        raise tk.ValidationError({"scopes": [message]})
    return {"item": item.id, "fields": fields, "rows": rows}


def fields_of(stated: Any, item: ApplicationItem, known: Sequence[str]) -> list[str] | None:
    """Return the columns that are granted; None for all. More than was asked for is refused."""
    if not known:
        return None
    meant, possible = columns_asked_for(item, known)
    if stated is None and not meant:
        message = _("No column bears the name of a data item that was applied for. Choose the columns.")
        raise tk.ValidationError({"scopes": [message]})
    if stated is None:
        return meant if len(meant) < len(known) else None
    if stated == []:
        raise tk.ValidationError({"scopes": [_("Choose at least one column, or leave the data out.")]})
    if not isinstance(stated, list) or any(name not in possible for name in stated):
        message = _("Only columns of the table that were applied for can be granted.")
        raise tk.ValidationError({"scopes": [message]})
    return [name for name in known if name in stated] if len(set(stated)) < len(known) else None


def columns_asked_for(item: ApplicationItem, known: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the columns that the data items applied for mean, and those that may be granted for them.

    A column is headed by the name of a data item or by its label. Where one that was applied for heads no
    column, it may be any that is headed by no data item: who decides knows the table.
    """
    if item.fields is None:
        return list(known), list(known)
    asked, headed = set(item.fields), headings(item.dataset_id)
    items_of = {column: headed.get(column.strip(), set()) for column in known}
    meant = [column for column in known if items_of[column] & asked]
    left = asked - {name for column in meant for name in items_of[column]}
    possible = [column for column in known if column in meant or (left and not items_of[column])]
    return meant, possible


def headings(dataset_id: str) -> dict[str, set[str]]:
    """Return what may stand over a column of a dataset → names of the data items that it would mean."""
    found = dict[str, set[str]]()
    for name, label in labels(dataset_id).items():
        for heading in (name, label):
            found.setdefault(heading, set()).add(name)
    return found


def labels(dataset_id: str) -> dict[str, str]:
    """Return the names and labels of a dataset's data items."""
    dataset = model.Session.get(model.Package, dataset_id)
    items_ = data_items(dataset.extras or {}) if dataset else []
    return {
        str(one["name"]): str(one.get("label") or one["name"]).strip() for one in items_ if one.get("name")
    }


def asked_for(item: ApplicationItem) -> list[str]:
    """Return the labels of the data items that were applied for alone; none for all of them."""
    known = labels(item.dataset_id)
    return [known.get(name, name) for name in item.fields or ()]


def rows_of(stated: Any, known: Sequence[str]) -> dict[str, list[str]] | None:
    """Return column → admitted values; None for all rows."""
    if not stated:
        return None
    right = isinstance(stated, dict) and all(
        isinstance(values, list)
        and 0 < len(values) <= VALUES
        and all(isinstance(v, str) and v for v in values)
        for values in stated.values()
    )
    if not right or any(column not in known for column in stated):
        message = _("State rows as lines like “column = value, value”, with columns of the table.")
        raise tk.ValidationError({"scopes": [message]})
    return dict(stated)


def reaching(case: Case, data: Payload) -> list[rights.Scope]:
    """Return the scopes of a grant that consent gives."""
    asked = {item.id: item for item in items(case.id)}
    return [
        rights.Scope(
            asked[part["item"]].dataset_id, asked[part["item"]].resource_id, part["fields"], part["rows"]
        )
        for part in data["scopes"]
    ]


# --- the reviewer's form -------------------------------------------------------------------------


def offered(case: Case) -> list[dict[str, Any]]:
    """Return what the reviewer chooses from: each thing applied for, with the columns of its tables."""
    found = []
    for item in items(case.id):
        meant, possible = columns_asked_for(item, columns(item))
        found.append(
            {
                "id": item.id, "label": label(item), "columns": possible, "meant": meant,
                "asked": asked_for(item),
            }
        )  # fmt: skip
    return found


def label(item: ApplicationItem) -> str:
    """Return the title of a dataset, with the name of the file if only that one is meant."""
    dataset = model.Session.get(model.Package, item.dataset_id)
    title = (dataset.title or dataset.name) if dataset else item.dataset_id
    resource = model.Session.get(model.Resource, item.resource_id) if item.resource_id else None
    return f"{title} · {resource.name or resource.id}" if resource else title


def from_form(case: Case, sent: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the scopes that the form of consent has sent; None when it has no such part."""
    if "chosen" not in sent:
        return None
    chosen = as_list(sent["chosen"])
    return [
        {
            "item": item.id,
            "fields": as_list(sent.get(f"fields-{item.id}")),
            "rows": rows_from(str(sent.get(f"rows-{item.id}") or "")),
        }
        for item in items(case.id)
        if item.id in chosen
    ]


def as_list(value: Any) -> list[str]:
    """Return what a form sent under one name as a list; it sends a single value alone."""
    if value in (None, ""):
        return []
    return [part for part in value if part] if isinstance(value, list) else [value]


def rows_from(text: str) -> Any:
    """Return a row filter written in lines; what is no such line makes it unreadable."""
    lines = [line for line in text.splitlines() if line.strip()]
    matches = [ROWS.fullmatch(line) for line in lines]
    if not all(matches):
        return lines
    return {m[1]: [v for v in SEPARATOR.split(m[2]) if v] for m in matches if m}


def said(case: Case, scopes: Any) -> list[dict[str, Any]]:
    """Return the scopes of a consent as people read them."""
    asked = {item.id: item for item in items(case.id)}
    return [
        {
            "label": label(asked[part["item"]]),
            "fields": part.get("fields"),
            "rows": part.get("rows"),
        }
        for part in scopes or []
        if part.get("item") in asked
    ]


def begins_with(case: Case) -> dict[str, Any]:
    """Return the values with which the form of consent begins."""
    application = model.Session.get_one(Application, case.id)
    return {
        "purpose": application.scenario,
        "use_scope": application.data_scope,
        "provision_mode": application.provision_mode,
        "valid_until": application.use_until.isoformat(),
        "offered": offered(case),
        "chosen": "",
    }
