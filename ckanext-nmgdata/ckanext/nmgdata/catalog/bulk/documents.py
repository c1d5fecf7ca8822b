"""Index documents of many datasets, as CKAN's own indexer makes them of one (``PackageSearchIndex``).

The hooks of all plugins run (``before_resource_show``, ``after_dataset_show``, ``before_dataset_index``)
and so do the permission labels; what they ask is read beforehand by one query for all datasets
(``kernel.memory``). A test holds these documents to those of CKAN, field by field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan import plugins as p
from ckan.common import config
from ckan.lib import plugins as ckan_plugins
from ckan.lib.search.index import KEY_CHARS, RESERVED_FIELDS, escape_xml_illegal_chars
from ckan.types import Context

from ...kernel import memory, orgs, quickjson
from ...kernel.gate import counts, stops
from .. import search, sources
from .show import Shown, shown

Document = dict[str, Any]
FILES = (("name", "res_name"), ("description", "res_description"), ("format", "res_format"),
         ("url", "res_url"), ("resource_type", "res_type"))  # fmt: skip
TYPE = "package"


def documents(ids: Sequence[str]) -> list[Document]:
    """Return the documents of those of these datasets that the index is to hold."""
    packages = held(ids)
    entries = shown(packages)
    hooks = list(p.PluginImplementations(p.IPackageController))
    with memory.holding(**answers(packages, entries)):
        return [document(packages[one.stock["id"]], one, hooks) for one in entries]


def held(ids: Sequence[str]) -> dict[str, model.Package]:
    """Return the datasets that the index is to hold."""
    package: Any = model.Package
    query = sa.select(package).where(package.id.in_(ids), package.state != model.State.DELETED)
    return {one.id: one for one in model.Session.scalars(query)}


def answers(packages: dict[str, model.Package], entries: Iterable[Shown]) -> dict[str, dict[Any, Any]]:
    """Return what the hooks will ask, by one query each."""
    ids = list(packages)
    names = {(one.stock.get("organization") or {}).get("name") for one in entries}
    return {
        stops.STOPS: stops.live_among(ids),
        counts.DOWNLOADS: counts.downloads_among(ids),
        sources.FINGERPRINTS: sources.of_datasets(model.Session(), ids),
        search.columns.COLUMNS: search.columns.read(
            table for one in entries for table in search.columns.searchable(one.custom)
        ),
        search.LINEAGES: orgs.lineages([name for name in names if name]),
    }


def document(package: model.Package, entry: Shown, hooks: Sequence[p.IPackageController]) -> Document:
    """Return the document of one dataset."""
    context: Context = {"ignore_auth": True, "use_cache": False, "validate": False, "package": package}
    for hook in hooks:
        hook.after_dataset_show(context, entry.custom)
    made = flat(entry)
    for hook in hooks:
        made = hook.before_dataset_index(made)
    made["permission_labels"] = ckan_plugins.get_permission_labels().get_dataset_labels(package)
    return made


def flat(entry: Shown) -> Document:
    """Return a dataset as Solr takes it, before the plugins' hooks."""
    stock = dict(entry.stock)
    said, validated = quickjson.text(stock), quickjson.text(entry.custom)
    made = {**stock, "data_dict": said, "validated_data_dict": validated}
    if made.get("title"):
        made["title_string"] = made["title"]
    taken = {*RESERVED_FIELDS, *made}
    for extra in made.pop("extras"):
        key = "".join(c for c in extra["key"] if c in KEY_CHARS)
        made[f"extras_{key}"] = extra["value"]
        if key not in taken:
            made[key] = extra["value"]
    made["tags"] = [tag["name"] for tag in made["tags"]]
    made["groups"] = [group["name"] for group in made["groups"]]
    made["capacity"] = "private" if made["private"] else "public"
    made["organization"] = made["organization"]["name"] if made.get("organization") else None
    further = [(name, f"res_extras_{name}") for name in model.Resource.get_extra_columns()]
    for one in made.pop("resources"):
        for name, field in (*FILES, *further):
            made.setdefault(field, []).append(one.get(name, ""))
    for relation in ("relationships_as_subject", "relationships_as_object"):
        made.pop(relation, None)
    made["entity_type"] = TYPE
    made["dataset_type"] = made["type"]
    for field in ("title", "notes", "title_string"):
        if made.get(field):
            made[field] = escape_xml_illegal_chars(made[field])
    if made.get("title"):
        made["title"] = made["title"].lstrip()
    made["metadata_created"] += "Z"
    made["metadata_modified"] += "Z"
    made["site_id"] = config["ckan.site_id"]
    made["index_id"] = hashlib.md5(f"{made['id']}{made['site_id']}".encode()).hexdigest()  # noqa: S324
    return made
