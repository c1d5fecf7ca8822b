"""Forms that were refused: what is wrong leads to its field, and nothing typed is lost. Who lands where."""

from __future__ import annotations

import re

import pytest

from ... import factories
from ...factories import OBJECTION, OUTCOME, STATEMENT
from ...kernel import clock
from ...kernel.gate.model import Override

HELD = "姓名,手机\r\n张三,13812345678\r\n".encode()


def summary(body: str, name: str = "errors") -> str:
    """Return the summary of errors of a page; it takes the focus without a script."""
    found = re.search(rf'<div class="notice bad"[^>]*id="{name}"[^>]*>.*?</div>', body, re.DOTALL)
    assert found, "no summary"
    assert "autofocus" in found[0].split(">")[0]
    assert 'tabindex="-1"' in found[0].split(">")[0]
    return found[0]


def assert_leads_to_fields(body: str, name: str = "errors") -> list[str]:
    """Check that each line leads to a field that says what is wrong with it; return their names."""
    targets = re.findall(r'href="#(f-[^"]+)"', summary(body, name))
    for target in targets:
        tag = re.search(rf'<(?:input|textarea|select|div|fieldset)[^>]*id="{target}"[^>]*>', body)
        assert tag, target
        described = re.search(r'aria-describedby="([^"]+)"', tag[0])
        assert described, tag[0]
        assert any(f'id="{name}"' in body for name in described[1].split() if name.startswith("e-")), tag[0]
    return targets


@pytest.fixture
def forms(world, app, as_user):
    """Send every form of ours with errors; return name of the form → page and the fields that are wrong."""
    reader, reviewer = as_user(world.applicant), as_user(world.reviewer)
    case = world.objected(world.open_data)
    apply = f"/nmg/apply/{world.conditional['name']}"
    object_to = f"/nmg/object/{world.conditional['name']}"
    return {
        "apply": (
            app.post(apply, data={**STATEMENT, "contact_phone": "123"}, headers=reader),
            ["contact_phone"],
        ),
        "object": (
            app.post(object_to, data={**OBJECTION, "contact_phone": "1"}, headers=reader),
            ["evidence", "contact_phone"][1:],
        ),
        "suspend": (
            app.post(f"/nmg/suspend/{world.conditional['name']}", data={"reason": ""}, headers=reviewer),
            ["danger_kind", "reason"],
        ),
        "register": (
            app.post("/user/register", data={"kind": "natural_person"}),
            ["name", "email", "password1"],
        ),
        "find": (app.post("/nmg/cases", data={"number": "x", "code": "y"}), ["number"]),
        "restore": (
            app.post(
                f"/nmg/cases/{case['number']}/restore", data={**OUTCOME, "feedback": ""}, headers=reviewer
            ),
            ["restore-feedback"],
        ),
    }


def test_every_form_leads_from_its_summary_to_the_fields(forms):
    for form, (page, wrong) in forms.items():
        name = "restore-errors" if form == "restore" else "errors"
        assert assert_leads_to_fields(page.body, name) == [f"f-{field}" for field in wrong], form


def test_a_wrong_telephone_is_marked_where_it_stands(forms):
    body = forms["apply"][0].body
    tag = re.search(r'<input id="f-contact_phone"[^>]*>', body)[0]
    assert 'aria-invalid="true"' in tag
    assert "e-contact_phone" in tag


def test_unticked_files_stay_unticked(world, app, as_user):
    case = world.objected(world.open_data)
    address = f"/nmg/cases/{case['number']}"
    headers = as_user(world.reviewer)
    box = r'<input type="checkbox" id="s-[^"]+" name="sealed"[^>]*>'
    assert "checked" in re.search(box, app.get(address, headers=headers).body)[0]
    page = app.post(
        f"{address}/open_after_processing", data={**OUTCOME, "processing": "已删除车牌列。"}, headers=headers
    )
    assert "checked" not in re.search(box, page.body)[0]
    assert assert_leads_to_fields(page.body, "open_after_processing-errors") == [
        "f-open_after_processing-sealed"
    ]
    assert "已删除车牌列。" in page.body


def test_an_override_with_too_short_a_reason_keeps_what_was_typed(world, app, as_user):
    resource = world.conditional["resources"][0]["id"]
    page = app.post(f"/nmg/override/{resource}", data={"reason": "短理由"}, headers=as_user(world.auditor))
    assert "短理由" in page.body
    assert assert_leads_to_fields(page.body) == ["f-reason"]
    assert factories.model.Session.query(Override).count() == 0


def test_so_does_the_release_of_a_held_file(world, app, as_user):
    made = world.open_data
    held = factories.upload(made, HELD, "held.csv")
    from ...kernel.gate.screening import show

    digest = show(held["id"]).digest
    page = app.post(
        f"/nmg/screening/{held['id']}",
        data={"digest": digest, "reason": "短理由"},
        headers=as_user(world.reviewer),
    )
    assert "短理由" in page.body
    assert assert_leads_to_fields(page.body, "release-errors") == ["f-release-reason"]
    assert show(held["id"]).state == "held"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("reviewer", "inbox"),
        ("editor", "inbox"),
        ("official", "inbox"),
        ("auditor", "audit"),
        ("citizen", "my"),
    ],
)
def test_everybody_lands_where_their_work_is(world, name, place, app, as_user):
    headers = as_user(getattr(world, name))
    answer = app.get("/nmg/start", headers=headers, follow_redirects=False)
    assert answer.headers["Location"].endswith(f"/nmg/{place}")
    assert app.get(f"/nmg/{place}", headers=headers).status_code == 200


def test_an_editor_finds_held_files_and_drafts_and_no_case(world, app, as_user):
    held = factories.upload(world.open_data, HELD, "held.csv")
    draft = factories.dataset(world.department, title="尚未发布的条目", private=True)
    factories.dataset(world.other, title="别的部门的条目", private=True)
    case = world.objected(world.conditional)
    page = app.get("/nmg/inbox", headers=as_user(world.editor)).body
    assert held["id"] in page
    assert draft["title"] in page
    assert case["number"] not in page
    assert "别的部门的条目" not in page


def test_dc_33_the_authority_is_asked_to_confirm_rules_past_their_validity(world, app, as_user, monkeypatch):
    headers = as_user(world.official)
    assert "规则依据已过有效期" not in app.get("/nmg/inbox", headers=headers).body
    monkeypatch.setitem(factories.tk.config, "ckanext.nmgdata.region", "150100")
    assert "规则依据已过有效期" in app.get("/nmg/inbox", headers=headers).body
    with clock.fixed(clock.now().replace(month=9, day=30)):
        assert "规则依据已过有效期" not in app.get("/nmg/inbox", headers=as_user(world.official)).body
