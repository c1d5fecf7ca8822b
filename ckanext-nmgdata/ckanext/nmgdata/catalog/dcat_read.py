"""DCAT triples as a dictionary for ``package_create`` (mapping: ``dcat_terms``).

What the profile wrote comes back as it was. What others wrote is read as far as it is sure: a
value that the schema would refuse is left out, never guessed, and nothing raises: a harvester
reads hundreds of descriptions that nobody here has seen.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from ckan import model
from ckanext.dcat.utils import catalog_uri
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import CSVW, DCAT, FOAF, PROV, RDFS, SKOS
from rdflib.term import Node

from .. import vocab
from ..kernel import identity, openness
from . import dcat_terms as terms
from . import identifiers
from .dcat_graph import best, first, flag, members, said
from .dcat_terms import DCT, NMG, SPDX, VCARD
from .dcat_write import licence_iri

Entry = dict[str, Any]
NAME = re.compile(r"[a-z0-9_-]{2,100}")
NOT_IN_TAGS = re.compile(r"[^\w .-]+")
NOT_IN_ITEM_NAMES = re.compile(r"[\s,;\uff0c\uff1b]+")
WEB = re.compile(r"https?://[^\s/?#]+([/?#]\S*)?", re.IGNORECASE)
LICENCE_NAMES = (DCT.identifier, DCT.title, RDFS.label)
LONGEST_ITEM_NAME = 100
LARGEST = 2**63 - 1


def dataset(g: Graph, ref: Node) -> Entry:
    """Return the entry that a graph describes; fields of which it says nothing are absent."""
    slugs = slugs_of(g, ref)
    entry = {
        **texts(g, ref, terms.TEXTS),
        **codes(g, ref),
        **slugs,
        **dates(g, ref),
        **flags(g, ref),
        "region_code": division(g, ref),
        "open_condition": conditions(g, ref, slugs["open_class"]),
        **publisher(g, ref),
        **departments(g, ref),
        **contact(g, ref),
        "license_id": licence(g, ref),
        "tags": [{"name": name} for name in tags(g, ref)],
        "data_items": data_items(g, ref),
        "resources": [resource(g, node) for node in distributions(g, ref)],
    }
    kept = ("tags", "resources")
    return {
        field: value for field, value in entry.items() if field in kept or value not in (None, "", [], {})
    }


# --- plain fields --------------------------------------------------------------------------------


def texts(g: Graph, subject: Node, fields: dict[str, URIRef]) -> Entry:
    """Return the fields of free text."""
    return {field: best(g, subject, predicate) for field, predicate in fields.items()}


def codes(g: Graph, ref: Node) -> Entry:
    """Return URL name and catalogue code, where the portal would accept them."""
    name = best(g, ref, terms.CODES["name"]) or ""
    stated = sorted(str(o) for o in g.objects(ref, terms.CODES["identifier"]))
    identifier = next((value for value in stated if identifiers.is_valid(value)), None)
    return {"name": name if NAME.fullmatch(name) else None, "identifier": identifier}


def dates(g: Graph, ref: Node) -> Entry:
    """Return the dates; of a moment its day, of a mere year or month nothing."""
    found = {}
    for field, predicate in terms.DATES.items():
        stated = said(g, ref, predicate)[:10]
        try:
            found[field] = date.fromisoformat(stated).isoformat()
        except ValueError:
            continue
    return found


def flags(g: Graph, ref: Node) -> Entry:
    """Return the flags that are answered."""
    fields = {**terms.FLAGS, "private": NMG.private}
    return {field: flag(g, ref, predicate) for field, predicate in fields.items()}


def tags(g: Graph, ref: Node) -> list[str]:
    """Return the keywords as tags: Chinese ones and those of no language, else all there are."""
    literals = [o for o in g.objects(ref, DCAT.keyword) if isinstance(o, Literal)]
    own = [o for o in literals if not o.language or o.language.lower().startswith("zh")]
    names = set()
    for literal in own or literals:
        for word in re.split("[,;\uff0c\uff1b\u3001]", str(literal)):
            name = NOT_IN_TAGS.sub(" ", word).strip()
            if model.MIN_TAG_LENGTH <= len(name) <= model.MAX_TAG_LENGTH:
                names.add(name)
    return sorted(names)


# --- terms ---------------------------------------------------------------------------------------


def slugs_of(g: Graph, ref: Node) -> Entry:
    """Return the terms by own concept, else by the EU's if that stands for one term only."""
    found = {}
    for field, predicate in terms.TERMS.items():
        found[field] = own_slug(g, ref, predicate, field)
        if not found[field] and field in terms.EUROPEAN:
            stated = sorted(map(str, g.objects(ref, terms.EUROPEAN[field][0])))
            known = (terms.slug_of_european(field, address) for address in stated)
            found[field] = next(filter(None, known), None)
    return found


