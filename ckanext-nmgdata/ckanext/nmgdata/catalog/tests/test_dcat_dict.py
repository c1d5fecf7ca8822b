"""The `nmg` profile without a database: any value both ways, and the demo."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import pyoxigraph
import pytest
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.dcat.processors import RDFSerializer
from ckanext.nmgdata import vocab
from ckanext.nmgdata.catalog import dcat_read, dcat_terms, dcat_write, identifiers
from ckanext.nmgdata.catalog.tests.test_dcat import FORMATS, SCHEMA, fields, maximal, parsed, schema
from ckanext.nmgdata.kernel import identity
from ckanext.nmgdata.kernel.gate import answers, origins
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import RDF, Graph, URIRef, namespace

STRICT = {
    "ttl": pyoxigraph.RdfFormat.TURTLE,
    "rdf": pyoxigraph.RdfFormat.RDF_XML,
    "jsonld": pyoxigraph.RdfFormat.JSON_LD,
}
ORG = {
    "id": "0f4f3a5e-5a0c-4b3a-9a64-5f0b1d0d6c11",
    "name": "nmg-bus",
    "title": "公交局",
    "region_code": "150100",
}
pytestmark = pytest.mark.filterwarnings("ignore:Assertions on")


@pytest.fixture(autouse=True)
def nmg_alone(monkeypatch):
    """Configure the portal with this profile alone."""
    monkeypatch.setitem(tk.config, "ckanext.dcat.rdf.profiles", "nmg")


def through(entry, form):
    """Return an entry after serialising, reading by a strict parser too, and parsing."""
    body = RDFSerializer().serialize_dataset(entry, _format=form)
    assert list(pyoxigraph.parse(body.encode(), format=STRICT[form]))
    [found] = parsed(body, form)
    return found


# --- any value -----------------------------------------------------------------------------------

CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
TEXT = st.text(st.one_of(CHARACTERS, st.sampled_from("\n\r\t\"\\<>&'气象")), max_size=30)
ITEM_NAME = st.text(CHARACTERS, min_size=1, max_size=12).filter(re.compile(r"[^\s,;，；]+").fullmatch)
DATES = st.dates().map(str)


def optional(**values):
    return st.fixed_dictionaries({}, optional=values)


def term(name):
    return st.sampled_from(sorted(vocab.terms(name)))


def resources(dataset_id):
    """Return files of every kind: uploads, links, and those that are not there yet."""

    def placed(resource_id, end, values):
        url = "" if end is None else origins.address(dataset_id, resource_id) + end
        return {"id": resource_id, "package_id": dataset_id, "url": url, **values}

    values = optional(
        name=TEXT, description=TEXT, size=st.integers(0, 10**15), format=st.one_of(TEXT, st.sampled_from(["CSV", "csv", "RDF/XML", "OFD", "API"])),
        hash=st.one_of(TEXT, st.sampled_from(["ab" * 16, "AB" * 20, "0" * 64, "0" * 63])),
        mimetype=st.sampled_from(["text/csv", "image/tiff; application=geotiff", "application/vnd.x+xml"]),
    )  # fmt: skip
    end = st.sampled_from([None, "", "/sites.csv", "/站点 一.csv".replace(" ", "_")])
    return st.lists(
        st.builds(placed, st.uuids().map(str), end, values), max_size=3, unique_by=lambda r: r["id"]
    )


@st.composite
def entries(draw):
    """Return entries as ``package_show`` may give them."""
    dataset_id = str(draw(st.uuids()))
    item = optional(
        label=TEXT,
        type=st.sampled_from(list(dcat_terms.DATATYPES)),
        description=TEXT,
        searchable=st.booleans(),
    )
    named = st.builds(lambda name, rest: {"name": name, **rest}, ITEM_NAME, item)
    texts = dict.fromkeys([*dcat_terms.TEXTS, *dcat_terms.ROLES, "open_condition", "contact_name"], TEXT)
    entry = draw(
        optional(
            **texts,
            **{name: term(name) for name in dcat_terms.TERMS},
            **dict.fromkeys(dcat_terms.FLAGS, st.booleans()),
            **dict.fromkeys(dcat_terms.DATES, DATES),
            region_code=term("division"),
            name=st.from_regex(r"[a-z0-9_-]{2,40}", fullmatch=True),
            identifier=st.from_regex(re.compile(identifiers.PATTERNS["150000"], re.ASCII), fullmatch=True),
            contact_phone=st.from_regex(identity.PHONE, fullmatch=True),
            contact_email=st.from_regex(identity.EMAIL, fullmatch=True, alphabet=CHARACTERS),
            license_id=st.sampled_from(model.Package.get_license_register().keys()),
            data_items=st.lists(named, max_size=4, unique_by=lambda i: i["name"]),
            tags=st.lists(st.from_regex(r"[\w.-]{2,9}", fullmatch=True), unique=True).map(
                lambda names: [{"name": name} for name in names]
            ),
        )
    )
    org = {**ORG, "title": draw(TEXT.filter(bool))}
    files = draw(resources(dataset_id))
    return {**entry, "id": dataset_id, "owner_org": org["id"], "organization": org, "resources": files}


@pytest.mark.parametrize("form", FORMATS)
def test_any_entry_comes_back_as_it_was(form):
    @settings(max_examples=150)
    @given(entries())
    def check(entry):
        found = through(entry, form)
        assert fields(found) == fields(entry)
        assert found["organization"] == entry["organization"]

    check()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("end", ['\\"', '"', '""', "\\", '\\\\"', '"""', "'''", "\r", "\r\n"])
