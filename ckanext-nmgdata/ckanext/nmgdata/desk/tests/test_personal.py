"""Who filed a case is masked for every kind of case, until somebody entitled looks, which is audited."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ...factories import OBJECTION, STATEMENT, call
from ...kernel.audit.model import AuditEvent
from ...kernel.workflow import presenters

WHY = "来电核对申请人身份"
KINDS = {
    "open_application": (STATEMENT["applicant_name"], STATEMENT["contact_phone"], "applicant@example.org"),
    "rights_objection": (OBJECTION["objector_name"], OBJECTION["contact_phone"], OBJECTION["contact_email"]),
}


@pytest.fixture(params=sorted(KINDS))
def case(request, world):
    """Return a case of each kind that a person files, with what identifies that person."""
    if request.param == "open_application":
        made = world.submitted()
    else:
        made = world.objected(world.open_data, world.applicant)
    return {**made, "kind": request.param, "private": KINDS[request.param]}


def looks() -> int:
    """Return how many looks at personal data stand in the audit log."""
    return model.Session.scalar(sa.select(sa.func.count()).where(AuditEvent.verb == "personal.revealed"))


@pytest.mark.parametrize("name", ["reviewer", "official", "auditor"])
def test_r_sec_11_masked_in_lists_api_and_pages_until_looked_at(world, case, name, app, as_user):
    person = getattr(world, name)
    headers = as_user(person)
    shown = json.dumps(call("nmgdata_case_show", person, id=case["id"]), ensure_ascii=False)
    listed = json.dumps(call("nmgdata_case_list", person, box="department"), ensure_ascii=False)
    page = app.get(f"/nmg/cases/{case['number']}", headers=headers).body
    for private in case["private"]:
        assert private not in shown + listed + page
    assert "**" in shown
    assert looks() == 0
    unreasoned = app.post(f"/nmg/cases/{case['number']}/reveal", headers=headers)
    assert 'id="e-reveal-reason"' in unreasoned.body
    assert not any(private in unreasoned.body for private in case["private"])
    with pytest.raises(tk.ValidationError) as refused:
        call("nmgdata_personal_reveal", person, id=case["id"])
    assert list(refused.value.error_dict) == ["reason"]
    assert looks() == 0
    clear = app.post(f"/nmg/cases/{case['number']}/reveal", headers=headers, data={"reason": WHY})
    assert all(private in clear.body for private in case["private"])
    assert clear.headers["Cache-Control"] == "private, no-store"
    assert looks() == 1
    again = call("nmgdata_personal_reveal", person, id=case["number"], reason=WHY)
    assert set(case["private"]) <= set(again.values())
    assert looks() == 2
    assert WHY in app.get("/nmg/audit", headers=as_user(world.auditor)).body


@pytest.mark.parametrize("name", ["editor", "stranger", "citizen", "sysadmin", "applicant", None])
def test_r_obj_07_nobody_else_and_nothing_is_recorded(world, case, name, app, as_user):
    person = getattr(world, name) if name else None
    answer = app.post(
        f"/nmg/cases/{case['number']}/reveal",
        headers=as_user(person) if person else {},
        data={"reason": WHY},
        status=None,
    )
    assert answer.status_code == 404
    with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)):
        call("nmgdata_personal_reveal", person, id=case["id"], reason=WHY)
    assert looks() == 0


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("applicant_name", "张伟强", "张*"),
        ("id_number", "15010219900307234X", "1****************X"),
        ("contact_phone", "13812341234", "138****1234"),
        ("contact_phone", "0471-1234567", "047****4567"),
        ("contact_phone", "12345", "1*"),
        ("contact_email", "wang@example.org", "w***@***"),
        ("credit_code", "11150000011512345X", "1****************X"),
        ("credit_code", None, None),
    ],
)
def test_what_a_mask_leaves(name, value, shown):
    assert presenters.masked(name, value) == shown


def test_who_filed_it_reads_their_own_in_clear(world, case, app, as_user):
    page = app.get(f"/nmg/cases/{case['number']}", headers=as_user(world.applicant)).body
    assert all(private in page for private in case["private"])
    assert "/reveal" not in page


def test_the_forms_say_who_will_see_it_and_why(world, app, as_user):
    for address in (f"/nmg/apply/{world.conditional['name']}", f"/nmg/object/{world.open_data['name']}"):
        page = app.get(address, headers=as_user(world.applicant)).body
        assert "仅供核实和答复" in page
        assert "公共数据主管部门" in page
        assert "审计人员" in page
