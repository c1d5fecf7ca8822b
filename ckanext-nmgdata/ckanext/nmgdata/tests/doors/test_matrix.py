"""Doors × audiences × states: the right answer, and no secret in any other.

``RIGHT`` is written from the law and the issue, not from the code. ``DOORS`` is the one table of
doors; every test is made from both.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from ckan.plugins import toolkit as tk

from .stage import AUDIENCES, BYTES, COLUMN, LINK, ROW, STATES, Stage

Answer = tuple[int, str]
"""HTTP status at a download door, and the machine-readable reason."""
NOT_THERE: Answer = (404, "")
OVERRIDE: Answer = (200, "override")

RIGHT: dict[str, dict[str, Answer]] = {
    "unconditional": {"": (200, "unconditional"), "violator": (403, "access_closed")},
    "conditional": {
        "": (403, "application_required"),
        "holder": (200, "granted"),
        "out_of_scope": (403, "out_of_scope"),
        "expired": (403, "grant_expired"),
        "ended": (403, "grant_ended"),
        "violator": (403, "access_closed"),
        "auditor_override": OVERRIDE,
        "operator_override": OVERRIDE,
        "editor maintain": (200, "maintenance"),
    },
    "non_open": {
        "": NOT_THERE,
        "editor": (403, "non_open"),
        "reviewer": (403, "non_open"),
        "auditor": (403, "non_open"),
        "operator": (403, "non_open"),
        "auditor_override": OVERRIDE,
        "operator_override": OVERRIDE,
        "editor maintain": (200, "maintenance"),
    },
    "suspended": {
        "": (451, "suspended"),
        "auditor_override": OVERRIDE,
        "operator_override": OVERRIDE,
        "reviewer verify": (200, "verification"),
    },
    "withdrawn": {"": (410, "withdrawn")},
    "unclassified": {
        "": (403, "unclassified"),
        "violator": (403, "access_closed"),
        "auditor_override": OVERRIDE,
        "operator_override": OVERRIDE,
        "editor maintain": (200, "maintenance"),
    },
}
"""State → audience (with a purpose where it matters) → answer; the empty name is everybody else."""


def right(state: str, who: str, purpose: str = "use") -> Answer:
    """Return what the table says."""
    table = RIGHT[state]
    return table.get(f"{who} {purpose}") or table.get(who) or table[""]


@dataclass(frozen=True)
class Door:
    """One way out: how it is asked, and what of it may leave to those who may have it."""

    name: str
    ask: Callable[[Stage, str], str]
    """Path of a request, from stage and state."""
    which: str = "file"
    method: str = "GET"
    purpose: str = "use"
    headers: dict[str, str] = field(default_factory=dict)
    body: Callable[[Stage, str], Any] | None = None
    form: bool = False
    shows: tuple[str, ...] = ()
    """Secrets that an allowed answer holds."""
    status: int = 200
    """Status of an allowed answer."""
    api: bool = False
    """An action: it refuses with the reason in its message; what may not be known is not there."""
    as_anonymous: bool = False
    for_all: bool = False
    """Tried with every audience; a variant is tried with one audience per answer."""


def audiences(door: Door, state: str) -> list[str]:
    """Return who tries a door: everybody, or the first audience of each answer."""
    if door.for_all:
        return list(AUDIENCES)
    first: dict[Answer, str] = {}
    for who in AUDIENCES:
        first.setdefault(right(state, who, door.purpose), who)
    return list(first.values())


def file(suffix: str = "") -> Callable[[Stage, str], str]:
    return lambda stage, state: stage.path(state) + suffix


def link(suffix: str = "") -> Callable[[Stage, str], str]:
    return lambda stage, state: stage.path(state, "link") + suffix


def action(text: str) -> Callable[[Stage, str], str]:
    return lambda stage, state: (
        "/api/3/action/"
        + text.format(id=stage.file(state), alias=stage.aliases[state], view=stage.views[state])
    )


def place(text: str) -> Callable[[Stage, str], str]:
    return lambda stage, state: text.format(
        id=stage.file(state), link=stage.link(state), alias=stage.aliases[state], view=stage.views[state],
        dataset=stage.datasets[state]["id"], name=stage.datasets[state]["name"],
    )  # fmt: skip


FILTERS = quote(json.dumps({COLUMN: ROW}))
TABLE_FORM = {
    "draw": "1", "search[value]": "", "start": "0", "length": "10", "order[0][column]": "0",
    "order[0][dir]": "asc", "columns[0][search][value]": "", "columns[0][name]": COLUMN,
}  # fmt: skip
EXPORT_FORM = {
    "format": "csv",
    "params": json.dumps(
        {
            "draw": 1, "search": {"value": ""}, "order": [], "visible": [True, True],
            "columns": [{"name": COLUMN, "search": {"value": ""}}],
        }
    ),
}  # fmt: skip
SEARCH = {"shows": (COLUMN, ROW), "api": True}
DUMP = {"shows": (COLUMN, ROW)}

DOORS = [
    Door("download", file(), shows=(BYTES,), for_all=True),
    Door("download by name", place("/dataset/{name}/resource/{id}/download/any-name.csv"), shows=(BYTES,)),
    Door("download in English", place("/en/dataset/{dataset}/resource/{id}/download"), shows=(BYTES,)),
    Door("HEAD", file(), method="HEAD"),
    Door("Range", file(), headers={"Range": "bytes=0-40"}, status=206, shows=(BYTES,)),
    Door("resume", file(), headers={"Range": "bytes=14-"}, status=206, shows=(BYTES,)),
    Door("upkeep", file("?purpose=maintain"), purpose="maintain", shows=(BYTES,), for_all=True),
    Door("verification", file("?purpose=verify"), purpose="verify", shows=(BYTES,), for_all=True),
    Door("link", link(), which="link", shows=(BYTES,), for_all=True),
    Door("link HEAD", link(), which="link", method="HEAD"),
    Door("link resume", link(), which="link", headers={"Range": "bytes=5-"}, status=206, shows=(BYTES,)),
    Door("link upkeep", link("?purpose=maintain"), which="link", purpose="maintain", shows=(BYTES,)),
    Door("rows", action("datastore_search?resource_id={id}"), **SEARCH, for_all=True),
    Door("rows by alias", action("datastore_search?resource_id={alias}"), **SEARCH),
    Door("rows by filter", action(f"datastore_search?resource_id={{id}}&filters={FILTERS}"), **SEARCH),
    Door("rows by POST", action("datastore_search"), method="POST",
         body=lambda s, state: {"resource_id": s.file(state), "q": ROW, "records_format": "csv"}, **SEARCH),
    Door("rows for upkeep", action("datastore_search?resource_id={id}"), purpose="maintain",
         headers={"X-Purpose": "maintain"}, **SEARCH),
    Door("rows of the API without version", place("/api/action/datastore_search?resource_id={id}"), **SEARCH),
    Door("rows by JSONP", action("datastore_search?resource_id={id}&callback=f"), as_anonymous=True, **SEARCH),
    Door("columns", action("datastore_info?id={id}"), shows=(COLUMN,), api=True),
    Door("columns by alias", action("datastore_info?id={alias}"), shows=(COLUMN,), api=True),
    *(Door(f"dump {kind}", place(f"/datastore/dump/{{id}}?format={kind}"), **DUMP) for kind in ("csv", "tsv", "json", "xml")),
    Door("dump by alias", place("/datastore/dump/{alias}"), **DUMP),
    Door("dump for upkeep", place("/datastore/dump/{id}?purpose=maintain"), purpose="maintain", **DUMP),
    Door("table", place("/datatables/ajax/{view}"), method="POST", body=lambda *_: TABLE_FORM, form=True, shows=(ROW,)),
    Door("table export", place("/datatables/filtered-download/{view}"), method="POST", body=lambda *_: EXPORT_FORM,
         form=True, status=302),
    Door("view page", place("/dataset/{dataset}/resource/{id}/view/{view}")),
    Door("API help", place("/datastore/api_info/{id}")),
]  # fmt: skip


def send(browser: Any, stage: Stage, door: Door, state: str, who: str) -> Any:
    """Ask at a door."""
    headers = {"Accept": "application/json", **door.headers, **stage.headers[who]}
    body = door.body(stage, state) if door.body else None
    content = {"data" if door.form else "json": body} if body is not None else {}
    return browser.open(
        door.ask(stage, state),
        method=door.method,
        headers=headers,
        base_url="http://test.ckan.net",
        **content,
    )


def text_of(answer: Any) -> str:
    """Return body and headers of an answer."""
    return f"{answer.get_data(as_text=True)}\n{answer.headers}"


def secrets_in(answer: Any) -> set[str]:
    """Return the secrets an answer discloses."""
    text = text_of(answer)
    return {secret for secret in (BYTES, COLUMN, ROW, LINK) if secret in text}


@pytest.mark.usefixtures("reachable")
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_every_audience_gets_the_right_answer(browser, stage, door, state):
    for who in audiences(door, state):
        status, reason = right(state, "anonymous" if door.as_anonymous else who, door.purpose)
        answer = send(browser, stage, door, state, who)
        if status == 200:
            allowed(answer, door, state, who, reason)
        else:
            refused(answer, door, who, status, reason)


def allowed(answer: Any, door: Door, state: str, who: str, reason: str) -> None:
    """What leaves is what the door is for, and the true link only where anybody may have it."""
    if door.which == "link" and reason == "unconditional":
        assert answer.status_code == 302, who
        assert LINK in answer.headers["Location"]
        return
    assert answer.status_code == door.status, (who, text_of(answer)[:500])
    found = secrets_in(answer)
    assert found >= set(door.shows), who
    assert LINK not in found
    if reason != "unconditional" and not door.form:
        assert "public" not in answer.headers.get("Cache-Control", ""), who


def refused(answer: Any, door: Door, who: str, status: int, reason: str) -> None:
    """The status says what the law says; nothing secret is in body or headers; no cache keeps it."""
    assert secrets_in(answer) == set(), who
    if door.api:
        assert answer.status_code == status, (who, text_of(answer)[:300])
        assert (f"[{reason}]" in answer.json["error"]["message"]) is bool(reason), who
        return
    if door.name == "API help":
        assert answer.status_code == 404
        return
    assert answer.status_code == status, (who, text_of(answer)[:300])
    if reason and door.method != "HEAD":
        assert answer.json["error"]["reason"] == reason, who
        assert answer.json["error"]["legal_basis"].startswith("内政发〔2024〕19号"), who
        assert answer.headers["Cache-Control"] == "private, no-store", who
        assert {"Cookie", "Authorization"} <= set(answer.vary), who


METADATA = {
    "package_show": "/api/3/action/package_show?id={name}",
    "package_show for a form": "/api/3/action/package_show?id={name}&for_edit=true&include_plugin_data=true",
    "resource_show": "/api/3/action/resource_show?id={id}",
    "resource_show link": "/api/3/action/resource_show?id={link}",
    "view list": "/api/3/action/resource_view_list?id={id}",
    "view": "/api/3/action/resource_view_show?id={view}",
    "search": "/api/3/action/package_search?q=id:{dataset}&include_private=true",
    "search all fields": "/api/3/action/package_search?q=id:{dataset}&fl=*",
    "search fl": '/api/3/action/package_search?q=id:{dataset}&fl=["res_url","data_dict","validated_data_dict","text","urls"]',
    "search default schema": "/api/3/action/package_search?q=id:{dataset}&use_default_schema=true",
    "explain": "/api/3/action/nmgdata_access_explain?id={link}",
    "page": "/dataset/{name}",
    "resource page": "/dataset/{name}/resource/{id}",
    "link page": "/dataset/{name}/resource/{link}",
    "turtle": "/dataset/{name}.ttl",
    "turtle croissant": "/dataset/{name}.jsonld?profiles=croissant",
    "turtle schema.org": "/dataset/{name}.jsonld?profiles=schemaorg",
    "rdf": "/dataset/{name}.rdf?profiles=euro_dcat_ap_3",
    "edit form": "/dataset/{name}/resource/{link}/edit",
    "edit views": "/dataset/{name}/resource/{id}/views",
    "dictionary": "/dataset/{name}/dictionary/{id}",
}
EVERYWHERE = {
    "search": "/api/3/action/package_search?rows=1000",
    "search facets": '/api/3/action/package_search?rows=9&facet.field=["res_url","urls","text","tags","name"]&facet.limit=-1',
    "current list": "/api/3/action/current_package_list_with_resources?limit=100",
    "package_list": "/api/3/action/package_list",
    "resource_search": "/api/3/action/resource_search?query=name:链接",
    "resource_search files": "/api/3/action/resource_search?query=format:CSV",
    "package_autocomplete": "/api/3/action/package_autocomplete?q=状态",
    "tag_list": "/api/3/action/tag_list?all_fields=true",
    "tag_search": "/api/3/action/tag_search?query=tag",
    "tag_autocomplete": "/api/2/util/tag/autocomplete?incomplete=tag",
    "dataset autocomplete": "/api/2/util/dataset/autocomplete?incomplete=状态",
    "organisation": "/api/3/action/organization_show?id=nmg-transport&include_datasets=true",
    "organisation page": "/organization/nmg-transport",
    "members": "/api/3/action/member_list?id=nmg-transport&object_type=package",
    "list": "/dataset/",
    "home": "/",
    "feed": "/feeds/dataset.atom",
    "organisation feed": "/feeds/organization/nmg-transport.atom",
    "custom feed": "/feeds/custom.atom?q=状态",
    "catalogue": "/catalog.ttl",
    "catalogue croissant": "/catalog.jsonld?profiles=croissant",
}
LOOKING = ("anonymous", "holder", "editor", "operator")
INSIDERS = ("editor", "reviewer", "auditor", "operator", "auditor_override", "operator_override")
PREVIEW = "resource page"
"""Door of metadata that shows the first rows of what is open to everybody."""
ROWS_TOO = {"view": "use", "view list": "use", "edit views": "maintain", "dictionary": "maintain"}
"""Doors of metadata that name columns or values to those who may have them for that purpose."""


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("door", METADATA)
def test_metadata_hold_no_secret(browser, stage, door, state):
    path = place(METADATA[door])(stage, state)
    for who in LOOKING:
        answer = browser.get(path, headers=stage.headers[who], base_url="http://test.ckan.net")
        assert answer.status_code < 500, (who, text_of(answer)[:300])
        may = set()
        if door in ROWS_TOO and right(state, who, ROWS_TOO[door])[0] == 200:
            may = {COLUMN, ROW}
        if door == PREVIEW and state == "unconditional":
            may = {COLUMN, ROW}
        if door == "turtle croissant" and right(state, who)[0] == 200:
            may = {COLUMN}
        if door == "edit form" and who == "editor" and state not in ("suspended", "withdrawn"):
            assert LINK in text_of(answer)
            may = {LINK}
        if door == "edit form" and state == "unconditional" and who == "operator":
            may = {LINK}
        assert secrets_in(answer) <= may, who


@pytest.mark.parametrize("who", LOOKING)
@pytest.mark.parametrize("door", EVERYWHERE)
def test_lists_hold_no_secret_and_name_no_closed_entry(browser, stage, door, who):
    answer = browser.get(EVERYWHERE[door], headers=stage.headers[who], base_url="http://test.ckan.net")
    assert answer.status_code == (409 if "croissant" in door else 200), text_of(answer)[:300]
    assert secrets_in(answer) == set()
    if who not in INSIDERS:
        closed, text = stage.datasets["non_open"], text_of(answer)
        for name in (closed["id"], closed["name"], closed["title"], stage.file("non_open"), "tagnon_open"):
            assert name not in text


@pytest.mark.parametrize("state", STATES)
def test_code_without_rights_learns_the_columns_its_reader_may(wsgi, stage, state):
    """As ckanext-dcat's Croissant does, whose profile or plugin an operator may switch on."""
    with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
        told = tk.get_action("datastore_info")({"ignore_auth": True}, {"id": stage.file(state)})
    assert (COLUMN in json.dumps(told)) is (state == "unconditional")


