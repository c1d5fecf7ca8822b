"""Review: one stage or two (Hohhot Art. 26), supplements, transfer, consent down to columns and rows."""

from __future__ import annotations

import re
from datetime import date

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.access.tests.test_application import APPROVAL, REFUSAL, fire, status
from ckanext.nmgdata.factories import STATEMENT, call
from ckanext.nmgdata.kernel.gate.model import Grant, GrantScope
from ckanext.nmgdata.kernel.types import Conflict
from ckanext.nmgdata.kernel.workflow.model import Case, CaseEvent

QUESTION, SUPPLEMENT = {"question": "请说明数据存放地点。"}, {"supplement": "存放于校内机房。"}
REASON = {"reason": "该数据由水利厅提供。"}
AUDIENCES = ("applicant", "citizen", "editor", "reviewer", "stranger", "official", "auditor", "sysadmin")


@pytest.fixture
def hohhot(world, ckan_config, monkeypatch):
    """The portal of Hohhot, where the authority checks the form first."""
    assert [getattr(world, name) for name in ("conditional", "applicant", "official", "stranger", "auditor")]
    assert world.reviewer
    monkeypatch.setitem(ckan_config, "ckanext.nmgdata.region", "150100")


def case_of(receipt):
    """Return the row of a case."""
    model.Session.expire_all()
    return model.Session.get(Case, receipt["id"])


def refused(world, who, receipt, step, **data):
    """Say whether a person cannot take a step."""
    try:
        fire(getattr(world, who), receipt, step, **data)
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return True
    return False


class TestTwoStages:
    def test_r_cond_09_the_authority_first(self, world, hohhot):
        assert world.official
        case = case_of(world.submitted())
        assert (case.variant, case.status, case.holder_id) == (
            "two_stage",
            "formal_review",
            world.authority["id"],
        )
        assert case.due_on == date(2026, 11, 30)

    def test_passed_on_to_the_department_with_its_own_period(self, world, hohhot):
        receipt = world.submitted()
        fire(world.official, receipt, "pass_on")
        case = case_of(receipt)
        assert (case.status, case.holder_id) == ("review", world.department["id"])
        fire(world.reviewer, receipt, "approve", **APPROVAL)
        assert status(receipt) == "approved"

    def test_the_department_waits_for_the_authority(self, world, hohhot):
        receipt = world.submitted()
        with pytest.raises(Conflict):
            fire(world.reviewer, receipt, "approve", **APPROVAL)

    def test_returned_with_a_reason_no_legal_basis_needed(self, world, hohhot):
        receipt = world.submitted()
        with pytest.raises(tk.ValidationError) as missing:
            fire(world.official, receipt, "reject")
        assert list(missing.value.error_dict) == ["reason"]
        fire(world.official, receipt, "reject", reason="应用场景不具体。")
        assert status(receipt) == "rejected"
        assert world.submitted()

    def test_a_running_case_keeps_its_variant(self, world, ckan_config, monkeypatch):
        assert world.official
        receipt = world.submitted()
        monkeypatch.setitem(ckan_config, "ckanext.nmgdata.region", "150100")
        fire(world.reviewer, receipt, "approve", **APPROVAL)

    @pytest.mark.parametrize("who", AUDIENCES)
    @pytest.mark.parametrize("step", ["pass_on", "reject", "formal_ask"])
    def test_only_the_authority(self, world, hohhot, who, step):
        receipt = world.submitted()
        stated = {"reject": REASON, "formal_ask": QUESTION}.get(step, {})
        assert refused(world, who, receipt, step, **stated) == (who != "official")

    def test_supplement_in_the_first_stage(self, world, hohhot):
        receipt = world.submitted()
        fire(world.official, receipt, "formal_ask", **QUESTION)
        assert case_of(receipt).holder_id == world.applicant.id
        fire(world.applicant, receipt, "formal_supplement", **SUPPLEMENT)
        assert case_of(receipt).holder_id == world.authority["id"]


