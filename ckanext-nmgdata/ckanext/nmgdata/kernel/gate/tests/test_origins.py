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

    @pytest.mark.parametrize(
        "url",
        [
            "https://data.example.org/raw.csv", "ftp://data.example.org/raw.csv", "raw.csv", "{own}?x", "{own}#x",
            "https://data.example.org/?u={own}", "https:///resource/{id}/download",
            "https://data.example.org/resource/other/download", "https://data.example.org/?/datastore/dump/{id}",
        ],
    )  # fmt: skip
    def test_raw_sql_is_refused(self, linked, url):
        url = url.format(own=gate_address(linked), id=linked["resources"][0]["id"])
        with pytest.raises(sa.exc.IntegrityError, match="nmgdata_gate_address"):
            model.Session.execute(sa.text("UPDATE resource SET url = :url"), {"url": url})
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


OWN = "http://test.ckan.net/dataset/{dataset}/resource/{id}/download"


class TestForgedAddresses:
    @pytest.mark.parametrize("dressed", ["", "/a.csv", "?x=1", "#part", "/a.csv?token=secret"])
    @pytest.mark.parametrize("action", ["resource_update", "resource_patch"])
    def test_the_own_address_however_dressed_changes_nothing(self, linked, dressed, action):
        forged = gate_address(linked) + dressed
        resource = {**linked["resources"][0], "url": forged}
        tk.get_action(action)(factories.site_context(), resource)
        assert stored(linked) == (SECRET, gate_address(linked))

    def test_another_resource_s_address_is_a_link_and_opens_nothing(self, linked, world, app):
        mine = factories.dataset(world.other)
        made = factories.resource(mine, url=gate_address(linked))
        model.Session.expire_all()
        assert origins.true_link(made["id"]) == gate_address(linked)
        mine = tk.get_action("package_show")(factories.site_context(), {"id": mine["id"]})
        first = app.get(gate_address(mine), follow_redirects=False)
        assert first.headers["Location"] == gate_address(linked)
        assert app.get(first.headers["Location"], status=None).status_code == 403

    def test_another_portal_s_address_with_the_same_id_is_a_link(self, linked):
        rid = linked["resources"][0]["id"]
        foreign = f"https://data.example.org/dataset/x/resource/{rid}/download"
        tk.get_action("resource_patch")(factories.site_context(), {"id": rid, "url": foreign})
        assert stored(linked) == (foreign, gate_address(linked))

    def test_a_portal_that_has_moved_keeps_its_links(self, linked, monkeypatch):
        monkeypatch.setitem(tk.config, "ckan.site_url", "https://new.example.cn")
        tk.get_action("resource_patch")(
            factories.site_context(), {"id": linked["resources"][0]["id"], "description": "x"}
        )
        assert stored(linked)[0] == SECRET

    def test_a_resource_cannot_be_taken_over_by_its_id(self, linked, world):
        mine = factories.dataset(world.other, open_class="unconditional")
        stolen = {"id": linked["resources"][0]["id"], "name": "x", "format": "CSV"}
        url = gate_address(linked)
        with pytest.raises(tk.ValidationError):
            factories.resource(mine, **stolen, url=url)
        with pytest.raises(tk.ValidationError):
            tk.get_action("package_patch")(
                factories.site_context(), {"id": mine["id"], "resources": [{**stolen, "url": url}]}
            )
        model.Session.rollback()
        assert stored(linked) == (SECRET, gate_address(linked))

    @pytest.mark.parametrize("purged", [False, True], ids=["deleted", "purged"])
    def test_nor_one_that_was_deleted_by_what_is_left_of_it(self, linked, world, app, purged):
        mine = factories.dataset(world.other, open_class="unconditional")
        file = factories.upload(linked, b"a,b\nsecret,2\n", name="n.csv")["id"]
        link = linked["resources"][0]["id"]
        rival = factories.join(factories.person("rival"), world.other, "editor")
        if purged:
            tk.get_action("dataset_purge")(factories.site_context(), {"id": linked["id"]})
        else:
            for one in (file, link):
                tk.get_action("resource_delete")(factories.site_context(), {"id": one})
        for rid, values in (
            (file, {"url_type": "upload", "url": "n.csv"}),
            *([] if purged else [(link, {"url": OWN.format(dataset=mine["id"], id=link)})]),
        ):
            with pytest.raises(tk.ValidationError) as refused:
                factories.call(
                    "resource_create",
                    rival,
                    package_id=mine["id"],
                    id=rid,
                    format="CSV",
                    **values,
                )
            assert "id" in refused.value.error_dict
            model.Session.rollback()
            answer = app.get(f"/dataset/{mine['id']}/resource/{rid}/download", status=None)
            assert answer.status_code == 404

    def test_a_resource_made_with_an_id_of_its_own(self, world):
        mine = factories.dataset(world.department)
        rid = "11111111-2222-4333-8444-555555555555"
        made = factories.resource(mine, id=rid)
        assert made["url"] == OWN.format(dataset=mine["id"], id=rid)
        model.Session.expire_all()
        assert origins.true_link(rid) == SECRET


