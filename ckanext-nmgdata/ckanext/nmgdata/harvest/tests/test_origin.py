"""Cases about a city's data at the region: closed at once, the city is told, nobody is left waiting (DC-53)."""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model
from ckan.plugins import toolkit as tk

from ... import factories
from ...kernel import outbox
from ...kernel.audit import verify
from ...kernel.gate.policy import Reason
from ...kernel.types import Conflict
from ...kernel.workflow import sweep
from ...kernel.workflow.model import Case
from ...tests import faults
from ..model import Source
from .fed import FedCity
from .test_following import later

pytestmark = pytest.mark.usefixtures("clean_search", "pages")
CONTACT = "鄂尔多斯市数据局 data@ordos.example.cn 0477-1234567"
CITY = "data@ordos.example.cn"
PERSONS = {"ground": "personal_information"}


@pytest.fixture
def city() -> FedCity:
    """Return a city with an open and a conditional entry, and an address to write to."""
    made = FedCity(contact=CONTACT)
    made.put("a")
    made.put(
        "b", open_class="conditional", open_condition="限科研用途，不得再识别。",
        open_reason="批量数据可推知个人行踪。", open_legal_basis="《中华人民共和国个人信息保护法》第二十八条",
    )  # fmt: skip
    made.begin()
    return made


def letters() -> dict[str, list[str]]:
    """Deliver all mail; return the texts by address."""
    found: dict[str, list[str]] = {}
    with faults.mail_server() as came:
        for _turn in range(3):
            outbox.deliver()
        for letter in came:
            text = next(part for part in letter.walk() if part.get_content_type() == "text/plain")
            found.setdefault(letter["To"], []).append(text.get_payload(decode=True).decode())
    return found


def object_to(city: FedCity, identifier: str = "a") -> Case:
    """File an objection as somebody without an account; return the case."""
    dataset = {"id": city.dataset(identifier).id}
    filed = factories.World().objected(dataset)
    return model.Session.get_one(Case, filed["id"], populate_existing=True)


def official(world: factories.World, org: dict[str, Any], name: str) -> factories.Person:
    """Return a reviewer of an organisation."""
    return factories.join(factories.person(name), org, "reviewer")


class TestObjections:
    def test_the_copy_is_closed_at_once_and_the_city_is_told_with_the_case(self, city, world):
        assert world.official
        case = object_to(city)
        assert city.answer("a") == Reason.SUSPENDED
        told = letters()
        (text,) = told[CITY]
        assert f"/nmg/cases/{case.number}" in text
        assert "https://city.example.cn/a" in text
        assert "李秀英" not in text
        assert factories.OBJECTION["statement"] not in text

    def test_with_nobody_at_the_city_the_region_s_authority_decides_and_the_objector_is_answered(
        self, city, world
    ):
        boss = world.official
        case = object_to(city)
        assert case.org_id == world.authority["id"]
        letters()
        step = {"id": case.id, "transition": "restore", **factories.OUTCOME}
        factories.call("nmgdata_case_transition", boss, **step)
        told = letters()
        assert factories.OUTCOME["feedback"] in told[factories.OBJECTION["contact_email"]][0]
        assert city.answer("a") == Reason.UNCONDITIONAL
        assert len(told[CITY]) == 1

    def test_the_city_s_authority_comes_first_and_its_department_before_it(self, city, world):
        assert world.official
        authority = factories.organisation(
            "鄂尔多斯市数据局", name="ordos-data", role="authority", region_code="150600"
        )
        clerk = official(world, authority, "clerk")
        case = object_to(city)
        assert case.org_id == authority["id"]
        assert "clerk@example.org" in letters()
        refused = {**factories.OUTCOME, "id": case.id, "transition": "restore"}
        with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
            factories.call("nmgdata_case_transition", world.stranger, **refused)
        factories.call("nmgdata_case_transition", clerk, **refused)
        own = official(world, city.org, "own")
        again = object_to(city, "b")
        assert again.org_id == city.org["id"]
        factories.call("nmgdata_case_transition", own, **{**refused, "id": again.id})

    def test_an_entry_of_the_region_stays_with_its_department(self, world):
        case = factories.World.objected(world, world.open_data)
        found = model.Session.get_one(Case, case["id"])
        assert found.org_id == world.department["id"]
        assert CITY not in letters()

    def test_a_city_s_own_stop_is_not_told_to_it(self, city):
        city.suspend("a")
        city.follow()
        assert letters() == {}