class TestSupplement:
    def test_asked_answered_and_decided(self, world):
        receipt = world.submitted()
        due = case_of(receipt).due_on
        fire(world.reviewer, receipt, "ask", **QUESTION)
        case = case_of(receipt)
        assert (case.status, case.holder_id, case.due_on) == ("supplement", world.applicant.id, due)
        fire(world.applicant, receipt, "supplement", **SUPPLEMENT, evidence=[factories.file(name="机房.pdf")])
        assert (case_of(receipt).status, case_of(receipt).due_on) == ("review", due)
        shown = call("nmgdata_case_show", world.reviewer, id=receipt["id"])
        assert [file["name"] for file in shown["filed"]["evidence"]] == ["机房.pdf"]
        assert shown["timeline"][-1]["stated"] == SUPPLEMENT
        fire(world.reviewer, receipt, "approve", **APPROVAL)

    def test_no_secret_of_a_form_is_recorded(self, world):
        receipt = world.submitted()
        fire(world.reviewer, receipt, "ask", **QUESTION)
        fire(world.applicant, receipt, "supplement", **SUPPLEMENT, form="geheim")
        assert "geheim" not in str(model.Session.scalars(sa.select(CaseEvent.data)).all())

    def test_without_an_answer_the_department_decides(self, world):
        receipt = world.submitted()
        fire(world.reviewer, receipt, "ask", **QUESTION)
        fire(world.reviewer, receipt, "refuse", **REFUSAL)
        assert status(receipt) == "refused"

    @pytest.mark.parametrize("who", AUDIENCES)
    def test_only_the_applicant_answers(self, world, who):
        receipt = world.submitted()
        fire(world.reviewer, receipt, "ask", **QUESTION)
        assert refused(world, who, receipt, "supplement", **SUPPLEMENT) == (who != "applicant")

    def test_a_bad_file_is_told_and_nothing_moves(self, world):
        receipt = world.submitted()
        fire(world.reviewer, receipt, "ask", **QUESTION)
        with pytest.raises(tk.ValidationError) as wrong:
            fire(
                world.applicant, receipt, "supplement", **SUPPLEMENT, evidence=factories.file(b"MZ", "x.pdf")
            )
        assert list(wrong.value.error_dict) == ["evidence"]
        assert status(receipt) == "supplement"

    def test_somebody_else_s_files_are_not_even_kept(self, world):
        from ckanext.nmgdata.kernel.evidence.model import Evidence

        receipt = world.submitted()
        fire(world.reviewer, receipt, "ask", **QUESTION)
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            fire(world.citizen, receipt, "supplement", **SUPPLEMENT, evidence=factories.file())
        assert model.Session.query(Evidence).count() == 0


class TestTransfer:
    def test_the_other_department_decides(self, world):
        assert world.stranger
        receipt = world.submitted()
        due = case_of(receipt).due_on
        fire(world.reviewer, receipt, "transfer", org=world.other["id"], **REASON)
        case = case_of(receipt)
        assert (case.org_id, case.holder_id, case.due_on) == (world.other["id"], world.other["id"], due)
        assert refused(world, "reviewer", receipt, "approve", **APPROVAL)
        fire(world.stranger, receipt, "approve", **APPROVAL)

    def test_the_authority_helps_where_nobody_is_left(self, world):
        receipt = world.submitted()
        assert world.stranger
        tk.get_action("organization_patch")(
            factories.site_context(), {"id": world.department["id"], "state": "deleted"}
        )
        fire(world.official, receipt, "reassign", org=world.other["name"], **REASON)
        fire(world.stranger, receipt, "refuse", **REFUSAL)

    @pytest.mark.parametrize("org", ["", "nobody", None, 5, ["a"], "x" * 5000])
    def test_no_such_department(self, world, org):
        receipt = world.submitted()
        with pytest.raises(tk.ValidationError) as wrong:
            fire(world.reviewer, receipt, "transfer", org=org, **REASON)
        assert list(wrong.value.error_dict) == ["org"]

    @pytest.mark.parametrize("who", AUDIENCES)
    @pytest.mark.parametrize("step", ["transfer", "reassign"])
    def test_who_may(self, world, who, step):
        receipt = world.submitted()
        right = {"transfer": "reviewer", "reassign": "official"}[step]
        assert refused(world, who, receipt, step, org=world.other["id"], **REASON) == (who != right)


