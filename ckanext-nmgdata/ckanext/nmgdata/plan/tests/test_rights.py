"""Who may do what with a plan, all audiences; and what stock clients of CKAN find."""

from __future__ import annotations

import json

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata.factories import call, login
from ckanext.nmgdata.kernel import outbox

from .conftest import at

PEOPLE = ("nobody", "citizen", "stranger", "sysadmin", "auditor", "official", "editor", "reviewer")
INSIDE = {"auditor", "official", "editor", "reviewer"}
DRAFT = {"editor", "reviewer"}
CALLS = {
    "show a draft": ("nmgdata_plan_show", {"id": "plan"}, INSIDE),
    "list a draft's items": ("nmgdata_plan_item_list", {"plan_id": "plan"}, INSIDE),
    "change the texts": ("nmgdata_plan_update", {"id": "plan", "key_areas": "出行"}, DRAFT),
    "see proposals": ("nmgdata_plan_proposal_list", {"id": "plan"}, DRAFT),
    "add an item": ("nmgdata_plan_item_create", {"plan_id": "plan", "dataset_id": "new", "month": "2026-09",
                                                 "open_class": "unconditional"}, DRAFT),
    "change an item": ("nmgdata_plan_item_update", {"id": "item", "month": "2026-09"}, DRAFT),
    "mark key data": ("nmgdata_plan_item_update", {"id": "item", "is_key": True}, {"official"}),
    "import": ("nmgdata_plan_import", {"id": "plan", "table": ""}, DRAFT),
    "submit": ("nmgdata_plan_submit", {"id": "plan"}, {"reviewer"}),
    "delete an item": ("nmgdata_plan_item_delete", {"id": "item"}, DRAFT),
    "begin a plan": ("nmgdata_plan_create", {"org_id": "org", "year": 2027}, DRAFT),
}  # fmt: skip


@pytest.fixture
def scene(plans, world):
    """Return a draft with an item, an entry to add, and the people."""
    with at(1, 12):
        plan = plans.draft()
        item = plans.promise(plan, plans.entry("公交线路"), "2026-03")
        names = {"plan": plan["id"], "item": item["id"], "new": plans.entry("停车场")["id"]}
        yield (
            {**names, "org": world.department["id"]},
            {name: None if name == "nobody" else getattr(world, name) for name in PEOPLE},
        )


@pytest.fixture
def stage(pages, scene):
    """Return the same within a request."""
    return scene


@pytest.mark.parametrize("name", CALLS)
def test_who_may(stage, name):
    things, people = stage
    action, asked, allowed = CALLS[name]
    stated = {
        key: things.get(value, value) if isinstance(value, str) else value for key, value in asked.items()
    }
    for person in (*sorted(set(PEOPLE) - allowed), *sorted(allowed)):
        try:
            call(action, people[person], **stated)
            may = True
        except (tk.NotAuthorized, tk.ObjectNotFound):
            may = False
        except tk.ValidationError:
            may = True  # the right was there; the second of two finds it done
        assert may == (person in allowed), person
        if action == "nmgdata_plan_item_delete" and may:
            break


WORK = "/nmg/plans/2026/nmg-transport/work"
PAGES = ("", "/texts", "/items/new", "/items/{item}", "/proposals", "/import")


@pytest.mark.parametrize("page", PAGES)
def test_who_sees_the_pages_of_a_draft(clean_search, app, scene, page):
    """Whoever has no part in a plan is not told that there is one; who only reads it changes nothing."""
    things, people = scene
    for name in PEOPLE[1:]:
        found = app.get(WORK + page.format(**things), headers=login(people[name]), follow_redirects=False)
        allowed = name in (INSIDE if page == "" else DRAFT)
        assert found.status_code == (200 if allowed else 403 if name in INSIDE else 404), name


def test_nobody_sees_a_page_of_a_draft_without_a_login(clean_search, app, scene):
    things, _people = scene
    for page in PAGES:
        found = app.get(WORK + page.format(**things), follow_redirects=False)
        assert found.status_code == 302 and "/user/login" in found.location, page


@pytest.mark.parametrize(
    ("page", "form"),
    [
        ("/texts", {"key_areas": "出行"}),
        ("/items/{item}", {"month": "2026-10"}),
        ("/proposals", {"chosen": "{new}", "month": "2026-10", "open_class": "unconditional"}),
        ("/import", {}),
        ("/submit", {}),
    ],
)
def test_who_may_not_change_a_draft_on_its_pages(clean_search, app, scene, plans, page, form):
    """A form that was made by hand changes nothing for those who would not be shown it."""
    things, people = scene
    plan = {"id": things["plan"]}
    address, sent = WORK + page.format(**things), {k: v.format(**things) for k, v in form.items()}

    def told():
        shown = plans.shown(plan, people["editor"])
        return shown["key_areas"], shown["status"], plans.items(plan, people["editor"])

    before = told()
    for name in sorted({*PEOPLE[1:]} - ({"reviewer"} if page == "/submit" else DRAFT)):
        found = app.post(address, data=sent, headers=login(people[name]), follow_redirects=False)
        assert found.status_code == (403 if name in INSIDE else 404), name
        assert told() == before, name


def test_stock_clients_read_the_plan_over_http(clean_search, app, plans, world):
    """What ckanapi does: POST of JSON to /api/3/action, a token in the header."""
    with at(1, 12):
        plan = plans.draft()
        plans.promise(plan, plans.entry("公交线路"), "2026-03")
        plans.publish(plan)
    outbox.deliver()
    token = login(world.citizen)

    def ask(action: str, headers: dict[str, str] | None = None, status: int = 200, **data: object) -> object:
        answer = app.post(
            f"/api/3/action/{action}", data=json.dumps(data), status=status,
            headers={"Content-Type": "application/json", **(headers or {})},
        )  # fmt: skip
        return json.loads(answer.data).get("result")

    (name,) = ask("group_list", type="open-plan")
    assert ask("group_list") == [], "other groups are no plans, and plans are not among them"
    shown = ask("group_show", id=name, include_datasets=True)
    assert (shown["year"], shown["level"], shown["title"]) == (2026, "department", plan["title"])
    assert shown["packages"] == [], "a planned entry is hidden"
    assert ask("follow_group", token, id=shown["id"])["object_id"] == shown["id"]
    assert ask("group_follower_count", id=shown["id"]) == 1
    assert ask("am_following_group", token, id=shown["id"]) is True
    assert ask("nmgdata_plan_show", id=shown["id"])["group"] == shown["id"]
    ask("group_update", token, 403, id=shown["id"], name=name, title="x")
    ask("member_create", login(world.sysadmin), 403, id=shown["id"], object=world.open_data["id"],
        object_type="package", capacity="public")  # fmt: skip
    for page in (f"/open-plan/{name}", "/open-plan/", f"/open-plan/about/{name}"):
        assert plan["title"] in app.get(page).text


@pytest.mark.parametrize(
    ("action", "field"), [("nmgdata_plan_item_update", "is_key"), ("nmgdata_plan_create", "copy")]
)
def test_what_is_neither_yes_nor_no_is_told_at_its_field(stage, action, field):
    things, people = stage
    asked = {"id": things["item"], "org_id": things["org"], "year": 2027, field: "perhaps"}
    with pytest.raises(tk.ValidationError) as refused:
        call(action, people["official"], **asked)
    assert list(refused.value.error_dict) == [field]
