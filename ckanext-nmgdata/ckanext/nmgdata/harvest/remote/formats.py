"""Forms of catalogues: which one a page has, by what it says and not by what its server says."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from .errors import Code, RemoteError


class Format(StrEnum):
    """In which form a source publishes its catalogue."""

    AUTO = "auto"
    """By the answer's media type, else by its first bytes."""
    RDF_XML = "rdf"
    TURTLE = "ttl"
    JSON_LD = "jsonld"
    N_TRIPLES = "nt"
    DATA_JSON = "data_json"
    """``data.json`` (DCAT-US, Project Open Data)."""


XML = re.compile(
    r"\s*(?:<\?xml\b|<!--|<!DOCTYPE\b|</?[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?[\s/>])", re.IGNORECASE
)
HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,2000}?-->\s*)*(?:<!DOCTYPE\s+html|<html)\b", re.IGNORECASE | re.DOTALL
)
DECLARATION = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)\b", re.IGNORECASE)
CSW = re.compile(r"<(?:[\w.-]+:)?GetRecord(?:s|ById)Response\b|http://www\.opengis\.net/cat/csw/")
ISO_19139 = re.compile(r"<(?:[\w.-]+:)?MD_Metadata\b")
ROOT = re.compile(
    r"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*<([\w.:-]+)(?:[^>\"']|\"[^\"]*\"|'[^']*')*?(/?)>", re.DOTALL
)
FIRST = 5000
LISTS = ("dataset", "catalog", "service", "datasetSeries")
"""What a data.json may list datasets in."""


def of_text(text: str, stated: Format) -> Format:
    """Return the form of a page.

    :param stated: as the source is configured
    :raises RemoteError: it is a page for people, a metadata service's answer, or XML with a DOCTYPE
    """
    if XML.match(text):
        refuse_other_xml(text)
        refuse_open_end(text)
        return Format.RDF_XML
    if stated is not Format.AUTO:
        return stated
    return Format.JSON_LD if text.lstrip()[:1] in ("{", "[") else Format.TURTLE


def refuse_other_xml(text: str) -> None:
    """Refuse XML that is not RDF, or that could be a bomb: no parser here has a limit for entities.

    A DOCTYPE is refused wherever it stands, in a comment too: where it may stand is for a parser to say.

    :raises RemoteError: it is refused
    """
    if HTML.match(text):
        raise RemoteError(Code.HTML, "a page for people")
    if DECLARATION.search(text):
        raise RemoteError(Code.DOCTYPE, "a document type or entities are declared")
    if CSW.search(text, 0, FIRST):
        code = Code.ISO_19139 if ISO_19139.search(text) else Code.CSW
        raise RemoteError(code, "an answer of a catalogue service for the web")
    if ISO_19139.search(text, 0, FIRST):
        raise RemoteError(Code.ISO_19139, "metadata by ISO 19139")


def is_data_json(document: Any) -> bool:
    """Say whether JSON is a data.json: lists of datasets, and no context of its own to read them by."""
    if not isinstance(document, dict) or isinstance(document.get("@context"), dict | list):
        return False
    return "@graph" not in document and any(isinstance(document.get(name), list) for name in LISTS)


def refuse_open_end(text: str) -> None:
    """Refuse XML whose first element is not closed: oxigraph would take it for whole.

    :raises RemoteError: it is not
    """
    root = ROOT.match(text)
    if root is None or root[2]:
        return
    rest = text[text.rfind("</") :]
    if not re.match(rf"</{re.escape(root[1])}\s*>\s*(?:<!--.*-->\s*)*\Z", rest, re.DOTALL):
        raise RemoteError(Code.TRUNCATED, f"{root[1]} is not closed")