def own_slug(g: Graph, subject: Node, predicate: Node, vocabulary: str) -> str | None:
    """Return the slug of an own concept that the vocabulary knows."""
    stated = sorted(map(str, g.objects(subject, predicate)))
    if not stated:
        return None
    root = str(terms.scheme(vocabulary)) + "/"
    found = (address.removeprefix(root) for address in stated if address.startswith(root))
    return next((slug for slug in found if slug in vocab.terms(vocabulary)), None)


def division(g: Graph, subject: Node) -> str | None:
    """Return the GB/T 2260 code of a place."""
    return own_slug(g, subject, DCT.spatial, "division")


# --- people and bodies ---------------------------------------------------------------------------


def publisher(g: Graph, ref: Node) -> Entry:
    """Return who publishes the data.

    ``owner_org`` only if this portal itself has named the publisher: what another portal says may
    describe its department (``organization``) but never choose one of ours.
    """
    node = first(g, ref, DCT.publisher)
    if node is None:
        return {}
    root, _, name = str(node).partition("/organization/")
    own = name if name and root == catalog_uri().rstrip("/") else None
    body = {
        "id": own,
        "name": best(g, node, DCT.identifier),
        "title": best(g, node, FOAF.name) or best(g, node, SKOS.prefLabel),
        "region_code": division(g, node),
    }
    return {"owner_org": own, "organization": {field: value for field, value in body.items() if value}}


def departments(g: Graph, ref: Node) -> Entry:
    """Return who collects, approves and provides the data."""
    found = {}
    for attribution in g.objects(ref, PROV.qualifiedAttribution):
        for field, role in terms.ROLES.items():
            agent = first(g, attribution, PROV.agent)
            if agent is not None and (attribution, DCAT.hadRole, role) in g:
                found[field] = best(g, agent, FOAF.name)
    return found


def contact(g: Graph, ref: Node) -> Entry:
    """Return the contact; number and address only if they are well-formed (DC-05)."""
    card = first(g, ref, DCAT.contactPoint)
    if card is None:
        return {}
    phones = [strip_tel(value) for value in vcard_values(g, card, VCARD.hasTelephone)]
    emails = [strip_mailto(value) for value in vcard_values(g, card, VCARD.hasEmail)]
    return {
        "contact_name": best(g, card, VCARD.fn) or best(g, card, VCARD.hasFN),
        "contact_phone": next((value for value in phones if identity.PHONE.fullmatch(value)), None),
        "contact_email": next((value for value in emails if identity.EMAIL.fullmatch(value)), None),
    }


def vcard_values(g: Graph, card: Node, predicate: Node) -> list[str]:
    """Return the values of a vCard property, given directly or by a node with parameters."""
    values = []
    for value in sorted(g.objects(card, predicate), key=str):
        inner = [*g.objects(value, VCARD.value), *sorted(g.objects(value, VCARD.hasValue), key=str)]
        values += [str(each) for each in inner or [value]]
    return values


def strip_tel(address: str) -> str:
    """Return the number of a ``tel:`` address (RFC 3966), as it is dialled within China."""
    if not address.lower().startswith("tel:"):
        return address
    number, _, parameters = address[len("tel:") :].partition(";")
    extension = re.search(r"(?:^|;)ext=(\d+)", parameters)
    if found := re.fullmatch(r"\+86-?(\d{2,3})-(\d{7,8})", number):
        number = f"0{found[1]}-{found[2]}"
    return number + (f"-{extension[1]}" if extension else "")


def strip_mailto(address: str) -> str:
    """Return the address of a ``mailto:`` address."""
    if not address.lower().startswith("mailto:"):
        return address
    return unquote(address[len("mailto:") :].partition("?")[0])


# --- rights and structure ------------------------------------------------------------------------


def conditions(g: Graph, ref: Node, open_class: str | None) -> str | None:
    """Return the conditions of opening.

    Others state all sorts of rights; they are conditions only where access is restricted.
    """
    nodes = sorted(g.objects(ref, DCT.rights), key=str)
    if open_class != openness.CONDITIONAL:
        nodes = [node for node in nodes if node == terms.part(ref, "conditions")]
    labels = [str(node) if isinstance(node, Literal) else best(g, node, RDFS.label) for node in nodes]
    return next(filter(None, labels), None)


def licence(g: Graph, ref: Node) -> str | None:
    """Return a licence of the portal's register, by address, else by its code or title.

    DCAT-AP 3 puts the licence on the distributions; that of the dataset itself comes first.
    """
    register = model.Package.get_license_register().values()
    for subject in (ref, *distributions(g, ref)):
        for node in sorted(g.objects(subject, DCT.license), key=str):
            stated = {str(o) for name in LICENCE_NAMES for o in g.objects(node, name)}
            by_address = [known.id for known in register if str(licence_iri(known)) == str(node)]
            by_name = [known.id for known in register if {known.id, known.title} & stated]
            if by_address or by_name:
                return (by_address or by_name)[0]
    return None


