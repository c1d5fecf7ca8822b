"""The catalogue as a stream says just what rdflib's graph says, of any entry, and holds little of it at a time."""

from __future__ import annotations

import itertools

import pyoxigraph
import pytest
from ckan.plugins import toolkit as tk
from ckanext.dcat.utils import (
    catalog_uri,
    dataset_uri,
    publisher_uri_organization_fallback,
    resource_uri,
)
from ckanext.nmgdata.catalog import dcat_names, dcat_stream, dcat_terms, dcat_write, whole
from ckanext.nmgdata.catalog.tests.test_dcat import maximal
from ckanext.nmgdata.catalog.tests.test_dcat_dict import ORG, demo, entries
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rdflib import DCAT, RDF, Graph, URIRef
from rdflib.compare import isomorphic

PARSERS = {"nt": "nt", "ttl": "turtle", "rdf": "xml", "jsonld": "json-ld"}
STRICT = {
    "nt": pyoxigraph.RdfFormat.N_TRIPLES,
    "ttl": pyoxigraph.RdfFormat.TURTLE,
    "rdf": pyoxigraph.RdfFormat.RDF_XML,
    "jsonld": pyoxigraph.RdfFormat.JSON_LD,
}
FORMS = list(dcat_stream.FORMS)
HARD = [
    "'\"", '"""', '\\"', "\\", "\r\n", "\r", "\n", "\t", "\x00\x1f\x7f\x85\u2028", "<![CDATA[]]>&amp;",
    "@zh-Hans", '"@en', "^^<x>", "_:a", "ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ\u180e\u202f", "气象\ufffe", "e\u0301", "\U00020000", "{}", " ",
]  # fmt: skip
"""Texts on which writers of RDF have stumbled."""
TEXT = st.lists(st.one_of(st.sampled_from(HARD), st.text(st.characters(exclude_categories=["Cs"])))).map(
    "".join
)
STOPPED = {
    "open_state": "suspended",
    "open_state_since": "2026-11-23T02:00:00+00:00",
    "open_state_case": "YY-20261123-00001-1",
}


@pytest.fixture(autouse=True)
def nmg_alone(monkeypatch):
    """Configure the portal with this profile alone."""
    monkeypatch.setitem(tk.config, "ckanext.dcat.rdf.profiles", "nmg")


def as_graph(some):
    """Return what the profile says of entries, as rdflib holds and writes it."""
    g = Graph()
    for entry in some:
        dcat_write.dataset(g, entry, URIRef(dataset_uri(entry)))
    return Graph().parse(data=g.serialize(format="nt"), format="nt")


def streamed(some, form, together=2):
    """Return the file of entries."""
    pieces = []
    for count, entry in enumerate(some):
        if count % together == 0:
            pieces.append(dcat_stream.Statements())
        dcat_write.dataset(pieces[-1], entry, URIRef(dataset_uri(entry)))
    return b"".join(dcat_stream.written(dcat_stream.FORMS[form], pieces))


def assert_same(some, form):
    """Hold the file of entries to the graph; another, strict reader must take it too."""
    body = streamed(some, form)
    found = Graph().parse(data=body, format=PARSERS[form])
    assert isomorphic(found, as_graph(some))
    assert len(set(pyoxigraph.parse(body, format=STRICT[form]))) == len(found)


@pytest.mark.parametrize("form", FORMS)
def test_any_entries(form):
    hard = {"id": "1", "title": "".join(HARD), "notes": "\r\n".join(HARD), "resources": []}

    @settings(max_examples=60)
    @example([hard], "\\")
    @given(st.lists(entries(), min_size=1, max_size=3, unique_by=lambda one: one["id"]), TEXT)
    def check(some, text):
        one_org = {"organization": some[0].get("organization")}  # a department has one title at a time
        some = [{**one, **one_org} for one in some]
        some = [*some, {**some[0], **STOPPED, "notes": text, "open_condition": text}]
        some[-1]["data_items"] = [{"name": "a", "label": text, "description": text}, {"name": "b"}]
        assert_same(some, form)

    check()


