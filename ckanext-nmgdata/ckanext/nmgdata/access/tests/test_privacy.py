"""One's own data and their end: export, correction, retention (R-SEC-11, DC-57)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.access import drafts
from ckanext.nmgdata.access.model import Application
from ckanext.nmgdata.factories import STATEMENT, call
from ckanext.nmgdata.kernel import clock, outbox, retention, tick
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.audit import append
from ckanext.nmgdata.kernel.audit.model import AuditEvent, AuditSecret
from ckanext.nmgdata.kernel.audit.verify import verify
from ckanext.nmgdata.kernel.gate.model import Grant, GrantUse
from ckanext.nmgdata.kernel.types import Conflict
from ckanext.nmgdata.kernel.unit import begin
from ckanext.nmgdata.kernel.workflow.model import Case

pytestmark = pytest.mark.usefixtures("clean_search")


def at(day: str):
    """Hold the clock at ten in the morning of a day."""
    return clock.fixed(datetime.fromisoformat(f"{day}T02:00:00+00:00"))


@pytest.fixture
def withdrawn(world) -> dict:
    """Return a case that was closed on 23 November 2026, with personal data in its audit."""
    case = world.submitted()
    call("nmgdata_case_transition", world.applicant, id=case["id"], transition="withdraw")
    with begin(Actor.system()) as unit:
        append(
            unit, "evidence.viewed", ("case", case["id"]), case_id=case["id"], personal={"address": "1.2.3.4"}
        )
    return case


class TestRetention:
    def test_personal_data_are_destroyed_and_everything_still_verifies(self, world, withdrawn, app, as_user):
        assert model.Session.query(AuditSecret).count() >= 1
        with at("2029-11-22"):
            assert retention.sweep() == 0
        with at("2029-11-24"):
            tick.once()
            assert retention.sweep() == 0
        row = model.Session.get_one(Application, withdrawn["id"], populate_existing=True)
        assert (row.applicant_name, row.contact_phone, row.credit_code) == ("", "", None)
        assert (row.scenario, row.data_scope, row.safeguards) == ("", "", "")
        with at("2029-11-24"):
            page = app.get(f"/nmg/cases/{withdrawn['number']}", headers=as_user(world.reviewer)).body
        assert "已于2029年11月24日销毁" in page
        assert model.Session.get_one(Case, withdrawn["id"], populate_existing=True).erased_at is not None
        of_case = sa.select(AuditEvent.seq).where(AuditEvent.case_id == withdrawn["id"])
        kept = sa.select(sa.func.count()).select_from(AuditSecret).where(AuditSecret.seq.in_(of_case))
        assert model.Session.scalar(kept) == 0
        assert verify() == []
        shown = call("nmgdata_case_show", world.reviewer, id=withdrawn["id"])
        assert [step["step"] for step in shown["timeline"]] == ["submit", "withdraw"]
        assert STATEMENT["applicant_name"] not in json.dumps(shown, ensure_ascii=False)

    def test_open_cases_keep_theirs(self, world):
        case = world.submitted()
        with at("2040-01-01"):
            retention.sweep()
        assert (
            model.Session.get_one(Application, case["id"], populate_existing=True).applicant_name == "王小明"
        )

    def test_an_error_in_one_case_does_not_stop_the_others(self, world, withdrawn, monkeypatch):
        other = call(
            "nmgdata_application_submit", world.citizen, dataset_id=world.conditional["id"], **STATEMENT
        )
        call("nmgdata_case_transition", world.citizen, id=other["id"], transition="withdraw")
        eraser = retention._erasers["open_application"]

        def fails_once(unit, case):
            if case.id == withdrawn["id"]:
                raise RuntimeError("broken")
            eraser(unit, case)

        monkeypatch.setitem(retention._erasers, "open_application", fails_once)
        with at("2030-01-01"):
            assert retention.sweep() == 1
        assert model.Session.get_one(Case, other["id"], populate_existing=True).erased_at is not None

    def test_who_used_a_grant_is_forgotten_and_how_often_is_not(self, world, app, as_user):
        case = world.granted()
        address = (
            f"/dataset/{world.conditional['id']}/resource/{world.conditional['resources'][0]['id']}/download"
        )
        app.get(address, headers=as_user(world.applicant))
        with at("2027-07-02"):
            tick.once()
        with at("2030-07-03"):
            retention.sweep()
        assert model.Session.get_one(Case, case["id"], populate_existing=True).erased_at is not None
        (use,) = model.Session.query(GrantUse).all()
        assert (use.user_id, use.count) == ("", 1)

    def test_queries_of_several_in_one_hour_are_added_up(self, world):
        case = world.granted()
        grant = model.Session.scalar(sa.select(Grant.id).where(Grant.case_id == case["id"]))
        hour = datetime(2026, 11, 24, 2, tzinfo=UTC)
        for user, count in ((world.applicant, 2), (world.citizen, 3)):
            values = {"grant_id": grant, "user_id": user.id, "resource_id": "r", "door": "rows", "at": hour}
            model.Session.add(GrantUse(**values, count=count))
        model.Session.commit()
        with at("2027-07-02"):
            tick.once()
        with at("2030-07-03"):
            assert retention.sweep() == 1
        (use,) = model.Session.query(GrantUse).populate_existing()
        assert (use.user_id, use.count, use.at) == ("", 5, hour)

    def test_what_the_consent_took_from_the_application_goes_too(self, world):
        case = world.submitted()
        terms = {"purpose": "王小明的课题研究", "use_scope": "王小明课题组", "valid_until": "2027-06-30"}
        call("nmgdata_case_transition", world.reviewer, id=case["id"], transition="approve", **terms)
        call("nmgdata_case_transition", world.applicant, id=case["id"], transition="withdraw")
        with at("2030-07-03"):
            assert retention.sweep() == 1
        shown = json.dumps(call("nmgdata_case_show", world.reviewer, id=case["id"]), ensure_ascii=False)
        assert "王小明" not in shown and "2027-06-30" in shown
        kept = model.Session.query(Grant).populate_existing().one()
        assert (kept.purpose, kept.use_scope) == ("", "")

    def test_cases_that_fail_do_not_block_the_others(self, world, withdrawn, monkeypatch):
        other = call(
            "nmgdata_application_submit", world.citizen, dataset_id=world.conditional["id"], **STATEMENT
        )
        call("nmgdata_case_transition", world.citizen, id=other["id"], transition="withdraw")
        monkeypatch.setattr(retention, "BATCH", 1)
        eraser = retention._erasers["open_application"]

        def fails(unit, case):
            if case.id == withdrawn["id"]:
                raise RuntimeError("broken")
            eraser(unit, case)

        monkeypatch.setitem(retention._erasers, "open_application", fails)
        with at("2030-01-01"):
            assert retention.sweep() == 1

    def test_the_setting(self, world, withdrawn, monkeypatch):
        monkeypatch.setitem(tk.config, "ckanext.nmgdata.privacy.retention_months", 1)
        with at("2026-12-24"):
            assert retention.sweep() == 1


class TestExport:
    def test_everything_of_one_s_own_and_nothing_of_others(self, world, app, as_user):
        mine = world.submitted()
        theirs = call(
            "nmgdata_application_submit", world.citizen, dataset_id=world.conditional["id"],
            **{**STATEMENT, "applicant_name": "李四"},
        )  # fmt: skip
        found = call("nmgdata_personal_export", world.applicant)
        assert [case["number"] for case in found["cases"]] == [mine["number"]]
        assert found["cases"][0]["filed"]["contact_phone"] == STATEMENT["contact_phone"]
        assert found["account"]["email"] == world.applicant.record.email
        text = app.post("/nmg/my/data.json", headers=as_user(world.applicant)).body
        assert theirs["number"] not in text and "李四" not in text and mine["number"] in text
        verbs = list(model.Session.scalars(sa.select(AuditEvent.verb)))
        assert verbs.count("personal.exported") == 2

    def test_the_draft_the_grants_and_what_one_was_told_too(self, world, app, as_user, wsgi):
        granted = world.granted()
        begun = {"applicant_name": "王小明", "scenario": "还没写完的草稿", "items": [{"dataset_id": "x"}]}
        drafts.keep(Actor.person(world.applicant), begun)
        drafts.keep(Actor.person(world.citizen), {"scenario": "别人的草稿"})
        address = (
            f"/dataset/{world.conditional['id']}/resource/{world.conditional['resources'][0]['id']}/download"
        )
        app.get(address, headers=as_user(world.applicant))
        with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
            outbox.deliver(["notice"])
        found = call("nmgdata_personal_export", world.applicant)
        assert found["drafts"] == [{**begun, "evidence": []}]
        assert [(grant["case"], len(grant["uses"])) for grant in found["grants"]] == [(granted["number"], 1)]
        assert any(granted["number"] in notice["subject"] for notice in found["notices"])
        assert found["mails"] == call("nmgdata_mail_choice_show", world.applicant)
        assert "别人的草稿" not in json.dumps(found, ensure_ascii=False)

    def test_without_an_account(self, world, app):
        with pytest.raises(tk.NotAuthorized):
            call("nmgdata_personal_export", None)
        app.post("/nmg/my/data.json", status=403)


class TestCorrection:
    def test_the_own_number_in_an_open_case(self, world, app, as_user):
        case = world.submitted()
        app.post(
            "/nmg/my/data", headers=as_user(world.applicant),
            data={"id": case["number"], "contact_phone": "13911112222"},
        )  # fmt: skip
        assert model.Session.get_one(Application, case["id"]).contact_phone == "13911112222"
        verbs = list(model.Session.scalars(sa.select(AuditEvent.verb).order_by(AuditEvent.seq)))
        assert verbs[-1] == "personal.corrected"

    def test_a_mistyped_number_changes_nothing(self, world, app, as_user):
        case = world.submitted()
        with pytest.raises(tk.ValidationError) as refused:
            call("nmgdata_contact_update", world.applicant, id=case["id"], contact_phone="12")
        assert list(refused.value.error_dict) == ["contact_phone"]
        page = app.post(
            "/nmg/my/data",
            headers=as_user(world.applicant),
            data={"id": case["number"], "contact_phone": "12"},
        )
        assert 'value="12"' in page.body

    @pytest.mark.parametrize("who", ["citizen", "reviewer", "official", "auditor", "sysadmin"])
    def test_nobody_else_corrects_it(self, world, who):
        case = world.submitted()
        with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)):
            call("nmgdata_contact_update", getattr(world, who), id=case["id"], contact_phone="13911112222")

    def test_a_closed_case_stays_as_it_is(self, world, withdrawn):
        with pytest.raises(Conflict):
            call("nmgdata_contact_update", world.applicant, id=withdrawn["id"], contact_phone="13911112222")


def test_the_page(world, app, as_user):
    case = world.submitted()
    page = app.get("/nmg/my/data", headers=as_user(world.applicant)).body
    assert case["number"] in page and STATEMENT["contact_phone"] in page
    assert (
        factories.STATEMENT["contact_phone"]
        not in app.get("/nmg/my/data", headers=as_user(world.citizen)).body
    )
