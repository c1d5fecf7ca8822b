"""The life of a plan: drafted, reviewed, published, kept or not, amended, closed with a report (R26)."""

from __future__ import annotations

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata.catalog.classes.tests import moves
from ckanext.nmgdata.factories import call, dataset, lift, site_context, stop, upload
from ckanext.nmgdata.kernel import outbox, tick
from ckanext.nmgdata.plan import jobs
from ckanext.nmgdata.plan.tests.conftest import at

pytestmark = pytest.mark.usefixtures("pages")


def open_up(entry, **values):
    """Attach a file to an entry and publish it."""
    upload(entry)
    tk.get_action("package_patch")(site_context(), {"id": entry["id"], "private": False, **values})


@pytest.fixture
def published(plans):
    """Return a published plan of three promises, with its entries."""
    return plans.three("livelihood")


def test_a_draft_is_nobody_else_s_business(plans, world):
    with at(2, 2):
        plan = plans.draft()
        plans.promise(plan, plans.entry("公交线路"), "2026-03")
    for user in (None, world.citizen, world.stranger, world.sysadmin):
        with pytest.raises(tk.ObjectNotFound):
            plans.shown(plan, user)
        assert plan["id"] not in [p["id"] for p in call("nmgdata_plan_list", user)]
    for user in (world.reviewer, world.editor, world.official, world.auditor):
        assert plans.shown(plan, user)["status"] == "drafting"


def test_there_is_one_plan_a_year_below_that_of_the_authority(plans, world):
    with at(1, 5):
        plan = plans.draft()
        with pytest.raises(tk.ValidationError, match="2026"):
            plans.draft()
    (parent,) = call("nmgdata_plan_list", world.official, org_id=world.authority["id"])
    assert plan["part_of"] == parent["id"] and parent["status"] == "collecting"
    assert plan["due_on"] == "2026-03-31"


def test_an_entry_of_others_cannot_be_promised(plans, world):
    with at(1, 5):
        plan = plans.draft()
        foreign = plans.entry("水库水位", owner_org=world.other["id"])
        with pytest.raises(tk.ValidationError) as refused:
            plans.promise(plan, foreign, "2026-03")
        assert "dataset_id" in refused.value.error_dict
        with pytest.raises(tk.ValidationError) as refused:
            plans.promise(plan, plans.entry("公交线路"), "2027-03")
        assert "month" in refused.value.error_dict


def test_a_future_dataset_is_a_hidden_entry_first(plans, world):
    with at(1, 5):
        plan = plans.draft()
        item = call(
            "nmgdata_plan_item_create", world.reviewer, plan_id=plan["id"], title="道路施工信息",
            notes="全区道路施工的时间和地点。", theme="transport", data_form="spreadsheet",
            update_frequency="daily", month="2026-06", open_class="unconditional", format="csv",
        )  # fmt: skip
    entry = tk.get_action("package_show")(site_context(), {"id": item["entry_id"]})
    assert entry["private"] and entry["title"] == "道路施工信息"
    assert entry["owner_org"] == world.department["id"]
    with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
        call("package_show", None, id=entry["id"])


def test_return_and_approval_are_the_authority_s(plans, world):
    with at(2, 2):
        plan = plans.draft()
        with pytest.raises(tk.ValidationError, match="至少"):
            call("nmgdata_plan_submit", world.reviewer, id=plan["id"])
        plans.promise(plan, plans.entry("公交线路"), "2026-03")
        call("nmgdata_plan_submit", world.reviewer, id=plan["id"])
        with pytest.raises(tk.NotAuthorized):
            plans.step(world.reviewer, plan, "approve")
        with pytest.raises(tk.ValidationError):
            plans.promise(plan, plans.entry("停车场"), "2026-03")
        plans.step(world.official, plan, "return", reason="请补充民生类数据。")
        plans.promise(plan, plans.entry("停车场"), "2026-04", grounds=["livelihood"])
        call("nmgdata_plan_submit", world.reviewer, id=plan["id"])
        plans.step(world.official, plan, "approve")
        with pytest.raises(tk.ObjectNotFound):
            plans.shown(plan)
        plans.step(world.official, plan, "publish")
    assert [item["title"] for item in plans.items(plan)] == ["停车场", "公交线路"]


