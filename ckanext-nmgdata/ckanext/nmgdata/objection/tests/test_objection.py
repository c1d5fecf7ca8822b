"""Objections, suspension and takedown: 内政发〔2024〕19号 Art. 28 ¶3, law.md R-OBJ."""

from __future__ import annotations

import base64
import io
import json
import re
import threading
import zlib
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.conftest import MONDAY
from ckanext.nmgdata.factories import OBJECTION, OUTCOME, PDF, WITHDRAWAL, call, file
from ckanext.nmgdata.kernel import addresses, clock, outbox
from ckanext.nmgdata.kernel.audit import verify
from ckanext.nmgdata.kernel.audit.model import AuditEvent
from ckanext.nmgdata.kernel.evidence import files as evidence
from ckanext.nmgdata.kernel.evidence.model import Evidence
from ckanext.nmgdata.kernel.gate import seal
from ckanext.nmgdata.kernel.gate.model import Grant, Sealed
from ckanext.nmgdata.kernel.outbox.model import Outbox
from ckanext.nmgdata.kernel.workflow import sweep
from ckanext.nmgdata.kernel.workflow.model import Case
from ckanext.nmgdata.objection import challenge, limits
from ckanext.nmgdata.objection.model import Objection, ObjectionAttempt
from PIL import Image

BROKEN_EXIF = (
    (
        "eNrrDPBz5+WS4mJgYOD19HAJAtJMIMwBIv9emVUMpDJSIzzTfH0ZtIBsDgZmRj6IkgogwSjEwAyiGNgYGDpUGVjAbAYGIyBmOMEEZINV+jGAjWUF"
        "kiDVAQwQwAjFTFAabNJd8TQhIM3t6eIYUjEnOcEBaDIfA+PKicUbQXo8Xf1c1jklNAEAKNsVjg=="
    ),
    (
        "eNrrDPBz5+WS4mJgYOD19HAJAtJMIMwBIv9emVUMpDJSIzzTfH0ZtIBsDgZmRkGIkgogwSjEwAyiGNgYGDpUGVjAbAYGIwYGsEGMEJV+EB4rkPwP"
        "xAEMEMAIxUxQGmxS6KvSXCDN7eniGFIxJznBAWgyHwPjyonFGwFLrhOI"
    ),
)
"""Pictures on which reading the orientation fails: found by changing bytes at random."""


def fire(user, case, transition, **data):
    """Take a step as a person."""
    return call("nmgdata_case_transition", user, id=case["id"], transition=transition, **data)


def status(case):
    """Return where a case stands."""
    model.Session.expire_all()
    return model.Session.get(Case, case["id"]).status


def reason(dataset, user=None, at=0):
    """Return what the gate says about a file of a dataset."""
    return call("nmgdata_access_explain", user, id=dataset["resources"][at]["id"])["reason"]


def fetch(app, dataset, headers=None):
    """Ask the download address for the first file of a dataset."""
    address = f"/dataset/{dataset['id']}/resource/{dataset['resources'][0]['id']}/download"
    return app.get(address, headers={"Accept": "application/json", **(headers or {})})


def mails():
    """Return the mails that wait, after the notices have been turned into mails."""
    outbox.deliver(["notice", "verify_contact"])
    query = sa.select(Outbox.payload).where(Outbox.topic == "mail").order_by(Outbox.id)
    return list(model.Session.scalars(query))


@pytest.fixture
def case(world):
    """Return an objection against open data."""
    return world.objected(world.open_data)


