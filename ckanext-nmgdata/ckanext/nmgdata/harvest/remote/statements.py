"""RDF text as N-Triples: in the fast lane if it is right, else sentence by sentence.

Turtle and N-Triples go on after a sentence that is wrong; what that sentence speaks of is tainted, for
something of it is missing. RDF/XML and JSON-LD do not go on. Addresses with blanks and the like, of which
the wild is full, are written as browsers would send them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urljoin
from xml.parsers.expat import ExpatError, ParserCreate

import pyoxigraph as ox

from .errors import Code, RemoteError
from .formats import Format

FORMATS = {
    Format.RDF_XML: ox.RdfFormat.RDF_XML,
    Format.TURTLE: ox.RdfFormat.TURTLE,
    Format.N_TRIPLES: ox.RdfFormat.N_TRIPLES,
    Format.JSON_LD: ox.RdfFormat.JSON_LD,
}
BY_SENTENCE = (Format.TURTLE, Format.N_TRIPLES)
NOT_IRI = re.compile(r'[\x00-\x20<>"{}|\\^`]')
DECLARATION = re.compile(r"^\ufeff?\s*<\?xml[^>]*\?>")
FIRST_TERM = re.compile(r"(?:<([^<>\s]*)>|([\w.-]*):([\w.%-]*))(?=\s|$)")
NO_CALLBACK = "LoadDocumentCallback"
MOST_FAULTS = 100
LONGEST_SENTENCE = 2000
Tainted = dict[bytes, int]


def triples(text: str, form: Format, base: str) -> tuple[bytes, Tainted]:
    """Return a text's N-Triples, and the things of which something is missing, with the line.

    :raises RemoteError: it is not written in this form, or breaks off
    """
    if form is Format.RDF_XML:
        text = DECLARATION.sub(lambda found: "\n" * found[0].count("\n"), text, count=1)
    data = text.encode("utf-8", "replace")
    if form is not Format.JSON_LD:
        try:
            return serialized(ox.parse(data, format=FORMATS[form], base_iri=base)), {}
        except (SyntaxError, ValueError):
            pass
    try:
        return carefully(data, text, form, base)
    except (SyntaxError, ValueError) as error:
        line = line_of(data) if form is Format.RDF_XML else None
        where = f"line {line}: " if line else ""
        raise RemoteError(code_of(error), f"{where}{error}") from error


def line_of(data: bytes) -> int | None:
    """Return the line where XML is not well-formed; None if it is, for oxigraph tells no lines of XML."""
    try:
        ParserCreate().Parse(data, True)
    except ExpatError as error:
        return error.lineno
    return None


def serialized(statements: Any) -> bytes:
    """Return triples as N-Triples."""
    return ox.serialize(statements, format=ox.RdfFormat.N_TRIPLES) or b""


def carefully(data: bytes, text: str, form: Format, base: str) -> tuple[bytes, Tainted]:
    """Return triples with their addresses mended, over what can not be read.

    :raises SyntaxError: it can not be gone on
    :raises RemoteError: what can not be read is too much, the paging, or the end
    """
    parser = ox.parse(data, format=FORMATS[form], base_iri=base, lenient=True)
    faults: list[SyntaxError] = []
    quads = forgiving(parser, faults) if form in BY_SENTENCE else parser
    found = serialized(mended(quad) for quad in quads)
    lines = text.split("\n")
    tainted: Tainted = {}
    for fault in faults:
        thing = subject_of(sentence(lines, fault), parser.prefixes, base)
        tainted.setdefault(thing, fault.lineno or 0)
    return found, tainted


def forgiving(parser: ox.QuadParser, faults: list[SyntaxError]) -> Iterator[ox.Quad]:
    """Yield what can be read, and note the rest.

    :raises RemoteError: there is too much of the rest, or the text breaks off
    """
    while True:
        try:
            yield next(parser)
        except StopIteration:
            return
        except SyntaxError as error:
            if "unexpected end" in str(error).lower():
                raise RemoteError(Code.TRUNCATED, str(error)) from error
            faults.append(error)
            if len(faults) > MOST_FAULTS:
                raise RemoteError(Code.SYNTAX, f"more than {MOST_FAULTS} errors: {error}") from error


def sentence(lines: list[str], fault: SyntaxError) -> str:
    """Return the sentence that a fault lies in, from its beginning to the faulty line.

    :raises RemoteError: it is about paging; without it nobody knows what follows
    """
    end = max(0, (fault.lineno or 1) - 1)
    begin = end
    while begin and end - begin < LONGEST_SENTENCE and not lines[begin - 1].rstrip().endswith("."):
        begin -= 1
    found = "\n".join(lines[begin : end + 1]).strip()
    if "hydra" in found.lower():
        raise RemoteError(Code.SYNTAX, str(fault))
    return found


def subject_of(words: str, prefixes: dict[str, str], base: str) -> bytes:
    """Return what a sentence speaks of, as N-Triples name it; the first words if that can not be told."""
    found = FIRST_TERM.match(words)
    if found and found[1] is not None:
        return f"<{urljoin(base, found[1])}>".encode()
    if found and found[2] in prefixes:
        return f"<{prefixes[found[2]]}{found[3]}>".encode()
    return words[:80].encode()


def mended(quad: ox.Quad) -> ox.Triple:
    """Return a triple whose addresses are addresses; the graph it was said in does not matter."""
    subject, predicate, value = quad.subject, quad.predicate, quad.object
    if isinstance(subject, ox.NamedNode) and NOT_IRI.search(subject.value):
        subject = address(subject)
    if NOT_IRI.search(predicate.value):
        predicate = address(predicate)
    if isinstance(value, ox.NamedNode) and NOT_IRI.search(value.value):
        value = address(value)
    elif isinstance(value, ox.Literal) and NOT_IRI.search(value.datatype.value):
        value = ox.Literal(value.value)
    return ox.Triple(subject, predicate, value)


def address(node: ox.NamedNode) -> ox.NamedNode:
    """Return an address with what may not stand in one written as percent signs."""
    return ox.NamedNode(NOT_IRI.sub(lambda found: quote(found[0]), node.value))


def code_of(error: Exception) -> Code:
    """Return what is wrong with a text."""
    said = str(error)
    if NO_CALLBACK in said:
        return Code.REMOTE_CONTEXT
    ends = ("end of file", "end of input", "not closed", "unclosed")
    return Code.TRUNCATED if any(end in said.lower() for end in ends) else Code.SYNTAX
