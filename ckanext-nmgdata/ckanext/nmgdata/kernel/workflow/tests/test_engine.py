"""The engine: one step is one transaction; who, when and in which state is decided by the table."""

from __future__ import annotations

import re
import threading
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel import clock
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.audit import verify
from ckanext.nmgdata.kernel.audit.model import AuditEvent
from ckanext.nmgdata.kernel.deadlines import ledger
from ckanext.nmgdata.kernel.outbox.model import Outbox
from ckanext.nmgdata.kernel.types import Conflict
from ckanext.nmgdata.kernel.workflow import boxes, engine, machine, queries
from ckanext.nmgdata.kernel.workflow.machine import (
    AUTHORITY,
    DRAFT,
    FILER,
    SYSTEM,
    Machine,
    State,
    Transition,
)
from ckanext.nmgdata.kernel.workflow.model import Case, CaseEvent

from . import toy

MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def case_of(receipt):
    """Return a case as the database has it now."""
    model.Session.expire_all()
    return model.Session.get(Case, receipt.case.id)


def count(table, *where):
    """Count rows."""
    return model.Session.scalar(sa.select(sa.func.count()).select_from(table).where(*where))


class TestAStep:
    def test_filing_opens_the_case_its_period_and_its_record(self, filed, world):
        with clock.fixed(MONDAY):
            receipt = filed()
        case = case_of(receipt)
        assert (case.status, case.holder, case.holder_id) == ("asked", "provider", world.department["id"])
        assert case.due_on == date(2026, 11, 30)
        assert [d.state for d in ledger.of_case(case.id)] == ["open"]
        assert [e.transition for e in queries.timeline(case)] == ["ask"]
        assert count(AuditEvent, AuditEvent.case_id == case.id) == 1
        assert count(Outbox, Outbox.topic == "notice") == 1

    def test_a_step_moves_meets_records_and_tells(self, filed, world, toys):
        receipt = filed()
        engine.fire(receipt.case.id, "answer", Actor.person(world.reviewer), {"note": "yes"})
        case = case_of(receipt)
        assert (case.status, case.holder, case.holder_id) == ("answered", "filer", world.applicant.id)
        assert [d.state for d in ledger.of_case(case.id)] == ["met"]
        assert queries.timeline(case)[-1].data == {"note": "yes"}
        assert toys.EFFECTS == ["answered"]
        assert case.due_on is None

    def test_a_closed_case_waits_for_nobody_and_has_no_open_period(self, filed, world):
        receipt = filed()
        engine.fire(receipt.case.id, "expire", Actor.system(), {})
        case = case_of(receipt)
        assert case.closed_at and case.holder is None and case.due_on is None
        assert [d.state for d in ledger.of_case(case.id)] == ["stopped"]

    def test_a_case_for_the_authority_waits_for_the_region_s_authority(self, filed, world):
        receipt = filed()
        engine.fire(receipt.case.id, "answer", Actor.person(world.reviewer), {"note": "yes"})
        engine.fire(receipt.case.id, "check", Actor.person(world.applicant), {})
        case = case_of(receipt)
        assert (case.holder, case.holder_id) == (AUTHORITY, world.authority["id"])

    def test_a_failing_effect_leaves_nothing_behind(self, filed, world):
        receipt = filed()
        events = count(AuditEvent)
        with pytest.raises(RuntimeError):
            engine.fire(receipt.case.id, "answer", Actor.person(world.reviewer), {"note": "explode"})
        case = case_of(receipt)
        assert case.status == "asked"
        assert [d.state for d in ledger.of_case(case.id)] == ["open"]
        assert len(queries.timeline(case)) == 1
        assert count(AuditEvent) == events
        assert verify.verify() == []


