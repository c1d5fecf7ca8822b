"""How formats for programs say a stop (R28¶3): no address of bytes, a status, since when, the case's number.

A suspended file stays a distribution, reached at its page only. A withdrawn dataset stays a tombstone:
who it was, that it is withdrawn, and nothing to fetch.
"""

from __future__ import annotations

from typing import Any

from rdflib import URIRef

from .. import vocab
from ..kernel.gate import answers, stops
from . import dcat_terms as terms
from .dcat_stream import Target
from .dcat_terms import ADMS, NMG, RDF, SKOS, XSD, Text, code, typed

VOCABULARY = "open_state"


def opening(g: Target, node: URIRef, thing: dict[str, Any]) -> None:
    """Write the stop of a marked dataset or file; of what nothing stops there is nothing to say."""
    if not stops.is_stopped(thing):
        return
    state = thing["open_state"]
    for fact in terms.concept(VOCABULARY, state):
        g.add(fact)
    g.add((node, NMG.openState, terms.iri(VOCABULARY, state)))
    g.add((node, ADMS.status, status(g, state)))
    if thing.get("open_state_since"):
        g.add((node, NMG.stoppedSince, typed(thing["open_state_since"], XSD.dateTime)))
    if thing.get("open_state_case"):
        g.add((node, NMG.caseNumber, code(thing["open_state_case"])))
        if reason := answers.why(thing["open_state_case"]):
            g.add((node, NMG.stopReason, terms.text(reason)))


def status(g: Target, state: str) -> URIRef:
    """Return the value of adms:status: the EU's where it has one, as DCAT-AP 3 asks, else our own."""
    term = vocab.term(VOCABULARY, state)
    address = term.get("distribution_status_uri")
    if not address:
        return terms.iri(VOCABULARY, state)
    node = URIRef(address)
    g.add((node, RDF.type, SKOS.Concept))
    g.add((node, SKOS.prefLabel, Text(term["en"], lang="en")))
    return node


def sentence(thing: dict[str, Any]) -> str:
    """Return state and case of a stopped thing in one line, empty when nothing stops it."""
    if not stops.is_stopped(thing):
        return ""
    return f"{vocab.label(VOCABULARY, thing['open_state'])} {thing.get('open_state_case') or ''}".strip()
