"""An override: short, reasoned, audited, for auditors of the region and the operator, never withdrawn data."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ... import factories
from ...factories import call
from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.audit import verify
from ...kernel.audit.model import AuditEvent
from ...kernel.gate import rights
from ...kernel.gate.model import Override
from ...kernel.unit import begin

REASON = "核查编号为一的举报，需要看原始记录"


def address(made):
    """Return the download address of a dataset's first file."""
    return f"/dataset/{made['id']}/resource/{made['resources'][0]['id']}/download"


def take(who, made, reason=REASON):
    """Take an override through the action."""
    return call("nmgdata_access_override", who, id=made["resources"][0]["id"], reason=reason)


def origin(case):
    """Return a case as the origin of a stop."""
    return rights.Origin(case["id"], case["number"])


@pytest.mark.parametrize("who", ["auditor", "sysadmin"])
@pytest.mark.parametrize("kind", ["conditional", "non_open"])
def test_opens_for_its_holder_until_its_end_and_every_use_is_recorded(world, app, as_user, who, kind):
    made, person = getattr(world, kind), getattr(world, who)
    headers = {**as_user(person), "Accept": "application/json"}
    assert app.get(address(made), headers=headers, status=None).status_code == 403
    until = take(person, made)["until"]
    assert until == (clock.now() + timedelta(minutes=60)).isoformat()
    assert app.get(address(made), headers=headers).data == factories.CSV
    events = list(model.Session.scalars(sa.select(AuditEvent).order_by(AuditEvent.seq.desc()).limit(2)))
    assert [event.verb for event in events] == ["download.allowed", "override.used"]
    assert {event.actor_id for event in events} == {person.id}
    assert events[0].detail["reason"] == "override"
    assert REASON not in str([event.detail for event in events])
    assert verify.verify() == []
    assert app.get(address(made), headers=as_user(world.citizen), status=None).status_code in (403, 404)
    with clock.fixed(clock.now() + timedelta(minutes=60)):
        assert app.get(address(made), headers=headers, status=None).status_code == 403


@pytest.mark.parametrize("who", ["citizen", "editor", "reviewer", "official", "stranger"])
def test_nobody_else_may(world, who):
    with pytest.raises(tk.NotAuthorized):
        take(getattr(world, who), world.conditional)
    assert model.Session.scalars(sa.select(Override)).all() == []


def test_an_auditor_of_another_place_may_not(world):
    city = factories.organisation("乌海市审计局", name="wuhai-audit", region_code="150300")
    auditor = factories.join(factories.person(), city, "auditor")
    with pytest.raises(tk.NotAuthorized):
        take(auditor, world.conditional)
    own = world.filled(factories.dataset(city, region_code="150302", open_class="conditional"))
    assert take(auditor, own)["until"]


@pytest.mark.parametrize("reason", ["", "看一下", "          x         "])
def test_not_without_a_reason(world, reason):
    with pytest.raises(tk.ValidationError):
        take(world.auditor, world.conditional, reason)


def test_suspended_data_yes_withdrawn_data_never(world, app, as_user):
    case = origin(world.submitted())
    headers = {**as_user(world.auditor), "Accept": "application/json"}
    with begin(Actor.system()) as unit:
        rights.suspend(unit, case, world.open_data["id"])
    take(world.auditor, world.open_data)
    assert app.get(address(world.open_data), headers=headers).data == factories.CSV
    with begin(Actor.system()) as unit:
        rights.withdraw(unit, case.case_id)
    assert app.get(address(world.open_data), headers=headers, status=None).status_code == 410
    with pytest.raises(tk.NotAuthorized):
        take(world.auditor, world.open_data)


@pytest.mark.parametrize("whole", [True, False])
def test_one_taken_before_a_stop_does_not_open_what_is_stopped(world, app, as_user, whole):
    """R-OBJ-02: its reason, and its audit event, speak of another refusal."""
    made, headers = world.conditional, {**as_user(world.auditor), "Accept": "application/json"}
    take(world.auditor, made)
    assert app.get(address(made), headers=headers).data == factories.CSV
    case = origin(world.submitted())
    with begin(Actor.system()) as unit:
        rights.suspend(unit, case, made["id"], None if whole else made["resources"][0]["id"])
    assert app.get(address(made), headers=headers, status=None).status_code == 451
    take(world.auditor, made)
    assert app.get(address(made), headers=headers).data == factories.CSV


def test_who_loses_the_office_loses_the_override(world, app, as_user):
    take(world.auditor, world.conditional)
    member = {"id": world.other["id"], "username": world.auditor.name}
    tk.get_action("organization_member_delete")(factories.site_context(), member)
    assert app.get(address(world.conditional), headers=as_user(world.auditor), status=None).status_code == 403


def test_the_form_on_the_page_of_the_refusal(world, app, as_user):
    auditor = as_user(world.auditor)
    page = app.get(address(world.conditional), headers={**auditor, "Accept": "text/html"}, status=None)
    form = f"/nmg/override/{world.conditional['resources'][0]['id']}"
    assert form in page.body
    editor = {**as_user(world.editor), "Accept": "text/html"}
    assert form not in app.get(address(world.conditional), headers=editor, status=None).body
    answer = app.post(form, data={"reason": REASON}, headers=auditor, follow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith(address(world.conditional))
    assert app.get(address(world.conditional), headers=auditor).data == factories.CSV
    assert REASON in app.get("/nmg/audit", headers=auditor).body
    assert (
        app.post(form, data={"reason": REASON}, headers=as_user(world.editor), status=None).status_code == 403
    )


def test_the_tombstone_says_what_when_why_and_where(world, app):
    case = origin(world.submitted())
    with begin(Actor.system()) as unit:
        rights.suspend(unit, case, world.open_data["id"])
        rights.withdraw(unit, case.case_id)
    page = app.get(address(world.open_data), headers={"Accept": "text/html"}, status=None)
    assert page.status_code == 410
    for word in (world.open_data["title"], case.number, "2026"):
        assert word in page.body
    said = app.get(address(world.open_data), status=None).json["error"]
    assert (said["case"], said["since"][:10], said["reason"]) == (case.number, "2026-11-23", "withdrawn")