@pytest.mark.parametrize(("step", "who"), [("transfer", "reviewer"), ("reassign", "official")])
def test_a_case_goes_to_another_department_only(world, step, who):
    receipt = world.submitted()
    with pytest.raises(tk.ValidationError) as wrong:
        fire(getattr(world, who), receipt, step, org=world.department["id"], **REASON)
    assert list(wrong.value.error_dict) == ["org"]


@pytest.mark.parametrize("basis", ["其他其他其他", "有关规定", "法律法规"])
def test_r_cond_06_a_legal_basis_names_a_law(world, basis, app, as_user):
    receipt = world.submitted()
    stated = {"refusal_ground": "privacy", "reason": "涉及个人隐私。"}
    with pytest.raises(tk.ValidationError) as wrong:
        fire(world.reviewer, receipt, "refuse", **stated, legal_basis=basis)
    assert list(wrong.value.error_dict) == ["legal_basis"]
    page = app.get(f"/nmg/cases/{receipt['number']}", headers=as_user(world.reviewer)).body
    assert '<option value="《中华人民共和国民法典》第一千零三十二条">' in page


@pytest.fixture
def table(world):
    """A conditional table of three columns, kept in the DataStore."""
    made = factories.dataset(
        world.department, open_class="conditional", title="出租车上客",
        data_items=[{"name": name} for name in ("旗县", "数量", "司机")],
    )  # fmt: skip
    resource = {"package_id": made["id"], "name": "上客", "format": "CSV"}
    rows = [{"旗县": "新城区", "数量": "3", "司机": "甲某"}, {"旗县": "回民区", "数量": "5", "司机": "乙某"}]
    kept = call(
        "datastore_create", world.editor, resource=resource, records=rows, calculate_record_count=False,
        fields=[{"id": name, "type": "text"} for name in ("旗县", "数量", "司机")],
    )  # fmt: skip
    yield call("package_show", world.editor, id=made["id"])
    call("datastore_delete", world.editor, resource_id=kept["resource_id"], force=True)


def items_of(receipt, user):
    """Return the ids of what a case is about."""
    return [item["id"] for item in call("nmgdata_case_show", user, id=receipt["id"])["filed"]["items"]]


def rows_of(world, table):
    """Return what the applicant finds in a table."""
    found = call("datastore_search", world.applicant, resource_id=table["resources"][0]["id"])
    return [{name: value for name, value in row.items() if name != "_id"} for row in found["records"]]


