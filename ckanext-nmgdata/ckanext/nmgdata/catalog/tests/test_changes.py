"""The change feed over HTTP, and the files of the whole catalogue: what they say, and what they never say."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.catalog import exports, whole
from ckanext.nmgdata.catalog.changes import AS
from ckanext.nmgdata.catalog.dcat_terms import CONCEPT, NMG
from ckanext.nmgdata.factories import lift, queries, site_context, stop
from ckanext.nmgdata.kernel import clock
from ckanext.nmgdata.kernel.changes import feed
from rdflib import RDF, Dataset, Graph, Literal, URIRef, namespace

DCAT, DCT = namespace.DCAT, namespace.DCTERMS
FEED = "/nmg/changes.jsonld"
SITE = "http://test.ckan.net"
pytestmark = pytest.mark.usefixtures("clean_search")


def ask(app, address=FEED, status=200, **headers):
    return app.get(address.removeprefix(SITE), headers=headers, status=status)


def items(app, address=f"{FEED}?after=0"):
    return json.loads(ask(app, address).body)["orderedItems"]


def patch(made, **values):
    tk.get_action("package_patch")(site_context(), {"id": made["id"], **values})


HIDDEN = {
    "open_class": "non_open", "nonopen_ground": "personal_privacy", "data_level": "general_4",
    "open_reason": "理由", "open_legal_basis": "依据",
}  # fmt: skip


class TestFeed:
    def test_the_collection_says_where_to_begin_and_where_to_go_on(self, world, app):
        world.open_data
        found = json.loads(ask(app).body)
        assert found["type"] == ["OrderedCollection", "ldes:EventStream"]
        assert items(app, found["first"])
        assert items(app, found["current"]) == []

    def test_following_next_reads_everything_once(self, world, app):
        made = [factories.dataset(world.department) for _turn in range(5)]
        address, read = f"{FEED}?after=0&limit=2", []
        for _page in range(4):
            answer = ask(app, address)
            page = json.loads(answer.body)
            read += page["orderedItems"]
            address = page["next"]
            assert f'<{address}>; rel="next"' in answer.headers["Link"]
        assert [item["object"]["id"] for item in read] == [f"{SITE}/dataset/{one['id']}" for one in made]
        assert page["orderedItems"] == []

    def test_it_is_linked_data_with_the_description_in_the_activity_s_graph(self, world, app):
        made = world.open_data
        quads = Dataset()
        quads.parse(data=ask(app, f"{FEED}?after=0").body, format="json-ld")
        ref = URIRef(f"{SITE}/dataset/{made['id']}")
        newest = URIRef(f"{SITE}{FEED}#{feed.head()}")
        outside = quads.default_graph if hasattr(quads, "default_graph") else quads.default_context
        assert (newest, RDF.type, URIRef(f"{AS}Update")) in outside
        assert (newest, URIRef(f"{AS}object"), ref) in outside
        described = quads.graph(newest)
        assert (ref, RDF.type, DCAT.Dataset) in described
        same = Graph().parse(data=ask(app, f"/dataset/{made['id']}.ttl").body)
        assert {str(o) for o in described.objects(ref, None)} == {str(o) for o in same.objects(ref, None)}
        assert len(described) == len(same)

    def test_an_overtaken_activity_has_no_description(self, world, app):
        patch(world.open_data, notes="改过")
        *earlier, last = items(app)
        assert "@graph" in last
        assert not [one for one in earlier if "@graph" in one]

    def test_a_takedown_is_there_with_its_case_and_without_addresses(self, world, app):
        made = world.open_data
        case = stop(made)
        last = items(app)[-1]
        assert (last["type"], last["cause"]) == ("Update", "suspended")
        assert last["object"]["caseNumber"] == case.number
        assert last["object"]["openState"] == f"{CONCEPT}open_state/suspended"
        assert "/download" not in json.dumps(last)
        lift(case)
        last = items(app)[-1]
        assert last["cause"] == "lifted"
        assert "openState" not in last["object"]
        assert "/download" in json.dumps(last)

    def test_a_withdrawn_entry_leaves_a_tombstone(self, world, app):
        made = world.open_data
        case = stop(made, withdraw=True)
        last = items(app)[-1]
        assert (last["type"], last["object"]["type"]) == ("Delete", "Tombstone")
        assert last["object"]["caseNumber"] == case.number
        g = Graph().parse(data=json.dumps(last["@graph"]), format="json-ld")
        assert set(g.objects(None, NMG.caseNumber)) == {Literal(case.number)}
        assert not list(g.subjects(RDF.type, DCAT.Distribution))

    @pytest.mark.parametrize("change", [{"private": True}, {"state": "deleted"}, HIDDEN])
    def test_what_is_no_longer_public_is_a_bare_delete(self, world, app, as_user, change):
        made = world.open_data
        patch(made, title="不应见人的题名", notes="不应见人的摘要", **change)
        for headers in ({}, as_user(world.sysadmin)):
            page = ask(app, f"{FEED}?after=0", **headers).body
            assert json.loads(page)["orderedItems"][-1]["object"]["type"] == "Tombstone"
            for text in ("不应见人", made["title"], made["name"]):
                assert text not in page
        people = app.get("/nmg/changes").body
        assert "不应见人" not in people
        assert made["name"] not in people
        assert "已不公开" in people

    @pytest.mark.parametrize("hidden", [{"private": True}, {"open_class": "non_open"}])
    def test_what_never_was_public_is_nowhere(self, world, app, hidden):
        made = factories.dataset(world.department, title="从未公开", **hidden)
        patch(made, notes="改过")
        assert items(app) == []
        assert made["id"] not in app.get("/nmg/changes").body

    def test_no_true_link(self, world, app):
        made = factories.dataset(world.department)
        factories.resource(made)
        assert "data.example.org" not in ask(app, f"{FEED}?after=0").body

    def test_people_read_it_in_chinese(self, world, app):
        made = world.open_data
        stop(made)
        page = app.get("/nmg/changes").body
        assert made["title"] in page
        assert "中止开放" in page
        assert f'href="{FEED}"' in page


class TestPolling:
    def test_nothing_new_is_not_modified(self, world, app):
        made = world.open_data
        address = json.loads(ask(app).body)["current"]
        first = ask(app, address)
        again = ask(app, address, status=304, **{"If-None-Match": first.headers["ETag"]})
        assert again.body == ""
        assert again.headers["ETag"] == first.headers["ETag"]
        assert "no-cache" in again.headers["Cache-Control"]
        stop(made)
        fresh = ask(app, address, **{"If-None-Match": first.headers["ETag"]})
        assert [item["cause"] for item in json.loads(fresh.body)["orderedItems"]] == ["suspended"]

    def test_an_old_page_is_new_when_a_later_change_overtakes_it(self, world, app):
        made = world.open_data
        tag = ask(app, f"{FEED}?after=0").headers["ETag"]
        patch(made, private=True)
        assert made["title"] not in ask(app, f"{FEED}?after=0", **{"If-None-Match": tag}).body

    def test_an_empty_poll_is_one_query_on_indexes(self, world, app):
        world.open_data
        address = json.loads(ask(app).body)["current"]
        ask(app, address)
        with queries() as asked:
            ask(app, address)
        others = [one for one in asked if "system_info" not in one]  # CKAN's own, at every request
        assert len(others) == 1, asked

    @pytest.mark.parametrize("query", ["after=x", "after=", "after=-1", "after=1&limit=0", "after=1&limit=x"])
    def test_a_malformed_question_is_refused(self, app, clean, query):
        assert json.loads(ask(app, f"{FEED}?{query}", status=400).body)["success"] is False

    def test_a_cursor_beyond_the_retention_is_gone_with_a_way_on(self, world, app):
        patch(world.open_data, notes="改过")
        earlier = feed.head() - 2
        assert ask(app, f"{FEED}?after={earlier}")
        with clock.fixed(clock.now() + timedelta(days=401)):
            feed.purge()
        for cursor in (earlier, earlier + 99999):
            said = json.loads(ask(app, f"{FEED}?after={cursor}", status=410).body)
            assert said["error"]["collection"] == f"{SITE}{FEED}"
        assert len(items(app, json.loads(ask(app).body)["first"])) == 1

    def test_pages_have_a_limit(self, world, app, monkeypatch):
        monkeypatch.setitem(tk.config, "ckanext.nmgdata.changes.page_size", 2)
        for _turn in range(3):
            factories.dataset(world.department)
        assert len(items(app, f"{FEED}?after=0&limit=1000")) == 2


class TestDataJson:
    def found(self, app, headers=None):
        answer = app.get("/data.json", headers=headers or {})
        return {entry["title"]: entry for entry in json.loads(answer.body)["dataset"]}

    def test_the_public_entries_whoever_asks(self, world, app, as_user, monkeypatch):
        monkeypatch.setattr(whole, "PAGE", 2)
        made = [
            world.open_data,
            world.conditional,
            *(factories.dataset(world.department) for _turn in range(3)),
        ]
        world.non_open
        factories.dataset(world.department, title="未公布", private=True)
        for headers in ({}, as_user(world.sysadmin), as_user(world.editor)):
            assert set(self.found(app, headers)) == {one["title"] for one in made}

    def test_only_unconditional_files_can_be_fetched(self, world, app):
        entries = self.found(app) if world.open_data and world.conditional else {}
        [open_file] = entries[world.open_data["title"]]["distribution"]
        [closed_file] = entries[world.conditional["title"]]["distribution"]
        assert "/download" in open_file["downloadURL"]
        assert "downloadURL" not in closed_file
        assert entries[world.conditional["title"]]["accessLevel"] == "restricted public"

    def test_no_true_link(self, world, app):
        factories.resource(factories.dataset(world.department))
        assert "data.example.org" not in app.get("/data.json").body

    @pytest.mark.parametrize("withdraw", [False, True])
    def test_what_is_stopped(self, world, app, withdraw):
        case = stop(world.open_data, withdraw=withdraw)
        entry = self.found(app)[world.open_data["title"]]
        assert (entry["accessLevel"], entry["caseNumber"]) == ("non-public", case.number)
        assert entry["openState"] == ("withdrawn" if withdraw else "suspended")
        assert "/download" not in json.dumps(entry)
        assert bool(entry.get("distribution")) is not withdraw

    def test_an_empty_catalogue_is_still_a_catalogue(self, app):
        assert self.found(app) == {}


class TestSitemap:
    def places(self, app, address="/sitemap.xml"):
        answer = app.get(address)
        assert answer.headers["Content-Type"].startswith("application/xml")
        return [one.text for one in ET.fromstring(answer.body).iter(f"{{{exports.NAMESPACE}}}loc")]

    def datasets(self, app):
        return {place.rpartition("/")[2] for place in self.places(app) if "/dataset/" in place} - {""}

    def test_public_entries_only(self, world, app):
        withdrawn = factories.dataset(world.department)
        shown = [world.open_data, world.conditional]
        world.non_open
        factories.dataset(world.department, private=True)
        stop(world.conditional)
        assert self.datasets(app) == {one["name"] for one in [*shown, withdrawn]}
        stop(withdrawn, withdraw=True)
        assert self.datasets(app) == {one["name"] for one in shown}

    def test_departments_and_pages_are_there_and_answer(self, world, app):
        world.department
        places = self.places(app)
        assert f"{SITE}/organization/{world.department['name']}" in places
        for place in places:
            assert app.get(place.removeprefix(SITE)).status_code == 200, place

    def test_beyond_the_limit_it_is_divided(self, world, app, monkeypatch):
        names = {factories.dataset(world.department)["name"] for _turn in range(4)}
        monkeypatch.setattr(exports, "LIMIT", 8)
        parts = self.places(app)
        assert len(parts) == 16
        found = [place for part in parts for place in self.places(app, part.removeprefix(SITE))]
        assert sorted(place.rpartition("/")[2] for place in found) == sorted(names)

    def test_robots_are_told(self, app, clean):
        assert f"Sitemap: {SITE}/sitemap.xml" in app.get("/robots.txt").body
        assert re.search(r"Disallow: /api/", app.get("/robots.txt").body)
