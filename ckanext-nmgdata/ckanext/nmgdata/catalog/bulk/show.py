"""Many datasets as ``package_show`` gives them, by CKAN's schema and by the portal's, in few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from ckan import model
from ckan import plugins as p
from ckan.lib import helpers
from ckan.plugins import toolkit as tk
from ckanext.scheming.plugins import SchemingDatasetsPlugin

from ...kernel import quickjson
from ...kernel.gate import origins

Row = dict[str, Any]
NOT_SHOWN = ("plugin_data",)
UNQUOTED = "!$&'()*+,/:;=@"
"""What werkzeug leaves as it is in a part of an address."""


@dataclass(frozen=True)
class Shown:
    """One dataset."""

    stock: Row
    """By CKAN's own schema: what is not of CKAN lies in ``extras``."""
    custom: Row
    """By the portal's schema, before the plugins' ``after_dataset_show``."""


def shown(packages: Mapping[str, Any]) -> list[Shown]:
    """Return these datasets, given as objects or as rows; none has relationships to others."""
    ids = list(packages)
    files, tags, groups = resources_of(ids), tags_of(ids), groups_of(ids)
    owners = organisations({one.owner_org for one in packages.values() if one.owner_org})
    return [
        both(core(one, files[one.id], tags[one.id], groups[one.id], owners), one.extras or {})
        for one in packages.values()
    ]


def rows(query: sa.Select[Any]) -> Iterator[Row]:
    """Yield the rows of a query as CKAN dictizes them."""
    found = model.Session.execute(query)
    names = [str(name) for name in found.keys()]  # noqa: SIM118 (no dictionary)
    for row in found:
        yield dict(zip(names, map(as_text, row), strict=True))


def as_text(value: Any) -> Any:
    """Return a value as CKAN dictizes it."""
    return value.isoformat() if isinstance(value, datetime) else value


def resources_of(ids: Sequence[str]) -> dict[str, list[Row]]:
    """Return the files of datasets, in their order, after the plugins' hooks."""
    table = model.resource_table
    query = (
        sa.select(table)
        .where(table.c.package_id.in_(ids), table.c.state == model.State.ACTIVE)
        .order_by(table.c.package_id, table.c.position)
    )
    hooks = list(p.PluginImplementations(p.IResourceController))
    found: dict[str, list[Row]] = defaultdict(list)
    for one in rows(query):
        dataset_id = one["package_id"]
        one.update(one.pop("extras") or {})
        if one.get("url_type") == "upload":
            name = quote((one["url"] or "").rsplit("/")[-1], safe=UNQUOTED)
            one["url"] = f"{origins.address(one['package_id'], one['id'])}/{name}"
        for hook in hooks:
            hook.before_resource_show(one)
        if one.get("format"):
            one["format"] = helpers.unified_resource_format(one["format"])
        found[dataset_id].append(one)
    return found


def tags_of(ids: Sequence[str]) -> dict[str, list[Row]]:
    """Return the tags of datasets, by name."""
    tag, link = model.tag_table, model.package_tag_table
    query = (
        sa.select(link.c.package_id, tag, link.c.state)
        .join(link, link.c.tag_id == tag.c.id)
        .where(link.c.package_id.in_(ids), link.c.state == model.State.ACTIVE)
        .order_by(tag.c.name)
    )
    found: dict[str, list[Row]] = defaultdict(list)
    for one in rows(query):
        one["display_name"] = one["name"]
        found[one.pop("package_id")].append(one)
    for some in found.values():
        some.sort(key=lambda one: one["name"])
    return found


