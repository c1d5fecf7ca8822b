"""Classes move by a case: by whom, in which direction, with which statements; what moves along."""

from __future__ import annotations

import contextvars
import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .... import factories
from ....factories import call, context_of, join, person, site_context
from ....kernel import clock
from ....kernel.actors import Actor
from ....kernel.audit import verify
from ....kernel.audit.model import AuditEvent
from ....kernel.changes.model import Change
from ....kernel.gate import doors
from ....kernel.types import Conflict
from ....kernel.workflow import sweep
from ....kernel.workflow.model import Case
from ....tests import faults
from ... import publish
from .. import history
from ..model import ClassChange, ClassPeriod
from . import moves
from .moves import CLASSES, class_of, decide, made_as, move, refused, statement

pytestmark = pytest.mark.usefixtures("clean")
PEOPLE = ("editor", "reviewer", "admin", "stranger", "official", "auditor", "applicant", "sysadmin", None)
DEPARTMENT, DECIDE = {"editor", "reviewer", "admin"}, {"reviewer", "admin"}
MOVES = [(before, after) for before in CLASSES for after in CLASSES if before != after]


def is_stricter(before: str, after: str) -> bool:
    """Say, from the order of Art. 27, whether a move closes something."""
    return CLASSES.index(after) > CLASSES.index(before)


@pytest.fixture
def world(clean) -> factories.World:
    """Return a small region with an administrator of the department."""
    made = factories.World()
    made.admin = join(person("headofoffice"), made.department, "admin")
    assert made.official
    return made


def who(world: Any, name: str | None) -> Any:
    """Return a person of the world by role."""
    return getattr(world, name) if name else None


def allowed(made: dict[str, Any], user: Any = None) -> bool:
    """Say what the gate says about the bytes of an entry's first file."""
    model.Session.rollback()
    actor = Actor.person(user.record) if user else Actor.anonymous()
    judged = doors.judge(made["resources"][0]["id"], actor)
    return bool(judged and judged[1].allow)


class TestWhoMayMoveWhatWhereTo:
    """DC-54: the department opens by its own act; it proposes to close, and the authority decides."""

    @pytest.mark.parametrize(("before", "after"), MOVES, ids=lambda value: value)
    def test_every_person_in_every_direction(self, world, before, after):
        may = DEPARTMENT if is_stricter(before, after) else DECIDE
        made = made_as(world, before)
        for name in PEOPLE:
            if name not in may:
                with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
                    move(made, after, who(world, name))
                assert class_of(made) == before, name
        for name in may:
            made = made_as(world, before)
            done = move(made, after, who(world, name))
            assert done["status"] == ("review" if is_stricter(before, after) else "effective")
            assert class_of(made) == (before if is_stricter(before, after) else after)

    @pytest.mark.parametrize("step", ["approve", "return"])
    def test_only_the_authority_reviews(self, world, step):
        made = made_as(world, "unconditional")
        case = move(made, "conditional", world.editor)
        for name in PEOPLE:
            if name != "official":
                with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
                    decide(case, who(world, name), step, reason="依据不足。")
        decide(case, world.official, step, reason="依据不足。")
        assert class_of(made) == ("conditional" if step == "approve" else "unconditional")

    def test_nobody_reviews_what_they_have_proposed_themselves(self, world):
        made = factories.dataset(world.authority)
        case = move(made, "conditional", world.official)
        with pytest.raises(tk.NotAuthorized):
            decide(case, world.official)
        colleague = join(person("colleague"), world.authority, "reviewer")
        decide(case, colleague)
        assert class_of(made) == "conditional"

    def test_a_returned_proposal_needs_a_reason_and_may_be_made_anew(self, world):
        made = made_as(world, "unconditional")
        case = move(made, "non_open", world.reviewer)
        assert list(refused(decide, case, world.official, "return", reason="")) == ["reason"]
        decide(case, world.official, "return", reason="法律依据不足。")
        again = move(made, "non_open", world.reviewer)
        decide(again, world.official)
        assert class_of(made) == "non_open"

    def test_a_proposal_can_be_given_up(self, world):
        made = made_as(world, "unconditional")
        case = move(made, "conditional", world.editor)
        decide(case, world.reviewer, "withdraw", reason="改为脱敏后继续开放。")
        assert refused(decide, case, world.official)
        assert class_of(made) == "unconditional"


