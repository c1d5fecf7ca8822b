"""Access of violators closed for a time: 内政发〔2024〕19号 Art. 50, law.md R-SUSP, §5.8."""

from __future__ import annotations

import io
import threading
from datetime import date, datetime

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.access.closing.model import AccessSuspension
from ckanext.nmgdata.factories import STATEMENT, World, call
from ckanext.nmgdata.kernel import clock, outbox, retention
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.audit.model import AuditEvent
from ckanext.nmgdata.kernel.audit.verify import verify
from ckanext.nmgdata.kernel.deadlines.model import Deadline
from ckanext.nmgdata.kernel.evidence import files as evidence
from ckanext.nmgdata.kernel.gate import closures, doors, seal
from ckanext.nmgdata.kernel.gate.model import Closure
from ckanext.nmgdata.kernel.outbox.model import Outbox
from ckanext.nmgdata.kernel.types import Conflict
from ckanext.nmgdata.kernel.workflow import machine, sweep
from ckanext.nmgdata.kernel.workflow.model import Case

pytestmark = pytest.mark.usefixtures("clean_search")
CODE = "11152500011659134E"
NOTICE = {
    "ground": "breach_of_use",
    "facts": "2026年11月20日将数据转交第三方使用。",
    "evidence": "第三方网站公开页面截图及访问日志。",
    "correct_by": "2026-12-07",
}
STEPS = {
    "claim": {"proof": "已收回并删除第三方持有的数据，附删除证明。"},
    "lift": {"findings": "经核查已改正。"},
    "refuse_claim": {"reason": "第三方仍可访问。", "correct_by": "2026-12-21"},
    "refer": {"receiver": "自治区公安厅", "reason": "逾期未改正。"},
    "revoke": {"reason": "经协调，认定事实有误。"},
}
COMPANY = {**STATEMENT, "applicant_kind": "legal_person", "applicant_name": "示例公司", "credit_code": CODE}


def at(day: str):
    """Hold the clock at ten in the morning of a day."""
    return clock.fixed(datetime.fromisoformat(f"{day}T02:00:00+00:00"))


def granted(world: World, who: factories.Person, dataset: dict, statement: dict = STATEMENT) -> str:
    """Return the number of an application whose agreement was accepted."""
    made = call("nmgdata_application_submit", who, dataset_id=dataset["id"], **statement)
    call(
        "nmgdata_case_transition", world.reviewer, id=made["id"], transition="approve", purpose="课题研究",
        use_scope="课题组内部", valid_until="2027-06-30",
    )  # fmt: skip
    call("nmgdata_case_transition", who, id=made["id"], transition="accept", agreement="2026-1")
    return made["number"]


def close(world: World, number: str, who: factories.Person | None = None, **values) -> dict:
    """Close the access of an application's holder."""
    return call("nmgdata_access_close", who or world.reviewer, id=number, **{**NOTICE, **values})


def fire(who: factories.Person, case: dict, step: str, **values) -> dict:
    """Take a step of a closing."""
    return call("nmgdata_case_transition", who, id=case["id"], transition=step, **{**STEPS[step], **values})


def reason(who: factories.Person, dataset: dict) -> str:
    """Return what the gate says to a person about a dataset's first file."""
    judged = doors.judge(dataset["resources"][0]["id"], Actor.person(who.record))
    return judged[1].reason.value


def organised(name: str) -> factories.Person:
    """Return an account that was registered for the organisation."""
    extras = {"nmgdata": {"kind": "legal_person", "organisation": "示例公司", "credit_code": CODE}}
    made = factories.person(name)
    made.record.plugin_extras = extras
    model.Session.commit()
    return made


@pytest.fixture
def second(world) -> dict:
    """Return a second conditional dataset of the department."""
    return world.filled(factories.dataset(world.department, title="网约车订单", open_class="conditional"))


@pytest.fixture
def closed(world) -> dict:
    """Return a closing of the applicant's access."""
    return close(world, granted(world, world.applicant, world.conditional))


