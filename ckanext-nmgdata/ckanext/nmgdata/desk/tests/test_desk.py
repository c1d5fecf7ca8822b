"""The desk: who sees which case, the log and the calendar, by the API and on the pages."""

from __future__ import annotations

from datetime import date

import pytest
from ckan.plugins import toolkit as tk

from ...factories import STATEMENT, World, call, dataset, upload
from ...kernel.deadlines import calendar

pytestmark = pytest.mark.usefixtures("clean")

EVERYBODY = (
    "editor",
    "reviewer",
    "stranger",
    "official",
    "auditor",
    "applicant",
    "citizen",
    "sysadmin",
    None,
)


def who(world: World, name: str | None):
    """Return a person of the small region, None for the anonymous public."""
    return getattr(world, name) if name else None


@pytest.fixture
def case(world: World) -> dict:
    """Return an application that waits for the department."""
    return world.submitted()


@pytest.mark.parametrize("name", EVERYBODY)
def test_a_case_exists_for_its_parties_only(world, case, name):
    """R-PLAT-06: for everybody else there is no such case, by number or by id."""
    sees = name in ("reviewer", "official", "auditor", "applicant")
    for reference in (case["id"], case["number"]):
        if sees:
            assert call("nmgdata_case_show", who(world, name), id=reference)["number"] == case["number"]
        else:
            with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)):
                call("nmgdata_case_show", who(world, name), id=reference)


def test_a_case_shows_its_form_to_who_decides_but_no_contact_to_the_public(world, case, app):
    """The progress page needs no account, so it holds no personal data (R-SEC-03)."""
    shown = call("nmgdata_case_show", world.reviewer, id=case["id"])
    assert shown["filed"]["scenario"] == STATEMENT["scenario"]
    page = app.post("/nmg/cases", data={"number": case["number"], "code": case["code"]})
    assert case["number"] in page.body
    for secret in ("applicant_name", "contact_phone", "scenario"):
        assert STATEMENT[secret] not in page.body


def test_an_unknown_number_and_a_wrong_code_get_one_answer(case, app):
    """Nobody learns which numbers exist."""
    wrong = app.post("/nmg/cases", data={"number": case["number"], "code": "x" * 22})
    unknown = app.post("/nmg/cases", data={"number": "SQ-20261122-99999-9", "code": "x" * 22})
    assert wrong.status_code == unknown.status_code
    assert wrong.body.replace(case["number"], "N") == unknown.body.replace("SQ-20261122-99999-9", "N")


@pytest.mark.parametrize(
    ("name", "box", "sees"),
    [
        ("reviewer", "waiting", True), ("reviewer", "department", True), ("reviewer", "filed", False),
        ("applicant", "filed", True), ("applicant", "waiting", False), ("applicant", "department", False),
        ("editor", "waiting", False), ("editor", "department", False), ("stranger", "waiting", False),
        ("stranger", "department", False), ("citizen", "filed", False), ("sysadmin", "waiting", False),
    ],
)  # fmt: skip
def test_case_list_holds_what_is_yours(world, case, name, box, sees):
    found = call("nmgdata_case_list", who(world, name), box=box)
    assert [row["number"] for row in found] == ([case["number"]] if sees else [])


def test_case_list_needs_a_login(case):
    with pytest.raises(tk.NotAuthorized):
        call("nmgdata_case_list", None)


def test_case_list_counts_its_limit_after_the_kind(world, case):
    """A kind that has few cases is not crowded out by one that has many."""
    assert call("nmgdata_case_list", world.reviewer, kind="open_application", limit=1)
    assert call("nmgdata_case_list", world.reviewer, kind="rights_objection") == []
    with pytest.raises(tk.ValidationError) as refused:
        call("nmgdata_case_list", world.reviewer, box="everything")
    assert "box" in refused.value.error_dict


def test_case_list_gives_the_most_urgent_first_and_says_until_when(world):
    first = world.submitted()
    second = dataset(world.department, title="道路养护", open_class="conditional")
    upload(second)
    other = world.submitted(second)
    found = call("nmgdata_case_list", world.reviewer)
    assert [row["number"] for row in found] == [first["number"], other["number"]]
    assert found[0]["due"]["on"] == "2026-11-30"  # D-OPEN-DECIDE: 5 working days from 23 November
    assert found[0]["due"]["working_days"] == 5


@pytest.mark.parametrize("name", EVERYBODY)
def test_the_audit_log_is_for_auditors_and_the_authority(world, case, name, app, as_user):
    """R29¶1; the operator of the machine is neither."""
    person = who(world, name)
    headers = as_user(person) if person else {}
    page = app.get("/nmg/audit", headers=headers, status=None, follow_redirects=False)
    if name in ("auditor", "official"):
        events = call("nmgdata_audit_list", person, case_id=case["id"])
        assert "submit" in {event["detail"].get("step") for event in events}
        assert page.status_code == 200
        assert case["number"] in page.body
    else:
        with pytest.raises(tk.NotAuthorized):
            call("nmgdata_audit_list", person)
        assert page.status_code in (302, 403)


def test_the_audit_log_can_be_read_on_from_where_one_stopped(world, case):
    first = call("nmgdata_audit_list", world.auditor, limit=1)
    rest = call("nmgdata_audit_list", world.auditor, after=first[0]["seq"])
    assert first[0]["seq"] not in {event["seq"] for event in rest}
    assert rest[0]["prev_hash"] == first[0]["hash"]


def test_the_authority_moves_a_working_day_and_open_periods_follow(world, case):
    """D-* periods are recomputed; the act itself is audited."""
    done = call(
        "nmgdata_workday_add", world.official, day="2026-11-30", is_workday=False, reason="自治区临时放假通知"
    )
    assert done["moved"] == 1
    assert call("nmgdata_case_show", world.applicant, id=case["id"])["due"]["on"] == "2026-12-01"
    assert not calendar.load().is_workday(date(2026, 11, 30))
    events = call("nmgdata_audit_list", world.auditor, subject_type="workday")
    assert events[-1]["detail"]["day"] == "2026-11-30"


@pytest.mark.parametrize("name", ["editor", "reviewer", "auditor", "applicant", "sysadmin", None])
def test_nobody_else_moves_a_working_day(world, name):
    with pytest.raises(tk.NotAuthorized):
        call("nmgdata_workday_add", who(world, name), day="2026-12-01", is_workday=False, reason="无")


def test_access_explain_says_why_and_what_to_do(world):
    """Every refusal names its reason, its basis and the way on (R-COND-01)."""
    rid = world.conditional["resources"][0]["id"]
    told = call("nmgdata_access_explain", world.citizen, id=rid)
    assert told["allowed"] is False
    assert told["reason"] == "application_required"
    assert "第二十八条" in told["legal_basis"]
    assert told["apply_url"].endswith(f"/nmg/apply/{world.conditional['id']}")
    world.granted()
    assert call("nmgdata_access_explain", world.applicant, id=rid)["allowed"] is True


def test_access_explain_of_what_is_not_there(world):
    with pytest.raises(tk.ObjectNotFound):
        call("nmgdata_access_explain", world.citizen, id="3f0c0a0e-0000-0000-0000-000000000000")
