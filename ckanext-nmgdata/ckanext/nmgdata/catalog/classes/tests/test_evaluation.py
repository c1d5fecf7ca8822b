"""The periodic evaluation: when it is due, what it asks, what each conclusion brings (R-OPEN-06, R-OPEN-08)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .... import conftest, factories
from ....factories import call
from ....kernel import clock, events, tick
from ....kernel.openness import is_stricter
from ....kernel.types import Conflict
from ....kernel.workflow import sweep
from ....kernel.workflow.model import Case
from .. import schedule
from ..model import Evaluation
from . import moves
from .moves import ANSWERS, class_of, decide, made_as, move, refused

pytestmark = pytest.mark.usefixtures("clean")
NOON = datetime(2027, 11, 23, 4, 0, tzinfo=UTC)
"""Twelve months after the Monday on which every entry is written."""
KEPT = {"conclusion": "keep", **ANSWERS, "reason": "经评估，仍可推知个人行踪。", "legal_basis": moves.BASIS}


@pytest.fixture
def world(clean) -> factories.World:
    """Return a small region with an authority."""
    made = factories.World()
    assert made.official
    assert made.reviewer
    return made


def evaluate(made: dict[str, Any], user: Any, **values: Any) -> dict[str, Any]:
    """Conclude the evaluation of an entry."""
    return call("nmgdata_evaluation_submit", user, id=made["id"], **values)


def due_ids(user: Any, **asked: Any) -> set[str]:
    """Return the entries whose evaluation somebody is shown."""
    return {line["dataset_id"] for line in call("nmgdata_evaluation_list", user, **asked)}


def written(made: dict[str, Any], moment: datetime) -> None:
    """Let an entry be written at a moment; CKAN knows no clock but its own."""
    row = model.Session.get_one(model.Package, made["id"])
    row.metadata_created = moment.replace(tzinfo=None)
    model.Session.commit()


def at(moment: datetime) -> Any:
    """Hold the clock at a moment."""
    return clock.fixed(moment)


class TestSchedule:
    def test_it_is_asked_for_twenty_working_days_before_twelve_months_are_over(self, world):
        """Of conditional, non-open and unpublished entries, and of no other; once."""
        made = {name: made_as(world, name) for name in moves.CLASSES}
        unpublished = factories.dataset(world.department, private=True)
        written(unpublished, conftest.MONDAY)
        factories.dataset(world.department, open_class="conditional", state="draft")
        days = sorted(w.due_on.isoformat() for w in schedule.waiting(sa.true()))
        assert days == ["2027-11-23"] * 3
        with at(datetime(2027, 10, 25, 2, 0, tzinfo=UTC)):
            assert schedule.open_due() == 0
        with at(datetime(2027, 10, 27, 2, 0, tzinfo=UTC)):
            assert schedule.open_due() == 3
            assert schedule.open_due() == 0
            wanted = {made["conditional"]["id"], made["non_open"]["id"], unpublished["id"]}
            assert due_ids(world.reviewer) == due_ids(world.editor) == due_ids(world.official) == wanted
            assert due_ids(world.stranger) == set()

    def test_the_resident_loop_opens_it_and_the_sweep_reminds(self, world, wsgi):
        made_as(world, "conditional")
        with at(datetime(2027, 10, 27, 2, 0, tzinfo=UTC)), wsgi._wsgi_app.app_context():
            tick.once()
            case = model.Session.scalars(sa.select(Case).where(Case.kind == "open_evaluation")).one()
            due_on = case.due_on
            assert sweep.sweep().notices == 1
        with at(datetime.combine(due_on, datetime.min.time(), clock.LOCAL) - timedelta(days=1)):
            box = [row["kind"] for row in call("nmgdata_case_list", world.reviewer, box="due_soon")]
            assert box == ["open_evaluation"]
        with at(datetime.combine(due_on, datetime.min.time(), clock.LOCAL) + timedelta(days=2)):
            assert sweep.sweep().notices == 1
            for user in (world.reviewer, world.official):
                box = [row["kind"] for row in call("nmgdata_case_list", user, box="overdue")]
                assert box == ["open_evaluation"]
            assert len(due_ids(world.official, overdue=True)) == 1
            counted = call("nmgdata_case_statistics", world.official)
            assert [(r["kind"], r["overdue"]) for r in counted if r["overdue"]] == [("open_evaluation", 1)]

    def test_a_portal_that_was_down_takes_nobody_s_time(self, world):
        made_as(world, "conditional")
        with at(NOON + timedelta(days=200)):
            schedule.open_due()
            [line] = call("nmgdata_evaluation_list", world.reviewer)
            assert not line["overdue"] and line["due_on"] > clock.today().isoformat()

    def test_twelve_months_after_each_evaluation_the_next_one(self, world):
        made = made_as(world, "conditional")
        with at(NOON - timedelta(days=10)):
            schedule.open_due()
            evaluate(made, world.reviewer, **KEPT)
            assert schedule.open_due() == 0
            assert [w.due_on.isoformat() for w in schedule.waiting(sa.true())] == ["2028-11-13"]
        with at(NOON + timedelta(days=360)):
            assert schedule.open_due() == 1
            [line] = call("nmgdata_evaluation_list", world.reviewer)
            assert line["last"] == {"on": "2027-11-13", "conclusion": "keep"}

    def test_a_department_may_evaluate_more_often(self, world):
        made_as(world, "conditional")
        chosen = {"id": world.department["id"], "evaluation_months": "6"}
        tk.get_action("organization_patch")(factories.site_context(), chosen)
        shown = call("organization_show", None, id=world.department["id"])
        assert shown["evaluation_months"] == "6"
        with at(datetime(2027, 4, 20, 2, 0, tzinfo=UTC)):
            assert schedule.open_due() == 0
        with at(datetime(2027, 4, 27, 2, 0, tzinfo=UTC)):
            assert [w.due_on.isoformat() for w in schedule.waiting(sa.true())] == ["2027-05-23"]
            assert schedule.open_due() == 1
        with pytest.raises(tk.ValidationError):
            tk.get_action("organization_patch")(
                factories.site_context(), {**chosen, "evaluation_months": "60"}
            )

    def test_a_class_that_moves_begins_a_term_of_its_own(self, world):
        made = made_as(world, "unconditional")
        with at(NOON - timedelta(days=100)):
            decide(move(made, "conditional", world.editor), world.official)
            assert [w.due_on.isoformat() for w in schedule.waiting(sa.true())] == ["2028-08-15"]

    def test_what_became_open_meanwhile_is_not_evaluated(self, world):
        made = made_as(world, "conditional")
        with at(NOON):
            schedule.open_due()
            move(made, "unconditional", world.reviewer)
            assert due_ids(world.reviewer) == set()
            assert schedule.open_due() == 0
        status = model.Session.scalars(sa.select(Case.status).where(Case.kind == "open_evaluation"))
        assert status.all() == ["lapsed"]


class TestConclusions:
    @pytest.mark.parametrize("open_class", ["conditional", "non_open"])
    def test_keep_renews_reason_and_basis_in_the_catalogue(self, world, open_class):
        made = made_as(world, open_class)
        done = evaluate(made, world.reviewer, **KEPT)
        assert (done["status"], done["change"]) == ("kept", None)
        shown = call("package_show", world.reviewer, id=made["id"])
        assert (shown["open_class"], shown["open_reason"]) == (open_class, KEPT["reason"])
        filed = call("nmgdata_case_show", world.official, id=done["id"])["filed"]
        assert [a["answer"] for a in filed["answers"]] and filed["findings"] == ANSWERS["findings"]

    @pytest.mark.parametrize("field", [*ANSWERS, "reason", "legal_basis"])
    def test_every_question_is_answered(self, world, field):
        made = made_as(world, "conditional")
        assert list(refused(evaluate, made, world.reviewer, **{**KEPT, field: ""})) == [field]
        assert model.Session.scalar(sa.select(sa.func.count()).select_from(Evaluation)) == 0

    def test_convertible_begins_a_change_that_is_due_in_five_working_days(self, world):
        """R-OPEN-06: 应当及时转为无条件开放类."""
        made = made_as(world, "conditional")
        done = evaluate(made, world.reviewer, conclusion="convertible", target="unconditional", **ANSWERS)
        assert done["status"] == "convertible" and class_of(made) == "conditional"
        change = call("nmgdata_case_show", world.reviewer, id=done["change"])
        assert change["status"] == "converting"
        assert [(d["id"], d["due_on"]) for d in change["deadlines"]] == [("D-OPEN-CONVERT", "2026-11-30")]
        moved = move(made, "unconditional", world.reviewer)
        assert (moved["number"], moved["status"]) == (done["change"], "effective")
        assert class_of(made) == "unconditional"

    def test_convertible_may_be_given_up_with_a_reason(self, world):
        made = made_as(world, "non_open")
        done = evaluate(made, world.reviewer, conclusion="convertible", target="conditional", **ANSWERS)
        change = call("nmgdata_case_show", world.reviewer, id=done["change"])
        decide(change, world.reviewer, "drop", reason="权利人不同意。")
        assert class_of(made) == "non_open"

    def test_tighten_goes_to_the_authority(self, world):
        made = made_as(world, "conditional")
        stated = {"reason": moves.REASON, "legal_basis": moves.BASIS, "nonopen_ground": "trade_secret"}
        wanted = {"conclusion": "tighten", "target": "non_open", **ANSWERS}
        assert set(refused(evaluate, made, world.reviewer, **wanted)) == set(stated)
        done = evaluate(made, world.reviewer, **wanted, **stated)
        change = call("nmgdata_case_show", world.official, id=done["change"])
        assert change["status"] == "review" and class_of(made) == "conditional"
        decide(change, world.official)
        assert class_of(made) == "non_open"

    def test_an_unpublished_entry_found_ready_is_published(self, world):
        """R-OPEN-08: 尚未开放的公共数据; its class is still a field like any other."""
        made = factories.dataset(world.department, private=True, open_class="conditional")
        done = evaluate(made, world.reviewer, conclusion="convertible", target="conditional", **ANSWERS)
        call("package_patch", world.editor, id=made["id"], notes="补充说明。")
        assert call("nmgdata_case_show", world.reviewer, id=done["change"])["status"] == "converting"
        call("nmgdata_dataset_publish", world.editor, id=made["id"])
        assert call("nmgdata_case_show", world.reviewer, id=done["change"])["status"] == "effective"

    @pytest.mark.parametrize(
        ("open_class", "conclusion", "target"),
        [("conditional", "convertible", "non_open"), ("conditional", "tighten", "unconditional"),
         ("non_open", "tighten", "conditional"), ("non_open", "convertible", "non_open"),
         ("conditional", "convertible", "")],
    )  # fmt: skip
    def test_a_conclusion_names_a_class_in_its_direction(self, world, open_class, conclusion, target):
        made = made_as(world, open_class)
        stated = {**KEPT, "conclusion": conclusion, "target": target, "nonopen_ground": "trade_secret"}
        assert list(refused(evaluate, made, world.reviewer, **stated)) == ["target"]

    def test_open_data_need_no_evaluation(self, world):
        made = made_as(world, "unconditional")
        with pytest.raises(Conflict):
            evaluate(made, world.reviewer, **KEPT)

    @pytest.mark.parametrize(
        "name", ["editor", "stranger", "official", "auditor", "applicant", "sysadmin", None]
    )
    def test_only_reviewers_of_the_department_conclude(self, world, name):
        made = made_as(world, "conditional")
        with at(NOON):
            schedule.open_due()
            user = getattr(world, name) if name else None
            with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
                evaluate(made, user, **KEPT)
        assert model.Session.scalar(sa.select(Evaluation.conclusion)) is None

    def test_other_features_are_told(self, world, monkeypatch):
        heard: list[Any] = []
        monkeypatch.setitem(
            events._subscribers, events.Evaluated, {lambda _unit, event: heard.append(event): None}
        )
        made = made_as(world, "conditional")
        evaluate(made, world.reviewer, conclusion="convertible", target="unconditional", **ANSWERS)
        assert [(e.dataset_id, e.conclusion, e.target) for e in heard] == [
            (made["id"], "convertible", "unconditional")
        ]


@pytest.mark.parametrize(
    ("before", "after", "stricter"),
    [("unconditional", "conditional", True), ("unconditional", "non_open", True),
     ("conditional", "non_open", True), ("non_open", "conditional", False),
     ("conditional", "unconditional", False), ("conditional", "conditional", False),
     ("unconditional", None, True), (None, "non_open", False)],
)  # fmt: skip
def test_the_order_of_the_classes(before, after, stricter):
    assert is_stricter(before, after) is stricter


class TestEasing:
    """“The conditions can be easier” changes them, by a case that rests on the evaluation (R-OPEN-09)."""

    EASIER = "注明来源即可。不得再识别个人。"

    def test_it_holds_at_once_and_both_cases_lead_to_each_other(self, world):
        made = made_as(world, "conditional", needs_id_number=True)
        stated = {"open_condition": self.EASIER, "needs_id_number": False}
        done = evaluate(made, world.reviewer, conclusion="ease", **ANSWERS, **stated)
        assert done["status"] == "easing"
        shown = call("package_show", None, id=made["id"])
        assert (shown["open_class"], shown["open_condition"]) == ("conditional", self.EASIER)
        assert shown["needs_id_number"] is False
        change = call("nmgdata_case_show", world.official, id=done["change"])
        assert (change["status"], change["filed"]["evaluation_number"]) == ("effective", done["number"])
        assert change["filed"]["evaluation"] == ANSWERS["findings"]
        back = call("nmgdata_case_show", world.official, id=done["number"])["filed"]
        assert (back["change"], back["conclusion"], back["target"]) == (done["change"], "ease", None)
        line = call("nmgdata_class_history_list", None, id=made["id"])[0]
        assert (line["conditions"], line["stricter"], line["case_number"]) == (True, False, done["change"])

    def test_what_is_not_easier_is_refused_and_concludes_nothing(self, world):
        made = made_as(world, "conditional")
        for stated, field in (
            ({"open_condition": ""}, "open_condition"), ({"open_condition": made["open_condition"]}, "open_condition"),
            ({"open_condition": self.EASIER, "needs_id_number": True}, "needs_id_number"),
            ({"open_condition": self.EASIER, "findings": ""}, "findings"),
        ):  # fmt: skip
            asked = {"conclusion": "ease", **ANSWERS, **stated}
            assert list(refused(evaluate, made, world.reviewer, **asked)) == [field]
        assert call("package_show", None, id=made["id"])["open_condition"] == made["open_condition"]
        assert model.Session.query(Evaluation).filter(Evaluation.conclusion.is_not(None)).count() == 0

    def test_only_of_conditions_that_were_published(self, world):
        private = factories.dataset(world.department, open_class="conditional", private=True)
        for made in (made_as(world, "non_open"), private):
            asked = {"conclusion": "ease", **ANSWERS, "open_condition": self.EASIER}
            assert list(refused(evaluate, made, world.reviewer, **asked)) == ["conclusion"]

    def test_only_by_who_decides_for_the_department(self, world):
        made = made_as(world, "conditional")
        for name in ("editor", "official", "stranger", "applicant", "sysadmin"):
            with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
                asked = {"conclusion": "ease", **ANSWERS, "open_condition": self.EASIER}
                evaluate(made, getattr(world, name), **asked)

    def test_in_the_questionnaire(self, world, app, as_user):
        made, other = made_as(world, "conditional"), made_as(world, "non_open")
        with at(NOON):
            schedule.open_due()
            numbers = {
                line["dataset_id"]: line["number"] for line in call("nmgdata_evaluation_list", world.reviewer)
            }
            me = as_user(world.reviewer)
            assert 'value="ease"' not in app.get(f"/nmg/evaluations/{numbers[other['id']]}", headers=me).body
            offered = {key: app.get(f"/nmg/cases/{numbers[key]}", headers=me).body for key in numbers}
            assert 'id="step-ease"' in offered[made["id"]] and 'id="step-ease"' not in offered[other["id"]]
            assert (
                'id="step-tighten"' in offered[made["id"]] and 'id="step-tighten"' not in offered[other["id"]]
            )
            address = f"/nmg/evaluations/{numbers[made['id']]}"
            assert made["open_condition"] in app.get(address, headers=me).body
            same = {"conclusion": "ease", **ANSWERS, "open_condition": made["open_condition"]}
            again = app.post(address, data=same, headers=me).body
            assert 'value="ease" selected' in again and "开放条件" in again
            app.post(address, data={**same, "open_condition": self.EASIER}, headers=me)
        assert call("package_show", None, id=made["id"])["open_condition"] == self.EASIER
