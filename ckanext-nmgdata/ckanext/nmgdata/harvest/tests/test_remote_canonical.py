"""One description, one digest: whatever its order, form and labels; and another as soon as anything differs."""

from __future__ import annotations

import pyoxigraph as ox
import pytest
from ckanext.nmgdata.harvest.remote import canonical, reading
from ckanext.nmgdata.harvest.remote.errors import Fault
from hypothesis import assume, given, settings
from hypothesis import strategies as st

ORDER = reading.Order("https://a.example.org/", "", "auto", 2**18, 2**20, 5000)
ROOT = ox.NamedNode("https://a.example.org/1")
TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
DATASET = ox.NamedNode("http://www.w3.org/ns/dcat#Dataset")
PREDICATES = [ox.NamedNode(f"https://a.example.org/p{number}") for number in range(3)]
NAMED = [ox.NamedNode(f"https://a.example.org/thing/{number}") for number in range(3)]
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=4)
LITERALS = st.one_of(
    st.builds(ox.Literal, WORDS),
    st.builds(lambda text, tag: ox.Literal(text, language=tag), WORDS, st.sampled_from(["zh", "en"])),
    st.builds(lambda text: ox.Literal(text, datatype=ox.NamedNode("https://a.example.org/t")), WORDS),
    st.sampled_from([ox.Literal("_:x"), ox.Literal('<https://a> ."'), ox.Literal(" .\n_:b0 <p> _:b1 .")]),
)


@st.composite
def graphs(draw, shapes=("tree", "any")):
    """Draw a dataset's description: a tree of blank and named nodes, or any tangle of them."""
    size = draw(st.integers(0, 5))
    blanks = [ox.BlankNode(f"n{number}") for number in range(size)]
    nodes = [ROOT, *blanks]
    found = {ox.Triple(ROOT, TYPE, DATASET)}
    if draw(st.sampled_from(shapes)) == "tree":
        for number, node in enumerate(blanks):
            found.add(ox.Triple(nodes[draw(st.integers(0, number))], draw(st.sampled_from(PREDICATES)), node))
    else:
        ends = st.tuples(
            st.sampled_from(nodes), st.sampled_from(PREDICATES), st.sampled_from([*blanks, *NAMED])
        )
        found |= {ox.Triple(*each) for each in draw(st.lists(ends, max_size=8))}
    values = st.tuples(st.sampled_from([*nodes, *NAMED]), st.sampled_from(PREDICATES), LITERALS)
    found |= {ox.Triple(*each) for each in draw(st.lists(values, max_size=8))}
    found |= {
        ox.Triple(ROOT, PREDICATES[0], node) for node in draw(st.lists(st.sampled_from(NAMED), max_size=2))
    }
    return frozenset(found)


def digest(triples, form=ox.RdfFormat.N_TRIPLES):
    """Return the digest of the one record of a page; None where its blank nodes are refused."""
    body = ox.serialize(triples, format=form)
    found = reading.catalogue(body, ORDER)
    if found.refused:
        assert found.refused[0][1] == Fault.TANGLED
        return None
    ((_identifier, _subject, made, _triples),) = found.records
    return made


def relabelled(triples, labels):
    """Return triples with other labels."""
    names = {}

    def renamed(term):
        if isinstance(term, ox.BlankNode):
            return names.setdefault(term.value, ox.BlankNode(f"{labels}{len(names)}"))
        return term

    return [ox.Triple(renamed(t.subject), t.predicate, renamed(t.object)) for t in triples]


@settings(max_examples=60)
@given(graphs(), st.randoms(use_true_random=False), st.sampled_from(["x", "z9"]))
def test_order_form_and_labels_do_not_matter(triples, chance, labels):
    first = digest(sorted(triples, key=str))
    shuffled = sorted(triples, key=str)
    chance.shuffle(shuffled)
    shuffled = relabelled(shuffled, labels)
    for form in (ox.RdfFormat.N_TRIPLES, ox.RdfFormat.TURTLE, ox.RdfFormat.JSON_LD):
        quads = [ox.Quad(t.subject, t.predicate, t.object) for t in shuffled]
        assert digest(shuffled if form != ox.RdfFormat.JSON_LD else quads, form) == first


