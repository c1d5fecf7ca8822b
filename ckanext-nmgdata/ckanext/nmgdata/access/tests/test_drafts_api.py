"""Drafts of applications by program: one's own only, with the pages' limits; and how long their files stay."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ...conftest import MONDAY
from ...factories import PDF, STATEMENT, call, file
from ...kernel import clock
from ...kernel.evidence import files as evidence
from ...kernel.evidence.model import Evidence
from ...kernel.gate import seal
from ...kernel.types import Conflict
from ...kernel.workflow.model import Case
from .. import drafts
from ..model import Application, ApplicationDraft

pytestmark = pytest.mark.usefixtures("clean")
OTHERS = ("citizen", "editor", "reviewer", "official", "auditor", "sysadmin")


def save(who, **stated):
    """Save a draft."""
    return call("nmgdata_application_draft_save", who, **stated)


def later(**span):
    """Hold the clock some time after the beginning of the test."""
    return clock.fixed(MONDAY + timedelta(**span))


@pytest.fixture
def draft(world):
    """A complete draft of the applicant with one file."""
    return save(
        world.applicant, items=[{"dataset_id": world.conditional["id"]}], evidence=file(name="承诺书.pdf"),
        **STATEMENT,
    )  # fmt: skip


class TestWho:
    @pytest.mark.parametrize("who", OTHERS)
    def test_drafts_of_others_do_not_exist(self, world, draft, who):
        other = getattr(world, who)
        assert call("nmgdata_application_draft_list", other) == []
        version = {"id": draft["id"], "version": draft["version"]}
        for attempt in (
            lambda: call("nmgdata_application_draft_show", other, id=draft["id"]),
            lambda: save(other, **version, scenario="冒写"),
            lambda: call("nmgdata_application_draft_delete", other, id=draft["id"]),
            lambda: call("nmgdata_application_submit", other, draft=draft["id"]),
        ):
            with pytest.raises(tk.ObjectNotFound):
                attempt()
        kept = call("nmgdata_application_draft_show", world.applicant, id=draft["id"])
        assert kept == draft
        assert model.Session.query(Case).count() == 0

    @pytest.mark.parametrize("verb", ["list", "show", "save", "delete"])
    def test_nobody_without_an_account(self, world, draft, verb):
        with pytest.raises(tk.NotAuthorized):
            call(f"nmgdata_application_draft_{verb}", None, id=draft["id"], version=draft["version"])
        assert model.Session.query(ApplicationDraft).count() == 1

    def test_by_http_with_a_token(self, world, draft, app, as_user):
        address = "/api/3/action/nmgdata_application_draft_"
        mine, other = as_user(world.applicant), as_user(world.sysadmin)
        assert app.get(f"{address}list", headers=mine).json["result"][0]["id"] == draft["id"]
        assert app.get(f"{address}show?id={draft['id']}", headers=other, status=404)
        assert app.get(f"{address}list", status=403)
        sent = {"id": draft["id"], "version": draft["version"], "evidence": (io.BytesIO(PDF), "二.pdf")}
        answer = app.post(f"{address}save", data=sent, headers=mine, content_type="multipart/form-data")
        names = [one["name"] for one in answer.json["result"]["evidence"]]
        assert names == ["承诺书.pdf", "二.pdf"]


class TestLife:
    def test_what_is_read_is_what_was_saved(self, world, draft):
        assert {name: draft[name] for name in STATEMENT} == STATEMENT
        assert [item["title"] for item in draft["items"]] == [world.conditional["title"]]
        assert [one["name"] for one in draft["evidence"]] == ["承诺书.pdf"]
        (listed,) = call("nmgdata_application_draft_list", world.applicant)
        assert (listed["id"], listed["version"]) == (draft["id"], draft["version"])
        assert listed["titles"] == [world.conditional["title"]]

    def test_what_is_not_stated_stays(self, world, draft):
        with later(minutes=1):
            changed = save(world.applicant, id=draft["id"], version=draft["version"], scenario="改过的场景")
        assert changed["scenario"] == "改过的场景"
        kept = ("items", "safeguards", "evidence", "id")
        assert {name: changed[name] for name in kept} == {name: draft[name] for name in kept}

    def test_a_draft_that_has_changed_meanwhile(self, world, draft):
        with later(minutes=1):
            save(world.applicant, id=draft["id"], version=draft["version"], scenario="先存的")
            with pytest.raises(Conflict):
                save(world.applicant, id=draft["id"], version=draft["version"], scenario="后存的")
            with pytest.raises(Conflict):
                call(
                    "nmgdata_application_submit", world.applicant, draft=draft["id"], version=draft["version"]
                )
        kept = call("nmgdata_application_draft_show", world.applicant, id=draft["id"])
        assert kept["scenario"] == "先存的"
        assert model.Session.query(Case).count() == 0

    def test_a_change_names_its_version(self, world, draft):
        with pytest.raises(tk.ValidationError) as refused:
            save(world.applicant, id=draft["id"], scenario="x")
        assert list(refused.value.error_dict) == ["version"]

    def test_filed_as_it_is(self, world, draft):
        filed = call("nmgdata_application_submit", world.applicant, draft=draft["id"])
        row = model.Session.get_one(Application, filed["id"])
        assert (row.scenario, row.applicant_name) == (STATEMENT["scenario"], STATEMENT["applicant_name"])
        assert [one.name for one in evidence.of_case(filed["id"])] == ["承诺书.pdf"]
        assert call("nmgdata_application_draft_list", world.applicant) == []

    def test_a_draft_that_changes_while_it_is_filed(self, world, draft, monkeypatch):
        """What another window keeps at that moment is neither overlooked nor deleted."""
        completed = drafts.completed

        def overtaken(actor, sent):
            found = completed(actor, sent)
            with later(minutes=1):
                drafts.change(actor, draft["id"], draft["version"], {"scenario": "另一窗口"})
            return found

        monkeypatch.setattr(drafts, "completed", overtaken)
        with pytest.raises(Conflict):
            call("nmgdata_application_submit", world.applicant, draft=draft["id"])
        assert model.Session.query(Case).count() == 0
        kept = call("nmgdata_application_draft_show", world.applicant, id=draft["id"])
        assert (kept["scenario"], len(kept["evidence"])) == ("另一窗口", 1)

    def test_filed_with_something_else(self, world, draft):
        stated = {"draft": draft["id"], "scenario": "提交时改写的应用场景，具体明确。"}
        filed = call("nmgdata_application_submit", world.applicant, **stated)
        assert model.Session.get_one(Application, filed["id"]).scenario == stated["scenario"]

    def test_what_is_wrong_is_said_when_it_is_filed_and_the_draft_stays(self, world, draft):
        with later(minutes=1):
            save(world.applicant, id=draft["id"], version=draft["version"], scenario="", contact_phone="1")
            with pytest.raises(tk.ValidationError) as refused:
                call("nmgdata_application_submit", world.applicant, draft=draft["id"])
        assert set(refused.value.error_dict) == {"scenario", "contact_phone"}
        assert len(call("nmgdata_application_draft_list", world.applicant)) == 1

    def test_so_many_and_no_more(self, world, draft, monkeypatch):
        monkeypatch.setattr(drafts, "MOST", 2)
        save(world.applicant, scenario="第二份")
        with pytest.raises(tk.ValidationError) as refused:
            save(world.applicant, scenario="第三份")
        assert list(refused.value.error_dict) == ["draft"]
        assert save(world.citizen, scenario="别人的第一份")

    def test_pages_and_programs_see_the_same(self, world, draft, app, as_user):
        form = app.get(f"/nmg/drafts/{draft['id']}", headers=as_user(world.applicant)).body
        assert STATEMENT["scenario"] in form and "承诺书.pdf" in form and draft["version"] in form

    @pytest.mark.parametrize(
        ("stated", "field"),
        [
            ({"items": "x"}, "items"), ({"items": [1]}, "items"), ({"items": [{}]}, "items"),
            ({"items": [{"dataset_id": 5}]}, "items"), ({"items": [{"dataset_id": "x" * 201}]}, "items"),
            ({"items": [{"dataset_id": "x", "fields": [1]}]}, "items"),
            ({"items": [{"dataset_id": "x"}] * 51}, "items"), ({"scenario": "长" * 5001}, "scenario"),
            ({"scenario": ["x"]}, "scenario"), ({"evidence": file(b"MZ", "a.exe")}, "evidence"),
        ],
    )  # fmt: skip
    def test_what_is_no_draft(self, world, stated, field):
        with pytest.raises(tk.ValidationError) as refused:
            save(world.applicant, **stated)
        assert list(refused.value.error_dict) == [field]
        assert model.Session.query(ApplicationDraft).count() == 0

    def test_no_draft_holds_an_id_number_or_gives_away_its_form(self, world, draft):
        save(world.applicant, id=draft["id"], version=draft["version"], id_number="11010519491231002X")
        row = model.Session.get_one(ApplicationDraft, draft["id"])
        assert "11010519491231002X" not in str(row.data)
        assert row.data["form"] not in str(call("nmgdata_application_draft_show", world.applicant, id=row.id))


class TestFiles:
    def test_they_stay_as_long_as_the_draft(self, world, draft):
        with later(days=60):
            drafts.purge()
            evidence.forget_drafts()
            kept = call("nmgdata_application_draft_show", world.applicant, id=draft["id"])
        assert [one["name"] for one in kept["evidence"]] == ["承诺书.pdf"]
        location = model.Session.scalar(sa.select(Evidence.location))
        with later(days=91):
            drafts.purge()
        assert model.Session.query(Evidence).count() == 0
        assert not seal.storage().exists(seal.files.FileData(location))

    def test_they_go_when_it_is_deleted(self, world, draft):
        location = model.Session.scalar(sa.select(Evidence.location))
        call("nmgdata_application_draft_delete", world.applicant, id=draft["id"])
        assert model.Session.query(Evidence).count() == 0
        assert not seal.storage().exists(seal.files.FileData(location))

    def test_they_are_among_one_s_own_data(self, world, draft):
        (exported,) = call("nmgdata_personal_export", world.applicant)["drafts"]
        assert [one["name"] for one in exported["evidence"]] == ["承诺书.pdf"]
        assert (exported["scenario"], "form" in exported) == (STATEMENT["scenario"], False)

    def test_one_is_taken_off(self, world, draft):
        gone = [one["id"] for one in draft["evidence"]]
        assert save(world.applicant, id=draft["id"], version=draft["version"], drop=gone)["evidence"] == []

    def test_each_account_has_so_much_room(self, world, draft, monkeypatch):
        """What is beyond it goes after a day; the other account's files stay."""
        monkeypatch.setattr(drafts, "BYTES", len(PDF))
        with later(minutes=1):
            second = save(world.applicant, scenario="第二份", evidence=file(name="二.pdf"))
            other = save(world.citizen, scenario="别人的", evidence=file(name="三.pdf"))
        with later(days=2):
            evidence.forget_drafts()
        assert {row.name for row in model.Session.scalars(sa.select(Evidence))} == {"承诺书.pdf", "三.pdf"}
        assert call("nmgdata_application_draft_show", world.applicant, id=second["id"])["evidence"] == []
        assert len(call("nmgdata_application_draft_show", world.citizen, id=other["id"])["evidence"]) == 1

    def test_all_accounts_together_too(self, world, draft, monkeypatch):
        monkeypatch.setattr(drafts, "BYTES_TOGETHER", len(PDF))
        with later(minutes=1):
            save(world.citizen, scenario="别人的", evidence=file(name="三.pdf"))
        with later(days=2):
            evidence.forget_drafts()
        assert [row.name for row in model.Session.scalars(sa.select(Evidence))] == ["承诺书.pdf"]

    def test_kept_files_take_nobody_the_room_of_those_that_wait(self, world, draft, monkeypatch):
        monkeypatch.setattr(evidence, "WAITING", 1)
        save(world.citizen, scenario="别人的", evidence=file(name="三.pdf"))
        assert model.Session.query(Evidence).count() == 2

    def test_a_form_that_another_draft_continues_keeps_its_files(self, world, draft):
        row = model.Session.get_one(ApplicationDraft, draft["id"])
        again = save(world.applicant, scenario="另一窗口")
        model.Session.get_one(ApplicationDraft, again["id"]).data = dict(row.data)
        model.Session.commit()
        call("nmgdata_application_draft_delete", world.applicant, id=draft["id"])
        assert model.Session.query(Evidence).count() == 1
        call("nmgdata_application_draft_delete", world.applicant, id=again["id"])
        assert model.Session.query(Evidence).count() == 0