def test_ends_of_several_lines(form, end):
    entry = {"id": "1", "title": "一", "notes": f"第一行\n{end}", "resources": []}
    assert through(entry, form)["notes"] == entry["notes"]


@pytest.mark.parametrize("form", FORMATS)
def test_what_xml_forbids_is_left_out_for_all(form):
    entry = {"id": "1", "title": "一\x0b二\ufffe三\x00", "resources": []}
    assert through(entry, form)["title"] == "一二三"


@pytest.mark.parametrize("form", FORMATS)
def test_many_columns_keep_their_order(form):
    items = [{"name": f"c{number}", "label": f"第{number}列"} for number in range(300, 0, -1)]
    assert through({"id": "1", "data_items": items, "resources": []}, form)["data_items"] == items


def test_a_slug_that_the_vocabulary_has_lost_is_left_out():
    entry = {
        "id": "1",
        "title": "一",
        "theme": "gone",
        "open_class": "gone",
        "region_code": "999999",
        "license_id": "gone",
        "issued": "gone",
        "resources": [],
    }
    assert fields(through(entry, "ttl")) == {"title": "一"}


# --- the demo ------------------------------------------------------------------------------------


def demo():
    """Return the demo's entries as ``package_show`` would give them."""
    path = Path(dcat_read.__file__).parents[1] / "demo" / "data" / "catalogue.json"
    for record in json.loads(path.read_text(encoding="utf-8")):
        dataset_id = str(uuid.uuid5(uuid.NAMESPACE_URL, record["name"]))
        org = {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, record["owner_org"])),
            "name": record["owner_org"],
            "title": record["owner_org"],
            "region_code": "150000",
        }
        files = [{**file, "id": f"{dataset_id}-{number}"} for number, file in enumerate(record["resources"])]
        for file in files:
            file["url"] = origins.address(dataset_id, file["id"]) if file["file"] else ""
        yield {**record, "id": dataset_id, "owner_org": org["id"], "organization": org, "resources": files}


@pytest.mark.parametrize("form", FORMATS)
def test_the_whole_demo_in_one_document(form):
    serializer = RDFSerializer()
    want = {entry["name"]: fields(entry) for entry in demo()}
    for entry in demo():
        serializer.graph_from_dataset(entry)
    body = serializer.g.serialize(format={"ttl": "turtle", "rdf": "pretty-xml", "jsonld": "json-ld"}[form])
    got = {entry["name"]: fields(entry) for entry in parsed(body, form)}
    assert len(want) == 301
    assert got.keys() == want.keys()
    for name, entry in want.items():
        assert got[name] == entry


