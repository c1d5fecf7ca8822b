"""Following a city's feed: its own words are understood, and nothing else is followed."""

from __future__ import annotations

import gzip
import json
import resource
from dataclasses import replace

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.catalog import changes
from ckanext.nmgdata.harvest.remote import feed, parse
from ckanext.nmgdata.harvest.remote.errors import Code, Fault, RemoteError
from ckanext.nmgdata.harvest.remote.feed import Kind
from ckanext.nmgdata.harvest.remote.spec import MIB
from ckanext.nmgdata.harvest.tests import hostile

NAME = "https://city.example.org/dataset/1"
GRAPH = [
    {
        "@id": NAME,
        "@type": ["http://www.w3.org/ns/dcat#Dataset"],
        "http://purl.org/dc/terms/title": [{"@value": "一"}],
    }
]


@pytest.fixture
def server():
    made = hostile.Server()
    yield made
    made.close()
    parse.close()


def activity(number, kind="Update", cause="updated", **changes):
    """Return one activity of a feed."""
    thing = {"id": NAME, "type": "dcat:Dataset", **changes.pop("object", {})}
    said = {"id": f"https://city.example.org/nmg/changes.jsonld#{number}", "type": kind, "cause": cause}
    return {**said, "published": "2026-11-23T10:00:00+08:00", "object": thing, **changes}


def page(*items, after="7", **changes):
    """Return a page of a feed."""
    following = f"https://elsewhere.example.org/nmg/changes.jsonld?after={after}"
    return json.dumps(
        {"type": ["OrderedCollectionPage"], "next": following, "orderedItems": list(items), **changes}
    )


def read(server, body, cursor="3", **headers):
    """Return what a page of a feed says."""
    server.page(f"/feed?after={cursor}", body, **headers)
    return feed.read(server.spec(feed=server.host + "/feed"), cursor)


@pytest.mark.parametrize(
    ("kind", "cause", "what"),
    [
        ("Create", "published", Kind.CREATED), ("Update", "updated", Kind.UPDATED), ("Update", "suspended", Kind.SUSPENDED),
        ("Update", "lifted", Kind.LIFTED), ("Update", "class_changed", Kind.CLASS_CHANGED),
        ("Update", "resource_replaced", Kind.RESOURCE_REPLACED), ("Delete", "withdrawn", Kind.WITHDRAWN),
        ("Delete", "removed", Kind.DELETED), ("Update", "something new", Kind.UPDATED), ("Delete", None, Kind.DELETED),
    ],
)  # fmt: skip
def test_what_happened(server, kind, cause, what):
    (event,) = read(server, page(activity(5, kind, cause))).events
    assert (event.number, event.kind, event.subject) == (5, what, NAME)
    assert event.at.isoformat() == "2026-11-23T10:00:00+08:00"


def test_a_description_is_a_record_and_a_stop_is_told(server):
    state = "https://w3id.org/nmgdata/concept/open_state/suspended"
    said = activity(
        5, "Update", "suspended", object={"openState": state, "caseNumber": "YY-1"}, **{"@graph": GRAPH}
    )
    (event,) = read(server, page(said)).events
    assert (event.stop, event.case) == ("suspended", "YY-1")
    assert event.record.subject == NAME
    assert "一" in event.record.triples.decode()


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        ([], Code.NO_CATALOGUE),
        ([{**GRAPH[0], "@id": "https://city.example.org/dataset/2"}], Code.NO_CATALOGUE),
        ({"@context": "https://evil.example.org/", **GRAPH[0]}, Code.REMOTE_CONTEXT),
        ([{**GRAPH[0], "http://purl.org/dc/terms/description": [{"@value": "长" * 200_000}]}], Fault.LITERAL),
    ],
)  # fmt: skip
def test_a_description_that_can_not_be_used_does_not_hide_the_event(server, graph, reason):
    (event,) = read(server, page(activity(5, **{"@graph": graph}))).events
    assert (event.kind, event.record, event.refused) == (Kind.UPDATED, None, reason)


