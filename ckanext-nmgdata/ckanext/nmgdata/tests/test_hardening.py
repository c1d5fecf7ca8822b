"""What fresh eyes found: tricks against the portal as a whole."""

from __future__ import annotations

import json

import pytest
from ckan import model
from ckan.config.middleware.flask_app import csrf
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.factories import call
from ckanext.nmgdata.site.hardening import ExemptViews


def test_every_answer_forbids_foreign_frames(app):
    for address in ("/", "/dataset", "/api/3/action/status_show", "/no-such-page"):
        headers = app.get(address).headers
        assert headers["X-Frame-Options"] == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_picture_is_missing_that_browsers_ask_for(app):
    sheet = "/webassets/ckanext-datatablesview/vendor/FontAwesome/images"
    assert app.get(f"{sheet}/times-circle-solid.svg").content_type.startswith("image/svg+xml")
    assert app.get(f"{sheet}/..%2f..%2f..%2fdatatables_view.css").status_code == 404
    assert app.get("/favicon.ico").content_type.startswith("image/svg+xml")


@pytest.mark.parametrize("address", ["/dataset/%00", "/nmg/object/verify/%00", "/user/activate/%00"])
def test_nul_is_refused_and_not_a_fault(app, address):
    assert app.get(address).status_code == 400


def test_nul_in_a_form(app, clean):
    assert app.post("/nmg/cases", data={"number": "a\0b", "code": "x"}).status_code == 400


def test_an_exemption_from_csrf_ends_with_its_request(wsgi):
    assert isinstance(csrf._exempt_views, ExemptViews)
    with wsgi._wsgi_app.test_request_context("/"):
        csrf._exempt_views.add("some.view")
        assert "some.view" in csrf._exempt_views
    with wsgi._wsgi_app.test_request_context("/"):
        assert "some.view" not in csrf._exempt_views


def test_hidden_entries_leave_no_terms_in_facets(world, clean_search):
    assert world.open_data
    assert world.non_open
    for field in ("title_string", "name", "tags"):
        found = call(
            "package_search",
            None,
            **{"rows": 0, "facet.mincount": 0, "facet.limit": -1, "facet.field": [field]},
        )
        assert "从业人员名册" not in json.dumps(found, ensure_ascii=False)
        assert world.non_open["name"] not in json.dumps(found)


@pytest.mark.parametrize("address", ["/catalog.ttl", "/catalog.jsonld"])
def test_a_query_that_nobody_understands_is_no_fault_of_the_portal(app, world, address):
    answer = app.get(f"{address}?fq={{!x}}a", status=None)
    assert answer.status_code == 400
    assert "{!x}" not in answer.body


def test_no_function_counts_what_the_reader_may_not_know_of(world, app, clean_search):
    assert world.open_data
    counted = f"docfreq(name,'{world.non_open['name']}')"
    for stated in ({"fl": f"name,n:{counted}"}, {"sort": f"product({counted},ms(metadata_modified)) desc"}):
        answer = app.post("/api/3/action/package_search", json={"q": "*:*", **stated}, status=None)
        assert answer.status_code == 400, stated
    assert app.post("/api/3/action/package_search", json={"fl": "name", "sort": "name asc"}).json["result"][
        "count"
    ]


def test_a_tag_gives_no_hidden_entry(world, clean_search):
    tagged = {"tags": [{"name": "名册"}]}
    hidden = factories.dataset(world.department, title="隐藏的名册", open_class="non_open", **tagged)
    with pytest.raises(tk.ObjectNotFound):
        call("tag_show", None, id="名册", include_datasets=True)
    shown = factories.dataset(world.department, title="公开的名册", **tagged)
    tag = call("tag_show", None, id="名册", include_datasets=True)
    assert [entry["id"] for entry in tag["packages"]] == [shown["id"]]
    assert hidden["title"] not in json.dumps(tag, ensure_ascii=False)