class TestClosing:
    def test_r_susp_02_one_act_closes_the_named_data_and_no_others(self, world, second):
        first = granted(world, world.applicant, world.conditional)
        granted(world, world.applicant, second)
        close(world, first)
        assert reason(world.applicant, world.conditional) == "access_closed"
        assert reason(world.applicant, second) == "granted"
        assert (
            call("nmgdata_access_explain", world.applicant, id=world.conditional["resources"][0]["id"])[
                "reason"
            ]
            == "access_closed"
        )

    def test_several_data_in_one_notice(self, world, second):
        first = granted(world, world.applicant, world.conditional)
        granted(world, world.applicant, second)
        close(world, first, datasets=[world.conditional["id"], second["name"]])
        assert reason(world.applicant, second) == "access_closed"

    def test_others_keep_theirs(self, world, closed):
        granted(world, world.citizen, world.conditional)
        assert reason(world.citizen, world.conditional) == "granted"

    def test_of_an_organisation_every_account_now_and_later(self, world):
        number = granted(world, world.applicant, world.conditional, COMPANY)
        colleague = organised("colleague")
        granted(world, colleague, world.conditional, COMPANY)
        # A private account that applied in the name of the organisation.
        granted(world, world.citizen, world.conditional, COMPANY)
        case = close(world, number)
        for who in (world.applicant, colleague, world.citizen):
            assert reason(who, world.conditional) == "access_closed"
        later = organised("later")
        assert closures.reaching(world.conditional["id"], later.id)
        with pytest.raises(tk.ValidationError):
            call("nmgdata_application_submit", later, dataset_id=world.conditional["id"], **STATEMENT)
        fresh = factories.person("fresh")
        with pytest.raises(tk.ValidationError):
            call("nmgdata_application_submit", fresh, dataset_id=world.conditional["id"], **COMPANY)
        assert call("nmgdata_application_submit", fresh, dataset_id=world.conditional["id"], **STATEMENT)
        call("nmgdata_case_transition", world.applicant, id=case["id"], transition="claim", **STEPS["claim"])
        fire(world.reviewer, case, "lift")
        for who in (world.applicant, colleague, world.citizen):
            assert reason(who, world.conditional) == "granted"

    def test_r_susp_04_the_others_of_an_organisation_are_told_too(self, world, pages):
        number = granted(world, world.applicant, world.conditional, COMPANY)
        colleague = organised("colleague")
        granted(world, colleague, world.conditional, COMPANY)
        case = close(world, number)
        assert closures.others_of(case["id"]) == [colleague.id]
        outbox.deliver(["notice"])
        (told,) = [
            n for n in call("nmgdata_notice_list", colleague)["notices"] if n["case"] == case["number"]
        ]
        assert case["number"] in told["subject"]
        bodies = [row.payload["body"] for row in model.Session.query(Outbox).filter_by(topic="mail")
                  if row.payload["to"] == colleague.record.email and case["number"] in row.payload["subject"]]  # fmt: skip
        assert len(bodies) == 1
        assert "第四十七条" in bodies[0]
        said = call("nmgdata_access_explain", colleague, id=world.conditional["resources"][0]["id"])
        assert (said["reason"], said["case"]) == ("access_closed", case["number"])
        assert world.department["title"] in said["why"]

    def test_an_account_applies_for_no_other_organisation_than_its_own(self, world):
        other = {**COMPANY, "applicant_name": "另一公司", "credit_code": "91150100MA0MWL1F6E"}
        with pytest.raises(tk.ValidationError) as refused:
            call(
                "nmgdata_application_submit", organised("clerk"), dataset_id=world.conditional["id"], **other
            )
        assert list(refused.value.error_dict) == ["credit_code"]

    def test_who_decides_is_told_that_an_account_is_not_the_organisation_s(self, world):
        for who, registered in ((world.citizen, False), (organised("clerk"), True)):
            made = call("nmgdata_application_submit", who, dataset_id=world.conditional["id"], **COMPANY)
            shown = call("nmgdata_case_show", world.reviewer, id=made["id"])["filed"]
            assert shown["code_is_registered"] is registered

    def test_the_person_closed_cannot_apply_again_for_these_data(self, world, closed, second):
        with pytest.raises(tk.ValidationError) as refused:
            call(
                "nmgdata_application_submit", world.applicant, dataset_id=world.conditional["id"], **STATEMENT
            )
        assert list(refused.value.error_dict) == ["dataset_id"]
        assert call("nmgdata_application_submit", world.applicant, dataset_id=second["id"], **STATEMENT)

    @pytest.mark.parametrize("field", list(NOTICE))
    def test_r_susp_01_nothing_without_ground_and_facts(self, world, field):
        number = granted(world, world.applicant, world.conditional)
        with pytest.raises(tk.ValidationError) as refused:
            close(world, number, **{field: ""})
        assert list(refused.value.error_dict) == [field]
        assert reason(world.applicant, world.conditional) == "granted"

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"ground": "dislike"}, "ground"), ({"correct_by": "2026-11-22"}, "correct_by"),
            ({"correct_by": "soon"}, "correct_by"),
            ({"correct_by": "9999-12-31"}, "correct_by"), ({"datasets": ["no-such"]}, "datasets"),
        ],
    )  # fmt: skip
    def test_bad_input(self, world, change, field):
        number = granted(world, world.applicant, world.conditional)
        with pytest.raises(tk.ValidationError) as refused:
            close(world, number, **change)
        assert list(refused.value.error_dict) == [field]

    def test_r_susp_04_the_person_is_told_everything(self, world, app, as_user):
        assert world.authority
        closed = close(world, granted(world, world.applicant, world.conditional))
        told = [r.payload["to"] for r in model.Session.query(Outbox) if r.payload.get("case") == closed["id"]]
        assert sorted(told) == ["authority", "filer", "members", "provider"]
        page = app.get(f"/nmg/cases/{closed['number']}", headers=as_user(world.applicant)).body
        for said in (NOTICE["facts"], "出租汽车轨迹", "第五十条", "自治区数据局"):
            assert said in page

    def test_it_is_audited(self, world, closed):
        verbs = list(
            model.Session.scalars(sa.select(AuditEvent.verb).where(AuditEvent.case_id == closed["id"]))
        )
        assert sorted(verbs) == ["case.transition", "closure.created"]