class TestRefusals:
    def test_wrong_state_is_a_conflict(self, filed, world):
        receipt = filed()
        with pytest.raises(Conflict):
            engine.fire(receipt.case.id, "check", Actor.person(world.applicant), {})

    def test_unknown_step_is_bad_input(self, filed, world):
        receipt = filed()
        with pytest.raises(tk.ValidationError) as refused:
            engine.fire(receipt.case.id, "fly", Actor.person(world.applicant), {})
        assert "transition" in refused.value.error_dict

    def test_unknown_case(self, toys):
        with pytest.raises(tk.ObjectNotFound):
            engine.fire("nothing", "ask", Actor.system(), {})

    @pytest.mark.parametrize(
        "who", ["applicant", "citizen", "editor", "stranger", "official", "auditor", "sysadmin"]
    )
    def test_only_the_department_s_reviewer_may_answer(self, filed, world, who):
        receipt = filed()
        with pytest.raises(tk.NotAuthorized):
            engine.fire(receipt.case.id, "answer", Actor.person(getattr(world, who)), {"note": "yes"})
        assert case_of(receipt).status == "asked"

    def test_not_even_the_system_decides(self, filed):
        receipt = filed()
        with pytest.raises(tk.NotAuthorized):
            engine.fire(receipt.case.id, "answer", Actor.system(), {"note": "yes"})

    def test_nobody_decides_a_case_of_their_own(self, filed, world):
        receipt = filed(world.reviewer)
        with pytest.raises(tk.NotAuthorized):
            engine.fire(receipt.case.id, "answer", Actor.person(world.reviewer), {"note": "yes"})

    @pytest.mark.parametrize("data", [{}, {"note": ""}, {"note": "blue"}])
    def test_a_bad_form_is_refused_at_its_field(self, filed, world, data):
        receipt = filed()
        with pytest.raises(tk.ValidationError) as refused:
            engine.fire(receipt.case.id, "answer", Actor.person(world.reviewer), data)
        assert list(refused.value.error_dict) == ["note"]
        assert case_of(receipt).status == "asked"

    def test_what_a_form_does_not_ask_for_is_dropped(self, filed, world):
        receipt = filed()
        data = {"note": "yes", "status": "done", "valid_until": "2099-01-01"}
        engine.fire(receipt.case.id, "answer", Actor.person(world.reviewer), data)
        assert queries.timeline(case_of(receipt))[-1].data == {"note": "yes"}


