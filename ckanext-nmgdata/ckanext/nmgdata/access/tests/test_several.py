"""One application for several data of several departments (R-COND-01, R-COND-03), its drafts and copies."""

from __future__ import annotations

import io
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib import files
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.access import commitment, drafts
from ckanext.nmgdata.access.model import Application, ApplicationDraft, ApplicationItem
from ckanext.nmgdata.conftest import MONDAY
from ckanext.nmgdata.factories import PDF, STATEMENT, call
from ckanext.nmgdata.kernel import clock, outbox
from ckanext.nmgdata.kernel.evidence import files as evidence
from ckanext.nmgdata.kernel.evidence.model import Evidence
from ckanext.nmgdata.kernel.workflow.model import Case
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ID = "11010519491231002X"
ITEMS = [{"name": "station", "label": "站点"}, {"name": "passed_at", "label": "时间"}]


@pytest.fixture
def water(world):
    """A conditional entry of another department, with two data items and two files."""
    made = factories.dataset(world.other, open_class="conditional", title="取水口", data_items=ITEMS)
    factories.upload(made)
    factories.upload(made, name="two.csv")
    return call("package_show", world.applicant, id=made["id"])


def apply(world, *items, user=None, **change):
    """Apply for a list of data."""
    return call(
        "nmgdata_application_submit", user or world.applicant, items=list(items), **{**STATEMENT, **change}
    )