class TestCompetence:
    @pytest.mark.parametrize("who", ["applicant", "citizen", "stranger", "editor", "auditor", "sysadmin"])
    def test_out_of_competence(self, world, who):
        number = granted(world, world.applicant, world.conditional)
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            close(world, number, getattr(world, who))
        assert model.Session.query(Closure).count() == 0

    def test_a_department_only_its_own_data(self, world):
        number = granted(world, world.applicant, world.conditional)
        foreign = world.filled(factories.dataset(world.other, title="水文站", open_class="conditional"))
        with pytest.raises(tk.NotAuthorized):
            close(world, number, datasets=[foreign["id"]])
        with pytest.raises(tk.NotAuthorized):
            close(world, number, datasets=[world.conditional["id"], foreign["id"]])
        assert model.Session.query(Closure).count() == 0

    def test_the_authority_all_data_of_its_region(self, world):
        number = granted(world, world.applicant, world.conditional)
        foreign = world.filled(factories.dataset(world.other, title="水文站", open_class="conditional"))
        made = close(world, number, world.official, datasets=[world.conditional["id"], foreign["id"]])
        assert model.Session.get_one(Case, made["id"]).org_id == world.authority["id"]

    def test_a_city_s_authority_not_the_region_s_data(self, world):
        city = factories.organisation("鄂尔多斯市数据局", role="authority", region_code="150600")
        official = factories.join(factories.person("cityofficial"), city, "reviewer")
        number = granted(world, world.applicant, world.conditional)
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            close(world, number, official)