def data_items(g: Graph, ref: Node) -> list[Entry]:
    """Return the columns of the CSVW schema that the data conform to."""
    for schema in sorted(g.objects(ref, DCT.conformsTo), key=str):
        head = first(g, schema, CSVW.column)
        if head is not None:
            return named([data_item(g, node) for node in members(g, head)])
    return []


def data_item(g: Graph, node: Node) -> Entry:
    """Return one column."""
    return {
        "name": best(g, node, CSVW.name) or "",
        "label": best(g, node, CSVW.title),
        "type": terms.DATATYPES_READ.get(first(g, node, CSVW.datatype) or node),
        "description": best(g, node, DCT.description),
        "searchable": flag(g, node, NMG.searchable),
    }


def named(items: list[Entry]) -> list[Entry]:
    """Return the items with names that the schema accepts: no blanks, not too long, none twice."""
    taken: set[str] = set()
    for number, item in enumerate(items, start=1):
        stated = item["name"] or item["label"] or ""
        name = NOT_IN_ITEM_NAMES.sub("_", stated.strip())[:LONGEST_ITEM_NAME] or f"column_{number}"
        if name in taken:
            name = f"{name[: LONGEST_ITEM_NAME - 8]}_{number}"
        item["name"] = name
        taken.add(name)
    return [{key: value for key, value in item.items() if value not in (None, "")} for item in items]


# --- distributions -------------------------------------------------------------------------------


def distributions(g: Graph, ref: Node) -> list[Node]:
    """Return the distributions in the order of the entry, as far as it is told."""
    return sorted(g.objects(ref, DCAT.distribution), key=lambda node: (position(g, node), str(node)))


def position(g: Graph, node: Node) -> int:
    """Return the place of a distribution in its entry; last if it is not told."""
    stated = said(g, node, NMG.position)
    return int(stated) if re.fullmatch(r"\d{1,9}", stated) else LARGEST


def resource(g: Graph, node: Node) -> Entry:
    """Return a distribution as a resource; it always has a ``url``, as CKAN's views expect."""
    found = {
        **texts(g, node, terms.RESOURCE_TEXTS),
        **file_format(g, node),
        "size": size(g, node),
        "hash": checksum(g, node),
    }
    return {
        "url": address(g, node) or "",
        **{field: value for field, value in found.items() if value not in (None, "")},
    }


def address(g: Graph, node: Node) -> str | None:
    """Return the web address of the bytes; a page that describes the distribution is none."""
    for predicate in (DCAT.downloadURL, DCAT.accessURL):
        for stated in sorted(map(str, g.objects(node, predicate))):
            if stated != str(node) and WEB.fullmatch(stated):
                return stated
    return None


def file_format(g: Graph, node: Node) -> Entry:
    """Return format and media type; the one follows from the other only where others have written."""
    media = unquote(terms.media_type(said(g, node, DCAT.mediaType)))
    own, kind = best(g, node, NMG["format"]), first(g, node, DCT["format"])
    stated = own or (format_name(g, kind) if kind is not None else None)
    if not stated and (node, NMG.position, None) not in g:
        stated = format_of_media(media)
    return {"format": stated, "mimetype": media if "/" in media else None}


def format_name(g: Graph, kind: Node) -> str | None:
    """Return the name of a format given as EU file type, media type, labelled node or string."""
    known = european_format(str(kind)) or format_of_media(terms.media_type(str(kind)))
    label = str(kind) if isinstance(kind, Literal) else best(g, kind, RDFS.label)
    return known or label


@lru_cache(maxsize=1024)
def european_format(iri: str) -> str | None:
    """Return the name of an EU file type, ours if we have one."""
    for known in vocab.terms("media_format").values():
        if known.get("eu_file_type_uri") == iri:
            return known["zh"]
    root = f"{terms.EU}file-type/"
    return iri.removeprefix(root) if iri.startswith(root) else None


@lru_cache(maxsize=1024)
def format_of_media(media: str) -> str | None:
    """Return the format that a media type stands for."""
    known = vocab.terms("media_format").values()
    return next((term["zh"] for term in known if term.get("media_type") == media), None)


def size(g: Graph, node: Node) -> int | None:
    """Return the size in bytes."""
    stated = said(g, node, DCAT.byteSize).partition(".")[0]
    return int(stated) if re.fullmatch(r"\d{1,18}", stated) else None


def checksum(g: Graph, node: Node) -> str | None:
    """Return the digest."""
    stated = best(g, node, NMG["hash"])
    for sealed in sorted(g.objects(node, SPDX.checksum), key=str):
        stated = stated or best(g, sealed, SPDX.checksumValue)
    return stated
