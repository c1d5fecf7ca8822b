"""The `nmg` profile over HTTP: every field both ways, DCAT-AP 3 shapes, nothing that is not public."""

from __future__ import annotations

from datetime import timedelta
from functools import cache, partial
from pathlib import Path

import pyshacl
import pytest
import yaml
from ckan.plugins import toolkit as tk
from ckanext.dcat import utils as dcat_utils
from ckanext.dcat.processors import RDFParser, RDFSerializer
from ckanext.nmgdata import factories
from ckanext.nmgdata.catalog import dcat_terms
from ckanext.nmgdata.kernel.gate import origins
from rdflib import RDF, BNode, Graph, Literal, Namespace, URIRef, namespace
from rdflib.collection import Collection
from rdflib.compare import isomorphic
from rdflib.namespace import CSVW

DATA = Path(__file__).parent / "data"
SCHEMA = dcat_terms.vocab.FOLDER.parent
DCT = Namespace("http://purl.org/dc/terms/")
CLASSES = ["unconditional", "conditional", "non_open"]
FORMATS = ["ttl", "rdf", "jsonld"]
pytestmark = pytest.mark.filterwarnings("ignore:Assertions on")
SECRET = "https://data.example.org/secret/path.csv"
RESOURCE_FIELDS = ["name", "description", "format", "url", "size", "hash", "mimetype"]


@pytest.fixture(autouse=True)
def nmg_alone(monkeypatch):
    """Configure the portal with this profile alone."""
    monkeypatch.setitem(tk.config, "ckanext.dcat.rdf.profiles", "nmg")


@cache
def schema():
    """Return the schema that is the contract of field names."""
    return yaml.safe_load((SCHEMA / "dataset.yaml").read_text(encoding="utf-8"))


@cache
def shapes():
    """Return the SHACL shapes of DCAT-AP 3."""
    return Graph().parse(DATA / "dcat-ap_3_shacl_shapes.ttl")


def fields(dataset):
    """Return what an entry says in the fields of the schema; empty and absent are the same."""
    names = [field["field_name"] for field in schema()["dataset_fields"]]
    said = {name: dataset.get(name) for name in names}
    said["tags"] = sorted(tag["name"] for tag in dataset.get("tags") or [])
    said["data_items"] = [filled(item) for item in dataset.get("data_items") or []]
    said["resources"] = [file_fields(resource) for resource in dataset["resources"]]
    return filled(said)


def file_fields(resource):
    """Return what a resource says; a media type that is not stated is that of the format."""
    known = dcat_terms.vocab.media_format(resource.get("format")) or {}
    media = {"mimetype": resource.get("mimetype") or known.get("media_type")}
    return filled({**{name: resource.get(name) for name in RESOURCE_FIELDS}, **media})


def filled(values):
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def maximal(org, open_class, **values):
    """Return an entry with every field that its class admits."""
    restricted = {"share_reason": "涉及 “个人” 信息\n第二行", "share_legal_basis": "《条例》第三条"}
    share = {
        "unconditional": {"share_class": "unconditional"},
        "conditional": {"share_class": "conditional", "share_condition": "限内网使用", **restricted},
        "non_open": {"share_class": "not_shared", **restricted},
    }
    return factories.entry(
        org,
        open_class=open_class,
        title='公交 "站点" & <线路> \\ 全表',
        notes='第一行\n第二行\r\n以反斜线和引号结尾\\"',
        tag_string="公交,PM2.5,open data",
        data_form="service",
        update_frequency="none",
        theme="credit_services",
        region_code="150102",
        industry="G",
        base_library="economy",
        theme_library="medical_health",
        provision_mode="api",
        source_system="公交调度系统",
        quality_notes="2026年9月缺一周数据。",
        contact_name="数据管理岗",
        contact_phone="+86 0471-1234567转89",
        contact_email="data+100%@example.org",
        livelihood=True,
        needs_id_number=True,
        in_negative_list=True,
        application_questions="是否发表成果？\n发表在何处？",
        obtained_by_sharing=open_class == "non_open",
        sample=False,
        issued="2026-01-02",
        modified="2026-11-20",
        data_items=[
            {
                "name": f"列{number}",
                "label": f"第{number}列",
                "type": kind,
                "description": "说明\n二",
                "searchable": number % 2 == 0,
            }
            for number, kind in enumerate(dcat_terms.DATATYPES)
        ]
        + [{"name": "bare"}],
        **{**share[open_class], **values},
    )


