"""Cases about a city's data at the region: closed at once, the city is told, nobody is left waiting (DC-53)."""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model
from ckan.plugins import toolkit as tk

from ... import factories
from ...kernel import outbox
from ...kernel.gate.policy import Reason
from ...kernel.workflow.model import Case
from ...tests import faults
from ..model import Source
from .fed import FedCity

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