class TestFiling:
    def test_r_obj_02_the_data_are_closed_when_the_answer_comes(self, world, app):
        assert fetch(app, world.open_data).status_code == 200
        receipt = world.objected(world.open_data)
        answer = fetch(app, world.open_data)
        assert answer.status_code == 451
        said = json.loads(answer.body)["error"]
        assert said["case"] == receipt["number"]
        assert said["why"] == "因权益异议中止开放"
        assert said["register_url"].endswith("/nmg/suspensions")
        assert receipt["number"].startswith("YY-20261123-00001-")

    def test_it_closes_to_grant_holders_too(self, world):
        world.granted()
        assert reason(world.conditional, world.applicant) == "granted"
        world.objected(world.conditional)
        assert reason(world.conditional, world.applicant) == "suspended"

    @pytest.mark.parametrize("field", [f for f in OBJECTION if f not in ("credit_code",)])
    def test_r_obj_01_every_element_is_needed_and_nothing_is_closed_without(self, world, field):
        with pytest.raises(tk.ValidationError) as refused:
            world.objected(world.open_data, **{field: "  "})
        assert field in refused.value.error_dict
        assert reason(world.open_data) == "unconditional"

    def test_r_obj_01_evidence_is_needed(self, world):
        with pytest.raises(tk.ValidationError) as refused:
            world.objected(world.open_data, evidence=None)
        assert list(refused.value.error_dict) == ["evidence"]
        assert reason(world.open_data) == "unconditional"

    def test_r_obj_03_in_hohhot_the_objection_is_enough(self, world, monkeypatch):
        data = world.open_data
        monkeypatch.setitem(tk.config, "ckanext.nmgdata.region", "150100")
        world.objected(data, evidence=None)
        assert reason(world.open_data) == "suspended"

    def test_dc_43_only_the_named_file(self, world, app):
        data = world.open_data
        factories.upload(data, name="other.csv")
        data = call("package_show", None, id=data["id"])
        case = world.objected(data, resources=[data["resources"][1]["id"]])
        page = f"/dataset/{data['name']}"
        closed, open_ = (f"{page}/resource/{data['resources'][place]['id']}" for place in (1, 0))
        for address, says in ((page, True), (closed, True), (open_, False)):
            assert (case["number"] in app.get(address).body) is says, address
        assert [reason(data, at=at) for at in (0, 1)] == ["unconditional", "suspended"]

    def test_a_file_of_another_dataset(self, world):
        with pytest.raises(tk.ValidationError) as refused:
            world.objected(world.open_data, resources=[world.conditional["resources"][0]["id"]])
        assert list(refused.value.error_dict) == ["resources"]

    def test_what_was_never_open_cannot_be_objected_to(self, world):
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            world.objected(world.non_open)

    def test_nor_suspended_by_its_own_department(self, world):
        danger = {"danger_kind": "public_interest", "reason": "数据可能危害公共利益。"}
        with pytest.raises(tk.ValidationError) as refused:
            call("nmgdata_suspension_create", world.editor, dataset_id=world.non_open["id"], **danger)
        assert list(refused.value.error_dict) == ["dataset_id"]

    def test_d_obj_verify_ten_working_days_and_a_default_is_called_one(self, world, case):
        shown = call("nmgdata_case_show", world.reviewer, id=case["id"])
        assert shown["due"]["on"] == date(2026, 12, 7).isoformat()
        assert not shown["deadlines"][0]["in_law"]

    def test_department_and_authority_are_told(self, world, pages):
        assert world.reviewer
        assert world.official
        world.objected(world.open_data)
        assert {mail["to"] for mail in mails()} == {
            "reviewer@example.org", "official@example.org", OBJECTION["contact_email"],
        }  # fmt: skip

    def test_r_obj_07_nobody_else_learns_who_objects(self, world, app):
        assert world.reviewer
        receipt = world.objected(world.open_data)
        for address in ("/nmg/suspensions", "/nmg/suspensions.json", f"/dataset/{world.open_data['name']}"):
            body = app.get(address).body
            assert receipt["number"] in body
            for private in (OBJECTION["objector_name"], OBJECTION["statement"], OBJECTION["contact_email"]):
                assert private not in body
        for mail in mails():
            assert OBJECTION["objector_name"] not in mail["body"]
        for person in (world.stranger, world.editor, world.applicant):
            with pytest.raises(tk.ObjectNotFound):
                call("nmgdata_case_show", person, id=receipt["id"])

    def test_hashed_bytes_hold_no_personal_data(self, world, case):
        details = model.Session.scalars(sa.select(AuditEvent.detail)).all()
        for private in ("李秀英", "13900000000", "lixiuying"):
            assert private not in json.dumps(details, ensure_ascii=False)

    def test_by_number_and_code_without_an_account(self, world, app, case):
        page = app.post("/nmg/cases", data={"number": case["number"], "code": case["code"]})
        assert "中止开放" in page.body
        wrong, unknown = (
            app.post("/nmg/cases", data={"number": number, "code": "AAAAA"}).body.replace(number, "")
            for number in (case["number"], "YY-20261123-99999-9")
        )
        token = re.compile(r'name="_csrf_token" value="[^"]+"')
        assert token.sub("", wrong) == token.sub("", unknown)

    def test_all_or_nothing(self, world, monkeypatch):
        monkeypatch.setattr(evidence, "hand_in", lambda *_arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.objected(world.open_data)
        assert reason(world.open_data) == "unconditional"
        assert model.Session.query(Case).count() == 0


class TestTheFormPage:
    def post(self, app, world, **values):
        """Send the form as a browser does."""
        data = {**OBJECTION, "evidence": (io.BytesIO(PDF), "证据.pdf"), **values}
        address = f"/nmg/object/{world.open_data['name']}"
        return app.post(address, data=data, content_type="multipart/form-data")

    def test_it_closes_and_gives_number_and_code(self, world, app):
        page = self.post(app, world)
        assert "YY-20261123-00001-" in page.body
        assert fetch(app, world.open_data).status_code == 451

    def test_an_error_loses_nothing_not_even_the_files(self, world, app):
        page = self.post(app, world, statement="")
        assert "证据.pdf" in page.body
        assert OBJECTION["wish"] in page.body
        assert fetch(app, world.open_data).status_code == 200
        form = page.body.split('name="form" value="')[1].split('"')[0]
        again = self.post(app, world, form=form, evidence=(io.BytesIO(b""), ""))
        assert "YY-20261123-" in again.body
        assert model.Session.query(Evidence).one().case_id is not None

    def test_a_file_can_be_taken_off_again(self, world, app):
        page = self.post(app, world, statement="")
        form = page.body.split('name="form" value="')[1].split('"')[0]
        file_id = page.body.split('name="drop" value="')[1].split('"')[0]
        again = self.post(app, world, form=form, drop=file_id, evidence=(io.BytesIO(b""), ""))
        assert "至少" in again.body
        assert model.Session.query(Evidence).count() == 0

    def test_of_an_unknown_dataset(self, world, app):
        assert app.get("/nmg/object/no-such").status_code == 404
        assert app.get(f"/nmg/object/{world.non_open['name']}").status_code == 404

    def test_hostile_names_are_shown_as_text(self, world, app):
        assert world.reviewer
        page = self.post(app, world, statement="", wish="<script>alert(1)</script>")
        assert "<script>alert(1)" not in page.body

    def test_the_contact_is_verified_by_mail_and_nothing_waits_for_it(self, world, app, pages):
        self.post(app, world)
        letter = next(mail for mail in mails() if "确认" in mail["subject"])
        path = letter["body"].split("http://test.ckan.net")[1].split()[0]
        assert "确认" in app.get(path).body
        assert model.Session.query(Objection).one().contact_verified_at is None
        app.post(path)
        model.Session.expire_all()
        assert model.Session.query(Objection).one().contact_verified_at is not None
        assert app.get(path[:-3] + "xyz").status_code == 404


class TestEvidence:
    def png(self, size=(40, 30), mode="RGB"):
        """Return an image."""
        out = io.BytesIO()
        Image.new(mode, size, 128).save(out, "PNG")
        return out.getvalue()

    @pytest.mark.parametrize(
        "content",
        [
            b"MZ\x90\x00",
            b"<html>",
            b"%PDF-1.4 no end",
            b"\x89PNG\r\n\x1a\nbroken",
            b"\xff\xd8\xff\xe0bad",
            b"",
        ],
    )
    def test_what_it_claims_to_be_proves_nothing(self, pages, content):
        with pytest.raises(tk.Invalid):
            evidence.check("证据.pdf", content)

    def test_images_are_drawn_anew(self, pages):
        hidden = self.png() + b"<?php evil ?>"
        checked = evidence.check("../../etc/照片.exe", hidden)
        assert b"evil" not in checked.content
        assert checked.name == "照片.png"

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
    def test_every_kind_of_picture(self, pages, mode):
        assert evidence.check("a.png", self.png(mode=mode)).media_type == "image/png"

    @pytest.mark.parametrize("broken", BROKEN_EXIF)
    def test_a_whole_picture_with_broken_notes_of_its_camera(self, pages, broken):
        raw = zlib.decompress(base64.b64decode(broken))
        assert evidence.check("a.png", raw).media_type.startswith("image/")

    def test_a_picture_of_too_many_pixels_is_not_decoded(self, pages, monkeypatch):
        with pytest.raises(tk.Invalid):
            evidence.check("a.png", self.png(), evidence.Budget(100))

    def test_too_large(self, pages, monkeypatch):
        monkeypatch.setitem(tk.config, "ckanext.nmgdata.evidence.max_mb", 0)
        with pytest.raises(tk.Invalid):
            evidence.check("a.pdf", PDF)

    def test_who_may_read_it_and_every_view_is_audited(self, world, app, as_user, case):
        assert world.auditor
        file_id = model.Session.scalar(sa.select(Evidence.id))
        address = f"/nmg/cases/{case['number']}/evidence/{file_id}"
        allowed = (world.reviewer, world.official, world.auditor)
        for person in allowed:
            answer = app.get(address, headers=as_user(person))
            assert answer.body.encode() == PDF
            assert "attachment" in answer.headers["Content-Disposition"]
            assert "no-store" in answer.headers["Cache-Control"]
        for person in (world.stranger, world.editor, world.applicant, world.sysadmin):
            assert app.get(address, headers=as_user(person)).status_code == 404
        assert app.get(address).status_code == 404
        seen = sa.select(sa.func.count()).where(AuditEvent.verb == "evidence.viewed")
        assert model.Session.scalar(seen) == len(allowed)

    def test_personal_data_are_masked_until_asked_for_and_that_is_audited(self, world, app, as_user, case):
        shown = call("nmgdata_case_show", world.reviewer, id=case["id"])["filed"]
        assert shown["objector_name"] == "李*"
        why = {"reason": "核实异议，需电话联系"}
        page = app.post(f"/nmg/cases/{case['number']}/reveal", headers=as_user(world.reviewer), data=why)
        assert "李秀英" in page.body
        seen = sa.select(sa.func.count()).where(AuditEvent.verb == "personal.revealed")
        assert model.Session.scalar(seen) == 1
        answer = app.post(f"/nmg/cases/{case['number']}/reveal", headers=as_user(world.stranger), data=why)
        assert answer.status_code == 404

    def test_drafts_that_no_form_takes_up_are_deleted(self, world):
        evidence.attach(factories_actor(), evidence.new_secret(), [file()])
        location = model.Session.scalar(sa.select(Evidence.location))
        with clock.fixed(MONDAY + timedelta(days=2)):
            evidence.forget_drafts()
        assert model.Session.query(Evidence).count() == 0
        assert not seal.storage().exists(seal.files.FileData(location))

    def test_it_lies_where_no_door_leads(self, world, app, case):
        location = model.Session.scalar(sa.select(Evidence.location))
        for address in (f"/file/download/{location}", f"/uploads/{location}", f"/sealed/{location}"):
            assert app.get(address).status_code in (403, 404)


def factories_actor():
    """Return the public."""
    from ckanext.nmgdata.kernel.actors import Actor

    return Actor.anonymous("198.51.100.7")


class TestOutcomes:
    @pytest.mark.parametrize("field", ["findings", "public_reason", "feedback"])
    def test_r_obj_06_no_outcome_without_findings_and_feedback(self, world, case, field):
        with pytest.raises(tk.ValidationError) as refused:
            fire(world.reviewer, case, "restore", **{**OUTCOME, field: ""})
        assert field in refused.value.error_dict
        assert reason(world.open_data) == "suspended"

    @pytest.mark.parametrize("outcome", ["withdraw", "restore", "open_after_processing"])
    def test_what_a_program_leaves_out_is_asked_for(self, world, case, outcome):
        with pytest.raises(tk.ValidationError) as refused:
            fire(world.reviewer, case, outcome)
        assert set(OUTCOME) <= set(refused.value.error_dict)

    @pytest.mark.parametrize(
        "named",
        ["13900000000", "１３９－００００－００００", "150102199003071236", "0471-7654321", "li@example.org",
         "6222021234567890128", "400-123-4567"],
    )  # fmt: skip
    def test_the_public_reason_names_nobody(self, world, pages, case, named):
        with pytest.raises(tk.ValidationError) as refused:
            fire(world.reviewer, case, "restore", **{**OUTCOME, "public_reason": f"来电{named}，所述不实"})
        assert list(refused.value.error_dict) == ["public_reason"]
        message = refused.value.error_dict["public_reason"][0]
        assert "请删去" in message
        assert named not in message
        assert status(case) == "verifying"

    def test_the_department_s_own_telephone_may_stand_in_it(self, world, case):
        own = world.open_data["contact_phone"]
        reason = f"经核实不涉及个人信息，如有疑问请致电{own}。"
        fire(world.reviewer, case, "restore", **{**OUTCOME, "public_reason": reason})
        assert status(case) == "restored"

    def test_restore(self, world, app, pages, case):
        fire(world.reviewer, case, "restore", **OUTCOME)
        assert fetch(app, world.open_data).status_code == 200
        answer = next(m for m in mails() if m["to"] == OBJECTION["contact_email"] and "恢复" in m["subject"])
        assert OUTCOME["feedback"] in answer["body"]
        assert f"/nmg/cases?number={case['number']}" in answer["body"]

    def test_its_parties_read_the_findings(self, world, app, as_user, case):
        fire(world.reviewer, case, "restore", **OUTCOME)
        for person in (world.reviewer, world.official, world.auditor):
            page = app.get(f"/nmg/cases/{case['number']}", headers=as_user(person))
            assert OUTCOME["findings"] in page.body
        page = app.post("/nmg/cases", data={"number": case["number"], "code": case["code"]})
        assert OUTCOME["feedback"] in page.body
        assert OUTCOME["findings"] not in page.body

    def test_only_the_department_decides(self, world, case):
        for person in (world.official, world.auditor):
            with pytest.raises(tk.NotAuthorized):
                fire(person, case, "restore", **OUTCOME)
        for person in (world.stranger, world.editor, world.sysadmin):
            with pytest.raises(tk.ObjectNotFound):
                fire(person, case, "restore", **OUTCOME)

    def test_dc_19_nobody_decides_an_objection_of_their_own(self, world):
        own = world.objected(world.open_data, world.reviewer)
        with pytest.raises(tk.NotAuthorized):
            fire(world.reviewer, own, "restore", **OUTCOME)

    def test_data_return_only_when_every_objection_is_closed(self, world, case):
        second = world.objected(world.open_data, evidence=file(PDF + b"%2\n%%EOF"))
        fire(world.reviewer, case, "restore", **OUTCOME)
        assert reason(world.open_data) == "suspended"
        fire(world.reviewer, second, "restore", **OUTCOME)
        assert reason(world.open_data) == "unconditional"

    def test_one_withdrawal_is_for_good(self, world, case):
        second = world.objected(world.open_data, evidence=file(PDF + b"%2\n%%EOF"))
        fire(world.reviewer, case, "withdraw", **WITHDRAWAL)
        fire(world.reviewer, second, "restore", **OUTCOME)
        assert reason(world.open_data, world.editor) == "withdrawn"

    def test_withdraw_seals_the_file_and_makes_the_entry_non_open(self, world, app, case):
        data = world.open_data
        fire(world.reviewer, case, "withdraw", **WITHDRAWAL)
        assert fetch(app, data).status_code == 410
        outbox.deliver(["seal", "reclassify"])
        assert fetch(app, data).status_code == 410
        sealed = model.Session.query(Sealed).one()
        assert sealed.keep_until > date(2031, 1, 1)
        assert seal.storage().content(seal.files.FileData(sealed.location)) == factories.CSV
        shown = call("package_show", world.editor, id=data["id"])
        assert (shown["open_class"], shown["nonopen_ground"]) == ("non_open", "personal_privacy")
        outbox.deliver(["seal", "reclassify"])
        assert model.Session.query(Sealed).count() == 1

    def test_a_withdrawn_entry_stays_in_the_register_by_its_name(self, world, app, case):
        fire(world.reviewer, case, "withdraw", **WITHDRAWAL)
        outbox.deliver(["seal", "reclassify"])
        (line,) = app.get("/nmg/suspensions.json").json
        assert (line["title"], line["state"]) == (world.open_data["title"], "withdrawn")

    def test_dc_28_but_one_made_non_open_otherwise_is_not_named(self, world, app, case):
        closing = {
            "open_class": "non_open", "nonopen_ground": "trade_secret", "open_reason": "涉及经营信息。",
            "open_legal_basis": "《中华人民共和国反不正当竞争法》第九条", "data_level": "general_4",
        }  # fmt: skip
        tk.get_action("package_patch")(factories.site_context(), {"id": world.open_data["id"], **closing})
        (line,) = app.get("/nmg/suspensions.json").json
        assert (line["case"], line["dataset_id"], line["department"]) == (case["number"], None, "")
        for page in ("/nmg/suspensions", "/nmg/suspensions.csv", "/nmg/suspensions.json"):
            body = app.get(page).body
            assert case["number"] in body
            assert not any(world.open_data[name] in body for name in ("title", "name", "id")), page
        assert call("nmgdata_suspension_list", None, dataset_id=world.open_data["id"]) == []

    def test_withdraw_ends_grants_and_applications_and_tells_their_holders(self, world, pages):
        world.granted()
        case = world.objected(world.conditional)
        assert any("applicant" in mail["to"] and "暂停" in mail["subject"] for mail in mails())
        fire(world.reviewer, case, "withdraw", **WITHDRAWAL)
        model.Session.expire_all()
        assert model.Session.query(Grant).one().ended_at is not None
        assert any("applicant" in mail["to"] and "结束" in mail["subject"] for mail in mails())

    def test_applications_rest_and_go_on(self, world):
        application = world.submitted()
        case = world.objected(world.conditional)
        approval = {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": "2027-06-30"}
        with pytest.raises(tk.ValidationError):
            fire(world.reviewer, application, "approve", **approval)
        fire(world.reviewer, case, "restore", **OUTCOME)
        fire(world.reviewer, application, "approve", **approval)
        assert status(application) == "approved"

    def test_open_after_processing_needs_a_new_file(self, world, case):
        sealed = world.open_data["resources"][0]["id"]
        processed = {**OUTCOME, "processing": "删除第三列", "sealed": sealed}
        with pytest.raises(tk.ValidationError) as refused:
            fire(world.reviewer, case, "open_after_processing", **processed)
        assert list(refused.value.error_dict) == ["sealed"]
        assert status(case) == "verifying"

    def test_the_objected_file_is_among_those_sealed(self, world):
        data = world.open_data
        factories.upload(data, name="other.csv")
        named, other = [r["id"] for r in call("package_show", None, id=data["id"])["resources"]]
        case = world.objected(data, resources=[named])
        factories.upload(data, "站点\n示例\n".encode(), name="processed.csv")
        stated = {**OUTCOME, "processing": "删除第三列"}
        for sealed in ([other], [named, other], []):
            with pytest.raises(tk.ValidationError):
                fire(world.reviewer, case, "open_after_processing", **stated, sealed=sealed)
            model.Session.rollback()
        fire(world.reviewer, case, "open_after_processing", **stated, sealed=[named])
        assert reason({"resources": [{"id": named}]}) == "withdrawn"
        assert reason({"resources": [{"id": other}]}) == "unconditional"

    def test_a_suspended_entry_is_not_deleted_and_its_rows_not_rewritten(self, world, case):
        with pytest.raises(tk.ValidationError):
            call("package_delete", world.editor, id=world.open_data["id"])
        model.Session.rollback()
        with pytest.raises(tk.ValidationError):
            call(
                "datastore_create", world.editor, resource_id=world.open_data["resources"][0]["id"],
                force=True, records=[{"a": 1}],
            )  # fmt: skip
        assert reason(world.open_data) == "suspended"

    def test_open_after_processing(self, world, case):
        old = world.open_data["resources"][0]["id"]
        file_storage = file("站点\r\n示例\r\n".encode(), "processed.csv")
        call("resource_create", world.editor, package_id=world.open_data["id"], name="脱敏版", format="CSV",
             url="processed.csv", upload=file_storage)  # fmt: skip
        fire(world.reviewer, case, "open_after_processing", **OUTCOME, processing="删除第三列", sealed=[old])
        data = call("package_show", None, id=world.open_data["id"])
        said = {r["id"]: reason({"resources": [r]}) for r in data["resources"]}
        assert said.pop(old) == "withdrawn"
        assert set(said.values()) == {"unconditional"}

    @pytest.mark.parametrize("kind", ["file", "link"])
    def test_the_processed_version_is_not_the_one_that_is_sealed(self, world, kind):
        data = factories.dataset(world.department)
        make = factories.resource if kind == "link" else factories.upload
        old = make(data)["id"]
        case = world.objected(data)
        make(data)
        with pytest.raises(tk.ValidationError) as refused:
            fire(
                world.reviewer,
                case,
                "open_after_processing",
                **OUTCOME,
                processing="删除第三列",
                sealed=[old],
            )
        assert "sealed" in refused.value.error_dict
        model.Session.rollback()
        assert status(case) == "verifying"

    def test_suspended_bytes_are_evidence_nobody_replaces_or_deletes_them(self, world, case):
        resource = world.open_data["resources"][0]
        with pytest.raises(tk.ValidationError):
            call("resource_patch", world.editor, id=resource["id"], upload=file(b"a\n1\n", "a.csv"))
        model.Session.rollback()
        with pytest.raises(tk.ValidationError):
            call(
                "resource_patch",
                world.editor,
                id=resource["id"],
                url="https://example.org/a.csv",
                url_type="",
            )
        model.Session.rollback()
        with pytest.raises(tk.ValidationError):
            call("resource_delete", world.editor, id=resource["id"])
        model.Session.rollback()
        with pytest.raises(tk.ValidationError):  # its rows would be read otherwise, or dropped
            call("resource_patch", world.editor, id=resource["id"], format="PDF")
        model.Session.rollback()
        call("package_patch", world.editor, id=world.open_data["id"], notes="说明可以改。")

    def test_dc_34_taken_back_by_code_the_department_still_decides(self, world, app, case):
        page = app.post(
            "/nmg/cases", data={"number": case["number"], "code": case["code"], "step": "retract"}
        )
        assert "撤回" in page.body
        assert status(case) == "retracted"
        assert reason(world.open_data) == "suspended"
        fire(world.reviewer, case, "restore", **OUTCOME)
        assert reason(world.open_data) == "unconditional"

    def test_a_wrong_code_takes_no_step(self, world, app, case):
        app.post("/nmg/cases", data={"number": case["number"], "code": "AAAAA", "step": "retract"})
        assert status(case) == "verifying"

    def test_two_deciders_at_once_one_outcome(self, world, case):
        results = []

        def decide(step, stated):
            try:
                fire(world.reviewer, case, step, **stated)
            except tk.ValidationError:
                results.append("conflict")
            else:
                results.append(step)
            finally:
                model.Session.remove()

        assert world.reviewer
        model.Session.remove()
        threads = [
            threading.Thread(target=decide, args=arguments)
            for arguments in (("restore", OUTCOME), ("withdraw", WITHDRAWAL))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results)[0] == "conflict"
        assert len(set(results)) == 2
        assert not verify.verify()

    def test_overdue_data_stay_closed_and_the_authority_is_told(self, world, pages, case):
        assert world.official
        with clock.fixed(MONDAY + timedelta(days=30)):
            sweep.sweep()
            assert reason(world.open_data) == "suspended"
            assert any(m["to"] == "official@example.org" and "逾期" in m["subject"] for m in mails())


class TestTombstone:
    @pytest.fixture
    def gone(self, world, case):
        """Return an entry that was withdrawn."""
        fire(world.reviewer, case, "withdraw", **WITHDRAWAL)
        outbox.deliver(["seal", "reclassify"])
        return world.open_data

    def test_page_and_rdf_and_api_say_that_it_is_gone_and_in_which_case(self, world, app, gone, case):
        for address in (f"/dataset/{gone['name']}", f"/dataset/{gone['id']}",
                        f"/dataset/{gone['name']}/resource/{gone['resources'][0]['id']}",
                        f"/dataset/{gone['name']}.ttl", f"/api/3/action/package_show?id={gone['id']}"):  # fmt: skip
            answer = app.get(address)
            assert (address, answer.status_code) == (address, 410)
            assert case["number"] in answer.body
        file = gone["resources"][0]["id"]
        for call_ in (
            f"package_show?id={gone['name']}",
            f"resource_show?id={file}",
            f"datastore_search?id={file}",
        ):
            answer = app.get(f"/api/3/action/{call_}")
            assert (call_, answer.status_code) == (call_, 410)
            said = json.loads(answer.body)["error"]["gone"]
            assert (said["case"], said["title"]) == (case["number"], gone["title"])
            assert said["why"] == OUTCOME["public_reason"] and said["since"]
        assert app.get(f"/datastore/dump/{file}").status_code == 410
        page = app.get(f"/dataset/{gone['name']}").body
        assert OUTCOME["public_reason"] in page
        assert gone["title"] in page
        assert OBJECTION["objector_name"] not in page

    def test_it_is_still_said_when_the_entry_is_deleted_later(self, world, app, as_user, gone, case):
        file = gone["resources"][0]["id"]
        tk.get_action("package_delete")(factories.site_context(), {"id": gone["id"]})
        for address in (
            f"/dataset/{gone['name']}", f"/dataset/{gone['id']}", f"/dataset/{gone['name']}/resource/{file}",
            f"/dataset/{gone['name']}.ttl", f"/api/3/action/package_show?id={gone['name']}",
            f"/dataset/{gone['id']}/resource/{file}/download", f"/dataset/{gone['id']}/resource/{file}/download/a.csv",
        ):  # fmt: skip
            for headers in ({}, as_user(world.citizen)):
                answer = app.get(address, headers=headers)
                assert (address, answer.status_code) == (address, 410)
                assert case["number"] in answer.body
        assert json.loads(fetch(app, gone).body)["error"]["why"] == OUTCOME["public_reason"]
        assert case["number"] in app.get("/nmg/suspensions").body

    def test_rows_of_one_withdrawn_file_of_several(self, world, app):
        data = factories.dataset(world.department)
        first = factories.upload(data)["id"]
        factories.upload(data, b"a,b\n1,2\n", name="other.csv")
        case = world.objected(data, resources=[first])
        fire(world.reviewer, case, "withdraw", **WITHDRAWAL)
        for action in ("datastore_search", "datastore_info"):
            answer = app.get(f"/api/3/action/{action}?resource_id={first}")
            assert (action, answer.status_code) == (action, 410)

    def test_what_was_deleted_without_a_withdrawal_is_just_not_there(self, world, app):
        data = world.open_data
        tk.get_action("package_delete")(factories.site_context(), {"id": data["id"]})
        assert app.get(f"/dataset/{data['name']}").status_code in (403, 404)
        assert fetch(app, data).status_code == 404

    def test_its_department_still_sees_the_entry(self, world, app, as_user, gone):
        assert app.get(f"/dataset/{gone['name']}", headers=as_user(world.editor)).status_code == 200

    def test_other_hidden_entries_have_no_tombstone(self, world, app):
        assert app.get(f"/dataset/{world.non_open['name']}").status_code in (403, 404)
        assert app.get(f"/api/3/action/package_show?id={world.non_open['id']}").status_code in (403, 404)


class TestRepeats:
    def test_dc_23_the_same_evidence_again_goes_to_the_authority(self, world, case):
        fire(world.reviewer, case, "restore", **OUTCOME)
        again = world.objected(world.open_data)
        assert status(again) == "repeated"
        assert reason(world.open_data) == "unconditional"
        fire(world.official, again, "take_up")
        assert reason(world.open_data) == "suspended"

    def test_a_file_more_is_new_evidence_only_if_it_is_new(self, world, case):
        other = PDF + b"%2\n%%EOF"
        second = world.objected(world.open_data, evidence=file(other))
        for open_case in (case, second):
            fire(world.reviewer, open_case, "restore", **OUTCOME)
        both = world.objected(world.open_data, world.applicant, evidence=[file(), file(other)])
        assert status(both) == "repeated"

    def test_r_obj_08_only_of_what_was_verified(self, world, case):
        """The same paper about another file, or about one that was replaced since, is about data nobody saw."""
        data = world.open_data
        first, second = data["resources"][0]["id"], factories.upload(data, b"a,b\n1,2\n", name="b.csv")["id"]
        fire(world.reviewer, case, "restore", **OUTCOME)
        assert status(world.objected(data, world.citizen, resources=[first])) == "repeated"
        other = world.objected(data, world.citizen, resources=[second])
        assert status(other) == "verifying"
        fire(world.reviewer, other, "restore", **OUTCOME)
        assert status(world.objected(data, world.applicant)) == "repeated"  # both were, one after the other
        new = factories.file(b"a,b\n3,4\n", "c.csv")
        with clock.fixed(clock.now() + timedelta(hours=1)):
            call("resource_patch", world.editor, id=first, url="c.csv", url_type="upload", upload=new)
            assert status(world.objected(data, world.stranger)) == "verifying"
            assert reason(data) == "suspended"

    def test_what_was_set_aside_as_an_abuse_does_not_suspend_again(self, world, case):
        call("nmgdata_objection_bulk_lift", world.official, ids=[case["number"]], reason="滥用异议权利。")
        again = world.objected(world.open_data)
        assert status(again) == "repeated"
        assert reason(world.open_data) == "unconditional"

    def test_it_can_be_set_aside(self, world, case):
        fire(world.reviewer, case, "restore", **OUTCOME)
        again = world.objected(world.open_data)
        fire(world.official, again, "set_aside", reason="证据与前次相同。")
        assert reason(world.open_data) == "unconditional"

    def test_r_obj_08_new_evidence_suspends_again(self, world, case):
        fire(world.reviewer, case, "restore", **OUTCOME)
        world.objected(world.open_data, evidence=file(PDF + b"%new\n%%EOF"))
        assert reason(world.open_data) == "suspended"


class TestFloods:
    def test_limits_per_address(self, world, app):
        form = TestTheFormPage()
        for number in range(2):
            assert (
                "YY-"
                in form.post(app, world, evidence=(io.BytesIO(PDF + b"%%%d\n%%%%EOF" % number), "a.pdf")).body
            )
        third = form.post(app, world, evidence=(io.BytesIO(PDF + b"%9\n%%EOF"), "a.pdf"))
        assert third.status_code == 429
        assert int(third.headers["Retry-After"]) > 0
        assert "YY-20261123-00003" not in third.body

    def test_neighbours_who_solved_it_take_nothing_from_who_cannot(self, world, monkeypatch):
        monkeypatch.setattr(challenge, "use", lambda _unit, solution: bool(solution))
        for number, solution in enumerate(["right", "right", "right", ""]):
            evidence_file = file(PDF + b"%%%d\n%%%%EOF" % number)
            world.objected(world.open_data, evidence=evidence_file, solution=solution)
        assert model.Session.query(Objection).count() == 4

    def test_a_solved_challenge_counts_once_and_widens_the_limit(self, world, app):
        from altcha import v1 as altcha

        task = challenge.new()
        found = altcha.solve_challenge(task["challenge"], task["salt"], "SHA-256", task["maxNumber"])
        payload = {name: task[name] for name in ("algorithm", "challenge", "salt", "signature")}
        solution = limits_base64({**payload, "number": found.number})
        form = TestTheFormPage()
        for number in range(2):
            form.post(app, world, evidence=(io.BytesIO(PDF + b"%%%d\n%%%%EOF" % number), "a.pdf"))
        answer = form.post(app, world, evidence=(io.BytesIO(PDF + b"%9\n%%EOF"), "a.pdf"), solution=solution)
        assert "YY-20261123-00003" in answer.body
        again = form.post(app, world, evidence=(io.BytesIO(PDF + b"%10\n%%EOF"), "a.pdf"), solution=solution)
        assert again.status_code == 429

    @pytest.mark.parametrize(("later", "right"), [(timedelta(), True), (challenge.VALID * 2, False)])
    def test_a_challenge_is_solved_in_time_by_the_portal_s_clock(self, later, right):
        from altcha import v1 as altcha

        task = challenge.new()
        found = altcha.solve_challenge(task["challenge"], task["salt"], "SHA-256", task["maxNumber"])
        with clock.fixed(clock.now() + later):
            assert challenge.is_right({**task, "number": found.number}) is right

    @pytest.mark.parametrize("solution", ["", "x", "e30=", "bnVsbA==", "W10="])
    def test_a_forged_solution_proves_nothing(self, world, app, solution):
        assert "YY-" in TestTheFormPage().post(app, world, solution=solution).body
        assert not model.Session.query(Objection).one().proven

    def test_visitors_without_an_account_cannot_close_the_portal_but_people_with_one_can_object(
        self, world, monkeypatch
    ):
        monkeypatch.setitem(tk.config, "ckanext.nmgdata.objection.without_account", 1)
        world.objected(world.open_data)
        with pytest.raises(limits.TooManyError):
            world.objected(world.conditional, evidence=file(PDF + b"%2\n%%EOF"))
        world.objected(world.conditional, world.applicant, evidence=file(PDF + b"%2\n%%EOF"))
        assert reason(world.conditional, world.applicant) == "suspended"

    def test_programs_that_come_too_often_are_told_so(self, world, app, monkeypatch):
        monkeypatch.setitem(tk.config, "ckanext.nmgdata.objection.without_account", 1)
        world.objected(world.open_data)
        answer = app.post(
            "/api/3/action/nmgdata_objection_submit",
            data={**OBJECTION, "dataset_id": world.conditional["id"], "evidence": (io.BytesIO(PDF), "a.pdf")},
            status=None,
        )
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert "limit" in json.loads(answer.body)["error"]

    def test_neighbours_without_an_account_take_nothing_from_who_logs_in_nor_the_other_way_round(
        self, world, monkeypatch
    ):
        monkeypatch.setitem(tk.config, "ckanext.nmgdata.objection.per_address", 1)
        monkeypatch.setitem(tk.config, "ckanext.nmgdata.objection.per_address_unproven", 1)
        world.objected(world.open_data, world.applicant)
        world.objected(world.conditional, evidence=file(PDF + b"%2\n%%EOF"))
        with pytest.raises(limits.TooManyError):
            world.objected(world.conditional, evidence=file(PDF + b"%3\n%%EOF"))
        with pytest.raises(limits.TooManyError):
            world.objected(world.conditional, world.citizen, evidence=file(PDF + b"%4\n%%EOF"))

    def test_the_authority_lifts_a_wave_with_one_reason(self, world):
        cases = [
            world.objected(data, user, evidence=file(PDF + b"%%%d\n%%%%EOF" % number))
            for number, (data, user) in enumerate(
                [(world.open_data, world.applicant), (world.conditional, world.citizen)]
            )
        ]
        ids = [case["number"] for case in cases]
        with pytest.raises(tk.NotAuthorized):
            call("nmgdata_objection_bulk_lift", world.reviewer, ids=ids, reason="滥用异议权利。")
        done = call(
            "nmgdata_objection_bulk_lift", world.official, ids=[*ids, "YY-1"], reason="滥用异议权利。"
        )
        with pytest.raises(tk.ValidationError):
            call("nmgdata_objection_bulk_lift", world.official, ids=[], reason="滥用异议权利。")
        assert done["lifted"] == sorted(ids)
        assert list(done["failed"]) == ["YY-1"]
        assert reason(world.open_data) == "unconditional"
        lines = call("nmgdata_suspension_list", None)
        assert {line["state"] for line in lines} == {"abusive"}
        assert {line["reason"] for line in lines} == {"滥用异议权利。"}

    def test_verification_mails_to_an_address_have_an_end_and_objections_go_on(
        self, world, pages, monkeypatch
    ):
        monkeypatch.setitem(tk.config, "ckanext.nmgdata.accounts.mails_per_person", 2)
        monkeypatch.setitem(tk.config, "ckanext.nmgdata.objection.per_address_unproven", 9)
        for number in range(3):
            world.objected(world.open_data, evidence=file(PDF + b"%%%d\n%%%%EOF" % number))
        assert model.Session.query(Objection).count() == 3
        assert len([mail for mail in mails() if "/object/verify/" in mail["body"]]) == 2

    def test_an_ipv6_network_counts_as_one(self):
        assert addresses.address_key("2001:db8::1") == addresses.address_key("2001:db8::2")
        assert addresses.address_key("2001:db8:0:1::1") != addresses.address_key("2001:db8::1")


def limits_base64(payload):
    """Return a solution as a browser sends it."""
    import base64

    return base64.b64encode(json.dumps(payload).encode()).decode()


class TestFloodsOfFiles:
    def test_forms_with_errors_cannot_stop_a_right_one(self, world, app, monkeypatch):
        monkeypatch.setattr(evidence, "WAITING_UNKNOWN", 1)
        form = TestTheFormPage()
        for number in range(3):
            form.post(app, world, statement="", form=f"flood{number}")
        assert model.Session.query(Evidence).count() == 1
        assert "YY-20261123-00001-" in form.post(app, world).body

    def test_images_of_one_form_share_a_budget(self, pages):
        budget = evidence.Budget(2000)
        picture = TestEvidence().png()
        evidence.check("a.png", picture, budget)
        with pytest.raises(tk.Invalid):
            evidence.check("b.png", picture, budget)

    def test_forms_that_never_become_a_case_count_too(self, world, app, monkeypatch):
        """A flood of unsolved and broken forms from one address is not read beyond its limit."""
        monkeypatch.setitem(tk.config, "ckanext.nmgdata.objection.attempts_per_address", 3)
        form = TestTheFormPage()
        answers = [form.post(app, world, statement="", solution="junk") for _number in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert model.Session.query(Objection).count() == 0
        monkeypatch.setattr(evidence, "check", lambda *_arguments: 1 / 0)
        assert form.post(app, world).status_code == 429
        monkeypatch.undo()
        with clock.fixed(MONDAY + timedelta(hours=1)):
            assert "YY-20261123-" in form.post(app, world).body
            limits.forget_attempts()
        with clock.fixed(MONDAY + timedelta(hours=5)):
            limits.forget_attempts()
        assert model.Session.query(ObjectionAttempt).count() == 0

    def test_nobody_is_drawn_for_who_comes_too_often(self, world, app, monkeypatch):
        form = TestTheFormPage()
        for number in range(2):
            form.post(app, world, evidence=(io.BytesIO(PDF + b"%%%d\n%%%%EOF" % number), "a.pdf"))
        monkeypatch.setattr(evidence, "check", lambda *_arguments: 1 / 0)
        assert form.post(app, world).status_code == 429


class TestCasesOfOthers:
    def test_a_number_tells_nothing_to_who_has_no_part_in_it(self, world, app, as_user):
        application = world.submitted()
        address = f"/nmg/suspend/case/{application['number']}"
        assert app.get(address).status_code == 404
        assert app.get(address, headers=as_user(world.stranger)).status_code == 404
        assert app.get("/nmg/suspend/case/SQ-20261123-99999-9").status_code == 404


class TestExOfficio:
    REASON = {"danger_kind": "public_interest", "reason": "数据暴露了供水设施的位置。"}

    @pytest.mark.parametrize("who", ["editor", "reviewer", "official"])
    def test_r_obj_04_department_and_authority_suspend_by_themselves(self, world, who):
        call(
            "nmgdata_suspension_create", getattr(world, who), dataset_id=world.open_data["id"], **self.REASON
        )
        assert reason(world.open_data) == "suspended"

    @pytest.mark.parametrize("who", ["stranger", "applicant", "auditor", "sysadmin"])
    def test_nobody_else_does(self, world, who):
        with pytest.raises(tk.NotAuthorized):
            call(
                "nmgdata_suspension_create",
                getattr(world, who),
                dataset_id=world.open_data["id"],
                **self.REASON,
            )
        assert reason(world.open_data) == "unconditional"

    @pytest.mark.parametrize(
        ("field", "value"), [("danger_kind", "privacy"), ("danger_kind", ""), ("reason", "")]
    )
    def test_it_needs_danger_and_reason(self, world, field, value):
        with pytest.raises(tk.ValidationError) as refused:
            call(
                "nmgdata_suspension_create", world.editor, dataset_id=world.open_data["id"],
                **{**self.REASON, field: value},
            )  # fmt: skip
        assert list(refused.value.error_dict) == [field]

    def test_it_has_the_same_three_outcomes(self, world):
        case = call(
            "nmgdata_suspension_create", world.editor, dataset_id=world.open_data["id"], **self.REASON
        )
        shown = call("nmgdata_case_show", world.reviewer, id=case["id"])
        assert [step["name"] for step in shown["possible"]] == [
            "withdraw",
            "restore",
            "open_after_processing",
        ]
        fire(world.reviewer, case, "restore", **OUTCOME)
        assert reason(world.open_data) == "unconditional"

    def test_by_its_page(self, world, app, as_user):
        address = f"/nmg/suspend/{world.open_data['name']}"
        assert app.get(address).status_code == 403
        assert app.get(address, headers=as_user(world.editor)).status_code == 200
        app.post(address, headers=as_user(world.editor), data=self.REASON, follow_redirects=False)
        assert reason(world.open_data) == "suspended"
        page = app.get(f"/dataset/{world.open_data['name']}").body
        assert "依职权中止开放，正在核实" in page
        assert "因权益异议" not in page


class TestRegister:
    def test_csv_and_json_agree_and_no_cell_is_a_formula(self, world, app):
        data = factories.dataset(world.department, title="=HYPERLINK(1)")
        factories.upload(data)
        world.objected(call("package_show", None, id=data["id"]))
        lines = json.loads(app.get("/nmg/suspensions.json").body)
        assert lines[0]["title"] == "=HYPERLINK(1)"
        assert "'=HYPERLINK(1)" in app.get("/nmg/suspensions.csv").body
        assert app.get("/nmg/suspensions.xml").status_code == 404

    def test_the_outcome_stands_in_it(self, world, app, case):
        fire(world.reviewer, case, "withdraw", **WITHDRAWAL)
        outbox.deliver(["reclassify"])
        body = app.get("/nmg/suspensions").body
        assert OUTCOME["public_reason"] in body
        assert OUTCOME["findings"] not in body
        assert "已撤回" in body or "撤回" in body

    @pytest.mark.parametrize("bad", [{"limit": "x"}, {"offset": -1}])
    def test_bad_pages(self, world, bad):
        with pytest.raises(tk.ValidationError):
            call("nmgdata_suspension_list", None, **bad)
