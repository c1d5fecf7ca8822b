"""The profile's statements without a graph: for files of the whole catalogue, which know no end.

rdflib keeps three indexes of every statement and asks all of them again to write it; a file that only grows
needs none. ``Statements`` takes what the profile says in the way a graph does, so that no rule stands twice,
and ``FORMS`` write a handful of entries at a time: a test holds them to rdflib, statement by statement.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol
from xml.sax.saxutils import escape, quoteattr

from rdflib import BNode, Literal
from rdflib.term import Node

from . import dcat_terms as terms
from .dcat_terms import RDF

Fact = tuple[Node, Node, Node]
Said = dict[Node, dict[Node, dict[Node, None]]]
"""Subject → property → values, in the order in which they were said."""


class Target(Protocol):
    """What the profile writes to: rdflib's graph, or ``Statements``."""

    def add(self, triple: Fact, /) -> Any:
        """Take a statement; said again it is still one."""

    def __contains__(self, triple: Any, /) -> bool:
        """Say whether a statement is there already."""
        ...


class Statements:
    """Statements in their order, each once; those of a subject together."""

    def __init__(self) -> None:
        """Begin with none."""
        self.said: Said = {}

    def add(self, triple: Fact, /) -> None:
        """Take a statement."""
        subject, predicate, value = triple
        self.said.setdefault(subject, {}).setdefault(predicate, {})[value] = None

    def __contains__(self, triple: Any, /) -> bool:
        """Say whether a statement is there already."""
        subject, predicate, value = triple
        return value in self.said.get(subject, {}).get(predicate, ())


# --- names ---------------------------------------------------------------------------------------

SPACES = {
    **{prefix: str(space) for prefix, space in terms.PREFIXES.items()},
    "rdf": str(RDF), "rdfs": str(terms.RDFS), "xsd": str(terms.XSD),
    "adms": str(terms.ADMS), "gsp": str(terms.GSP),
}  # fmt: skip
"""Prefixes of the files. Properties of the profile are all of these: a test."""


@lru_cache(maxsize=1024)
def short(node: Node) -> str:
    """Return a property, class or datatype by its prefix.

    :raises KeyError: for one of no known namespace
    """
    name = str(node)
    for prefix, space in SPACES.items():
        local = name.removeprefix(space)
        if local != name and local.isidentifier():
            return f"{prefix}:{local}"
    raise KeyError(name)


def address(node: Node) -> str:
    """Return an IRI or a blank node as N-Triples and Turtle have it."""
    return f"_:{node}" if isinstance(node, BNode) else f"<{terms.whole_iri(str(node))}>"


# --- N-Triples and Turtle ------------------------------------------------------------------------


def quoted(value: Literal) -> str:
    """Return the text of a literal between quotation marks, on one line."""
    return f'"{str.translate(value, terms.ESCAPES)}"'


def plain(value: Node) -> str:
    """Return a value as N-Triples have it."""
    if not isinstance(value, Literal):
        return address(value)
    if value.language:
        return f"{quoted(value)}@{value.language}"
    return f"{quoted(value)}^^<{value.datatype}>" if value.datatype else quoted(value)


def n_triples(said: Said) -> str:
    """Return a line for each statement."""
    lines: list[str] = []
    for subject, properties in said.items():
        name = address(subject)
        for predicate, values in properties.items():
            begin = f"{name} <{predicate}> "
            lines += [f"{begin}{plain(value)} .\n" for value in values]
    return "".join(lines)


def brief(value: Node, *, kind: bool) -> str:
    """Return a value as Turtle has it; of classes and datatypes the prefix."""
    if kind:
        return short(value)
    if isinstance(value, Literal) and value.datatype:
        return f"{quoted(value)}^^{short(value.datatype)}"
    return plain(value)


NEXT = " ;\n    "


