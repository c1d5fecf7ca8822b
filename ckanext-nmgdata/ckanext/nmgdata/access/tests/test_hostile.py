"""What somebody sends who means no good, or a program that is broken: told at its field, nothing done."""

from __future__ import annotations

import io
import itertools
import json

import pytest
from ckan import model
from ckan.plugins import toolkit as tk
from PIL import Image

from ... import factories
from ...factories import PDF, STATEMENT, call
from ...kernel.audit.model import AuditEvent
from ...kernel.evidence import files as evidence
from ...kernel.evidence.model import Evidence
from ...kernel.workflow.model import Case, CaseEvent
from ..use.tests.test_use import REPORT, REVOCATION
from .test_holding import grant_of

pytestmark = pytest.mark.usefixtures("clean")
GARBAGE = (
    None,
    [],
    ["a"],
    {"a": 1},
    7,
    True,
    "\0",
    "\ud800",
    "x" * 10_000,
    "' OR 1=1 --",
    "../../etc/passwd",
)
ODD = (["a"], {"a": 1}, True, "\0", "x" * 10_000)
NAMING = {
    "nmgdata_case_show": {},
    "nmgdata_case_transition": {"transition": "withdraw"},
    "nmgdata_personal_reveal": {"reason": "核对身份"},
    "nmgdata_contact_update": {"contact_phone": "13800000001"},
    "nmgdata_use_report_submit": REPORT,
    "nmgdata_grant_show": {},
    "nmgdata_grant_revoke": REVOCATION,
    "nmgdata_grant_member_add": {"account": "citizen"},
    "nmgdata_grant_member_remove": {"account": "citizen"},
    "nmgdata_grant_token_create": {"name": "x"},
    "nmgdata_access_close": {
        "ground": "breach_of_use", "facts": "将数据转交第三方使用。", "evidence": "网页截图。",
        "correct_by": "2026-12-07",
    },
    "nmgdata_case_urge": {"text": "请尽快办理。"},
    "nmgdata_case_urge_answer": {"text": "正在办理。"},
}  # fmt: skip
"""Action that names a case or a grant by ``id`` → what else it needs."""


def changed():
    """Return how much has been written."""
    return tuple(model.Session.query(table).count() for table in (Case, CaseEvent, AuditEvent))


def test_no_id_however_strange_is_an_error_of_ours(world, app, as_user):
    """A refusal of 4xx for each, and nothing written."""
    headers, before = as_user(world.official), changed()
    for action, garbage in itertools.product(NAMING, GARBAGE):
        body = json.dumps({"id": garbage, **NAMING[action]})
        answer = app.post(
            f"/api/3/action/{action}", data=body, headers={**headers, "Content-Type": "application/json"}
        )
        assert 400 <= answer.status_code < 500, (action, garbage)
    assert changed() == before


def test_other_people_s_numbers_are_as_good_as_none(world):
    """A citizen with somebody else's numbers and ids gets the same words as with invented ones."""
    case = world.granted()
    named, before = (case["id"], case["number"], grant_of(case), "SQ-20261123-99999-9"), changed()
    assert world.citizen
    for action, values in NAMING.items():
        said = set()
        for reference in named:
            with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)) as refused:
                call(action, world.citizen, id=reference, **values)
            said.add(f"{type(refused.value).__name__}: {refused.value}")
            model.Session.rollback()
        assert len(said) == 1, said
    assert changed() == before


FIELDS = sorted({*STATEMENT, "credit_code", "id_number", "items", "renews"})


def test_each_field_of_the_application(world, app, as_user):
    """Whatever stands in one field, the answer is a message by a field, or the application it makes."""
    headers = {**as_user(world.applicant), "Content-Type": "application/json"}
    base = {**STATEMENT, "dataset_id": world.conditional["id"], "applicant_kind": "legal_person"}
    for field, garbage in itertools.product(FIELDS, ODD):
        sent = {**base, "credit_code": "11152500011659134E", field: garbage}
        answer = app.post("/api/3/action/nmgdata_application_submit", data=json.dumps(sent), headers=headers)
        assert answer.status_code in (200, 400, 404, 409), (field, garbage)
        if answer.status_code == 200:
            case = json.loads(answer.body)["result"]
            call("nmgdata_case_transition", world.applicant, id=case["id"], transition="withdraw")
        else:
            error = json.loads(answer.body)["error"]
            assert error.get("message") or {*error} - {"__type"}, error