@pytest.fixture
def complete(world, clean_search):
    """Return a maker of entries with every field, a file, a link and a file that is still missing."""

    def make(open_class, **values):
        org = factories.organisation("自治区公交局", name="nmg-bus", region_code="150100")
        data = maximal(org, open_class, **values)
        made = tk.get_action("package_create")(factories.site_context(), data)
        factories.upload(made, name="站点.csv", description="UTF-8\n逗号分隔", hash="0a" * 32)
        factories.resource(made, url=SECRET, format="GeoJSON", hash="md5:ABC")
        factories.resource(made, url="", format="csv ", name="以后提供")
        factories.join(world.reviewer, org, "reviewer")
        return tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})

    return make


def parsed(body, form):
    """Return the entries of a document as ckanext-dcat's own parser gives them."""
    parser = RDFParser()
    parser.parse(body, _format=form)
    return list(parser.datasets())


def graph(body, form="turtle"):
    return Graph().parse(data=body, format=form)


class TestEveryFieldBothWays:
    @pytest.mark.parametrize("form", FORMATS)
    @pytest.mark.parametrize("open_class", CLASSES)
    def test_over_http(self, world, app, complete, open_class, form):
        shown = complete(open_class)
        headers = factories.login(world.reviewer)
        page = app.get(f"/dataset/{shown['id']}.{form}", headers=headers)
        [entry] = parsed(page.body, form)
        assert fields(entry) == fields(shown)
        assert entry["organization"]["region_code"] == "150100"
        assert {"id", "name", "title"} <= entry["organization"].keys()

    @pytest.mark.parametrize("open_class", CLASSES)
    def test_nothing_of_the_schema_is_left_empty_by_the_test(self, complete, open_class):
        names = {field["field_name"] for field in schema()["dataset_fields"]} - {"tag_string"}
        only = {"conditional": ["open_condition", "share_condition"], "non_open": ["nonopen_ground"]}
        restricted = ["open_reason", "open_legal_basis", "share_reason", "share_legal_basis"]
        elsewhere = {name for key, values in only.items() if key != open_class for name in values}
        elsewhere |= set(restricted) if open_class == "unconditional" else set()
        assert fields(complete(open_class)).keys() >= names - elsewhere

    @pytest.mark.parametrize("form", FORMATS)
    def test_the_same_entry_gives_the_same_statements(self, app, complete, form):
        address = f"/dataset/{complete('unconditional')['id']}.{form}"
        first, second = app.get(address).body, app.get(address).body
        if form == "rdf":  # rdflib writes subjects in the order of a set
            assert isomorphic(
                Graph().parse(data=first, format="xml"), Graph().parse(data=second, format="xml")
            )
        else:
            assert second == first or (form == "jsonld" and set(second.split("\n")) == set(first.split("\n")))
        assert "_:" not in first
        assert "nodeID" not in first

    def test_rdf_xml_writes_a_list_once(self):
        """rdflib writes a cell of it anew whenever the last subject it meets is one."""
        for _run in range(40):
            g = Graph()
            head = BNode()
            Collection(g, head, [URIRef(f"http://test.ckan.net/{n}") for n in range(9)])
            g.add((URIRef("http://test.ckan.net/table"), CSVW.column, head))
            assert "nodeID" not in g.serialize(format="pretty-xml")

    def test_what_is_read_can_be_created_again(self, app, complete):
        shown = complete("conditional")
        [entry] = parsed(app.get(f"/dataset/{shown['id']}.ttl").body, "ttl")
        copy = {**entry, "name": "copy", "identifier": "307001150102/000777"}
        made = tk.get_action("package_create")(factories.site_context(), copy)
        again = tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})
        moved = {"name": "copy", "identifier": "307001150102/000777"}
        want, got = {**fields(shown), **moved}, fields(again)
        for resource in want["resources"] + got["resources"]:
            resource.pop("url", None)
        assert got == want

    def test_what_is_read_can_update_the_entry(self, app, complete):
        shown = complete("unconditional")
        [entry] = parsed(app.get(f"/dataset/{shown['id']}.jsonld").body, "jsonld")
        changed = {**entry, "id": shown["id"], "title": "改名"}
        again = tk.get_action("package_update")(factories.site_context(), changed)
        assert (again["title"], again["id"], len(again["resources"])) == ("改名", shown["id"], 3)
        assert fields(again)["data_items"] == fields(shown)["data_items"]

    def test_an_unpublished_entry_is_not_read_as_a_published_one(self, world, app, complete):
        shown = complete("unconditional", private=True)
        address = f"/dataset/{shown['id']}.ttl"
        assert app.get(address, status=404)
        [entry] = parsed(app.get(address, headers=factories.login(world.reviewer)).body, "ttl")
        assert entry["private"] is True


