"""The public record of applications: anonymous, complete, fast to page."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.access import record
from ckanext.nmgdata.factories import STATEMENT, call
from ckanext.nmgdata.kernel import clock

pytestmark = pytest.mark.usefixtures("clean_search")
REFUSAL = {
    "refusal_ground": "conditions_not_met",
    "reason": "申请人王小明未说明存储位置。",
    "legal_basis": "内政发〔2024〕19号第二十七条第（二）项",
}
CLOSED = {
    "open_class": "non_open", "nonopen_ground": "trade_secret", "data_level": "general_4",
    "open_reason": "涉及经营信息。", "open_legal_basis": "《中华人民共和国反不正当竞争法》第九条",
}  # fmt: skip
APPROVAL = {"purpose": "课题研究", "use_scope": "课题组内部", "valid_until": "2027-06-30"}


@pytest.fixture(autouse=True)
def counted_anew():
    """Count medians anew in every test."""
    record.counted.cache_clear()


def at(day: str):
    """Hold the clock at ten in the morning of a day."""
    return clock.fixed(datetime.fromisoformat(f"{day}T02:00:00+00:00"))


def file(who, dataset, day):
    """File an application on a day."""
    with at(day):
        return call("nmgdata_application_submit", who, dataset_id=dataset["id"], **STATEMENT)


def decide(who, case, step, day, **values):
    """Decide an application on a day."""
    with at(day):
        call("nmgdata_case_transition", who, id=case["id"], transition=step, **values)


@pytest.fixture
def some(world) -> dict:
    """Return three applications: refused after 3 working days, approved after 1, waiting."""
    second = world.filled(factories.dataset(world.department, title="网约车订单", open_class="conditional"))
    refused = file(world.applicant, world.conditional, "2026-11-02")
    decide(world.reviewer, refused, "refuse", "2026-11-05", **REFUSAL)
    approved = file(world.citizen, world.conditional, "2026-11-06")
    decide(world.reviewer, approved, "approve", "2026-11-09", **APPROVAL)
    waiting = file(world.applicant, second, "2026-11-10")
    return {"refused": refused, "approved": approved, "waiting": waiting}


def test_an_urging_is_no_answer_of_the_department(world):
    """The authority urges; what is measured is when the department answers."""
    case = file(world.applicant, world.conditional, "2026-11-02")
    with at("2026-11-06"):
        call("nmgdata_case_urge", world.official, id=case["id"], text="请尽快办理。")
    (line,) = call("nmgdata_application_register", None)["lines"]
    assert line["first_answer"] is None
    decide(world.reviewer, case, "refuse", "2026-11-09", **REFUSAL)
    (line,) = call("nmgdata_application_register", None)["lines"]
    assert line["first_answer"].startswith("2026-11-09")
    record.counted.cache_clear()  # they are counted once an hour
    assert record.medians()[0]["first_answer_days"] == 5


class TestSeveralData:
    """A case that asks for several datasets names all of them, and stays one line."""

    @pytest.fixture
    def second(self, world):
        """Return a further entry of the department, with its file."""
        return world.filled(factories.dataset(world.department, title="停车场泊位", open_class="conditional"))

    @pytest.fixture
    def case(self, world, second):
        """Return a case for two datasets, one of them by its two files, refused."""
        file = {"dataset_id": second["id"], "resource_id": second["resources"][0]["id"]}
        with at("2026-11-02"):
            filed = call(
                "nmgdata_application_submit", world.applicant, items=[{"dataset_id": world.conditional["id"]}, file],
                **STATEMENT,
            )  # fmt: skip
        decide(world.reviewer, filed, "refuse", "2026-11-05", **REFUSAL)
        return filed

    def test_in_every_form(self, world, second, case, app):
        (line,) = call("nmgdata_application_register", None)["lines"]
        both = [world.conditional, second]
        assert line["datasets"] == [{"id": one["id"], "title": one["title"]} for one in both]
        assert (line["title"], line["dataset_id"]) == ("出租汽车轨迹、停车场泊位", both[0]["id"])
        (row,) = csv.DictReader(io.StringIO(app.get("/nmg/applications.csv").body.lstrip("\ufeff")))
        assert row["title"] == "出租汽车轨迹、停车场泊位"
        assert row["dataset_ids"].split() == [one["id"] for one in both]
        page = app.get("/nmg/applications").body
        assert all(f'href="/dataset/{one["id"]}">{one["title"]}</a>' in page for one in both)

    def test_it_is_counted_once(self, case):
        portal = call("nmgdata_application_register", None)["medians"][0]
        assert (portal["answered"], portal["decided"], portal["decision_days"]) == (1, 1, 3.0)

    @pytest.mark.parametrize("hidden", [0, 1])
    def test_only_what_may_be_named(self, world, second, case, app, hidden):
        both = [world.conditional, second]
        gone, left = both[hidden], both[1 - hidden]
        tk.get_action("package_patch")(factories.site_context(), {"id": gone["id"], **CLOSED})
        (line,) = call("nmgdata_application_register", None)["lines"]
        assert (line["title"], line["dataset_id"], line["dataset_ids"]) == (
            left["title"],
            left["id"],
            left["id"],
        )
        for address in ("/nmg/applications", "/nmg/applications.csv", "/nmg/applications.json"):
            body = app.get(address).body
            assert gone["title"] not in body and gone["id"] not in body

    def test_the_demand_counts_for_each_of_them(self, world, second, case):
        third = world.filled(factories.dataset(world.department, title="未被申请", open_class="conditional"))
        assert world.official  # who would review the plan
        plan = call("nmgdata_plan_create", world.reviewer, org_id=world.department["id"], year=2026)
        proposed = call("nmgdata_plan_proposal_list", world.reviewer, id=plan["id"])
        found = {
            one["dataset_id"]: (one["applications"], one["why"], one["demand_source"]) for one in proposed
        }
        assert found[world.conditional["id"]] == found[second["id"]] == (1, "application", "application")
        assert found[third["id"]][0] == 0


class TestRecord:
    def test_what_everybody_reads(self, world, some):
        found = call("nmgdata_application_register", None)
        lines = [
            (line["status"], line["received"][:10], (line["decided"] or "")[:10]) for line in found["lines"]
        ]
        assert lines == [
            ("review", "2026-11-10", ""),
            ("approved", "2026-11-06", "2026-11-09"),
            ("refused", "2026-11-02", "2026-11-05"),
        ]
        assert found["lines"][2]["legal_basis"] == REFUSAL["legal_basis"]
        assert found["lines"][0]["department"] == "自治区交通厅"

    def test_a_revocation_says_by_which_law(self, world, some):
        with at("2026-11-12"):
            stated = {"reason": "数据来源变更。", "legal_basis": REFUSAL["legal_basis"]}
            call(
                "nmgdata_case_transition",
                world.reviewer,
                id=some["approved"]["id"],
                transition="revoke",
                **stated,
            )
        (line,) = [
            one for one in call("nmgdata_application_register", None)["lines"] if one["status"] == "revoked"
        ]
        assert line["legal_basis"] == REFUSAL["legal_basis"]

    def test_a_legal_basis_that_names_a_person_is_none(self, world):
        case = file(world.applicant, world.conditional, "2026-11-02")
        with pytest.raises(tk.ValidationError) as refused:
            named = {**REFUSAL, "legal_basis": "见申请人13812345678的来电"}
            decide(world.reviewer, case, "refuse", "2026-11-05", **named)
        assert list(refused.value.error_dict) == ["legal_basis"]

    def test_nothing_of_the_applicant_in_any_form(self, world, some, app):
        for address in ("/nmg/applications", "/nmg/applications.csv", "/nmg/applications.json"):
            body = app.get(address).body
            for said in (
                "王小明", STATEMENT["contact_phone"], STATEMENT["scenario"], world.applicant.id,
                world.applicant.name, REFUSAL["reason"], some["refused"]["number"], some["refused"]["id"],
            ):  # fmt: skip
                assert said not in body, (address, said)

    @pytest.mark.parametrize(
        ("asked", "statuses"),
        [
            ({"outcome": "refused"}, ["refused"]), ({"outcome": "waiting"}, ["review"]),
            ({"outcome": "approved"}, ["approved"]), ({"outcome": "withdrawn"}, []),
            ({"year": 2026}, ["review", "approved", "refused"]), ({"year": 2025}, []),
            ({"department": "nmg-transport"}, ["review", "approved", "refused"]),
            ({"department": "nmg-water"}, []), ({"region_code": "150600"}, []),
        ],
    )  # fmt: skip
    def test_filters(self, world, some, asked, statuses):
        assert world.other
        found = call("nmgdata_application_register", None, **asked)
        assert [line["status"] for line in found["lines"]] == statuses

    @pytest.mark.parametrize(
        "asked",
        [
            {"outcome": "x"}, {"year": "x"}, {"year": 1900}, {"year": 2030}, {"region_code": "1\x00"},
            {"after": "x"}, {"after": "eA"}, {"after": "é"}, {"limit": "many"}, {"department": "no-such"},
            {"department": "a\x00"},
        ],
    )  # fmt: skip
    def test_bad_questions(self, world, app, asked):
        with pytest.raises((tk.ValidationError, tk.ObjectNotFound)):
            call("nmgdata_application_register", None, **asked)
        if "limit" not in asked:
            assert app.get("/nmg/applications", query_string=asked, status=None).status_code in (400, 404)

    def test_paging_meets_every_line_once_whatever_comes_in_between(self, world, some):
        first = call("nmgdata_application_register", None, limit=2)
        third = world.filled(factories.dataset(world.department, title="停车场", open_class="conditional"))
        file(world.citizen, third, "2026-11-20")
        second = call("nmgdata_application_register", None, limit=2, after=first["next"])
        assert [line["status"] for line in first["lines"] + second["lines"]] == [
            "review",
            "approved",
            "refused",
        ]
        assert second["next"] is None

    def test_a_page_that_ends_with_the_last_line_has_no_next(self, world, some):
        assert call("nmgdata_application_register", None, limit=3)["next"] is None

    def test_medians_in_working_days(self, world, some):
        portal, department = call("nmgdata_application_register", None)["medians"]
        assert (portal["decided"], portal["first_answer_days"], portal["decision_days"]) == (2, 2.0, 2.0)
        assert (department["department"], department["decision_days"]) == ("自治区交通厅", 2.0)
        assert call("nmgdata_application_register", None, year=2025)["medians"][0]["decided"] == 0

    @pytest.mark.parametrize("hidden", [{"private": True}, CLOSED], ids=["private", "non-open"])
    def test_the_title_of_a_hidden_entry_is_not_in_it(self, world, some, app, hidden):
        patch = {"id": world.conditional["id"], **hidden}
        tk.get_action("package_patch")(factories.site_context(), patch)
        body = app.get("/nmg/applications.json").body
        assert "出租汽车轨迹" not in body and world.conditional["id"] not in body

    def test_files(self, world, some, app):
        lines = list(csv.DictReader(io.StringIO(app.get("/nmg/applications.csv").body.lstrip("\ufeff"))))
        assert [line["status"] for line in lines] == ["review", "approved", "refused"]
        found = json.loads(app.get("/nmg/applications.json?outcome=refused").body)
        assert [line["status"] for line in found["lines"]] == ["refused"]
        app.get("/nmg/applications.exe", status=404)

    def test_it_is_found_from_every_page_and_from_the_department(self, world, app):
        assert 'href="/nmg/applications"' in app.get("/").body
        assert (
            "/nmg/applications?department=nmg-transport"
            in app.get(f"/organization/{world.department['name']}").body
        )
