"""An unconditional file opens only once it was scanned, and a finding holds it (R-SEC-14)."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel import events, outbox
from ckanext.nmgdata.kernel import personal as numbers
from ckanext.nmgdata.kernel.actors import Actor
from ckanext.nmgdata.kernel.audit import verify
from ckanext.nmgdata.kernel.audit.model import AuditEvent
from ckanext.nmgdata.kernel.gate import rows
from ckanext.nmgdata.kernel.gate.model import Screening
from ckanext.nmgdata.kernel.outbox.model import Outbox
from ckanext.nmgdata.kernel.types import Conflict
from ckanext.nmgdata.kernel.unit import begin
from ckanext.nmgdata.tables import follow
from werkzeug.datastructures import FileStorage

from .conftest import first, forget_session, replace, search, xlsx

pytestmark = pytest.mark.usefixtures("clean")
JSON = {"Accept": "application/json"}
BODY = "15010219900307123"
ID = BODY + numbers.id_check_character(BODY)
HOLDING = f"姓名,证件号\r\n示例,{ID}\r\n".encode()
REASON = "证件号为公示的样例号码，不对应真实个人。"


def path(dataset):
    return f"/dataset/{dataset['id']}/resource/{first(dataset)['id']}/download"


def held(world, content=HOLDING, name="list.csv", **values):
    """Return an unconditional entry with a file that was uploaded by the department's editor."""
    made = factories.dataset(world.department)
    file = factories.FileStorage(io.BytesIO(content), filename=name)
    data = {"name": "名单", "format": values.pop("format", "CSV"), "url": name, "upload": file}
    factories.call("resource_create", values.get("by", world.editor), package_id=made["id"], **data)
    return tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})


def row(dataset):
    forget_session()
    return model.Session.get(Screening, first(dataset)["id"])


def explained(dataset, user=None):
    return factories.call("nmgdata_access_explain", user, id=first(dataset)["id"])["reason"]


class TestTheGate:
    def test_a_clean_file_is_open_as_soon_as_its_upload_was_answered(self, world, app):
        assert app.get(path(world.open_data)).data == factories.CSV
        assert row(world.open_data).state == "clean"

    def test_a_file_with_an_identity_number_is_held(self, world, app):
        made = held(world)
        answer = app.get(path(made), headers=JSON, status=403)
        assert answer.json["error"]["reason"] == "held"
        assert ID.encode() not in answer.data
        assert app.client.head(path(made)).status_code == 403
        page = app.get(path(made), headers={"Accept": "text/html"}, status=403)
        assert "个人信息" in page.body

    def test_what_was_never_scanned_is_shut(self, world, app):
        made = world.open_data
        model.Session.execute(sa.delete(Screening))
        model.Session.commit()
        assert app.get(path(made), headers=JSON, status=403).json["error"]["reason"] == "screening"

    def test_a_scan_counts_for_the_bytes_it_read_only(self, world, app):
        made = world.open_data
        model.Session.execute(
            sa.update(model.Resource).values(last_modified=sa.text("now() - interval '1 day'"))
        )
        model.Session.commit()
        assert explained(made) == "screening"

    def test_conditional_data_may_hold_personal_data(self, world, app):
        made = factories.dataset(world.department, open_class="conditional")
        factories.upload(made, HOLDING)
        made = tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})
        assert explained(made) == "application_required"
        world.granted(made)
        answer = app.get(path(made), headers=factories.login(world.applicant))
        assert answer.data == HOLDING

    def test_links_are_not_scanned(self, world):
        made = factories.dataset(world.department)
        link = factories.resource(made)
        shown = factories.call("nmgdata_screening_show", world.editor, id=link["id"])
        assert shown["state"] == "link"
        assert factories.call("nmgdata_access_explain", id=link["id"])["allowed"]

    def test_the_rows_of_a_held_file_are_shut_too(self, world, worked):
        made = held(world)
        worked()
        for user in (None, world.citizen, world.stranger, world.sysadmin):
            with pytest.raises(tk.NotAuthorized) as refused:
                search(first(made)["id"], user)
            assert "证件号" not in str(refused.value)
            with pytest.raises(tk.NotAuthorized):
                factories.call("datastore_info", user, resource_id=first(made)["id"])

    @pytest.mark.parametrize(
        "change", [{"url_type": "datastore"}, {"url_type": "", "url": "https://o.example.org/x.csv"}]
    )
    def test_also_when_the_file_is_none_any_longer(self, world, worked, change):
        """What was known of the file is nothing known of rows: shut until the table is gone, or scanned."""
        made = held(world)
        worked()
        rid = first(made)["id"]
        factories.call("resource_patch", world.editor, id=rid, clear_upload="true", **change)
        for user in (None, world.citizen):
            with pytest.raises(tk.NotAuthorized):
                search(rid, user)
        worked()
        with pytest.raises(tk.ObjectNotFound):
            search(rid)
        factories.call(
            "datastore_create", world.editor, resource_id=rid, force=True, calculate_record_count=False,
            fields=[{"id": "备注", "type": "text"}], records=[{"备注": "无"}],
        )  # fmt: skip
        with pytest.raises(tk.NotAuthorized):
            search(rid)
        worked()
        assert search(rid)["total"] == 1