def test_the_year_is_told_as_it_was(plans, world, published):
    plan, (bus, parking, _charging) = published
    with at(3, 10):
        open_up(bus)
        assert [i["state"] for i in plans.items(plan)] == ["planned", "opened", "planned"]
    with at(6, 1):
        tick.once()
        late = plans.items(plan, state="late")
        assert [(i["title"], i["days_late"]) for i in late] == [("停车场", 1)]
        call("nmgdata_plan_item_update", world.reviewer, id=late[0]["id"], late_reason="系统升级延期。")
        assert plans.items(plan, state="late")[0]["late_reason"] == "系统升级延期。"
    with at(6, 20):
        open_up(parking)
        (item,) = [i for i in plans.items(plan) if i["title"] == "停车场"]
        assert (item["state"], item["days_late"]) == ("opened", 20)
    with at(7, 1):
        origin = stop(bus)
        assert [i["stopped_by"] for i in plans.items(plan, state="stopped")] == ["suspended"]
        counts = plans.shown(plan)["counts"]
        assert counts["opened"] == counts["stopped"] == counts["planned"] == 1 and counts["total"] == 3
    with at(7, 5):
        lift(origin)
        assert not plans.items(plan, state="stopped")


def test_data_all_of_whose_files_are_stopped_are_stopped(plans, published):
    """DC-43: a stop may name files; while another is open, so are the data."""
    plan, (bus, _parking, _charging) = published
    with at(3, 10):
        open_up(bus)
        first = call("package_show", None, id=bus["id"])["resources"][0]["id"]
        second = upload(bus, b"a,b\n1,2\n", name="second.csv")["id"]
    with at(3, 12):
        stop(bus, first)
        assert not plans.items(plan, state="stopped")
        origin = stop(bus, second)
        assert [i["stopped_by"] for i in plans.items(plan, state="stopped")] == ["suspended"]
        assert plans.shown(plan)["counts"]["on_time"] == 0
    with at(3, 15):
        lift(origin)
        assert plans.shown(plan)["counts"]["on_time"] == 1


def test_one_dataset_keeps_one_promise(plans, world, published):
    plan, (bus, _parking, _charging) = published
    with at(3, 10):
        open_up(bus)
        other = next(i for i in plans.items(plan) if i["title"] == "充电桩")
        with pytest.raises(tk.ValidationError) as refused:
            call("nmgdata_plan_item_update", world.reviewer, id=other["id"], kept_id=bus["id"])
        assert list(refused.value.error_dict) == ["kept_id"]
        assert plans.shown(plan)["counts"]["opened"] == 1


@pytest.mark.parametrize("field", ["title", "legal_basis", "description", "key_areas"])
def test_the_texts_of_a_plan_name_nobody(plans, world, field):
    with at(1, 12):
        plan = plans.draft()
        with pytest.raises(tk.ValidationError) as refused:
            call("nmgdata_plan_update", world.reviewer, id=plan["id"], **{field: "联系人手机13812345678"})
        assert list(refused.value.error_dict) == [field]


@pytest.mark.parametrize("field", ["title", "notes"])
def test_nor_do_those_of_what_is_promised(plans, world, field):
    future = {
        "title": "停车泊位", "notes": "全市公共停车泊位。", "theme": "transport", "data_form": "electronic_file",
        "format": "CSV", "update_frequency": "monthly", "open_class": "unconditional", "month": "2026-05",
        "grounds": ["livelihood"], "demand_source": "own",
    }  # fmt: skip
    with at(1, 12):
        plan = plans.draft()
        with pytest.raises(tk.ValidationError) as refused:
            call(
                "nmgdata_plan_item_create", world.reviewer, plan_id=plan["id"],
                **{**future, field: "李四 手机13812345678"},
            )  # fmt: skip
        assert field in refused.value.error_dict
        assert "个人" in str(refused.value.error_dict[field])