class TestDcatAp:
    @pytest.mark.parametrize("open_class", CLASSES)
    def test_a_complete_entry_keeps_to_the_shapes(self, world, app, complete, open_class):
        page = app.get(f"/dataset/{complete(open_class)['id']}.ttl", headers=factories.login(world.reviewer))
        assert_conforms(graph(page.body), namespace.DCAT.Dataset)

    def test_the_catalogue_keeps_to_the_shapes(self, world, app, complete):
        complete("conditional")
        factories.dataset(world.department)
        assert_conforms(graph(app.get("/catalog.ttl").body), namespace.DCAT.Catalog)

    def test_the_shapes_bite(self, app, complete):
        found = graph(app.get(f"/dataset/{complete('unconditional')['id']}.ttl").body)
        found.remove((None, DCT.title, None))
        assert not pyshacl.validate(found, shacl_graph=shapes())[0]

    def test_names_are_stable(self, app, complete):
        shown = complete("unconditional")
        root = f"http://test.ckan.net/dataset/{shown['id']}"
        found = graph(app.get(f"/dataset/{shown['id']}.ttl").body)
        assert set(found.subjects(RDF.type, namespace.DCAT.Dataset)) == {URIRef(root)}
        files = {URIRef(f"{root}/resource/{resource['id']}") for resource in shown["resources"]}
        assert set(found.objects(URIRef(root), namespace.DCAT.distribution)) == files

    def test_chinese_is_marked_as_chinese(self, app, complete):
        found = graph(app.get(f"/dataset/{complete('conditional')['id']}.ttl").body)
        chinese = [o for o in found.objects() if isinstance(o, Literal) and dcat_terms.HAN.search(o)]
        plain = {str(o) for o in chinese if not o.language}
        assert {o.language for o in chinese} - {None} == {"zh-Hans"}
        assert plain == {"+86 0471-1234567转89", *(f"列{number}" for number in range(7))}

    @pytest.mark.parametrize(
        ("open_class", "downloads"), [("unconditional", 2), ("conditional", 0), ("non_open", 0)]
    )
    def test_only_unconditional_files_can_be_fetched_directly(
        self, world, app, complete, open_class, downloads
    ):
        shown = complete(open_class)
        page = app.get(f"/dataset/{shown['id']}.ttl", headers=factories.login(world.reviewer))
        found = graph(page.body)
        assert len(list(found.objects(None, namespace.DCAT.downloadURL))) == downloads
        assert len(list(found.objects(None, namespace.DCAT.accessURL))) == len(shown["resources"]) == 3

    def test_eu_terms_and_own_terms_say_the_same(self, app, complete):
        found = graph(app.get(f"/dataset/{complete('conditional')['id']}.ttl").body)
        said = {str(o) for o in found.objects()}
        assert {
            f"{dcat_terms.EU}access-right/RESTRICTED", f"{dcat_terms.EU}frequency/NEVER",
            f"{dcat_terms.EU}data-theme/ECON", f"{dcat_terms.EU}file-type/CSV",
            f"{dcat_terms.CONCEPT}open_class/conditional", f"{dcat_terms.CONCEPT}update_frequency/none",
            f"{dcat_terms.CONCEPT}theme/credit_services", f"{dcat_terms.CONCEPT}division/150102",
        } <= said  # fmt: skip


def assert_conforms(found, kind):
    assert list(found.subjects(RDF.type, kind))
    conforms, _report, text = pyshacl.validate(found, shacl_graph=shapes())
    assert conforms, text


