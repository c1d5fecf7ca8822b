"""Conditions of published data change by a case (R-OPEN-09): harder ones only after the authority's review."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .... import factories
from ....conftest import MONDAY
from ....factories import call
from ....kernel import clock
from ....kernel.audit.model import AuditEvent
from .. import schedule
from .moves import BASIS, EVALUATED, REASON, class_of, decide, made_as, move, refused

OTHERS = ("editor", "reviewer", "stranger", "auditor", "applicant", "sysadmin", None)
pytestmark = pytest.mark.usefixtures("clean")


class TestConditions:
    HARDER = "仅限高等院校科研用途，须在安全屋内使用。"

    def conditions(self, made):
        """Return the conditions that the dataset's row states."""
        model.Session.rollback()
        return model.Session.get_one(model.Package, made["id"], populate_existing=True).extras[
            "open_condition"
        ]

    def file(self, made, user, way, **values):
        stated = {"reason": REASON, "legal_basis": BASIS} if way == "harder" else {"evaluation": EVALUATED}
        stated |= {"open_class": "conditional", "conditions": way, "open_condition": self.HARDER}
        return call("nmgdata_class_change_submit", user, id=made["id"], **{**stated, **values})

    @pytest.mark.parametrize("action", ["package_patch", "package_revise"])
    def test_no_plain_edit_changes_them(self, world, action):
        made = made_as(world, "conditional")
        before = self.conditions(made)
        stated = {"open_condition": self.HARDER}
        sent = (
            {"id": made["id"], **stated}
            if action == "package_patch"
            else {"match": {"id": made["id"]}, "update": stated}
        )
        assert "open_condition" in refused(call, action, world.editor, **sent)
        assert self.conditions(made) == before
        call(
            "package_patch",
            world.editor,
            id=made["id"],
            open_condition=f" {before}\n",
            notes="另一个摘要，文字更长一些。",
        )

    def test_of_what_was_never_published_they_do(self, world):
        made = factories.dataset(world.department, open_class="conditional", private=True)
        call("package_patch", world.editor, id=made["id"], open_condition=self.HARDER)
        assert self.conditions(made) == self.HARDER

    def test_harder_ones_wait_for_the_authority(self, world):
        made = made_as(world, "conditional")
        before = self.conditions(made)
        case = self.file(made, world.editor, "harder")
        assert (case["status"], self.conditions(made)) == ("review", before)
        for name in OTHERS:
            with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
                decide(case, getattr(world, name) if name else None)
        decide(case, world.official)
        assert (self.conditions(made), class_of(made)) == (self.HARDER, "conditional")
        shown = call("nmgdata_class_history_list", world.citizen, id=made["id"])[0]
        assert (shown["conditions"], shown["stricter"], shown["case_number"]) == (True, True, case["number"])
        listed = call("nmgdata_class_history_list", world.citizen, stricter=True)
        assert [line["case_number"] for line in listed] == [case["number"]]
        verbs = set(model.Session.scalars(sa.select(AuditEvent.verb)))
        assert "dataset.conditions_changed" in verbs

    def test_easier_ones_hold_at_once_by_who_decides(self, world):
        made = made_as(world, "conditional")
        reason = made["open_reason"]
        with pytest.raises(tk.NotAuthorized):
            self.file(made, world.editor, "easier")
        case = self.file(made, world.reviewer, "easier", open_condition="注明来源即可。不得再识别个人。")
        assert (case["status"], self.conditions(made)) == ("effective", "注明来源即可。不得再识别个人。")
        shown = call("package_show", world.citizen, id=made["id"])
        assert (shown["open_class"], shown["open_reason"]) == ("conditional", reason)
        line = call("nmgdata_class_history_list", world.citizen, id=made["id"])[0]
        assert (line["conditions"], line["stricter"]) == (True, False)
        assert call("nmgdata_class_history_list", world.citizen, stricter=True) == []

    def test_bad_input_stands_at_its_field(self, world):
        made = made_as(world, "conditional")
        before = self.conditions(made)
        for way, values, field in (
            ("", {}, "open_class"), ("softer", {}, "conditions"), ("harder", {"open_condition": ""}, "open_condition"),
            ("harder", {"open_condition": before}, "open_condition"), ("harder", {"reason": ""}, "reason"),
            ("harder", {"legal_basis": ""}, "legal_basis"), ("easier", {"evaluation": ""}, "evaluation"),
            ("easier", {"open_condition": before}, "open_condition"),
        ):  # fmt: skip
            assert list(refused(self.file, made, world.reviewer, way, **values)) == [field]
        for other in ("unconditional", "non_open"):
            made = made_as(world, other)
            assert "open_class" in refused(self.file, made, world.reviewer, "harder", open_class=other)

    def test_they_put_no_evaluation_off(self, world):
        with clock.fixed(MONDAY):
            made = made_as(world, "conditional")
        day = schedule.waiting(schedule.PACKAGE.id == made["id"])[0].due_on
        with clock.fixed(MONDAY + timedelta(days=200)):
            self.file(made, world.reviewer, "easier")
            assert schedule.waiting(schedule.PACKAGE.id == made["id"])[0].due_on == day

    def test_a_form_that_was_opened_before_the_decision_does_not_undo_it(self, world):
        made = made_as(world, "conditional")
        stale = call("package_show", world.editor, id=made["id"])
        decide(self.file(made, world.editor, "harder"), world.official)
        assert "open_condition" in refused(
            call, "package_update", world.editor, **{**stale, "notes": "改了摘要，别的不变。"}
        )
        assert self.conditions(made) == self.HARDER


