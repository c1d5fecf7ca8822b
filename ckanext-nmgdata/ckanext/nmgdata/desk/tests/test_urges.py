"""督办: who urges, who answers, what applicants see of it, when it is over (R23¶2, R-PLAT-06/07)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ...factories import call, join, login, organisation, person
from ...kernel import clock, outbox
from ...kernel.outbox.model import Outbox
from ...kernel.types import Conflict
from ...kernel.workflow import sweep

pytestmark = pytest.mark.usefixtures("clean")
EVERYBODY = ("editor", "reviewer", "stranger", "official", "auditor", "applicant", "sysadmin", None)
ASKED, SAID = "该申请即将到期，请于三日内办理并说明进展。", "材料正在核对，本周内答复申请人。"
REFUSAL = {
    "refusal_ground": "conditions_not_met",
    "reason": "与申请用途不符。",
    "legal_basis": "《中华人民共和国个人信息保护法》第十三条",
}


@pytest.fixture
def case(world) -> dict:
    """Return an application that waits for the department."""
    assert world.official
    assert world.reviewer
    return world.submitted()


@pytest.fixture
def urged(world, case) -> dict:
    """Return an application that the authority has urged."""
    return call("nmgdata_case_urge", world.official, id=case["id"], text=ASKED)


def who(world, name):
    """Return a person of the small region, None for the anonymous public."""
    return getattr(world, name) if name else None


@pytest.mark.parametrize("name", EVERYBODY)
def test_only_the_authority_of_the_region_urges(world, case, name):
    if name == "official":
        (urge,) = call("nmgdata_case_urge", world.official, id=case["id"], text=ASKED)["office"]["urges"]
        assert urge["text"] == ASKED
        assert urge["due"]["working_days"] == 3  # D-URGE
    else:
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            call("nmgdata_case_urge", who(world, name), id=case["id"], text=ASKED)


def test_the_authority_of_another_city_does_not_urge(world, case):
    city = organisation("鄂尔多斯市数据局", name="ordos", role="authority", region_code="150600")
    with pytest.raises(tk.ObjectNotFound):
        call("nmgdata_case_urge", join(person("far"), city, "reviewer"), id=case["id"], text=ASKED)


@pytest.mark.parametrize("name", EVERYBODY)
def test_only_the_office_that_was_urged_answers(world, urged, name):
    if name == "reviewer":
        done = call("nmgdata_case_urge_answer", world.reviewer, id=urged["id"], text=SAID)
        assert done["office"]["urges"][0]["answer"] == SAID
        assert done["office"]["urges"][0]["due"] is None
    else:
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            call("nmgdata_case_urge_answer", who(world, name), id=urged["id"], text=SAID)


@pytest.mark.parametrize("text", ["", " ", "快", "长" * 2001])
def test_an_urging_and_its_answer_say_something(world, urged, text):
    for action, user in (("nmgdata_case_urge", world.official), ("nmgdata_case_urge_answer", world.reviewer)):
        with pytest.raises(tk.ValidationError) as refused:
            call(action, user, id=urged["id"], text=text)
        assert "text" in refused.value.error_dict


def test_a_case_is_urged_once_at_a_time(world, urged):
    with pytest.raises(Conflict):
        call("nmgdata_case_urge", world.official, id=urged["id"], text=ASKED)
    call("nmgdata_case_urge_answer", world.reviewer, id=urged["id"], text=SAID)
    with pytest.raises(Conflict):
        call("nmgdata_case_urge_answer", world.reviewer, id=urged["id"], text=SAID)
    assert len(call("nmgdata_case_urge", world.official, id=urged["id"], text=ASKED)["office"]["urges"]) == 2


def test_what_waits_for_the_applicant_or_is_over_cannot_be_urged(world, case):
    call("nmgdata_case_transition", world.reviewer, id=case["id"], transition="refuse", **REFUSAL)
    with pytest.raises(Conflict):
        call("nmgdata_case_urge", world.official, id=case["id"], text=ASKED)


def test_the_applicant_sees_that_it_was_urged_and_not_a_word_more(world, urged, app):
    """R-PLAT-06: the timeline says 督办; text and answer are between the offices and for auditors."""
    call("nmgdata_case_urge_answer", world.reviewer, id=urged["id"], text=SAID)
    shown = call("nmgdata_case_show", world.applicant, id=urged["id"])
    assert [step["step"] for step in shown["timeline"]] == ["submit", "urge"]
    assert ASKED not in str(shown)
    assert SAID not in str(shown)
    assert ASKED in str(call("nmgdata_case_show", world.auditor, id=urged["id"]))
    own = app.get(f"/nmg/cases/{urged['number']}", headers=login(world.applicant)).body
    assert "督办" in own
    assert ASKED not in own
    assert ASKED in app.get(f"/nmg/cases/{urged['number']}", headers=login(world.reviewer)).body


def test_the_case_s_own_period_stays_what_it_was(world, urged):
    assert urged["due"]["on"] == "2026-11-30"
    assert [row["id"] for row in urged["deadlines"]] == ["D-OPEN-DECIDE"]


@pytest.mark.parametrize("name", ["reviewer", "official"])
def test_an_open_urging_is_a_box_and_a_badge(world, urged, name, app):
    user = getattr(world, name)
    assert [row["urged"] for row in call("nmgdata_case_list", user, box="urged")] == [True]
    assert "督办" in app.get("/nmg/inbox?box=urged", headers=login(user)).body
    call("nmgdata_case_urge_answer", world.reviewer, id=urged["id"], text=SAID)
    assert call("nmgdata_case_list", user, box="urged") == []


def test_a_step_of_the_office_settles_the_urging(world, urged):
    done = call("nmgdata_case_transition", world.reviewer, id=urged["id"], transition="refuse", **REFUSAL)
    (urge,) = done["office"]["urges"]
    assert urge["settled_at"]
    assert urge["due"] is None
    with clock.fixed(clock.now() + timedelta(days=8)):
        assert sweep.sweep().notices == 0


def told() -> list[tuple[str, str]]:
    """Return template and receiver of the notices that wait, in order."""
    query = sa.select(Outbox.payload).where(Outbox.topic == "notice").order_by(Outbox.id)
    return [(row["template"], row["to"]) for row in model.Session.scalars(query)]


def test_the_answer_is_reminded_of_and_its_delay_told_to_the_authority(world, urged):
    """Thursday 26 November is the last day: reminded on Wednesday, overdue on Friday, each once."""
    before = len(told())
    for days in (1, 2, 2, 4, 4):
        with clock.fixed(clock.now() + timedelta(days=days)):
            sweep.sweep()
    about = [notice for notice in told()[before:] if notice[0].startswith("urge")]
    assert about == [
        ("urge_reminder", "provider"),
        ("urge_overdue", "authority"),
        ("urge_overdue", "provider"),
    ]


def test_both_acts_are_audited_without_their_words(world, urged):
    call("nmgdata_case_urge_answer", world.reviewer, id=urged["id"], text=SAID)
    events = call("nmgdata_audit_list", world.auditor, case_id=urged["id"])
    assert [e["verb"] for e in events][-2:] == ["case.urged", "case.urge_answered"]
    assert ASKED not in str(events)


def test_from_the_page_of_the_case(world, case, app, wsgi):
    """What was typed stays when it is refused; mails go to the department, then to the official."""
    address = f"/nmg/cases/{case['number']}"
    short = app.post(f"{address}/urge", data={"text": "快!"}, headers=login(world.official))
    assert "快!" in short.body
    app.post(f"{address}/urge", data={"text": ASKED}, headers=login(world.official))
    app.post(f"{address}/urge-answer", data={"text": SAID}, headers=login(world.reviewer))
    with wsgi._wsgi_app.app_context():
        outbox.deliver(["notice"])
    query = sa.select(Outbox.payload).where(Outbox.topic == "mail").order_by(Outbox.id)
    mails = [(mail["to"], mail["body"]) for mail in model.Session.scalars(query)]
    assert any(to == "reviewer@example.org" and ASKED in body for to, body in mails)
    assert any(to == "official@example.org" and SAID in body for to, body in mails)
    assert not any(to == "applicant@example.org" and ASKED in body for to, body in mails)
