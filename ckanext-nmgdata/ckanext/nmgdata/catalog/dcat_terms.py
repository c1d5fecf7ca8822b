"""Names and values of the ``nmg`` profile: which field is which RDF property, both ways.

The tables are the mapping: ``dcat_write`` and ``dcat_read`` walk over them, and a test holds them
against ``schemas/dataset.yaml``. Where DCAT-AP 3 has a property it is used; what only the law of
the autonomous region knows has a property of the small vocabulary in ``schemas/nmg.ttl``.
"""

from __future__ import annotations

import re
from functools import cache, cached_property, lru_cache
from typing import Any
from urllib.parse import quote

from rdflib import Literal, Namespace, URIRef, namespace
from rdflib.term import Node

from .. import vocab

NAMESPACE = "https://w3id.org/nmgdata/"
"""Root of all own names; the only place where it is written.

RDF names must not change when a portal moves, and the names of one portal must mean the same to
the next (a league-city's slugs are read by the region). So they hang on no portal's host, and on
none that the region might give up: w3id.org is the W3C community's redirect service for
vocabularies without a host of their own. Until the path is registered there (one pull request to
perma-id/w3id.org) the names do not resolve; what they mean stands in ``schemas/nmg.ttl``.
"""


class Names(Namespace):
    """A namespace that makes each of its names once; harvests and exports ask for them a million times."""

    def term(self, name: str) -> URIRef:
        """Return a name."""
        return full_name(str(self), name)

    def __getattr__(self, name: str) -> URIRef:
        """Make a name and keep it: next time it is an attribute like any other."""
        made = self.__dict__[name] = super().__getattr__(name)
        return made

    @cached_property
    def title(self) -> URIRef:  # type: ignore[override]
        """Return the name ``title``, which strings have a method of."""
        return self.term("title")


@cache
def full_name(namespace: str, name: str) -> URIRef:
    """Return a name of a namespace."""
    return URIRef(namespace + name)


CSVW, DCAT, FOAF, PROV, RDF, RDFS, SKOS, XSD = (
    Names(str(known))
    for known in (
        namespace.CSVW, namespace.DCAT, namespace.FOAF, namespace.PROV, namespace.RDF, namespace.RDFS,
        namespace.SKOS, namespace.XSD,
    )
)  # fmt: skip
"""rdflib's own look every name up anew, each time it is used."""
NMG = Names(f"{NAMESPACE}ns#")
CONCEPT = f"{NAMESPACE}concept/"
"""``concept/<vocabulary>/<slug>``: the terms of ``schemas/vocab`` (divisions by GB/T 2260 code)."""

DCT = Names("http://purl.org/dc/terms/")
VCARD = Names("http://www.w3.org/2006/vcard/ns#")
SPDX = Names("http://spdx.org/rdf/terms#")
GSP = Names("http://www.opengis.net/ont/geosparql#")
ADMS = Names("http://www.w3.org/ns/adms#")
EU = "http://publications.europa.eu/resource/authority/"
LANGUAGE_ZH = URIRef(f"{EU}language/ZHO")
EU_THEMES = URIRef(f"{EU}data-theme")
IANA = "https://www.iana.org/assignments/media-types/"
PREFIXES = {
    "dct": DCT, "dcat": DCAT, "foaf": FOAF, "vcard": VCARD, "skos": SKOS, "spdx": SPDX,
    "prov": PROV, "csvw": CSVW, "nmg": NMG,
}  # fmt: skip

# --- fields --------------------------------------------------------------------------------------