@pytest.mark.parametrize("action", ["job_show", "job_cancel"])
def test_a_job_that_cannot_be_is_no_fault_of_the_portal(world, app, as_user, action):
    answer = app.post(
        f"/api/3/action/{action}", json={"id": "不 存在/../x"}, headers=as_user(world.sysadmin), status=None
    )
    assert answer.status_code == 400
    assert "id" in answer.json["error"]


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("member_create", {"object_type": "package", "capacity": "public"}),
        ("member_delete", {"object_type": "package"}),
        ("package_relationship_create", {"type": "links_to"}),
    ],
)
def test_what_is_to_be_joined_is_not_said_to_exist(world, action, parameters):
    prober = factories.join(factories.person("prober"), world.other, "editor")
    own = {"id": world.other["id"], "subject": factories.dataset(world.other)["id"]}
    answers = []
    for named in (world.non_open["id"], world.non_open["name"], "there-is-no-such-entry"):
        with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)) as refused:
            call(action, prober, **own, **parameters, object=named)
        answers.append((refused.type, str(refused.value).replace(named, "")))
        model.Session.rollback()
    assert len(set(answers)) == 1, answers


def test_a_table_that_is_asked_nonsense_says_so(world, app, as_user):
    file = world.filled(factories.dataset(world.department))["resources"][0]["id"]
    factories.table(file, records=[{"a": "1"}], fields=[{"id": "a", "type": "text"}])
    view = {"resource_id": file, "view_type": "datatables_view", "title": "表"}
    made = tk.get_action("resource_view_create")(factories.site_context(), view)
    for params in ("{}", "[]", "x"):
        answer = app.post(f"/datatables/filtered-download/{made['id']}", data={"params": params}, status=None)
        assert answer.status_code == 400, params


class TestPeople:
    @pytest.mark.parametrize("action", ["user_list", "user_autocomplete"])
    def test_nobody_lists_people_but_who_runs_an_organisation(self, world, action):
        for person in (None, world.applicant, world.editor, world.reviewer):
            with pytest.raises(tk.NotAuthorized):
                call(action, person, q="a")
        admin = factories.join(factories.person("chief"), world.department, "admin")
        assert call(action, admin, q="a")

    def test_only_themselves(self, world):
        assert call("user_show", world.applicant, id=world.applicant.name)["name"] == "applicant"
        with pytest.raises(tk.NotAuthorized):
            call("user_show", world.applicant, id=world.citizen.name)

    def test_who_runs_an_organisation_finds_accounts_and_learns_no_names(self, world):
        admin = factories.join(factories.person("chief"), world.department, "admin")
        factories.person("stationer", fullname="王小明")
        listed = [user for user in call("user_list", admin) if user["name"] == "stationer"]
        proposed = call("user_autocomplete", admin, q="station")
        for shown in [*listed, *proposed, call("user_show", admin, id="stationer")]:
            assert shown["name"] == "stationer"
            assert "小明" not in str(shown)
        assert listed and proposed
        assert call("user_show", world.sysadmin, id="stationer")["fullname"] == "王小明"

    def test_no_order_that_tells_secrets_and_no_digest_of_an_address(self, world):
        with pytest.raises(tk.ValidationError):
            call("user_list", world.sysadmin, order_by="password")
        listed = call("user_list", world.sysadmin)
        assert all("email_hash" not in user for user in listed)


def test_the_session_gets_a_new_name_at_login(app, world):
    """Whoever knew the cookie before the login must not be in afterwards."""

    class Inner:
        renewed = False

        def regenerate(self, session):
            self.renewed = True

    from ckanext.nmgdata.site.sessions import ForgivingSessions

    inner = Inner()
    ForgivingSessions(inner).regenerate({})  # type: ignore[arg-type]
    assert inner.renewed


def test_the_help_of_chained_actions_is_about_the_action(app):
    for action, word in (
        ("package_show", "dataset"),
        ("datastore_search", "resource_id"),
        ("help_show", "help"),
    ):
        said = app.get(f"/api/3/action/help_show?name={action}").json["result"]
        assert word in said and "partial" not in said, action