class TestSeveral:
    def test_one_case_for_each_department(self, world, water):
        assert world.reviewer
        filed = apply(world, {"dataset_id": world.conditional["id"]}, {"dataset_id": water["id"]})
        cases = [model.Session.get(Case, case["id"]) for case in filed["cases"]]
        assert [case.org_id for case in cases] == [world.department["id"], world.other["id"]]
        assert len({case["code"] for case in filed["cases"]}) == 2
        shown = call("nmgdata_case_show", world.applicant, id=cases[0].id)["filed"]
        assert shown["together_with"] == [cases[1].number]

    def test_a_department_sees_its_own_part_only(self, world, water):
        filed = apply(world, {"dataset_id": world.conditional["id"]}, {"dataset_id": water["id"]})
        first, second = filed["cases"]
        shown = call("nmgdata_case_show", world.reviewer, id=first["id"])["filed"]
        assert [item["dataset_id"] for item in shown["items"]] == [world.conditional["id"]]
        assert shown["together_with"] == []
        with pytest.raises(tk.ObjectNotFound):
            call("nmgdata_case_show", world.reviewer, id=second["id"])

    def test_one_department_gets_one_case_for_all_its_data(self, world, water):
        files = [{"dataset_id": water["id"], "resource_id": file["id"]} for file in water["resources"]]
        filed = apply(world, *files)
        assert len(filed["cases"]) == 1
        assert filed["cases"][0]["id"] == filed["id"]

    @pytest.mark.parametrize("position", [0, 1])
    def test_all_or_nothing(self, world, water, position):
        items = [{"dataset_id": water["id"]}]
        items.insert(position, {"dataset_id": world.open_data["id"]})
        with pytest.raises(tk.ValidationError):
            apply(world, *items)
        assert model.Session.query(Case).count() == 0

    def test_the_same_twice(self, world, water):
        whole, file = {"dataset_id": water["id"]}, {"resource_id": water["resources"][0]["id"]}
        for items in ([whole, whole], [whole, {**whole, **file}], [{**whole, **file}] * 2):
            with pytest.raises(tk.ValidationError):
                apply(world, *items)

    @pytest.mark.parametrize("first", ["whole", "file"])
    def test_a_file_and_its_dataset_meet(self, world, water, first):
        whole = {"dataset_id": water["id"]}
        file = {**whole, "resource_id": water["resources"][0]["id"]}
        apply(world, whole if first == "whole" else file)
        with pytest.raises(tk.ValidationError) as refused:
            apply(world, file if first == "whole" else whole)
        assert "SQ-" in str(refused.value.error_dict["dataset_id"])
        if first == "file":
            assert apply(world, {**whole, "resource_id": water["resources"][1]["id"]})

    def test_two_at_once_that_meet_make_one(self, world, water):
        whole = {"dataset_id": water["id"]}
        file = {**whole, "resource_id": water["resources"][0]["id"]}
        applicant, ready, outcomes = world.applicant, threading.Barrier(2), []

        def run(item):
            with clock.fixed(datetime(2026, 11, 23, 2, 0, tzinfo=UTC)):
                context = {"user": applicant.name, "auth_user_obj": applicant.record}
                ready.wait(10)
                try:
                    tk.get_action("nmgdata_application_submit")(context, {"items": [item], **STATEMENT})
                    outcomes.append("filed")
                except tk.ValidationError:
                    outcomes.append("refused")
                finally:
                    model.Session.remove()

        threads = [threading.Thread(target=run, args=(item,)) for item in (whole, file)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(outcomes) == ["filed", "refused"]

    def test_down_to_data_items(self, world, water):
        filed = apply(world, {"dataset_id": water["id"], "fields": ["station"]})
        assert model.Session.scalar(sa.select(ApplicationItem.fields)) == ["station"]
        shown = call("nmgdata_case_show", world.stranger, id=filed["id"])["filed"]["items"]
        assert shown[0]["fields"] == ["station"]

    def test_all_data_items_are_no_limit(self, world, water):
        apply(world, {"dataset_id": water["id"], "fields": ["station", "passed_at"]})
        assert model.Session.scalar(sa.select(ApplicationItem.fields)) is None

    @pytest.mark.parametrize(
        "items",
        [
            None, [], {}, "x", [1], [{}], [{"dataset_id": 5}], [{"dataset_id": ["a"]}], [[]], [None],
            [{"dataset_id": "x" * 5000}],
        ],
    )  # fmt: skip
    def test_what_is_no_list_of_data(self, world, items):
        with pytest.raises((tk.ValidationError, tk.ObjectNotFound)):
            call("nmgdata_application_submit", world.applicant, items=items, **STATEMENT)

    @pytest.mark.parametrize("fields", [["nope"], "nope", [1], {"a": 1}, 5, [["station"]]])
    def test_data_items_that_are_none(self, world, water, fields):
        with pytest.raises(tk.ValidationError) as refused:
            apply(world, {"dataset_id": water["id"], "fields": fields})
        assert list(refused.value.error_dict) == ["fields"]

    def test_every_error_at_once(self, world):
        with pytest.raises(tk.ValidationError) as refused:
            apply(world, {"dataset_id": world.open_data["id"]}, scenario="")
        assert {"dataset_id", "scenario"} <= set(refused.value.error_dict)


def page(app, world, dataset, headers, **data):
    """Send the form of a dataset."""
    return app.post(f"/nmg/apply/{dataset['name']}", data={**STATEMENT, **data}, headers=headers)


def draft(world):
    """Return the applicant's only draft."""
    model.Session.expire_all()
    (row,) = drafts.of(world.applicant.id)
    return row.data


def listed(app, me):
    """Return the addresses of the drafts in a person's list."""
    page = app.get("/nmg/my", headers=me).body
    return list(dict.fromkeys(re.findall(r'href="(/nmg/drafts/[0-9a-f-]{36})"', page)))


def version_in(form):
    """Return which version of a draft a form shows."""
    return re.search(r'name="version" value="([^"]+)"', form)[1]


class TestDrafts:
    def test_kept_shown_again_and_gone_when_filed(self, world, app, as_user, water):
        me = as_user(world.applicant)
        kept = page(app, world, water, me, act="save", item=water["id"], scenario="半句", safeguards="")
        assert kept.status_code == 200
        assert model.Session.query(Case).count() == 0
        (address,) = listed(app, me)
        assert "取水口" in app.get("/nmg/my", headers=me).body
        again = app.get(address, headers=me).body
        assert "半句" in again
        app.post(address, data={**STATEMENT, "act": "submit", "item": water["id"]}, headers=me)
        assert model.Session.query(Case).count() == 1
        assert listed(app, me) == []

    def test_further_data_join_those_that_were_kept(self, world, app, as_user, water):
        me = as_user(world.applicant)
        page(app, world, world.conditional, me, act="more", item=world.conditional["id"])
        fresh = app.get(f"/nmg/apply/{water['name']}", headers=me).body
        assert re.findall(r'name="item" value="([^"]+)"', fresh) == [water["id"]]
        (add,) = re.findall(r'href="(/nmg/drafts/[^"]+add=[^"]+)"', fresh)
        form = app.get(add, headers=me).body
        ticked = re.findall(r'name="item" value="([^"]+)" checked', form)
        assert set(ticked) == {water["id"], world.conditional["id"]}
        filed = page(app, world, water, me, act="submit", item=ticked).body
        assert "涉及 2 个部门" in filed
        assert len(set(re.findall(r"SQ-\d{8}-\d{5}-\d", filed))) == 2

    def test_nothing_typed_is_lost_when_the_login_has_run_out(self, world, app, as_user, water):
        answer = app.post(
            f"/nmg/apply/{water['name']}", data={**STATEMENT, "act": "submit", "item": water["id"]},
            follow_redirects=False,
        )  # fmt: skip
        assert answer.status_code == 302
        address = "/nmg/drafts/" + re.search(r"drafts(?:%2F|/)([0-9a-f-]{36})", answer.headers["location"])[1]
        assert STATEMENT["scenario"] in app.get(address, headers=as_user(world.applicant)).body
        app.get(address, headers=as_user(world.citizen), status=404)

    def test_what_waits_for_a_login_is_for_whose_form_it_was(self, world, app, as_user, water):
        """Who learns the address, or logs in next at the same computer, does not read it."""
        me, apply = as_user(world.applicant), f"/nmg/apply/{water['name']}"
        (account,) = re.findall(r'name="account" value="(\w+)"', app.get(apply, headers=me).body)
        sent = {**STATEMENT, "account": account, "item": water["id"]}
        answer = app.post(apply, data=sent, follow_redirects=False)
        address = "/nmg/drafts/" + re.search(r"drafts(?:%2F|/)([0-9a-f-]{36})", answer.headers["location"])[1]
        app.get(address, headers=as_user(world.citizen), status=404)
        assert STATEMENT["scenario"] in app.get(address, headers=me).body

    def test_several_side_by_side(self, world, app, as_user, water):
        """Two applications that are prepared at once, in two windows, neither lose nor mix anything."""
        me = as_user(world.applicant)
        page(app, world, water, me, act="save", item=water["id"], scenario="第一份")
        page(app, world, world.conditional, me, act="save", item=world.conditional["id"], scenario="第二份")
        addresses = listed(app, me)
        forms = {address: app.get(address, headers=me).body for address in addresses}
        assert len(forms) == 2
        (of_water,) = [address for address, form in forms.items() if "第一份" in form]
        assert "第二份" not in forms[of_water]
        sent = {**STATEMENT, "item": water["id"], "act": "submit"}
        app.post(of_water, data={**sent, "scenario": "短"}, headers=me)
        assert len(listed(app, me)) == 2
        app.post(of_water, data=sent, headers=me)
        (left,) = listed(app, me)
        assert "第二份" in app.get(left, headers=me).body
        assert model.Session.query(Case).count() == 1

    def test_one_draft_in_two_windows(self, world, app, as_user, water):
        me = as_user(world.applicant)
        page(app, world, water, me, act="save", item=water["id"], scenario="起草")
        (address,) = listed(app, me)
        seen = {"version": version_in(app.get(address, headers=me).body)}
        sent = {**STATEMENT, **seen, "item": water["id"], "act": "save"}
        with clock.fixed(MONDAY + timedelta(minutes=1)):
            app.post(address, data={**sent, "scenario": "先存的窗口"}, headers=me)
            assert listed(app, me) == [address]
            said = app.post(address, data={**sent, "scenario": "后存的窗口"}, headers=me).body
        assert "另一窗口" in said
        forms = [app.get(one, headers=me).body for one in listed(app, me)]
        assert len(forms) == 2
        assert {text for text in ("先存的窗口", "后存的窗口") for form in forms if text in form} == {
            "先存的窗口", "后存的窗口",
        }  # fmt: skip

    @pytest.mark.parametrize("second", ["save", "submit"])
    @pytest.mark.parametrize("version_of", ["no draft", "an earlier draft"])
    def test_a_file_belongs_to_one_draft(self, world, app, as_user, water, version_of, second):
        """Two windows of one form: neither takes a file from what the other has kept, nor adds one to it."""
        me, attach = as_user(world.applicant), {"form": "s" * 32, "act": "save", "item": water["id"]}
        page(app, world, water, me, **attach, evidence=(io.BytesIO(PDF), "承诺书.pdf"))
        (address,) = listed(app, me)
        (first,) = drafts.of(world.applicant.id)
        first, kept = first.id, [row.id for row in evidence.drafts(first.data["form"])]
        shown = {} if version_of == "no draft" else {"version": version_in(app.get(address, headers=me).body)}
        window = f"/nmg/apply/{water['name']}" if version_of == "no draft" else address
        with clock.fixed(MONDAY + timedelta(minutes=1)):
            if shown:  # the first window keeps once more, so that the second shows it as it was before
                app.post(address, data={**STATEMENT, **shown, **attach}, headers=me)
            sent = {**STATEMENT, **shown, **attach, "act": second, "drop": kept[0]}
            further = (io.BytesIO(PDF), "身份证明.pdf")
            app.post(window, data={**sent, "evidence": further}, headers=me)
        earlier = model.Session.get(ApplicationDraft, first)
        assert [row.id for row in evidence.drafts(earlier.data["form"])] == kept
        app.post(f"{address}/delete", headers=me)
        if second == "save":
            (later,) = drafts.of(world.applicant.id)
            others = evidence.drafts(later.data["form"])
        else:
            others = evidence.of_case(model.Session.query(Case).one().id)
        assert [(row.name, evidence.content(row)) for row in others] == [("身份证明.pdf", PDF)]

    def test_two_drafts_of_one_form_each_keep_its_files(self, world, app, as_user, water):
        """The bytes are stored once, and go with the last that holds them."""
        me, attach = as_user(world.applicant), {"form": "s" * 32, "act": "save", "item": water["id"]}
        page(app, world, water, me, **attach, evidence=(io.BytesIO(PDF), "承诺书.pdf"))
        page(app, world, water, me, **attach)
        addresses = listed(app, me)
        assert len(addresses) == 2
        for number, address in enumerate(addresses):
            (left,) = {row.location for row in model.Session.query(Evidence)}
            assert model.Session.query(Evidence).count() == 2 - number
            assert "承诺书.pdf" in app.get(address, headers=me).body
            app.post(f"{address}/delete", headers=me)
        assert model.Session.query(Evidence).count() == 0
        with pytest.raises((FileNotFoundError, files.exc.MissingFileError)):
            evidence.content(Evidence(location=left))

    def test_a_form_of_somebody_else_s_draft_brings_no_files(self, world, app, as_user, water):
        """Back in the browser after another login: what the first person has attached stays theirs."""
        attach = {"form": "s" * 32, "act": "save", "item": water["id"]}
        mine = as_user(world.applicant)
        page(app, world, water, mine, **attach, evidence=(io.BytesIO(PDF), "承诺书.pdf"))
        other = as_user(world.citizen)
        page(app, world, water, other, **attach, drop=[row.id for row in model.Session.query(Evidence)])
        (theirs,) = listed(app, other)
        assert "承诺书.pdf" not in app.get(theirs, headers=other).body
        assert "承诺书.pdf" in app.get(listed(app, mine)[0], headers=mine).body

    def test_a_draft_goes_on_after_its_login_ran_out(self, world, app, as_user, water):
        me = as_user(world.applicant)
        page(app, world, water, me, act="save", item=water["id"], scenario="起草")
        (address,) = listed(app, me)
        seen = {
            "version": version_in(app.get(address, headers=me).body),
            "act": "submit",
            "item": water["id"],
        }
        answer = app.post(
            address, data={**STATEMENT, **seen, "scenario": "登录失效时写的"}, follow_redirects=False
        )
        waiting = "/nmg/drafts/" + re.search(r"drafts(?:%2F|/)([0-9a-f-]{36})", answer.headers["location"])[1]
        with clock.fixed(MONDAY + timedelta(minutes=1)):
            back = app.get(waiting, headers=me, follow_redirects=False)
        assert back.headers["location"].endswith(address)
        assert "登录失效时写的" in app.get(address, headers=me).body
        assert listed(app, me) == [address]

    def test_so_many_and_no_more(self, world, app, as_user, water, monkeypatch):
        monkeypatch.setattr(drafts, "MOST", 2)
        monkeypatch.setattr(drafts, "MOST_UNCLAIMED", 1)
        me = as_user(world.applicant)
        for _number in range(2):
            page(app, world, water, me, act="save", item=water["id"])
        full = page(app, world, water, me, act="save", item=water["id"], scenario="放不下的内容").body
        assert "放不下的内容" in full and "草稿已有 2 份" in full
        assert len(listed(app, me)) == 2
        # Without a login: what waits for it is limited too, is shown where there is no room, and lost nowhere.
        for number in range(2):
            answer = app.post(
                f"/nmg/apply/{water['name']}", data={**STATEMENT, "item": water["id"], "scenario": f"未登录{number}"},
                follow_redirects=False,
            )  # fmt: skip
            if number == 0:
                waiting = re.search(r"drafts(?:%2F|/)([0-9a-f-]{36})", answer.headers["location"])[1]
        assert "未登录1" in answer.body
        assert "未登录0" in app.get(f"/nmg/drafts/{waiting}", headers=me).body
        assert len(listed(app, me)) == 2
        app.post(listed(app, me)[0] + "/delete", headers=me)
        assert len(listed(app, me)) == 1

    def test_drafts_of_others_are_not_there(self, world, app, as_user, water):
        page(app, world, water, as_user(world.applicant), act="save", item=water["id"], scenario="只归本人")
        (address,) = listed(app, as_user(world.applicant))
        other = as_user(world.citizen)
        for stranger in (other, as_user(world.reviewer), as_user(world.sysadmin)):
            app.get(address, headers=stranger, status=404)
            app.post(f"{address}/delete", headers=stranger, status=404)
        app.post(
            address, data={**STATEMENT, "item": water["id"], "act": "save", "scenario": "冒写"}, headers=other
        )
        assert draft(world)["scenario"] == "只归本人"
        app.post(address, data={**STATEMENT, "item": water["id"], "act": "submit"}, headers=other)
        assert len(listed(app, as_user(world.applicant))) == 1
        assert app.get("/nmg/drafts/%00x", headers=other, expect_errors=True).status_code in (400, 404)

    def test_what_is_gone_is_left_out_and_the_text_stays(self, world, app, as_user, water):
        me = as_user(world.applicant)
        page(
            app, world, water, me, act="save", item=[water["id"], "nowhere:at-all"], scenario="写了很久的内容"
        )
        model.Session.get(model.Package, water["id"]).state = "deleted"
        model.Session.commit()
        (address,) = listed(app, me)
        form = app.get(address, headers=me).body
        assert "写了很久的内容" in form and "不能再申请" in form
        again = app.post(
            address, data={**STATEMENT, "item": water["id"], "scenario": "又写的内容"}, headers=me
        ).body
        assert "又写的内容" in again
        assert model.Session.query(Case).count() == 0

    def test_what_is_not_ticked_can_be_ticked_again(self, world, app, as_user, water):
        both = [water["id"], world.conditional["id"]]
        sent = {"line": both, "item": water["id"], "scenario": ""}
        form = page(app, world, water, as_user(world.applicant), act="submit", **sent).body
        assert re.findall(r'name="item" value="([^"]+)"( checked)?', form) == [
            (both[0], " checked"),
            (both[1], ""),
        ]

    @pytest.mark.parametrize("room", [drafts.BYTES, 0])
    def test_a_draft_of_a_form_with_files_says_when_they_cannot_stay(
        self, world, app, as_user, water, monkeypatch, room
    ):
        monkeypatch.setattr(drafts, "BYTES", room)
        answer = app.post(
            f"/nmg/apply/{water['name']}", headers=as_user(world.applicant), content_type="multipart/form-data",
            data={**STATEMENT, "act": "save", "item": water["id"], "evidence": (io.BytesIO(PDF), "a.pdf")},
        )  # fmt: skip
        assert ("最后添加的附件只保留一天" in answer.body) is (room == 0)

    def test_files_wait_with_the_form(self, world, app, as_user, water):
        me = as_user(world.applicant)
        sent = {
            "act": "submit",
            "item": water["id"],
            "scenario": "",
            "evidence": (io.BytesIO(PDF), "承诺书.pdf"),
        }
        answer = app.post(
            f"/nmg/apply/{water['name']}", data={**STATEMENT, **sent}, headers=me,
            content_type="multipart/form-data",
        )  # fmt: skip
        assert "承诺书.pdf" in answer.body
        secret = re.search(r'name="form" value="([^"]+)"', answer.body)[1]
        page(app, world, water, me, act="submit", item=water["id"], form=secret)
        case = model.Session.scalar(sa.select(Case))
        shown = call("nmgdata_case_show", world.stranger, id=case.id)["filed"]
        assert [file["name"] for file in shown["evidence"]] == ["承诺书.pdf"]
        address = f"/nmg/cases/{case.number}/evidence/{shown['evidence'][0]['id']}"
        assert app.get(address, headers=as_user(world.stranger)).status_code == 200
        assert app.get(address, headers=me).status_code == 200
        assert app.get(address, headers=as_user(world.citizen), status=404)
        assert app.get(address, headers=as_user(world.reviewer), status=404)

    def test_each_department_gets_the_files(self, world, app, as_user, water):
        sent = {
            "act": "submit",
            "item": [water["id"], world.conditional["id"]],
            "evidence": (io.BytesIO(PDF), "a.pdf"),
        }
        app.post(
            f"/nmg/apply/{water['name']}", data={**STATEMENT, **sent}, headers=as_user(world.applicant),
            content_type="multipart/form-data",
        )  # fmt: skip
        for case in model.Session.scalars(sa.select(Case)).all():
            assert call("nmgdata_case_show", world.applicant, id=case.id)["filed"]["evidence"]

    def test_one_scan_answers_for_every_department(
        self, world, app, as_user, water, monkeypatch, ckan_config
    ):
        monkeypatch.setitem(ckan_config, "ckanext.nmgdata.evidence.clamd", "127.0.0.1:9")
        asked = []
        monkeypatch.setattr(evidence, "is_clean", lambda data: asked.append(data) or False)
        sent = {
            "act": "submit", "item": [water["id"], world.conditional["id"]],
            "evidence": (io.BytesIO(PDF), "a.pdf"),
        }  # fmt: skip
        app.post(
            f"/nmg/apply/{water['name']}", data={**STATEMENT, **sent}, headers=as_user(world.applicant),
            content_type="multipart/form-data",
        )  # fmt: skip
        outbox.deliver([evidence.SCAN])
        model.Session.expire_all()
        assert list(model.Session.scalars(sa.select(Evidence.scan))) == ["infected"] * 2
        assert len(asked) == 1

    def test_a_copy_of_an_earlier_application(self, world, app, as_user, water):
        me = as_user(world.applicant)
        filed = apply(
            world, {"dataset_id": water["id"], "fields": ["station"]}, scenario="上一次申请写明的应用场景"
        )
        own = app.get(f"/nmg/cases/{filed['number']}", headers=me).body
        assert f"/nmg/apply?copy={filed['number']}" in own
        form = app.get(f"/nmg/apply?copy={filed['number']}", headers=me).body
        assert "上一次申请写明的应用场景" in form
        assert re.search(r'value="station" checked', form)
        assert app.get(f"/nmg/apply?copy={filed['number']}", headers=as_user(world.citizen), status=404)

    def test_drafts_do_not_stay_for_ever(self, world):
        from ckanext.nmgdata.kernel.actors import Actor

        drafts.keep(Actor.person(world.applicant), {"scenario": "x"})
        drafts.wait({"scenario": "y"})
        with clock.fixed(MONDAY + timedelta(days=2)):
            drafts.purge()
        assert model.Session.query(ApplicationDraft).count() == 1
        with clock.fixed(MONDAY + timedelta(days=91)):
            drafts.purge()
        assert model.Session.query(ApplicationDraft).count() == 0


class TestCommitment:
    def test_a_pdf_of_what_was_typed(self, world, app, as_user, water):
        from pypdf import PdfReader

        me = as_user(world.applicant)
        sent = {"act": "commitment", "item": water["id"], "scenario": "研究<b>用水</b>", "safeguards": ""}
        answer = page(app, world, water, me, **sent)
        assert answer.headers["content-type"] == "application/pdf"
        text = "".join(part.extract_text() for part in PdfReader(io.BytesIO(answer.data)).pages)
        text = "".join(text.split())
        for said in ("公共数据安全承诺书", "王小明", "取水口", "研究<b>用水</b>", "第五十条"):
            assert said in text
        assert model.Session.query(Case).count() == 0
        assert model.Session.query(ApplicationDraft).count() == 0

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
    @given(st.dictionaries(st.sampled_from(sorted(STATEMENT)), st.text(max_size=200)))
    def test_whatever_is_typed(self, pages, stated):
        assert commitment.pdf(stated, []).startswith(b"%PDF")


class TestQuestions:
    @pytest.fixture
    def asking(self, world):
        """A conditional entry with two questions, whose condition needs to know who applies."""
        return factories.dataset(
            world.department, open_class="conditional", needs_id_number=True,
            application_questions="是否发表成果？\n\n 发表在何处？ ",
        )  # fmt: skip

    def test_nobody_has_to_answer(self, world, asking):
        filed = apply(world, {"dataset_id": asking["id"], "answers": ["", "期刊"]}, id_number=ID)
        shown = call("nmgdata_case_show", world.reviewer, id=filed["id"])["filed"]
        assert shown["answers"] == [{"question": "发表在何处？", "answer": "期刊"}]

    @pytest.mark.parametrize("answers", ["x", {"a": 1}, [1], [["x"]], ["长" * 5001]])
    def test_answers_that_are_none(self, world, asking, answers):
        with pytest.raises(tk.ValidationError) as refused:
            apply(world, {"dataset_id": asking["id"], "answers": answers}, id_number=ID)
        assert list(refused.value.error_dict) == ["answers"]

    def test_r_open_09_at_most_three_short_ones(self, world):
        for text in ("a\nb\nc\nd", "长" * 101):
            with pytest.raises(tk.ValidationError) as refused:
                factories.dataset(world.department, open_class="conditional", application_questions=text)
            assert list(refused.value.error_dict) == ["application_questions"]

    @pytest.mark.parametrize("number", ["", None, ["x"], ID[:-1] + "1", "1" * 18, "１" * 18])
    def test_dc_18_an_id_number_where_the_condition_needs_it(self, world, asking, number):
        with pytest.raises(tk.ValidationError) as refused:
            apply(world, {"dataset_id": asking["id"]}, id_number=number)
        assert list(refused.value.error_dict) == ["id_number"]

    def test_dc_18_and_nowhere_else(self, world, asking, water):
        filed = apply(world, {"dataset_id": asking["id"]}, {"dataset_id": water["id"]}, id_number=ID)
        kept = [model.Session.get(Application, case["id"]).id_number for case in filed["cases"]]
        assert kept == [ID, None]

    def test_an_organisation_states_none(self, world, asking):
        firm = {"applicant_kind": "legal_person", "credit_code": "11152500011659134E", "id_number": ID}
        filed = apply(world, {"dataset_id": asking["id"]}, **firm)
        assert model.Session.get(Application, filed["id"]).id_number is None

    def test_masked_for_who_decides(self, world, asking):
        filed = apply(world, {"dataset_id": asking["id"]}, id_number=ID)
        assert ID not in str(call("nmgdata_case_show", world.reviewer, id=filed["id"]))
        assert call("nmgdata_case_show", world.applicant, id=filed["id"])["filed"]["id_number"] == ID

    def test_by_the_form(self, world, app, as_user, asking):
        me = as_user(world.applicant)
        form = app.get(f"/nmg/apply/{asking['name']}", headers=me).body
        assert "是否发表成果？" in form
        assert 'name="id_number"' in form
        sent = {"item": asking["id"], f"answers-{asking['id']}": ["是", ""], "id_number": ID}
        page(app, world, asking, me, act="save", **sent)
        assert ID not in str(draft(world))
        page(app, world, asking, me, act="submit", **sent)
        row = model.Session.scalar(sa.select(Application))
        assert (row.id_number, [a["answer"] for a in row.answers]) == (ID, ["是"])