class TestReplacing:
    @pytest.mark.parametrize("new", [factories.CSV, b"\x89PNG\r\n\x1a\n\x00"], ids=["table", "none"])
    def test_rows_of_the_file_before_leave_no_more(self, world, worked, app, new):
        """The new file is clean and open at once; the table is still that of the held one until it is loaded."""
        made = held(world)
        worked()
        rid = first(made)["id"]
        replace(first(made), new, world.editor)
        assert explained(made) == "unconditional"
        for action in ("datastore_search", "datastore_info"):
            with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
                factories.call(action, None, resource_id=rid)
        for address in (f"/datastore/dump/{rid}", f"{path(made)}?as=json", f"{path(made)}?as=csv"):
            answer = app.get(address, status=None)
            assert (answer.status_code, "证件号" in answer.body) == (404, False), address
        worked()
        if new == factories.CSV:
            assert search(rid)["total"] == 2

    def test_a_replaced_file_is_scanned_again(self, world):
        made = held(world)
        replace(first(made), factories.CSV, world.editor)
        assert explained(made) == "unconditional"
        replace(first(made), HOLDING, world.editor)
        assert explained(made) == "held"

    def test_new_bytes_are_shut_before_they_are_in_place(self, world, monkeypatch):
        """CKAN overwrites the file before it commits; meanwhile others must not get the new bytes."""
        made = world.open_data
        seen = []
        real = follow.copy_of

        def look(resource, most):
            with model.ensure_engine().connect() as other:
                state = sa.text("SELECT state FROM nmgdata_screening WHERE resource_id = :id")
                seen.append(other.scalar(state, {"id": resource.id}))
            return real(resource, most)

        monkeypatch.setattr(follow, "copy_of", look)
        replace(first(made), HOLDING)
        assert seen == ["pending"]

    def test_a_save_that_changes_no_file_changes_nothing(self, world):
        made = held(world)
        digest = row(made).digest
        tk.get_action("package_patch")(factories.site_context(), {"id": made["id"], "notes": "别的说明。"})
        assert (row(made).state, row(made).digest) == ("held", digest)


class TestClassChange:
    def test_opening_to_everyone_scans_what_was_conditional(self, world):
        made = factories.dataset(world.department, open_class="conditional")
        factories.upload(made, HOLDING)
        factories.upload(made, factories.CSV)
        changed = {"id": made["id"], "open_class": "unconditional", "license_id": "other-open"}
        empty = {"open_reason": "", "open_legal_basis": "", "open_condition": ""}
        made = tk.get_action("package_patch")(factories.site_context(), {**changed, **empty})
        reasons = [
            factories.call("nmgdata_access_explain", id=resource["id"])["reason"]
            for resource in made["resources"]
        ]
        assert reasons == ["held", "unconditional"]