class TestRoundTrips:
    def test_a_clone_holds_the_address_and_not_the_link(self, linked, world, app):
        shown = tk.get_action("package_show")({}, {"id": linked["id"]})
        copy = {name: value for name, value in shown.items() if name not in ("id", "name", "identifier")}
        copy["resources"] = [
            {name: r[name] for name in ("name", "url", "format")} for r in shown["resources"]
        ]
        copy |= factories.entry(world.other, title="克隆")
        made = tk.get_action("package_create")(factories.site_context(), copy)
        model.Session.expire_all()
        assert made["resources"][0]["url"] == gate_address(made)
        assert origins.true_link(made["resources"][0]["id"]) == gate_address(linked)
        assert SECRET not in json.dumps(tk.get_action("package_show")({}, {"id": made["id"]}))

    def test_an_old_dictionary_put_back(self, linked, world):
        """As a revert from an activity does: the dictionary shown before a change is saved again."""
        before = tk.get_action("package_show")({}, {"id": linked["id"]})
        rid = linked["resources"][0]["id"]
        tk.get_action("resource_patch")(
            factories.site_context(), {"id": rid, "url": "https://data.example.org/newer.csv", "name": "新"}
        )
        tk.get_action("package_update")(factories.site_context(), before)
        assert stored(linked) == ("https://data.example.org/newer.csv", gate_address(linked))
        tk.get_action("resource_delete")(factories.site_context(), {"id": rid})
        tk.get_action("package_update")(factories.site_context(), before)
        assert "example.org" not in stored(linked)[1]

    @pytest.mark.parametrize("after", ["unconditional", "non_open", "conditional"])
    def test_a_change_of_class_keeps_it(self, linked, world, after):
        entry = factories.entry(world.department, open_class=after)
        tk.get_action("package_patch")(factories.site_context(), {"id": linked["id"], **entry})
        assert stored(linked) == (SECRET, gate_address(linked))

    def test_a_file_replaced_by_a_link_and_back(self, world):
        made = world.filled(factories.dataset(world.department, open_class="conditional"))
        rid = made["resources"][0]["id"]
        context = factories.site_context
        tk.get_action("resource_update")(
            context(), {"id": rid, "url": SECRET, "url_type": "", "clear_upload": "true", "format": "CSV"}
        )
        assert stored(made) == (SECRET, gate_address(made))
        again = factories.FileStorage(factories.io.BytesIO(b"a\n1\n"), filename="b.csv")
        tk.get_action("resource_update")(
            context(), {"id": rid, "upload": again, "url": "b.csv", "format": "CSV"}
        )
        assert stored(made) == (None, "b.csv")


class TestTheForm:
    @pytest.mark.parametrize(("who", "sees"), [("editor", True), ("sysadmin", False)])
    def test_who_keeps_the_file_sees_its_link(self, linked, world, app, as_user, who, sees):
        path = f"/dataset/{linked['name']}/resource/{linked['resources'][0]['id']}/edit"
        assert (SECRET in app.get(path, headers=as_user(getattr(world, who))).body) is sees

    def test_nobody_sees_it_while_opening_is_stopped(self, linked, world, app, as_user):
        from ckanext.nmgdata.kernel.actors import Actor
        from ckanext.nmgdata.kernel.gate import rights
        from ckanext.nmgdata.kernel.unit import begin

        case = world.submitted(linked)
        with begin(Actor.system()) as unit:
            rights.suspend(unit, rights.Origin(case["id"], case["number"]), linked["id"])
        path = f"/dataset/{linked['name']}/resource/{linked['resources'][0]['id']}/edit"
        assert SECRET not in app.get(path, headers=as_user(world.editor)).body


class TestDatasetsFromBefore:
    @pytest.fixture
    def old(self, world):
        """Return a dataset as CKAN alone would have stored it."""
        made = factories.dataset(world.department, open_class="conditional")
        for number in range(3):
            factories.resource(made, url=f"https://data.example.org/old/{number}.csv")
        model.Session.remove()
        with model.ensure_engine().begin() as connection:
            connection.execute(sa.text("ALTER TABLE resource DROP CONSTRAINT nmgdata_gate_address"))
            connection.execute(
                sa.text(
                    "UPDATE resource r SET url = o.url, cache_url = o.url FROM nmgdata_origin o WHERE o.resource_id = r.id"
                )
            )
            connection.execute(sa.text("DELETE FROM nmgdata_origin"))
            connection.execute(
                sa.text(
                    f"ALTER TABLE resource ADD CONSTRAINT nmgdata_gate_address CHECK ({origins.CHECK}) NOT VALID"
                )
            )
        yield made
        model.Session.remove()

    def test_links_are_put_away_in_batches_and_once(self, old, monkeypatch):
        monkeypatch.setattr(origins, "BATCH", 2)
        assert origins.left() == 3
        assert list(origins.migrate()) == [2, 1]
        assert origins.left() == 0
        assert list(origins.migrate()) == []
        model.Session.remove()
        assert origins.enforce()
        shown = tk.get_action("package_show")(factories.site_context(), {"id": old["id"]})
        assert "example.org" not in json.dumps(shown)
        assert sorted(origins.true_links(old["id"]).values()) == [
            f"https://data.example.org/old/{number}.csv" for number in range(3)
        ]

    def test_the_command_counts_first(self, old, cli):
        from ckan.cli.cli import ckan

        said = cli.invoke(ckan, ["nmgdata", "origins", "--dry-run"])
        assert "3 true links" in said.output, said.output
        assert origins.left() == 3
        said = cli.invoke(ckan, ["nmgdata", "origins"])
        assert "3 of 3" in said.output, said.output
        assert origins.left() == 0