class TestSteps:
    def stage(self, world, closed, state):
        """Bring a closing into a state; return the clock's day there."""
        if state == "access_closed":
            return "2026-11-24"
        if state == "correction_claimed":
            fire(world.applicant, closed, "claim")
            return "2026-11-24"
        with at("2026-12-08"):
            sweep.sweep()
            if state == "referred":
                fire(world.reviewer, closed, "refer")
        return "2026-12-08"

    WAYS = {
        ("access_closed", "claim"): "applicant",
        ("access_closed", "revoke"): "official",
        ("uncorrected", "claim"): "applicant",
        ("uncorrected", "refer"): "reviewer",
        ("uncorrected", "revoke"): "official",
        ("correction_claimed", "lift"): "reviewer",
        ("correction_claimed", "refuse_claim"): "reviewer",
        ("correction_claimed", "revoke"): "official",
        ("referred", "lift"): "reviewer",
        ("referred", "revoke"): "official",
    }

    @pytest.mark.parametrize("state", ["access_closed", "uncorrected", "correction_claimed", "referred"])
    def test_every_step_is_one_audience_s_and_no_other_s(self, world, closed, state):
        """The whole matrix: state × step × audience, asked of the API."""
        people = ("applicant", "reviewer", "official", "citizen", "stranger", "editor", "auditor", "sysadmin")
        audience = {name: getattr(world, name) for name in people}
        with at(self.stage(world, closed, state)):
            for name, who in audience.items():
                try:
                    shown = {s["name"] for s in call("nmgdata_case_show", who, id=closed["id"])["possible"]}
                except tk.ObjectNotFound:
                    shown = set()
                    assert name in ("citizen", "stranger", "editor", "sysadmin")
                assert shown == {
                    s for (at_state, s), may in self.WAYS.items() if (at_state, may) == (state, name)
                }
                for step in STEPS:
                    if step in shown:
                        continue
                    with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound, Conflict)):
                        fire(who, closed, step)
        assert model.Session.get_one(Case, closed["id"], populate_existing=True).status == state

    @pytest.mark.parametrize(("state", "step"), list(WAYS))
    def test_what_each_step_does_to_access(self, world, closed, state, step):
        with at(self.stage(world, closed, state)):
            fire(getattr(world, self.WAYS[state, step]), closed, step)
            opens = step in ("lift", "revoke")
            assert reason(world.applicant, world.conditional) == ("granted" if opens else "access_closed")

    @pytest.mark.parametrize("step", list(STEPS))
    def test_every_form_is_needed(self, world, closed, step):
        state, may = next((key[0], who) for key, who in self.WAYS.items() if key[1] == step)
        with at(self.stage(world, closed, state)):
            for field in STEPS[step]:
                with pytest.raises(tk.ValidationError) as refused:
                    fire(getattr(world, may), closed, step, **{field: ""})
                assert list(refused.value.error_dict) == [field]

    def test_r_susp_03_past_its_date_it_is_flagged_and_stays_closed(self, world, closed):
        with at("2026-12-07"):
            sweep.sweep()
            assert model.Session.get_one(Case, closed["id"], populate_existing=True).status == "access_closed"
        with at("2026-12-08"):
            sweep.sweep()
            sweep.sweep()
            row = model.Session.get_one(Case, closed["id"], populate_existing=True)
            assert (row.status, row.holder, row.due_on) == ("uncorrected", "provider", date(2026, 12, 7))
            assert closed["number"] in [c["number"] for c in call("nmgdata_case_list", world.reviewer)]
            assert reason(world.applicant, world.conditional) == "access_closed"

    def test_a_refused_claim_gets_a_new_date(self, world, closed):
        fire(world.applicant, closed, "claim")
        fire(world.reviewer, closed, "refuse_claim")
        row = model.Session.get_one(Case, closed["id"], populate_existing=True)
        assert (row.status, row.due_on) == ("access_closed", date(2026, 12, 21))
        assert model.Session.get_one(AccessSuspension, closed["id"]).correct_by == date(2026, 12, 21)

    def test_each_case_gives_back_only_what_it_closed(self, world, closed):
        number = model.Session.scalar(sa.select(Case.number).where(Case.kind == "open_application"))
        other = close(world, number, world.official)
        fire(world.official, closed, "revoke")
        assert reason(world.applicant, world.conditional) == "access_closed"
        fire(world.official, other, "revoke")
        assert reason(world.applicant, world.conditional) == "granted"

    def test_no_one_decides_their_own(self, world):
        number = granted(world, world.applicant, world.conditional)
        factories.join(world.applicant, world.department, "reviewer")
        with pytest.raises(tk.NotAuthorized):
            close(world, number, world.applicant)

    @pytest.mark.parametrize(
        ("claimed", "due", "provisional"),
        [
            # 国庆 2026: 1 to 7 October rest, 10 October is worked.
            ("2026-09-29", date(2026, 10, 12), False),
            # 春节 2027 (from 6 February): not published yet, Monday to Friday, 暂定.
            ("2027-02-03", date(2027, 2, 10), True),
        ],
    )
    def test_d_susp_lift_over_the_holidays(self, world, claimed, due, provisional):
        with at("2026-09-21"):
            number = granted(
                world, world.applicant, world.conditional, {**STATEMENT, "use_from": "2026-09-21"}
            )
            case = close(world, number, correct_by="2027-03-01")
        with at(claimed):
            fire(world.applicant, case, "claim")
        period = model.Session.scalars(sa.select(Deadline).where(Deadline.statute == "D-SUSP-LIFT")).one()
        assert (period.due_on, period.provisional) == (due, provisional)

    def test_lifting_against_revoking_one_wins(self, world, closed):
        """Two officials at once: one decision, one event of reopening."""
        fire(world.applicant, closed, "claim")
        self.race(closed, [(world.reviewer, "lift"), (world.official, "revoke")])
        assert reason(world.applicant, world.conditional) == "granted"
        lifted = sa.select(sa.func.count()).where(AuditEvent.verb == "closure.lifted")
        assert model.Session.scalar(lifted) == 1
        assert verify() == []

    def test_a_claim_against_a_referral_one_wins(self, world, closed):
        with at("2026-12-08"):
            sweep.sweep()
        self.race(closed, [(world.applicant, "claim"), (world.reviewer, "refer")], "2026-12-08")
        assert reason(world.applicant, world.conditional) == "access_closed"

    def test_lifting_against_referring_a_second_time_one_wins(self, world, closed):
        with at("2026-12-08"):
            sweep.sweep()
            fire(world.reviewer, closed, "refer")
        self.race(closed, [(world.reviewer, "lift"), (world.reviewer, "refer")], "2026-12-08", sure="lift")
        assert reason(world.applicant, world.conditional) == "granted"

    def race(self, case, movers, day="2026-11-24", sure=None):
        """Fire steps at the same moment; all but one are refused as conflicts."""
        movers = [(who.name, who.record, step) for who, step in movers]
        model.Session.remove()
        ready, outcomes = threading.Barrier(len(movers)), {}

        def move(name, record, step):
            with at(day):
                ready.wait(10)
                try:
                    context = {"user": name, "auth_user_obj": record}
                    sent = {"id": case["id"], "transition": step, **STEPS[step]}
                    tk.get_action("nmgdata_case_transition")(context, sent)
                    outcomes[step] = "done"
                except Conflict:
                    outcomes[step] = "conflict"
                finally:
                    model.Session.remove()

        threads = [threading.Thread(target=move, args=mover) for mover in movers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(outcomes.values()) == ["conflict", "done"]
        assert sure is None or outcomes[sure] == "done"


class TestProof:
    def test_both_sides_attach_and_read_it(self, world, app, as_user):
        case = close(world, granted(world, world.applicant, world.conditional), files=[factories.file()])
        fire(world.applicant, case, "claim", evidence=[factories.file(name="删除证明.pdf")])
        shown = call("nmgdata_case_show", world.applicant, id=case["id"])["filed"]
        assert {file["name"] for file in shown["files"]} == {"证据.pdf", "删除证明.pdf"}
        addresses = [f"/nmg/cases/{case['number']}/evidence/{file['id']}" for file in shown["files"]]
        for who in (world.applicant, world.reviewer, world.official, world.auditor):
            for address in addresses:
                assert app.get(address, headers=as_user(who)).body.encode() == factories.PDF
        for who in (world.citizen, world.stranger, world.editor, world.sysadmin):
            assert app.get(addresses[0], headers=as_user(who)).status_code == 404
        page = app.get(f"/nmg/cases/{case['number']}", headers=as_user(world.applicant)).body
        assert all(address in page for address in addresses)

    def test_a_bad_file_is_told_and_access_stays(self, world):
        number = granted(world, world.applicant, world.conditional)
        with pytest.raises(tk.ValidationError) as refused:
            close(world, number, files=[factories.file(b"MZ", "x.exe")])
        assert list(refused.value.error_dict) == ["files"]
        assert reason(world.applicant, world.conditional) == "granted"

    def test_from_the_page_it_is_attached_once(self, world, app, as_user):
        number, headers = granted(world, world.applicant, world.conditional), as_user(world.reviewer)
        sent = {**NOTICE, "datasets": world.conditional["id"], "form": "a" * 32}
        again = app.post(
            f"/nmg/close/{number}", headers=headers,
            data={**sent, "facts": "", "files": (io.BytesIO(factories.PDF), "截图.pdf")},
        )  # fmt: skip
        assert "截图.pdf" in again.body
        app.post(f"/nmg/close/{number}", headers=headers, data=sent)
        case = model.Session.scalar(sa.select(Case).where(Case.kind == "access_suspension"))
        assert [file.name for file in evidence.of_case(case.id)] == ["截图.pdf"]

    def test_it_is_destroyed_with_the_rest(self, world):
        case = close(world, granted(world, world.applicant, world.conditional), files=[factories.file()])
        fire(world.applicant, case, "claim")
        fire(world.reviewer, case, "lift")
        (kept,) = evidence.of_case(case["id"])
        location = seal.files.FileData(kept.location)
        with at("2029-12-24"):
            retention.sweep()
        assert evidence.of_case(case["id"]) == []
        assert not seal.storage().exists(location)
        assert verify() == []


class TestPage:
    def test_the_office_closes_from_the_page(self, world, app, as_user):
        number = granted(world, world.applicant, world.conditional)
        headers = as_user(world.reviewer)
        assert "出租汽车轨迹" in app.get(f"/nmg/close/{number}", headers=headers).body
        kept = app.post(
            f"/nmg/close/{number}",
            headers=headers,
            data={**NOTICE, "facts": "", "datasets": world.conditional["id"]},
        )
        assert NOTICE["evidence"] in kept.body
        assert reason(world.applicant, world.conditional) == "granted"
        app.post(
            f"/nmg/close/{number}", headers=headers, data={**NOTICE, "datasets": world.conditional["id"]}
        )
        assert reason(world.applicant, world.conditional) == "access_closed"

    @pytest.mark.parametrize(
        ("who", "status"), [("citizen", 403), ("stranger", 404), ("applicant", 403), ("auditor", 403)]
    )
    def test_nobody_else_sees_it(self, world, app, as_user, who, status):
        number = granted(world, world.applicant, world.conditional)
        app.get(f"/nmg/close/{number}", headers=as_user(getattr(world, who)), status=status)

    def test_who_only_oversees_sees_no_name(self, world, closed):
        assert call("nmgdata_case_show", world.auditor, id=closed["id"])["filed"]["person"] == "王*"
        assert call("nmgdata_case_show", world.reviewer, id=closed["id"])["filed"]["person"] == "王小明"


def test_no_step_of_the_machine_leads_nowhere():
    """Every state but the last ones can be left, and from every one access can be given back."""
    suspension = next(m for m in machine.registered() if m.kind == "access_suspension")
    for state in suspension.states:
        steps = {step.name for step in suspension.from_state(state.name)}
        assert state.final or steps & {"lift", "revoke"}
