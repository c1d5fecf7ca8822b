"""``data.json`` (DCAT-US 1.1 and 3.0, Project Open Data) as triples.

Each dataset becomes a blank node, never its identifier's IRI: two entries of one identifier must stay two.
Values that are not what the schema says are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pyoxigraph as ox

from .errors import Fault

DCAT, DCT = "http://www.w3.org/ns/dcat#", "http://purl.org/dc/terms/"
FOAF, VCARD = "http://xmlns.com/foaf/0.1/", "http://www.w3.org/2006/vcard/ns#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
FREQUENCY = "http://publications.europa.eu/resource/authority/frequency/"
INTERVALS = {
    "R/P10Y": "DECENNIAL", "R/P4Y": "QUADRENNIAL", "R/P3Y": "TRIENNIAL", "R/P2Y": "BIENNIAL",
    "R/P1Y": "ANNUAL", "R/P6M": "ANNUAL_2", "R/P0.5Y": "ANNUAL_2", "R/P4M": "ANNUAL_3", "R/P3M": "QUARTERLY",
    "R/P0.25Y": "QUARTERLY", "R/P2M": "BIMONTHLY", "R/P1M": "MONTHLY", "R/P0.5M": "MONTHLY_2",
    "R/P2W": "BIWEEKLY", "R/P1W": "WEEKLY", "R/P3.5D": "WEEKLY_2", "R/P1D": "DAILY", "R/PT1H": "HOURLY",
    "R/PT1S": "UPDATE_CONT", "irregular": "IRREG",
}  # fmt: skip
"""ISO 8601 repeating intervals as the EU's frequencies."""
TEXTS = {
    "title": DCT + "title", "description": DCT + "description", "identifier": DCT + "identifier",
    "issued": DCT + "issued", "modified": DCT + "modified", "accessLevel": DCT + "accessRights",
    "rights": DCT + "rights", "language": DCT + "language", "keyword": DCAT + "keyword",
    "theme": DCAT + "theme", "spatial": DCT + "spatial", "temporal": DCT + "temporal",
}  # fmt: skip
LINKS = {"landingPage": DCAT + "landingPage", "license": DCT + "license", "conformsTo": DCT + "conformsTo"}
FILE_TEXTS = {
    "title": DCT + "title", "description": DCT + "description", "format": DCT + "format",
    "mediaType": DCAT + "mediaType", "byteSize": DCAT + "byteSize",
}  # fmt: skip
FILE_LINKS = {
    "downloadURL": DCAT + "downloadURL",
    "accessURL": DCAT + "accessURL",
    "license": DCT + "license",
}
IRI = re.compile(r"https?://[^\s<>\"{}|\\^`]+", re.IGNORECASE)
DEEPEST = 8
Triples = Iterator[ox.Triple]


def datasets(document: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the datasets of a catalogue and of what lies in it, each with its place."""
    if not isinstance(document, dict) or depth > DEEPEST:
        return
    for name in ("dataset", "seriesMember", "servesDataset"):
        for number, found in enumerate(listed(document.get(name))):
            yield f"{path}{name}[{number}]", found
    for name in ("catalog", "datasetSeries", "service"):
        for number, inner in enumerate(listed(document.get(name))):
            yield from datasets(inner, f"{path}{name}[{number}].", depth + 1)


def triples(document: Any, faults: list[tuple[str, str, str]]) -> Triples:
    """Yield the triples of all datasets.

    :param faults: takes place, code and detail of what is no dataset
    """
    yield ox.Triple(ox.BlankNode(), TYPE, ox.NamedNode(DCAT + "Catalog"))
    for place, found in datasets(document):
        if isinstance(found, dict):
            yield from dataset(found)
        else:
            faults.append((place, Fault.NOT_AN_OBJECT, f"a {type(found).__name__} where a dataset should be"))


def dataset(said: dict[str, Any]) -> Triples:
    """Yield the triples of one dataset."""
    node = ox.BlankNode()
    yield ox.Triple(node, TYPE, ox.NamedNode(DCAT + "Dataset"))
    yield from values(node, said, TEXTS, LINKS)
    interval = said.get("accrualPeriodicity")
    if isinstance(interval, str) and interval in INTERVALS:
        frequency = ox.NamedNode(FREQUENCY + INTERVALS[interval])
        yield ox.Triple(node, ox.NamedNode(DCT + "accrualPeriodicity"), frequency)
    for publisher in objects(said.get("publisher")):
        names = {"name": FOAF + "name", "prefLabel": SKOS + "prefLabel"}
        yield from inner(node, DCT + "publisher", FOAF + "Organization", publisher, names, {})
    for contact in objects(said.get("contactPoint")):
        known = {"fn": VCARD + "fn", "hasEmail": VCARD + "hasEmail", "tel": VCARD + "hasTelephone"}
        yield from inner(node, DCAT + "contactPoint", VCARD + "Kind", contact, known, {})
    for file in objects(said.get("distribution")):
        yield from inner(node, DCAT + "distribution", DCAT + "Distribution", file, FILE_TEXTS, FILE_LINKS)


def inner(
    node: ox.BlankNode,
    predicate: str,
    kind: str,
    said: dict[str, Any],
    texts: dict[str, str],
    links: dict[str, str],
) -> Triples:
    """Yield the triples of a thing within a dataset."""
    part = ox.BlankNode()
    yield ox.Triple(node, ox.NamedNode(predicate), part)
    yield ox.Triple(part, TYPE, ox.NamedNode(kind))
    yield from values(part, said, texts, links)


def values(node: ox.BlankNode, said: dict[str, Any], texts: dict[str, str], links: dict[str, str]) -> Triples:
    """Yield what a thing says by its plain fields; an address that is none stays a string."""
    for field, predicate in {**texts, **links}.items():
        for value in scalars(said.get(field)):
            is_link = field in links and IRI.fullmatch(value)
            yield ox.Triple(
                node, ox.NamedNode(predicate), ox.NamedNode(value) if is_link else ox.Literal(value)
            )


def scalars(value: Any) -> Iterator[str]:
    """Yield what is text or number, one or several; of a concept or standard its name."""
    for each in listed(value):
        named = isinstance(each, dict) and (each.get("prefLabel") or each.get("title") or each.get("@id"))
        said = named if isinstance(each, dict) else each
        if isinstance(said, str | int | float) and not isinstance(said, bool) and said != "":
            yield str(said).encode("utf-8", "replace").decode()


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects among one or several values."""
    return (each for each in listed(value) if isinstance(each, dict))


def listed(value: Any) -> list[Any]:
    """Return one or several values as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
