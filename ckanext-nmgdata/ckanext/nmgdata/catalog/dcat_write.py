"""A catalogue entry as DCAT-AP 3 triples (mapping: ``dcat_terms``).

Only fields of the schema are written, never the free keys that CKAN lets a resource carry, and the
address of a file is always the gate's own: the true link has no way into a graph.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from datetime import date
from itertools import count
from typing import Any
from urllib.parse import quote

from ckan import model
from rdflib import BNode, Graph, URIRef
from rdflib.term import Node

from .. import config, vocab
from ..kernel import orgs
from ..kernel.gate import origins, stops
from ..kernel.openness import opens_to_all
from . import dcat_names
from . import dcat_terms as terms
from . import state as opening_state
from .dcat_stream import Target
from .dcat_terms import (
    CSVW,
    DCAT,
    DCT,
    FOAF,
    NMG,
    PROV,
    RDF,
    RDFS,
    SPDX,
    VCARD,
    XSD,
    YES_OR_NO,
    code,
    part,
    sure,
    text,
    typed,
    whole_iri,
)  # fmt: skip

warnings.filterwarnings("ignore", "Assertions on .* other than RDF.first", UserWarning)
"""rdflib says so of every list that it writes as RDF/XML, in other words each time."""

Entry = dict[str, Any]
MOBILE = re.compile(r"(?:\+?86[- ]?)?(1[3-9]\d{9})")
LANDLINE = re.compile(r"(?:\+?86[- ]?)?0(\d{2,3})[- ]?(\d{7,8})(?:[-转](\d{1,6}))?")
CELLS = count()
"""Numbers of the cells of lists, which have no names."""


def dataset(g: Target, entry: Entry, ref: URIRef) -> None:
    """Write an entry as ``package_show`` gives it."""
    g.add((ref, RDF.type, DCAT.Dataset))
    opening_state.opening(g, ref, entry)
    if stops.is_withdrawn(entry):
        tombstone(g, ref, entry)
        return
    for field, predicate in terms.TEXTS.items():
        if entry.get(field):
            g.add((ref, predicate, text(entry[field])))
    for field, predicate in terms.CODES.items():
        if entry.get(field):
            g.add((ref, predicate, code(entry[field])))
    for tag in entry.get("tags") or []:
        g.add((ref, DCAT.keyword, text(tag["name"])))
    for field in terms.TERMS:
        term(g, ref, field, entry.get(field))
    dates(g, ref, entry)
    flags(g, ref, entry)
    place(g, ref, entry.get("region_code"))
    publisher(g, ref, entry)
    departments(g, ref, entry)
    contact(g, ref, entry)
    columns(g, ref, entry.get("data_items") or [])
    landing_page(g, ref, entry)
    terms_of_use = rights(g, ref, entry)
    for position, resource in enumerate(entry.get("resources") or []):
        node = distribution(g, ref, entry, resource, position)
        for predicate, value in terms_of_use:
            g.add((node, predicate, value))


def tombstone(g: Target, ref: URIRef, entry: Entry) -> None:
    """Write what stays public of a withdrawn entry; the rest went with the data."""
    g.add((ref, DCT.title, text(entry.get("title") or entry.get("name"))))
    g.add((ref, DCT.description, text(vocab.term("open_state", entry["open_state"])["zh"])))
    if entry.get("identifier"):
        g.add((ref, DCT.identifier, code(entry["identifier"])))
    publisher(g, ref, entry)
    landing_page(g, ref, entry)


def bind(g: Graph) -> None:
    """Give a graph the usual prefixes, once."""
    if g.store.namespace("nmg") is None:
        for prefix, namespace in terms.PREFIXES.items():
            g.bind(prefix, namespace)


def state(g: Target, facts: tuple[tuple[Node, Node, Node], ...]) -> Node | None:
    """Say once per graph what a shared thing is; return its name."""
    if not facts:
        return None
    if facts[0] not in g:
        for fact in facts:
            g.add(fact)
    return facts[0][0]


# --- single fields -------------------------------------------------------------------------------


def term(g: Target, ref: URIRef, field: str, slug: str | None) -> None:
    """Write a vocabulary's term: the own concept, and the EU's where there is one."""
    if not slug:
        return
    own = state(g, terms.concept(field, slug))
    if own is not None:
        g.add((ref, terms.TERMS[field], own))
    if field in terms.EUROPEAN:
        equivalent = state(g, terms.european(field, slug))
        if equivalent is not None:
            g.add((ref, terms.EUROPEAN[field][0], equivalent))


def dates(g: Target, ref: URIRef, entry: Entry) -> None:
    """Write the dates of the data; those of the record are CKAN's own affair."""
    for field, predicate in terms.DATES.items():
        try:
            day = date.fromisoformat(str(entry.get(field) or ""))
        except ValueError:
            continue
        g.add((ref, predicate, typed(day.isoformat(), XSD.date)))