def test_what_was_opened_late_says_why(plans, world, published):
    """Opening it does not settle the question; nobody has to answer where nothing was late (R-PLAN-05)."""
    plan, (bus, parking, _charging) = published
    with at(3, 10):
        open_up(bus)
        in_time = plans.items(plan, state="opened")[0]
        with pytest.raises(tk.ValidationError, match="没有逾期"):
            call("nmgdata_plan_item_update", world.reviewer, id=in_time["id"], late_reason="系统升级延期。")
    with at(6, 20):
        open_up(parking)
        late = next(i for i in plans.items(plan, state="opened") if i["days_late"])
        periods = call("nmgdata_case_show", world.reviewer, id=plans.shown(plan, world.reviewer)["case"])
        assert ("D-PLAN-LATE", "open") in [(d["id"], d["state"]) for d in periods["deadlines"]]
    with at(6, 22):
        call("nmgdata_plan_item_update", world.reviewer, id=late["id"], late_reason="系统升级延期。")
        told = next(i for i in plans.items(plan) if i["id"] == late["id"])
        assert (told["state"], told["days_late"], told["late_reason"]) == ("opened", 20, "系统升级延期。")
        periods = call("nmgdata_case_show", world.reviewer, id=plans.shown(plan, world.reviewer)["case"])
        assert ("D-PLAN-LATE", "open") not in [(d["id"], d["state"]) for d in periods["deadlines"]]


@pytest.mark.parametrize("fate", ["opened further", "closed"])
def test_a_class_that_moves_moves_the_plan_with_it(plans, world, fate):
    """R-OPEN-06, R-OPEN-13: in the transaction of the decision."""
    with at(2, 2):
        if fate == "opened further":
            entry = moves.made_as(world, "conditional")
        else:
            entry = plans.entry("公交线路", data_level="general_1", license_id="other-open")
        plan = plans.draft()
        plans.promise(plan, entry, "2026-05")
        plans.publish(plan)
        assert [i["state"] for i in plans.items(plan)] == ["planned"]
    with at(3, 10):
        if fate == "opened further":
            moves.move(entry, "unconditional", world.reviewer)
        else:
            open_up(entry)
        assert [i["state"] for i in plans.items(plan)] == ["opened"]
    with at(4, 10):
        change = moves.move(entry, "conditional", world.editor)
        assert [i["state"] for i in plans.items(plan)] == ["opened"]
        moves.decide(change, world.official)
        assert [(i["state"], i["stopped_by"]) for i in plans.items(plan)] == [("stopped", "closed")]


def test_what_people_keep_in_sight_is_proposed(plans, world):
    """R26¶1: 以需求为导向."""
    with at(2, 2):
        plan = plans.draft()
        one, two = (moves.made_as(world, "conditional", title=title) for title in ("甲级", "乙级"))
        call("follow_dataset", world.citizen, id=two["id"])
        found = call("nmgdata_plan_proposal_list", world.reviewer, id=plan["id"])
    assert [(p["dataset_id"], p["why"], p["followers"], p["demand_source"]) for p in found] == [
        (two["id"], "favourite", 1, "public_demand"), (one["id"], "conditional", 0, "evaluation"),
    ]  # fmt: skip


def test_an_amendment_holds_when_it_is_approved_and_says_what_it_changes(plans, world, published):
    plan, _entries = published
    with at(4, 1):
        item = next(i for i in plans.items(plan) if i["title"] == "停车场")
        with pytest.raises(tk.ValidationError) as refused:
            call("nmgdata_plan_item_update", world.reviewer, id=item["id"], month="2026-09")
        assert "reason" in refused.value.error_dict
        call(
            "nmgdata_plan_item_update",
            world.reviewer,
            id=item["id"],
            month="2026-09",
            reason="等待数据治理完成。",
        )
        plans.promise(plan, plans.entry("路况信息"), "2026-10")
        with pytest.raises(tk.ValidationError):
            call("nmgdata_plan_item_delete", world.reviewer, id=plans.items(plan)[0]["id"])
        assert [i["month"] for i in plans.items(plan) if i["title"] == "停车场"] == ["2026-05"]
        assert len(plans.items(plan)) == 3
        call("nmgdata_plan_submit", world.reviewer, id=plan["id"], reason="按上级要求调整进度。")
        plans.step(world.official, plan, "approve_amendment")
    newest = plans.shown(plan)["versions"][0]
    assert newest["version"] == 2 and newest["reason"] == "按上级要求调整进度。"
    assert {c["kind"]: c["title"] for c in newest["changes"]} == {"changed": "停车场", "added": "路况信息"}
    changed = next(c for c in newest["changes"] if c["kind"] == "changed")
    assert changed["fields"] == {"due_on": ["2026-05-31", "2026-09-30"]}
    assert changed["reason"] == "等待数据治理完成。"
    assert len(plans.items(plan)) == 4


