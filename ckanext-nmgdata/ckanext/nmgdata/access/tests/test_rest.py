"""Applications while their data are suspended: the clock runs on, or rests where the region says so (DC-03)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ckan import model
from ckan.plugins import toolkit as tk

from ... import factories
from ...conftest import MONDAY
from ...factories import call
from ...kernel import clock, outbox
from ...kernel.deadlines import statutes
from ...kernel.outbox.model import Outbox
from ...kernel.workflow import sweep

DAY = timedelta(days=1)


@pytest.fixture
def rests(monkeypatch):
    """Let the region's clock rest while data are suspended."""
    monkeypatch.setitem(statutes.current().settings, "pause_clock_on_hold", True)


def due(world, case):
    """Return until when a case is to be decided, None while that is open."""
    model.Session.expire_all()
    return (call("nmgdata_case_show", world.reviewer, id=case["id"])["due"] or {}).get("on")


def notices(template):
    """Return how many notices of a sort were written."""
    return sum(
        row.payload["template"] == template for row in model.Session.query(Outbox).filter_by(topic="notice")
    )


def test_by_default_it_runs_on(world):
    case = world.submitted()
    stop = factories.stop(world.conditional)
    with clock.fixed(MONDAY + 2 * DAY):
        factories.lift(stop)
    assert due(world, case) == "2026-11-30"


def test_it_rests_for_a_supplement_too(world, rests):
    case = world.submitted()

    def step(user, name, **stated):
        call("nmgdata_case_transition", user, id=case["id"], transition=name, **stated)

    with clock.fixed(MONDAY + DAY):
        step(world.reviewer, "ask", question="请补充数据安全措施。")
        assert due(world, case) is None
        stop = factories.stop(world.conditional)
    with clock.fixed(MONDAY + 2 * DAY):
        factories.lift(stop)
        assert due(world, case) is None, "the supplement is still missing"
    with clock.fixed(MONDAY + 8 * DAY):
        step(world.applicant, "supplement", supplement="已补充。")
    assert due(world, case) == "2026-12-07"


def test_a_supplement_does_not_stop_the_clock_by_default(world):
    case = world.submitted()
    asked = {"transition": "ask", "question": "请补充数据安全措施。"}
    call("nmgdata_case_transition", world.reviewer, id=case["id"], **asked)
    assert due(world, case) == "2026-11-30"


def test_it_rests_and_is_longer_by_the_working_days_of_the_rest(world, rests):
    case = world.submitted()
    with clock.fixed(MONDAY + DAY):
        stop = factories.stop(world.conditional)
        assert due(world, case) is None
        shown = call("nmgdata_case_show", world.reviewer, id=case["id"])
        assert shown["deadlines"][0]["state"] == "paused"
    with clock.fixed(MONDAY + 20 * DAY):  # long after the last day: nobody is late, nobody is reminded
        sweep.sweep()
        assert notices("overdue") == notices("reminder") == 0
    with clock.fixed(MONDAY + 8 * DAY):  # five working days and a weekend later
        factories.lift(stop)
        assert due(world, case) == "2026-12-07"
    with clock.fixed(MONDAY + 15 * DAY):
        sweep.sweep()
        assert notices("overdue") > 0
    assert tk.get_action("nmgdata_workday_add")
    with clock.fixed(MONDAY + 8 * DAY):
        assert world.official
        call("nmgdata_workday_add", world.official, day="2026-12-03", is_workday=False, reason="临时放假通知")
        assert due(world, case) == "2026-12-08"


def test_two_stops_are_one_rest(world, rests):
    case = world.submitted()
    first, second = factories.stop(world.conditional), factories.stop(world.conditional)
    with clock.fixed(MONDAY + DAY):
        factories.lift(first)
        assert due(world, case) is None
    with clock.fixed(MONDAY + 2 * DAY):
        factories.lift(second)
        assert due(world, case) == "2026-12-02"


def test_a_stop_of_one_of_several_files_lets_nothing_rest(world, rests):
    data = world.conditional
    factories.upload(data, name="other.csv")
    case = world.submitted(data)
    factories.stop(data, data["resources"][0]["id"])
    assert due(world, case) == "2026-11-30"


def test_a_refusal_names_nobody(world, pages):
    """What is shown to who knows number and code holds no number of a person."""
    case = world.submitted()
    stated = {"refusal_ground": "legal_nondisclosure", "legal_basis": "《数据安全法》第二十一条"}
    with pytest.raises(tk.ValidationError) as refused:
        call(
            "nmgdata_case_transition", world.reviewer, id=case["id"], transition="refuse",
            reason="与张某（电话１３８ ００１３ ８０００）的数据混在一起。", **stated,
        )  # fmt: skip
    assert "reason" in refused.value.error_dict
    outbox.deliver(["notice"])
