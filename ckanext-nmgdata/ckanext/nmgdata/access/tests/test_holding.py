"""Holding a grant: limits, members, tokens of programs, traces, hand-overs, renewal (R28¶2, R-COND-04/05)."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from datetime import datetime, timedelta

import openpyxl
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.access.closing.tests.test_closing import COMPANY, NOTICE, organised
from ckanext.nmgdata.conftest import MONDAY
from ckanext.nmgdata.factories import CSV, STATEMENT, call
from ckanext.nmgdata.kernel import clock, outbox
from ckanext.nmgdata.kernel.audit.model import AuditEvent
from ckanext.nmgdata.kernel.gate.model import Grant, GrantMember, GrantUse
from ckanext.nmgdata.kernel.outbox.model import Outbox
from ckanext.nmgdata.kernel.types import Conflict
from ckanext.nmgdata.kernel.workflow import sweep
from ckanext.nmgdata.kernel.workflow.model import Case, CaseEvent

pytestmark = pytest.mark.usefixtures("clean")
JSON = {"Accept": "application/json"}
APPROVAL = {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": "2027-06-30"}
DELIVERY = {"handed_on": "2026-11-23", "content": "全量轨迹文件一份", "medium": "加密硬盘"}


def fire(who, case, step, **data):
    """Take a step of a case."""
    return call("nmgdata_case_transition", who, id=case["id"], transition=step, **data)


def granted(world, who=None, made=None, statement=STATEMENT, **terms):
    """Return an application whose agreement was accepted, on these terms."""
    who, made = who or world.applicant, made or world.conditional
    case = call("nmgdata_application_submit", who, dataset_id=made["id"], **statement)
    fire(world.reviewer, case, "approve", **APPROVAL, **terms)
    return fire(who, case, "accept", agreement="2026-1")


def grant_of(case):
    """Return the id of a case's grant."""
    return model.Session.scalar(sa.select(Grant.id).where(Grant.case_id == case["id"]))


def door(made):
    """Return the address of an entry's first file."""
    return f"/dataset/{made['id']}/resource/{made['resources'][0]['id']}/download"


def uses(case):
    """Return the uses of a case's grant, oldest first."""
    model.Session.expire_all()
    query = sa.select(GrantUse).where(GrantUse.grant_id == grant_of(case)).order_by(GrantUse.id)
    return list(model.Session.scalars(query))


def notices(template):
    """Return to whom notices of a sort go."""
    rows = model.Session.query(Outbox).filter_by(topic="notice").all()
    return sorted(row.payload["to"] for row in rows if row.payload["template"] == template)