class TestOverride:
    def override(self, user, made, **values):
        data = {"id": first(made)["id"], "digest": row(made).digest, "reason": REASON, **values}
        return factories.call("nmgdata_screening_override", user, **data)

    def test_a_reviewer_opens_it_with_a_reason(self, world, app):
        made = held(world)
        answer = self.override(world.reviewer, made)
        assert (answer["state"], answer["override_reason"]) == ("overridden", REASON)
        assert app.get(path(made)).data == HOLDING
        verbs = model.Session.scalars(sa.select(AuditEvent.verb).order_by(AuditEvent.seq)).all()
        assert [verb for verb in verbs if verb.startswith("screening")] == [
            "screening.held", "screening.overridden",
        ]  # fmt: skip
        assert verify.verify() == []

    @pytest.mark.parametrize("who", ["editor", "stranger", "official", "auditor", "citizen", "sysadmin"])
    def test_nobody_else_does(self, world, who):
        made = held(world)
        with pytest.raises(tk.NotAuthorized):
            self.override(getattr(world, who), made)
        assert explained(made) == "held"

    def test_not_even_a_reviewer_who_uploaded_it(self, world):
        admin = factories.join(factories.person("head"), world.department, "admin")
        made = held(world, by=admin)
        with pytest.raises(tk.NotAuthorized):
            self.override(admin, made)
        assert self.override(world.reviewer, made)["state"] == "overridden"

    @pytest.mark.parametrize("reason", ["", "可以", " " * 30])
    def test_it_needs_a_reason_that_says_something(self, world, reason):
        made = held(world)
        with pytest.raises(tk.ValidationError):
            self.override(world.reviewer, made, reason=reason)

    def test_only_for_the_bytes_that_were_judged(self, world):
        made = held(world)
        judged = row(made).digest
        replace(first(made), HOLDING + b"x,1\r\n", world.editor)
        with pytest.raises(Conflict):
            self.override(world.reviewer, made, digest=judged)

    def test_replacing_the_file_ends_it(self, world):
        made = held(world)
        self.override(world.reviewer, made)
        replace(first(made), HOLDING, world.editor)
        assert explained(made) == "held"

    def test_a_clean_file_cannot_be_overridden(self, world):
        with pytest.raises(Conflict):
            self.override(world.reviewer, world.open_data)

    def test_the_reviewer_reads_the_file_for_that_and_it_is_audited(self, world, app):
        made = held(world)
        address = path(made) + "?purpose=verify"
        assert app.get(address, headers=factories.login(world.reviewer)).data == HOLDING
        app.get(address, headers={**factories.login(world.stranger), **JSON}, status=403)
        verbs = model.Session.scalars(sa.select(AuditEvent.verb)).all()
        assert verbs.count("download.allowed") == 1