class TestApplications:
    def test_are_made_at_the_city(self, city, world, app, as_user):
        resource = city.dataset("b").resources_all[0]
        said = factories.call("nmgdata_access_explain", id=resource.id)
        assert (said["reason"], said["apply_url"]) == ("application_required", "https://city.example.cn/b")
        assert said["apply_at"] == "ordos"
        page = app.get(f"/dataset/{city.dataset('b').name}").body
        assert 'href="https://city.example.cn/b"' in page
        assert "/nmg/apply/" not in page
        with pytest.raises(tk.ValidationError) as refused:
            world.submitted({"id": city.dataset("b").id})
        assert "https://city.example.cn/b" in str(refused.value.error_dict)

    def test_a_portal_of_this_software_has_a_form(self, city):
        record = city.record("b")
        record.remote = {**record.remote, "page": "https://ordos.example.cn/dataset/taxi-b"}
        model.Session.commit()
        resource = city.dataset("b").resources_all[0]
        said = factories.call("nmgdata_access_explain", id=resource.id)
        assert said["apply_url"] == "https://ordos.example.cn/nmg/apply/taxi-b"

    def test_or_here_where_the_source_says_so(self, city, world):
        model.Session.get_one(Source, city.id).applications = "here"
        model.Session.commit()
        own = official(world, city.org, "own")
        case = world.submitted({"id": city.dataset("b").id})
        assert model.Session.get_one(Case, case["id"]).org_id == city.org["id"]
        listed = factories.call("nmgdata_case_list", own)
        assert case["number"] in {one["number"] for one in listed}


class TestACityThatIsGone:
    """R-PLAT-02: marked as stale; what it had suspended does not stay so for ever: the authority decides."""

    REASON = {"public_reason": "来源平台已停止运行，经核实数据可以继续开放。"}

    def swept(self, **period: float) -> None:
        """Sweep so much later."""
        with later(**period):
            assert sweep.sweep().errors == 0

    def stopped(self, city: FedCity) -> Case:
        """Have the city suspend what it published; return the region's case of it."""
        city.suspend("a")
        city.follow()
        model.Session.rollback()
        return model.Session.query(Case).filter_by(kind="origin_stop").populate_existing().one()

    def decide(self, who, case: Case, step: str, **stated: Any) -> dict[str, Any]:
        return factories.call("nmgdata_case_transition", who, id=case.id, transition=step, **stated)

    def test_its_pages_say_that_nothing_was_heard_for_long(self, city, app):
        page = f"/dataset/{city.dataset('a').name}"
        said = "可能已不是最新"
        assert "鄂尔多斯" in app.get(page).body
        with later(days=6):
            assert said not in app.get(page).body
        with later(days=8):
            assert said in app.get(page).body
            city.follow()  # the feed is as good as a harvest
            assert said not in app.get(page).body

    def test_nobody_but_the_clock_says_that_it_is_gone(self, city, world):
        case = self.stopped(city)
        for step in ("release", "remove"):
            with pytest.raises(Conflict):
                self.decide(world.official, case, step, **self.REASON)
        self.swept(days=29)
        assert model.Session.get_one(Case, case.id, populate_existing=True).status == "suspended"
        assert city.answer("a") == Reason.SUSPENDED

    @pytest.mark.parametrize(
        ("step", "answer"), [("release", Reason.UNCONDITIONAL), ("remove", Reason.WITHDRAWN)]
    )
    def test_the_authority_decides_with_a_reason_that_is_published(self, city, world, step, answer):
        case = self.stopped(city)
        assert world.official
        self.swept(days=31)
        (letter,) = [text for to, texts in letters().items() if to.startswith("official") for text in texts]
        assert case.number in letter
        assert [
            one["number"] for one in factories.call("nmgdata_case_list", world.official, box="waiting")
        ] == [case.number]
        for other in (world.reviewer, world.editor, world.auditor, world.sysadmin, world.citizen):
            with pytest.raises((tk.NotAuthorized, tk.ObjectNotFound)):
                self.decide(other, case, step, **self.REASON)
        for bad in ({}, {"public_reason": "太短"}, {"public_reason": "请致电 13812345678 核实后再作处理。"}):
            with pytest.raises(tk.ValidationError) as refused:
                self.decide(world.official, case, step, **bad)
            assert list(refused.value.error_dict) == ["public_reason"]
        self.decide(world.official, case, step, **self.REASON)
        assert city.answer("a") == answer
        (line,) = factories.call("nmgdata_suspension_list")
        assert line["reason"] == self.REASON["public_reason"]
        assert verify.verify(None) == []

    def test_a_city_that_comes_back_decides_again(self, city, world):
        case = self.stopped(city)
        self.swept(days=31)
        with later(days=32):
            city.follow()
            assert sweep.sweep().errors == 0
            with pytest.raises(Conflict):
                self.decide(world.official, case, "release", **self.REASON)
            city.lift("a")
            city.follow()
        assert city.answer("a") == Reason.UNCONDITIONAL

    def test_what_was_released_is_stopped_anew_by_the_next_word_of_the_city(self, city, world):
        case = self.stopped(city)
        self.swept(days=31)
        self.decide(world.official, case, "release", **self.REASON)
        assert city.answer("a") == Reason.UNCONDITIONAL
        city.harvest_later(hours=24 * 40)  # it says what it has said all along
        assert city.answer("a") == Reason.SUSPENDED
        assert model.Session.query(Case).filter_by(kind="origin_stop").count() == 2