class TestRaces:
    def test_two_deciders_one_decision_one_conflict(self, filed, world):
        colleague = factories.join(factories.person("colleague"), world.department, "reviewer")
        receipt = filed()
        ready, outcomes, case_id = threading.Barrier(2), [], receipt.case.id

        def decide(actor, note):
            ready.wait(10)
            try:
                engine.fire(case_id, "answer", actor, {"note": note})
                outcomes.append("decided")
            except Conflict:
                outcomes.append("conflict")
            finally:
                model.Session.remove()

        pairs = ((Actor.person(world.reviewer), "yes"), (Actor.person(colleague), "no"))
        threads = [threading.Thread(target=decide, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(outcomes) == ["conflict", "decided"]
        assert count(CaseEvent, CaseEvent.transition == "answer") == 1
        assert verify.verify() == []

    def test_numbers_given_at_once_are_all_different(self, filed, world):
        numbers, failed = [], []
        filed()
        actor = Actor.person(world.applicant)
        filing = engine.Filing(world.department["id"], "150000", "some-dataset", actor.user_id)

        def file():
            try:
                for _turn in range(5):
                    numbers.append(engine.start(toy.KIND, filing, actor, {}).case.number)
            except Exception as error:
                failed.append(error)
            finally:
                model.Session.remove()

        threads = [threading.Thread(target=file) for _worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not failed
        assert len(set(numbers)) == 20


class TestWhoSeesACase:
    @pytest.mark.parametrize(
        ("who", "sees"),
        [
            ("applicant", True), ("reviewer", True), ("official", True), ("auditor", True),
            ("citizen", False), ("editor", False), ("stranger", False), ("sysadmin", False),
        ],
    )  # fmt: skip
    def test_parties_authority_and_auditors(self, filed, world, who, sees):
        receipt = filed()
        assert engine.may_see(receipt.case, Actor.person(getattr(world, who))) is sees

    def test_the_public_does_not(self, filed):
        assert not engine.may_see(filed().case, Actor.anonymous())

    def test_the_buttons_are_the_steps_one_may_take(self, filed, world):
        case = filed().case
        assert [s.name for s in engine.possible(case, Actor.person(world.reviewer))] == ["answer"]
        assert [s.name for s in engine.possible(case, Actor.person(world.applicant))] == []
        assert [s.name for s in engine.possible(case, Actor.system())] == ["expire"]


def waiting(person):
    """Return what waits for a person."""
    return boxes.page(Actor.person(person), "waiting", boxes.Filter())


class TestTheInbox:
    def test_it_holds_what_waits_for_me_most_urgent_first(self, filed, world):
        with clock.fixed(datetime(2026, 11, 24, 2, 0, tzinfo=UTC)):
            later = filed().case.number
        with clock.fixed(MONDAY):
            sooner = filed().case.number
        assert [c.number for c in waiting(world.reviewer)] == [sooner, later]
        assert waiting(world.stranger) == []
        assert waiting(world.editor) == []

    def test_one_index_serves_it_at_a_hundred_thousand_open_cases(self, filed, world):
        world.reviewer
        fill = """
            INSERT INTO nmgdata_case (id, kind, variant, number, code_hash, status, org_id, region_code,
                holder, holder_id, due_on, opened_at, changed_at)
            SELECT 'c' || n, 'toy', 'standard', 'TT-' || n, 'x', 'asked', 'org' || n % 500, '150000',
                'provider', CASE WHEN n % 50 = 0 THEN :mine ELSE 'org' || n % 500 END,
                date '2026-01-01' + n % 400, now(), now()
            FROM generate_series(1, 100000) AS n
        """
        model.Session.execute(sa.text(fill), {"mine": world.department["id"]})
        model.Session.execute(sa.text("ANALYZE nmgdata_case"))
        query = boxes.listed(Actor.person(world.reviewer), "waiting", boxes.Filter())
        sql = str(query.compile(model.meta.engine, compile_kwargs={"literal_binds": True}))
        plan = str(model.Session.scalar(sa.text(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")))
        assert "nmgdata_case_inbox" in plan
        assert "Seq Scan" not in plan
        assert len(waiting(world.reviewer)) == 50
        read = max(int(rows) for rows in re.findall(r"'Actual Rows': (\d+)", plan))
        assert read <= 100, plan


class TestTables:
    def test_a_step_out_of_a_final_state_is_refused(self):
        with pytest.raises(ValueError, match="final"):
            Machine("x", "XX", "x", "x", (State("end", "End", final=True),), (
                Transition("start", "s", (DRAFT,), "end", FILER),
                Transition("again", "a", ("end",), "end", FILER),
            ))  # fmt: skip

    @pytest.mark.parametrize(
        "step",
        [
            Transition("go", "g", (DRAFT,), "nowhere", FILER),
            Transition("go", "g", ("nowhere",), "end", FILER),
            Transition("go", "g", (DRAFT,), "end", "wizard"),
            Transition("go", "g", (DRAFT,), "end", FILER, notices=("wizard",)),
        ],
    )
    def test_unknown_states_and_roles_are_refused(self, step):
        with pytest.raises(ValueError, match="unknown"):
            Machine("x", "XX", "x", "x", (State("end", "End"),), (step,))

    def test_machines_that_offices_begin_name_their_ways_in(self):
        begun = {m.kind: {step.name for step in m.from_state(DRAFT)} for m in machine.registered()}
        assert begun["open_class_change"] == {"open_further", "found", "propose", "harden", "ease"}
        assert begun["open_plan"] == {"draft", "collect", "announce"}

    def test_every_other_machine_starts_with_a_submission(self):
        for registered in machine.registered():
            if registered.kind in ("open_class_change", "open_plan"):
                continue
            first, *others = registered.from_state(DRAFT)
            assert first.name == ("open" if first.actor == SYSTEM else "submit")
            assert all(step.name.startswith("submit_") for step in others)

    def test_every_state_of_every_machine_can_be_reached_and_left(self):
        for registered in machine.registered():
            reached = {step.target for step in registered.transitions}
            left = {name for step in registered.transitions for name in step.source}
            for state in registered.states:
                assert state.name in reached, (registered.kind, state.name)
                assert state.final or state.name in left, (registered.kind, state.name)