class TestWhatMustBeStated:
    @pytest.mark.parametrize(("before", "after"), MOVES, ids=lambda value: value)
    def test_every_statement_that_the_direction_asks_for(self, world, before, after):
        needed = {"reason", "legal_basis"} if after != "unconditional" else set()
        needed |= {"open_condition"} if after == "conditional" else set()
        needed |= {"nonopen_ground"} if after == "non_open" else set()
        if not is_stricter(before, after):
            needed |= {"secrecy_review", "evaluation" if before == "conditional" else "basis"}
        made = made_as(world, before)
        empty = {"id": made["id"], "open_class": after}
        assert set(refused(call, "nmgdata_class_change_submit", world.reviewer, **empty)) == needed
        for field in needed:
            assert field in refused(move, made, after, world.reviewer, **{field: ""})
        assert class_of(made) == before

    def test_r_open_07_processing_needs_kind_description_and_a_replaced_file(self, world):
        made = made_as(world, "non_open")
        stated = {**moves.PROCESSED, "consented_by": None, "evidence": None}
        for field in ("processing_kind", "processing"):
            assert list(refused(move, made, "conditional", world.reviewer, **{**stated, field: ""})) == [
                field
            ]
        said = refused(move, made, "conditional", world.reviewer, **stated)
        assert "站点清单" in said["processing"][0]
        with clock.fixed(clock.now() + timedelta(days=1)):
            replacement = {"id": made["resources"][0]["id"], "upload": factories.file(b"n\r\n1\r\n", "n.csv")}
            call("resource_patch", world.editor, **replacement)
            move(made, "conditional", world.reviewer, **stated)
        assert class_of(made) == "conditional"

    def test_r_open_07_consent_needs_who_and_a_document(self, world):
        made = made_as(world, "non_open")
        assert list(refused(move, made, "unconditional", world.reviewer, consented_by="")) == ["consented_by"]
        assert list(refused(move, made, "unconditional", world.reviewer, evidence=None)) == ["evidence"]
        broken = factories.file(b"<html>", "consent.pdf")
        assert list(refused(move, made, "unconditional", world.reviewer, evidence=broken)) == ["evidence"]
        case = move(made, "unconditional", world.reviewer)
        filed = call("nmgdata_case_show", world.official, id=case["id"])["filed"]
        assert filed["consented_by"] == "全体运营企业" and len(filed["evidence"]) == 1

    @pytest.mark.parametrize(("level", "most"), [("general_4", 2), ("general_3", 1), ("general_2", 0)])
    def test_r_sec_03_never_more_open_than_the_level_allows(self, world, level, most):
        for after in ("conditional", "unconditional"):
            made = made_as(world, "non_open", data_level=level)
            if CLASSES.index(after) >= most:
                assert move(made, after, world.reviewer)["status"] == "effective"
            else:
                assert "open_class" in refused(move, made, after, world.reviewer)
                assert class_of(made) == "non_open"

    def test_r_open_11_what_was_obtained_by_sharing_stays_closed(self, world):
        made = made_as(world, "non_open", obtained_by_sharing=True)
        assert "open_class" in refused(move, made, "unconditional", world.reviewer)

    def test_r_free_03_opening_to_everyone_needs_a_licence_for_it(self, world):
        made = made_as(world, "conditional", license_id="other-closed")
        assert list(refused(move, made, "unconditional", world.reviewer, license_id="")) == ["license_id"]
        assert list(refused(move, made, "unconditional", world.reviewer, license_id="x")) == ["license_id"]
        move(made, "unconditional", world.reviewer)
        assert call("package_show", None, id=made["id"])["license_id"] == "other-open"

    def test_a_public_reason_names_no_person(self, world):
        made = made_as(world, "unconditional")
        stated = {"reason": "王小明（身份证号11010519491231002X）要求关闭。"}
        assert list(refused(move, made, "conditional", world.reviewer, **stated)) == ["reason"]

    @pytest.mark.parametrize("open_class", ["", "gone", "conditional"])
    def test_the_target_must_be_another_class(self, world, open_class):
        made = made_as(world, "conditional")
        stated = {"id": made["id"], "open_class": open_class}
        assert list(refused(call, "nmgdata_class_change_submit", world.reviewer, **stated)) == ["open_class"]

    def test_data_that_are_stopped_are_not_opened_but_may_be_closed(self, world):
        made = made_as(world, "conditional")
        factories.stop(made)
        with pytest.raises(Conflict):
            move(made, "unconditional", world.reviewer)
        model.Session.rollback()
        assert move(made, "non_open", world.reviewer)["status"] == "review"