def turtle(said: Said) -> str:
    """Return a paragraph for each subject."""
    paragraphs: list[str] = []
    for subject, properties in said.items():
        lines = [
            f"{short(predicate)} {', '.join([brief(v, kind=predicate == RDF.type) for v in values])}"
            for predicate, values in properties.items()
        ]
        paragraphs.append(f"{address(subject)} {NEXT.join(lines)} .\n")
    return "".join(paragraphs)


# --- RDF/XML -------------------------------------------------------------------------------------

LINES = {"\r": "&#13;"}
"""What a reader of XML would take for a plain end of line."""


def element(name: str, value: Node) -> str:
    """Return a statement as RDF/XML."""
    if isinstance(value, BNode):
        return f'  <{name} rdf:nodeID="{value}"/>\n'
    if not isinstance(value, Literal):
        return f"  <{name} rdf:resource={quoteattr(terms.whole_iri(str(value)))}/>\n"
    mark = ""
    if value.language:
        mark = f' xml:lang="{value.language}"'
    elif value.datatype:
        mark = f' rdf:datatype="{value.datatype}"'
    return f"  <{name}{mark}>{escape(str(value), LINES)}</{name}>\n"


def rdf_xml(said: Said) -> str:
    """Return an element for each subject."""
    found: list[str] = []
    for subject, properties in said.items():
        blank = isinstance(subject, BNode)
        name = f'rdf:nodeID="{subject}"' if blank else f"rdf:about={quoteattr(terms.whole_iri(str(subject)))}"
        found.append(f"<rdf:Description {name}>\n")
        for predicate, values in properties.items():
            tag = short(predicate)
            found += [element(tag, value) for value in values]
        found.append("</rdf:Description>\n")
    return "".join(found)


# --- JSON-LD -------------------------------------------------------------------------------------


def identity(node: Node) -> str:
    """Return an IRI or a blank node as JSON-LD has it."""
    return f"_:{node}" if isinstance(node, BNode) else terms.whole_iri(str(node))


def member(value: Node) -> dict[str, str]:
    """Return a value as JSON-LD has it."""
    if not isinstance(value, Literal):
        return {"@id": identity(value)}
    if value.language:
        return {"@value": str(value), "@language": value.language}
    return {"@value": str(value), **({"@type": short(value.datatype)} if value.datatype else {})}


def json_ld(said: Said) -> str:
    """Return an object on a line of its own for each subject."""
    lines: list[str] = []
    for subject, properties in said.items():
        node: dict[str, Any] = {"@id": identity(subject)}
        for predicate, values in properties.items():
            if predicate == RDF.type:
                node["@type"] = [short(value) for value in values]
            else:
                node[short(predicate)] = [member(value) for value in values]
        lines.append(json.dumps(node, ensure_ascii=False, separators=(",", ":")))
    return ",\n".join(lines)


# --- files ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """How a file is written: its beginning and end, its pieces, and what stands between two of them."""

    media_type: str
    head: str
    piece: Callable[[Said], str]
    between: str = ""
    tail: str = ""


PREFIXES = "".join(f"@prefix {prefix}: <{space}> .\n" for prefix, space in SPACES.items())
XML = "".join(f' xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())
FORMS = {
    "nt": Form("application/n-triples", "", n_triples),
    "ttl": Form("text/turtle; charset=utf-8", PREFIXES, turtle),
    "rdf": Form(
        "application/rdf+xml", f'<?xml version="1.0" encoding="UTF-8"?>\n<rdf:RDF{XML}>\n', rdf_xml,
        tail="</rdf:RDF>\n",
    ),
    "jsonld": Form(
        "application/ld+json", f'{{"@context": {json.dumps(SPACES)}, "@graph": [\n', json_ld, ",\n", "\n]}\n"
    ),
}  # fmt: skip
"""Ending of the file → how it is written; two pieces may speak of the same subject."""


def written(form: Form, pieces: Iterable[Statements]) -> Iterator[bytes]:
    """Yield a file, a part for each piece; no more than one piece is held."""
    yield form.head.encode()
    between = ""
    for piece in pieces:
        yield (between + form.piece(piece.said)).encode()
        between = form.between
    yield form.tail.encode()