@pytest.mark.parametrize("form", FORMS)
def test_every_field_and_every_state(form):
    some = [
        {**maximal(ORG, open_class), "id": f"{open_class}-{number}", "name": "a", "resources": [], **stop}
        for open_class in ("unconditional", "conditional")
        for number, stop in enumerate([{}, STOPPED, {**STOPPED, "open_state": "withdrawn"}])
    ]
    assert_same(some, form)


@pytest.mark.parametrize("form", FORMS)
def test_an_address_that_is_none_spoils_nothing(form, monkeypatch):
    licence = type("Licence", (), {"id": "odd", "title": "怪", "url": 'https://x.example.org/a b"<c>'})()
    monkeypatch.setattr(dcat_write.model.Package, "get_license_register", lambda: {"odd": licence})
    assert_same([{"id": "1", "title": "一", "license_id": "odd", "resources": []}], form)


def test_the_whole_demo():
    some = list(demo())
    found = set(pyoxigraph.parse(streamed(some, "nt", whole.TOGETHER), format=STRICT["nt"]))
    assert len(found) == len(as_graph(some))
    for form in ("ttl", "rdf", "jsonld"):
        other = set(pyoxigraph.parse(streamed(some, form, whole.TOGETHER), format=STRICT[form]))
        assert canonical(other) == canonical(found), form


def canonical(quads):
    """Return triples as text, blank nodes all under one name."""
    return sorted(
        " ".join("_" if "_:" in str(term)[:2] else str(term) for term in q) for q in map(triple, quads)
    )


def triple(quad):
    return quad.subject, quad.predicate, quad.object


def test_it_knows_no_end_and_holds_no_more_than_a_piece(monkeypatch):
    """An endless catalogue is written as it comes: what was read is what was handed out, and one piece."""
    read, held = itertools.count(), []

    class Entry(dict):
        """An entry that says when it is forgotten."""

        def __init__(self, number):
            super().__init__(id=str(number), title=f"第{number}项", resources=[])
            held.append(number)

        def __del__(self):
            held.pop()

    monkeypatch.setattr(whole, "entries", lambda: (Entry(number) for number in read))
    monkeypatch.setattr(whole, "changed", lambda: None)
    for form in FORMS:
        written, sizes = whole.as_rdf(form), []
        next(written)
        begun = next(read)
        for _ in range(8):
            sizes.append(len(next(written)))
            assert len(held) <= 2
        assert next(read) - begun == 8 * whole.TOGETHER + 1
        assert max(sizes) < 2 * min(sizes)
        written.close()


def test_names_are_those_that_ckanext_dcat_asks_for(monkeypatch):
    for base in ("", "https://data.example.org/base/"):
        monkeypatch.setitem(tk.config, "ckanext.dcat.base_uri", base)
        assert dcat_names.root() == catalog_uri().rstrip("/")
        assert dcat_names.dataset("1") == dataset_uri({"id": "1"})
        assert dcat_names.resource("1", "2") == resource_uri({"id": "2", "package_id": "1"})
        org = {"organization": {"id": "3"}}
        assert dcat_names.organisation("3") == publisher_uri_organization_fallback(org)


def test_the_catalogue_names_its_entries(monkeypatch):
    some = [{"id": str(number), "title": "一", "resources": []} for number in range(whole.TOGETHER + 1)]
    monkeypatch.setattr(whole, "entries", lambda: iter(some))
    monkeypatch.setattr(whole, "changed", lambda: "2026-11-20T08:00:00Z")
    for form in FORMS:
        g = Graph().parse(data=b"".join(whole.as_rdf(form)), format=PARSERS[form])
        (catalogue,) = g.subjects(RDF.type, DCAT.Catalog)
        assert set(g.objects(catalogue, DCAT.dataset)) == {URIRef(dataset_uri(one)) for one in some}
        assert str(g.value(catalogue, dcat_terms.DCT.modified)).startswith("2026-11-20T08:00:00")