class TestThePlainEdit:
    """docs/adr/0020: the class of a published entry moves only by a case."""

    @pytest.mark.parametrize(("before", "after"), MOVES, ids=lambda value: value)
    def test_is_refused_at_the_field_with_the_way(self, world, before, after):
        made = made_as(world, before)
        terms = {k: factories.entry(world.department, open_class=after).get(k, "") for k in TERMS}
        change = {**terms, "open_class": after, "data_level": "general_1", "license_id": "other-open"}
        ways = {
            "package_patch": {"id": made["id"], **change},
            "package_update": {**made, **change},
            "package_revise": {"match": {"id": made["id"]}, "update": change},
        }
        for user in (world.editor, world.sysadmin):
            for way, data in ways.items():
                said = refused(call, way, user, **data)
                assert f"/nmg/classes/change/{made['name']}" in said["open_class"][0], way
        assert class_of(made) == before

    def test_other_fields_go_on_as_before(self, world):
        made = made_as(world, "conditional")
        assert call("package_patch", world.editor, id=made["id"], notes="新的说明。")["notes"] == "新的说明。"

    def test_what_was_never_published_is_classed_like_any_other_field(self, world):
        made = factories.dataset(world.department, private=True)
        terms = factories.entry(world.department, open_class="non_open")
        call("package_patch", world.editor, **{**terms, "id": made["id"]})
        assert class_of(made) == "non_open"
        call("package_patch", world.editor, **{**factories.entry(world.department), "id": made["id"]})
        call("nmgdata_dataset_publish", world.editor, id=made["id"])
        with pytest.raises(Conflict):
            factories_move = factories.dataset(world.department, private=True)
            move(factories_move, "conditional", world.reviewer)

    def test_taking_an_entry_back_does_not_free_its_class(self, world):
        made = made_as(world, "non_open")
        call("package_patch", world.editor, id=made["id"], private=True)
        change = {"open_class": "unconditional", "private": False}
        assert "open_class" in refused(call, "package_patch", world.editor, id=made["id"], **change)

    def test_the_portal_s_own_loads_pass_and_stand_in_the_history(self, world):
        made = made_as(world, "unconditional")
        terms = factories.entry(world.department, open_class="non_open")
        tk.get_action("package_patch")(site_context(), {"id": made["id"], **{k: terms.get(k) for k in TERMS}})
        assert class_of(made) == "non_open"
        assert [p["stricter"] for p in call("nmgdata_class_history_list", world.editor, id=made["id"])] == [True, False]  # fmt: skip

    def test_the_history_of_what_is_purged_ends_and_that_of_its_successor_begins(self, world):
        made = made_as(world, "unconditional")
        tk.get_action("dataset_purge")(site_context(), {"id": made["id"]})
        assert [bool(period["until"]) for period in history.of_dataset(made["id"])] == [True]
        terms = factories.entry(world.department, open_class="non_open")
        again = factories.call("package_create", world.sysadmin, **{**terms, "id": made["id"]})
        assert again["id"] == made["id"]
        assert [period["open_class"] for period in history.of_dataset(made["id"])] == ["non_open", "unconditional"]  # fmt: skip

    def test_an_edit_that_was_begun_before_a_decision_does_not_undo_it(self, world):
        """The form was opened, the class was closed meanwhile, the form is saved."""
        made = made_as(world, "unconditional")
        decide(move(made, "non_open", world.reviewer), world.official)
        assert "open_class" in refused(call, "package_update", world.editor, **made)
        assert class_of(made) == "non_open" and not allowed(made)