class TestFindings:
    def test_row_and_column_are_named_and_the_value_is_masked(self, world):
        made = held(world)
        shown = factories.call("nmgdata_screening_show", world.reviewer, id=first(made)["id"])
        (found,) = shown["findings"]
        assert (found["kind"], found["row"], found["column"]) == ("resident_id", 2, "证件号")
        assert ID not in json.dumps(shown)
        assert found["masked"].startswith("150*")
        assert shown["may_override"]

    @pytest.mark.parametrize("who", ["stranger", "citizen", "auditor"])
    def test_they_are_for_the_department_and_the_authority(self, world, who):
        made = held(world)
        for action in ("nmgdata_screening_show", "nmgdata_table_show"):
            with pytest.raises(tk.NotAuthorized):
                factories.call(action, getattr(world, who), id=first(made)["id"])
            assert factories.call(action, world.official, id=first(made)["id"])

    def test_the_page_shows_them_to_the_department_only(self, world, app):
        made = held(world)
        address = f"/dataset/{made['id']}/resource/{first(made)['id']}"
        page = app.get(address, headers=factories.login(world.reviewer)).body
        assert "个人信息检查" in page
        assert "150*" in page
        assert ID not in page
        assert "/nmg/screening/" in page
        assert "/nmg/screening/" not in app.get(address, headers=factories.login(world.editor)).body
        assert "个人信息检查" not in app.get(address).body

    def test_the_form_releases_it(self, world, app):
        made = held(world)
        app.post(
            f"/nmg/screening/{first(made)['id']}", headers=factories.login(world.reviewer),
            data={"digest": row(made).digest, "reason": REASON}, follow_redirects=False,
        )  # fmt: skip
        assert row(made).state == "overridden"
        app.post(f"/nmg/screening/{first(made)['id']}", data={"digest": "x", "reason": REASON}, status=403)

    @pytest.mark.parametrize(
        ("name", "content", "place"),
        [
            ("a.xlsx", xlsx(("公开", [["a", "b"], [1, 2]]), ("隐藏", [["姓名", "手机"], ["某", 13912345678]])),
             {"kind": "mobile", "sheet": "隐藏", "row": 2, "column": "手机"}),
            ("a.json", json.dumps({"list": [{"n": 1}, {"phone": "139 1234 5678"}]}).encode(),
             {"kind": "mobile", "row": 2, "column": "list.item.phone"}),
            ("a.json", b"[broken, 13912345678", {"kind": "mobile", "row": 1}),
            ("a.txt", f"说明\n联系人证件 {ID}\n".encode("gb18030"), {"kind": "resident_id", "row": 2}),
            ("a.csv", "a;b\n1;4539148803436467\n".encode("utf-16"), {"kind": "bank_card", "row": 2, "column": "b"}),
        ],
    )  # fmt: skip
    def test_in_every_kind_of_file(self, world, name, content, place):
        made = held(world, content, name, format="CSV")
        (found,) = row(made).findings
        assert {key: found[key] for key in place} == place

    def test_in_documents(self, world):
        made = held(
            world,
            docx(f"<w:p><w:r><w:t>{ID[:9]}</w:t></w:r><w:r><w:t>{ID[9:]}</w:t></w:r></w:p>"),
            "a.docx",
            format="CSV",
        )
        assert row(made).state == "held"
        clean = held(world, docx("<w:p><w:r><w:t>0471-6201234</w:t></w:r></w:p>"), "a.docx", format="CSV")
        assert row(clean).state == "clean"

    def test_in_pdf_text(self, world):
        made = held(world, pdf("13912345678"), "a.pdf", format="CSV")
        assert [f["kind"] for f in row(made).findings] == ["mobile"]
        scan = held(world, pdf(""), "a.pdf", format="CSV")
        assert (row(scan).state, row(scan).coverage) == ("clean", "partial")

    def test_what_cannot_be_read_at_all_is_said_to_be_unscanned(self, world):
        made = held(world, b"\x89PNG\r\n\x1a\n\x00", "a.png", format="CSV")
        assert (row(made).state, row(made).coverage) == ("clean", "nothing")

    def test_offices_may_publish_their_landlines(self, world):
        made = held(world, "单位,电话\n某局,0471-6201234\n某厅,12345\n".encode())
        assert row(made).state == "clean"


class TestBackground:
    def test_a_large_file_waits_for_the_worker(self, world, worked, monkeypatch, ckan_config):
        monkeypatch.setitem(ckan_config, "ckanext.nmgdata.screening.request_mb", 0)
        made = held(world)
        assert explained(made) == "screening"
        assert worked() == 1
        assert explained(made) == "held"
        clean = held(world, factories.CSV)
        worked()
        assert explained(clean) == "unconditional"

    def test_a_scan_that_fails_leaves_the_file_shut_and_saves_the_dataset(self, world, monkeypatch):
        def broken(*_arguments):
            raise ZeroDivisionError

        monkeypatch.setattr(follow, "scan", broken)
        assert explained(held(world)) == "screening"

    def test_the_command_scans_what_was_there_before(self, world, worked):
        made, clean = held(world), world.open_data
        worked()
        model.Session.execute(sa.delete(Screening))
        model.Session.commit()
        from ckanext.nmgdata.tables.cli import screen
        from click.testing import CliRunner

        done = CliRunner().invoke(screen)
        assert done.exit_code == 0, done.output
        assert "clean: 1" in done.output
        assert "held: 1" in done.output
        assert (explained(made), explained(clean)) == ("held", "unconditional")
        assert row(made).uploader_id is None


