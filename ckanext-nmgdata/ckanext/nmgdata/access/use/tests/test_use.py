"""Duties of use: reports, results, citation, revocation (R-USE, 内政发〔2024〕19号 Art. 33, 36)."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.access.use import schedule
from ckanext.nmgdata.access.use.logic.schema import https_link
from ckanext.nmgdata.access.use.model import UseReport
from ckanext.nmgdata.factories import call
from ckanext.nmgdata.kernel import clock, tick
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.audit.model import AuditEvent
from ckanext.nmgdata.kernel.deadlines.model import DeadlineNotice
from ckanext.nmgdata.kernel.gate import doors, rights
from ckanext.nmgdata.kernel.gate.model import Grant
from ckanext.nmgdata.kernel.outbox.model import Outbox
from ckanext.nmgdata.kernel.types import Conflict
from ckanext.nmgdata.kernel.unit import begin
from ckanext.nmgdata.kernel.workflow import sweep
from ckanext.nmgdata.kernel.workflow.model import Case
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("clean_search")
REPORT = {
    "actual_use": "用于公交线网优化课题，未改变用途。",
    "results": "形成研究报告一份。",
    "benefit": "为两条线路调整提供依据。",
    "safety": "加密存放，未发生安全事件。",
}
RESULT = {"title": "公交线网优化", "description": "用轨迹数据改进公交线网的研究。"}
REVOCATION = {"reason": "超出批准用途。", "legal_basis": "内政发〔2024〕19号第五十条第（三）项"}


def at(day: str):
    """Hold the clock at ten in the morning of a day."""
    return clock.fixed(datetime.fromisoformat(f"{day}T02:00:00+00:00"))


def reports() -> list[UseReport]:
    """Return all reports in the order of their periods."""
    return list(model.Session.scalars(sa.select(UseReport).order_by(UseReport.period_from)))


def case_of(report: UseReport) -> Case:
    """Return a report's case as the database has it."""
    return model.Session.get_one(Case, report.case_id, populate_existing=True)


@pytest.fixture
def due(world) -> str:
    """Return the number of a report that is due on 23 May 2027; the clock stands at 10 May 2027."""
    world.granted()
    with at("2027-05-10"):
        assert schedule.open_due() == 1
        return case_of(reports()[0]).number