class TestLimits:
    def test_as_often_as_is_permitted_and_not_once_more(self, world, app, as_user):
        case = granted(world, quota=2)
        me = {**as_user(world.applicant), **JSON}
        assert [app.get(door(world.conditional), headers=me).status_code for _ in range(3)] == [200, 200, 403]
        refused = json.loads(app.get(door(world.conditional), headers=me).body)["error"]
        assert refused["reason"] == "quota_used"
        assert call("nmgdata_grant_show", world.applicant, id=grant_of(case))["left"] == 0
        assert len(uses(case)) == 2

    def test_and_within_an_hour(self, world, app, as_user):
        granted(world, per_hour="1")
        me = {**as_user(world.applicant), **JSON}
        assert app.get(door(world.conditional), headers=me).status_code == 200
        full = app.get(door(world.conditional), headers=me)
        assert (full.status_code, json.loads(full.body)["error"]["reason"]) == (429, "too_often")
        with clock.fixed(MONDAY + timedelta(hours=1)):
            assert app.get(door(world.conditional), headers=me).status_code == 200

    def test_the_parts_of_one_download_are_one_use(self, world, app, as_user):
        case = granted(world, quota="1")
        me = as_user(world.applicant)
        for part in ("bytes=0-9", "bytes=10-19", "bytes=20-"):
            assert app.get(door(world.conditional), headers={**me, "Range": part}).status_code == 206
        assert len(uses(case)) == 1
        with clock.fixed(MONDAY + timedelta(hours=2)):
            later = app.get(door(world.conditional), headers={**me, "Range": "bytes=1-"})
            assert later.status_code == 403

    def test_parts_are_no_way_to_have_it_again(self, world, app, as_user):
        """All but one byte, as often as one likes, or of what was put in the file's place since."""
        granted(world, quota="1")
        me = {**as_user(world.applicant), "Range": "bytes=1-"}
        answers = [
            app.get(door(world.conditional), headers=h).status_code
            for h in (as_user(world.applicant), me, me)
        ]
        assert answers == [200, 206, 403]

    def test_parts_of_a_new_version_belong_to_no_earlier_download(self, world, app, as_user):
        granted(world, quota="1")
        assert app.get(door(world.conditional), headers=as_user(world.applicant)).status_code == 200
        new = factories.file(b"a,b\n3,4\n", "new.csv")
        call("resource_patch", world.editor, id=world.conditional["resources"][0]["id"], upload=new)
        part = app.get(door(world.conditional), headers={**as_user(world.applicant), "Range": "bytes=1-"})
        assert part.status_code == 403

    def test_the_whole_file_as_a_part_is_a_use_of_its_own(self, world, app, as_user):
        case = granted(world, quota="1")
        me = as_user(world.applicant)
        assert app.get(door(world.conditional), headers=me).status_code == 200
        assert app.get(door(world.conditional), headers={**me, "Range": "bytes=0-"}).status_code == 403
        assert len(uses(case)) == 1

    def test_who_was_granted_more_uses_that(self, world, app, as_user):
        """One applies again where a grant is used up (DC-52); the later one counts then."""
        first = granted(world, quota="1")
        me = as_user(world.applicant)
        assert app.get(door(world.conditional), headers=me).status_code == 200
        with clock.fixed(MONDAY + timedelta(hours=2)):
            second = granted(world)
            assert app.get(door(world.conditional), headers=me).status_code == 200
        assert (len(uses(first)), len(uses(second))) == (1, 1)

    def test_asking_for_the_size_is_none(self, world, wsgi, as_user):
        case = granted(world, quota="1")
        sized = wsgi._wsgi_app.test_client().head(door(world.conditional), headers=as_user(world.applicant))
        assert sized.content_length == len(CSV)
        assert uses(case) == []

    def test_two_at_once_share_the_last_use(self, world, wsgi, as_user):
        case = granted(world, quota="1")
        headers, found = {**as_user(world.applicant), **JSON}, []
        barrier = threading.Barrier(2)

        def ask():
            with clock.fixed(MONDAY):
                barrier.wait()
                found.append(
                    wsgi._wsgi_app.test_client().get(door(world.conditional), headers=headers).status_code
                )
                model.Session.remove()

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [200, 403]
        assert len(uses(case)) == 1

    def test_what_is_no_limit(self, world):
        case = world.submitted()
        for field in ("quota", "per_hour"):
            for value in ("0", "-1", "1.5", "x", "１", "1000001", "9" * 40):
                with pytest.raises(tk.ValidationError) as refused:
                    fire(world.reviewer, case, "approve", **APPROVAL, **{field: value})
                assert list(refused.value.error_dict) == [field]