class TestRowsThroughTheApi:
    @pytest.mark.parametrize(
        ("action", "values"),
        [
            ("datastore_upsert", {"method": "insert", "records": [{"名称": ID}]}),
            ("datastore_create", {"records": [{"名称": ID}]}),
            ("datastore_records_delete", {"filters": {"数量": 1}}),
            ("datastore_delete", {"filters": {"数量": 1}}),
        ],
    )
    def test_none_beside_those_of_a_file(self, world, worked, action, values):
        """Only the file would be scanned when its entry opens to everyone; its next version would drop them."""
        made = factories.dataset(world.department, open_class="conditional")
        file = factories.upload(made, "名称,数量\n甲,1\n".encode())
        worked()
        with pytest.raises(tk.ValidationError) as refused:
            factories.call(action, world.editor, resource_id=file["id"], force=True, **values)
        assert list(refused.value.error_dict) == ["records"]
        model.Session.rollback()

    def write(self, world, made, rows):
        resource = {"package_id": made["id"], "name": "接口表", "format": "CSV"}
        fields = [{"id": "证件", "type": "text"}]
        return factories.call(
            "datastore_create", world.editor, resource=resource, fields=fields, records=rows,
            calculate_record_count=False,
        )  # fmt: skip

    def test_none_with_personal_data_get_into_what_everybody_may_have(self, world):
        made = factories.dataset(world.department)
        with pytest.raises(tk.ValidationError) as refused:
            self.write(world, made, [{"证件": "无"}, {"证件": ID}])
        assert ID not in str(refused.value.error_dict)
        assert "证件" in str(refused.value.error_dict)
        clean = self.write(world, made, [{"证件": "无"}])
        for method in ("insert", "upsert"):
            with pytest.raises(tk.ValidationError):
                factories.call(
                    "datastore_upsert", world.editor, resource_id=clean["resource_id"], force=True,
                    method=method, records=[{"证件": ID}], calculate_record_count=False,
                )  # fmt: skip
        assert search(clean["resource_id"])["total"] == 1

    @pytest.mark.parametrize("content", [b"text", factories.CSV], ids=["text", "table"])
    def test_a_file_over_a_table_lets_its_rows_out_no_more(self, world, worked, content):
        """R-SEC-14: they were never scanned, and the file's scan says nothing of them."""
        made = factories.dataset(world.department, open_class="conditional")
        factories.upload(made)
        rid = self.write(world, made, [{"证件": ID}])["resource_id"]
        form = "CSV" if content == factories.CSV else "TXT"
        upload = FileStorage(io.BytesIO(content), f"a.{form.lower()}")
        factories.call("resource_patch", world.editor, id=rid, upload=upload, url_type="upload", format=form)
        for action in ("datastore_search", "datastore_info"):
            with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
                factories.call(action, world.editor, resource_id=rid)
        worked()
        assert "证件" not in rows.columns_of(rid)
        assert bool(rows.columns_of(rid)) is (form == "CSV")

    @pytest.mark.parametrize("flag", [False, "", "abc"])
    def test_a_table_is_scanned_as_its_entry_opens_whatever_its_flag_says(self, world, worked, flag):
        made = factories.dataset(world.department, open_class="conditional")
        rid = self.write(world, made, [{"证件": ID}] * 39)["resource_id"]
        factories.call("resource_patch", world.editor, id=rid, datastore_active=flag)
        with begin(Actor.system()) as unit:
            follow.opened(unit, events.ClassChanged(made["id"], "conditional", "unconditional"))
        stated = {"open_class": "unconditional", "license_id": "other-open", "open_condition": ""}
        tk.get_action("package_patch")(factories.site_context(), {"id": made["id"], **stated})
        worked()
        factories.call("resource_patch", world.editor, id=rid, datastore_active=True)
        worked()
        for user in (None, world.citizen):
            with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
                search(rid, user)

    def test_conditional_tables_may_hold_them(self, world):
        made = factories.dataset(world.department, open_class="conditional")
        assert self.write(world, made, [{"证件": ID}])["resource_id"]