TEXTS = {
    "title": DCT.title,
    "notes": DCT.description,
    "open_reason": NMG.openReason,
    "open_legal_basis": NMG.openLegalBasis,
    "share_content": NMG.shareContent,
    "share_scope": NMG.shareScope,
    "share_condition": NMG.shareCondition,
    "share_reason": NMG.shareReason,
    "share_legal_basis": NMG.shareLegalBasis,
    "source_system": NMG.sourceSystem,
    "quality_notes": NMG.qualityNotes,
    "application_questions": NMG.applicationQuestions,
}
"""Free text, in Chinese as a rule."""
CODES = {"name": NMG.name, "identifier": DCT.identifier}
"""Strings of no language."""
TERMS = {
    "theme": DCAT.theme,
    "data_form": NMG.dataForm,
    "update_frequency": NMG.updateFrequency,
    "open_class": NMG.openClass,
    "data_level": NMG.dataLevel,
    "nonopen_ground": NMG.nonOpenGround,
    "share_class": NMG.shareClass,
    "provision_mode": NMG.provisionMode,
    "industry": NMG.industry,
    "base_library": NMG.baseLibrary,
    "theme_library": NMG.themeLibrary,
}
"""Fields with a vocabulary of the same name: the own concept, which carries the exact slug."""
EUROPEAN = {
    "theme": (DCAT.theme, "eu_data_theme_uri", SKOS.Concept),
    "update_frequency": (DCT.accrualPeriodicity, "eu_uri", DCT.Frequency),
    "open_class": (DCT.accessRights, "access_right_uri", DCT.RightsStatement),
}
"""The same once more by the EU authority tables that DCAT-AP 3 prescribes: property, key of the
vocabulary that holds the IRI, and the class that the SHACL shapes ask for."""
FLAGS = {
    "livelihood": NMG.livelihood,
    "obtained_by_sharing": NMG.obtainedBySharing,
    "sample": NMG.sample,
    "needs_id_number": NMG.needsIdNumber,
    "in_negative_list": NMG.inNegativeList,
}
DATES = {"issued": DCT.issued, "modified": DCT.modified}
ROLES = {
    "collecting_department": NMG.collector,
    "approving_department": NMG.approver,
    "providing_department": NMG.provider,
}
"""The three departments of Art. 10 ¶4, as qualified attributions (DCAT 3, "Qualified relations")."""
ELSEWHERE = {
    "tag_string": DCAT.keyword,
    "region_code": DCT.spatial,
    "owner_org": DCT.publisher,
    "open_condition": DCT.rights,
    "license_id": DCT.license,
    "data_items": DCT.conformsTo,
    "contact_name": DCAT.contactPoint,
    "contact_phone": DCAT.contactPoint,
    "contact_email": DCAT.contactPoint,
}
"""Fields of a shape of their own, with the property under which they are found."""
RESOURCE_TEXTS = {"name": DCT.title, "description": DCT.description}

DATATYPES: dict[str, URIRef] = {
    "string": XSD.string,
    "number": XSD.double,
    "integer": XSD.integer,
    "date": XSD.date,
    "datetime": XSD.dateTime,
    "boolean": XSD.boolean,
    "geometry": GSP.wktLiteral,
}
"""Types of data items by the names of CSVW (its ``number`` is xsd:double)."""
DATATYPES_READ: dict[Node, str] = {
    **{iri: slug for slug, iri in DATATYPES.items()},
    XSD.decimal: "number", XSD.float: "number", XSD.int: "integer", XSD.long: "integer",
    XSD.dateTimeStamp: "datetime", GSP.geoJSONLiteral: "geometry",
}  # fmt: skip
CHECKSUMS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
"""SPDX algorithm by the number of hexadecimal digits: CKAN stores the digest alone."""
EU_THEME_LABELS = {
    "AGRI": "Agriculture, fisheries, forestry and food",
    "ECON": "Economy and finance",
    "EDUC": "Education, culture and sport",
    "ENER": "Energy",
    "ENVI": "Environment",
    "GOVE": "Government and public sector",
    "HEAL": "Health",
    "JUST": "Justice, legal system and public safety",
    "REGI": "Regions and cities",
    "SOCI": "Population and society",
    "TECH": "Science and technology",
    "TRAN": "Transport",
}
"""Labels of the EU themes in use; the shapes want a label beside every skos:Concept."""

# --- values --------------------------------------------------------------------------------------

HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
NOT_IRI = re.compile(r'[\x00-\x20<>"{}|\\^`\x7f]')
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Text(Literal):
    """A literal without a datatype, that is written on one line.

    rdflib 7.6 writes text of several lines between triple quotes, and wrongly if it ends in a
    backslash and a quote: strict readers then refuse the whole catalogue for one summary's sake.
    """

    __slots__ = ()

    def __new__(cls, value: str, lang: str | None = None) -> Text:
        """Make one, without rdflib's search for what datatype a value may be of: a third of all work."""
        made = str.__new__(cls, value)
        made._language, made._datatype, made._value, made._ill_typed = lang, None, str(value), None
        return made

    def _quote_encode(self) -> str:
        return f'"{on_one_line(self)}"'


def on_one_line(value: str) -> str:
    """Return a text as it stands between quotation marks, on one line."""
    said = value.replace("\\", "\\\\").replace('"', '\\"')
    return said.replace("\n", "\\n").replace("\r", "\\r")