def groups_of(ids: Sequence[str]) -> dict[str, list[Row]]:
    """Return the groups, not the organisations, that datasets are in."""
    group, member = model.group_table, model.member_table
    query = (
        sa.select(member.c.table_id, group.c.id, group.c.name, group.c.title, group.c.description,
                  group.c.image_url)
        .join(member, member.c.group_id == group.c.id)
        .where(
            member.c.table_id.in_(ids), member.c.table_name == "package", member.c.state == "active",
            group.c.state == "active", group.c.is_organization.is_(False),
        )
        .order_by(group.c.title)
    )  # fmt: skip
    found: dict[str, list[Row]] = defaultdict(list)
    for dataset_id, group_id, name, title, description, image in model.Session.execute(query):
        display = {"display_name": title or name, "image_display_url": image or ""}
        found[dataset_id].append(
            {"id": group_id, "name": name, "title": title, "description": description or "", **display}
        )
    return found


def organisations(ids: set[str]) -> dict[str, Row]:
    """Return organisations as a dataset shows its own."""
    table = model.group_table
    query = sa.select(table).where(table.c.id.in_(ids), table.c.state == model.State.ACTIVE)
    found = {one["id"]: one for one in rows(query)}
    for one in found.values():
        del one["extras"]
    return found


def core(package: Any, files: list[Row], tags: list[Row], groups: list[Row], owners: Mapping) -> Row:
    """Return what CKAN itself says of a dataset."""
    row = {name: as_text(getattr(package, name)) for name in columns()}
    row["title"] = row["title"].strip() if row["title"] else row["title"]
    row["type"] = row["type"] or "dataset"
    return {
        **row,
        **licence(package.license_id),
        "organization": owners.get(package.owner_org),
        "resources": files,
        "num_resources": len(files),
        "tags": tags,
        "num_tags": len(tags),
        "groups": groups,
        "relationships_as_subject": [],
        "relationships_as_object": [],
    }


@cache
def columns() -> list[str]:
    """Return the names of a dataset's columns that are shown as they are."""
    return [c.name for c in model.package_table.c if c.name not in (*NOT_SHOWN, "extras")]


def licence(license_id: str | None) -> Row:
    """Return what CKAN says of a licence."""
    known = model.Package.get_license_register().get(license_id) if license_id else None
    if known is None:
        return {"license_title": license_id, "isopen": False}
    found = {"license_title": known.title, "isopen": known.isopen()}
    if known.url:
        found |= {"license_url": known.url, "license_title": known.title.split("::")[-1]}
    return found


def both(stock: Row, extras: Mapping[str, Any]) -> Shown:
    """Return a dataset by both schemas."""
    listed = [{"key": key, "value": value} for key, value in extras.items() if value not in (None, "")]
    fields, rest = described(), []
    custom = {**stock, "resources": [dict(one) for one in stock["resources"]]}  # plugins add to these only
    for extra in listed:
        if extra["key"] not in fields:
            rest.append(extra)
        else:
            custom[extra["key"]] = fields[extra["key"]](extra["value"])
    if rest:
        custom["extras"] = rest
    return Shown({**stock, "extras": listed}, custom)


Convert = Callable[[Any], Any]


@cache
def described() -> dict[str, Convert]:
    """Return what becomes of an extra that the portal's schema knows, when it is shown."""
    schema = SchemingDatasetsPlugin.instance._expanded_schemas["dataset"]
    own = {c.name for c in model.package_table.c}
    fields = [one for one in schema["dataset_fields"] if one["field_name"] not in own]
    return {one["field_name"]: converter(one) for one in fields if one["field_name"] != "tag_string"}


def converter(field: Row) -> Convert:
    """Return the conversion of one field: its output validators, for repeating fields row by row."""
    if "repeating_subfields" not in field:
        return chain(field)
    inner = {one["field_name"]: chain(one) for one in field["repeating_subfields"]}

    def each(value: Any) -> Any:
        stated = quickjson.read(value) if isinstance(value, str) else value
        return [{name: inner.get(name, unchanged)(one) for name, one in row.items()} for row in stated]

    return each


def chain(field: Row) -> Convert:
    """Return the output validators of a plain field as one function."""
    functions: list[Any] = [tk.get_validator(name) for name in (field.get("output_validators") or "").split()]

    def run(value: Any) -> Any:
        for function in functions:
            value = function(value)
        return value

    return run if functions else unchanged


def unchanged(value: Any) -> Any:
    """Return a value."""
    return value