class TestMembers:
    @pytest.fixture
    def company(self, world):
        """Return a grant of a company, its holder and a colleague."""
        holder, colleague = organised("boss"), organised("colleague")
        return granted(world, holder, statement=COMPANY), holder, colleague

    def reason(self, world, who):
        return call("nmgdata_access_explain", who, id=world.conditional["resources"][0]["id"])["reason"]

    def test_a_colleague_uses_it_from_naming_to_taking_off(self, world, company, app, as_user):
        case, holder, colleague = company
        assert self.reason(world, colleague) == "application_required"
        shown = call("nmgdata_grant_member_add", holder, id=grant_of(case), account=colleague.name)
        assert [person["name"] for person in shown["members"]] == ["colleague"]
        assert self.reason(world, colleague) == "granted"
        assert app.get(door(world.conditional), headers=as_user(colleague)).body.encode() == CSV
        assert [use.user_id for use in uses(case)] == [colleague.id]
        assert [g["case"] for g in (call("nmgdata_grant_show", colleague, id=grant_of(case)),)] == [
            case["number"]
        ]
        call("nmgdata_grant_member_remove", holder, id=grant_of(case), account=colleague.name)
        assert self.reason(world, colleague) == "application_required"
        verbs = list(model.Session.scalars(sa.select(AuditEvent.verb)))
        assert verbs.count("grant.member_named") == verbs.count("grant.member_removed") == 1

    def test_only_accounts_of_the_same_organisation(self, world, company):
        case, holder, _colleague = company
        for name in (world.citizen.name, "nobody-at-all", holder.name, "  ", ""):
            with pytest.raises(tk.ValidationError) as refused:
                call("nmgdata_grant_member_add", holder, id=grant_of(case), account=name)
            assert list(refused.value.error_dict) == ["account"]
        assert model.Session.query(GrantMember).count() == 0

    def test_a_natural_person_names_nobody(self, world):
        case = granted(world)
        with pytest.raises(tk.ValidationError):
            call("nmgdata_grant_member_add", world.applicant, id=grant_of(case), account=world.citizen.name)

    def test_nobody_else_names_anybody(self, world, company):
        case, _holder, colleague = company
        others = (world.citizen, world.reviewer, world.official, world.auditor, world.sysadmin, colleague)
        for person in others:
            for action in ("nmgdata_grant_member_add", "nmgdata_grant_member_remove"):
                with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)):
                    call(action, person, id=grant_of(case), account=colleague.name)

    def test_r50_a_closing_of_the_organisation_reaches_them(self, world, company):
        case, holder, colleague = company
        call("nmgdata_grant_member_add", holder, id=grant_of(case), account=colleague.name)
        call("nmgdata_access_close", world.reviewer, id=case["number"], **NOTICE)
        assert self.reason(world, colleague) == "access_closed"
        late = organised("late")
        with pytest.raises(tk.ValidationError):
            call("nmgdata_grant_member_add", holder, id=grant_of(case), account=late.name)

    def test_it_ends_for_all_with_the_grant(self, world, company):
        case, holder, colleague = company
        call("nmgdata_grant_member_add", holder, id=grant_of(case), account=colleague.name)
        fire(world.reviewer, case, "revoke", reason="超出批准用途。", legal_basis="第五十条第（三）项")
        assert self.reason(world, colleague) == "grant_ended"
        with pytest.raises(Conflict):
            call("nmgdata_grant_member_add", holder, id=grant_of(case), account=colleague.name)


class TestToken:
    @pytest.fixture
    def token(self, world):
        """Return headers with a token of an editor who holds a grant, and the grant's case."""
        who = factories.join(world.applicant, world.other, "editor")
        case = granted(world, who)
        made = call("nmgdata_grant_token_create", who, id=grant_of(case), name="取数程序")
        return {"Authorization": made["token"], **JSON}, case

    def test_it_opens_its_grant_and_nothing_else(self, world, token, app):
        headers, case = token
        second = world.filled(
            factories.dataset(world.department, title="网约车订单", open_class="conditional")
        )
        granted(world, made=second)
        assert app.get(door(world.conditional), headers=headers).body.encode() == CSV
        assert (
            json.loads(app.get(door(second), headers=headers).body)["error"]["reason"]
            == "application_required"
        )
        hidden = factories.dataset(world.other, private=True)
        factories.upload(hidden)
        resource = world.conditional["resources"][0]["id"]
        for address in (
            "/nmg/my", "/nmg/my/grants", f"/nmg/grants/{grant_of(case)}", "/user/edit",
            f"/dataset/{hidden['name']}", f"/api/3/action/package_show?id={hidden['id']}",
            "/api/3/action/nmgdata_grant_list", "/api/3/action/nmgdata_personal_export",
        ):  # fmt: skip
            assert app.get(address, headers=headers).status_code == 403, address
        wanted = {"user": world.applicant.name, "name": "x"}
        refused = app.post("/api/3/action/api_token_create", json=wanted, headers=headers)
        assert refused.status_code == 403
        explained = app.get(f"/api/3/action/nmgdata_access_explain?id={resource}", headers=headers)
        assert json.loads(explained.body)["result"]["allowed"]
        assert "课题研究" in app.get(f"/nmg/grants/{grant_of(case)}/licence", headers=headers).body

    def test_no_role_of_the_account_goes_with_it(self, world, token, app):
        headers, _case = token
        kept = world.filled(factories.dataset(world.other, open_class="conditional"))
        refused = app.get(f"{door(kept)}?purpose=maintain", headers=headers)
        assert json.loads(refused.body)["error"]["reason"] == "application_required"

    def test_it_ends_with_the_grant(self, world, token, app):
        headers, case = token
        fire(world.reviewer, case, "revoke", reason="超出批准用途。", legal_basis="第五十条第（三）项")
        assert (
            json.loads(app.get(door(world.conditional), headers=headers).body)["error"]["reason"]
            == "grant_ended"
        )

    def test_its_uses_are_the_grant_s(self, world, token, app):
        headers, case = token
        app.get(door(world.conditional), headers=headers)
        assert [use.door for use in uses(case)] == ["file"]

    def test_only_holders_make_one_and_give_it_a_name(self, world):
        case = granted(world)
        for person in (world.citizen, world.reviewer, world.auditor, world.sysadmin):
            with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)):
                call("nmgdata_grant_token_create", person, id=grant_of(case), name="x")
        for name in ("", " ", "x" * 101):
            with pytest.raises(tk.ValidationError) as refused:
                call("nmgdata_grant_token_create", world.applicant, id=grant_of(case), name=name)
            assert list(refused.value.error_dict) == ["name"]


