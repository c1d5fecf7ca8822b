"""Whatever is sent to our actions and pages, in whatever shape: an answer that names the field, never a fault."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ckan import model
from ckan.plugins import toolkit as tk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.routing import IntegerConverter

from ... import shapes
from ...conftest import MONDAY, empty_tables
from ...factories import OBJECTION, STATEMENT, World, call, file, login
from ...kernel import clock, limits
from ...kernel.gate import listing

ACTIONS = sorted(name for name in listing.names("actions") if name.startswith("nmgdata_"))
PEOPLE = ("anonymous", "applicant", "editor", "reviewer", "official", "auditor", "sysadmin")
DEEP = 2000


class Nested(list[Any]):
    """Lists in lists, deeper than Python likes to print them."""

    def __repr__(self) -> str:
        return "nested"


def nested(depth: int = DEEP, leaf: Any = "x") -> Any:
    """Return lists in lists."""
    for _turn in range(depth):
        leaf = Nested([leaf])
    return leaf


def solution(text: str) -> str:
    """Return something that looks like the solution of a challenge."""
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


STRANGE = [
    nested(), {"a": nested()}, {"a": {"b": "c"}}, {}, [], [[]], [None], ["a", {"b": "c"}], ["a\0"], "", " ", "\0",
    "a\0b", "\ud800", "x\udfff", "٣", "５", "-1", "0", "1e400", "9" * 40, "99999999999999999999", "9" * 5000, -1, 0,
    5, 2**31, 2**63, -(2**63) - 1, 10**400, 1.5, float("inf"), float("nan"), True, False, None, b"bytes",
    "2026-13-45", "0001-01-01", "9999-12-31", "../../etc", "' OR 1=1 --", "{{7*7}}", "%s%n", "\u202eabc",
    solution("[" * DEEP + "]" * DEEP), solution('{"number": ' + "9" * 5000 + "}"), solution("\ud800"), "====",
    solution('{"algorithm":"SHA-256","challenge":"\\ud800","salt":"\\ud800?expires=x","signature":"s","number":1}'),
    solution('{"algorithm":"SHA-256","challenge":"x","salt":"a?expires=9e9","signature":"s","number":true}'),
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(STRANGE),
    st.text(max_size=40),
    st.integers(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
)
FEW = settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)


class Scene:
    """Data and people to be asked about, whatever is done to them."""

    def __init__(self) -> None:
        world = World()
        self.people = {name: getattr(world, name, None) for name in PEOPLE}
        self.headers = {name: login(who) if who else {} for name, who in self.people.items()}
        case = world.submitted()
        opened = world.open_data
        row = opened["resources"][0]["id"]
        self.case, self.dataset, self.file = case, opened, row
        self.right: dict[str, dict[str, Any]] = {
            "nmgdata_application_submit": {**STATEMENT, "dataset_id": world.conditional["id"], "resource_id": row},
            "nmgdata_objection_submit": {
                **OBJECTION, "dataset_id": opened["id"], "resources": [row], "form": "f", "solution": "s",
            },
            "nmgdata_suspension_create": {
                "dataset_id": opened["id"], "resources": [row], "danger_kind": "public_interest",
                "reason": "其中的坐标可能危及设施安全。",
            },
            "nmgdata_objection_bulk_lift": {"ids": [case["id"], "x"], "reason": "重复提交，没有依据。"},
            "nmgdata_case_transition": {
                "id": case["id"], "transition": "approve", "purpose": "研究", "use_scope": "课题组",
                "valid_until": "2027-06-30", "sealed": [row], "reason": "理由充分",
            },
            "nmgdata_case_list": {"box": "waiting", "kind": "open_application", "limit": 5},
            "nmgdata_suspension_list": {"dataset_id": opened["id"], "limit": 5, "offset": 0},
            "nmgdata_audit_list": {
                "after": 0, "limit": 5, "subject_type": "case", "subject_id": case["id"], "case_id": case["id"],
            },
            "nmgdata_workday_add": {"day": "2026-12-01", "is_workday": True, "reason": "调休"},
            "nmgdata_access_override": {"id": row, "reason": "核查一项投诉，需要看原始数据"},
            "nmgdata_screening_override": {"id": row, "digest": "0", "reason": "均为公开的单位电话，不涉个人。"},
            "nmgdata_case_show": {"id": case["id"]},
            "nmgdata_case_assign": {"ids": [case["id"]], "assignee": "reviewer"},
            "nmgdata_case_urge": {"id": case["id"], "text": "请尽快办理。"},
            "nmgdata_case_urge_answer": {"id": case["id"], "text": "已在办理。"},
            "nmgdata_mail_choice_update": {"kind": "reminders", "wanted": True},
            "nmgdata_dataset_publish": {"id": opened["id"]},
        }  # fmt: skip

    def stated(self, action: str) -> dict[str, Any]:
        """Return what an action is rightly called with."""
        return {**self.right.get(action, {"id": self.file})}


@pytest.fixture(scope="module")
def scene(portal: None, wsgi: Any) -> Iterator[Scene]:
    """Return the scene, built once; nothing in this module needs it unharmed."""
    with clock.fixed(MONDAY), wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
        empty_tables()
        limits.storage().reset()
        built = Scene()
    yield built
    empty_tables()


@pytest.fixture(scope="module")
def browser(wsgi: Any) -> Any:
    """Return a client that follows no redirects and keeps no cookies."""
    return wsgi._wsgi_app.test_client(use_cookies=False)


def wrong(draw: Any, right: dict[str, Any]) -> dict[str, Any]:
    """Return a call of which some fields are strange."""
    names = draw(
        st.lists(st.sampled_from([*right, "id", "limit", "sealed", "unknown"]), min_size=1, max_size=3)
    )
    return {**right, **{name: draw(VALUES) for name in names}}


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_called_within_the_portal(scene, wsgi, action):
    @FEW
    @given(data=st.data())
    def anything(data):
        stated = wrong(data.draw, scene.stated(action))
        if action == "nmgdata_objection_submit":
            stated.setdefault("evidence", file())
        with clock.fixed(MONDAY), wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
            try:
                call(action, scene.people[data.draw(st.sampled_from(PEOPLE))], **stated)
            except (tk.ValidationError, tk.NotAuthorized, tk.ObjectNotFound):
                pass
            finally:
                model.Session.rollback()
                model.Session.remove()

    anything()


def as_json(stated: dict[str, Any]) -> str:
    """Return JSON of anything; Python itself writes none so deep."""
    parts = []
    for name, value in stated.items():
        try:
            text = json.dumps(value, default=str)
        except RecursionError:
            text = "[" * DEEP + "]" * DEEP
        parts.append(f"{json.dumps(name)}: {text}")
    return "{" + ", ".join(parts) + "}"


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_called_by_programs(scene, browser, action):
    @FEW
    @given(data=st.data())
    def anything(data):
        stated = wrong(data.draw, scene.stated(action))
        who = data.draw(st.sampled_from(PEOPLE))
        kind = data.draw(st.sampled_from(["application/json", "application/x-www-form-urlencoded"]))
        body = as_json(stated).encode("utf-8", "surrogatepass")
        with clock.fixed(MONDAY):
            answer = browser.post(
                f"/api/3/action/{action}", data=body, content_type=kind, headers=scene.headers[who],
                base_url="http://test.ckan.net",
            )  # fmt: skip
        assert answer.status_code < 500, (stated, answer.get_data(as_text=True)[:500])

    anything()


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [
        ("nmgdata_objection_submit", "dataset_id", ["a", "b"]),
        ("nmgdata_objection_submit", "dataset_id", {"a": 1}),
        ("nmgdata_objection_submit", "dataset_id", 5),
        ("nmgdata_objection_submit", "resources", {"a": 1}),
        ("nmgdata_objection_submit", "resources", 5),
        ("nmgdata_objection_submit", "form", 5),
        ("nmgdata_objection_submit", "ground", ["privacy"]),
        ("nmgdata_objection_submit", "statement", "a\0b" * 10),
        ("nmgdata_objection_submit", "wish", "\ud800" * 10),
        ("nmgdata_application_submit", "resource_id", ["a"]),
        ("nmgdata_audit_list", "after", 2**63),
        ("nmgdata_suspension_list", "offset", "99999999999999999999"),
        ("nmgdata_case_transition", "transition", ["approve"]),
    ],
)
def test_what_is_wrong_is_said_at_its_field(scene, wsgi, action, field, value):
    with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
        with pytest.raises(tk.ValidationError) as refused:
            call(action, scene.people["official"], **{**scene.stated(action), field: value})
        assert list(refused.value.error_dict) == [field]


@pytest.mark.parametrize("action", ["package_show", "package_search", "nmgdata_access_explain", "tag_list"])
@pytest.mark.parametrize(
    "body",
    ['{"id": ' + "[" * DEEP + "]" * DEEP + "}", '{"id": {"a": "x\\u0000"}}', '{"id": "\\ud800"}', '{"rows": ' + "9" * 40 + "}",
     '{"a\\u0000": 1}'],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_no_action_at_all_gets_what_none_can_take(scene, browser, action, body, kind):
    answer = browser.post(f"/api/3/action/{action}", data=body, content_type=kind)
    assert answer.status_code == 400
    assert answer.json["error"]["__type"] == "Validation Error"


@pytest.mark.parametrize("action", sorted(shapes.REQUIRED))
@pytest.mark.parametrize("who", ["applicant", "sysadmin"])
def test_core_actions_name_what_they_cannot_do_without(scene, browser, action, who):
    for sent in ({}, dict.fromkeys(shapes.REQUIRED[action])):
        answer = browser.post(f"/api/3/action/{action}", json=sent, headers=scene.headers[who])
        assert answer.status_code == 400
        assert set(answer.json["error"]) == {"__type", shapes.REQUIRED[action][0]}


@pytest.mark.parametrize("action", ["tag_list", "package_list", "group_list", "resource_search"])
@pytest.mark.parametrize("limit", ["x", [1], {"a": 1}, 1.5])
def test_what_counts_is_a_number(scene, browser, action, limit):
    answer = browser.post(f"/api/3/action/{action}", json={"query": "name:x", "limit": limit})
    assert (answer.status_code, set(answer.json["error"])) == (400, {"__type", "limit"})


# --- pages ---------------------------------------------------------------------------------------

PAGES = ("/nmg/", "/user/", "/dataset", "/organization", "/feeds", "/catalog", "/data.json", "/sitemap")
FIELDS = (
    "page", "limit", "before", "after", "number", "code", "step", "resource_id", "resources", "form", "drop", "ids",
    "solution", "reason", "ground", "statement", "danger_kind", "applicant_kind", "sealed", "key", "q", "sort",
    "came_from", "purpose", "digest", "nonopen_ground", "valid_until", "organization", "fq",
)  # fmt: skip
TEXTS = st.sampled_from([value for value in STRANGE if isinstance(value, str)]) | st.text(max_size=30)


def rules_of(wsgi: Any) -> list[Any]:
    """Return the addresses of our pages, and of CKAN's that people use without a login."""
    rules = [rule for rule in wsgi._wsgi_app.url_map.iter_rules() if rule.rule.startswith("/nmg/")]
    return sorted(rules, key=lambda rule: (rule.rule, rule.endpoint))


