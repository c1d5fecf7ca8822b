"""A record as an entry: what a city says with certainty, where it belongs with us, and nothing it may not decide."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories, vocab
from ckanext.nmgdata.catalog import dcat_read, dcat_write
from ckanext.nmgdata.harvest.records import Record
from ckanext.nmgdata.harvest.remote import describe, parse, reading
from ckanext.nmgdata.harvest.remote.cities import cities
from ckanext.nmgdata.harvest.remote.graph import Triples
from ckanext.nmgdata.harvest.remote.spec import Spec
from ckanext.nmgdata.harvest.tests.hostile import PREFIXES
from hypothesis import given
from hypothesis import strategies as st
from rdflib import Graph, URIRef

IRI = "https://city.example.org/dataset/1"
HOHHOT = cities()["150100"]
SPEC = Spec(
    "hohhot", "https://city.example.org/catalog.ttl", "150100", "hohhot", organisations=HOHHOT.organisations
)
ORDER = reading.Order("https://city.example.org/", "", "auto", 2**18, 2**20, 5000)


def records(body):
    """Return the records of a page."""
    found = reading.catalogue(body if isinstance(body, bytes) else body.encode(), ORDER)
    return [Record(i, s, bytes.fromhex(d), t) for i, s, d, t in found.records]


def described(statements="", spec=SPEC):
    """Return the entry of a dataset of which this is said."""
    (record,) = records(f'{PREFIXES} <{IRI}> a dcat:Dataset ; dct:title "公交站点"@zh {statements} .')
    return describe.entry(record, spec)


def concept(vocabulary, slug):
    return f"<https://w3id.org/nmgdata/concept/{vocabulary}/{slug}>"


class TestOurOwnProfile:
    """What another portal of this software publishes comes back as it was."""

    @pytest.fixture
    def published(self, world):
        made = factories.dataset(
            world.department, title="停车场泊位", open_class="conditional", tag_string="交通,停车", theme="transport",
            data_items=[{"name": "lot", "label": "停车场", "type": "string"}],
        )  # fmt: skip
        factories.resource(made, name="泊位", url="https://files.example.org/lots.csv", format="CSV")
        return tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})

    def record(self, entry):
        g, ref = Graph(), URIRef(f"https://city.example.org/dataset/{entry['id']}")
        dcat_write.dataset(g, entry, ref)
        (found,) = records(g.serialize(format="turtle"))
        return found, g, ref

    def test_light_graph_and_rdflib_read_the_same(self, published):
        record, g, ref = self.record(published)
        assert dcat_read.dataset(Triples(record.triples), ref) == dcat_read.dataset(g, ref)

    def test_it_comes_back(self, published):
        record, _, _ = self.record(published)
        entry = describe.entry(record, SPEC)
        for field in ("title", "notes", "open_class", "open_condition", "open_reason", "theme", "license_id"):
            assert entry.get(field) == published.get(field), field
        assert entry["remote"]["missing"] == []
        assert entry["data_items"] == published["data_items"]
        (resource,) = entry["resources"]
        assert (resource["name"], resource["format"]) == ("泊位", "CSV")

    def test_a_stop_over_there_is_told(self, world, published):
        stopped = {**published, "open_state": "suspended", "open_state_since": "2026-11-23T10:00:00+08:00", "open_state_case": "YY-20261123-00001-1"}  # fmt: skip
        record, _, _ = self.record(stopped)
        assert describe.entry(record, SPEC)["remote"]["stop"] == {
            "open_state": "suspended", "since": "2026-11-23T10:00:00+08:00", "case": "YY-20261123-00001-1",
            "reason": None,
        }  # fmt: skip


class TestOpenClass:
    EU = "http://publications.europa.eu/resource/authority/access-right/PUBLIC"

    @pytest.mark.parametrize("slug", ["unconditional", "conditional", "non_open"])
    def test_the_city_s_own_word_comes_first(self, slug):
        spec = replace(SPEC, default_class="conditional", classes={self.EU: "unconditional"})
        said = f"; nmg:openClass {concept('open_class', slug)} ; dct:accessRights <{self.EU}>"
        assert described(said, spec)["open_class"] == slug

    def test_then_what_the_source_maps(self):
        spec = replace(
            SPEC, default_class="non_open", classes={self.EU: "unconditional", "内部": "conditional"}
        )
        assert described(f"; dct:accessRights <{self.EU}>", spec)["open_class"] == "unconditional"
        assert described('; dct:accessRights "内部"', spec)["open_class"] == "conditional"
        assert described('; dct:accessRights "别的"', spec)["open_class"] == "non_open"

    @pytest.mark.parametrize("said", ["", f"; dct:accessRights <{EU}>", "; nmg:openClass \"unconditional\"", "; nmg:openClass <https://evil.example.org/concept/open_class/unconditional>"])  # fmt: skip
    def test_else_it_is_unknown_and_nothing_is_opened(self, said):
        entry = described(said)
        assert "open_class" not in entry
        assert "open_class" in entry["remote"]["missing"]


class TestWhoseItIs:
    @pytest.mark.parametrize(
        ("publisher", "name"),
        [
            ('[ foaf:name "呼和浩特市教育局"@zh ]', "hohhot-edu"),
            ('[ dct:identifier "hohhot-edu" ; foaf:name "教育局" ]', "hohhot-edu"),
            ('[ foaf:name " 呼和浩特市教育局\\u3000" ]', "hohhot-edu"),
            ('[ foaf:name "鄂尔多斯市商务局" ; dct:identifier "ordos-commerce" ]', "hohhot"),
            ('[ dct:identifier "nmg-audit" ]', "hohhot"),
            ('"呼和浩特市教育局"', "hohhot-edu"),
            ("[]", "hohhot"),
        ],
    )  # fmt: skip
    def test_a_department_of_the_city_or_the_city(self, publisher, name):
        assert described(f"; dct:publisher {publisher}")["owner_org"] == name

    def test_a_city_never_names_an_organisation_of_this_portal(self, world):
        own = f"<{tk.config['ckan.site_url']}/organization/{world.department['id']}>"
        assert described(f"; dct:publisher {own}")["owner_org"] == "hohhot"

    def test_the_place_lies_within_the_city(self):
        assert described(f"; dct:spatial {concept('division', '150102')}")["region_code"] == "150102"
        assert described(f"; dct:spatial {concept('division', '150600')}")["region_code"] == "150100"
        assert described()["region_code"] == "150100"

    def test_twelve_cities(self):
        assert list(cities()) == list(vocab.league_cities())
        for code, city in cities().items():
            assert city.name == vocab.league_cities()[code]["zh"]
            assert city.organisation in city.departments
            assert city.authority


class TestNames:
    def test_they_are_stable_readable_and_differ_between_sources(self):
        one = described()["name"]
        assert one.startswith("gong-jiao-zhan-dian-")
        assert described('; dct:description "新"')["name"] == one
        assert described(spec=replace(SPEC, source="other"))["name"] != one

    def test_a_dataset_without_title_is_called_by_its_identifier(self):
        (record,) = records(f'{PREFIXES} <{IRI}> a dcat:Dataset ; dct:identifier "307/1" .')
        entry = describe.entry(record, SPEC)
        assert entry["title"] == "307/1"
        assert "title" in entry["remote"]["missing"]


class TestFiles:
    def keys(self, *files):
        """Return the keys of these files, by their addresses."""
        said = "".join(f"; dcat:distribution {file}" for file in files)
        return {each["url"]: each["remote_keys"] for each in described(said)["resources"]}

    def test_a_named_file_is_known_by_its_name_whatever_else_changes(self):
        named = "<https://city.example.org/f/{}>"
        old = records(
            f"{PREFIXES} <{IRI}> a dcat:Dataset ; dcat:distribution {named.format(1)}, {named.format(2)} ."
            f' {named.format(1)} dct:title "一" ; dcat:downloadURL <https://a.example.org/1.csv> .'
            f' {named.format(2)} dct:title "二" ; dcat:downloadURL <https://a.example.org/2.csv> .'
        )
        new = records(
            f"{PREFIXES} <{IRI}> a dcat:Dataset ; dcat:distribution {named.format(2)}, {named.format(1)} ."
            f' {named.format(2)} dct:title "一" ; dcat:downloadURL <https://a.example.org/1.csv> .'
        )
        before, after = (
            [each["remote_keys"] for each in describe.entry(found[0], SPEC)["resources"]]
            for found in (old, new)
        )
        assert describe.match(before, after) == [0, 1]

    @pytest.mark.parametrize(
        ("after", "moved"),
        [
            ('[ dcat:downloadURL <https://a.example.org/1.csv> ; dct:title "新名" ]', 0),
            ('[ dcat:downloadURL <https://a.example.org/2026.csv> ; dct:title "一" ; dct:format "CSV" ]', 0),
            ('[ dcat:downloadURL <https://a.example.org/2.csv> ; dct:title "一" ; dct:format "CSV" ]', 1),
            ('[ dcat:downloadURL <https://a.example.org/3.csv> ; dct:title "三" ]', None),
        ],
    )  # fmt: skip
    def test_a_nameless_file_is_known_by_its_address_else_by_title_and_format(self, after, moved):
        old = [
            '[ dcat:downloadURL <https://a.example.org/1.csv> ; dct:title "一" ; dct:format "CSV" ]',
            '[ dcat:downloadURL <https://a.example.org/2.csv> ; dct:title "二" ; dct:format "CSV" ]',
        ]
        known = list(self.keys(*old).values())
        assert describe.match(known, list(self.keys(after).values())) == [moved]

    def test_nothing_is_taken_twice(self):
        twins = ['[ dct:title "一" ; dcat:byteSize 1 ]', '[ dct:title "一" ; dcat:byteSize 2 ]']
        said = "".join(f"; dcat:distribution {file}" for file in twins)
        keys = [each["remote_keys"] for each in described(said)["resources"]]
        assert keys[0] != keys[1]
        assert describe.match(keys, keys) == [0, 1]
        assert describe.match(keys[:1], keys) == [0, None]

    @pytest.mark.parametrize(
        "address", ["javascript:alert(1)", "file:///etc/passwd", "ftp://a.example.org/", "data:text/html,x"]
    )
    def test_addresses_that_are_a_trick(self, address):
        entry = described(
            f"; dcat:landingPage <{address}> ; dcat:distribution [ dcat:downloadURL <{address}> ]"
        )
        assert entry["resources"][0]["url"] == ""
        assert entry["remote"]["page"] is None


def test_script_stays_text_and_texts_stay_bearable():
    """Pages escape it; here it must survive as it is, and be short enough for the index."""
    title = "<script>alert(1)</script>"
    text = f'{PREFIXES} <{IRI}> a dcat:Dataset ; dct:title "{title}" ; dct:description "{"a" * 200_000}" .'
    (record,) = records(text)
    entry = describe.entry(record, SPEC)
    assert entry["title"] == title
    assert len(entry["notes"]) == describe.LONGEST["notes"]


def test_legal_fields_that_depend_on_the_class():
    said = f"; nmg:openClass {concept('open_class', 'non_open')} ; nmg:shareClass {concept('share_class', 'conditional')}"
    missing = described(said)["remote"]["missing"]
    assert {"open_reason", "open_legal_basis", "nonopen_ground", "share_reason", "share_condition"} <= set(
        missing
    )
    assert "open_condition" not in missing


def test_a_licence_we_do_not_know_is_reported_in_the_city_s_words():
    assert described('; dct:license [ dct:title "本市许可" ]')["remote"]["licence"] == "本市许可"
    assert described("; dct:license <https://creativecommons.org/publicdomain/zero/1.0/deed.zh-hans>").get(
        "license_id"
    )


WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
PROPERTIES = sorted({*map(str, dcat_read.terms.TEXTS.values()), *map(str, dcat_read.terms.TERMS.values()), "http://www.w3.org/ns/dcat#distribution", "http://www.w3.org/ns/dcat#contactPoint", "http://purl.org/dc/terms/publisher", "http://purl.org/dc/terms/license", "http://purl.org/dc/terms/conformsTo", "http://www.w3.org/ns/csvw#column", "http://www.w3.org/ns/dcat#downloadURL", "http://purl.org/dc/terms/issued", "http://www.w3.org/ns/dcat#byteSize", "http://www.w3.org/2006/vcard/ns#hasEmail", "http://purl.org/dc/terms/accessRights"})  # fmt: skip
VALUES = st.one_of(
    st.builds(lambda text: {"@value": text}, WORDS), st.builds(lambda text: {"@value": text, "@language": "zh"}, WORDS),
    st.sampled_from([{"@id": "_:a"}, {"@id": "_:b"}, {"@id": IRI}, {"@id": "https://a.example.org/x"}, {"@id": "mailto:a@b.org"}, {"@value": 7}, {"@value": True}, {"@list": []}]),
)  # fmt: skip
NODES = st.dictionaries(st.sampled_from(PROPERTIES), st.lists(VALUES, max_size=3), max_size=6)


@given(NODES, NODES, NODES)
def test_nothing_raises_whatever_is_said(root, one, other):
    document = [
        {**root, "@id": IRI, "@type": "http://www.w3.org/ns/dcat#Dataset"}, {**one, "@id": "_:a"}, {**other, "@id": "_:b"},
    ]  # fmt: skip
    for record in records(json.dumps(document)):
        entry = describe.entry(record, SPEC)
        assert entry["title"]
        json.dumps(entry).encode()
        assert "\x00" not in json.dumps(entry, ensure_ascii=False)


def teardown_module():
    parse.close()
