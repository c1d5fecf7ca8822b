"""Amendments of a published plan: what an approved version may hold, and what it must not lose (DC-38)."""

from __future__ import annotations

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata.factories import call, site_context, upload
from ckanext.nmgdata.kernel import tick

from .conftest import at

pytestmark = pytest.mark.usefixtures("pages")
REASON = "等待数据治理完成。"


@pytest.fixture
def published(plans):
    """Return a published plan of three promises, with its entries."""
    return plans.three()


@pytest.fixture
def named(plans, published):
    """Return a finder of items by title."""
    return lambda title: next(
        i["id"] for i in plans.items(published[0], plans.world.reviewer) if i["title"] == title
    )


def update(user, item_id, **stated):
    """Change or end an item."""
    return call("nmgdata_plan_item_update", user, id=item_id, **stated)


def amended(plans, plan):
    """Submit what is drafted and have it approved."""
    call("nmgdata_plan_submit", plans.world.reviewer, id=plan["id"], reason="按上级要求调整进度。")
    plans.step(plans.world.official, plan, "approve_amendment")


def open_up(entry):
    """Attach a file to an entry and publish it."""
    upload(entry)
    tk.get_action("package_patch")(site_context(), {"id": entry["id"], "private": False})


def test_a_comparison_tells_only_what_differs(plans, world, published, named):
    """A browser sends the whole form, of which one field was changed."""
    whole = {
        "open_class": "unconditional",
        "grounds": [],
        "demand_source": "own",
        "demand_note": "",
        "format": "",
    }
    with at(4, 1):
        with pytest.raises(tk.ValidationError) as refused:
            update(world.reviewer, named("停车场"), month="2026-05", reason=REASON, **whole)
        assert list(refused.value.error_dict) == ["reason"]
        update(world.reviewer, named("停车场"), month="2026-09", reason=REASON, **whole)
        (change,) = plans.shown(published[0], world.reviewer)["drafted"]
    assert change["fields"] == {"due_on": ["2026-05-31", "2026-09-30"]}


def test_no_month_that_has_passed_is_promised_anew(plans, world, published, named):
    plan, _entries = published
    with at(4, 1):
        for wanted in (
            lambda: update(world.reviewer, named("停车场"), month="2026-03", reason=REASON),
            lambda: plans.promise(plan, plans.entry("路况信息"), "2026-02"),
        ):
            with pytest.raises(tk.ValidationError) as refused:
                wanted()
            assert list(refused.value.error_dict) == ["month"]


def test_a_promise_that_was_kept_is_not_changed(plans, world, published, named):
    """Else a late opening could be made a timely one."""
    plan, (bus, _parking, _charging) = published
    with at(5, 10):
        open_up(bus)
        with pytest.raises(tk.ValidationError):
            update(world.reviewer, named("公交线路"), month="2026-06", reason=REASON)
        assert not plans.shown(plan, world.reviewer)["drafted"]


def test_data_that_open_while_their_end_is_reviewed_are_kept(plans, world, published, named):
    plan, (_bus, parking, _charging) = published
    with at(4, 1):
        update(world.reviewer, named("停车场"), end="dropped", reason=REASON)
        update(world.reviewer, named("充电桩"), month="2026-11", reason=REASON)
        call("nmgdata_plan_submit", world.reviewer, id=plan["id"], reason="按上级要求调整进度。")
        open_up(parking)
        plans.step(world.official, plan, "approve_amendment")
    (item,) = plans.items(plan, state="opened")
    assert (item["title"], item["ended_by"]) == ("停车场", None)
    assert [c["title"] for c in plans.shown(plan)["versions"][0]["changes"]] == ["充电桩"]


def test_an_item_that_was_put_off_can_be_late_again(plans, world, published, named):
    plan, _entries = published
    with at(4, 1):
        tick.once()
        update(world.reviewer, named("公交线路"), late_reason="系统升级延期。")
        update(world.reviewer, named("公交线路"), month="2026-06", reason=REASON)
        amended(plans, plan)
        (item,) = plans.items(plan, q="公交")
        assert (item["state"], item["late_reason"]) == ("planned", "")
    with at(7, 1):
        tick.once()
        tick.once()
        (item,) = plans.items(plan, q="公交")
        assert (item["state"], item["days_late"]) == ("late", 1)
        feed = plans.happenings(plan)
        assert feed.count(("late", "公交线路")) == 2
        assert feed.count(("late", "停车场")) == 1
        due = plans.shown(plan, world.reviewer)["due_on"]
        assert "2026-07-01" < due < "2026-07-31"  # the reason is asked for again


