"""What the clock brings: reminders, reasons asked for, monthly progress, mails to followers, the next year."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata.factories import call, dataset, site_context, upload
from ckanext.nmgdata.kernel import tick
from ckanext.nmgdata.kernel.deadlines.model import Deadline
from ckanext.nmgdata.kernel.outbox.model import Outbox

from .conftest import at

pytestmark = pytest.mark.usefixtures("pages")


@pytest.fixture
def published(plans, world):
    """Return the published plans of the department and of its authority."""
    with at(2, 2):
        plan = plans.draft()
        for title, month in (("公交线路", "2026-03"), ("停车场", "2026-05")):
            plans.promise(plan, plans.entry(title), month)
        call("nmgdata_plan_submit", world.reviewer, id=plan["id"])
        plans.step(world.official, plan, "approve")
        (parent,) = call("nmgdata_plan_list", world.official, level="region")
        case = call("nmgdata_plan_show", world.official, id=parent["id"])["case"]
        call("nmgdata_case_transition", world.official, id=case, transition="publish")
        tick.once()
    return plan, parent


def periods(statute: str) -> list[tuple[str, str]]:
    """Return last day and state of the periods of a kind."""
    query = sa.select(Deadline.due_on, Deadline.state).where(Deadline.statute == statute)
    return [(day.isoformat(), state) for day, state in model.Session.execute(query.order_by(Deadline.due_on))]


def told(address: str) -> list[str]:
    """Return the subjects of the mails to an address."""
    query = sa.select(Outbox.payload).where(Outbox.topic == "mail").order_by(Outbox.id)
    return [mail["subject"] for mail in model.Session.scalars(query) if mail["to"] == address]


def test_publishing_the_authority_s_plan_publishes_what_it_approved(plans, world, published):
    plan, parent = published
    assert plans.shown(plan)["status"] == plans.shown(parent)["status"] == "published"


def test_months_come_near_and_pass(plans, world, published):
    plan, _parent = published
    assert periods("D-PLAN-ITEM") == [("2026-03-31", "open")]
    with at(3, 27):
        tick.once()
        assert any("即将到期" in s or "提醒" in s for s in told("reviewer@example.org"))
    with at(4, 1):
        tick.once()
        tick.once()
        assert periods("D-PLAN-ITEM") == [("2026-03-31", "stopped"), ("2026-05-31", "open")]
        assert [state for _day, state in periods("D-PLAN-LATE")] == ["open"]
        assert any("逾期" in s or "超期" in s for s in told("official@example.org"))
        late = plans.items(plan, state="late")[0]
        call("nmgdata_plan_item_update", world.editor, id=late["id"], late_reason="系统升级延期。")
        assert [state for _day, state in periods("D-PLAN-LATE")] == ["met"]


def test_the_authority_has_the_progress_of_each_month_once(plans, world, published):
    _plan, parent = published
    with at(4, 2):
        tick.once()
        tick.once()
    case = call("nmgdata_plan_show", world.official, id=parent["id"])["case"]
    steps = [
        s for s in call("nmgdata_case_show", world.official, id=case)["timeline"] if s["step"] == "progress"
    ]
    assert [s["stated"]["month"] for s in steps] == ["2026-03"]
    assert steps[0]["stated"] | {"month": ""} == {
        "month": "", "promised": 1, "opened": 0, "late": 0, "ended": 0, "total": 2,
    }  # fmt: skip


def test_the_last_months_are_reported_though_the_year_is_at_its_end(plans, world, published):
    _plan, parent = published
    for month, year in ((12, 2026), (1, 2027)):
        with at(month, 1, year):
            tick.once()
    case = call("nmgdata_plan_show", world.official, id=parent["id"])["case"]
    steps = call("nmgdata_case_show", world.official, id=case)["timeline"]
    assert [s["stated"]["month"] for s in steps if "progress" in s["step"]] == ["2026-11", "2026-12"]


def test_followers_have_one_mail_a_day(plans, world, published):
    plan, _parent = published
    call("follow_group", world.citizen, id=plan["id"])
    with at(4, 1):
        tick.once()
        tick.once()
    subjects = [s for s in told("citizen@example.org") if plan["title"] in s]
    assert len(subjects) == 1
    call("nmgdata_mail_choice_update", world.citizen, kind="plans", wanted=False)
    with at(6, 1):
        tick.once()
    assert len([s for s in told("citizen@example.org") if plan["title"] in s]) == 1


def test_another_dataset_is_suggested_and_confirmed(plans, world, published):
    plan, _parent = published
    with at(3, 3):
        made = dataset(world.department, title="全区公交线路")
        upload(made)
        (item,) = [i for i in plans.items(plan, world.reviewer) if i["title"] == "公交线路"]
        assert item["suggested_id"] == made["id"]
    with at(3, 9):
        call("nmgdata_plan_item_update", world.editor, id=item["id"], kept_id=made["id"])
        (item,) = [i for i in plans.items(plan) if i["title"] == "公交线路"]
        assert (item["state"], item["opened_on"], item["dataset_id"]) == ("opened", "2026-03-03", made["id"])
        tk.get_action("package_delete")(site_context(), {"id": made["id"]})
        (item,) = [i for i in plans.items(plan) if i["title"] == "公交线路"]
        assert (item["state"], item["stopped_by"]) == ("stopped", "closed")


def test_a_new_year_follows_the_old(plans, world, published):
    with at(1, 2, 2027):
        tick.once()
        found = call("nmgdata_plan_list", world.official, year=2027)
        assert [(p["level"], p["status"]) for p in found] == [("region", "collecting")]
