"""Pages and files of classes that move: journeys over HTTP of department, authority and public."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .... import conftest, factories
from ....factories import call, login, site_context
from ....kernel import clock, outbox
from ....kernel.deadlines import statutes
from ....kernel.outbox.model import Outbox
from .. import schedule
from . import moves
from .moves import ANSWERS, class_of, decide, made_as, move, refused
from .test_evaluation import KEPT, NOON

pytestmark = pytest.mark.usefixtures("clean")


@pytest.fixture
def world(clean) -> factories.World:
    """Return a small region with an authority."""
    made = factories.World()
    assert made.official
    assert made.reviewer
    return made


def mails(wsgi: Any) -> set[str]:
    """Deliver the notices and return to whom which mail goes."""
    with wsgi._wsgi_app.test_request_context(base_url="http://test.ckan.net"):
        outbox.deliver(["notice"])
    rows = model.Session.scalars(sa.select(Outbox.payload).where(Outbox.topic == "mail"))
    return {f"{row['to'].partition('@')[0]}: {row['subject'].partition('：')[0]}" for row in rows}


class TestJourneys:
    def test_a_department_proposes_and_the_authority_closes(self, world, app, wsgi, clean_search):
        made = made_as(world, "unconditional", title="公共停车场泊位")
        editor, official = login(world.editor), login(world.official)
        page = app.get(f"/dataset/{made['name']}", headers=editor).body
        assert f"/nmg/classes/change/{made['name']}" in page
        page = app.get(f"/dataset/edit/{made['name']}", headers=editor).body
        assert f"/nmg/classes/change/{made['name']}" in page and 'value="non_open"' not in page
        address = f"/nmg/classes/change/{made['name']}"
        page = app.get(address, headers=editor).body
        assert "open_class=conditional" in page and "主管部门先行审核" in page
        page = app.get(f"{address}?open_class=conditional", headers=editor).body
        assert 'name="open_condition"' in page and 'name="nonopen_ground"' not in page
        typed = {"open_class": "conditional", "reason": "短", "legal_basis": moves.BASIS}
        page = app.post(address, data=typed, headers=editor).body
        assert moves.BASIS in page and 'href="#f-reason"' in page and 'href="#f-open_condition"' in page
        typed |= {"reason": moves.REASON, "open_condition": moves.CONDITION}
        answer = app.post(address, data=typed, headers=editor, follow_redirects=False)
        number = answer.headers["Location"].rpartition("/")[2]
        assert number.startswith("KF-20261123-")
        page = app.get(f"/nmg/cases/{number}", headers=official).body
        assert moves.REASON in page and "step-approve" in page and "step-return" in page
        app.post(f"/nmg/cases/{number}/approve", data={"opinion": "同意。"}, headers=official)
        assert class_of(made) == "conditional"
        page = app.get(f"/dataset/{made['name']}").body
        assert "开放属性变更记录" in page and moves.REASON in page
        page = app.get("/nmg/classes?stricter=1").body
        assert "公共停车场泊位" in page and number in page and moves.BASIS in page
        assert {"official: 收紧开放属性的建议", "editor: 收紧后的开放属性已生效"} <= mails(wsgi)

    def test_a_reviewer_opens_with_the_consent_of_the_rights_holders(self, world, app, clean_search):
        made = made_as(world, "non_open", title="企业信用评价")
        reviewer = login(world.reviewer)
        address = f"/nmg/classes/change/{made['name']}"
        page = app.get(f"{address}?open_class=unconditional", headers=reviewer).body
        assert 'name="consented_by"' in page and 'name="reason"' not in page
        secret = page.partition('name="form" value="')[2].partition('"')[0]
        typed = {**moves.statement("unconditional", "non_open"), "form": secret}
        sent = {**typed, "secrecy_review": "", "evidence": (io.BytesIO(factories.PDF), "同意书.pdf")}
        page = app.post(address, data=sent, headers=reviewer, content_type="multipart/form-data").body
        assert "同意书.pdf" in page and 'href="#f-secrecy_review"' in page
        sent = {name: value for name, value in typed.items() if name != "evidence"}
        answer = app.post(address, data=sent, headers=reviewer, follow_redirects=False)
        assert "/nmg/cases/KF-" in answer.headers["Location"]
        assert app.get(f"/dataset/{made['name']}").status_code == 200
        [found] = call("package_search", None, q=f'id:"{made["id"]}"')["results"]
        assert found["open_class"] == "unconditional"

    def test_evaluations_are_made_one_after_the_other(self, world, app):
        for title in ("甲", "乙"):
            made_as(world, "conditional", title=f"目录{title}")
        with clock.fixed(NOON):
            schedule.open_due()
            reviewer = login(world.reviewer)
            page = app.get("/nmg/evaluations", headers=reviewer).body
            assert "目录甲" in page and "目录乙" in page
            first = page.partition("/nmg/evaluations/PG-")[2].partition('"')[0]
            page = app.post(
                f"/nmg/evaluations/PG-{first}", data={"conclusion": "keep"}, headers=reviewer
            ).body
            assert 'href="#f-q_demand"' in page
            address = f"/nmg/evaluations/PG-{first}"
            answer = app.post(address, data=KEPT, headers=reviewer, follow_redirects=False)
            following = answer.headers["Location"]
            assert "/nmg/evaluations/PG-" in following and first not in following
            page = app.get(following, headers=reviewer).body
            assert 'name="q_basis"' in page
            answer = app.post(following, data=KEPT, headers=reviewer, follow_redirects=False)
            assert answer.headers["Location"].endswith("/nmg/evaluations")
            page = app.get(f"/nmg/cases/PG-{first}", headers=login(world.official)).body
            assert ANSWERS["findings"] in page

    def test_the_case_page_carries_an_opening_out(self, world, app):
        made = made_as(world, "conditional")
        done = call(
            "nmgdata_evaluation_submit", world.reviewer, id=made["id"], conclusion="convertible",
            target="unconditional", **ANSWERS,
        )  # fmt: skip
        reviewer = login(world.reviewer)
        page = app.get(f"/nmg/cases/{done['change']}", headers=reviewer).body
        assert ANSWERS["findings"] in page  # what the evaluation has found is there already
        stated = {"evaluation": moves.EVALUATED, "secrecy_review": moves.SECRECY, "form": "x" * 32}
        app.post(f"/nmg/cases/{done['change']}/convert", data=stated, headers=reviewer)
        assert class_of(made) == "unconditional"

    @pytest.mark.parametrize("name", ["stranger", "official", "auditor", "applicant"])
    def test_the_form_is_the_department_s(self, world, app, name):
        made = made_as(world, "conditional")
        app.get(f"/nmg/classes/change/{made['name']}", headers=login(getattr(world, name)), status=404)

    def test_an_editor_is_offered_to_propose_only(self, world, app):
        made = made_as(world, "conditional")
        page = app.get(f"/nmg/classes/change/{made['name']}", headers=login(world.editor)).body
        assert "open_class=non_open" in page and "open_class=unconditional" not in page

    @pytest.mark.parametrize("path", ["/nmg/evaluations", "/nmg/evaluations/PG-20261123-00001-1"])
    def test_without_a_login_one_is_asked_for_it(self, world, app, path):
        assert "/user/login" in app.get(path, follow_redirects=False).headers["Location"]


class TestHistory:
    def test_dc_16_was_open_until(self, world):
        made = made_as(world, "unconditional")
        case = move(made, "conditional", world.editor)
        decide(case, world.official)
        newest, first = call("nmgdata_class_history_list", None, id=made["id"])
        assert (newest["open_class"], newest["case_number"], newest["until"]) == ("conditional", case["number"], None)  # fmt: skip
        assert (first["open_class"], first["until"]) == ("unconditional", newest["since"])
        assert (newest["reason"], newest["legal_basis"]) == (moves.REASON, moves.BASIS)

    def test_days_are_those_of_inner_mongolia(self, world, app):
        made = made_as(world, "unconditional")
        with clock.fixed(conftest.MONDAY.replace(hour=16, minute=30)):
            decide(move(made, "conditional", world.editor), world.official)
        [line] = call("nmgdata_class_history_list", None)
        assert line["since"] == "2026-11-24T00:30:00+08:00"
        assert "2026年11月24日" in app.get("/nmg/classes").body

    def test_the_history_of_a_hidden_entry_is_hidden_but_its_closing_announced(self, world):
        made = made_as(world, "unconditional", title="企业用电量")
        decide(move(made, "non_open", world.editor), world.official)
        with pytest.raises((tk.ObjectNotFound, tk.NotAuthorized)):
            call("nmgdata_class_history_list", None, id=made["id"])
        [line] = call("nmgdata_class_history_list", None)
        assert (line["title"], line["before"], line["stricter"]) == ("企业用电量", "unconditional", True)

    def test_what_the_public_never_saw_is_not_announced(self, world):
        made = made_as(world, "conditional")
        tk.get_action("package_patch")(site_context(), {"id": made["id"], "private": True})
        decide(move(made, "non_open", world.editor), world.official)
        assert call("nmgdata_class_history_list", None) == []
        assert len(call("nmgdata_class_history_list", world.reviewer, id=made["id"])) == 2

    def test_announcements_for_programs(self, world, app):
        made = made_as(world, "unconditional", title="=HYPERLINK(1)")
        decide(move(made, "conditional", world.editor), world.official)
        move(made, "unconditional", world.reviewer)
        lines = json.loads(app.get("/nmg/classes.json").body)
        assert [(line["before"], line["stricter"]) for line in lines] == [("conditional", False), ("unconditional", True)]  # fmt: skip
        rows = list(csv.DictReader(io.StringIO(app.get("/nmg/classes.csv?stricter=1").body.lstrip("\ufeff"))))
        assert len(rows) == 1 and not rows[0]["title"].startswith("=")
        app.get("/nmg/classes.xml", status=404)


class TestNegativeList:
    """DC-28: off; then per entry."""

    @pytest.fixture
    def entries(self, world) -> dict[str, Any]:
        """Return a conditional entry, a hidden and a released non-open one, and an open one."""
        return {
            "conditional": made_as(world, "conditional", title="出租汽车轨迹"),
            "hidden": made_as(world, "non_open", title="未公布的名册"),
            "released": made_as(world, "non_open", title="公布的名册", in_negative_list=True),
            "open": made_as(world, "unconditional", title="公交站点"),
        }

    @pytest.fixture
    def published(self, monkeypatch) -> None:
        """Let the region publish its list."""
        monkeypatch.setitem(statutes.current().settings, "public_negative_list", True)

    def titles(self, app: Any, user: Any = None) -> list[str]:
        """Return the titles of the list as somebody reads it."""
        headers = login(user) if user else {}
        return sorted(
            line["title"] for line in json.loads(app.get("/nmg/negative-list.json", headers=headers).body)
        )

    def test_it_is_off_for_the_public(self, world, app, entries):
        for path in ("/nmg/negative-list", "/nmg/negative-list.csv", "/nmg/negative-list.json"):
            app.get(path, status=404)
            app.get(path, headers=login(world.citizen), status=404)
        assert "/nmg/negative-list" not in app.get("/").body

    def test_offices_read_it_as_far_as_they_reach(self, world, app, entries):
        every = sorted(["出租汽车轨迹", "未公布的名册", "公布的名册"])
        assert self.titles(app, world.reviewer) == self.titles(app, world.official) == every
        assert self.titles(app, world.stranger) == []

    def test_published_it_holds_what_is_released(self, world, app, entries, published):
        assert self.titles(app) == sorted(["出租汽车轨迹", "公布的名册"])
        page = app.get("/nmg/negative-list").body
        assert "未公布的名册" not in page and "个人隐私" in page
        assert "/nmg/negative-list" in app.get("/").body
        text = app.get("/nmg/negative-list.csv").body
        assert "《中华人民共和国个人信息保护法》第二十八条" in text and "未公布的名册" not in text
        assert "鄂府" not in page and "2021" not in page


class TestMail:
    def test_every_notice_has_its_text(self, world, wsgi):
        made = made_as(world, "unconditional")
        first = move(made, "conditional", world.editor)
        decide(first, world.official, "return", reason="依据不足。")
        second = move(made, "conditional", world.editor)
        decide(second, world.reviewer, "withdraw", reason="再行评估。")
        third = move(made, "conditional", world.editor)
        decide(third, world.official)
        wanted = {"conclusion": "convertible", "target": "unconditional", **ANSWERS}
        done = call("nmgdata_evaluation_submit", world.reviewer, id=made["id"], **wanted)
        decide({"id": done["change"]}, world.reviewer, "drop", reason="仍有风险。")
        done = call("nmgdata_evaluation_submit", world.reviewer, id=made["id"], **wanted)
        move(made, "unconditional", world.reviewer)
        fourth = move(made, "non_open", world.editor)
        tk.get_action("package_delete")(site_context(), {"id": made["id"]})
        assert call("nmgdata_case_show", world.reviewer, id=fourth["id"])["status"] == "lapsed"
        said = mails(wsgi)
        for start in ("official: 收紧开放属性的建议已放弃", "official: 拟开放的数据不再开放", "official: 数据已扩大开放",
                      "official: 数据经评估可以开放", "editor: 收紧开放属性的建议已退回", "reviewer: 开放属性调整已无必要",
                      "reviewer: 应当开放的数据"):  # fmt: skip
            assert start in said, (start, sorted(said))


def test_who_waits_for_data_or_uses_them_is_told_that_they_are_closed(world, wsgi):
    made = made_as(world, "conditional")
    case = world.granted(made)
    decide(move(made, "non_open", world.editor), world.official)
    assert call("nmgdata_case_show", world.applicant, id=case["id"])["status"] == "provided"
    assert "applicant: 数据不再开放" in mails(wsgi)


def test_bad_shapes_are_refused_at_their_fields(world):
    made = made_as(world, "conditional")
    for field in ("open_class", "reason", "basis", "form"):
        stated = {**moves.statement("unconditional", "conditional"), field: ["a", "b"]}
        said = refused(call, "nmgdata_class_change_submit", world.reviewer, id=made["id"], **stated)
        assert list(said) == [field]
