"""Whatever people, the clock and mistakes do in whatever order, the books of the engine agree."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata.kernel import clock
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.audit import verify
from ckanext.nmgdata.kernel.audit.model import AuditEvent
from ckanext.nmgdata.kernel.deadlines.model import Deadline
from ckanext.nmgdata.kernel.types import Conflict
from ckanext.nmgdata.kernel.workflow import engine, sweep
from ckanext.nmgdata.kernel.workflow.model import Case, CaseEvent
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from . import toy

STEPS = {step.name: step for step in toy.TOY.transitions if step.name != "ask"}
ALLOWED = {"provider": "reviewer", "filer": "applicant", "authority": "official", "system": None}
PEOPLE = (None, "reviewer", "applicant", "official", "stranger", "sysadmin")
NOTES = ("", "yes", "blue", "explode")


def expected(status, step, who, note):
    """Return the error that a step must end in, None when it must succeed."""
    if status not in step.source:
        return Conflict
    if ALLOWED[step.actor] != who:
        return tk.NotAuthorized
    if step.form is not toy.note_form:
        return None
    return {"": tk.ValidationError, "blue": tk.ValidationError, "explode": RuntimeError}.get(note)


def test_the_books_agree_whatever_happens(filed, world, toys):  # noqa: C901 (a machine of small rules)
    """One record per change, no open period on a closed case, nothing written by a refused step."""

    class Desk(RuleBasedStateMachine):
        """Cases as the test expects them, next to those of the database."""

        cases = Bundle("cases")

        def __init__(self):
            super().__init__()
            self.now = clock.now()
            self.expected, self.recorded = {}, {}

        @rule(target=cases)
        def file(self):
            with clock.fixed(self.now):
                case_id = filed().case.id
            self.expected[case_id], self.recorded[case_id] = "asked", 1
            return case_id

        @rule(
            case=cases,
            name=st.sampled_from(sorted(STEPS)),
            who=st.sampled_from(PEOPLE),
            note=st.sampled_from(NOTES),
        )
        def step(self, case, name, who, note):
            step, status = STEPS[name], self.expected[case]
            actor = Actor.person(getattr(world, who)) if who else Actor.system()
            outcome = None
            try:
                with clock.fixed(self.now):
                    engine.fire(case, name, actor, {"note": note})
            except (Conflict, tk.NotAuthorized, tk.ValidationError, RuntimeError) as raised:
                outcome = type(raised)
                model.Session.rollback()
            assert outcome is expected(status, step, who, note)
            if outcome is None:
                self.expected[case] = step.target
                self.recorded[case] += 1

        @rule(days=st.integers(0, 12))
        def time_passes(self, days):
            self.now += timedelta(days=days)
            with clock.fixed(self.now):
                sweep.sweep()

        @invariant()
        def states_are_those_of_the_table(self):
            model.Session.rollback()
            rows = model.Session.execute(sa.select(Case.id, Case.status, Case.closed_at, Case.holder_id))
            found = {row.id: row for row in rows if row.id in self.expected}
            assert {key: row.status for key, row in found.items()} == self.expected
            for row in found.values():
                assert (row.closed_at is not None) == (row.status == "done")
                assert (row.holder_id is None) == (row.status == "done")

        @invariant()
        def every_change_has_one_step_and_one_event(self):
            for table in (CaseEvent, AuditEvent):
                query = sa.select(table.case_id, sa.func.count()).where(table.case_id.in_(self.expected))
                assert dict(model.Session.execute(query.group_by(table.case_id)).all()) == self.recorded

        @invariant()
        def no_period_runs_on_a_closed_case(self):
            query = sa.select(Deadline.case_id).where(Deadline.state == "open")
            closed = {case for case, status in self.expected.items() if status == "done"}
            assert closed & set(model.Session.scalars(query)) == set()

        @invariant()
        def the_chain_is_whole(self):
            assert verify.verify() == []

    run_state_machine_as_test(
        Desk, settings=settings(max_examples=12, stateful_step_count=20, phases=(Phase.reuse, Phase.generate))
    )