BOOK = openpyxl.Workbook()
BOOK.active.append(["站点", "数量"])
BOOK.active.append(["示例一站", 12])
_out = io.BytesIO()
BOOK.save(_out)
XLSX = _out.getvalue()


class TestTrace:
    def handed_out(self, world, app, as_user, content, name, **values):
        """Return the case of a grant of one file, and the answer of the download."""
        made = factories.dataset(world.department, open_class="conditional")
        factories.upload(made, content, name, **values)
        made = tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})
        case = granted(world, made=made)
        return case, app.get(door(made), headers=as_user(world.applicant))

    def test_named_and_its_digest_logged_the_bytes_as_they_are(self, world, app, as_user):
        for name, content in (("a.csv", CSV), ("a.json", b'[{"a": 1}]'), ("a.xlsx", b"no workbook at all")):
            case, answer = self.handed_out(world, app, as_user, content, name)
            assert answer.get_data() == content
            assert case["number"] in answer.headers["Content-Disposition"]
            digest = hashlib.sha256(content).hexdigest()
            assert [use.sha256 for use in uses(case)] == [digest]
            of_case = sa.select(AuditEvent).where(AuditEvent.case_id == case["id"])
            event = model.Session.scalars(of_case.where(AuditEvent.verb == "download.allowed")).one()
            assert event.detail["sha256"] == digest

    def test_a_workbook_names_its_grant_and_its_sheets_are_untouched(self, world, app, as_user):
        case, answer = self.handed_out(world, app, as_user, XLSX, "a.xlsx")
        given = answer.get_data()
        assert hashlib.sha256(given).hexdigest() == uses(case)[0].sha256
        book = openpyxl.load_workbook(io.BytesIO(given))
        assert book.custom_doc_props["nmgdata_grant"].value == case["number"]
        assert f"/nmg/grants/{grant_of(case)}/licence" in book.custom_doc_props["nmgdata_licence"].value
        assert [[cell.value for cell in row] for row in book.active] == [["站点", "数量"], ["示例一站", 12]]
        before, after = zipfile.ZipFile(io.BytesIO(XLSX)), zipfile.ZipFile(io.BytesIO(given))
        assert after.testzip() is None
        assert len(after.namelist()) == len(set(after.namelist()))
        changed = {
            n for n in after.namelist() if n not in before.namelist() or before.read(n) != after.read(n)
        }
        assert changed == {"[Content_Types].xml", "_rels/.rels", "docProps/custom.xml"}

    def test_properties_of_its_own_stay(self, world, app, as_user):
        from openpyxl.packaging.custom import StringProperty

        own = openpyxl.load_workbook(io.BytesIO(XLSX))
        own.custom_doc_props.append(StringProperty(name="部门", value="交通厅"))
        out = io.BytesIO()
        own.save(out)
        case, answer = self.handed_out(world, app, as_user, out.getvalue(), "a.xlsx")
        found = openpyxl.load_workbook(io.BytesIO(answer.get_data())).custom_doc_props
        assert (found["部门"].value, found["nmgdata_grant"].value) == ("交通厅", case["number"])

    def test_its_parts_join_to_the_whole(self, world, app, as_user):
        case, answer = self.handed_out(world, app, as_user, XLSX, "a.xlsx")
        whole, address = answer.get_data(), answer.request.path
        me = as_user(world.applicant)
        parts = [
            app.get(address, headers={**me, "Range": r}).get_data() for r in ("bytes=0-999", "bytes=1000-")
        ]
        assert b"".join(parts) == whole
        assert len(uses(case)) == 1

    def test_the_licence_comes_along_and_is_for_those_concerned(self, world, app, as_user):
        case, answer = self.handed_out(world, app, as_user, CSV, "a.csv")
        address = f"/nmg/grants/{grant_of(case)}/licence"
        assert f'{address}>; rel="license"' in answer.headers["Link"]
        text = app.get(address, headers=as_user(world.applicant)).body
        for said in (case["number"], "课题研究", "课题组内部", "2027-06-30", "公共数据"):
            assert said in text
        assert app.get(address, headers=as_user(world.reviewer)).status_code == 200
        for stranger in (world.citizen, world.stranger, world.sysadmin):
            assert app.get(address, headers=as_user(stranger)).status_code == 404
        assert app.get(address).status_code == 403

    def test_open_data_carry_no_trace(self, world, app):
        answer = app.get(door(world.open_data))
        assert "Link" not in answer.headers
        assert "SQ-" not in answer.headers["Content-Disposition"]