class TestIdNumber:
    """DC-18: that natural persons must state their ID number is a condition like any other."""

    def asks(self, made):
        """Say what the public reads, and what the application form asks."""
        model.Session.rollback()
        return call("package_show", None, id=made["id"]).get("needs_id_number", False)

    def file(self, made, user, way, **values):
        stated = {"reason": REASON, "legal_basis": BASIS} if way == "harder" else {"evaluation": EVALUATED}
        stated |= {"open_class": "conditional", "conditions": way, "open_condition": made["open_condition"]}
        return call("nmgdata_class_change_submit", user, id=made["id"], **{**stated, **values})

    @pytest.mark.parametrize("now", [True, False])
    @pytest.mark.parametrize("action", ["package_patch", "package_update", "package_revise"])
    def test_no_plain_edit_switches_it(self, world, action, now):
        made = made_as(world, "conditional", needs_id_number=now)
        stated = {"needs_id_number": not now}
        sent = {
            "package_patch": {"id": made["id"], **stated},
            "package_update": {**made, **stated},
            "package_revise": {"match": {"id": made["id"]}, "update": stated},
        }[action]
        assert list(refused(call, action, world.editor, **sent)) == ["needs_id_number"]
        assert self.asks(made) is now
        call(
            "package_patch",
            world.editor,
            id=made["id"],
            notes="另一个摘要，文字更长一些。",
            needs_id_number=now,
        )

    def test_of_what_was_never_published_an_edit_does(self, world):
        made = factories.dataset(world.department, open_class="conditional", private=True)
        call("package_patch", world.editor, id=made["id"], needs_id_number=True)
        assert call("package_show", world.editor, id=made["id"])["needs_id_number"] is True

    def test_to_ask_for_it_waits_for_the_authority(self, world):
        made = made_as(world, "conditional")
        case = self.file(made, world.editor, "harder", needs_id_number=True)
        assert (case["status"], self.asks(made)) == ("review", False)
        shown = call("nmgdata_case_show", world.official, id=case["id"])
        assert shown["filed"]["needs_id_number"] is True
        decide(case, world.official)
        assert self.asks(made) is True
        assert call("nmgdata_class_history_list", None, stricter=True)[0]["case_number"] == case["number"]

    def test_no_longer_to_ask_for_it_holds_at_once(self, world):
        made = made_as(world, "conditional", needs_id_number=True)
        case = self.file(made, world.reviewer, "easier", needs_id_number="false")
        assert (case["status"], self.asks(made)) == ("effective", False)

    def test_each_goes_its_own_way(self, world):
        off, on = made_as(world, "conditional"), made_as(world, "conditional", needs_id_number=True)
        other = {"open_condition": "注明来源即可。不得再识别个人。"}
        for made, way, values in (
            (off, "easier", {"needs_id_number": True, **other}), (on, "harder", {"needs_id_number": False}),
            (off, "harder", {"needs_id_number": "perhaps", **other}), (off, "easier", {"needs_id_number": [1]}),
        ):  # fmt: skip
            assert list(refused(self.file, made, world.reviewer, way, **values)) == ["needs_id_number"]
        assert list(refused(self.file, on, world.reviewer, "easier", needs_id_number=True)) == [
            "open_condition"
        ]
        self.file(on, world.reviewer, "easier", **other)
        assert self.asks(on) is True

    def test_it_comes_with_the_class_that_has_conditions_and_goes_with_it(self, world):
        made = made_as(world, "non_open")
        move(made, "conditional", world.reviewer, needs_id_number=True)
        assert self.asks(made) is True
        move(made, "unconditional", world.reviewer)
        assert not self.asks(made)

    def test_by_the_form(self, world, app, as_user):
        made = made_as(world, "conditional", needs_id_number=True)
        address = f"/nmg/classes/change/{made['name']}?open_class=conditional&conditions=easier"
        me = as_user(world.reviewer)
        form = app.get(address, headers=me).body
        assert '<option value="true" selected' in form
        sent = {
            "open_class": "conditional", "conditions": "easier", "evaluation": EVALUATED, "needs_id_number": "false",
            "open_condition": made["open_condition"],
        }  # fmt: skip
        page = app.post(address, data=sent, headers=me).body
        assert "自然人申请须填身份证号" in page
        assert self.asks(made) is False
