"""With Solr gone, silent or wrong, what does not need it works, and what needs it says so (design §3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from ckan.plugins import toolkit as tk

from ..factories import CSV, STATEMENT, call, entry
from ..kernel import clock, outbox
from ..kernel.outbox import search as index
from .faults import WAYS, without_solr

pytestmark = pytest.mark.usefixtures("clean_search")
SAYS_SO = "搜索暂时不可用"


@pytest.fixture(params=WAYS)
def no_solr(request) -> Iterator[str]:
    """Take Solr away: nobody listens, somebody who never answers, or somebody who always answers 500."""
    with without_solr(request.param):
        yield request.param


@pytest.fixture
def filled(world) -> dict:
    """Return an entry that was made while all was well."""
    return world.open_data


def test_lists_say_so_instead_of_failing(world, filled, no_solr, app):
    org = world.department["name"]
    for address in (
        "/",
        "/dataset/",
        "/organization/",
        f"/organization/{org}",
        "/nmg/cities",
        "/nmg/cities/ordos",
    ):
        page = app.get(address)
        assert page.status_code == 200, address
        assert SAYS_SO in page.body, address


def test_entries_downloads_and_applications_do_not_notice(world, filled, no_solr, app, as_user):
    closed = world.conditional
    shown = app.get(f"/dataset/{filled['name']}")
    assert filled["title"] in shown.body
    file = filled["resources"][0]
    assert file["name"] in app.get(f"/dataset/{filled['name']}/resource/{file['id']}").body
    assert app.get(f"/dataset/{filled['id']}/resource/{file['id']}/download").data == CSV
    assert tk.get_action("package_show")({}, {"id": filled["id"]})["title"] == filled["title"]
    answer = app.post(f"/nmg/apply/{closed['id']}", data=STATEMENT, headers=as_user(world.applicant))
    assert "SQ-" in answer.body


def test_what_was_written_meanwhile_is_found_afterwards(world, monkeypatch, app):
    with monkeypatch.context() as patch:
        patch.setitem(tk.config, "solr_url", "http://127.0.0.1:9/solr/none")
        made = call("package_create", world.editor, **entry(world.department, title="草畜平衡监测"))
    index.rest_is_over()
    with clock.fixed(clock.now() + timedelta(minutes=5)):
        outbox.deliver()
    assert made["name"] in app.get("/dataset/?q=草畜平衡").body


def test_a_search_through_the_api_gets_a_plain_error(world, filled, no_solr, app):
    answer = app.get("/api/3/action/package_search?q=公交", status=None)
    assert answer.json["success"] is False
    error = "Search Error" if no_solr == "wrong" else "Search Connection Error"
    assert answer.json["error"]["__type"] == error
    shown = app.get(f"/api/3/action/organization_show?id={world.department['id']}").json["result"]
    assert shown["title"] == world.department["title"]
