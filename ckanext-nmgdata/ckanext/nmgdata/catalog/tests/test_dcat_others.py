"""Reading what others have written: what is sure is read, the rest left out, and nothing raises."""

from __future__ import annotations

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories, vocab
from ckanext.nmgdata.catalog import dcat_read, dcat_terms
from ckanext.nmgdata.catalog.tests.test_dcat import graph
from ckanext.nmgdata.catalog.tests.test_dcat_dict import TABLES, TEXT
from ckanext.nmgdata.kernel.gate import origins
from hypothesis import given
from hypothesis import strategies as st
from rdflib import RDF, BNode, Graph, Literal, URIRef, namespace

REF = URIRef("https://city.example.org/set/1")
PREFIXES = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix vcard: <http://www.w3.org/2006/vcard/ns#> .
@prefix csvw: <http://www.w3.org/ns/csvw#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix spdx: <http://spdx.org/rdf/terms#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . @prefix nmg: <https://w3id.org/nmgdata/ns#> .
@prefix eu: <http://publications.europa.eu/resource/authority/> .
"""


def read(statements):
    """Return an entry from the statements about it."""
    return dcat_read.dataset(graph(f"{PREFIXES} <{REF}> a dcat:Dataset {statements} ."), REF)


class TestOthers:
    def test_nothing_said_is_nothing_read(self):
        assert read("") == {"tags": [], "resources": []}

    @pytest.mark.parametrize(
        ("titles", "best"),
        [
            ('"English"@en, "中文"@zh-Hans, "繁體"@zh-Hant, "plain"', "中文"),
            ('"English"@en, "繁體"@zh-Hant, "plain"', "繁體"),
            ('"English"@en, "中文"@zh-CN, "ᠮᠣᠩᠭᠣᠯ"@mn', "中文"),
            ('"English"@en, "plain", "ᠮᠣᠩᠭᠣᠯ"@mn', "plain"),
            ('"English"@en-GB, "Deutsch"@de', "English"),
            ('"b"@fr, "a"@de', "a"),
            ('<https://example.org/title>, "只此"', "只此"),
        ],
    )
    def test_languages(self, titles, best):
        assert read(f"; dct:title {titles}")["title"] == best

    @pytest.mark.parametrize(
        ("statement", "field", "slug"),
        [
            ("dct:accessRights <http://publications.europa.eu/resource/authority/access-right/PUBLIC>", "open_class", "unconditional"),
            ("dct:accessRights <http://publications.europa.eu/resource/authority/access-right/CONFIDENTIAL>", "open_class", None),
            ("dct:accrualPeriodicity <http://publications.europa.eu/resource/authority/frequency/ANNUAL_2>", "update_frequency", "semiannual"),
            ("dct:accrualPeriodicity <http://publications.europa.eu/resource/authority/frequency/BIHOURLY>", "update_frequency", None),
            ("dct:accrualPeriodicity 'monthly'", "update_frequency", None),
            ("dcat:theme <http://publications.europa.eu/resource/authority/data-theme/TRAN>", "theme", "transport"),
            ("dcat:theme <http://publications.europa.eu/resource/authority/data-theme/ECON>", "theme", None),
            ("dcat:theme <https://w3id.org/nmgdata/concept/theme/none_such>", "theme", None),
            ("dct:spatial <https://w3id.org/nmgdata/concept/division/152500>", "region_code", "152500"),
            ("dct:spatial <https://sws.geonames.org/2035607/>", "region_code", None),
            ("nmg:livelihood 'yes'", "livelihood", None),
            ("nmg:livelihood '1'^^xsd:boolean", "livelihood", True),
            ("nmg:livelihood false", "livelihood", False),
            ("dct:issued '2020'^^xsd:gYear", "issued", None),
            ("dct:issued '2020-02-30'", "issued", None),
            ("dct:issued '2020-02-03T23:30:00+08:00'^^xsd:dateTime", "issued", "2020-02-03"),
            ("dct:identifier <https://city.example.org/set/1>", "identifier", None),
            ("dct:identifier 'x', '307001150100/000001'", "identifier", "307001150100/000001"),
            ("nmg:name '公交'", "name", None),
            ("dct:rights 'Licence Ouverte'", "open_condition", None),
            ("nmg:openClass <https://w3id.org/nmgdata/concept/open_class/conditional>; dct:rights [ rdfs:label '限科研' ]", "open_condition", "限科研"),
            ("dct:publisher []", "organization", None),
            ("dct:license <https://creativecommons.org/publicdomain/zero/1.0/deed.zh-hans>", "license_id", "cc-zero"),
            ("dct:license <https://example.org/own-licence>", "license_id", None),
            ("dct:license [ dct:title '公共数据开放许可（自由使用，注明来源）' ]", "license_id", "nmg-open-1.0"),
            ("dcat:distribution [ dct:license [ dct:identifier 'cc-by' ] ]", "license_id", "cc-by"),
        ],
    )  # fmt: skip
    def test_what_is_sure_is_read_and_the_rest_left_out(self, statement, field, slug):
        assert read(f"; {statement}").get(field) == slug

    @pytest.mark.parametrize(
        ("card", "want"),
        [
            (
                "vcard:fn '张三'; vcard:hasEmail <mailto:a@b.org>",
                {"contact_name": "张三", "contact_email": "a@b.org"},
            ),
            (
                "vcard:hasEmail 'a@b.org'; vcard:hasTelephone <tel:+86-471-1234567>",
                {"contact_email": "a@b.org", "contact_phone": "0471-1234567"},
            ),
            (
                "vcard:hasTelephone [ vcard:hasValue <tel:+86-471-1234567;ext=8> ]",
                {"contact_phone": "0471-1234567-8"},
            ),
            ("vcard:hasTelephone <tel:+8613800000000>, <tel:+49-30-1>", {"contact_phone": "+8613800000000"}),
            ("vcard:hasEmail <mailto:nobody>; vcard:hasTelephone 'ask'", {}),
            ("vcard:hasEmail <mailto:a%2Bb@c.org?subject=x>", {"contact_email": "a+b@c.org"}),
        ],
    )
    def test_contacts(self, card, want):
        found = read(f"; dcat:contactPoint [ {card} ]")
        assert {key: value for key, value in found.items() if key.startswith("contact_")} == want

    def test_keywords_become_tags_that_ckan_accepts(self):
        words = '"气象/预报"@zh, "a", "公交，站点；路"@zh-Hans, "open data", "weather"@en'
        assert read(f"; dcat:keyword {words}")["tags"] == [
            {"name": n} for n in ["open data", "公交", "气象 预报", "站点"]
        ]
        assert read('; dcat:keyword "weather"@en, "Wetter"@de')["tags"] == [
            {"name": "Wetter"},
            {"name": "weather"},
        ]

    def test_another_portal_never_chooses_our_department(self):
        foreign = read('; dct:publisher [ foaf:name "公交局"@zh ; dct:identifier "nmg-bus" ]')
        assert "owner_org" not in foreign
        assert foreign["organization"] == {"name": "nmg-bus", "title": "公交局"}
        assert read("; dct:publisher <http://test.ckan.net/organization/abc>")["owner_org"] == "abc"
        assert "owner_org" not in read("; dct:publisher <http://test.ckan.net.evil.org/organization/abc>")

    @pytest.mark.parametrize(
        ("columns", "names"),
        [
            (
                "( [ csvw:name 'a b' ] [ csvw:name 'a_b' ] [ csvw:title '名称' ] [] )",
                ["a_b", "a_b_2", "名称", "column_4"],
            ),
            ("[ rdf:first [ csvw:name 'a' ] ]", ["a"]),
            ("<urn:x> . <urn:x> rdf:first [ csvw:name 'a' ] ; rdf:rest <urn:x>", ["a"]),
            ("'no list'", []),
        ],
    )
    def test_columns(self, columns, names):
        found = read(f"; dct:conformsTo <urn:s> . <urn:s> csvw:column {columns}")
        assert [item["name"] for item in found.get("data_items", [])] == names

    @pytest.mark.parametrize(
        ("statements", "want"),
        [
            ("dcat:accessURL <https://a.org/page>; dcat:downloadURL <https://a.org/f.csv>", {"url": "https://a.org/f.csv"}),
            ("dcat:accessURL <ftp://a.org/f.csv>", {"url": ""}),
            ("dct:format eu:file-type\\/CSV", {"url": "", "format": "CSV"}),
            ("dct:format eu:file-type\\/ODS", {"url": "", "format": "ODS"}),
            ("dct:format 'text/csv'", {"url": "", "format": "CSV"}),
            ("dct:format [ rdfs:label 'Excel' ]", {"url": "", "format": "Excel"}),
            ("dcat:mediaType <https://www.iana.org/assignments/media-types/application/json>", {"url": "", "format": "JSON", "mimetype": "application/json"}),
            ("dcat:mediaType 'text/csv'", {"url": "", "format": "CSV", "mimetype": "text/csv"}),
            ("dcat:byteSize '12.0'^^xsd:decimal", {"url": "", "size": 12}),
            ("dcat:byteSize '-1', 'many'", {"url": ""}),
            ("spdx:checksum [ spdx:checksumValue 'AB' ]", {"url": "", "hash": "AB"}),
        ],
    )  # fmt: skip
    def test_distributions(self, statements, want):
        assert read(f"; dcat:distribution [ {statements} ]")["resources"] == [want]

    def test_a_foreign_description_can_be_created(self, world):
        statements = """
            ; dct:title "Weather"@en, "天气"@zh ; dct:description "逐小时"@zh ; nmg:name "X Y" ; dct:identifier "u-1"
            ; dcat:keyword "a/b,c", "雨" , "weather forecast" ; dct:issued "2020"^^xsd:gYear
            ; dcat:contactPoint [ vcard:hasTelephone "none" ; vcard:hasEmail <mailto:a@b.org> ]
            ; dcat:theme eu:data-theme\\/ECON ; dct:spatial "Hohhot" ; dct:license "free"
            ; dct:conformsTo [ csvw:column ( [ csvw:name "a b" ; csvw:datatype xsd:anyURI ] [ csvw:name "a b" ] ) ]
            ; dcat:distribution [ dct:title "f" ; dcat:accessURL <https://a.org/f.csv> ; dcat:mediaType "text/csv" ; dcat:byteSize "x" ]
        """
        found = read(statements)
        defaults = factories.entry(world.department)
        made = tk.get_action("package_create")(factories.site_context(), {**defaults, **found})
        assert (made["title"], made["contact_email"]) == ("天气", "a@b.org")
        assert [item["name"] for item in made["data_items"]] == ["a_b", "a_b_2"]
        assert {tag["name"] for tag in made["tags"]} == {"a b", "weather forecast"}
        assert origins.true_link(made["resources"][0]["id"]) == "https://a.org/f.csv"


PREDICATES = sorted(
    {
        predicate
        for table in (*TABLES, dcat_terms.RESOURCE_TEXTS)
        for predicate in table.values()
    }
    | {
        RDF.first, RDF.rest, RDF.type, namespace.DCAT.distribution, namespace.DCAT.accessURL, namespace.DCAT.downloadURL, namespace.DCAT.byteSize, namespace.DCAT.mediaType,
        namespace.CSVW.column, namespace.CSVW.name, namespace.CSVW.title, namespace.CSVW.datatype, dcat_terms.NMG.position, dcat_terms.VCARD.hasEmail,
        dcat_terms.VCARD.hasTelephone, dcat_terms.VCARD.hasValue, dcat_terms.SPDX.checksum, namespace.DCAT.hadRole,
    }
)  # fmt: skip
NODES = st.one_of(
    st.sampled_from(
        [REF, BNode("a"), BNode("b"), RDF.nil, URIRef("urn:x"), URIRef(""), dcat_terms.iri("theme", "x")]
    ),
    st.builds(Literal, TEXT),
    st.sampled_from(
        [Literal(True), Literal("x", datatype=URIRef("urn:t")), Literal("②", lang="zh"), Literal("٣")]
    ),
)
SUBJECTS = st.sampled_from([REF, BNode("a"), BNode("b"), URIRef("urn:x")])


@given(st.lists(st.tuples(SUBJECTS, st.sampled_from(PREDICATES), NODES), max_size=25))
def test_reading_never_raises(triples):
    found = Graph()
    for triple in triples:
        found.add(triple)
    entry = dcat_read.dataset(found, REF)
    for name in set(dcat_terms.TERMS) & entry.keys():
        assert entry[name] in vocab.terms(name)
    assert all(isinstance(entry[name], bool) for name in set(dcat_terms.FLAGS) & entry.keys())
    assert entry == dcat_read.dataset(found, REF)