class TestUses:
    def test_every_use_is_shown_to_holder_and_department(self, world, app, as_user):
        case = granted(world)
        app.get(door(world.conditional), headers=as_user(world.applicant))
        for who, name in ((world.applicant, "applicant"), (world.reviewer, "a*"), (world.auditor, "a*")):
            shown = call("nmgdata_grant_show", who, id=grant_of(case))
            assert [(use["by"], use["door"]) for use in shown["uses"]] == [(name, "file")]
            page = app.get(f"/nmg/grants/{grant_of(case)}", headers=as_user(who)).body
            assert shown["uses"][0]["sha256"] in page

    def test_and_to_nobody_else(self, world, app, as_user):
        case = granted(world)
        for person in (world.citizen, world.stranger, world.editor, world.sysadmin):
            with pytest.raises(tk.ObjectNotFound):
                call("nmgdata_grant_show", person, id=grant_of(case))
            assert app.get(f"/nmg/grants/{grant_of(case)}", headers=as_user(person)).status_code == 404

    def test_the_department_s_list_masks_natural_persons(self, world):
        granted(world)
        (row,) = call("nmgdata_grant_register", world.reviewer)
        assert row["holder"] == "王*"

    def test_the_page_names_and_makes_tokens_without_a_script(self, world, app, as_user):
        holder, colleague = organised("boss"), organised("colleague")
        case = granted(world, holder, statement=COMPANY)
        address, me = f"/nmg/grants/{grant_of(case)}", as_user(holder)
        wrong = app.post(address, headers=me, data={"act": "add", "account": "nobody-at-all"})
        assert 'id="e-member-account"' in wrong.body
        assert 'value="nobody-at-all"' in wrong.body
        app.post(address, headers=me, data={"act": "add", "account": colleague.name})
        assert model.Session.query(GrantMember).count() == 1
        app.post(address, headers=me, data={"act": "remove", "account": colleague.name})
        assert model.Session.query(GrantMember).count() == 0
        made = app.post(address, headers=me, data={"act": "token", "name": "取数程序"})
        token = made.body.split('id="token"')[1].split(">")[1].split("<")[0]
        got = app.get(door(world.conditional), headers={"Authorization": token})
        assert got.body.encode() == CSV
        assert token not in app.get(address, headers=me).body


WRONG = [
    ({"handed_on": "2026-11-24"}, "handed_on"),
    ({"handed_on": "2026-11-22"}, "handed_on"),
    ({"handed_on": "gestern"}, "handed_on"),
    ({"content": "x"}, "content"),
    ({"medium": ""}, "medium"),
    ({"medium": "交给 13812345678"}, "medium"),
    ({"sha256": "abc"}, "sha256"),
]


