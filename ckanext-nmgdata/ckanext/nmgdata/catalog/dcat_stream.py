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
from typing import Any, Protocol, TypeGuard

from rdflib import BNode, Literal
from rdflib.term import Node

from ..kernel import quickjson
from . import dcat_terms as terms
from .dcat_terms import RDF

Fact = tuple[Node, Node, Node]
Said = dict[Node, dict[Node, list[Node]]]
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
        properties = self.said.get(subject)
        if properties is None:
            self.said[subject] = {predicate: [value]}
            return
        values = properties.get(predicate)
        if values is None:
            properties[predicate] = [value]
        elif value not in values:  # there are few; to hash a literal is dearer than to compare some
            values.append(value)

    def append(self, triple: Fact, /) -> None:
        """Take a statement that is new: ``add`` compares it with all of its subject and property."""
        subject, predicate, value = triple
        self.said.setdefault(subject, {}).setdefault(predicate, []).append(value)

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
TYPE = "rdf:type"


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


def is_literal(node: Node) -> TypeGuard[Literal]:
    """Say whether a value is a literal; rdflib's classes are abstract, and to ask them is dear."""
    return node.__class__ in (terms.Text, Literal)


def address(node: Node) -> str:
    """Return an IRI, whole as the profile makes them, or a blank node as N-Triples and Turtle have it."""
    return f"_:{node}" if node.__class__ is BNode else f"<{node}>"


class Written(dict[int, str]):
    """How the nodes of one piece stand in a file, by identity: most are said again and again.

    Asked for as ``known.get(id(node)) or known.make(node)``: a call less for most of a million nodes. The
    piece holds them all, so that none gives its identity to another meanwhile.
    """

    def __init__(self, write: Callable[[Node], str]) -> None:
        """Begin with none, each to be written by this."""
        super().__init__()
        self.write = write

    def make(self, node: Node) -> str:
        """Return how a node is written, and keep it."""
        found = self[id(node)] = self.write(node)
        return found


# --- N-Triples and Turtle ------------------------------------------------------------------------


def quoted(value: Literal) -> str:
    """Return the text of a literal between quotation marks, on one line."""
    return f'"{terms.on_one_line(value)}"'


def plain(value: Node) -> str:
    """Return a value as N-Triples have it."""
    if not is_literal(value):
        return address(value)
    if value.language:
        return f"{quoted(value)}@{value.language}"
    return f"{quoted(value)}^^<{value.datatype}>" if value.datatype else quoted(value)


def n_triples(said: Said) -> str:
    """Return a line for each statement."""
    known, lines = Written(plain), []
    get, make = known.get, known.make
    for subject, properties in said.items():
        name = get(id(subject)) or make(subject)
        for predicate, values in properties.items():
            begin = f"{name} <{predicate}> "
            lines += [f"{begin}{get(id(value)) or make(value)} .\n" for value in values]
    return "".join(lines)


def brief(value: Node) -> str:
    """Return a value as Turtle has it; of datatypes the prefix."""
    if is_literal(value) and value.datatype:
        return f"{quoted(value)}^^{short(value.datatype)}"
    return plain(value)


NEXT = " ;\n    "


def turtle(said: Said) -> str:
    """Return a paragraph for each subject; of classes the prefix."""
    known, paragraphs = Written(brief), []
    get, make = known.get, known.make
    for subject, properties in said.items():
        lines: list[str] = []
        for predicate, values in properties.items():
            name = short(predicate)
            if name == TYPE:
                words = [short(value) for value in values]
            else:
                words = [get(id(value)) or make(value) for value in values]
            lines.append(f"{name} {', '.join(words)}")
        paragraphs.append(f"{get(id(subject)) or make(subject)} {NEXT.join(lines)} .\n")
    return "".join(paragraphs)


# --- RDF/XML -------------------------------------------------------------------------------------


def escaped(value: str) -> str:
    """Return a text between tags; a reader of XML takes a carriage return for a plain end of line."""
    said = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return said.replace("\r", "&#13;")


def named(kind: str, node: Node) -> str:
    """Return the attribute that names an IRI, or a blank node; no IRI has quotation marks or brackets."""
    if node.__class__ is BNode:
        return f'rdf:nodeID="{node}"'
    return f'{kind}="{str(node).replace("&", "&amp;")}"'


def content(value: Node) -> str:
    """Return what stands behind the name of a property: an attribute to the end, or a text to its closing."""
    if not is_literal(value):
        return f" {named('rdf:resource', value)}/>"
    mark = ""
    if value.language:
        mark = f' xml:lang="{value.language}"'
    elif value.datatype:
        mark = f' rdf:datatype="{value.datatype}"'
    return f"{mark}>{escaped(value)}</"


def rdf_xml(said: Said) -> str:
    """Return an element for each subject."""
    known, found = Written(content), []
    get, make = known.get, known.make
    for subject, properties in said.items():
        found.append(f"<rdf:Description {named('rdf:about', subject)}>\n")
        for predicate, values in properties.items():
            tag = short(predicate)
            for value in values:
                inner = get(id(value)) or make(value)
                found.append(f"  <{tag}{inner}\n" if inner[-1] == ">" else f"  <{tag}{inner}{tag}>\n")
        found.append("</rdf:Description>\n")
    return "".join(found)


# --- JSON-LD -------------------------------------------------------------------------------------


def member(value: Node) -> str:
    """Return a value as JSON-LD has it; no IRI and no blank node has anything to escape."""
    if not is_literal(value):
        return f'{{"@id":"_:{value}"}}' if value.__class__ is BNode else f'{{"@id":"{value}"}}'
    said = f'{{"@value":{quickjson.text(value)}'
    if value.language:
        return f'{said},"@language":"{value.language}"}}'
    return f'{said},"@type":"{short(value.datatype)}"}}' if value.datatype else f"{said}}}"


def json_ld(said: Said) -> str:
    """Return an object on a line of its own for each subject."""
    known, objects = Written(member), []
    get, make = known.get, known.make
    for subject, properties in said.items():
        members = [(get(id(subject)) or make(subject))[:-1]]
        for predicate, values in properties.items():
            name = short(predicate)
            if name == TYPE:
                members.append('"@type":["{}"]'.format('","'.join([short(value) for value in values])))
            else:
                members.append(f'"{name}":[{",".join([get(id(value)) or make(value) for value in values])}]')
        objects.append(",".join(members) + "}")
    return ",\n".join(objects)


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