@lru_cache(maxsize=4096)
def typed(value: str, datatype: URIRef) -> Literal:
    """Return a literal of a datatype; dates and sizes come back again and again."""
    return Literal(value, datatype=datatype)


YES_OR_NO = {answer: Literal(answer) for answer in (True, False)}


def text(value: Any) -> Literal:
    """Return a text, tagged ``zh-Hans`` (BCP 47) if there is any Chinese in it.

    Characters that XML 1.0 forbids are left out: one of them would spoil the RDF/XML of all.
    """
    return written(str(value))


@lru_cache(maxsize=4096)
def written(value: str) -> Literal:
    """Return a text; names of departments, people, columns and tags come back again and again."""
    clean = in_xml(value)
    return Text(clean, lang="zh-Hans" if HAN.search(clean) else None)


def code(value: Any) -> Literal:
    """Return a string of no language."""
    return Text(in_xml(str(value)))


def in_xml(value: str) -> str:
    """Return a text without what XML 1.0 forbids; most have nothing of it, which is quickly seen."""
    return value if value.isprintable() else NOT_XML.sub("", value)


def iri(vocabulary: str, slug: str) -> URIRef:
    """Return the IRI of an own concept."""
    return URIRef(f"{CONCEPT}{vocabulary}/{slug}")


def whole_iri(address: str) -> str:
    """Return an address without the characters that no IRI may have: one would spoil the whole file."""
    return NOT_IRI.sub(lambda found: quote(found[0]), address)


def sure(address: str) -> URIRef:
    """Return the name that an address, whole as it is, makes; rdflib would look at it ten times over."""
    return str.__new__(URIRef, address)


@cache
def scheme(vocabulary: str) -> URIRef:
    """Return the IRI of the concept scheme that a vocabulary is."""
    return URIRef(f"{CONCEPT}{vocabulary}")


@cache
def concept(vocabulary: str, slug: str) -> tuple[tuple[Node, Node, Node], ...]:
    """Return what a graph says of an own concept; nothing if the vocabulary has no such slug."""
    term = vocab.terms(vocabulary).get(slug)
    if term is None:
        return ()
    node = iri(vocabulary, slug)
    kind = ((node, RDF.type, DCT.Location),) if vocabulary == "division" else ()
    return (
        (node, RDF.type, SKOS.Concept),
        (node, SKOS.prefLabel, Text(term["zh"], lang="zh-Hans")),
        (node, SKOS.prefLabel, Text(term["en"], lang="en")),
        (node, SKOS.notation, Text(slug)),
        *kind,
    )


@cache
def european(field: str, slug: str) -> tuple[tuple[Node, Node, Node], ...]:
    """Return what a graph says of a term's equivalent in the EU's authority tables."""
    _property, key, kind = EUROPEAN[field]
    address = vocab.terms(field).get(slug, {}).get(key)
    if not address:
        return ()
    node = URIRef(address)
    label = EU_THEME_LABELS.get(address.rpartition("/")[2]) if field == "theme" else None
    labels = ((node, SKOS.prefLabel, Text(label, lang="en")),) if label else ()
    return ((node, RDF.type, kind), *labels)


@cache
def slug_of_european(field: str, address: str) -> str | None:
    """Return the slug that an EU term stands for, if it stands for one only."""
    key = EUROPEAN[field][1]
    found = [slug for slug, term in vocab.terms(field).items() if term.get(key) == address]
    return found[0] if len(found) == 1 else None


def media_type(address: str) -> str:
    """Return a media type from its IANA address or its bare name."""
    return re.sub(r"^https?://(www\.)?iana\.org/assignments/media-types/", "", address)


@lru_cache(maxsize=512)
def formats(stated: str, mimetype: str) -> list[tuple[Node, Node, Node | None]]:
    """Return property, value and class of what there is to say of a format; there are few."""
    known, found = vocab.media_format(stated) or {}, []
    european, media = known.get("eu_file_type_uri"), mimetype or known.get("media_type") or ""
    if european:
        found.append((DCT["format"], URIRef(european), DCT.MediaTypeOrExtent))
    if stated and (stated != known.get("zh") or not european):
        found.append((NMG["format"], code(stated), None))
    if "/" in media:
        name = IANA + quote(media_type(media), safe="/+")
        found.append((DCAT.mediaType, URIRef(name), DCT.MediaType))
    return found


def part(ref: Node, name: str) -> URIRef:
    """Return the name of a part of a description.

    Parts are named, not blank: the same entry then gives the same statements at every request, so
    that a harvester sees what has not changed.
    """
    return sure(f"{ref}#{name}")