class TestDelivery:
    def test_r_cond_05_it_is_recorded_told_and_a_use(self, world):
        case = granted(world, quota="1")
        digest = "a" * 64
        fire(world.reviewer, case, "deliver", **DELIVERY, sha256=digest.upper())
        assert [(use.door, use.sha256) for use in uses(case)] == [("offline", digest)]
        event = model.Session.query(CaseEvent).filter_by(transition="deliver").one()
        assert event.data["medium"] == "加密硬盘"
        assert notices("deliver") == ["filer"]
        with pytest.raises(tk.ValidationError):
            fire(world.reviewer, case, "deliver", **DELIVERY)

    def test_only_by_the_department_and_only_in_full(self, world):
        case = granted(world)
        others = ("applicant", "citizen", "editor", "stranger", "official", "auditor", "sysadmin")
        for person in map(world.__getattribute__, others):
            with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)):
                fire(person, case, "deliver", **DELIVERY)
        for change, field in WRONG:
            with pytest.raises(tk.ValidationError) as refused:
                fire(world.reviewer, case, "deliver", **{**DELIVERY, **change})
            assert list(refused.value.error_dict) == [field], change

    def test_r_cond_05_what_the_portal_does_not_hand_out_is_due_in_five_working_days(self, world):
        by_portal = granted(world)
        assert call("nmgdata_case_show", world.reviewer, id=by_portal["id"])["due"] is None
        other = world.filled(
            factories.dataset(world.department, title="网约车订单", open_class="conditional")
        )
        case = granted(world, made=other, provision_mode="onsite")
        due = call("nmgdata_case_show", world.reviewer, id=case["id"])["due"]
        assert (due["on"], due["working_days"]) == ("2026-11-30", 5)
        with clock.fixed(MONDAY + timedelta(days=8)):
            sweep.sweep()
        assert notices("overdue") == ["authority", "provider"]
        fire(world.reviewer, case, "deliver", **DELIVERY)
        assert call("nmgdata_case_show", world.reviewer, id=case["id"])["due"] is None

    def test_not_before_the_first_day_of_use(self, world):
        """The department cannot hand over before that, so its period begins then."""
        later = {**STATEMENT, "use_from": "2027-02-01"}
        case = granted(world, statement=later, provision_mode="onsite")
        due = call("nmgdata_case_show", world.reviewer, id=case["id"])["due"]
        assert due["on"] == "2027-02-08"

    def test_not_while_the_data_are_stopped_nor_to_a_violator(self, world):
        case = granted(world)
        stop = factories.stop(world.conditional)
        with pytest.raises(tk.ValidationError):
            fire(world.reviewer, case, "deliver", **DELIVERY)
        factories.lift(stop)
        call("nmgdata_access_close", world.reviewer, id=case["number"], **NOTICE)
        with pytest.raises(tk.ValidationError):
            fire(world.reviewer, case, "deliver", **DELIVERY)
        assert uses(case) == []


class TestRenewal:
    def test_it_refers_to_the_old_and_the_old_to_it(self, world, app, as_user):
        old = granted(world)
        me = as_user(world.applicant)
        form = app.get("/nmg/apply", query_string={"renew": old["number"]}, headers=me).body
        assert f'name="renews" value="{old["number"]}"' in form
        new = call(
            "nmgdata_application_submit", world.applicant, dataset_id=world.conditional["id"],
            renews=old["number"], **STATEMENT,
        )  # fmt: skip
        seen = call("nmgdata_case_show", world.reviewer, id=new["id"])
        assert seen["filed"]["renews"] == old["number"]
        assert call("nmgdata_case_show", world.applicant, id=old["id"])["filed"]["renewed_by"] == [
            new["number"]
        ]
        for case in (old, new):
            assert app.get(f"/nmg/cases/{case['number']}", headers=me).body.count(old["number"]) >= 1

    def test_nothing_but_one_s_own_consent_to_the_same_data(self, world):
        other = world.filled(
            factories.dataset(world.department, title="网约车订单", open_class="conditional")
        )
        mine, theirs = granted(world, made=other), granted(world, world.citizen)
        undecided = world.submitted()
        for reference in (
            mine["number"],
            theirs["number"],
            undecided["number"],
            "SQ-20261123-99999-9",
            "' OR 1=1",
        ):
            with pytest.raises(tk.ValidationError) as refused:
                call(
                    "nmgdata_application_submit", world.applicant, dataset_id=world.conditional["id"],
                    renews=reference, **STATEMENT,
                )  # fmt: skip
            assert list(refused.value.error_dict) == ["renews"]


