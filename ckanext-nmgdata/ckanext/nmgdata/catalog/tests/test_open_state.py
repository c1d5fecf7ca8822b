"""A stop is said by every format, from the database at once and from the index by the outbox (R28¶3)."""

from __future__ import annotations

import io
import json
import re

import pytest
from ckan import model
from ckan.lib import search as ckan_search
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.catalog.dcat_terms import CONCEPT, NMG
from ckanext.nmgdata.catalog.state import ADMS
from ckanext.nmgdata.catalog.tests.test_dcat import assert_conforms, graph
from ckanext.nmgdata.factories import call, lift, site_context, stop
from ckanext.nmgdata.kernel.gate import stops
from ckanext.nmgdata.kernel.outbox import search as index
from rdflib import RDF, Literal, URIRef, namespace
from werkzeug.datastructures import FileStorage

DCAT = namespace.DCAT
SUSPENDED = URIRef(f"{CONCEPT}open_state/suspended")
EU_WITHDRAWN = URIRef("http://publications.europa.eu/resource/authority/distribution-status/WITHDRAWN")
pytestmark = pytest.mark.usefixtures("clean_search")


@pytest.fixture
def two(world):
    """Return an entry with two files."""
    made = world.open_data
    factories.upload(made, name="lines.csv")
    return show(made)


def show(made):
    return tk.get_action("package_show")({}, {"id": made["id"]})


def found(made):
    [hit] = tk.get_action("package_search")({}, {"fq": f"id:{made['id']}"})["results"]
    return hit


def said(thing):
    return [thing[name] for name in stops.FIELDS]


def rdf(app, made, address="/dataset/{id}.ttl"):
    return graph(app.get(address.format(**made)).body)


class TestFields:
    def test_an_open_entry_says_so(self, two):
        for entry in (show(two), found(two)):
            assert said(entry) == ["open", None, None]
            assert [said(file) for file in entry["resources"]] == [["open", None, None]] * 2

    def test_a_suspended_entry_and_all_its_files(self, two):
        case = stop(two)
        for entry in (show(two), found(two)):
            assert said(entry) == ["suspended", "2026-11-23T02:00:00+00:00", case.number]
            assert [said(file) for file in entry["resources"]] == [said(entry)] * 2

    def test_one_suspended_file_leaves_the_entry_and_the_other_open(self, two):
        case = stop(two, two["resources"][0]["id"])
        for entry in (show(two), found(two)):
            assert entry["open_state"] == "open"
            assert [said(file)[0] for file in entry["resources"]] == ["suspended", "open"]
            assert entry["resources"][0]["open_state_case"] == case.number

    def test_withdrawn_is_stronger_than_suspended_and_lifting_gives_back(self, two):
        first = stop(two, two["resources"][0]["id"], withdraw=True)
        second = stop(two)
        assert [file["open_state"] for file in show(two)["resources"]] == ["withdrawn", "suspended"]
        lift(second)
        for entry in (show(two), found(two)):
            assert entry["open_state"] == "open"
            assert [file["open_state"] for file in entry["resources"]] == ["withdrawn", "open"]
            assert entry["resources"][0]["open_state_case"] == first.number

    def test_resource_show_says_it_too(self, two):
        stop(two)
        shown = tk.get_action("resource_show")({}, {"id": two["resources"][0]["id"]})
        assert shown["open_state"] == "suspended"

    def test_search_filters_and_counts_by_it(self, world, two):
        other = world.conditional
        stop(two)
        by_state = {"facet.field": ["open_state"], "fq": "open_state:suspended"}
        answer = tk.get_action("package_search")({}, by_state)
        assert [hit["id"] for hit in answer["results"]] == [two["id"]]
        counted = tk.get_action("package_search")({}, {"facet.field": ["open_state"]})["facets"]["open_state"]
        assert counted == {"suspended": 1, "open": 1}
        assert other["id"] != two["id"]

    def test_with_solr_s_copy_out_of_date_the_entry_itself_is_right(self, two):
        with index.left_to_tick():
            stop(two)
        assert found(two)["open_state"] == "open"
        assert show(two)["open_state"] == "suspended"


