"""A plan at each stage of its life, made through the actions that people use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from ckanext.nmgdata.factories import World, call, dataset, join, person
from ckanext.nmgdata.kernel import clock
from ckanext.nmgdata.plan import query
from ckanext.nmgdata.plan.model import Plan

YEAR = 2026


@contextmanager
def at(month: int, day: int, year: int = YEAR) -> Iterator[None]:
    """Let something happen at noon of a day in Inner Mongolia."""
    with clock.fixed(datetime(year, month, day, 4, 0, tzinfo=UTC)):
        yield


class Plans:
    """The plan of the world's department, moved on as far as a test asks."""

    def __init__(self, world: World) -> None:
        self.world = world
        _ = world.official
        self.second = join(person("second"), world.department, "reviewer")

    def draft(self, **values: Any) -> dict[str, Any]:
        """Begin the department's plan."""
        values = {"org_id": self.world.department["id"], "year": YEAR, **values}
        return call("nmgdata_plan_create", self.world.reviewer, **values)

    def entry(self, title: str, **values: Any) -> dict[str, Any]:
        """Make a non-public entry of the department."""
        return dataset(self.world.department, title=title, private=True, **values)

    def promise(
        self, plan: dict[str, Any], entry: dict[str, Any], month: str, **values: Any
    ) -> dict[str, Any]:
        """Promise an entry by a month."""
        values = {"open_class": "unconditional", "dataset_id": entry["id"], "month": month, **values}
        return call("nmgdata_plan_item_create", self.world.reviewer, plan_id=plan["id"], **values)

    def step(self, user: Any, plan: dict[str, Any], step: str, **stated: Any) -> dict[str, Any]:
        """Take a step of the plan's case."""
        case = call("nmgdata_plan_show", self.world.reviewer, id=plan["id"])["case"]
        return call("nmgdata_case_transition", user, id=case, transition=step, **stated)

    def publish(self, plan: dict[str, Any]) -> None:
        """Submit, approve and publish."""
        call("nmgdata_plan_submit", self.world.reviewer, id=plan["id"])
        self.step(self.world.official, plan, "approve")
        self.step(self.world.official, plan, "publish")

    def shown(self, plan: dict[str, Any], user: Any = None) -> dict[str, Any]:
        """Return the plan as somebody reads it."""
        return call("nmgdata_plan_show", user, id=plan["id"])

    def items(self, plan: dict[str, Any], user: Any = None, **asked: Any) -> list[dict[str, Any]]:
        """Return the items of the plan as somebody reads them."""
        return call("nmgdata_plan_item_list", user, plan_id=plan["id"], **asked)["items"]

    def three(self, *last: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Publish a plan of three promises in February, the last one on these grounds; return its entries, too."""
        with at(2, 2):
            plan = self.draft()
            entries = [self.entry(title) for title in ("公交线路", "停车场", "充电桩")]
            for entry, month in zip(entries, ("2026-03", "2026-05", "2026-12"), strict=True):
                self.promise(plan, entry, month, grounds=list(last) if month == "2026-12" else [])
            self.publish(plan)
        return plan, entries

    def happenings(self, plan: dict[str, Any]) -> list[tuple[str, str | None]]:
        """Return what has happened in the plan: kind, and title of the item."""
        found = query.happenings(None, 100, Plan.id == plan["id"])
        return [(event.kind, item.title if item else None) for event, _plan, _org, _title, item in found]


@pytest.fixture
def plans(world: World) -> Plans:
    """Return a maker of plans."""
    return Plans(world)