def test_our_pages(scene, wsgi, browser):
    rules = rules_of(wsgi)
    known = {
        "dataset_id": scene.dataset["name"], "number": scene.case["number"], "resource_id": scene.file,
        "id": scene.dataset["id"], "transition": "approve", "kind": "json", "slug": "hohhot",
    }  # fmt: skip

    @settings(FEW, max_examples=150)
    @given(data=st.data())
    def anything(data):
        rule = data.draw(st.sampled_from(rules))
        values = {
            name: data.draw(st.sampled_from([known.get(name, "x")]) | TEXTS) or "x" for name in rule.arguments
        }
        values = {name: value.encode("utf-8", "replace").decode() for name, value in values.items()}
        numbers = [n for n in rule.arguments if isinstance(rule._converters[n], IntegerConverter)]
        values |= {name: data.draw(st.sampled_from([2026]) | st.integers(0)) for name in numbers}
        path = rule.build(values, append_unknown=False)[1]
        pairs = data.draw(st.lists(st.tuples(st.sampled_from(FIELDS), TEXTS), max_size=4))
        pairs = [(name, value.encode("utf-8", "replace").decode()) for name, value in pairs]
        method = data.draw(st.sampled_from(sorted(rule.methods - {"OPTIONS", "HEAD"})))
        sent: dict[str, list[str]] = {}
        for name, value in pairs:
            sent.setdefault(name, []).append(value)
        content = {"data": sent} if method == "POST" else {"query_string": sent}
        who = data.draw(st.sampled_from(PEOPLE))
        with clock.fixed(MONDAY):
            answer = browser.open(
                path, method=method, headers=scene.headers[who], base_url="http://test.ckan.net", **content
            )
        assert answer.status_code < 500, (path, sent)

    anything()