def test_what_takes_the_place_of_another_stays(plans, world, published, named):
    plan, _entries = published
    with at(4, 1):
        plans.promise(plan, plans.entry("路况信息"), "2026-10")
        stated = {"end": "replaced", "reason": REASON}
        for wrong in ("", "nobody", named("停车场")):
            with pytest.raises(tk.ValidationError) as refused:
                update(world.reviewer, named("停车场"), replaced_by=wrong, **stated)
            assert list(refused.value.error_dict) == ["replaced_by"]
        update(world.reviewer, named("停车场"), replaced_by=named("路况信息"), **stated)
        with pytest.raises(tk.ValidationError):
            call("nmgdata_plan_item_delete", world.reviewer, id=named("路况信息"))
        update(world.reviewer, named("充电桩"), replaced_by=named("公交线路"), **stated)
        with pytest.raises(tk.ValidationError) as refused:  # not in a circle
            update(world.reviewer, named("公交线路"), replaced_by=named("充电桩"), **stated)
        assert list(refused.value.error_dict) == ["replaced_by"]
        with pytest.raises(tk.ValidationError) as refused:
            update(world.reviewer, named("公交线路"), end="dropped", reason=REASON)
        assert list(refused.value.error_dict) == ["end"]
        amended(plans, plan)
    changes = {c["title"]: c["fields"] for c in plans.shown(plan)["versions"][0]["changes"]}
    assert changes["停车场"] == {"end": [None, "replaced"], "replaced_by": [None, "路况信息"]}
    (ended,) = plans.items(plan, q="停车场")
    assert ended["replaced_by"] == named("路况信息") and ended["replaced_by_title"] == "路况信息"


def test_the_report_of_an_authority_counts_what_it_brings_together(plans, world):
    with at(2, 2):
        plan = plans.draft()
        plans.promise(plan, plans.entry("公交线路"), "2026-03")
        call("nmgdata_plan_submit", world.reviewer, id=plan["id"])
        plans.step(world.official, plan, "approve")
    (parent,) = call("nmgdata_plan_list", world.official, level="region")
    case = plans.shown(parent, world.official)["case"]
    with at(11, 2):
        call("nmgdata_case_transition", world.official, id=case, transition="publish")
    with at(12, 1):
        tick.once()
        stated = {"transition": "close", "adjustment": "核对目录，更新三条。"}
        call("nmgdata_case_transition", world.official, id=case, **stated)
    assert plans.shown(parent)["report"]["promises"]["total"] == 1


@pytest.mark.parametrize("fate", ["deleted", "given away", "opened"])
def test_nothing_outdated_is_submitted(plans, world, fate):
    with at(2, 2):
        plan, entry = plans.draft(), plans.entry("公交线路")
        plans.promise(plan, plans.entry("停车场"), "2026-05")
        plans.promise(plan, entry, "2026-03")
        if fate == "deleted":
            tk.get_action("package_delete")(site_context(), {"id": entry["id"]})
        elif fate == "opened":
            open_up(entry)
        else:
            tk.get_action("package_patch")(
                site_context(), {"id": entry["id"], "owner_org": world.other["id"]}
            )
        with pytest.raises(tk.ValidationError, match="公交线路"):
            call("nmgdata_plan_submit", world.reviewer, id=plan["id"])
        (item,) = [i for i in plans.items(plan, world.reviewer) if i["title"] == "公交线路"]
        call("nmgdata_plan_item_delete", world.reviewer, id=item["id"])
        assert call("nmgdata_plan_submit", world.reviewer, id=plan["id"])["status"] == "submitted"


def test_the_end_of_the_year_publishes_no_drafts(plans, world, published, named):
    """What the authority has not seen is not published by closing the year."""
    plan, _entries = published
    with at(11, 20):
        plans.promise(plan, plans.entry("路况信息"), "2026-12")
        call("nmgdata_plan_update", world.reviewer, id=plan["id"], title="另一个名称")
        update(world.reviewer, named("充电桩"), open_class="conditional", reason=REASON)
        update(world.reviewer, named("停车场"), end="replaced", replaced_by=named("路况信息"), reason=REASON)
        update(world.reviewer, named("公交线路"), end="dropped", reason=REASON)
    with at(12, 1):
        tick.once()
        assert [c["title"] for c in plans.shown(plan, world.reviewer)["drafted"]] == ["公交线路"]
        for title in ("停车场", "充电桩"):
            update(world.reviewer, named(title), end="carried", reason=REASON)
        plans.step(world.reviewer, plan, "close", adjustment="核对目录，更新三条。")
    assert plans.shown(plan)["title"] == plan["title"]
    assert {(i["title"], i["ended_by"]) for i in plans.items(plan)} == {
        ("公交线路", "dropped"), ("停车场", "carried"), ("充电桩", "carried"),
    }  # fmt: skip


