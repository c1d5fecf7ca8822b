"""On every day every promise is in one state, so counts add up to the plan, whatever has happened."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from ckan import model
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.types import new_id
from ckanext.nmgdata.kernel.unit import begin
from ckanext.nmgdata.plan import counts, schedule, states
from ckanext.nmgdata.plan.logic import schema
from ckanext.nmgdata.plan.model import Item, Plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import at

DAYS = st.dates(date(2026, 1, 1), date(2027, 2, 28))
MONTHS = st.integers(1, 12).map(lambda month: schema.month_end(f"2026-{month}"))


@st.composite
def promises(draw):
    """Draw what may become of one promise."""
    opened = draw(st.none() | DAYS)
    stopped = draw(st.none() | st.integers(0, 200)) if opened else None
    ended = draw(st.none() | DAYS) if opened is None else None
    return {
        "due_on": draw(MONTHS),
        "theme": draw(st.sampled_from(["transport", "health_care", None])),
        "open_class": draw(st.sampled_from(["unconditional", "conditional"])),
        "opened_on": opened, "kept_id": "x" if opened else None,
        "stop": "suspended" if stopped is not None else None,
        "stop_on": opened + timedelta(days=stopped) if stopped is not None else None,
        "ended_on": ended, "end": "dropped" if ended else None, "end_reason": "理由" if ended else None,
    }  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(promises(), max_size=12), st.lists(DAYS, min_size=1, max_size=3))
def test_counts_add_up_on_every_day(plans, found, days):
    plan = model.Session.query(Plan).filter(Plan.level == "department").first()
    if plan is None:
        with at(1, 12):
            plan = model.Session.get(Plan, plans.draft()["id"])
    scope = counts.Scope(2026, "150000", plan.id)
    with begin(Actor.system()) as unit:
        unit.session.execute(sa.delete(Item))
        plan = unit.session.get_one(Plan, plan.id)
        plan.published_at, plan.version = plan.published_at or unit.now, 1
        rows = [
            Item(id=new_id(), plan_id=plan.id, dataset_id=new_id(), title="甲", description="", grounds=[],
                 demand_source="own", since_version=1, **values)
            for values in found
        ]  # fmt: skip
        unit.session.add_all(rows)
        unit.session.flush()
        for day in days:
            counted = counts.fresh(scope, day)
            expected = [states.of(row, day) for row in rows]
            assert counted.all.total == len(rows)
            for state in states.STATES:
                assert counted.all.by_state[state] == expected.count(state)
            for part in (counted.themes, counted.classes, counted.plans):
                assert sum(tally.total for tally in part.values()) == len(rows)
            assert sum(month.due.total for month in counted.months) == len(rows)
            assert sum(month.opened for month in counted.months) == sum(
                r.opened_on is not None and r.opened_on <= day for r in rows
            )
            kept = [row for row, state in zip(rows, expected, strict=True) if state == "opened"]
            assert counted.on_time == sum(row.opened_on <= row.due_on for row in kept)
            for row, state in zip(rows, expected, strict=True):
                assert (states.days_late(row, day) > 0) >= (state == "late")
                assert state != "ended" or row.end_reason
        schedule.refresh(unit, plan)
