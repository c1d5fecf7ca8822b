"""Who may not know of an entry gets, at every door, the answer for one that does not exist."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ...conftest import MONDAY, empty_tables
from ...factories import OBJECTION, STATEMENT, World, dataset, login, site_context, table, upload
from ...kernel import clock, limits
from ...kernel.gate import listing

HIDDEN = ("non_open", "private", "draft", "deleted")
WORD = "odd"
"""Stands in the tag, the format and the title of hidden entries, and nowhere else."""
ASKING = ("anonymous", "stranger")


class Hidden:
    """Hidden entries with a file, rows, an alias and a view each, and who asks."""

    def __init__(self) -> None:
        world = World()
        self.headers = {name: login(getattr(world, name)) if name != "anonymous" else {} for name in ASKING}
        self.insider = login(world.editor)
        self.shown = dataset(world.department, title="大家都看得到的数据")["id"]
        self.things: dict[str, dict[str, str]] = {}
        for state in HIDDEN:
            values: dict[str, Any] = {"open_class": "non_open"} if state == "non_open" else {}
            if state == "private":
                values["private"] = True
            made = dataset(world.department, title=f"{WORD}{state}", tag_string=f"{WORD}{state}", **values)
            file = upload(made, name="a.csv")["id"]
            table(file, aliases=[f"alias_{file}"], fields=[{"id": "a", "type": "text"}], records=[{"a": "1"}])
            view = {"resource_id": file, "view_type": "datatables_view", "title": "表"}
            view_id = tk.get_action("resource_view_create")(site_context(), view)["id"]
            if state in ("draft", "deleted"):
                tk.get_action("package_patch")(site_context(), {"id": made["id"], "state": state})
            word = {"format": f"{WORD}csv{state}"}
            model.Session.execute(sa.update(model.Resource).where(model.Resource.id == file).values(**word))
            model.Session.commit()
            self.things[state] = {
                "dataset": made["id"], "name": made["name"], "resource": file, "view": view_id,
                "alias": f"alias_{file}",
            }  # fmt: skip


@pytest.fixture(scope="module")
def hidden(portal: None, wsgi: Any) -> Iterator[Hidden]:
    """Return the hidden entries, built once."""
    from ckan.lib import search

    with clock.fixed(MONDAY), wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
        empty_tables()
        search.clear_all()
        limits.storage().reset()
        built = Hidden()
    yield built
    empty_tables()


def never() -> dict[str, str]:
    """Return what nobody has ever made."""
    file = str(uuid.uuid4())
    return {
        "dataset": str(uuid.uuid4()), "name": "there-is-no-such-entry", "resource": file,
        "view": str(uuid.uuid4()), "alias": f"alias_{file}",
    }  # fmt: skip


TOKENS = re.compile(
    r'content="[\w.-]{40,}"|value="[\w.-]{30,}"|\d{4}-\d\d-\d\dT[\d:.]+|(?<=drafts)(/|%2F)[\w-]+'
)
"""What differs from one answer to the next."""


def bare(answer: Any, things: dict[str, str]) -> tuple[int, str]:
    """Return status, text and way on of an answer, without what was asked about, tokens and times."""
    text = f"{answer.get_data(as_text=True)}\n{answer.headers.get('Location', '')}"
    for value in sorted(things.values(), key=len, reverse=True):
        text = text.replace(value, "X")
    return answer.status_code, TOKENS.sub("", text)


def named(things: dict[str, str], how: str) -> dict[str, Any]:
    """Return every parameter by which an action can name something."""
    entry = things["name" if how == "name" else "dataset"]
    one = things[how]
    return {
        **STATEMENT, **OBJECTION, "id": one, "dataset_id": entry, "package_id": entry, "name_or_id": one,
        "resource_id": things["alias" if how == "alias" else "resource"], "object": entry, "object_type": "package",
        "subject": entry, "type": "depends_on", "match": {"id": entry}, "rel": "depends_on", "resource": {
            "id": things["resource"], "package_id": entry}, "package": {"id": entry}, "entity_id": one,
        "order": [], "capacity": "member", "user_id": "nobody", "title": "表", "view_type": "datatables_view",
        "records": [], "fields": [], "filters": {}, "reason": "核查一项投诉，需要看原始数据", "digest": "0",
        "danger_kind": "public_interest", "organization_id": things["dataset"], "datasets": [entry], "url": "x.csv",
    }  # fmt: skip


SKIPPED = {"user_create", "user_invite", "job_clear"}
"""Nothing of a dataset goes into them."""
ACTIONS = sorted(listing.names("actions") - listing.names("actions", "closed") - SKIPPED)


@pytest.fixture(scope="module")
def browser(wsgi: Any) -> Any:
    """Return a client that follows no redirects and keeps no cookies."""
    return wsgi._wsgi_app.test_client(use_cookies=False)


@pytest.mark.parametrize("action", ACTIONS)
def test_actions(hidden, browser, action):
    if action not in listing_of_running():
        pytest.skip("its plugin is not switched on")

    def ask(things, how, who):
        asked = named(things, how)
        if action.startswith("datastore_"):
            del asked["id"]  # two tables are refused without a look at them
        return answered(browser, action, asked, things, hidden.headers[who])

    for how in ("dataset", "name", "resource", "view", "alias"):
        for who in ASKING:
            expected = ask(never(), how, who)
            for state in HIDDEN if who == "anonymous" and how == "dataset" else HIDDEN[:1]:
                assert ask(hidden.things[state], how, who) == expected, (how, state, who)


def answered(
    browser: Any, action: str, asked: dict[str, Any], things: dict[str, str], headers: dict[str, str]
) -> tuple[int, str]:
    """Return what an action answers to somebody."""
    with clock.fixed(MONDAY):
        answer = browser.post(
            f"/api/3/action/{action}", json=asked, headers=headers, base_url="http://test.ckan.net"
        )
    return bare(answer, things)


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("package_show", "name_or_id"),
        ("dcat_dataset_show", "name_or_id"),
        ("package_update", "name"),
        ("package_relationships_list", "id2"),
        ("datastore_info", "id"),
        ("datastore_search", "id"),
        ("datastore_delete", "id"),
    ],
)
def test_actions_by_other_names_of_their_parameters(hidden, browser, action, name):
    def ask(things, how, who):
        asked = {name: things["resource" if action.startswith("datastore_") else how]}
        if name == "id2":
            asked["id"] = hidden.shown
        return answered(browser, action, asked, things, hidden.headers[who])

    for how in ("dataset", "name"):
        for who in ASKING:
            expected = ask(never(), how, who)
            for state in HIDDEN:
                assert ask(hidden.things[state], how, who) == expected, (how, state, who)


def listing_of_running() -> Any:
    """Return the actions that the running portal has."""
    from ckan.logic import _actions

    tk.get_action("status_show")
    return _actions


def addresses(wsgi: Any) -> list[str]:
    """Return the addresses of all pages that name something, in the words of ``never``."""
    wanted = {
        "dataset_id": "dataset", "package_id": "dataset", "resource_id": "resource", "resource_view_id": "view",
        "view_id": "view", "id": "dataset", "_id": "dataset",
    }  # fmt: skip
    other = {"package_type": "dataset", "filename": "a.csv", "_format": "ttl", "ver": "3"}
    closed = listing.names("routes", "closed")
    found = set()
    for rule in wsgi._wsgi_app.url_map.iter_rules():
        if not rule.arguments & set(wanted) or rule.endpoint in closed:
            continue
        if rule.arguments - set(wanted) - set(other):
            continue
        for which in ("dataset", "name", "resource"):
            values = {name: f"[{what}]" for name, what in wanted.items() if name in rule.arguments}
            if "id" in values:
                values["id"] = f"[{which}]"
            values |= {name: text for name, text in other.items() if name in rule.arguments}
            path = rule.build(values, append_unknown=False)
            if path:
                found.add(path[1].replace("%5B", "[").replace("%5D", "]"))
    return sorted(found)


def test_pages(hidden, wsgi, browser):
    paths = addresses(wsgi)
    assert len(paths) > 60

    def ask(path, method, things, who):
        for what, value in things.items():
            path = path.replace(f"[{what}]", value)
        with clock.fixed(MONDAY):
            limits.storage().reset()
            answer = browser.open(
                path, method=method, headers={"Accept": "text/html", **hidden.headers[who]},
                base_url="http://test.ckan.net", data={"reason": "x", "save": "", "id": ""} if method == "POST" else None,
            )  # fmt: skip
        return bare(answer, things)

    told = []
    for path in paths:
        for method in ("GET", "POST"):
            for who in ASKING:
                expected = ask(path, method, never(), who)
                assert expected[0] < 500, (path, method, expected)
                for state in HIDDEN if who == "anonymous" and method == "GET" else HIDDEN[:1]:
                    if ask(path, method, hidden.things[state], who) != expected:
                        told.append((path, method, who, state))
    assert told == []


def test_relationships_name_no_hidden_entry(hidden, browser):
    hidden_one = hidden.things["non_open"]
    related = {"subject": hidden.shown, "object": hidden_one["dataset"], "type": "depends_on"}
    made = browser.post(
        "/api/3/action/package_relationship_create",
        json=related, headers=hidden.insider, base_url="http://test.ckan.net",
    )  # fmt: skip
    assert made.status_code == 200, made.get_data(as_text=True)
    address = f"/api/3/action/package_relationships_list?id={hidden.shown}"
    for who in ASKING:
        answer = browser.get(address, headers=hidden.headers[who], base_url="http://test.ckan.net")
        assert answer.json["result"] == [], who
    answer = browser.get(address, headers=hidden.insider, base_url="http://test.ckan.net")
    assert answer.json["result"][0]["object"] == hidden_one["name"]


@pytest.mark.parametrize("asked", [{}, {"object_type": ""}, {"capacity": "editor"}])
def test_members_name_no_accounts(hidden, browser, asked):
    for who, seen in (("anonymous", False), ("stranger", False), ("insider", True)):
        headers = hidden.insider if who == "insider" else hidden.headers[who]
        answer = browser.post(
            "/api/3/action/member_list",
            json={"id": "nmg-transport", **asked}, headers=headers, base_url="http://test.ckan.net",
        )  # fmt: skip
        assert any(one[1] == "user" for one in answer.json["result"]) is seen, who


AUTOCOMPLETES = (
    "/api/3/action/format_autocomplete?q={word}", "/api/3/action/tag_autocomplete?query={word}",
    "/api/3/action/package_autocomplete?q={word}", "/api/3/action/tag_search?query={word}",
    "/api/2/util/resource/format_autocomplete?incomplete={word}", "/api/2/util/tag/autocomplete?incomplete={word}",
    "/api/2/util/dataset/autocomplete?incomplete={word}", "/api/2/util/organization/autocomplete?q={word}",
    "/api/2/util/group/autocomplete?q={word}", "/api/3/action/tag_list?query={word}",
    "/api/3/action/package_search?q={word}&rows=0", "/api/3/action/resource_search?query=format:{word}",
)  # fmt: skip


@pytest.mark.parametrize("who", ASKING)
@pytest.mark.parametrize("address", AUTOCOMPLETES)
@pytest.mark.parametrize("more", ["", "&limit=1"])
def test_proposals_confirm_no_word_of_hidden_entries(hidden, browser, address, who, more):
    def ask(word):
        path = address.format(word=word) + more
        answer = browser.get(path, headers=hidden.headers[who], base_url="http://test.ckan.net")
        return answer.get_data(as_text=True).replace(word, "X")

    assert ask(WORD) == ask("qzx")


def test_hidden_formats_leave_no_gap(hidden, wsgi, browser):
    """Where the first of two formats is hidden, the second is still the first that is proposed."""
    with clock.fixed(MONDAY), wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
        world = {"id": model.Group.get("nmg-transport").id}
        made = dataset(world, title="公开", tag_string=f"{WORD}zzz")
        for _turn in range(3):
            upload(made)
        upload(made, name="b.csv", format=f"{WORD}zzz")
    for address, answer in (
        (f"/api/3/action/format_autocomplete?q={WORD}&limit=1", [f"{WORD}zzz"]),
        (f"/api/3/action/tag_autocomplete?query={WORD}&limit=1", [f"{WORD}zzz"]),
    ):
        assert browser.get(address, base_url="http://test.ckan.net").json["result"] == answer


def test_insiders_are_told(hidden, browser):
    """Guard the tests above: these things are there, and their department sees them."""
    for state in ("non_open", "private"):
        for action, thing in (
            ("package_show", "dataset"),
            ("resource_show", "resource"),
            ("datastore_info", "resource"),
        ):
            answer = browser.get(
                f"/api/3/action/{action}?id={hidden.things[state][thing]}",
                headers={**hidden.insider, "X-Purpose": "maintain"}, base_url="http://test.ckan.net",
            )  # fmt: skip
            assert answer.status_code == 200, (action, state)
