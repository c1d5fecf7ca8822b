"""A record's triples as the few questions that ``catalog.dcat_read`` asks of a graph.

An rdflib ``Graph`` takes a millisecond to fill with a record: it checks every term and indexes it three
times. Here oxigraph has checked the terms, and only questions by subject and property are asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rdflib import BNode, Literal, URIRef
from rdflib.term import Node

LINE = re.compile(
    r'^(<[^>]*>|_:\S+) <([^>]*)> (?:<([^>]*)>|(_:\S+)|"((?:[^"\\]|\\.)*)"(?:@([\w-]+)|\^\^<([^>]*)>)?) \.$',
    re.MULTILINE,
)
ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
ESCAPES = {"t": "\t", "b": " ", "n": "\n", "r": "\r", "f": " "}
LOWEST = 0x20


class Triples:
    """What is said in N-Triples as oxigraph writes them."""

    def __init__(self, triples: bytes) -> None:
        self.said: dict[str, dict[str, list[Node]]] = {}
        self.thing: Node | None = None
        self.of_thing: dict[str, list[Node]] = {}
        last, group = "", dict[str, list[Node]]()
        for subject, predicate, iri, blank, text, language, datatype in LINE.findall(triples.decode()):
            if subject != last:
                name = subject[1:-1] if subject[0] == "<" else subject[2:]
                last, group = subject, self.said.setdefault(name, {})
            value: Node
            if iri:
                value = str.__new__(URIRef, iri)
            elif blank:
                value = str.__new__(BNode, blank[2:])
            else:
                value = literal(text, language, datatype)
            if predicate in group:
                group[predicate].append(value)
            else:
                group[predicate] = [value]

    def objects(self, subject: Node, predicate: Node) -> Sequence[Node]:
        """Return what is said of a thing by a property; mostly the next question is about the same thing."""
        if subject is not self.thing:
            self.thing, self.of_thing = subject, self.said.get(str(subject), {})
        return self.of_thing.get(str(predicate), ())

    def __contains__(self, triple: tuple[Any, Any, Any]) -> bool:
        """Say whether something is said; None stands for anything, as the object only."""
        subject, predicate, value = triple
        found = self.said.get(str(subject), {}).get(str(predicate), ())
        return bool(found) if value is None else value in found


def literal(text: str, language: str, datatype: str) -> Literal:
    """Return a literal by what it looks like: rdflib would compute its value, which nobody asks for."""
    made = str.__new__(Literal, unescaped(text) if "\\" in text else text)
    made._language = language or None
    made._datatype = str.__new__(URIRef, datatype) if datatype else None
    made._value = made._ill_typed = None
    return made


def unescaped(text: str) -> str:
    """Return a text without escapes; control characters, which no database wants, become blanks."""
    return ESCAPE.sub(lambda found: character(found[1]), text)


def character(code: str) -> str:
    """Return what an escape stands for."""
    if code[0] not in "uU":
        return ESCAPES.get(code, code)
    number = int(code[1:], 16)
    return chr(number) if LOWEST <= number < 0x110000 and not 0xD800 <= number < 0xE000 else " "


def node(subject: str) -> Node:
    """Return the name of a record's subject."""
    return BNode(subject[2:]) if subject.startswith("_:") else str.__new__(URIRef, subject)