class TestTheEndIsTold:
    """Who uses the data learns that the right to them ends: before, and when; also the named colleagues."""

    @pytest.fixture
    def company(self, world):
        """Return a grant until 30 June 2027 of a company, its holder and a colleague who is named."""
        holder, colleague = organised("boss"), organised("colleague")
        case = granted(world, holder, statement=COMPANY)
        call("nmgdata_grant_member_add", holder, id=grant_of(case), account=colleague.name)
        return case, holder, colleague

    def swept(self, day):
        """Return the subjects of the mails of a sweep, by who gets them."""
        model.Session.query(Outbox).delete()
        model.Session.commit()
        with clock.fixed(datetime.fromisoformat(f"{day}T02:00:00+00:00")):
            sweep.sweep()
            outbox.deliver(["notice"])
        mails = [row.payload for row in model.Session.query(Outbox).filter_by(topic="mail")]
        return {mail["to"]: mail["body"] for mail in mails if "SQ-" in mail["subject"]}

    @pytest.mark.usefixtures("pages")
    def test_ten_working_days_before_and_at_the_end_once_each(self, world, company):
        _case, holder, colleague = company
        addresses = {f"{person.name}@example.org" for person in (holder, colleague)}
        assert self.swept("2027-06-15") == {}
        near = self.swept("2027-06-16")  # ten working days before the last day, by the days that are known
        assert near.keys() == addresses
        assert all("2027-06-30" in body for body in near.values())
        assert self.swept("2027-06-17") == {}
        assert self.swept("2027-06-30") == {}
        assert self.swept("2027-07-01").keys() == addresses
        assert self.swept("2027-07-02") == {}

    def test_also_when_it_ends_early(self, world, company):
        case, _holder, _colleague = company
        fire(world.reviewer, case, "revoke", reason="超出批准用途。", legal_basis="第五十条第（三）项")
        assert notices("revoke") == ["filer", "members"]

    def test_what_they_are_told_leads_them_to_the_grant_not_to_the_case(self, world, company, app, as_user):
        case, _holder, colleague = company
        page = f"/nmg/cases/{case['number']}"
        answer = app.get(page, headers=as_user(colleague), follow_redirects=False)
        assert answer.status_code == 302
        assert answer.headers["Location"].endswith(f"/nmg/grants/{grant_of(case)}")
        assert app.get(page, headers=as_user(organised("late"))).status_code == 404

    @pytest.mark.usefixtures("pages")
    def test_a_short_one_is_not_announced_as_soon_as_it_begins(self, world):
        case = call(
            "nmgdata_application_submit", world.applicant, dataset_id=world.conditional["id"], **STATEMENT
        )
        fire(world.reviewer, case, "approve", **{**APPROVAL, "valid_until": "2026-12-01"})
        fire(world.applicant, case, "accept", agreement="2026-1")
        assert self.swept("2026-11-24") == {}


class TestReplacement:
    def test_who_may_use_it_is_told_and_served_the_new_version(self, world, app, as_user):
        holder, colleague = organised("boss"), organised("colleague")
        case = granted(world, holder, statement=COMPANY)
        call("nmgdata_grant_member_add", holder, id=grant_of(case), account=colleague.name)
        waiting = world.submitted()
        resource, new = world.conditional["resources"][0], CSV + "示例三站,3\r\n".encode()
        patch = {"id": resource["id"], "upload": factories.file(new, "sites.csv"), "url": "sites.csv"}
        tk.get_action("resource_patch")(factories.site_context(), patch)
        assert notices("replaced") == ["filer", "members"]
        assert {row.payload["case"] for row in model.Session.query(Outbox).filter_by(topic="notice")
                if row.payload["template"] == "replaced"} == {case["id"]} != {waiting["id"]}  # fmt: skip
        assert app.get(door(world.conditional), headers=as_user(holder)).body.encode() == new


class TestAttachingByProgram:
    def test_files_come_with_the_application(self, world, app, as_user):
        sent = {
            **STATEMENT,
            "dataset_id": world.conditional["id"],
            "evidence": (io.BytesIO(factories.PDF), "承诺书.pdf"),
        }
        answer = app.post(
            "/api/3/action/nmgdata_application_submit", headers=as_user(world.applicant), data=sent
        )
        case = json.loads(answer.body)["result"]
        filed = call("nmgdata_case_show", world.reviewer, id=case["id"])["filed"]
        assert [file["name"] for file in filed["evidence"]] == ["承诺书.pdf"]

    def test_a_bad_file_is_told_at_its_field_and_nothing_is_filed(self, world):
        with pytest.raises(tk.ValidationError) as refused:
            call(
                "nmgdata_application_submit", world.applicant, dataset_id=world.conditional["id"],
                evidence=factories.file(b"MZ..", "x.exe"), **STATEMENT,
            )  # fmt: skip
        assert list(refused.value.error_dict) == ["evidence"]
        assert model.Session.query(Case).count() == 0