class TestPages:
    def test_list_and_entry_carry_the_badge(self, two, app):
        assert "中止开放核实中" not in app.get("/dataset/").body
        stop(two, two["resources"][0]["id"])
        page = app.get(f"/dataset/{two['name']}").body
        assert page.count("中止开放核实中") == 1
        case = stop(two)
        assert re.search(r'class="badge susp">中止开放核实中<', app.get("/dataset/").body)
        assert case.number in app.get(f"/dataset/{two['name']}").body

    def test_withdrawn(self, two, app):
        stop(two, withdraw=True)
        assert re.search(r'class="badge susp">已撤回<', app.get("/dataset/").body)
        assert re.search(r'class="badge susp">已撤回<', app.get(f"/dataset/{two['name']}").body)

    def test_the_facet_has_its_name(self, two, app):
        stop(two)
        assert "open_state=suspended" in app.get("/dataset/").body

    @pytest.mark.parametrize("withdraw", [False, True])
    def test_search_engines_get_no_address(self, two, app, withdraw):
        assert "/download" in self.structured(app, two)
        stop(two, withdraw=withdraw)
        assert "/download" not in self.structured(app, two)

    def structured(self, app, made):
        page = app.get(f"/dataset/{made['name']}").body
        return re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)[1]


class TestDcat:
    def test_a_suspended_entry_has_no_address_of_bytes(self, two, app):
        ref = URIRef(f"http://test.ckan.net/dataset/{two['id']}")
        assert len(list(rdf(app, two).objects(None, DCAT.downloadURL))) == 2
        case = stop(two)
        for address in ("/dataset/{id}.ttl", "/catalog.ttl"):
            g = rdf(app, two, address)
            assert not list(g.objects(None, DCAT.downloadURL))
            assert not [o for o in g.objects(None, DCAT.accessURL) if "/download" in o]
            for node in (ref, *g.objects(ref, DCAT.distribution)):
                assert set(g.objects(node, ADMS.status)) == {SUSPENDED}
                assert set(g.objects(node, NMG.openState)) == {SUSPENDED}
                assert set(g.objects(node, NMG.caseNumber)) == {Literal(case.number)}
            assert "/download" not in app.get(address.format(**two)).body
        assert_conforms(rdf(app, two), DCAT.Dataset)

    def test_one_suspended_file_leaves_the_other_s_address(self, two, app):
        stop(two, two["resources"][0]["id"])
        g = rdf(app, two)
        [left] = g.objects(None, DCAT.downloadURL)
        assert two["resources"][1]["id"] in left
        assert not list(g.objects(URIRef(f"http://test.ckan.net/dataset/{two['id']}"), ADMS.status))

    def test_a_withdrawn_entry_is_a_tombstone(self, two, app):
        case = stop(two, withdraw=True)
        for address in ("/dataset/{id}.ttl", "/catalog.ttl"):
            g = rdf(app, two, address)
            ref = URIRef(f"http://test.ckan.net/dataset/{two['id']}")
            assert set(g.objects(ref, ADMS.status)) == {EU_WITHDRAWN}
            assert set(g.objects(ref, NMG.caseNumber)) == {Literal(case.number)}
            assert not list(g.objects(ref, DCAT.distribution))
            assert not list(g.subjects(RDF.type, DCAT.Distribution))
            assert two["notes"] not in app.get(address.format(**two)).body
        assert_conforms(rdf(app, two), DCAT.Dataset)

    def test_lifting_gives_the_addresses_back(self, two, app):
        before = rdf(app, two)
        case = stop(two)
        lift(case)
        assert set(before) == set(rdf(app, two))

    def test_feeds_say_it(self, two, app):
        assert "<rights>" not in app.get("/feeds/dataset.atom").body
        case = stop(two)
        assert f"<rights>中止开放核实中 {case.number}</rights>" in app.get("/feeds/dataset.atom").body


def patched(world, made):
    tk.get_action("package_patch")(site_context(), {"id": made["id"], "notes": "改过"})