def test_what_is_carried_goes_into_a_year_that_can_take_it(plans, world, published, named):
    plan, _entries = published
    with at(1, 10, 2027):
        following = plans.draft(year=2027)
        plans.promise(following, plans.entry("路况信息"), "2027-05")
        plans.publish(following)
    with at(12, 2, 2027):
        tick.once()  # both years are at their end
        for title in ("公交线路", "停车场", "充电桩"):
            update(world.reviewer, named(title), end="carried", reason=REASON)
        plans.step(world.reviewer, plan, "close", adjustment="核对目录，更新三条。")
        (later,) = call("nmgdata_plan_list", world.reviewer, year=2028, level="department")
        assert [i["month"] for i in plans.items(later, world.reviewer)] == ["2028-03", "2028-05", "2028-12"]


def test_what_was_carried_and_never_amended_goes_on(plans, world, published, named):
    """The public was told that it is carried over: a department that does not publish it is not rid of it."""
    plan, _entries = published
    with at(12, 1):
        tick.once()
        for title, end in (("公交线路", "dropped"), ("停车场", "carried"), ("充电桩", "dropped")):
            update(world.reviewer, named(title), end=end, reason=REASON)
        following = plans.draft(year=2027)
        plans.promise(following, plans.entry("路况信息"), "2027-05")
        plans.publish(following)
        plans.step(world.reviewer, plan, "close", adjustment="核对目录，更新三条。")
    assert "停车场" in {i["title"] for i in plans.items(following, world.reviewer)}
    with at(12, 2, 2027):
        plans.promise(following, plans.entry("桥梁信息"), "2027-12")
        tick.once()
        (open_item,) = [i for i in plans.items(following) if i["title"] == "路况信息"]
        update(world.reviewer, open_item["id"], end="dropped", reason=REASON)
        plans.step(world.reviewer, following, "close", adjustment="核对目录，更新一条。")
        (later,) = call("nmgdata_plan_list", world.reviewer, year=2028, level="department")
        assert [i["title"] for i in plans.items(later, world.reviewer)] == ["停车场"]
    assert [i["title"] for i in plans.items(following, world.reviewer)] == ["路况信息"]


def test_an_entry_that_went_after_it_was_to_be_carried_holds_up_the_end(plans, world, published, named):
    plan, (bus, _parking, _charging) = published
    with at(12, 1):
        tick.once()
        for title in ("公交线路", "停车场", "充电桩"):
            update(world.reviewer, named(title), end="carried", reason=REASON)
        tk.get_action("package_delete")(site_context(), {"id": bus["id"]})
        with pytest.raises(tk.ValidationError, match="公交线路"):
            plans.step(world.reviewer, plan, "close", adjustment="核对目录，更新三条。")
        update(world.reviewer, named("公交线路"), end="dropped", reason=REASON)
        plans.step(world.reviewer, plan, "close", adjustment="核对目录，更新三条。")


def test_an_entry_that_has_gone_is_not_carried(plans, world, published, named):
    _plan, (bus, _parking, _charging) = published
    tk.get_action("package_delete")(site_context(), {"id": bus["id"]})
    with at(12, 1):
        tick.once()
        with pytest.raises(tk.ValidationError) as refused:
            update(world.reviewer, named("公交线路"), end="carried", reason=REASON)
        assert list(refused.value.error_dict) == ["end"]
        update(world.reviewer, named("公交线路"), end="dropped", reason=REASON)


def test_last_year_is_taken_over_as_the_catalogue_is_now(plans, world, published, named):
    """Kept and dropped promises stay; late and carried ones come, once, under the names of today."""
    plan, (bus, parking, _charging) = published
    with at(3, 10):
        open_up(bus)
    with at(12, 1):
        tick.once()
        tk.get_action("package_patch")(site_context(), {"id": parking["id"], "title": "公共停车场"})
        update(world.reviewer, named("充电桩"), end="dropped", reason=REASON)
        update(world.reviewer, named("停车场"), end="carried", reason=REASON)
        following = plans.draft(year=2027, copy=True)
        plans.step(world.reviewer, plan, "close", adjustment="核对目录，更新三条。")
        with pytest.raises(tk.ValidationError) as refused:
            plans.draft(year=2027, copy=True)  # the second window
        assert list(refused.value.error_dict) == ["year"]
    taken = plans.items(following, world.reviewer)
    assert [(i["title"], i["month"], i["demand_source"]) for i in taken][:1] == [
        ("公共停车场", "2027-05", "carried")
    ]
