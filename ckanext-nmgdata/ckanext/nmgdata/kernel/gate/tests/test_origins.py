"""True links are nowhere but in their own table, whichever way a resource is written."""

from __future__ import annotations

import json

import pysolr
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel.gate import origins
from ckanext.nmgdata.kernel.gate.model import Origin

SECRET = "https://data.example.org/secret/path.csv"


@pytest.fixture
def linked(world):
    """Return a conditional entry with a link."""
    made = factories.dataset(world.department, open_class="conditional")
    factories.resource(made)
    return tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})


def gate_address(dataset):
    """Return the address a resource must show."""
    resource = dataset["resources"][0]
    return f"http://test.ckan.net/dataset/{dataset['id']}/resource/{resource['id']}/download"


def stored(dataset):
    """Return the true link and the shown one as the database has them."""
    model.Session.expire_all()
    resource_id = dataset["resources"][0]["id"]
    return origins.true_link(resource_id), model.Session.get(model.Resource, resource_id).url


class TestEveryWayOfWriting:
    def test_create(self, linked):
        assert stored(linked) == (SECRET, gate_address(linked))
        assert linked["resources"][0]["url"] == gate_address(linked)

    @pytest.mark.parametrize(
        "action", ["package_update", "package_patch", "resource_update", "resource_patch", "package_revise"]
    )
    def test_update_with_a_new_link(self, linked, action):
        new = "https://data.example.org/other/secret.csv"
        resource = dict(linked["resources"][0], url=new)
        data = {
            "package_update": dict(linked, resources=[resource]),
            "package_patch": {"id": linked["id"], "resources": [resource]},
            "resource_update": resource,
            "resource_patch": {"id": resource["id"], "url": new},
            "package_revise": {
                "match__id": linked["id"],
                f"update__resources__{resource['id'][:8]}": {"url": new},
            },
        }[action]
        tk.get_action(action)(factories.site_context(), data)
        assert stored(linked) == (new, gate_address(linked))

    def test_saving_what_is_shown_keeps_the_link(self, linked):
        tk.get_action("package_update")(factories.site_context(), dict(linked, notes="改过"))
        assert stored(linked) == (SECRET, gate_address(linked))

    def test_the_orm(self, linked):
        resource = model.Session.get(model.Resource, linked["resources"][0]["id"])
        resource.url = "https://data.example.org/by/orm.csv"
        model.Session.commit()
        assert stored(linked) == ("https://data.example.org/by/orm.csv", gate_address(linked))

    def test_raw_sql_is_refused(self, linked):
        with pytest.raises(sa.exc.IntegrityError, match="nmgdata_gate_address"):
            model.Session.execute(sa.text("UPDATE resource SET url = 'https://data.example.org/raw.csv'"))
        model.Session.rollback()

    @pytest.mark.parametrize("url_type", ["upload", "datastore", "tabledesigner", "link", ""])
    def test_a_forged_url_type_hides_nothing_and_shows_nothing(self, linked, url_type):
        resource = {
            **linked["resources"][0],
            "url": "https://data.example.org/forged.csv",
            "url_type": url_type,
        }
        tk.get_action("resource_update")(factories.site_context(), resource)
        assert "example.org" not in stored(linked)[1]

    def test_replacing_the_link_by_a_file_forgets_the_link(self, linked):
        factories.tk.get_action("resource_update")(
            factories.site_context(),
            {
                "id": linked["resources"][0]["id"],
                "upload": factories.FileStorage(factories.io.BytesIO(b"a,b\n1,2\n"), filename="a.csv"),
                "url": "a.csv",
                "format": "CSV",
            },
        )
        assert stored(linked)[0] is None

    def test_deleting_the_dataset_for_good_deletes_the_link(self, linked):
        tk.get_action("dataset_purge")(factories.site_context(), {"id": linked["id"]})
        assert model.Session.scalars(sa.select(Origin)).all() == []

    @pytest.mark.parametrize(
        "url", ["ftp://x/y.csv", "javascript:alert(1)", "just text", "http://", "//host/x"]
    )
    def test_other_addresses_are_refused_at_the_field(self, linked, url):
        with pytest.raises(tk.ValidationError) as refused:
            factories.resource(linked, url=url)
        assert "url" in refused.value.error_dict


class TestNowhereElse:
    def test_listings_and_index(self, linked, app, clean_search, world):
        made = factories.dataset(world.department, title="含链接的数据", open_class="conditional")
        factories.resource(made)
        for path in (
            f"/api/3/action/package_show?id={made['id']}",
            "/api/3/action/package_search?q=*:*",
            "/api/3/action/package_search?q=*:*&fl=*",
            "/api/3/action/current_package_list_with_resources",
            "/api/3/action/resource_search?query=name:链接",
            f"/dataset/{made['name']}", f"/dataset/{made['name']}.ttl", f"/dataset/{made['name']}.jsonld",
            "/catalog.ttl", "/feeds/dataset.atom",
        ):  # fmt: skip
            answer = app.get(path, status=None)
            assert "data.example.org" not in answer.body, path
        documents = pysolr.Solr(tk.config["solr_url"]).search("*:*", fl="*").docs
        assert documents
        assert "data.example.org" not in json.dumps(documents)

    def test_the_url_is_no_oracle(self, linked, app):
        found = json.loads(app.get("/api/3/action/resource_search?query=url:secret").body)
        assert found["result"]["count"] == 0

    def test_the_editor_s_form_shows_it_to_the_editor_only(self, linked, world, app, as_user):
        path = f"/dataset/{linked['name']}/resource/{linked['resources'][0]['id']}/edit"
        assert SECRET in app.get(path, headers=as_user(world.editor)).body
        assert SECRET not in app.get(path, headers=as_user(world.stranger), status=None).body

    def test_the_api_cannot_ask_for_the_form_s_view(self, linked, world, app, as_user):
        path = f"/api/3/action/package_show?id={linked['id']}&for_edit=true"
        assert SECRET not in app.get(path, headers=as_user(world.editor)).body


def test_saving_the_form_unchanged_changes_nothing(linked, world):
    context = {**factories.context_of(world.editor), "for_edit": True}
    shown = tk.get_action("package_show")(context, {"id": linked["id"]})
    assert shown["resources"][0]["url"] == SECRET
    before = linked["metadata_modified"]
    form = {
        name: shown["resources"][0].get(name, "") for name in ("id", "package_id", "url", "name", "format")
    }
    tk.get_action("resource_update")(factories.context_of(world.editor), form)
    after = tk.get_action("package_show")(factories.site_context(), {"id": linked["id"]})
    assert after["metadata_modified"] == before
    assert stored(linked) == (SECRET, gate_address(linked))