def sent_back(world, made):
    """Send back what was shown before the stop, as an editor's page or a client's copy would."""
    tk.get_action("package_update")(site_context(), {**made, "title": "改名"})


def forged(world, made):
    opened = dict(zip(stops.FIELDS, ("open", None, None), strict=True))
    files = [{**file, **opened} for file in made["resources"]]
    call("package_update", world.editor, **{**made, **opened, "resources": files, "notes": "伪造"})


def file_replaced(world, made):
    file = FileStorage(io.BytesIO(b"a,b\n1,2\n"), filename="new.csv")
    data = {"id": made["resources"][0]["id"], "upload": file, "open_state": "open", "format": "CSV"}
    tk.get_action("resource_patch")(site_context(), data)


def file_not_replaced(world, made):
    """Stopped bytes are evidence: a replacement is refused as a whole (R-OBJ-05)."""
    with pytest.raises(tk.ValidationError):
        file_replaced(world, made)


def revised(world, made):
    tk.get_action("package_revise")(
        site_context(), {"match__id": made["id"], "update__resources__0": {"open_state": "open"}}
    )


def deleted_and_undeleted(world, made):
    """Suspended data are evidence and stay (R-OBJ-05); a withdrawn entry may go and come back."""
    try:
        tk.get_action("package_delete")(site_context(), {"id": made["id"]})
    except tk.ValidationError:
        model.Session.rollback()
        return
    tk.get_action("package_patch")(site_context(), {"id": made["id"], "state": "active"})


def hidden_and_published(world, made):
    for private in (True, False):
        tk.get_action("package_patch")(site_context(), {"id": made["id"], "private": private})


def reindexed(world, made):
    ckan_search.clear_all()
    ckan_search.rebuild(quiet=True)


def harvested(world, made):
    """Write rows as a bulk load does: SQL past CKAN, then the index by CKAN's own class."""
    model.Session.execute(
        model.Package.__table__.update()
        .where(model.Package.id == made["id"])
        .values(title="批量改写", metadata_modified="2026-11-24")
    )
    model.Session.execute(
        model.Resource.__table__.update()
        .where(model.Resource.package_id == made["id"])
        .values(extras={"open_state": "open"}, description="批量改写")
    )
    model.Session.commit()
    model.Session.expire_all()
    ckan_search.rebuild(made["id"])


@pytest.mark.parametrize(
    "act",
    [
        patched, sent_back, forged, file_not_replaced, revised, deleted_and_undeleted, hidden_and_published,
        reindexed, harvested,
    ],
    ids=lambda act: act.__name__,
)  # fmt: skip
@pytest.mark.parametrize("withdraw", [False, True], ids=["suspended", "withdrawn"])
def test_nothing_brings_stopped_bytes_back(world, two, app, act, withdraw):
    case = stop(two, withdraw=withdraw)
    act(world, two)
    model.Session.rollback()
    want = "withdrawn" if withdraw else "suspended"
    for file in two["resources"]:
        answer = app.get(f"/dataset/{two['id']}/resource/{file['id']}/download", status=None)
        assert answer.status_code == (410 if withdraw else 451)
    for entry in (show(two), found(two)):
        assert [entry["open_state"], entry["open_state_case"]] == [want, case.number]
        assert {file["open_state"] for file in entry["resources"]} == {want}
    assert not list(rdf(app, two).objects(None, DCAT.downloadURL))


def test_computed_fields_are_never_stored(world, two):
    forged(world, two)
    file_replaced(world, show(two))
    model.Session.expire_all()
    for file in model.Session.query(model.Resource):
        assert not set(stops.FIELDS) & set(file.extras or {})
    package = model.Session.get_one(model.Package, two["id"])
    assert not set(stops.FIELDS) & set(package.extras or {})


def test_an_unchanged_entry_sent_back_is_no_change(world, two):
    again = tk.get_action("package_update")(site_context(), json.loads(json.dumps(show(two))))
    assert again["metadata_modified"] == show(two)["metadata_modified"] == two["metadata_modified"]