def test_the_year_ends_with_a_report_and_nothing_disappears(plans, world, published):
    plan, (bus, _parking, _charging) = published
    with at(3, 10):
        open_up(bus)
    with at(12, 1):
        tick.once()
        assert plans.shown(plan, world.reviewer)["status"] == "adjusting"
        with pytest.raises(tk.ValidationError, match="2"):
            plans.step(world.reviewer, plan, "close", adjustment="核对目录，更新三条。")
        for item in plans.items(plan):
            if item["state"] == "opened":
                continue
            end = "carried" if item["title"] == "停车场" else "dropped"
            stated = {"end": end, "reason": "建设单位尚未移交数据。"}
            call("nmgdata_plan_item_update", world.reviewer, id=item["id"], **stated)
        plans.step(world.reviewer, plan, "close", adjustment="核对目录，更新三条。")
        shown = plans.shown(plan)
        assert shown["status"] == "closed" and shown["report"]["percent"] == 33
        assert shown["report"]["ends"] == {"dropped": 1, "replaced": 0, "carried": 1}
        assert {i["ended_by"] for i in plans.items(plan, state="ended")} == {"carried", "dropped"}
        found = call("nmgdata_plan_list", world.reviewer, year=2027, level="department")
        (carried,) = plans.items(found[0], world.reviewer)
        assert carried["title"] == "停车场"
        with pytest.raises(tk.ValidationError, match="转入"):
            call("nmgdata_plan_item_delete", world.reviewer, id=carried["id"])
        assert [i["id"] for i in plans.items(found[0], world.reviewer)] == [carried["id"]]


def test_groups_of_departments_with_long_names_stay_apart():
    one, other = (jobs.group_name(2026, f"{'x' * 98}{n}") for n in (1, 2))
    assert one != other and len(one) <= 100
    assert jobs.group_name(2026, "nmg-transport") == "plan-2026-nmg-transport"


def test_the_plan_is_a_group_for_stock_clients(plans, world, published):
    plan, (bus, _parking, _charging) = published
    with at(3, 10):
        open_up(bus)
        outbox.deliver()
    group = call("group_show", None, id=plan["id"])
    assert group["type"] == "open-plan" and group["year"] == 2026 and group["issuer"] == "nmg-transport"
    assert call("group_list", None, type="open-plan") == ["plan-2026-nmg-transport"]
    members = call("member_list", None, id=plan["id"], object_type="package")
    assert [m[0] for m in members] == [bus["id"]]
    for user in (world.reviewer, world.official, world.sysadmin):
        with pytest.raises(tk.NotAuthorized):
            call("group_patch", user, id=plan["id"], title="别的")
        with pytest.raises(tk.NotAuthorized):
            call("group_create", user, type="open-plan", name="x", title="x")


@pytest.mark.usefixtures("clean_search")
def test_no_change_of_an_entry_moves_it_in_or_out_of_the_group(plans, world, published):
    """CKAN saves the groups of an entry with it: a stale list would take a kept promise from the plan."""
    plan, (bus, _parking, _charging) = published
    with at(3, 10):
        open_up(bus)
        other = dataset(world.department, title="不在计划内的数据")
        outbox.deliver()
        for entry, groups in ((bus, []), (other, [{"id": plan["id"]}])):
            tk.get_action("package_patch")(site_context(), {"id": entry["id"], "groups": groups})
        outbox.deliver()
    members = call("member_list", None, id=plan["id"], object_type="package")
    assert [m[0] for m in members] == [bus["id"]]
    assert call("package_search", None, fq="groups:plan-2026-nmg-transport")["count"] == 1