ORACLES = [
    "/api/3/action/package_search?rows=9&q=res_url:*{secret}*",
    "/api/3/action/package_search?rows=9&q=text:*{secret}*",
    "/api/3/action/package_search?rows=9&q=*{secret}*",
    "/api/3/action/package_search?rows=9&q={secret}",
    "/api/3/action/package_search?rows=9&fq=urls:*{secret}*",
    "/api/3/action/package_search?rows=9&fq=data_dict:*{secret}*",
    "/api/3/action/package_search?rows=9&fq=validated_data_dict:*{secret}*",
    "/api/3/action/resource_search?query=url:{secret}",
    "/api/3/action/resource_search?query=cache_url:{secret}",
    "/api/3/action/resource_search?query=hash:{secret}",
]


@pytest.mark.parametrize("who", ["anonymous", "operator"])
@pytest.mark.parametrize("secret", [LINK, BYTES, ROW, COLUMN])
@pytest.mark.parametrize("oracle", ORACLES)
def test_no_question_reveals_a_secret_by_its_count(browser, stage, oracle, secret, who):
    answer = browser.get(
        oracle.format(secret=secret), headers=stage.headers[who], base_url="http://test.ckan.net"
    )
    found = answer.json["result"] if answer.json["success"] else {"results": [], "count": 0}
    # What columns are called may be searched where everybody may read them.
    may = {stage.datasets["unconditional"]["id"]} if secret == COLUMN else set()
    assert {one["id"] for one in found["results"]} <= may
    assert len(found["results"]) == found["count"]