def flags(g: Target, ref: URIRef, entry: Entry) -> None:
    """Write the flags that were answered; no is an answer too."""
    for field, predicate in terms.FLAGS.items():
        if isinstance(entry.get(field), bool):
            g.add((ref, predicate, YES_OR_NO[entry[field]]))
    if entry.get("private") is True:
        g.add((ref, NMG.private, YES_OR_NO[True]))


def place(g: Target, ref: Node, division: str | None) -> None:
    """Write the division of GB/T 2260 that the data, or a body, belong to."""
    node = state(g, terms.concept("division", division or ""))
    if node is not None:
        g.add((ref, DCT.spatial, node))


def landing_page(g: Target, ref: URIRef, entry: Entry) -> None:
    """Write the address of the entry's page for people."""
    if entry.get("name"):
        page = sure(f"{config.site_root()}/dataset/{quote(entry['name'])}")
        g.add((ref, DCAT.landingPage, page))
        g.add((page, RDF.type, FOAF.Document))


# --- people and bodies ---------------------------------------------------------------------------


def publisher(g: Target, ref: URIRef, entry: Entry) -> None:
    """Write the department that publishes the data: name, title, division."""
    org: Entry = entry.get("organization") or {"id": entry.get("owner_org")}
    if not org.get("id"):
        return
    node = sure(dcat_names.organisation(org["id"]))
    g.add((ref, DCT.publisher, node))
    if (node, RDF.type, FOAF.Agent) in g:
        return
    g.add((node, RDF.type, FOAF.Agent))
    if org.get("title") or org.get("name"):
        g.add((node, FOAF.name, text(org.get("title") or org["name"])))
    if org.get("name"):
        g.add((node, DCT.identifier, code(org["name"])))
    home = org if "region_code" in org else orgs.extras_of(org["id"])
    place(g, node, home.get("region_code"))


def departments(g: Target, ref: URIRef, entry: Entry) -> None:
    """Write who collects, approves and provides the data (Art. 10 ¶4)."""
    for field, role in terms.ROLES.items():
        if not entry.get(field):
            continue
        attribution, agent = part(ref, field), part(ref, f"{field}_agent")
        g.add((ref, PROV.qualifiedAttribution, attribution))
        g.add((attribution, RDF.type, PROV.Attribution))
        g.add((attribution, DCAT.hadRole, role))
        g.add((attribution, PROV.agent, agent))
        g.add((agent, RDF.type, FOAF.Agent))
        g.add((agent, FOAF.name, text(entry[field])))


def contact(g: Target, ref: URIRef, entry: Entry) -> None:
    """Write the contact as a vCard; the telephone number also as people write it."""
    name, phone, email = (entry.get(f"contact_{field}") for field in ("name", "phone", "email"))
    if not (name or phone or email):
        return
    card = part(ref, "contact")
    g.add((ref, DCAT.contactPoint, card))
    g.add((card, RDF.type, VCARD.Kind))
    if name:
        g.add((card, VCARD.fn, text(name)))
    if email:
        g.add((card, VCARD.hasEmail, sure("mailto:" + quote(email, safe="@!$'*+=._~-"))))
    if phone:
        telephone = part(ref, "telephone")
        g.add((card, VCARD.hasTelephone, telephone))
        g.add((telephone, RDF.type, VCARD.Voice))
        g.add((telephone, VCARD.hasValue, sure(tel(phone))))
        g.add((telephone, VCARD.value, code(phone)))


