"""Questions to a graph that nobody here has written: one answer, the same at every run, no error."""

from __future__ import annotations

from collections.abc import Iterator

from rdflib import RDF, Graph, Literal
from rdflib.term import Node


def best(g: Graph, subject: Node, predicate: Node) -> str | None:
    """Return a text in Chinese, else in no language, else English, else the first of any other."""
    found = [o for o in g.objects(subject, predicate) if isinstance(o, Literal)]
    return str(min(found, key=preference)) if found else None


def preference(literal: Literal) -> tuple[int, str]:
    """Return the rank of a literal's language; equals are ranked by text, so that no run differs."""
    language = (literal.language or "").lower()
    if language in ("zh-hans", "zh-hans-cn", "zh-cn", "zh"):
        return 0, str(literal)
    ranks = (("zh", 1), ("", 2), ("en", 3))
    main = language.partition("-")[0]
    return next((rank for known, rank in ranks if main == known), 4), str(literal)


def first(g: Graph, subject: Node, predicate: Node) -> Node | None:
    """Return one object, the same at every run."""
    return min(g.objects(subject, predicate), key=str, default=None)


def said(g: Graph, subject: Node, predicate: Node) -> str:
    """Return one object as a string, empty if there is none (rdflib's ``false`` and 0 are falsy)."""
    node = first(g, subject, predicate)
    return "" if node is None else str(node)


def flag(g: Graph, ref: Node, predicate: Node) -> bool | None:
    """Return yes, no, or that nothing is said."""
    stated = said(g, ref, predicate).lower()
    return {"true": True, "1": True, "false": False, "0": False}.get(stated)


def members(g: Graph, head: Node) -> Iterator[Node]:
    """Walk over an RDF list; one that bites its own tail or breaks off ends there."""
    seen: set[Node] = set()
    node: Node | None = head
    while node is not None and node not in seen and node != RDF.nil:
        seen.add(node)
        member = first(g, node, RDF.first)
        if member is not None:
            yield member
        node = first(g, node, RDF.rest)