class TestSchedule:
    def test_r_use_01_every_period_from_acceptance_and_once_at_the_end(self, world):
        world.granted()
        assert schedule.open_due() == 0
        day, last = date(2026, 11, 24), date(2027, 8, 1)
        while day < last:
            with clock.fixed(datetime(day.year, day.month, day.day, 2, tzinfo=UTC)):
                schedule.open_due()
                schedule.open_due()
            day += timedelta(days=7)
        found = [(r.period_from, r.period_until, r.due_on, r.is_last) for r in reports()]
        assert found == [
            (date(2026, 11, 23), date(2027, 5, 23), date(2027, 5, 23), False),
            (date(2027, 5, 23), date(2027, 6, 30), date(2027, 6, 30), True),
        ]

    def test_the_sweep_of_the_clock_opens_them(self, world):
        world.granted()
        with at("2027-05-10"):
            tick.once()
        assert len(reports()) == 1

    def test_nothing_before_the_agreement_is_accepted(self, world):
        case = world.submitted()
        call(
            "nmgdata_case_transition", world.reviewer, id=case["id"], transition="approve",
            purpose="课题研究", use_scope="课题组内部", valid_until="2027-06-30",
        )  # fmt: skip
        with at("2027-06-30"):
            assert schedule.open_due() == 0

    def test_a_grant_that_ends_early_is_reported_on_at_once(self, world):
        case = world.granted()
        with at("2026-12-01"):
            call("nmgdata_case_transition", world.reviewer, id=case["id"], transition="revoke", **REVOCATION)
            assert schedule.open_due() == 1
            assert schedule.open_due() == 0
        (only,) = reports()
        assert (only.is_last, only.period_until, only.due_on) == (True, date(2026, 12, 1), date(2026, 12, 15))

    def test_two_runs_at_once_open_one(self, world):
        world.granted()
        with at("2027-05-10"):
            period = schedule.next_period(
                model.Session.scalars(sa.select(Grant)).one(), None, schedule.load()
            )
        grant_id = model.Session.scalar(sa.select(Grant.id))
        model.Session.remove()
        ready, opened = threading.Barrier(2), []

        def run():
            with at("2027-05-10"):
                ready.wait(10)
                opened.append(schedule.open_report(grant_id, period))
                model.Session.remove()

        threads = [threading.Thread(target=run) for _turn in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(opened) == [0, 1]
        assert len(reports()) == 1

    @pytest.mark.parametrize(
        ("accepted", "begins", "until", "expected"),
        [
            (
                date(2026, 8, 31),
                date(2026, 8, 31),
                date(2027, 12, 31),
                [date(2027, 2, 28), date(2027, 8, 31)],
            ),
            (date(2026, 8, 31), date(2027, 2, 1), date(2027, 12, 31), [date(2027, 8, 1)]),
            (date(2026, 11, 23), date(2026, 11, 20), date(2027, 5, 23), []),
            (date(2026, 11, 23), date(2026, 11, 23), date(2026, 11, 23), []),
        ],
    )
    def test_boundaries_are_counted_from_the_beginning(self, accepted, begins, until, expected):
        moment = datetime(accepted.year, accepted.month, accepted.day, 2, tzinfo=UTC)
        grant = Grant(accepted_at=moment, valid_from=begins, valid_until=until, ended_at=None)
        found, reported = [], None
        while period := schedule.next_period(grant, reported, schedule.Calendar()):
            found.append(period)
            reported = period.end
            if period.is_last:
                break
        assert [p.end for p in found] == [*expected, until]
        assert [p.is_last for p in found] == [*[False] * len(expected), True]

    @pytest.mark.parametrize(
        ("accepted", "reminders"),
        [
            # Due on 10 April 2027: ten working days before lies behind 清明, whose calendar is not out.
            ("2026-10-10", {"2027-03-29", "2027-04-08"}),
            # Due on 12 October 2026 by the State Council's calendar: 国庆 1 to 7 October, 10 October worked.
            ("2026-04-12", {"2026-09-21", "2026-10-09"}),
            # Due on 15 February 2027, 春节: the calendar is not published; Monday to Friday, provisional.
            ("2026-08-15", {"2027-02-01", "2027-02-11"}),
        ],
    )
    def test_reminders_come_ten_and_two_working_days_before(self, accepted, reminders):
        begun = date.fromisoformat(accepted)
        moment = datetime(begun.year, begun.month, begun.day, 2, tzinfo=UTC)
        calendar = schedule.load()
        period = schedule.next_period(
            Grant(accepted_at=moment, valid_from=begun, valid_until=date(2028, 1, 1), ended_at=None),
            None,
            calendar,
        )
        assert period
        assert {calendar.before(period.due_on, n).isoformat() for n in (10, 2)} == reminders


class TestReporting:
    def test_the_holder_reports_and_both_addressees_read_it(self, world, due):
        with at("2027-05-20"):
            call("nmgdata_use_report_submit", world.applicant, id=due, **REPORT)
            for reader in (world.reviewer, world.official, world.applicant):
                filed = call("nmgdata_case_show", reader, id=due)["filed"]
                assert {name: filed[name] for name in REPORT} == REPORT

    @pytest.mark.parametrize("who", ["stranger", "citizen", "editor", "sysadmin"])
    def test_nobody_else_reads_or_gives_it(self, world, due, who):
        for action, form in (("nmgdata_case_show", {}), ("nmgdata_use_report_submit", REPORT)):
            with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
                call(action, getattr(world, who), id=due, **form)

    @pytest.mark.parametrize("who", ["reviewer", "official", "auditor"])
    def test_who_reads_it_cannot_give_it(self, world, due, who):
        with pytest.raises(tk.NotAuthorized):
            call("nmgdata_use_report_submit", getattr(world, who), id=due, **REPORT)

    @pytest.mark.parametrize("field", list(REPORT))
    @pytest.mark.parametrize("value", ["", " ", "长" * 5001])
    def test_every_element_is_needed(self, world, due, field, value):
        with pytest.raises(tk.ValidationError) as refused:
            call("nmgdata_use_report_submit", world.applicant, id=due, **{**REPORT, field: value})
        assert list(refused.value.error_dict) == [field]

    def test_it_can_be_returned_once(self, world, due):
        fire = "nmgdata_case_transition"
        with at("2027-05-20"):
            call("nmgdata_use_report_submit", world.applicant, id=due, **REPORT)
            with pytest.raises(tk.ValidationError):
                call(fire, world.reviewer, id=due, transition="return", reason="")
            call(fire, world.reviewer, id=due, transition="return", reason="请说明数据保存地点。")
            answer = call("nmgdata_use_report_submit", world.applicant, id=due, **REPORT)
            assert answer["status"] == "completed"
            with pytest.raises(Conflict):
                call(fire, world.reviewer, id=due, transition="return", reason="再次退回补充。")

    @pytest.mark.parametrize("who", ["applicant", "official", "auditor"])
    def test_only_the_department_returns_it(self, world, due, who):
        with at("2027-05-20"):
            call("nmgdata_use_report_submit", world.applicant, id=due, **REPORT)
            for step in ("return", "note"):
                with pytest.raises(tk.NotAuthorized):
                    call(
                        "nmgdata_case_transition", getattr(world, who), id=due, transition=step,
                        reason="请补充说明。",
                    )  # fmt: skip

    def test_what_is_not_returned_in_time_is_filed(self, world, due):
        with at("2027-05-20"):
            call("nmgdata_use_report_submit", world.applicant, id=due, **REPORT)
            sweep.sweep()
        assert case_of(reports()[0]).status == "submitted"
        with at("2027-06-10"):
            sweep.sweep()
        assert case_of(reports()[0]).status == "completed"

    def test_dc_26_late_is_reminded_and_listed_and_never_cuts_off(self, world, due):
        resource = world.conditional["resources"][0]["id"]
        with at("2027-06-28"):
            sweep.sweep()
            assert model.Session.query(DeadlineNotice).count() >= 1
            assert [
                line["number"] for line in call("nmgdata_use_report_list", world.reviewer, overdue=True)
            ] == [due]
            assert call("nmgdata_use_report_list", world.official, overdue=True)[0]["overdue"]
            assert call("nmgdata_use_report_list", world.stranger, overdue=True) == []
            decision = doors.judge(resource, Actor.person(world.applicant.record))[1]
            assert decision.allow
            call("nmgdata_use_report_submit", world.applicant, id=due, **REPORT)
            assert call("nmgdata_use_report_list", world.reviewer, overdue=True) == []
        told = {
            row.payload["to"]
            for row in model.Session.query(Outbox)
            if row.payload.get("template") == "overdue"
        }
        assert told == {"filer", "authority"}


class TestShowcase:
    def offer(self, world, who=None, **values):
        data = {**RESULT, "datasets": [world.open_data["name"]], **values}
        return call("nmgdata_showcase_submit", who or world.citizen, **data)

    def test_r_use_02_public_only_after_the_department_let_it(self, world, app):
        made = self.offer(world, link="https://example.org/paper")
        assert call("nmgdata_showcase_list") == []
        assert RESULT["title"] not in app.get("/nmg/showcase").body
        call("nmgdata_case_transition", world.reviewer, id=made["id"], transition="publish")
        (shown,) = call("nmgdata_showcase_list", dataset_id=world.open_data["id"])
        assert (shown["title"], shown["datasets"][0]["id"]) == (RESULT["title"], world.open_data["id"])
        for address in ("/nmg/showcase", f"/dataset/{world.open_data['name']}"):
            body = app.get(address).body
            assert RESULT["title"] in body
            assert 'rel="nofollow noopener ugc" href="https://example.org/paper"' in body
        call(
            "nmgdata_case_transition",
            world.reviewer,
            id=made["id"],
            transition="take_down",
            reason="链接已失效。",
        )
        assert call("nmgdata_showcase_list") == []

    def test_r_use_04_it_names_source_and_date_in_any_case(self, world, app):
        made = self.offer(world, source_statement="", acquired_on="")
        call("nmgdata_case_transition", world.reviewer, id=made["id"], transition="publish")
        (shown,) = call("nmgdata_showcase_list")
        assert shown["acquired_on"] == "2026-11-23"
        for word in (world.department["title"], world.open_data["title"], "2026-11-23"):
            assert word in shown["source_statement"]
        assert shown["source_statement"] in app.get("/nmg/showcase").body
        with pytest.raises(tk.ValidationError) as refused:
            self.offer(world, acquired_on="0001-01-01")
        assert list(refused.value.error_dict) == ["acquired_on"]

    @pytest.mark.parametrize("who", ["citizen", "stranger", "official", "auditor", "editor", "sysadmin"])
    def test_only_the_department_moderates(self, world, who):
        made = self.offer(world)
        for step in ("publish", "decline"):
            with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
                call(
                    "nmgdata_case_transition",
                    getattr(world, who),
                    id=made["id"],
                    transition=step,
                    reason="不予展示。",
                )

    def test_no_one_publishes_their_own(self, world):
        made = self.offer(world, world.reviewer)
        with pytest.raises(tk.NotAuthorized):
            call("nmgdata_case_transition", world.reviewer, id=made["id"], transition="publish")

    def test_out_of_one_s_own_report_only(self, world, due):
        with pytest.raises(tk.ValidationError):
            self.offer(world, report=due)
        with pytest.raises(tk.ValidationError) as other:
            self.offer(world, world.applicant, report=due)
        assert list(other.value.error_dict) == ["report"]
        assert self.offer(world, world.applicant, report=due, datasets=[world.conditional["name"]])

    def test_private_data_cannot_be_named(self, world):
        hidden = factories.dataset(world.department, title="内部数据", private=True)
        for wrong in ([hidden["id"]], ["no-such"], [], ["a"] * 3 + [str(n) for n in range(30)]):
            with pytest.raises(tk.ValidationError) as refused:
                self.offer(world, datasets=wrong)
            assert list(refused.value.error_dict) == ["datasets"]

    def test_without_an_account(self, world):
        with pytest.raises(tk.NotAuthorized):
            call("nmgdata_showcase_submit", None, **RESULT, datasets=[world.open_data["name"]])

    @pytest.mark.parametrize("field", list(RESULT))
    def test_bad_input(self, world, field):
        with pytest.raises(tk.ValidationError) as refused:
            self.offer(world, **{field: ""})
        assert list(refused.value.error_dict) == [field]

    @pytest.mark.parametrize(
        "link",
        [
            "http://example.org", "javascript:alert(1)", "https://", "https://a", "https://127.0.0.1/x", "//x.cn",
            "https://[::1]/", "https://user@example.org", "https://example.org:8443/", "https://x.local",
            "https://example.org/<b>", "https://example.org/ a", "https://2130706433", "HTTPS://", "https://a.b\n",
            "https://example.org/" + "a" * 500, "data:text/html,x", "https://0x7f.1",
        ],
    )  # fmt: skip
    def test_links_that_lead_nowhere_good(self, link):
        if link == "https://a.b\n":
            assert https_link(link) == "https://a.b"
            return
        with pytest.raises(tk.Invalid):
            https_link(link)

    @given(st.text(max_size=60).map(lambda tail: f"https://{tail}"))
    def test_whatever_is_accepted_is_an_https_link_to_a_name(self, link):
        try:
            accepted = https_link(link)
        except tk.Invalid:
            return
        assert accepted and accepted.startswith("https://") and "@" not in accepted.split("/")[2]
        assert not any(c in accepted for c in "<>\"' \n\r\t\\")


class TestCitation:
    def test_the_present_day_for_everybody(self, world):
        cited = call("nmgdata_citation_show", None, dataset_id=world.open_data["name"])
        assert cited["acquired_on"] == "2026-11-23"
        for part in ("自治区交通厅", "公交站点", "2026-11-23", f"/dataset/{world.open_data['name']}"):
            assert part in cited["statement"]

    def test_the_day_of_the_grant_for_its_holder(self, world, app, as_user):
        world.granted()
        with at("2027-01-05"):
            target = world.conditional["name"]
            assert (
                call("nmgdata_citation_show", world.applicant, dataset_id=target)["acquired_on"]
                == "2026-11-23"
            )
            assert (
                call("nmgdata_citation_show", world.citizen, dataset_id=target)["acquired_on"] == "2027-01-05"
            )
            number = model.Session.scalar(sa.select(Case.number))
            page = app.get(f"/nmg/cases/{number}", headers=as_user(world.applicant)).body
        assert "2026-11-23" in page and "自治区交通厅" in page

    def test_of_hidden_data_there_is_none(self, world):
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            call("nmgdata_citation_show", None, dataset_id=world.non_open["name"])


class TestGrants:
    def test_revocation_is_reasoned_audited_and_told(self, world):
        world.granted()
        grant = model.Session.scalars(sa.select(Grant)).one()
        resource = world.conditional["resources"][0]["id"]
        for field in REVOCATION:
            with pytest.raises(tk.ValidationError) as refused:
                call("nmgdata_grant_revoke", world.reviewer, id=grant.id, **{**REVOCATION, field: ""})
            assert list(refused.value.error_dict) == [field]
        answer = call("nmgdata_grant_revoke", world.reviewer, id=grant.id, **REVOCATION)
        assert answer["status"] == "revoked"
        assert doors.judge(resource, Actor.person(world.applicant.record))[1].reason == "grant_ended"
        verbs = list(model.Session.scalars(sa.select(AuditEvent.verb).order_by(AuditEvent.seq)))
        assert "grant.ended" in verbs[-2:]
        assert [
            r.payload["to"] for r in model.Session.query(Outbox) if r.payload.get("template") == "revoke"
        ] == ["filer", "members"]

    @pytest.mark.parametrize(
        "who", ["applicant", "citizen", "stranger", "editor", "auditor", "official", "sysadmin"]
    )
    def test_only_the_department_revokes(self, world, who):
        world.granted()
        grant = model.Session.scalars(sa.select(Grant)).one()
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            call("nmgdata_grant_revoke", getattr(world, who), id=grant.id, **REVOCATION)
        assert model.Session.scalars(sa.select(Grant)).one().ended_at is None

    def test_downloads_are_counted_from_the_audit(self, world, app, as_user):
        world.granted()
        address = world.conditional["resources"][0]["url"]
        for _turn in range(2):
            app.get(address, headers=as_user(world.applicant))
        (line,) = call("nmgdata_grant_register", world.reviewer)
        assert (line["downloads"], line["holder"], line["live"]) == (2, "王*", True)
        assert call("nmgdata_grant_register", world.stranger) == []
        with pytest.raises(tk.NotAuthorized):
            call("nmgdata_grant_register", world.applicant)

    def test_the_pages(self, world, due, app, as_user):
        with at("2027-05-24"):
            mine = app.get("/nmg/my/grants", headers=as_user(world.applicant)).body
            assert due in mine and "/nmg/apply?renew=SQ-" in mine
            office = app.get("/nmg/grants", headers=as_user(world.reviewer)).body
            assert due in office and "王*" in office and "王小明" not in office
        assert app.get("/nmg/grants", headers=as_user(world.citizen), status=403)
        assert due not in app.get("/nmg/my/grants", headers=as_user(world.citizen)).body


def test_rights_that_ended_for_another_reason_are_reported_on_too(world):
    world.granted()
    with at("2026-12-01"), begin(Actor.system()) as unit:
        rights.end(unit, "ended", dataset_id=world.conditional["id"])
    with at("2026-12-02"):
        assert schedule.open_due() == 1