@pytest.mark.usefixtures("pages")
def test_what_the_law_does_not_owe_can_be_switched_off(world):
    assert world.reviewer
    call("nmgdata_mail_choice_update", world.reviewer, kind="progress", wanted=False)
    granted(world)
    outbox.deliver(["notice"])
    sent = [row.payload for row in model.Session.query(Outbox).filter_by(topic="mail")]
    to_reviewer = [mail for mail in sent if mail["to"] == "reviewer@example.org"]
    assert len(to_reviewer) == 1  # of the submission, which asks for a decision
    listed = call("nmgdata_notice_list", world.reviewer)["notices"]
    assert sorted(row["template"] for row in listed) == ["accept", "submit"]


class TestConditions:
    """Who has applied for data, or uses them, is told of other conditions, once, by notice and mail (R-OPEN-09)."""

    EASIER = "注明来源即可。不得再识别个人。"

    def ease(self, world, **values):
        stated = {
            "open_class": "conditional",
            "conditions": "easier",
            "evaluation": "两年来没有发现风险，条件不再必要。",
        }
        stated |= {"open_condition": self.EASIER, **values}
        return call("nmgdata_class_change_submit", world.reviewer, id=world.conditional["id"], **stated)

    def told(self, wsgi):
        """Deliver what waits and return the mails about conditions, by address."""
        with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
            outbox.deliver(["notice"])
        mails = model.Session.query(Outbox).filter_by(topic="mail").all()
        return {
            row.payload["to"]: row.payload
            for row in mails
            if "所涉数据的开放条件已" in row.payload["subject"]
        }

    def test_easier_ones(self, world, wsgi):
        assert world.official
        granted, waiting = world.granted(), None
        waiting = call(
            "nmgdata_application_submit", world.citizen, dataset_id=world.conditional["id"], **STATEMENT
        )
        done = call(
            "nmgdata_application_submit", world.stranger, dataset_id=world.conditional["id"], **STATEMENT
        )
        fire(world.stranger, done, "withdraw")
        before = call("package_show", None, id=world.conditional["id"])["open_condition"]
        self.ease(world)
        told = self.told(wsgi)
        assert set(told) == {world.applicant.record.email, world.citizen.record.email}
        mine, theirs = told[world.applicant.record.email], told[world.citizen.record.email]
        assert granted["number"] in mine["subject"] and "按原内容继续有效" in mine["body"]
        assert waiting["number"] in theirs["subject"] and "撤回后重新申请" in theirs["body"]
        for mail in told.values():
            assert before in mail["body"] and self.EASIER in mail["body"]
            assert "{" not in mail["body"]
        assert len(self.told(wsgi)) == 2
        listed = [notice["subject"] for notice in call("nmgdata_notice_list", world.citizen)["notices"]]
        assert [subject for subject in listed if "开放条件已放宽" in subject] == [theirs["subject"]]

    def test_harder_ones_only_once_they_hold(self, world, wsgi):
        assert world.official
        world.submitted()
        stated = {
            "reason": "出现再识别风险，需要收紧条件。",
            "legal_basis": "《中华人民共和国个人信息保护法》第二十八条",
        }
        condition = world.conditional["open_condition"]
        proposed = self.ease(
            world, conditions="harder", open_condition=condition, needs_id_number=True, **stated
        )
        assert self.told(wsgi) == {}
        fire(world.official, proposed, "approve")
        (mail,) = self.told(wsgi).values()
        assert "已收紧" in mail["subject"] and "自然人申请须填身份证号" in mail["body"]

    def test_nobody_is_told_of_what_was_not_changed(self, world, wsgi):
        world.submitted()
        with pytest.raises(tk.ValidationError):
            self.ease(world, open_condition=world.conditional["open_condition"])
        model.Session.rollback()
        assert self.told(wsgi) == {}