class TestNothingElseGetsOut:
    def test_the_catalogue_lists_what_the_reader_may_see(self, world, app, clean_search):
        shown = [world.open_data, world.conditional, world.non_open]
        draft = factories.dataset(world.department, title="未公布", private=True)
        listed = partial(self.listed, app)
        public = {entry["id"] for entry in shown[:2]}
        assert listed() == listed(world.citizen) == listed(world.stranger) == public
        assert listed(world.reviewer) == public | {world.non_open["id"]}
        assert draft["id"] not in listed(world.reviewer)

    def listed(self, app, person=None):
        page = app.get("/catalog.ttl", headers=factories.login(person) if person else {})
        return {
            str(ref).rpartition("/")[2] for ref in graph(page.body).subjects(RDF.type, namespace.DCAT.Dataset)
        }

    @pytest.mark.parametrize("form", FORMATS)
    def test_no_true_link(self, world, app, clean_search, form):
        for open_class in ("unconditional", "conditional"):
            made = factories.dataset(world.department, open_class=open_class)
            linked = factories.resource(
                made, download_url=f"{SECRET}?2", access_url=f"{SECRET}?3", uri=f"{SECRET}?4"
            )
            assert origins.true_link(linked["id"]) == SECRET
        body = app.get(f"/catalog.{form}").body
        assert f"resource/{linked['id']}/download" in body
        assert "data.example.org" not in body

    def test_a_link_that_stands_in_the_dictionary_is_not_written(self, complete):
        shown = complete("unconditional")
        shown["resources"][0]["url"] = SECRET
        body = RDFSerializer().serialize_dataset(shown, _format="ttl")
        assert "data.example.org" not in body
        assert f"resource/{shown['resources'][0]['id']}/download" in body

    def test_the_catalogue_is_not_dated_by_hidden_entries(self, world, app, clean_search):
        shown, hidden = world.open_data, world.non_open
        assert shown["metadata_modified"] < hidden["metadata_modified"]
        assert self.changed(app) == shown["metadata_modified"]
        assert self.changed(app, factories.login(world.reviewer)) == hidden["metadata_modified"]

    def changed(self, app, headers=None):
        catalogue = graph(app.get("/catalog.ttl", headers=headers or {}).body)
        [changed] = catalogue.objects(URIRef("http://test.ckan.net"), DCT.modified)
        assert changed.value.utcoffset() == timedelta(0)
        return changed.value.replace(tzinfo=None).isoformat()

    @pytest.mark.parametrize("name", ["croissant", "euro_dcat_ap_3"])
    @pytest.mark.parametrize("page", ["/catalog.ttl", "/dataset/{id}.ttl"])
    def test_no_other_profile_can_be_asked_for(self, world, app, clean_search, page, name):
        address = page.format(id=world.conditional["id"])
        assert app.get(f"{address}?profiles=nmg").status_code == 200
        refused = app.get(f"{address}?profiles={name}", status=409)
        assert world.conditional["title"] not in refused.body

    def test_n_triples_are_offered_too(self, world, app, clean_search):
        for address in ("/catalog.nt", f"/dataset/{world.open_data['id']}.nt"):
            answer = app.get(address)
            assert answer.mimetype == "application/n-triples"
            assert world.open_data["title"] in {str(o) for o in graph(answer.body, "nt").objects()}

    @pytest.mark.parametrize(
        ("address", "status", "said"),
        [
            ("/catalog.csv", 404, "ttl"),
            ("/dataset/{id}.csv", 404, ""),
            ("/catalog.ttl?profiles=croissant", 409, "描述规范：nmg。"),
            ("/catalog.ttl?modified_since=yesterday", 409, "日期"),
            ("/catalog.ttl?fq=((", 400, "检索"),
            ("/api/3/action/dcat_catalog_show?format=csv", 404, "ttl"),
            ("/api/3/action/package_collaborator_list?id={id}", 403, ""),
        ],
    )
    def test_what_is_wrongly_asked_for_is_refused_in_words(
        self, world, app, clean_search, address, status, said
    ):
        refused = app.get(address.format(id=world.open_data["id"]), status=status)
        assert said in refused.body
        assert "None - " not in refused.body

    def test_an_entry_cannot_take_the_name_of_another(self, world, app, clean_search):
        victim = world.open_data
        name = f"http://test.ckan.net/dataset/{victim['id']}"
        extra = [{"key": "uri", "value": name}]
        factories.dataset(world.other, title="冒名", extras=extra)
        found = graph(app.get("/catalog.ttl").body)
        assert [str(o) for o in found.objects(URIRef(name), DCT.title)] == [victim["title"]]
        assert len(set(found.subjects(RDF.type, namespace.DCAT.Dataset))) == 2

    def test_a_file_cannot_take_another_name(self, world, clean_search):
        made = factories.dataset(world.department)
        resource = factories.resource(made, uri="https://evil.example.org/file")
        name = f"http://test.ckan.net/dataset/{made['id']}/resource/{resource['id']}"
        assert dcat_utils.resource_uri(resource) == name
