"""Database, index and feed agree, or it is found and mended."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib import search as ckan_search
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.catalog import reconcile
from ckanext.nmgdata.factories import lift, site_context, stop
from ckanext.nmgdata.kernel.changes import feed
from ckanext.nmgdata.kernel.outbox import search as index

pytestmark = pytest.mark.usefixtures("clean_search")
SECRET = "https://data.example.org/secret/路径.csv?a=1&b=2"


def run(repair=False):
    """Return the differences and the report."""
    said: list[str] = []
    report = reconcile.run(repair, said.append, lambda _line: None)
    return said, report


def add(**fields):
    """Write a document past the portal."""
    document = {
        "site_id": tk.config["ckan.site_id"], "entity_type": "package", "state": "active",
        "index_id": fields["id"] + "x", **fields,
    }  # fmt: skip
    index.solr().add([document], commit=True)


def document(dataset_id):
    """Return everything that Solr tells of a document."""
    found = reconcile.solr().search(
        f'id:"{dataset_id}"', fl="*,nmg_source,open_state,open_class,nmg_downloads"
    )
    return [{k: v for k, v in one.items() if k not in ("_version_", "indexed_ts")} for one in found.docs]


@pytest.fixture
def several(world, monkeypatch):
    """Return some entries of every kind, more than fit on a page."""
    monkeypatch.setattr(reconcile, "PAGE", 2)
    return [
        world.open_data, world.conditional, world.non_open,
        factories.dataset(world.department, private=True), factories.dataset(world.other, tag_string="公交,站点"),
    ]  # fmt: skip


def test_what_the_portal_does_leaves_no_difference(world, several):
    factories.resource(several[0], url=SECRET)
    case = stop(several[0])
    stop(several[1], withdraw=True)
    lift(case)
    tk.get_action("package_patch")(site_context(), {"id": several[2]["id"], "notes": "改过"})
    tk.get_action("package_delete")(site_context(), {"id": several[4]["id"]})
    said, report = run()
    assert said == []
    assert (report.datasets, report.documents, report.found, report.left) == (4, 4, 0, 0)


def test_each_difference_is_found_and_mended(world, several):
    missing, stale, removed = several[0]["id"], several[1]["id"], several[4]["id"]
    index.solr().delete(q=f'id:"{missing}"', commit=True)
    model.Session.execute(sa.text("UPDATE package SET title = '改过' WHERE id = :id"), {"id": stale})
    model.Session.execute(sa.text("UPDATE package SET state = 'deleted' WHERE id = :id"), {"id": removed})
    model.Session.commit()
    add(id="00000000-nobody", title="无此条目")
    want = {
        f"missing {missing}",
        f"stale {stale}",
        f"extra {removed}",
        "extra 00000000-nobody",
        f"feed {removed}",
    }
    said, report = run()
    assert set(said) == want
    assert report.left == len(want)
    said, report = run(repair=True)
    assert set(said) == want
    assert report.left == 0
    assert run()[0] == []
    assert feed.newest(1)[0].activity == "Delete"


@pytest.mark.parametrize(
    "change",
    [
        """INSERT INTO nmgdata_suspension (id, kind, dataset_id, case_id, case_number, since)
           SELECT 's', 'suspended', :id, id, number, now() FROM nmgdata_case LIMIT 1""",
        "UPDATE resource SET description = '改过' WHERE package_id = :id",
        "DELETE FROM resource WHERE package_id = :id",
        'UPDATE package SET extras = extras || \'{"theme": "health"}\' WHERE id = :id',
        "UPDATE package SET private = true WHERE id = :id",
        "UPDATE \"group\" SET title = '改名' WHERE id = (SELECT owner_org FROM package WHERE id = :id)",
    ],
    ids=["suspended", "file", "no-file", "field", "private", "department"],
)
def test_whatever_a_document_is_made_of_makes_it_stale(world, change):
    made = world.open_data
    world.submitted()
    model.Session.execute(sa.text(change), {"id": made["id"]})
    model.Session.commit()
    said, _report = run()
    assert f"stale {made['id']}" in said
    assert run(repair=True)[1].left == 0
    assert run()[0] == []


def test_with_solr_refused_rows_wait_and_agree_after_it_returns(world, monkeypatch):
    """The tick delivers what waited; reconcile has nothing left to mend."""
    from datetime import timedelta

    from ckanext.nmgdata.kernel import clock, outbox

    made = world.open_data
    with monkeypatch.context() as patch:
        patch.setitem(tk.config, "solr_url", "http://127.0.0.1:9/solr/none")
        case = stop(made)
        tk.get_action("package_patch")(site_context(), {"id": made["id"], "notes": "改过"})
        assert feed.newest(2)[1].cause == "suspended"
    index.rest_is_over()
    assert f"stale {made['id']}" in run()[0]
    with clock.fixed(clock.now() + timedelta(minutes=5)):
        outbox.deliver()
    assert run()[0] == []
    [hit] = tk.get_action("package_search")({}, {"fq": "open_state:suspended"})["results"]
    assert hit["open_state_case"] == case.number


def test_a_true_link_in_a_document_is_found(world):
    made, other = world.open_data, world.conditional
    factories.resource(made, url=SECRET)
    assert run()[0] == []
    for holder in (made, other):
        [stored] = reconcile.solr().search(f'id:"{holder["id"]}"', fl="*,nmg_source").docs
        stored.pop("_version_")
        for text in (SECRET, json.dumps({"url": SECRET}), f"见{SECRET}。"):
            index.solr().add([{**stored, "notes": text}], commit=True)
            assert run()[0] == [f"leak {holder['id']}"], text
        said, report = run(repair=True)
        assert (said, report.left) == ([f"leak {holder['id']}"], 0)
        assert SECRET not in "".join(said)


def test_another_portal_s_documents_are_left_alone(world):
    add(id="elsewhere", site_id="another")
    assert run(repair=True)[0] == []
    assert document("elsewhere")


def test_the_feed_learns_of_entries_from_before_it(world, several):
    model.Session.execute(sa.text("TRUNCATE nmgdata_change"))
    model.Session.commit()
    said, report = run(repair=True)
    public = {several[0]["id"], several[1]["id"], several[4]["id"]}
    assert set(said) == {f"feed {one}" for one in public}
    assert report.left == 0
    assert {item.dataset_id for item in feed.newest(10)} == public
    assert run()[0] == []


def test_ckan_s_own_rebuild_gives_the_same_documents(world, several):
    factories.resource(several[0], url=SECRET)
    stop(several[0], several[0]["resources"][0]["id"])
    stop(several[1], withdraw=True)
    before = {one["id"]: document(one["id"]) for one in several}
    ckan_search.clear_all()
    ckan_search.rebuild(quiet=True)
    assert {one["id"]: document(one["id"]) for one in several} == before
    assert before[several[1]["id"]][0]["open_state"] == "withdrawn"
    assert run()[0] == []


def test_a_link_to_the_portal_s_own_pages_is_no_leak(world):
    made = factories.dataset(world.department)
    for page in ("", "/", "/dataset/", "/dataset"):
        factories.resource(made, url=f"http://test.ckan.net{page}")
    assert run()[0] == []