class TestScope:
    def granted(self, world, receipt, **scope):
        item = items_of(receipt, world.reviewer)[0]
        fire(world.reviewer, receipt, "approve", **APPROVAL, scopes=[{"item": item, **scope}])
        fire(world.applicant, receipt, "accept", agreement="2026-1")

    def test_r_cond_04_columns_and_rows(self, world, table):
        receipt = world.submitted(table)
        self.granted(world, receipt, fields=["旗县", "数量"], rows={"旗县": ["新城区"]})
        assert rows_of(world, table) == [{"旗县": "新城区", "数量": "3"}]

    @pytest.fixture
    def two_tables(self, world, table):
        """The same dataset with a second table, which has one of the columns only."""
        resource = {"package_id": table["id"], "name": "旗县代码", "format": "CSV"}
        kept = call(
            "datastore_create", world.editor, resource=resource, records=[{"旗县": "新城区", "代码": "150102"}],
            fields=[{"id": name, "type": "text"} for name in ("旗县", "代码")], calculate_record_count=False,
        )  # fmt: skip
        yield call("package_show", world.editor, id=table["id"])
        call("datastore_delete", world.editor, resource_id=kept["resource_id"], force=True)

    def test_rows_limited_by_a_column_that_one_of_two_tables_has(self, world, two_tables, app, as_user):
        """R-COND-04: the other stays shut, and says why to people and programs; nothing has changed in it."""
        receipt, me = world.submitted(two_tables), as_user(world.applicant)
        self.granted(world, receipt, rows={"数量": ["3"]})
        assert [row["司机"] for row in rows_of(world, two_tables)] == ["甲某"]
        other = two_tables["resources"][1]["id"]
        with pytest.raises(tk.ValidationError, match="limited by columns"):
            call("datastore_search", world.applicant, resource_id=other)
        address = f"/dataset/{two_tables['id']}/resource/{other}/download"
        said = app.get(address, headers={**me, "Accept": "application/json"}, status=409).json
        assert (said["success"], said["error"]["reason"]) == (False, "unfit_grant")
        page = app.get(address, headers={**me, "Accept": "text/html"}, status=409).body
        assert said["error"]["message"] in page and two_tables["title"] in page

    def test_rows_limited_by_columns_that_no_table_has_together(self, world, two_tables):
        receipt = world.submitted(two_tables)
        with pytest.raises(tk.ValidationError) as wrong:
            self.granted(world, receipt, rows={"数量": ["3"], "代码": ["150102"]})
        assert "of the same table" in wrong.value.error_dict["scopes"][0]

    def test_what_was_not_asked_for_is_not_granted(self, world, table):
        receipt = call(
            "nmgdata_application_submit", world.applicant,
            items=[{"dataset_id": table["id"], "fields": ["旗县"]}], **STATEMENT,
        )  # fmt: skip
        item = items_of(receipt, world.reviewer)[0]
        with pytest.raises(tk.ValidationError) as wrong:
            fire(world.reviewer, receipt, "approve", **APPROVAL, scopes=[{"item": item, "fields": ["司机"]}])
        assert list(wrong.value.error_dict) == ["scopes"]
        fire(world.reviewer, receipt, "approve", **APPROVAL)
        fire(world.applicant, receipt, "accept", agreement="2026-1")
        assert rows_of(world, table) == [{"旗县": "新城区"}, {"旗县": "回民区"}]

    @pytest.fixture
    def labelled(self, world, table):
        """The same table, whose columns are headed by the labels of two data items; a third heads none."""
        items = [
            {"name": "banner", "label": "旗县"}, {"name": "number", "label": "数量"}, {"name": "plate", "label": "车牌"},
        ]  # fmt: skip
        call("package_patch", world.editor, id=table["id"], data_items=items)
        return table

    def applied(self, world, table, *fields):
        """Return an application for some data items of a table, and its one item."""
        receipt = call(
            "nmgdata_application_submit", world.applicant,
            items=[{"dataset_id": table["id"], "fields": list(fields)}], **STATEMENT,
        )  # fmt: skip
        return receipt, items_of(receipt, world.reviewer)[0]

    def test_columns_headed_by_labels_are_those_of_their_data_items(self, world, labelled, app, as_user):
        receipt, item = self.applied(world, labelled, "banner")
        form = app.get(f"/nmg/cases/{receipt['number']}", headers=as_user(world.reviewer)).body
        assert re.findall(rf'name="fields-{item}" value="([^"]+)"', form) == ["旗县"]
        fire(world.reviewer, receipt, "approve", **APPROVAL)
        fire(world.applicant, receipt, "accept", agreement="2026-1")
        assert rows_of(world, labelled) == [{"旗县": "新城区"}, {"旗县": "回民区"}]

    def test_an_item_that_heads_no_column_is_one_of_those_without(self, world, labelled, app, as_user):
        receipt, item = self.applied(world, labelled, "plate")
        form = app.get(f"/nmg/cases/{receipt['number']}", headers=as_user(world.reviewer)).body
        assert re.findall(rf'name="fields-{item}" value="([^"]+)"', form) == ["司机"]
        assert "车牌" in form
        for scopes in (None, [{"item": item, "fields": ["旗县"]}]):
            with pytest.raises(tk.ValidationError) as wrong:
                fire(world.reviewer, receipt, "approve", **APPROVAL, scopes=scopes)
            assert list(wrong.value.error_dict) == ["scopes"]
        fire(world.reviewer, receipt, "approve", **APPROVAL, scopes=[{"item": item, "fields": ["司机"]}])
        fire(world.applicant, receipt, "accept", agreement="2026-1")
        assert rows_of(world, labelled) == [{"司机": "甲某"}, {"司机": "乙某"}]

    def test_a_part_of_what_was_asked_for(self, world, table):
        both = [{"dataset_id": table["id"]}, {"dataset_id": world.conditional["id"]}]
        receipt = call("nmgdata_application_submit", world.applicant, items=both, **STATEMENT)
        shown = call("nmgdata_case_show", world.reviewer, id=receipt["id"])["filed"]["items"]
        chosen = next(item["id"] for item in shown if item["dataset_id"] == table["id"])
        fire(world.reviewer, receipt, "approve", **APPROVAL, scopes=[{"item": chosen}])
        assert model.Session.scalars(sa.select(GrantScope.dataset_id)).all() == [table["id"]]

    @pytest.mark.parametrize(
        "scopes",
        [
            [], "x", "[1]", [1], {"a": 1}, "[" * 3000, [{"item": "x"}], [{"item": None}], [{"item": "ITEM"}] * 2,
            [{"item": "ITEM", "fields": []}], [{"item": "ITEM", "fields": ["nope"]}], [{"item": "ITEM", "fields": "旗县"}],
            [{"item": "ITEM", "rows": {"nope": ["a"]}}], [{"item": "ITEM", "rows": {"旗县": "a"}}],
            [{"item": "ITEM", "rows": {"旗县": []}}], [{"item": "ITEM", "rows": {"旗县": [1]}}],
            [{"item": "ITEM", "rows": ["x"]}],
        ],
    )  # fmt: skip
    def test_bad_scopes(self, world, table, scopes):
        receipt = world.submitted(table)
        item = items_of(receipt, world.reviewer)[0]
        if isinstance(scopes, list):
            scopes = [
                {**p, "item": item} if isinstance(p, dict) and p.get("item") == "ITEM" else p for p in scopes
            ]
        with pytest.raises(tk.ValidationError) as wrong:
            fire(world.reviewer, receipt, "approve", **APPROVAL, scopes=scopes)
        assert list(wrong.value.error_dict) == ["scopes"]
        assert model.Session.query(Grant).count() == 0

    def test_by_the_form(self, world, table, app, as_user):
        receipt, me = world.submitted(table), as_user(world.reviewer)
        item = items_of(receipt, world.reviewer)[0]
        form = app.get(f"/nmg/cases/{receipt['number']}", headers=me).body
        assert len(re.findall(rf'name="fields-{item}" value="[^"]+" checked', form)) == 3
        sent = {
            **APPROVAL, "provision_mode": "api", "chosen": ["", item], f"fields-{item}": ["旗县", "数量"],
            f"rows-{item}": "旗县 = 新城区、回民区\n数量＝5",
        }  # fmt: skip
        address = f"/nmg/cases/{receipt['number']}/approve"
        wrong = app.post(address, data={**sent, f"rows-{item}": "旗县 新城区"}, headers=me).body
        assert "旗县 新城区" in wrong
        assert status(receipt) == "review"
        app.post(address, data=sent, headers=me)
        fire(world.applicant, receipt, "accept", agreement="2026-1")
        assert rows_of(world, table) == [{"旗县": "回民区", "数量": "5"}]
        assert model.Session.scalar(sa.select(Grant.provision_mode)) == "api"

    def test_nothing_ticked_is_no_consent(self, world, app, as_user):
        receipt = world.submitted()
        sent = {**APPROVAL, "chosen": ""}
        answer = app.post(
            f"/nmg/cases/{receipt['number']}/approve", data=sent, headers=as_user(world.reviewer)
        )
        assert "请至少选择一项" in answer.body
        assert status(receipt) == "review"


class TestRenewal:
    def test_a_new_application_while_the_old_grant_runs(self, world):
        world.granted()
        assert world.submitted()