def test_only_the_cursor_is_taken_from_next(server):
    found = read(server, page(activity(5), after="5"))
    assert (found.cursor, found.more) == ("5", True)
    server.page("/feed?after=5", page(after="5"), ETag='"5-0-5"')
    spec = server.spec(feed=server.host + "/feed")
    rest = feed.read(spec, found.cursor)
    assert (rest.events, rest.cursor, rest.tag, rest.more) == ((), "5", '"5-0-5"', False)
    server.routes["/feed?after=5"] = hostile.answer("", 304)
    assert feed.read(spec, "5", rest.tag).events == ()
    assert server.asked[-1][1]["If-None-Match"] == '"5-0-5"'


@pytest.mark.parametrize(
    "body",
    [
        "[]", "{}", "x", page(activity(5), activity(5)), page(activity(6), activity(5)), page(activity(5), after="3"),
        page("x"), page({"id": "x"}), page(activity("x")), page(activity(5, "Announce")), page(activity(5), next=None),
        page(activity(5), next="https://city.example.org/?after=%0a"), page(activity(5), orderedItems={}),
        page(activity(5, object={"id": 7})),
    ],
)  # fmt: skip
def test_what_is_no_feed(server, body):
    with pytest.raises(RemoteError) as caught:
        read(server, body)
    assert caught.value.code in (Code.FEED, Code.SYNTAX)


class TestGiants:
    """A page that is out of all proportion is refused, and costs the portal next to nothing."""

    def refused(self, server, body, **limits):
        """Return why a page is refused, and by how many MiB this process has grown meanwhile."""
        server.page("/feed?after=3", body)
        made = server.spec(feed=server.host + "/feed")
        spec = replace(made, limits=replace(made.limits, **limits))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(RemoteError) as caught:
            feed.read(spec, "3")
        return caught.value.code, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024

    def test_too_many_changes(self, server):
        items = [activity(number) for number in range(1, 10_002)]
        assert self.refused(server, page(*items, after="10001"))[0] == Code.FEED
        found = read(server, page(*items[:10_000], after="10000"))
        assert (len(found.events), found.cursor) == (10_000, "10000")

    def test_too_many_bytes_also_when_they_are_packed(self, server):
        body = page(activity(5, object={"stopReason": "长" * 200_000}))
        assert self.refused(server, body, page_bytes=100_000)[0] == Code.TOO_LARGE
        bomb = gzip.compress(b" " * (200 * MIB))
        server.page("/feed?after=3", bomb, **{"Content-Encoding": "gzip"})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(RemoteError) as caught:
            feed.read(server.spec(feed=server.host + "/feed"), "3")
        assert caught.value.code == Code.TOO_LARGE
        assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 150

    def test_more_memory_than_the_reader_has(self, server):
        deep = page(activity(5, object={"parts": [[] for _number in range(3_000_000)]}))
        code, grown = self.refused(server, deep, parse_bytes=256 * MIB)
        assert code == Code.PARSE_MEMORY
        assert grown < 150


def test_an_outdated_cursor(server):
    server.routes["/feed?after=3"] = hostile.answer("{}", 410)
    with pytest.raises(RemoteError) as caught:
        feed.read(server.spec(feed=server.host + "/feed"), "3")
    assert caught.value.code == Code.GONE


class TestAPortalOfThisSoftware:
    def told(self, server, app, cursor):
        """Hand the portal's feed through the test's server; return what the client makes of it."""
        body = app.get(f"/nmg/changes.jsonld?after={cursor}").data
        return read(server, body, cursor)

    def test_its_feed_is_followed_from_publication_to_deletion(self, server, app, world):
        server.page("/feed", app.get("/nmg/changes.jsonld").data)
        cursor = feed.head(server.spec(feed=server.host + "/feed"))
        made = factories.dataset(world.department, title="公交站点")
        found = self.told(server, app, cursor)
        mine = [event for event in found.events if event.subject.endswith(made["id"])]
        assert [event.kind for event in mine] == [Kind.CREATED]
        assert mine[0].record.subject == mine[0].subject == changes.dataset_uri(made)
        assert "公交站点" in mine[0].record.triples.decode()
        tk.get_action("package_delete")(factories.site_context(), {"id": made["id"]})
        rest = self.told(server, app, found.cursor)
        assert [(event.kind, event.subject) for event in rest.events] == [(Kind.DELETED, mine[0].subject)]
        assert self.told(server, app, rest.cursor).events == ()