def tel(phone: str) -> str:
    """Return a number as a ``tel:`` address (RFC 3966): global if it can be, else local to China."""
    phone = unicodedata.normalize("NFKC", phone)
    if found := MOBILE.fullmatch(phone):
        return f"tel:+86{found[1]}"
    if found := LANDLINE.fullmatch(phone):
        return f"tel:+86-{found[1]}-{found[2]}" + (f";ext={found[3]}" if found[3] else "")
    return f"tel:{re.sub('[^0-9-]', '', phone)};phone-context=+86"


# --- rights and structure ------------------------------------------------------------------------


def rights(g: Target, ref: URIRef, entry: Entry) -> list[tuple[Node, Node]]:
    """Write licence and conditions of opening; return them for the distributions to repeat.

    DCAT-AP 3 looks for both at the distribution; at the dataset they outlive its files.
    """
    found: list[tuple[Node, Node]] = []
    licence_node = licence(g, entry.get("license_id"))
    if licence_node is not None:
        found.append((DCT.license, licence_node))
    if entry.get("open_condition"):
        conditions = part(ref, "conditions")
        found.append((DCT.rights, conditions))
        g.add((conditions, RDF.type, DCT.RightsStatement))
        g.add((conditions, RDFS.label, text(entry["open_condition"])))
    for predicate, value in found:
        g.add((ref, predicate, value))
    return found


def licence(g: Target, license_id: str | None) -> URIRef | None:
    """Write a licence of the portal's register; its name is its own address if it has one."""
    found = model.Package.get_license_register().get(license_id) if license_id else None
    if found is None:
        return None
    node = licence_iri(found)
    g.add((node, RDF.type, DCT.LicenseDocument))
    g.add((node, DCT.title, text(found.title)))
    g.add((node, DCT.identifier, code(found.id)))
    return node


def licence_iri(found: Any) -> URIRef:
    """Return the IRI of a licence of the register."""
    return sure(whole_iri(found.url)) if getattr(found, "url", "") else terms.iri("license", quote(found.id))


def columns(g: Target, ref: URIRef, items: list[dict[str, Any]]) -> None:
    """Write the data items in their order as a CSVW schema that the data conform to."""
    if not items:
        return
    schema = part(ref, "columns")
    nodes: list[Node] = []
    for number, item in enumerate(items, start=1):
        node = part(ref, f"column-{number}")
        nodes.append(node)
        g.add((node, RDF.type, CSVW.Column))
        if item.get("name"):
            g.add((node, CSVW.name, code(item["name"])))
        if item.get("label"):
            g.add((node, CSVW.title, text(item["label"])))
        if item.get("type") in terms.DATATYPES:
            g.add((node, CSVW.datatype, terms.DATATYPES[item["type"]]))
        if item.get("description"):
            g.add((node, DCT.description, text(item["description"])))
        if isinstance(item.get("searchable"), bool):
            g.add((node, NMG.searchable, YES_OR_NO[item["searchable"]]))
    g.add((ref, DCT.conformsTo, schema))
    g.add((schema, RDF.type, DCT.Standard))
    g.add((schema, RDF.type, CSVW.Schema))
    g.add((schema, CSVW.column, listed(g, nodes)))


def listed(g: Target, members: list[Node]) -> Node:
    """Write an RDF list; return its first cell."""
    cells: list[Node] = [BNode(f"cell{next(CELLS)}") for _ in members]
    for cell, member, rest in zip(cells, members, [*cells[1:], RDF.nil], strict=True):
        g.add((cell, RDF.first, member))
        g.add((cell, RDF.rest, rest))
    return cells[0]


# --- distributions -------------------------------------------------------------------------------