# --- the tables and the vocabulary ---------------------------------------------------------------

TABLES = (
    dcat_terms.TEXTS, dcat_terms.CODES, dcat_terms.TERMS, dcat_terms.FLAGS, dcat_terms.DATES, dcat_terms.ROLES,
    dcat_terms.ELSEWHERE,
)  # fmt: skip


def test_every_field_of_the_schema_has_one_place():
    mapped = [field for table in TABLES for field in table]
    assert sorted(mapped) == sorted(field["field_name"] for field in schema()["dataset_fields"])
    assert {*dcat_terms.RESOURCE_TEXTS, "url", "format"} == {
        f["field_name"] for f in schema()["resource_fields"]
    }


def test_every_term_field_has_its_vocabulary():
    assert {f["field_name"] for f in schema()["dataset_fields"] if f.get("vocabulary")} == set(
        dcat_terms.TERMS
    )
    for field in schema()["dataset_fields"]:
        assert field.get("vocabulary", field["field_name"]) == field["field_name"]


def test_the_vocabulary_file_declares_what_is_written_and_nothing_else(monkeypatch):
    monkeypatch.setattr(answers, "public_reasons", [lambda _number: "数据可以识别特定自然人。"])
    serializer = RDFSerializer()
    for open_class in ("unconditional", "conditional", "non_open"):
        files = [{"id": "2", "url": "x", "format": "DWG", "hash": "md5:1"}]
        serializer.graph_from_dataset(
            {**maximal(ORG, open_class), "id": open_class, "name": "a1", "private": True, "resources": files}
        )
    stopped = {
        "open_state": "suspended",
        "open_state_since": "2026-11-23T02:00:00+00:00",
        "open_state_case": "YY-1",
    }
    serializer.graph_from_dataset({**maximal(ORG, "conditional"), "id": "stopped", "name": "a2", **stopped})
    names = {node for triple in serializer.g for node in triple[1:] if str(node).startswith(dcat_terms.NMG)}
    names.add(URIRef(f"{dcat_terms.NMG}changeReason"))  # the change feed's (catalog/changes.py)
    plan = ("PlanItem", "plannedMonth", "planState", "intendedOpenClass", "keptBy", "stoppedBy", "endedBy")
    names |= {URIRef(f"{dcat_terms.NMG}{name}") for name in plan}  # plan/dcat.py
    declared = Graph().parse(SCHEMA / "nmg.ttl")
    subjects = set(declared.subjects()) - set(declared.subjects(RDF.type, namespace.OWL.Ontology))
    assert subjects == names
    for subject in subjects:
        labels = {
            *declared.objects(subject, URIRef("http://www.w3.org/2000/01/rdf-schema#label")),
            *declared.objects(subject, namespace.SKOS.prefLabel),
        }
        assert {label.language for label in labels} == {"zh-Hans", "en"}


@pytest.mark.parametrize("field", dcat_terms.EUROPEAN)
def test_every_term_has_its_eu_term(field):
    for slug in vocab.terms(field):
        assert dcat_terms.european(field, slug), slug


def test_every_eu_theme_has_its_label():
    assert all(len(dcat_terms.european("theme", slug)) == 2 for slug in vocab.terms("theme"))


@pytest.mark.parametrize(
    ("phone", "address"),
    [
        ("0471-1234567", "tel:+86-471-1234567"),
        ("+86 0471 1234567转12", "tel:+86-471-1234567;ext=12"),
        ("0471-1234567-12345", "tel:+86-471-1234567;ext=12345"),
        ("13800000000", "tel:+8613800000000"),
        ("1380000０000", "tel:+8613800000000"),
        ("400-123-4567", "tel:400-123-4567;phone-context=+86"),
        ("12345", "tel:12345;phone-context=+86"),
    ],
)
def test_telephone_addresses(phone, address):
    assert identity.PHONE.fullmatch(phone)
    assert dcat_write.tel(phone) == address