TERMS = ("open_class", "open_reason", "open_legal_basis", "open_condition", "nonopen_ground", "data_level")


class TestEverythingMovesTogether:
    def test_r_open_06_opening_closes_applications_and_frees_grants(self, world):
        made = made_as(world, "conditional")
        granted = world.granted(made)
        case = move(made, "unconditional", world.reviewer)
        assert case["status"] == "effective" and allowed(made)
        assert call("nmgdata_case_show", world.applicant, id=granted["id"])["status"] == "closed"
        shown = call("package_show", None, id=made["id"])
        assert shown["open_class"] == "unconditional"
        assert not shown.get("open_reason") and not shown.get("open_condition")
        assert verify.verify() == []

    def test_a_proposal_changes_nothing_and_its_approval_everything(self, world, clean_search):
        made = made_as(world, "unconditional")
        case = move(made, "non_open", world.editor)
        assert allowed(made) and class_of(made) == "unconditional"
        decide(case, world.official)
        assert not allowed(made)
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            call("package_show", None, id=made["id"])
        assert call("package_search", None, q=f'id:"{made["id"]}"')["count"] == 0
        newest = model.Session.scalars(sa.select(Change).order_by(Change.seq.desc())).first()
        assert (newest.activity, newest.dataset_id) == ("Delete", made["id"])
        shown = call("package_show", world.reviewer, id=made["id"])
        assert (shown["open_reason"], shown["nonopen_ground"]) == (moves.REASON, "personal_privacy")

    def test_the_feed_says_that_a_class_has_changed(self, world):
        made = made_as(world, "unconditional")
        decide(move(made, "conditional", world.editor), world.official)
        newest = model.Session.scalars(sa.select(Change).order_by(Change.seq.desc())).first()
        assert (newest.activity, newest.cause) == ("Update", "class_changed")

    def test_a_stricter_class_holds_from_the_decision_on_with_solr_down(self, world, app):
        made = made_as(world, "unconditional")
        case = move(made, "conditional", world.editor)
        url = f"/dataset/{made['id']}/resource/{made['resources'][0]['id']}/download"
        assert app.get(url).status_code == 200
        with faults.without_solr("gone"):
            decide(case, world.official)
            assert app.get(url, status=403).status_code == 403
            assert not call("nmgdata_access_explain", None, id=made["resources"][0]["id"])["allowed"]

    def test_other_faults_of_an_entry_do_not_hold_up_its_closing(self, world):
        made = made_as(world, "unconditional")
        faulty = """UPDATE package SET extras = extras - 'contact_phone' || '{"data_level": "core"}' WHERE id = :id"""
        model.Session.execute(sa.text(faulty), {"id": made["id"]})
        model.Session.commit()
        row = model.Session.get_one(model.Package, made["id"], populate_existing=True)
        assert {"contact_phone", "open_class"} <= set(refused(publish.check_public, row))
        decide(move(made, "non_open", world.editor), world.official)
        assert class_of(made) == "non_open" and not allowed(made)

    def test_it_is_all_or_nothing(self, world, monkeypatch):
        made = made_as(world, "unconditional")
        case = move(made, "conditional", world.editor)

        def fall_over(*_arguments: Any) -> None:
            raise RuntimeError("the portal falls over")

        monkeypatch.setattr("ckanext.nmgdata.catalog.classes.entry.index.note", fall_over)
        with pytest.raises(RuntimeError):
            decide(case, world.official)
        assert class_of(made) == "unconditional" and allowed(made)
        assert model.Session.get_one(Case, case["id"]).status == "review"
        assert model.Session.scalar(sa.select(sa.func.count()).select_from(ClassPeriod)) == 1

    def test_the_change_is_audited_once_and_the_notices_go_out(self, world):
        made = made_as(world, "unconditional")
        decide(move(made, "conditional", world.editor), world.official)
        query = sa.select(AuditEvent.detail).where(AuditEvent.verb == "dataset.class_changed")
        assert model.Session.scalars(query).all() == [{"from": "unconditional", "to": "conditional"}]

    def test_a_change_under_way_is_without_object_when_the_class_moves_otherwise(self, world):
        made = made_as(world, "unconditional")
        case = move(made, "conditional", world.editor)
        terms = factories.entry(world.department, open_class="non_open")
        tk.get_action("package_patch")(site_context(), {"id": made["id"], **{k: terms.get(k) for k in TERMS}})
        assert call("nmgdata_case_show", world.reviewer, id=case["id"])["status"] == "lapsed"

    def test_a_deleted_entry_leaves_nothing_to_decide(self, world):
        made = made_as(world, "unconditional")
        case = move(made, "conditional", world.editor)
        tk.get_action("package_delete")(site_context(), {"id": made["id"]})
        assert call("nmgdata_case_show", world.reviewer, id=case["id"])["status"] == "lapsed"