def distribution(g: Target, ref: URIRef, entry: Entry, resource: Entry, position: int) -> URIRef:
    """Write a file or interface of an entry.

    What has no file yet, or is stopped, is reached at its page (DCAT-AP wants one accessURL of each).
    """
    node = distribution_iri(ref, entry, resource, position)
    g.add((ref, DCAT.distribution, node))
    g.add((node, RDF.type, DCAT.Distribution))
    g.add((node, NMG.position, typed(str(position), XSD.integer)))
    for field, predicate in terms.RESOURCE_TEXTS.items():
        if resource.get(field):
            g.add((node, predicate, text(resource[field])))
    opening_state.opening(g, node, resource)
    address = None if stops.is_stopped(resource) else gate_address(entry, resource)
    g.add((node, DCAT.accessURL, address or node))
    g.add((address or node, RDF.type, RDFS.Resource))
    if address and stands_open(entry, resource):
        g.add((node, DCAT.downloadURL, address))
    file_format(g, node, resource)
    size(g, node, resource.get("size"))
    checksum(g, node, resource.get("hash"))
    return node


def distribution_iri(ref: URIRef, entry: Entry, resource: Entry, position: int) -> URIRef:
    """Return the stable name of a distribution: ``/dataset/{id}/resource/{rid}``."""
    dataset_id = resource.get("package_id") or entry.get("id")
    if not (dataset_id and resource.get("id")):
        return part(ref, f"distribution-{position}")
    return sure(dcat_names.resource(dataset_id, resource["id"]))


def stands_open(entry: Entry, resource: Entry) -> bool:
    """Say whether a file's address answers everybody with its bytes (R-OPEN-01)."""
    return opens_to_all(entry) and not stops.is_stopped(entry) and not stops.is_stopped(resource)


def open_address(entry: Entry, resource: Entry) -> str | None:
    """Return the address of a file's bytes where it answers everybody with them."""
    address = gate_address(entry, resource) if stands_open(entry, resource) else None
    return None if address is None else str(address)


def gate_address(entry: Entry, resource: Entry) -> URIRef | None:
    """Return the gate's address of a file; whatever else stands in ``url`` is never written."""
    url, resource_id = resource.get("url") or "", resource.get("id") or ""
    if not url or not resource_id:
        return None
    if not origins.is_own_address(url, resource_id):
        url = origins.address(resource.get("package_id") or entry.get("id") or "", resource_id)
    return sure(whole_iri(url))


def file_format(g: Target, node: URIRef, resource: Entry) -> None:
    """Write the format by the EU's file types, and as stated where the EU has no such type."""
    for predicate, value, kind in terms.formats(resource.get("format") or "", resource.get("mimetype") or ""):
        g.add((node, predicate, value))
        if kind is not None:
            g.add((value, RDF.type, kind))


def size(g: Target, node: URIRef, value: Any) -> None:
    """Write the size in bytes (DCAT-AP 3: xsd:nonNegativeInteger)."""
    if str(value).isdecimal():
        g.add((node, DCAT.byteSize, typed(str(int(value)), XSD.nonNegativeInteger)))


def checksum(g: Target, node: URIRef, value: Any) -> None:
    """Write the digest; SPDX needs the algorithm, so what is no plain digest stays a string."""
    digest = str(value or "")
    algorithm = terms.CHECKSUMS.get(len(digest)) if re.fullmatch("[0-9a-f]+", digest) else None
    if algorithm:
        sealed, kind = part(node, "checksum"), SPDX[f"checksumAlgorithm_{algorithm}"]
        g.add((node, SPDX.checksum, sealed))
        g.add((sealed, RDF.type, SPDX.Checksum))
        g.add((sealed, SPDX.checksumValue, typed(digest, XSD.hexBinary)))
        g.add((sealed, SPDX.algorithm, kind))
        g.add((kind, RDF.type, SPDX.ChecksumAlgorithm))
    elif digest:
        g.add((node, NMG["hash"], code(digest)))
