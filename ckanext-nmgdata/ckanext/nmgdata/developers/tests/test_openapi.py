"""The API's own description: valid, complete, true, and in Chinese."""

from __future__ import annotations

import json
import re

import pytest
from ckan import plugins
from ckan.plugins import toolkit as tk
from ckanext.nmgdata.developers import docstrings, errors, openapi
from ckanext.nmgdata.factories import call
from openapi_spec_validator import OpenAPIV31SpecValidator

CHINESE = re.compile(r"[\u4e00-\u9fff]")
STRANGER = {"REMOTE_ADDR": "203.0.113.9"}


def document(app, prefix=""):
    """Return the document as a program gets it."""
    return json.loads(app.get(f"{prefix}/nmg/openapi.json").body)


@pytest.mark.parametrize("language", ["", "/en"])
def test_the_document_is_valid_openapi(clean, app, language):
    said = document(app, language)
    assert said["openapi"].startswith("3.1")
    assert [str(fault) for fault in OpenAPIV31SpecValidator(said).iter_errors()] == []


def test_it_holds_every_action_of_this_software(clean, app):
    offered = {
        name for plugin in plugins.PluginImplementations(plugins.IActions) for name in plugin.get_actions()
    }
    paths = document(app)["paths"]
    missing = {n for n in offered if n.startswith("nmgdata_")} - {p.rpartition("/")[2] for p in paths}
    assert not missing, f"put them into developers/actions.yaml: {sorted(missing)}"


def test_actions_and_parameters_have_chinese_names(pages):
    found = openapi.operations()
    assert [one.name for one in found if not CHINESE.search(one.summary)] == []
    nameless = {f"{one.name}.{f.name}" for one in found for f in one.fields if not CHINESE.search(f.meaning)}
    assert not nameless, f"put them into developers/actions.yaml: {sorted(nameless)}"


def test_get_is_offered_only_where_nothing_changes(clean, app):
    paths = document(app)["paths"]
    assert "get" in paths["/api/3/action/package_search"]
    assert "get" in paths["/api/3/action/nmgdata_access_explain"]
    for name in ("nmgdata_application_submit", "package_delete", "api_token_create", "nmgdata_notice_read"):
        assert set(paths[f"/api/3/action/{name}"]) == {"post"}, name


def test_what_must_be_given_is_refused_without(world, pages):
    """What the document calls required, the action cannot do without."""
    checked = 0
    for one in openapi.operations():
        if one.name.startswith("nmgdata_") and any(f.is_required for f in one.fields):
            with pytest.raises((tk.ValidationError, tk.ObjectNotFound, tk.NotAuthorized)):
                call(one.name, world.sysadmin)
            checked += 1
    assert checked > 20


def test_a_docstring_is_read_as_it_is_written():
    def action() -> None:
        """Do a thing.

        :param id: which one,
            by id or name
        :type id: string
        :param limit: at most so many (default: 5)

        :returns: what was done
        """

    said = docstrings.read(action)
    assert (said.summary, said.returns) == ("Do a thing.", "what was done")
    assert [(p.name, p.meaning, p.stated_type, p.is_required) for p in said.parameters] == [
        ("id", "which one, by id or name", "string", True),
        ("limit", "at most so many (default: 5)", "", False),
    ]


# --- pages ---------------------------------------------------------------------------------------


def test_every_action_has_a_page_with_a_form(clean, app):
    listed = set(re.findall(r'href="/nmg/developers/(\w+)"', app.get("/nmg/developers").body))
    assert listed == {one.name for one in openapi.operations()}
    page = app.get("/nmg/developers/package_search").body
    assert 'name="q"' in page
    assert 'method="get"' in page
    assert 'method="post"' in app.get("/nmg/developers/nmgdata_objection_submit").body
    app.get("/nmg/developers/user_delete", status=404)


def test_an_unchanged_description_costs_nothing(clean, app):
    tag = app.get("/nmg/openapi.json").headers["ETag"]
    assert app.get("/nmg/openapi.json", headers={"If-None-Match": tag}, status=304).body == ""


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("package_show?id=none", 404, "not_found"),
        ("package_show", 409, "validation_error"),
        ("package_create", 403, "not_authorized"),
        ("package_search?rows=many", 409, "validation_error"),
        ("package_search?fq=x:::", 409, "search_error"),
    ],
)
def test_a_refused_call_carries_a_code_and_a_sentence(clean_search, app, address, status, code):
    answer = app.get(f"/api/3/action/{address}", status=None)
    if "package_create" in address:
        answer = app.post(f"/api/3/action/{address}", json={}, status=None)
    assert answer.status_code == status, answer.body
    said = json.loads(answer.body)
    assert said["success"] is False
    assert said["code"] == code
    assert said["error"]["__type"]
    assert CHINESE.search(json.dumps(said["error"], ensure_ascii=False))
    assert "permission_labels" not in answer.body


@pytest.mark.parametrize(
    ("method", "address", "status", "code"),
    [
        ("GET", "/api/3/action/nosuch", 400, "unknown_action"),
        ("GET", "/api/3/action/package_create", 400, "post_needed"),
        ("POST", "/api/3/action/package_search", 400, "bad_json"),
        ("POST", "/api/3/action/package_create", 400, "bad_json"),
        ("DELETE", "/api/3/action/package_search", 405, "method_not_allowed"),
        ("GET", "/api/3/nosuch", 404, "not_found"),
        ("GET", "/api/9/action/package_search", 404, "not_found"),
    ],
)
def test_a_call_that_is_none_is_answered_like_the_others(clean_search, app, method, address, status, code):
    how = {"data": "[1]", "content_type": "application/json"} if method == "POST" else {}
    answer = app.client.open(address, method=method, status=status, **how)
    assert answer.mimetype == "application/json"
    said = json.loads(answer.body)
    assert (said["success"], said["code"]) == (False, code)
    assert said["error"]["__type"].endswith(" Error")
    assert CHINESE.search(said["error"]["message"])
    assert set(re.findall("[A-Za-z]{2,}", said["error"]["message"])) <= {"API", "GET", "JSON", "POST"}


def test_a_call_too_many_is_told_when_to_come_back(clean, app, monkeypatch):
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.api.calls_per_person", 2)
    for _time in range(2):
        app.get("/api/3/action/status_show", environ_overrides=STRANGER)
    answer = app.get("/api/3/action/status_show", environ_overrides=STRANGER, status=429)
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    said = json.loads(answer.body)
    assert said["code"] == "too_many_requests"
    assert CHINESE.search(said["error"]["message"])
    app.get("/", environ_overrides=STRANGER)
    app.get("/api/3/action/status_show")


def test_who_counts_may_be_away(clean, app, monkeypatch):
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.api.calls_per_person", 1)

    def away(*_arguments):
        raise errors.UncountedError

    monkeypatch.setattr(errors.Limit, "take", away)
    for _time in range(3):
        app.get("/api/3/action/status_show", environ_overrides=STRANGER)