@pytest.mark.parametrize(
    "page", ["-1", "0", "99999999999999999999", "999999999", "x", "١", "1\0", "", "1e3", "+1", "1_0"]
)
@pytest.mark.parametrize(
    "path", ["/dataset/", "/nmg/suspensions", "/organization/", "/organization/nmg-transport", "/group/", "/nmg/audit",
             "/feeds/dataset.atom", "/catalog.ttl", "/user/", "/nmg/changes"],
)  # fmt: skip
def test_pages_that_nobody_turns(scene, browser, path, page):
    with clock.fixed(MONDAY):
        for name in ("page", "before", "limit"):
            answer = browser.get(
                path,
                query_string={name: page},
                headers=scene.headers["sysadmin"],
                base_url="http://test.ckan.net",
            )
            assert answer.status_code < 500, (name, page)


@pytest.mark.parametrize("value", STRANGE[:40], ids=lambda value: repr(value)[:20])
def test_core_actions_that_name_something(scene, browser, value):
    """CKAN's own actions that people without a login can call, with a strange name of a thing."""
    for action in (
        "package_show", "resource_show", "package_collaborator_list", "organization_show", "group_show", "tag_show",
        "resource_view_list", "dataset_follower_count", "am_following_dataset", "datastore_search", "user_show",
        "package_collaborator_list_for_user", "package_update", "package_patch", "resource_patch",
    ):  # fmt: skip
        body = as_json({"id": value, "capacity": value}).encode("utf-8", "surrogatepass")
        with clock.fixed(MONDAY):
            answer = browser.post(
                f"/api/3/action/{action}", data=body, content_type="application/json",
                headers=scene.headers["editor"], base_url="http://test.ckan.net",
            )  # fmt: skip
        assert answer.status_code < 500, (action, value)


@pytest.mark.parametrize("action", ACTIONS)
def test_what_needs_an_account_is_not_for_visitors(scene, browser, action):
    from ckan.authz import _AuthFunctions

    if getattr(_AuthFunctions.get(action), "auth_allow_anonymous_access", False):
        return
    with clock.fixed(MONDAY):
        answer = browser.post(
            f"/api/3/action/{action}", json=scene.stated(action), base_url="http://test.ckan.net"
        )
    assert answer.status_code in (403, 404), (action, answer.get_data(as_text=True)[:300])


def test_every_action_of_ours_is_guarded():
    for name in ACTIONS:
        with pytest.raises(tk.ValidationError):
            tk.get_action(name)({"user": "", "ignore_auth": True}, {"id": {"a": "b"}, "x": ["a", "b"]})
