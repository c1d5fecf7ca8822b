"""Applications for conditional data: 内政发〔2024〕19号 Art. 28 ¶2, law.md R-COND."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.access.model import ApplicationItem
from ckanext.nmgdata.factories import STATEMENT, call, site_context
from ckanext.nmgdata.kernel import clock
from ckanext.nmgdata.kernel.audit import verify
from ckanext.nmgdata.kernel.gate.model import Grant
from ckanext.nmgdata.kernel.outbox.model import Outbox
from ckanext.nmgdata.kernel.types import Conflict
from ckanext.nmgdata.kernel.workflow import sweep
from ckanext.nmgdata.kernel.workflow.model import Case

APPROVAL = {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": "2027-06-30"}
REFUSAL = {
    "refusal_ground": "conditions_not_met",
    "reason": "不符合限定的对象",
    "legal_basis": "内政发〔2024〕19号第二十七条第（二）项",
}


def fire(user, case, transition, **data):
    """Take a step as a person."""
    return call("nmgdata_case_transition", user, id=case["id"], transition=transition, **data)


def status(case):
    """Return where a case stands."""
    model.Session.expire_all()
    return model.Session.get(Case, case["id"]).status


class TestApplying:
    def test_it_gives_a_number_a_code_and_a_case_for_the_department(self, world):
        receipt = world.submitted()
        case = model.Session.get(Case, receipt["id"])
        assert receipt["number"].startswith("SQ-20261123-00001-")
        assert (case.status, case.org_id, case.due_on) == (
            "review",
            world.department["id"],
            date(2026, 11, 30),
        )

    @pytest.mark.parametrize("field", [f for f in STATEMENT if f != "credit_code"])
    def test_r_cond_01_every_element_is_needed(self, world, field):
        for nothing in ("", "   "):
            with pytest.raises(tk.ValidationError) as refused:
                call(
                    "nmgdata_application_submit",
                    world.applicant,
                    dataset_id=world.conditional["id"],
                    **{**STATEMENT, field: nothing},
                )
            assert field in refused.value.error_dict
        assert model.Session.query(Case).count() == 0

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"use_until": "2026-11-23"}, "use_until"),
            ({"use_from": "2026-11-22"}, "use_from"),
            ({"use_from": "2027-11-22", "use_until": "2027-01-01"}, "use_until"),
            ({"use_until": "tomorrow"}, "use_until"),
            ({"use_until": "9999-12-31"}, "use_until"),
            ({"provision_mode": "carrier pigeon"}, "provision_mode"),
            ({"applicant_kind": "robot"}, "applicant_kind"),
            ({"scenario": "研究"}, "scenario"),
            ({"scenario": "长" * 5001}, "scenario"),
            ({"contact_phone": "123"}, "contact_phone"),
            ({"applicant_kind": "legal_person"}, "credit_code"),
            ({"applicant_kind": "legal_person", "credit_code": "11152500011659134X"}, "credit_code"),
            ({"applicant_kind": "unincorporated", "credit_code": "1"}, "credit_code"),
            ({"applicant_kind": "unincorporated", "credit_code": "0" * 18}, "credit_code"),
        ],
    )
    def test_bad_input_is_refused_at_its_field(self, world, change, field):
        with pytest.raises(tk.ValidationError) as refused:
            call(
                "nmgdata_application_submit",
                world.applicant,
                dataset_id=world.conditional["id"],
                **{**STATEMENT, **change},
            )
        assert list(refused.value.error_dict) == [field]

    def test_r_src_04_a_right_credit_code(self, world):
        statement = {**STATEMENT, "applicant_kind": "legal_person", "credit_code": "11152500011659134e"}
        assert call(
            "nmgdata_application_submit", world.applicant, dataset_id=world.conditional["id"], **statement
        )

    def test_dc_18_a_natural_person_s_code_is_not_kept(self, world):
        statement = {**STATEMENT, "credit_code": "11152500011659134E"}
        receipt = call(
            "nmgdata_application_submit", world.applicant, dataset_id=world.conditional["id"], **statement
        )
        assert call("nmgdata_case_show", world.applicant, id=receipt["id"])["filed"]["credit_code"] is None

    def test_r_cond_02_open_data_need_no_application(self, world):
        for target in (world.open_data["id"],):
            with pytest.raises(tk.ValidationError) as refused:
                call("nmgdata_application_submit", world.applicant, dataset_id=target, **STATEMENT)
            assert list(refused.value.error_dict) == ["dataset_id"]

    def test_r_cond_02_non_open_data_do_not_exist_for_the_public(self, world):
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            call("nmgdata_application_submit", world.applicant, dataset_id=world.non_open["id"], **STATEMENT)

    def test_without_an_account(self, world):
        with pytest.raises(tk.NotAuthorized):
            call("nmgdata_application_submit", None, dataset_id=world.conditional["id"], **STATEMENT)

    def test_a_file_of_another_dataset(self, world):
        other = world.open_data["resources"][0]["id"]
        with pytest.raises(tk.ValidationError):
            call(
                "nmgdata_application_submit",
                world.applicant,
                dataset_id=world.conditional["id"],
                resource_id=other,
                **STATEMENT,
            )

    def test_one_open_application_per_person_and_data(self, world):
        case = world.submitted()
        with pytest.raises(tk.ValidationError):
            world.submitted()
        assert call(
            "nmgdata_application_submit", world.citizen, dataset_id=world.conditional["id"], **STATEMENT
        )
        fire(world.applicant, case, "withdraw")
        assert world.submitted()

    def test_two_at_once_make_one(self, world):
        target, applicant = world.conditional["id"], world.applicant
        ready, outcomes = threading.Barrier(2), []

        def apply():
            with clock.fixed(datetime(2026, 11, 23, 2, 0, tzinfo=UTC)):
                context = {"user": applicant.name, "auth_user_obj": applicant.record}
                ready.wait(10)
                try:
                    tk.get_action("nmgdata_application_submit")(context, {"dataset_id": target, **STATEMENT})
                    outcomes.append("filed")
                except tk.ValidationError:
                    outcomes.append("refused")
                finally:
                    model.Session.remove()

        threads = [threading.Thread(target=apply) for _turn in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(outcomes) == ["filed", "refused"]
        assert model.Session.query(ApplicationItem).count() == 1


class TestDeciding:
    def test_r_cond_04_consent_states_purpose_and_scope(self, world):
        case = world.submitted()
        for field in APPROVAL:
            with pytest.raises(tk.ValidationError) as refused:
                fire(world.reviewer, case, "approve", **{**APPROVAL, field: ""})
            assert list(refused.value.error_dict) == [field]
        assert status(case) == "review"

    def test_consent_cannot_outlast_what_was_asked(self, world):
        case = world.submitted()
        with pytest.raises(tk.ValidationError) as refused:
            fire(world.reviewer, case, "approve", **{**APPROVAL, "valid_until": "2027-11-23"})
        assert list(refused.value.error_dict) == ["valid_until"]
        assert model.Session.query(Grant).count() == 0

    def test_nor_end_before_it_begins(self, world):
        later = {**STATEMENT, "use_from": "2026-12-10", "use_until": "2027-01-10"}
        case = call(
            "nmgdata_application_submit", world.applicant, dataset_id=world.conditional["id"], **later
        )
        with pytest.raises(tk.ValidationError) as refused:
            fire(world.reviewer, case, "approve", **{**APPROVAL, "valid_until": "2026-12-05"})
        assert list(refused.value.error_dict) == ["valid_until"]
        fire(world.reviewer, case, "approve", **{**APPROVAL, "valid_until": "2026-12-10"})
        assert model.Session.scalars(sa.select(Grant.valid_from)).one() == date(2026, 12, 10)

    def test_the_way_to_the_data_is_shown_to_who_has_them(self, world, app, as_user):
        case = world.granted()
        for who, seen in ((world.applicant, True), (world.reviewer, False), (world.auditor, False)):
            assert ("前往下载" in app.get(f"/nmg/cases/{case['number']}", headers=as_user(who)).body) is seen

    def test_r_cond_05_consent_writes_the_grant_in_the_same_act(self, world):
        case = world.submitted()
        fire(world.reviewer, case, "approve", **APPROVAL)
        grant = model.Session.scalars(sa.select(Grant)).one()
        assert (grant.case_id, grant.holder_id, grant.purpose) == (case["id"], world.applicant.id, "课题研究")
        assert (grant.valid_until, grant.accepted_at) == (date(2027, 6, 30), None)

    @pytest.mark.parametrize("field", list(REFUSAL))
    def test_r_cond_06_refusal_states_reason_and_basis_separately(self, world, field):
        case = world.submitted()
        with pytest.raises(tk.ValidationError) as refused:
            fire(world.reviewer, case, "refuse", **{**REFUSAL, field: ""})
        assert list(refused.value.error_dict) == [field]

    def test_both_are_shown_to_the_applicant(self, world):
        case = world.submitted()
        fire(world.reviewer, case, "refuse", **REFUSAL)
        last = call("nmgdata_case_show", world.applicant, id=case["id"])["timeline"][-1]["stated"]
        assert (last["reason"], last["legal_basis"]) == (REFUSAL["reason"], REFUSAL["legal_basis"])

    @pytest.mark.parametrize(
        "who", ["applicant", "citizen", "editor", "stranger", "official", "auditor", "sysadmin"]
    )
    @pytest.mark.parametrize("step", ["approve", "refuse"])
    def test_r_cond_03_only_the_providing_department_decides(self, world, who, step):
        case = world.submitted()
        data = APPROVAL if step == "approve" else REFUSAL
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            fire(getattr(world, who), case, step, **data)
        assert status(case) == "review"

    def test_dc_19_nobody_decides_an_application_of_their_own(self, world):
        case = call(
            "nmgdata_application_submit", world.reviewer, dataset_id=world.conditional["id"], **STATEMENT
        )
        with pytest.raises(tk.NotAuthorized):
            fire(world.reviewer, case, "approve", **APPROVAL)

    def test_a_decision_is_final(self, world):
        case = world.submitted()
        fire(world.reviewer, case, "refuse", **REFUSAL)
        with pytest.raises(Conflict):
            fire(world.reviewer, case, "approve", **APPROVAL)

    def test_dc_20_the_applicant_withdraws_before_the_decision_only(self, world):
        case = world.submitted()
        fire(world.reviewer, case, "refuse", **REFUSAL)
        with pytest.raises(Conflict):
            fire(world.applicant, case, "withdraw")


class TestTheAgreement:
    def test_r_cond_08_it_is_accepted_in_its_present_version(self, world):
        case = world.submitted()
        fire(world.reviewer, case, "approve", **APPROVAL)
        for version in ("", "2020-1", "on"):
            with pytest.raises(tk.ValidationError):
                fire(world.applicant, case, "accept", agreement=version)
        fire(world.applicant, case, "accept", agreement="2026-1")
        grant = model.Session.scalars(sa.select(Grant)).one()
        assert (grant.agreement, grant.accepted_at is not None) == ("2026-1", True)

    def test_nobody_accepts_for_the_applicant(self, world):
        case = world.submitted()
        fire(world.reviewer, case, "approve", **APPROVAL)
        with pytest.raises(tk.NotAuthorized):
            fire(world.reviewer, case, "accept", agreement="2026-1")


class TestWhatComesLater:
    def test_the_grant_ends_on_its_day_and_the_case_says_so(self, world):
        case = world.granted()
        with clock.fixed(datetime(2027, 6, 30, 10, 0, tzinfo=UTC)):
            sweep.sweep()
            assert status(case) == "provided"
        with clock.fixed(datetime(2027, 6, 30, 17, 0, tzinfo=UTC)):
            sweep.sweep()
        assert status(case) == "expired"
        assert model.Session.scalars(sa.select(Grant.ended_reason)).one() == "expired"

    def test_dc_50_data_that_become_open_close_their_cases(self, world):
        waiting = call(
            "nmgdata_application_submit", world.citizen, dataset_id=world.conditional["id"], **STATEMENT
        )
        granted = world.granted()
        change = {"id": world.conditional["id"], "open_class": "unconditional", "license_id": "other-open"}
        tk.get_action("package_patch")(site_context(), change)
        assert (status(waiting), status(granted)) == ("closed", "closed")
        assert verify.verify() == []

    @pytest.mark.parametrize("decided", [False, True])
    def test_dc_50_a_case_about_other_data_too_goes_on_with_these(self, world, decided):
        second = world.filled(
            factories.dataset(world.department, title="网约车订单", open_class="conditional")
        )
        both = [{"dataset_id": made["id"]} for made in (world.conditional, second)]
        case = call("nmgdata_application_submit", world.applicant, items=both, **STATEMENT)["cases"][0]
        if decided:
            for user, step, stated in (
                (world.reviewer, "approve", APPROVAL), (world.applicant, "accept", {"agreement": "2026-1"}),
            ):  # fmt: skip
                call("nmgdata_case_transition", user, id=case["id"], transition=step, **stated)
        for made, expected in ((world.conditional, "provided" if decided else "review"), (second, "closed")):
            change = {"id": made["id"], "open_class": "unconditional", "license_id": "other-open"}
            tk.get_action("package_patch")(site_context(), change)
            assert status(case) == expected
            live = model.Session.scalars(sa.select(Grant.id).where(Grant.ended_at.is_(None))).all()
            assert bool(live) == (expected == "provided")
        told = [row.payload for row in model.Session.query(Outbox).filter_by(topic="notice")]
        assert [one["to"] for one in told if one["template"] == "became_open"] == ["filer", "members"]

    def test_grants_are_listed_to_their_holder(self, world):
        world.granted()
        assert [g["purpose"] for g in call("nmgdata_grant_list", world.applicant)] == ["课题研究"]
        assert call("nmgdata_grant_list", world.citizen) == []


class TestPrivacy:
    @pytest.mark.parametrize("who", ["citizen", "editor", "stranger", "sysadmin", None])
    def test_others_do_not_learn_that_a_case_exists(self, world, who):
        case = world.submitted()
        user = getattr(world, who) if who else None
        for reference in (case["id"], case["number"], "SQ-20261123-99999-9"):
            with pytest.raises(tk.ObjectNotFound if user else tk.NotAuthorized):
                call("nmgdata_case_show", user, id=reference)

    def test_number_and_code_show_progress_without_the_statement(self, world, app):
        case = world.submitted()
        answer = app.post("/nmg/cases", data={"number": case["number"], "code": case["code"]})
        assert "待部门审核" in answer.body
        for private in ("王小明", "13800000000", STATEMENT["scenario"]):
            assert private not in answer.body

    def test_unknown_number_and_wrong_code_get_the_same_answer(self, world, app):
        case = world.submitted()
        assert self.answer(app, case["number"], "x") == self.answer(app, "SQ-20261123-99999-9", case["code"])

    def answer(self, app, number, code):
        """Return the page about a number, but for what was typed and the token of its form."""
        page = app.post("/nmg/cases", data={"number": number, "code": code}).body
        page = re.sub(r'(name="_csrf_token" (content|value)=)"[^"]*"', "", page)
        return page.replace(number, "N").replace(f'value="{code}"', "")

    def test_statements_never_reach_the_index(self, world, clean_search):
        import pysolr

        world.granted()
        documents = json.dumps(
            pysolr.Solr(tk.config["solr_url"]).search("*:*", fl="*").docs, ensure_ascii=False
        )
        assert "王小明" not in documents
        assert STATEMENT["scenario"] not in documents

    def test_nor_the_hashed_bytes_of_the_audit(self, world):
        world.granted()
        rows = model.Session.execute(sa.text("SELECT to_json(e)::text FROM nmgdata_audit_event e")).scalars()
        text = "".join(rows)
        for private in ("王小明", "13800000000", "课题"):
            assert private not in text


class TestPages:
    def test_the_form_keeps_what_was_typed(self, world, app, as_user):
        typed = {**STATEMENT, "safeguards": "", "scenario": "研究“城市”出行 <script>规律</script>，发表论文"}
        answer = app.post(
            f"/nmg/apply/{world.conditional['name']}", data=typed, headers=as_user(world.applicant)
        )
        assert "请写明数据的安全保障措施。" in answer.body
        assert "研究“城市”出行 &lt;script&gt;" in answer.body
        assert "<script>规律" not in answer.body
        assert 'aria-describedby="h-safeguards e-safeguards"' in answer.body

    def test_without_a_login_it_sends_to_the_login_and_back(self, world, app):
        answer = app.get(f"/nmg/apply/{world.conditional['name']}", follow_redirects=False)
        assert answer.status_code == 302
        assert "came_from=/nmg/apply" in answer.headers["Location"]

    @pytest.mark.parametrize("page", ["/nmg/inbox", "/nmg/my", "/nmg/audit"])
    def test_pages_of_the_desk_ask_for_a_login(self, clean, app, page):
        assert app.get(page, follow_redirects=False).status_code == 302

    @pytest.mark.parametrize(
        ("page", "who", "code"),
        [
            ("/nmg/inbox", "applicant", 403), ("/nmg/inbox", "reviewer", 200), ("/nmg/inbox", "official", 200),
            ("/nmg/audit", "applicant", 403), ("/nmg/audit", "reviewer", 403), ("/nmg/audit", "auditor", 200),
            ("/nmg/audit", "official", 200), ("/nmg/audit", "sysadmin", 403), ("/nmg/my", "applicant", 200),
        ],
    )  # fmt: skip
    def test_who_sees_which_page(self, world, app, as_user, page, who, code):
        assert app.get(page, headers=as_user(getattr(world, who)), status=None).status_code == code

    def test_a_step_from_the_page(self, world, app, as_user):
        case = world.submitted()
        answer = app.post(
            f"/nmg/cases/{case['number']}/approve",
            data={**APPROVAL, "purpose": ""},
            headers=as_user(world.reviewer),
        )
        assert "请明确准许的用途" in answer.body
        app.post(f"/nmg/cases/{case['number']}/approve", data=APPROVAL, headers=as_user(world.reviewer))
        assert status(case) == "approved"

    def test_somebody_else_s_case_page_does_not_exist(self, world, app, as_user):
        case = world.submitted()
        for who in (world.citizen, world.stranger, world.sysadmin):
            assert (
                app.get(f"/nmg/cases/{case['number']}", headers=as_user(who), status=None).status_code == 404
            )
            answer = app.post(
                f"/nmg/cases/{case['number']}/approve", data=APPROVAL, headers=as_user(who), status=None
            )
            assert answer.status_code == 404
