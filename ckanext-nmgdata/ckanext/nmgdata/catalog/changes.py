"""The change feed for programs: ActivityStreams 2.0 in JSON-LD, in the form of DCAT-AP Feeds.

The feed is an ``OrderedCollection`` (and an ``ldes:EventStream``), oldest change first. Its pages hold
activities about datasets; the newest activity of a dataset carries the dataset's description in a named
graph of the activity's name, as the public may read it at that moment. An activity that a later one has
overtaken carries none: who follows the feed comes to the later one.

The context is written out, not referred to, so that a portal in a closed network can read it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context
from ckanext.dcat.utils import dataset_uri
from rdflib import Graph, URIRef

from .. import config
from ..kernel.changes import feed
from ..kernel.changes.feed import Cursor, Item, Page
from ..kernel.changes.model import Activity, Cause
from ..kernel.gate import answers, stops
from ..kernel.gate.labels import public_entries
from . import dcat_write
from .dcat_terms import NMG, iri

MEDIA_TYPE = "application/ld+json"
AS = "https://www.w3.org/ns/activitystreams#"
LINKS = ("first", "current", "next", "partOf", "object")
CONTEXT: dict[str, Any] = {
    "as": AS,
    "dcat": "http://www.w3.org/ns/dcat#",
    "ldes": "https://w3id.org/ldes#",
    "tree": "https://w3id.org/tree#",
    "nmg": str(NMG),
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "id": "@id",
    "type": "@type",
    **{name: f"as:{name}" for name in ("OrderedCollection", "OrderedCollectionPage", "Tombstone")},
    **{str(activity): f"as:{activity}" for activity in Activity},
    "orderedItems": {"@id": "as:items", "@type": "@id", "@container": "@list"},
    **{
        name: {"@id": f"as:{name}", "@type": "@id"}
        for name in ("first", "current", "next", "partOf", "object")
    },
    "published": {"@id": "as:published", "@type": "xsd:dateTime"},
    "deleted": {"@id": "as:deleted", "@type": "xsd:dateTime"},
    "formerType": {"@id": "as:formerType", "@type": "@id"},
    "cause": "nmg:changeReason",
    "openState": {"@id": "nmg:openState", "@type": "@id"},
    "stoppedSince": {"@id": "nmg:stoppedSince", "@type": "xsd:dateTime"},
    "caseNumber": "nmg:caseNumber",
    "stopReason": "nmg:stopReason",
    "timestampPath": {"@id": "ldes:timestampPath", "@type": "@id"},
    "versionOfPath": {"@id": "ldes:versionOfPath", "@type": "@id"},
    "view": {"@id": "tree:view", "@type": "@id"},
}
Document = dict[str, Any]


def address() -> str:
    """Return the address of the feed, the same in every language."""
    return f"{config.site_root()}/nmg/changes.jsonld"


def page_address(cursor: Cursor, limit: int) -> str:
    """Return the address of the page after a cursor; the usual size is not named in it."""
    size = {} if limit == config.change_page_size() else {"limit": limit}
    return f"{address()}?{urlencode({'after': str(cursor), **size})}"


def collection() -> Document:
    """Return the feed itself: where to begin, and where somebody goes on who has the whole catalogue."""
    limit = config.change_page_size()
    return {
        "@context": CONTEXT,
        "id": address(),
        "type": ["OrderedCollection", "ldes:EventStream"],
        "first": page_address(feed.beginning(), limit),
        "current": page_address(Cursor(feed.head()), limit),
        "timestampPath": "as:published",
        "versionOfPath": "as:object",
        "view": address(),
    }


def page(found: Page, own: str, limit: int) -> Document:
    """Return a page; ``next`` is there also when nothing follows yet, for asking again."""
    return {
        "@context": CONTEXT,
        "id": own,
        "type": ["OrderedCollectionPage", "tree:Node"],
        "partOf": address(),
        "next": page_address(found.cursor, limit),
        "orderedItems": activities(found),
    }


def activities(found: Page) -> list[Document]:
    """Return the changes of a page, the newest of each dataset with what the public may read now."""
    newest = [item.dataset_id for item in found.items if item.is_newest]
    package: Any = model.Package
    public = set(model.Session.scalars(public_entries().where(package.id.in_(newest)))) if newest else set()
    return [activity(item, item.is_newest and item.dataset_id in public) for item in found.items]


def activity(item: Item, with_description: bool) -> Document:
    """Return one change."""
    at = item.at.isoformat()
    name = dataset_uri({"id": item.dataset_id})
    thing: Document = {"id": name, "type": "dcat:Dataset"}
    if item.activity == Activity.DELETE:
        thing = {"id": name, "type": "Tombstone", "formerType": "dcat:Dataset", "deleted": at}
        if item.is_newest and item.cause == Cause.WITHDRAWN:
            thing.update(withdrawal(item.dataset_id))
    said: Document = {
        "id": f"{address()}#{item.seq}",
        "type": str(item.activity),
        "published": at,
        "cause": item.cause,
        "object": thing,
    }
    entry = read(item.dataset_id) if with_description else None
    if entry is not None:
        thing.update(stop_of(entry))
        said["@graph"] = description(entry)
    return said


def read(dataset_id: str) -> dict[str, Any] | None:
    """Return an entry as the public reads it; None if that is no longer so."""
    nobody: Context = {"user": "", "auth_user_obj": None, "use_cache": False}
    try:
        return tk.get_action("package_show")(nobody, {"id": dataset_id})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return None


def stop_of(entry: dict[str, Any]) -> Document:
    """Return what stops an entry as a whole, for those who read JSON and no graphs."""
    if not stops.is_stopped(entry):
        return {}
    said = {
        "openState": str(iri("open_state", entry["open_state"])),
        "stoppedSince": entry["open_state_since"],
        "caseNumber": entry["open_state_case"],
        "stopReason": answers.why(entry["open_state_case"]),
    }
    return {name: value for name, value in said.items() if value}


def withdrawal(dataset_id: str) -> Document:
    """Return what stays public of a withdrawal: since when, which case, why."""
    stop = stops.strongest(stops.live(dataset_id))
    return stop_of(stops.fields(stop)) if stop else {}


def description(entry: dict[str, Any]) -> list[Document]:
    """Return an entry's statements by the profile ``nmg``, as expanded JSON-LD."""
    g = Graph()
    dcat_write.bind(g)
    dcat_write.dataset(g, entry, URIRef(dataset_uri(entry)))
    return json.loads(g.serialize(format="json-ld", auto_compact=False))


def titles(items: Sequence[Item]) -> dict[str, tuple[str, str]]:
    """Return title and URL name of the entries among these changes that everybody may know of."""
    package: Any = model.Package
    query = public_entries().where(package.id.in_({item.dataset_id for item in items}))
    rows = model.Session.execute(query.with_only_columns(package.id, package.title, package.name))
    return {dataset_id: (title or name, name) for dataset_id, title, name in rows}