def reachable(triples):
    """Return the triples that belong to the root."""
    seen, found = {ROOT}, set()
    while True:
        new = {t for t in triples if t.subject in seen} - found
        if not new:
            return found
        found |= new
        seen |= {t.object for t in new}


def isomorphic(one, other):
    """Say whether two descriptions are one, by oxigraph's own judgement."""
    sets = []
    for triples in (one, other):
        made = ox.Dataset(ox.Quad(t.subject, t.predicate, t.object) for t in triples)
        made.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
        sets.append({str(quad) for quad in made})
    return sets[0] == sets[1]


@settings(max_examples=100)
@given(graphs(), graphs())
def test_two_descriptions_have_one_digest_only_if_they_are_one(one, other):
    first, second = digest(one), digest(other)
    assume(first and second)
    assert (first == second) == isomorphic(reachable(one), reachable(other))


@settings(max_examples=60)
@given(graphs(), st.data())
def test_whatever_is_taken_away_is_noticed(triples, data):
    part = sorted(reachable(triples) - {ox.Triple(ROOT, TYPE, DATASET)}, key=str)
    assume(part)
    less = set(triples) - {data.draw(st.sampled_from(part))}
    before, after = digest(triples), digest(less)
    assume(before and after)
    assert before != after


def test_twins_are_two():
    """Two files that say the same are not one file."""
    twin = ox.Triple(ROOT, TYPE, DATASET)
    nodes = [ox.BlankNode("a"), ox.BlankNode("b")]
    said = [ox.Triple(node, PREDICATES[1], ox.Literal("csv")) for node in nodes]
    held = [ox.Triple(ROOT, PREDICATES[0], node) for node in nodes]
    assert digest([twin, *said, *held]) != digest([twin, said[0], held[0]])


def test_lists_of_many_columns():
    """A schema's columns are a chain of blank nodes, as deep as it is long."""
    columns = " ".join(f'[ <https://a.example.org/name> "列{number}" ]' for number in range(800))
    body = f"<{ROOT.value}> a <{DATASET.value}> ; <https://a.example.org/p> ( {columns} ) ."
    found = reading.catalogue(body.encode(), ORDER)
    assert len(found.records) == 1
    assert found.records[0][3].count(b"rdf-syntax-ns#rest") == 800


class TestWhatBelongsToARecord:
    def lines(self, turtle):
        """Return what is said of each thing in the record of dataset 1."""
        prefixes = "@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> . @prefix : <https://a.example.org/> .\n"
        found = reading.catalogue((prefixes + turtle).encode(), ORDER)
        return next(record[3].decode() for record in found.records if record[1].endswith("/1"))

    def test_other_datasets_and_catalogues_do_not(self):
        said = self.lines(
            ':1 a dcat:Dataset ; dct:isPartOf :2 ; dct:relation :c . :2 a dcat:Dataset ; dct:title "two" .'
            ' :c a dcat:Catalog ; dct:title "all" .'
        )
        assert "two" not in said
        assert "all" not in said

    def test_what_hangs_on_it_does(self):
        said = self.lines(
            ':1 a dcat:Dataset ; dcat:distribution :f ; dct:publisher :o . :f dct:license [ dct:title "free" ] .'
            ' :o dct:spatial :s . :s dct:title "place" .'
        )
        assert "free" in said
        assert "place" in said

    @pytest.mark.parametrize("others", ["", ", :2, :3"])
    def test_a_service_s_list_of_datasets_does_not(self, others):
        said = self.lines(
            f":1 a dcat:Dataset ; dcat:distribution [ dcat:accessService :s ] ."
            f' :s a dcat:DataService ; dct:title "api" ; dcat:servesDataset :1{others} .'
        )
        assert "api" in said
        assert "servesDataset" not in said


def test_lines_are_read_as_they_are_written():
    """What looks like a blank node inside a text is none."""
    for text in (
        '"_:b0" .',
        '"a _:b0"@en .',
        '"<https://a>" .',
        '"x"^^<https://a.example.org/t> .',
        '"> ."@zh .',
    ):
        assert canonical.reference(b"<s> <p> " + text.encode()) is None
    assert canonical.reference(b"<s> <p> _:b0 .") == b"_:b0"
    assert canonical.reference(b"<s> <p> <https://a> .") == b"<https://a>"
