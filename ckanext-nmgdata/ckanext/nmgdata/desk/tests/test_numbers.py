"""Numbers of departments: what is counted where, in which working days, and for whom (R-SUP-03)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from hypothesis import given
from hypothesis import strategies as st

from ...factories import OUTCOME, call, dataset
from ...kernel import clock
from ...kernel.deadlines import calendar
from ...kernel.workflow import machine, statistics

pytestmark = pytest.mark.usefixtures("clean")
REFUSAL = {
    "refusal_ground": "conditions_not_met",
    "reason": "与申请用途不符。",
    "legal_basis": "《中华人民共和国个人信息保护法》第十三条",
}


def at(month: int, day: int):
    """Hold the clock at ten in the morning of a day of 2026."""
    return clock.fixed(datetime(2026, month, day, 2, tzinfo=UTC))


def row(user, month, kind="open_application", **asked):
    """Return the numbers of a month."""
    rows = call("nmgdata_case_statistics", user, **asked)
    return next((r for r in rows if (r["month"], r["kind"]) == (month, kind)), None)


@pytest.fixture
def decided(world):
    """Return a world in which three applications were decided and one was not."""
    world.reviewer, world.official
    entries = [dataset(world.department, open_class="conditional") for _ in range(4)]
    with at(9, 28):
        cases = [world.submitted(entry) for entry in entries]
    for case, (month, day) in zip(cases, [(9, 29), (9, 30), (10, 12)], strict=False):
        with at(month, day):
            call("nmgdata_case_transition", world.reviewer, id=case["id"], transition="refuse", **REFUSAL)
    return world


def test_received_decided_overdue_and_working_days(decided):
    """Over National Day: from 28 September to 12 October are six working days, 10 October is made up."""
    expected = calendar.load().between(date(2026, 9, 28), date(2026, 10, 12))
    september, october = row(decided.reviewer, "2026-09"), row(decided.reviewer, "2026-10")
    assert (september["received"], september["decided"], september["outcomes"]) == (4, 2, {"refused": 2})
    assert september["decision"] == {"median": 1.5, "p90": 1.9}
    assert (october["received"], october["decided"]) == (0, 1)
    assert october["decision"] == {"median": expected, "p90": expected}
    assert october["answer"] == october["decision"]
    assert september["overdue"] == 1 + (expected > 5)  # the one never decided, and the late one


def test_the_days_of_the_database_are_those_of_the_calendar(world):
    days = st.dates(min_value=statistics.OLDEST, max_value=clock.today())

    @given(days, days)
    def agree(one, other):
        first, last = sorted((one, other))
        query = sa.select(statistics.working_days(sa.literal(first, sa.Date), sa.literal(last, sa.Date)))
        assert model.Session.scalar(query) == known.between(first, last)

    known = calendar.load()
    agree()


def test_an_objection_counts_its_outcome(world):
    world.reviewer
    case = world.objected(world.open_data)
    call("nmgdata_case_transition", world.reviewer, id=case["number"], transition="restore", **OUTCOME)
    assert row(world.reviewer, "2026-11", "rights_objection")["outcomes"] == {"restored": 1}


def test_consent_is_a_decision_though_the_case_goes_on(world):
    world.granted()
    found = row(world.reviewer, "2026-11")
    assert found["outcomes"] == {"approved": 1}
    assert found["decision"] == {"median": 0, "p90": 0}


def test_which_steps_decide():
    """Passing on and taking up decide nothing; consent, refusal, outcomes and setting aside do."""
    decides = {(m.kind, step) for m in machine.registered() for step in m.decisions()}
    assert {("open_application", "approve"), ("open_application", "refuse")} <= decides
    assert ("rights_objection", "lift_abusive") in decides
    assert ("rights_objection", "take_up") not in decides
    assert ("open_application", "withdraw") not in decides


@pytest.mark.parametrize(
    ("name", "own", "other", "all_"),
    [
        ("reviewer", True, False, True), ("official", True, True, True), ("stranger", False, True, True),
        ("editor", False, False, False), ("auditor", False, False, False), ("applicant", False, False, False),
        ("sysadmin", False, False, False), (None, False, False, False),
    ],
)  # fmt: skip
def test_numbers_are_for_the_department_and_its_authority(world, name, own, other, all_):
    asked = (({"org_id": "nmg-transport"}, own), ({"org_id": "nmg-water"}, other), ({}, all_))
    assert world.department
    assert world.other
    world.submitted()
    user = getattr(world, name) if name else None
    for question, allowed in asked:
        if allowed:
            rows = call("nmgdata_case_statistics", user, **question)
            sees = name in ("reviewer", "official") and question.get("org_id") != "nmg-water"
            assert sum(r["received"] for r in rows) == (1 if sees else 0)
        else:
            with pytest.raises(tk.NotAuthorized):
                call("nmgdata_case_statistics", user, **question)


def test_since_when(decided):
    assert row(decided.reviewer, "2026-09", since="2026-10-01") is None
    assert row(decided.reviewer, "2026-10", since="2026-10-01")["decided"] == 1
    with pytest.raises(tk.ValidationError):
        call("nmgdata_case_statistics", decided.reviewer, since="gestern")


def test_the_page_says_them(decided, app, as_user):
    page = app.get("/nmg/inbox/statistics", headers=as_user(decided.official)).body
    assert "2026-09" in page
    assert "1.5 / 1.9" in page