def docx(body: str) -> bytes:
    """Return a document with this body."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "word/document.xml",
            '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
            f"<w:body>{body}</w:body></w:document>",
        )
    return out.getvalue()


def pdf(text: str) -> bytes:
    """Return a PDF of one page with this text."""
    stream = f"BT /F1 12 Tf 20 20 Td ({text}) Tj ET" if text else ""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /Resources 6 0 R >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Font << /F1 5 0 R >> >>",
    ]
    body, places = "%PDF-1.4\n", []
    for number, text_of in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{text_of}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"xref\n0 7\n0000000000 65535 f \n{table}trailer << /Size 7 /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF"
    return (body + end).encode()


def test_the_examples_above_are_what_they_seem():
    assert numbers.is_id_number(ID, date(2026, 11, 22))


class TestTablesKeptThroughTheApi:
    """Rows without a file, written while the entry was not open to everyone, when it opens (R-SEC-14)."""

    @pytest.fixture
    def made(self, world):
        """Return a conditional entry with a table of two rows, one with a number of a person."""
        dataset = factories.dataset(world.department, open_class="conditional")
        table = factories.call(
            "datastore_create", world.editor, calculate_record_count=False,
            resource={"package_id": dataset["id"], "name": "接口表", "format": "CSV"},
            fields=[{"id": "序号", "type": "int"}, {"id": "备注", "type": "text"}],
            records=[{"序号": 1, "备注": "无"}, {"序号": 2, "备注": f"证号{ID}"}],
        )  # fmt: skip
        return dataset, table["resource_id"]

    def reopen(self, world, dataset, open_class="unconditional"):
        """Change the class of an entry."""
        change = {"open_class": open_class, "license_id": "other-open"}
        tk.get_action("package_patch")(factories.site_context(), {"id": dataset["id"], **change})

    def says(self, rid):
        """Return what the gate says about the rows to anybody."""
        return factories.call("nmgdata_access_explain", None, id=rid)["reason"]

    def test_it_is_shut_from_the_change_on_and_held_when_the_scan_finds_something(self, world, worked, made):
        dataset, rid = made
        self.reopen(world, dataset)
        assert self.says(rid) == "screening"
        with pytest.raises(tk.NotAuthorized):
            search(rid)
        worked()
        assert self.says(rid) == "held"
        with pytest.raises(tk.NotAuthorized):
            search(rid)
        shown = factories.call("nmgdata_screening_show", world.reviewer, id=rid)
        assert (shown["state"], shown["findings"][0]["row"], shown["findings"][0]["column"]) == (
            "held",
            2,
            "备注",
        )
        assert ID not in str(shown)

    def test_rows_that_were_mended_are_scanned_again_and_free_it(self, world, worked, made):
        dataset, rid = made
        self.reopen(world, dataset)
        worked()
        factories.call(
            "datastore_records_delete", world.editor, resource_id=rid, filters={"序号": 2}, force=True
        )
        assert self.says(rid) == "screening"
        worked()
        assert self.says(rid) == "unconditional"
        assert search(rid)["total"] == 1

    def test_a_reviewer_can_release_it_and_a_change_of_rows_voids_that(self, world, worked, made):
        dataset, rid = made
        self.reopen(world, dataset)
        worked()
        digest = factories.call("nmgdata_screening_show", world.reviewer, id=rid)["digest"]
        factories.call(
            "nmgdata_screening_override",
            world.reviewer,
            id=rid,
            digest=digest,
            reason="经核对为公开的样例号码。",
        )
        assert self.says(rid) == "unconditional"
        factories.call(
            "datastore_upsert", world.editor, resource_id=rid, force=True, method="insert",
            records=[{"序号": 3, "备注": "无"}], calculate_record_count=False,
        )  # fmt: skip
        assert self.says(rid) == "screening"

    def test_clean_rows_open_after_the_scan_and_other_classes_are_not_scanned(self, world, worked, made):
        dataset, rid = made
        factories.call(
            "datastore_records_delete", world.editor, resource_id=rid, filters={"序号": 2}, force=True
        )
        assert worked() == 0
        self.reopen(world, dataset)
        worked()
        assert self.says(rid) == "unconditional"


class TestReviewersAreTold:
    def test_once_by_mail_and_without_what_was_found(self, world, pages, worked):
        assert world.reviewer
        assert world.stranger
        made = held(world)
        worked()
        for _again in range(2):
            outbox.deliver(["file_held"])
        letters = model.Session.scalars(sa.select(Outbox.payload).where(Outbox.topic == "mail")).all()
        assert [letter["to"] for letter in letters] == ["reviewer@example.org"]
        assert made["resources"][0]["id"] in letters[0]["body"]
        assert ID not in letters[0]["subject"] + letters[0]["body"]
        assert ID[:3] + "*" not in letters[0]["body"]
