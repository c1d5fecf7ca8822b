"""Saves that are told together, as a bulk load tells them, bring about what they bring about one by one."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from ckan import model
from ckanext.nmgdata.factories import call, dataset, upload
from ckanext.nmgdata.kernel import events, outbox
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.unit import begin
from ckanext.nmgdata.plan import jobs

from .conftest import at

pytestmark = pytest.mark.usefixtures("pages")


@pytest.fixture
def saves(monkeypatch):
    """Return a list of events that are heard, and a subscriber for each half of the datasets."""
    heard: list[tuple[str, str]] = []
    subscribers = {
        (lambda _unit, event: heard.append(("all", event.dataset_id))): None,
        (lambda _unit, event: heard.append(("some", event.dataset_id))): lambda datasets: sa.select(
            model.Package.id
        ).where(model.Package.id.in_(datasets), model.Package.private),
    }
    monkeypatch.setitem(events._subscribers, events.DatasetSaved, subscribers)
    return heard


def told_together(*dataset_ids: str) -> None:
    """Tell of several saves at once."""
    with begin(Actor.system()) as unit:
        events.tell_all(unit, [events.DatasetSaved(one) for one in dataset_ids])


def test_each_subscriber_hears_of_what_concerns_it_in_order(world, saves):
    shown = dataset(world.department, title="公开")["id"]
    hidden = dataset(world.department, title="不公开", private=True)["id"]
    saves.clear()
    told_together(shown, hidden, shown)
    assert saves == [("all", shown), ("all", hidden), ("all", shown), ("some", hidden)]
    saves.clear()
    told_together()
    assert saves == []


def test_plans_and_cases_follow_what_was_saved_past_the_events(plans, world):
    with at(2, 2):
        other = [dataset(world.department, title=f"别的数据 {number}")["id"] for number in range(3)]
        plan, _entries = plans.three()
        draft = plans.draft(year=2027)
        drafted = plans.entry("原来的名称")
        plans.promise(draft, drafted, "2027-05")
        suggested = dataset(world.department, title="无关的数据")
        upload(suggested)
        case = world.submitted()
    with at(3, 3):
        for key, title in (
            (drafted["id"], "改过的名称"), (suggested["id"], "全区公交线路"),
            (world.conditional["id"], "独一无二的题目"),
        ):  # fmt: skip
            retitle(key, title)
        told_together(*other, drafted["id"], suggested["id"], world.conditional["id"])
        (item,) = plans.items(draft, world.reviewer)
        assert item["title"] == "改过的名称"
        (bus,) = [i for i in plans.items(plan, world.reviewer) if i["title"] == "公交线路"]
        assert bus["suggested_id"] == suggested["id"]
        found = call("nmgdata_case_list", world.reviewer, box="all", q="独一无二")
        assert [one["id"] for one in found] == [case["id"]]


def test_a_group_that_has_lost_its_data_gets_them_back(plans, world):
    plan, entries = plans.three()
    with at(3, 3):
        outbox.deliver([jobs.GROUP_TOPIC])
        held = sa.select(model.Member).where(
            model.Member.table_id == entries[0]["id"], model.Member.group_id == plan["id"]
        )
        (member,) = model.Session.scalars(held)
        model.Session.delete(member)
        model.Session.commit()
        told_together(dataset(world.department, title="别的")["id"], entries[0]["id"])
        outbox.deliver([jobs.GROUP_TOPIC])
        assert model.Session.scalars(held).all()


def retitle(dataset_id: str, title: str) -> None:
    """Give a dataset another title without telling anybody."""
    model.Session.execute(sa.update(model.Package).where(model.Package.id == dataset_id).values(title=title))
    model.Session.commit()