class TestTwoAtOnce:
    def test_one_change_of_an_entry_at_a_time(self, world):
        made = made_as(world, "unconditional")
        first = move(made, "conditional", world.editor)
        with pytest.raises(Conflict, match=first["number"]):
            move(made, "non_open", world.reviewer)

    def test_of_two_proposals_in_the_same_moment_one_is_filed(self, world):
        made = made_as(world, "unconditional")
        people = [world.editor, world.reviewer]
        start, results = threading.Barrier(2), []

        def propose(user: Any) -> None:
            data = {"id": made["id"], **statement("conditional", "unconditional")}
            context = context_of(user)
            start.wait()
            try:
                results.append(tk.get_action("nmgdata_class_change_submit")(context, data)["status"])
            except Conflict:
                results.append("conflict")
            finally:
                model.Session.remove()

        run_together(propose, people)
        assert sorted(results) == ["conflict", "review"]
        assert model.Session.scalar(sa.select(sa.func.count()).select_from(ClassChange)) == 1

    def test_an_edit_and_an_approval_in_the_same_moment_leave_the_decided_class(self, world):
        """Whoever comes first: the plain edit, which still holds the old class, never undoes the decision."""
        made = made_as(world, "unconditional")
        case = move(made, "conditional", world.editor)
        start = threading.Barrier(2)

        def act(what: str) -> None:
            context = context_of(world.official if what == "approve" else world.editor)
            start.wait()
            try:
                if what == "approve":
                    tk.get_action("nmgdata_case_transition")(context, {"id": case["id"], "transition": what})
                else:
                    tk.get_action("package_update")(context, {**made, "notes": "同时保存的说明。"})
            except tk.ValidationError:
                model.Session.rollback()
            finally:
                model.Session.remove()

        run_together(act, ["approve", "edit"])
        assert class_of(made) == "conditional" and not allowed(made)


def run_together(work: Any, arguments: list[Any]) -> None:
    """Do something in several threads at once."""
    model.Session.remove()
    threads = [threading.Thread(target=contextvars.copy_context().run, args=(work, one)) for one in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class TestPeriods:
    def test_the_review_has_five_working_days_and_is_reminded(self, world):
        case = move(made_as(world, "unconditional"), "conditional", world.editor)
        shown = call("nmgdata_case_show", world.official, id=case["id"])
        assert [(d["id"], d["due_on"]) for d in shown["deadlines"]] == [
            ("D-OPEN-CHANGE-REVIEW", "2026-11-30")
        ]
        assert [row["number"] for row in call("nmgdata_case_list", world.official)] == [case["number"]]
        with clock.fixed(clock.now() + timedelta(days=8)):
            assert sweep.sweep().notices >= 1
            overdue = call("nmgdata_case_list", world.official, box="overdue")
        assert [row["number"] for row in overdue] == [case["number"]]
