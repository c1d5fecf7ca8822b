"""A record as an entry for ``package_create``.

What ``catalog.dcat_read`` reads with certainty is taken; what only the loading side may decide (who owns it
here, which class it has when the city says nothing) comes from the source's settings.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, cast

from rdflib import Graph
from rdflib.namespace import DCAT
from rdflib.term import BNode, Literal, Node

from ... import vocab
from ...catalog import dcat_read, names
from ...catalog.dcat_graph import best, first, said
from ...catalog.dcat_terms import DCT, NMG
from ..records import Record
from .graph import Triples, node
from .spec import Spec

Entry = dict[str, Any]
LEGAL = (
    "notes", "data_form", "share_content", "share_class", "share_scope", "open_class", "update_frequency",
    "collecting_department", "approving_department", "providing_department",
)  # fmt: skip
"""What every entry must say by Art. 10 ¶4 (R-CAT-01); who harvests reports what is missing (DC-11)."""
REASONED = {
    "share_class": {
        "conditional": ("share_reason", "share_legal_basis", "share_condition"),
        "not_shared": ("share_reason", "share_legal_basis"),
    },
    "open_class": {
        "conditional": ("open_reason", "open_legal_basis", "open_condition"),
        "non_open": ("open_reason", "open_legal_basis", "nonopen_ground"),
    },
}
"""What a class other than unconditional must say besides (R-OPEN-03, R-SHARE-04, R-SHARE-05)."""
LONGEST = {
    "title": 500,
    "notes": 100_000,
    "contact_name": 200,
    "name": 500,
    "description": 20_000,
    "format": 60,
}
LONGEST_TEXT = 10_000
"""Characters: what goes beyond would spoil the index of a whole batch."""
LONGEST_URL = 2000
MOST_TAGS, MOST_ITEMS, MOST_RESOURCES = 100, 1000, 1000
KEY = 32


def entry(record: Record, spec: Spec, *, named: bool = True) -> Entry:
    """Return a record as an entry; whatever the record says, nothing raises.

    :param named: False leaves ``name`` out; an entry that exists keeps its own, and pinyin takes its time

    Fields of the dataset schema of which the record says nothing are absent, except ``title``, ``name``
    (pinyin and a hash of source and identifier), ``owner_org`` and ``region_code``, which are always there.
    ``open_class`` is there only if the city's own nmg metadata state it, or the source maps or presumes it.
    Each resource carries ``remote_keys``, what it can be recognised by, strongest first (``match``), and
    ``remote_stop``. Beside the fields stands ``remote``: ``subject``, ``identifier``, ``page`` (landing
    page), ``publisher``, ``licence`` (as stated, if it is none of the register), ``stop`` (``open_state``,
    ``since``, ``case``, ``reason`` of the city's own suspension or withdrawal, or None), and ``missing``, the
    legal fields that are not stated (DC-11).
    """
    g = cast(Graph, Triples(record.triples))
    ref = node(record.subject)
    found = dcat_read.dataset(g, ref)
    publisher = found.pop("organization", {})
    for field in ("owner_org", "open_class", "private", "name"):
        found.pop(field, None)
    title = short(found.get("title") or record.identifier, LONGEST["title"])
    made = {
        **shortened(found),
        "title": title,
        "owner_org": organisation(g, ref, publisher, spec),
        "region_code": region(found.get("region_code"), spec),
        "resources": resources(g, ref, found["resources"]),
    }
    if named:
        made["name"] = names.from_title(title, f"{spec.source}\n{record.identifier}")
    if chosen := open_class(g, ref, spec):
        made["open_class"] = chosen
    made["remote"] = {
        "subject": record.subject,
        "identifier": record.identifier,
        "page": web(g, ref, DCAT.landingPage),
        "publisher": publisher,
        "licence": None if made.get("license_id") else stated_licence(g, ref),
        "stop": stop(g, ref),
        "missing": missing({**made, "title": found.get("title")}),
    }
    return made


# --- what the source's settings decide ------------------------------------------------------------


def open_class(g: Graph, ref: Node, spec: Spec) -> str | None:
    """Return the open class: the city's own word, else what the source's access rights stand for."""
    own = dcat_read.own_slug(g, ref, NMG.openClass, "open_class")
    if own:
        return own
    for value in sorted(g.objects(ref, DCT.accessRights), key=str):
        if str(value) in spec.classes:
            return spec.classes[str(value)]
    return spec.default_class


def organisation(g: Graph, ref: Node, publisher: Entry, spec: Spec) -> str:
    """Return the local organisation of a publisher, by its name, title or IRI."""
    address = first(g, ref, DCT.publisher)
    for stated in (publisher.get("name"), publisher.get("title"), address):
        key = unicodedata.normalize("NFKC", str(stated or "")).strip()
        if key in spec.organisations:
            return spec.organisations[key]
    return spec.organisation


def region(stated: str | None, spec: Spec) -> str:
    """Return the place of a record: within the source's own, or the source's own."""
    return stated if stated and vocab.lies_within(stated, spec.region) else spec.region


# --- what is taken as it is, within bounds ---------------------------------------------------------


def shortened(found: Entry) -> Entry:
    """Return an entry with texts and lists of bearable length."""
    made = {field: short(value, LONGEST.get(field, LONGEST_TEXT)) for field, value in found.items()}
    made["tags"] = found["tags"][:MOST_TAGS]
    if found.get("data_items"):
        items = found["data_items"][:MOST_ITEMS]
        made["data_items"] = [{key: short(value, 1000) for key, value in item.items()} for item in items]
    return made


def short(value: Any, longest: int) -> Any:
    """Return a text of at most so many characters; anything else as it is."""
    if isinstance(value, str) and len(value) > longest:
        return value[: longest - 1] + "…"
    return value


def web(g: Graph, ref: Node, predicate: Node) -> str | None:
    """Return a web address that is no trick."""
    addresses = sorted(map(str, g.objects(ref, predicate)))
    return next((a for a in addresses if dcat_read.WEB.fullmatch(a) and len(a) <= LONGEST_URL), None)


def stated_licence(g: Graph, ref: Node) -> str | None:
    """Return a licence in the words of the city."""
    for subject in (ref, *dcat_read.distributions(g, ref)):
        for each in sorted(g.objects(subject, DCT.license), key=str):
            label = best(g, each, DCT.title)
            words = label or ("" if isinstance(each, BNode) else str(each))
            if words:
                return short(words, 500)
    return None


def stop(g: Graph, ref: Node) -> Entry | None:
    """Return what stops a dataset or file over there."""
    state = dcat_read.own_slug(g, ref, NMG.openState, "open_state")
    if state is None:
        return None
    case = short(said(g, ref, NMG.caseNumber), 64)
    since, reason = said(g, ref, NMG.stoppedSince), short(best(g, ref, NMG.stopReason), 500)
    return {"open_state": state, "since": since or None, "case": case or None, "reason": reason or None}


def missing(made: Entry) -> list[str]:
    """Return the legal fields that are not stated."""
    wanted = ["title", *LEGAL]
    for field, classes in REASONED.items():
        wanted += classes.get(made.get(field, ""), ())
    return [field for field in wanted if not made.get(field)]


# --- files ----------------------------------------------------------------------------------------


def resources(g: Graph, ref: Node, found: list[Entry]) -> list[Entry]:
    """Return the resources with what they can be recognised by."""
    taken: Counter[str] = Counter()
    made = []
    for each, place in zip(found[:MOST_RESOURCES], dcat_read.distributions(g, ref), strict=False):
        if len(each["url"]) > LONGEST_URL:
            each["url"] = ""
        keys = keys_of(each, place, taken)
        kept = {field: short(value, LONGEST.get(field, LONGEST_TEXT)) for field, value in each.items()}
        made.append({**kept, "remote_keys": keys, "remote_stop": stop(g, place)})
    return made


def keys_of(resource: Entry, place: Node, taken: Counter[str]) -> list[str]:
    """Return what a file can be recognised by; equal ones are numbered in their order."""
    marks = [] if isinstance(place, BNode | Literal) else [f"i:{place}"]
    if resource["url"]:
        marks.append(f"u:{resource['url']}")
    marks.append(f"t:{resource.get('name', '')}\n{resource.get('format', '')}")
    keys = []
    for mark in marks:
        taken[mark] += 1
        digest = sha256(f"{mark}\n{taken[mark]}".encode("utf-8", "replace")).hexdigest()[:KEY]
        keys.append(mark[:2] + digest)
    return keys


def match(known: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> list[int | None]:
    """Return for each found file which known one it is, by their ``remote_keys``; no known one twice.

    Stronger keys first: its IRI, its address, its title and format; so that a resource keeps its id, and
    what hangs on it, when one of them changes.
    """
    result: list[int | None] = [None] * len(found)
    free = dict.fromkeys(range(len(known)))
    for kind in ("i:", "u:", "t:"):
        places = {key: number for number in free for key in known[number] if key.startswith(kind)}
        for place, keys in enumerate(found):
            hit = next((places[key] for key in keys if key in places), None)
            if result[place] is None and hit in free:
                result[place] = hit
                del free[hit]
    return result
