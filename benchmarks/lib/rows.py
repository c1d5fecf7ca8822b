"""One invented dataset as the rows and the dictionary that plain CKAN would make of it.

Our own portal is filled by its own bulk writer (``filler.py``). ``compare.py`` holds these to what the API really makes; when CKAN or the portal changes, it says so.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from .invent import Record, identifier

CORE = ("name", "title", "notes", "owner_org", "license_id", "resources")
NO_VALUE = ("author", "author_email", "maintainer", "maintainer_email", "url", "version")
HOUR = 8
Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""Name of a table → its rows."""


@dataclass
class Setting:
    """The portal that the rows are for."""

    creator: str
    """Id of the account that creates the datasets."""
    organisations: dict[str, Row]
    """Name → organisation as package_show shows it."""
    licences: dict[str, Row]
    serials: Counter[str] = field(default_factory=Counter)
    """Prefix of catalogue codes → last serial number given."""


def api_form(record: Record, plain: bool) -> Record:
    """Return a record as ``package_create`` takes it."""
    if not plain:
        return {key: value for key, value in record.items() if key != "identifier"}
    core = {key: record[key] for key in CORE if key in record}
    extras = [{"key": key, "value": text(record[key])} for key in record if key not in CORE]
    return {**core, "private": is_hidden(record), "extras": extras}


def is_hidden(record: Record) -> bool:
    """Say whether the public may not see an entry: our portal hides it by its class, plain CKAN as private."""
    return record["open_class"] == "non_open"


def text(value: Any) -> str:
    """Return a value as CKAN keeps it among the extras."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return json.dumps([dict(sorted(item.items())) for item in value])
    return str(value)


def moment(number: int, record: Record) -> datetime:
    """Return when a dataset was last changed (UTC, without zone); no two at the same moment."""
    day = date.fromisoformat(record["modified"])
    return datetime.combine(day, time(HOUR)) + timedelta(milliseconds=number, microseconds=1)


def code(record: Record, setting: Setting) -> str:
    """Return the next catalogue code, as ``catalog.identifiers`` gives it."""
    number = setting.organisations[record["owner_org"]]["department_number"]
    prefix = f"307{number}{record['region_code']}"
    setting.serials[prefix] += 1
    return f"{prefix}/{setting.serials[prefix]:06d}"


# --- rows ----------------------------------------------------------------------------------------


def rows(number: int, record: Record, setting: Setting) -> Rows:
    """Return the rows of a dataset; the audit chain is the filler's affair."""
    at = moment(number, record)
    extras = {key: text(value) for key, value in record.items() if key not in CORE}
    package = {
        "id": identifier("package", record["name"]),
        "name": record["name"],
        "title": record["title"],
        "notes": record["notes"],
        "license_id": record["license_id"],
        "type": "dataset",
        "owner_org": setting.organisations[record["owner_org"]]["id"],
        "creator_user_id": setting.creator,
        "metadata_created": at,
        "metadata_modified": at,
        "private": is_hidden(record),
        "state": "active",
        "extras": extras,
        **dict.fromkeys(NO_VALUE),
    }
    files = [resource(package, one, position) for position, one in enumerate(record["resources"])]
    return {"package": [package], "member": [member(package)], "resource": files}


def member(package: Row) -> Row:
    """Return the row that makes a dataset part of its organisation."""
    return {
        "id": identifier("member", package["id"]),
        "table_name": "package",
        "table_id": package["id"],
        "capacity": "organization",
        "group_id": package["owner_org"],
        "state": "active",
    }


def resource(package: Row, one: Row, position: int) -> Row:
    """Return the row of a resource."""
    return {
        "id": identifier("resource", package["id"], position),
        "package_id": package["id"],
        "url": one["url"],
        "format": one["format"],
        "description": one["description"],
        "hash": "",
        "position": position,
        "name": one["name"],
        "created": package["metadata_created"],
        "metadata_modified": package["metadata_modified"],
        "state": "active",
    }


# --- what package_show says ----------------------------------------------------------------------

NOT_SHOWN = ("department_number",)
RESOURCE_NO_VALUE = (
    "cache_last_updated", "cache_url", "last_modified", "mimetype", "mimetype_inner", "resource_type",
    "size", "url_type",
)  # fmt: skip


def shown(made: Rows, setting: Setting) -> Row:
    """Return a dataset as package_show gives it."""
    package = made["package"][0]
    owner = next(one for one in setting.organisations.values() if one["id"] == package["owner_org"])
    core = {
        **{key: value for key, value in package.items() if key != "extras"},
        **setting.licences[package["license_id"]],
        "metadata_created": package["metadata_created"].isoformat(),
        "metadata_modified": package["metadata_modified"].isoformat(),
        "num_resources": len(made["resource"]),
        "num_tags": 0,
        "organization": {key: value for key, value in owner.items() if key not in NOT_SHOWN},
        "resources": [shown_resource(row) for row in made["resource"]],
        "tags": [],
        "groups": [],
        "relationships_as_subject": [],
        "relationships_as_object": [],
    }
    return {**core, "extras": [{"key": k, "value": v} for k, v in package["extras"].items()]}


def shown_resource(row: Row) -> Row:
    """Return a resource as package_show gives it."""
    return {
        **row,
        **dict.fromkeys(RESOURCE_NO_VALUE),
        "created": row["created"].isoformat(),
        "metadata_modified": row["metadata_modified"].isoformat(),
        "datastore_active": False,
    }
