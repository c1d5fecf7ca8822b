"""Applications of both variants under a moving clock: whatever people do in whatever order, the law holds.

``STEPS`` is written from law.md §5.1 and Hohhot Art. 26, not from the machine. After each step: bytes only
with a live grant, one step and one audit event for each change, nobody late unnoticed, the chain whole.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ... import factories
from ...conftest import MONDAY
from ...factories import STATEMENT, call
from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.audit import verify
from ...kernel.audit.model import AuditEvent
from ...kernel.deadlines.model import Deadline
from ...kernel.gate import doors
from ...kernel.gate.model import Grant
from ...kernel.outbox.model import Outbox
from ...kernel.types import Conflict
from ...kernel.workflow import sweep
from ...kernel.workflow.model import Case, CaseEvent

ONE = ("review", "supplement")
TWO = ("formal_review", "formal_supplement")
ALIVE = ("approved", "provided")
STEPS = {
    "formal_ask": ("official", {"formal_review": "formal_supplement"}),
    "formal_supplement": ("applicant", {"formal_supplement": "formal_review"}),
    "pass_on": ("official", dict.fromkeys(TWO, "review")),
    "reject": ("official", dict.fromkeys(TWO, "rejected")),
    "ask": ("reviewer", {"review": "supplement"}),
    "supplement": ("applicant", {"supplement": "review"}),
    "approve": ("reviewer", dict.fromkeys(ONE, "approved")),
    "refuse": ("reviewer", dict.fromkeys(ONE, "refused")),
    "withdraw": ("applicant", dict.fromkeys((*TWO, *ONE, "approved"), "withdrawn")),
    "accept": ("applicant", {"approved": "provided"}),
    "revoke": ("reviewer", dict.fromkeys(ALIVE, "revoked")),
}
"""Step → who may take it, and where it leads from where."""
FORMS = {
    "formal_ask": {"question": "请补充说明。"},
    "formal_supplement": {"supplement": "已补充说明。"},
    "reject": {"reason": "表格填写不完整。"},
    "ask": {"question": "请补充说明。"},
    "supplement": {"supplement": "已补充说明。"},
    "refuse": {
        "refusal_ground": "conditions_not_met", "reason": "不符合限定的对象",
        "legal_basis": "内政发〔2024〕19号第二十七条第（二）项",
    },
    "accept": {"agreement": "2026-1"},
    "revoke": {"reason": "超出批准用途。", "legal_basis": "内政发〔2024〕19号第五十条第（三）项"},
}  # fmt: skip
PEOPLE = ("applicant", "reviewer", "official", "stranger", "sysadmin")
UNDECIDED = (*TWO, *ONE)
VARIANTS = {"150000": "review", "150100": "formal_review"}
"""Region of the portal → where an application begins there."""


@pytest.mark.usefixtures("clean_search")
def test_the_law_holds_whatever_happens(world, monkeypatch):  # noqa: C901 (a machine of small rules)
    """R-COND, DC-19, DC-20, R-OBJ-02 over submit, review, decide, suspend, lift and the days that pass."""
    dataset, people = world.conditional, {name: getattr(world, name) for name in PEOPLE}
    resource = dataset["resources"][0]["id"]
    events = sa.select(AuditEvent.case_id, sa.func.count()).where(AuditEvent.verb == "case.transition")

    class Portal(RuleBasedStateMachine):
        """Cases as the law would have them, next to those of the portal."""

        cases = Bundle("cases")

        def __init__(self):
            super().__init__()
            self.now, self.stop = MONDAY, None
            self.status, self.steps = {}, {}
            self.until: dict[str, date] = {}
            self.accepted: set[str] = set()
            left = sa.select(Case.id).where(Case.closed_at.is_(None), Case.kind == "open_application")
            for case_id in list(model.Session.scalars(left)):
                self.put_away(case_id)

        def put_away(self, case_id):
            """End what an earlier example has left open."""
            status = model.Session.get_one(Case, case_id).status
            step, who = ("withdraw", "applicant") if status != "provided" else ("revoke", "reviewer")
            with clock.fixed(self.now):
                call(
                    "nmgdata_case_transition", people[who], id=case_id, transition=step, **FORMS.get(step, {})
                )

        @property
        def today(self):
            return clock.local_date(self.now)

        @rule(target=cases, region=st.sampled_from(sorted(VARIANTS)))
        def submit(self, region):
            period = {
                "use_from": self.today.isoformat(),
                "use_until": (self.today + timedelta(40)).isoformat(),
            }
            wanted = {**STATEMENT, **period, "dataset_id": dataset["id"]}
            pending = any(status in UNDECIDED for status in self.status.values())
            with monkeypatch.context() as patch, clock.fixed(self.now):
                patch.setitem(tk.config, "ckanext.nmgdata.region", region)
                try:
                    case = call("nmgdata_application_submit", people["applicant"], **wanted)["id"]
                except tk.ValidationError:
                    model.Session.rollback()
                    assert pending or self.stop
                    return ""
            assert not (pending or self.stop)
            self.status[case], self.steps[case] = VARIANTS[region], 1
            self.until[case] = self.today + timedelta(40)
            return case

        @rule(
            case=cases, step=st.sampled_from(sorted(STEPS)), who=st.sampled_from((*PEOPLE, "the right one")),
            days=st.integers(0, 50),
        )  # fmt: skip
        def take(self, case, step, who, days):
            if not case:
                return
            right, leads = STEPS[step]
            who, status = right if who == "the right one" else who, self.status[case]
            form = FORMS.get(step, {})
            until = self.today + timedelta(days)
            if step == "approve":
                form = {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": until.isoformat()}
            outcome = None
            try:
                with clock.fixed(self.now):
                    call("nmgdata_case_transition", people[who], id=case, transition=step, **form)
            except (Conflict, tk.NotAuthorized, tk.ObjectNotFound, tk.ValidationError) as raised:
                outcome = type(raised)
                model.Session.rollback()
            possible = who == right and status in leads
            if step == "approve" and possible:
                possible = not self.stop and until <= self.until[case]
            assert (outcome is None) == possible, (step, who, status, outcome)
            if outcome is None:
                self.status[case] = leads[status]
                self.steps[case] += 1
                if step == "approve":
                    self.until[case] = until
                if step == "accept":
                    self.accepted.add(case)

        @rule()
        def suspend_or_resume(self):
            with clock.fixed(self.now):
                if self.stop is None:
                    self.stop = factories.stop(dataset)
                else:
                    factories.lift(self.stop)
                    self.stop = None

        @rule(days=st.integers(0, 15))
        def time_passes(self, days):
            self.now += timedelta(days=days)
            with clock.fixed(self.now):
                swept = sweep.sweep()
            assert swept.errors == 0
            for case, status in self.status.items():
                if status in ALIVE and self.until[case] < self.today:
                    self.status[case] = "expired"
                    self.steps[case] += 1

        def teardown(self):
            if self.stop is not None:
                with clock.fixed(self.now):
                    factories.lift(self.stop)

        @invariant()
        def bytes_only_with_a_live_grant(self):
            live = any(
                self.status[case] == "provided" and self.today <= self.until[case] for case in self.accepted
            )
            with clock.fixed(self.now):
                for name, person in people.items():
                    decision = doors.judge(resource, Actor.person(person))[1]
                    assert decision.allow == (live and name == "applicant" and self.stop is None), name

        @invariant()
        def states_are_those_of_the_law(self):
            model.Session.rollback()
            rows = model.Session.execute(sa.select(Case.id, Case.status).where(Case.id.in_(self.status)))
            assert {row.id: row.status for row in rows} == self.status

        @invariant()
        def every_change_has_its_step_and_its_event(self):
            taken = sa.select(CaseEvent.case_id, sa.func.count()).where(CaseEvent.case_id.in_(self.status))
            sealed = events.where(AuditEvent.case_id.in_(self.status)).group_by(AuditEvent.case_id)
            assert dict(model.Session.execute(taken.group_by(CaseEvent.case_id)).all()) == self.steps
            assert dict(model.Session.execute(sealed).all()) == self.steps

        @invariant()
        def nobody_is_late_unnoticed(self):
            """No period runs out without the holder and the authority being told; none runs on when closed."""
            query = sa.select(Deadline.case_id, Deadline.due_on).where(
                Deadline.state == "open", Deadline.case_id.in_(self.status)
            )
            periods = model.Session.execute(query).all()
            assert all(self.status[case] in UNDECIDED for case, _due in periods)
            assert {case for case, _due in periods} == {c for c, s in self.status.items() if s in UNDECIDED}
            for case, due in periods:
                if due < self.today:
                    told = [r.payload["to"] for r in model.Session.query(Outbox).filter_by(topic="notice")
                            if r.payload["case"] == case and r.payload["template"] == "overdue"]  # fmt: skip
                    assert "authority" in told, (case, due, self.today)

        @invariant()
        def a_grant_is_there_exactly_while_it_may_be_used(self):
            running = sa.select(Grant.case_id).where(Grant.ended_at.is_(None), Grant.case_id.in_(self.status))
            alive = {case for case, status in self.status.items() if status in ALIVE}
            assert set(model.Session.scalars(running)) == alive

        @invariant()
        def the_chain_is_whole(self):
            assert verify.verify() == []

    run_state_machine_as_test(
        Portal,
        settings=settings(max_examples=5, stateful_step_count=20, phases=(Phase.reuse, Phase.generate)),
    )