def picture(width, height):
    """Return a PNG of a size."""
    out = io.BytesIO()
    Image.new("1", (width, height)).save(out, "PNG")
    return out.getvalue()


ATTACHED = {
    "a program": (b"MZ\x90\x00", "承诺书.pdf"),
    "nothing": (b"", "空.pdf"),
    "a page": (b"<html><script>alert(1)</script>", "a.png"),
    "a vector image": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg"),
    "half a picture": (picture(40, 40)[:40], "a.png"),
    "far too many pixels": (picture(8000, 7000), "a.png"),
    "far too much": (PDF + b" " * (20 * 1024 * 1024) + b"%%EOF", "大.pdf"),
}


def test_each_attachment(world):
    wrong = {what: [factories.file(), factories.file(*sent)] for what, sent in ATTACHED.items()}
    wrong["one too many"] = [factories.file() for _ in range(evidence.MOST + 1)]
    for what, files in wrong.items():
        with pytest.raises(tk.ValidationError) as refused:
            call(
                "nmgdata_application_submit", world.applicant, dataset_id=world.conditional["id"],
                evidence=files, **STATEMENT,
            )  # fmt: skip
        assert list(refused.value.error_dict) == ["evidence"], what
    assert model.Session.query(Case).count() == 0


NAMES_OF_FILES = ("../../etc/passwd.pdf", "a\r\nSet-Cookie: x=1.pdf", "<b>.pdf", "." * 300 + ".pdf")


def test_no_name_of_a_file_leads_anywhere(world, app, as_user):
    case = call(
        "nmgdata_application_submit", world.applicant, dataset_id=world.conditional["id"],
        evidence=[factories.file(name=name) for name in NAMES_OF_FILES], **STATEMENT,
    )  # fmt: skip
    rows, headers = {row.id: row.name for row in evidence.of_case(case["id"])}, as_user(world.reviewer)
    assert len(rows) == len(NAMES_OF_FILES)
    for key, name in rows.items():
        assert not set(name) & set('/\\<>\r\n"')
        assert len(name) <= 130
        answer = app.get(f"/nmg/cases/{case['number']}/evidence/{key}", headers=headers)
        assert answer.get_data() == PDF
        assert "Set-Cookie: x" not in str(answer.headers)


def test_a_file_of_another_case_is_not_found_under_one_s_own(world, app, as_user):
    theirs = call(
        "nmgdata_application_submit", world.citizen, dataset_id=world.conditional["id"],
        evidence=factories.file(), **STATEMENT,
    )  # fmt: skip
    mine = world.submitted()
    (row,) = evidence.of_case(theirs["id"])
    headers = as_user(world.applicant)
    for number in (mine["number"], theirs["number"]):
        assert app.get(f"/nmg/cases/{number}/evidence/{row.id}", headers=headers).status_code == 404


def test_a_guessed_secret_of_a_form_takes_nobody_s_files(world, app, as_user):
    """The secret is stored hashed: what stands in the database opens nothing."""
    secret = evidence.new_secret()
    app.post(
        f"/nmg/apply/{world.conditional['name']}", headers=as_user(world.citizen),
        data={**STATEMENT, "item": world.conditional["id"], "form": secret, "act": "save",
              "evidence": (io.BytesIO(PDF), "证明.pdf")},
    )  # fmt: skip
    kept = model.Session.query(Evidence).one().draft
    assert secret not in kept
    for guess in (kept, "", "x"):
        case = call(
            "nmgdata_application_submit", world.applicant, dataset_id=world.conditional["id"], form=guess,
            **STATEMENT,
        )  # fmt: skip
        assert evidence.of_case(case["id"]) == []
        call("nmgdata_case_transition", world.applicant, id=case["id"], transition="withdraw")
