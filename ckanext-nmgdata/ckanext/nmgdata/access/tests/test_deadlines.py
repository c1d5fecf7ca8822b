"""Periods of applications over Spring Festival and National Day and into 2027, counted by hand (DC-01, DC-03).

State Council calendar for 2026: 14 and 28 February worked, 15 to 23 February rest; 20 September and 10 October
worked, 1 to 7 October rest. Of 2027 only the fixed days are known.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from ckan import model
from ckan.plugins import toolkit as tk

from ...factories import STATEMENT, call
from ...kernel import clock
from ...kernel.outbox.model import Outbox
from ...kernel.workflow import sweep
from ...kernel.workflow.model import Case

pytestmark = pytest.mark.usefixtures("clean")
DAY = timedelta(days=1)


def at(moment: str):
    """Hold the clock at a moment in Inner Mongolia."""
    return clock.fixed(datetime.fromisoformat(f"{moment}+08:00"))


def submitted(world, moment):
    """Return an application of that moment."""
    day = date.fromisoformat(moment[:10])
    period = {"use_from": day.isoformat(), "use_until": (day + 300 * DAY).isoformat()}
    assert world.reviewer
    assert world.official
    with at(moment):
        return call(
            "nmgdata_application_submit", world.applicant, dataset_id=world.conditional["id"],
            **{**STATEMENT, **period},
        )  # fmt: skip


def due(case, world):
    """Return until when a case is to be decided, and whether that is provisional."""
    model.Session.expire_all()
    row = model.Session.get_one(Case, case["id"])
    return row.due_on.isoformat(), row.provisional


def said():
    """Return the sort of the notices of the clock, and how many there are."""
    rows = model.Session.query(Outbox).filter_by(topic="notice").all()
    names = [row.payload["template"] for row in rows]
    return names.count("reminder"), names.count("overdue")


WORKED = [
    (
        "2026-02-12T10:00",
        "2026-02-26",
        False,  # over Spring Festival, a worked Saturday before
    ),
    ("2026-02-14T10:00", "2026-02-28", False),  # received on a worked Saturday, due on another
    ("2026-02-15T00:30", "2026-02-28", False),  # received on the first day of rest
    ("2026-09-19T10:00", "2026-09-24", False),  # with the worked Sunday before National Day
    ("2026-09-29T23:59", "2026-10-12", False),  # over National Day, late in the evening
    ("2026-12-29T10:00", "2027-01-06", True),  # into 2027, New Year's Day is fixed
]


def test_the_last_day(world):
    for moment, last, provisional in WORKED:
        case = submitted(world, moment)
        assert due(case, world) == (last, provisional), moment
        with at(moment):
            shown = call("nmgdata_case_show", world.reviewer, id=case["id"])["due"]
            assert (shown["on"], shown["provisional"], shown["working_days"]) == (last, provisional, 5)
            call("nmgdata_case_transition", world.applicant, id=case["id"], transition="withdraw")


def test_reminded_on_working_days_only_and_late_on_the_day_after(world):
    submitted(world, "2026-02-12T10:00")
    told = {}
    day = date(2026, 2, 12)
    while day <= date(2026, 2, 27):
        with at(f"{day.isoformat()}T09:00"):
            sweep.sweep()
            sweep.sweep()
        told[day.isoformat()] = said()
        day += DAY
    changes = [
        on for (on, now), before in zip(told.items(), [(0, 0), *told.values()], strict=False) if now != before
    ]
    assert changes == ["2026-02-24", "2026-02-25", "2026-02-27"]
    assert told["2026-02-27"] == (2, 2)  # the department, and the authority (R-PLAT-07)


def test_dc_03_a_supplement_does_not_stop_it(world):
    case = submitted(world, "2026-09-29T10:00")
    with at("2026-09-30T10:00"):
        call(
            "nmgdata_case_transition",
            world.reviewer,
            id=case["id"],
            transition="ask",
            question="请补充说明。",
        )
    with at("2026-10-09T10:00"):
        call(
            "nmgdata_case_transition",
            world.applicant,
            id=case["id"],
            transition="supplement",
            supplement="已补充",
        )
    assert due(case, world) == ("2026-10-12", False)


def test_each_stage_of_hohhot_has_its_own(world, monkeypatch):
    assert [getattr(world, name) for name in ("conditional", "applicant", "reviewer", "official")]
    monkeypatch.setitem(tk.config, "ckanext.nmgdata.region", "150100")
    case = submitted(world, "2026-02-12T10:00")
    assert due(case, world) == ("2026-02-26", False)
    with at("2026-02-26T23:00"):
        call("nmgdata_case_transition", world.official, id=case["id"], transition="pass_on")
    assert due(case, world) == ("2026-03-04", False)  # 27 and the worked 28 February, 2 to 4 March


def test_the_calendar_of_2027_moves_what_was_provisional(world):
    case = submitted(world, "2026-12-29T10:00")
    with at("2026-12-30T10:00"):
        rest = {"day": "2027-01-04", "is_workday": False, "reason": "国务院办公厅2027年放假通知"}
        call("nmgdata_workday_add", world.official, **rest)
    assert due(case, world) == ("2027-01-07", True)
    with at("2026-12-30T10:00"):
        for day in range(1, 8):
            worked = day not in (1, 2, 3, 4)
            stated = {"day": f"2027-01-0{day}", "is_workday": worked, "reason": "国务院办公厅2027年放假通知"}
            call("nmgdata_workday_add", world.official, **stated)
    assert due(case, world) == ("2027-01-07", False)


def test_a_grant_ends_after_its_last_day_by_local_time(world):
    case = submitted(world, "2026-12-29T10:00")
    resource = world.conditional["resources"][0]["id"]
    with at("2026-12-30T10:00"):
        terms = {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": "2027-02-06"}
        call("nmgdata_case_transition", world.reviewer, id=case["id"], transition="approve", **terms)
        call(
            "nmgdata_case_transition", world.applicant, id=case["id"], transition="accept", agreement="2026-1"
        )
    for moment, allowed in (("2027-02-06T23:59:59", True), ("2027-02-07T00:00", False)):
        with at(moment):
            assert call("nmgdata_access_explain", world.applicant, id=resource)["allowed"] is allowed