SHUT = [
    "/file/download/{id}", "/file/trusted-download/{id}", "/file/public-download/resources/{id}",
    "/dataset/{dataset}/resource/{id}/proxy", "/uploads/{id}", "/resources/{id}", "/storage/resources/{id}",
    "/storage/f/{id}", "/api/1/rest/dataset/{dataset}", "/api/2/rest/dataset/{dataset}", "/api/2/action/package_show",
    "/api/1/search/dataset", "/dataset/activity/{dataset}", "/dataset/changes/{dataset}", "/datastore/dump/_table_metadata",
    "/dataset/{dataset}/history.json", "/dataset/{name}/croissant.jsonld", "/dcat.json",
    "/api/3/action/datastore_search?resource_id=_table_metadata", "/api/3/action/datastore_search_sql?sql=SELECT 1",
    "/api/3/action/activity_data_show?id={id}", "/api/3/action/package_activity_list?id={dataset}",
    "/api/3/action/task_status_show?entity_id={id}&task_type=x&key=x", "/api/3/action/file_show?id={id}",
    "/api/3/action/datastore_run_triggers?resource_id={id}", "/api/3/action/datastore_function_create?name=x",
]  # fmt: skip


@pytest.mark.parametrize("who", ["anonymous", "editor", "operator"])
@pytest.mark.parametrize("door", SHUT)
def test_shut_doors_are_shut_for_everybody(browser, stage, door, who):
    for state in ("unconditional", "conditional"):
        path = place(door)(stage, state)
        answer = browser.get(path, headers=stage.headers[who], base_url="http://test.ckan.net")
        assert answer.status_code in (400, 403, 404), path
        assert secrets_in(answer) == set()


@pytest.mark.parametrize("name", ["datastore_upsert", "datastore_records_delete"])
def test_writing_rows_shows_none(browser, stage, name):
    """An editor writes the rows of conditional data, and must not read them by way of the answer."""
    body = {
        "resource_id": stage.kept, "force": True, "include_records": True,
        "include_deleted_records": True, "filters": {COLUMN: "nothing has this value"},
    }  # fmt: skip
    if name == "datastore_upsert":
        body |= {"records": [], "method": "insert"}
        del body["filters"], body["include_deleted_records"]
    else:
        del body["include_records"]
    answer = browser.post(
        f"/api/3/action/{name}", json=body, headers=stage.headers["editor"], base_url="http://test.ckan.net"
    )
    assert answer.status_code == 200, text_of(answer)[:300]
    assert not {"records", "deleted_records"} & set(answer.json["result"])
    body["resource_id"] = stage.file("suspended")
    answer = browser.post(
        f"/api/3/action/{name}", json=body, headers=stage.headers["editor"], base_url="http://test.ckan.net"
    )
    assert answer.status_code == 409, "stopped rows are evidence"
    assert secrets_in(answer) == set()
