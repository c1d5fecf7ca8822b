"""What a harvest leaves in the portal, and what it must never do (R8¶2, R-PLAT-02, DC-11, DC-53)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ... import conftest, factories
from ...catalog import reconcile
from ...kernel import clock, outbox
from ...kernel.actors import Actor
from ...kernel.changes.model import Activity, Change
from ...kernel.gate.doors import judge
from ...kernel.gate.origins import true_link
from ...kernel.gate.policy import Purpose, Reason
from ...kernel.types import Conflict
from .. import diff, jobs, vanish
from ..model import JobState, Problem, RemoteRecord
from ..records import Refused
from ..remote.errors import Code, RemoteError
from .city import City, counts

pytestmark = pytest.mark.usefixtures("clean_search", "pages")
THEME = "ecology_environment"
WEEK = timedelta(days=7, minutes=1)


def problems(job: Any) -> dict[str, str]:
    """Return code by place of what a job reports."""
    rows = model.Session.execute(sa.select(Problem.place, Problem.code).where(Problem.job_id == job.id))
    return {row[0]: row[1] for row in rows}


def later(period: timedelta) -> Any:
    """Go on so much later."""
    return clock.fixed(conftest.MONDAY + period)


def archive_after_a_week() -> None:
    """Let the grace go by."""
    with later(WEEK):
        vanish.archive_due()


def answer(dataset: model.Package, place: int = 0) -> Reason:
    """Return what the gate tells the public about a file."""
    resource = sorted(dataset.resources, key=lambda one: one.position)[place]
    judged = judge(resource.id, Actor.anonymous(), Purpose.USE)
    assert judged is not None
    return judged[1].reason


@pytest.fixture(params=["slow", "quick"])
def city(request: pytest.FixtureRequest) -> City:
    """Return a city with seven records on three pages, which are written down one by one or all at once."""
    made = City()
    made.is_quick = request.param == "quick"
    for number in range(7):
        made.put(str(number))
    return made


class TestDifference:
    """New, changed, unchanged: each counted, each written once."""

    def test_a_first_harvest_loads_everything_and_the_public_finds_it(self, city):
        job = city.harvest()
        assert job.state == JobState.FINISHED
        assert counts(job) == {"created": 7}
        outbox.deliver(["index"])
        found = factories.call("package_search", q="数据", rows=20)
        assert found["count"] == 7
        assert {one["organization"]["name"] for one in found["results"]} == {"ordos-gov"}
        assert answer(city.dataset("0")) == Reason.UNCONDITIONAL
        assert reconcile.run(False, print, lambda _line: None).found == 0

    def test_a_second_one_writes_nothing(self, city):
        city.harvest()
        outbox.deliver(["index"])
        before = rewritten()
        job = city.harvest()
        assert counts(job) == {"unchanged": 7}
        assert rewritten() == before

    def test_what_has_changed_is_updated_and_only_that(self, city):
        city.harvest()
        name, untouched = city.dataset("3").name, city.dataset("4").metadata_modified
        city.put("3", title="全新的名称")
        with later(timedelta(hours=1)):
            job = city.harvest()
        assert counts(job) == {"updated": 1, "unchanged": 6}
        assert city.dataset("3").title == "全新的名称"
        assert city.dataset("3").name == name
        assert city.dataset("4").metadata_modified == untouched
        assert newest_change(city.dataset("3").id) == Activity.UPDATE

    def test_a_catalogue_that_ends_early_removes_nothing_and_keeps_what_came(self, city):
        city.harvest()
        city.put("new")
        for number in range(4):
            del city.catalogue[str(number)]
        city.error = RemoteError(Code.INCOMPLETE, "8 of 12")
        job = city.harvest()
        assert (job.state, job.error) == (JobState.FAILED, "incomplete")
        assert job.waiting_count == 0
        assert counts(job)["unchanged"] == 3
        assert all(city.record(str(number)).vanished_at is None for number in range(7))


class TestIdentity:
    """A record is its source's; files keep their ids."""

    def test_no_source_takes_another_s_record(self, city):
        shared = "https://ordos.example.cn/dataset/1"
        city.put(shared)
        city.harvest()
        thief = City("150100", "hohhot")
        thief.put(shared, title="偷来的", region_code="150100")
        thief.put("own", region_code="150100")
        job = thief.harvest()
        assert counts(job) == {"created": 1, "refused": 1}
        assert problems(job) == {shared: "stolen_identity"}
        assert city.dataset(shared).title != "偷来的"

    def test_nor_one_that_calls_itself_by_another_s_address(self, city):
        city.subjects["0"] = "https://ordos.example.cn/dataset/0"
        city.harvest()
        thief = City("150100", "hohhot")
        thief.put("mine", region_code="150100")
        thief.put("also", region_code="150100")
        thief.subjects = {
            "mine": "https://ordos.example.cn/dataset/0",
            "also": "https://ordos.example.cn/new",
        }
        assert problems(thief.harvest()) == {"mine": "stolen_identity", "also": "stolen_identity"}

    def test_who_tells_of_a_record_while_it_is_read_is_no_thief(self, city, monkeypatch):
        """The city's feed may have brought it between the question what is known and the answer."""
        city.harvest()
        before = city.dataset("3").id
        city.put("3", title="改过的名称")
        monkeypatch.setattr(diff, "read_known", lambda *_arguments: [])
        job = city.harvest()
        assert problems(job) == {}
        assert counts(job) == {"updated": 7}
        assert (city.dataset("3").id, city.dataset("3").title) == (before, "改过的名称")

    def test_local_numbers_may_coincide(self, city):
        city.harvest()
        other = City("150100", "hohhot")
        other.put("1", region_code="150100")
        assert counts(other.harvest()) == {"created": 1}

    def test_a_publisher_of_another_region_is_refused(self, city):
        foreign = factories.organisation("呼和浩特市交通局", name="hohhot-transport", region_code="150100")
        city.put("1", owner_org=foreign["id"])
        assert problems(city.harvest()) == {"1": "foreign_publisher"}

    def test_a_division_of_another_region_is_refused(self, city):
        from ...catalog.dcat_terms import CONCEPT

        city.put("1", notes=f"<{CONCEPT}division/150100>")
        assert problems(city.harvest()) == {"1": "foreign_region"}

    def test_the_same_identifier_twice_is_loaded_once(self, city):
        pages = city.pages()
        again = pages[0].records[0]
        read = city.read
        doubled = [type(page)(**{**page.__dict__, "records": (*page.records, again)}) for page in pages]
        city.read = lambda *_asked: (page for page in doubled)
        job = city.harvest()
        assert counts(job) == {"created": 7, "refused": 3}
        assert counts(city.harvest()) == {"unchanged": 7, "refused": 3}
        city.read = read
        assert counts(city.harvest()) == {"unchanged": 7}

    def test_files_keep_their_ids(self, city):
        city.put("1", files=("a", "b"))
        city.harvest()
        first = {one.name: one.id for one in city.dataset("1").resources}
        city.put("1", files=("c", "b"))
        city.harvest()
        second = {one.name: one.id for one in city.dataset("1").resources}
        assert second["b"] == first["b"]
        assert second["c"] not in first.values()
        city.put("1", files=("a", "b"))
        city.harvest()
        assert {one.name: one.id for one in city.dataset("1").resources} == first


class TestIncomplete:
    """What the law asks and a city does not say (DC-11)."""

    def test_missing_fields_never_refuse_a_record(self, city):
        city.put("1")
        for name in ("share_class", "share_scope", "data_form", "license_id", "approving_department"):
            del city.catalogue["1"][name]
        assert counts(city.harvest()) == {"created": 7}
        assert set(city.record("1").missing) >= {"share_class", "data_form", "license_id"}
        assert "share_class" not in city.shown("1")

    def test_an_unknown_class_is_shown_and_closed_until_the_authority_sets_it(self, city):
        del city.catalogue["1"]["open_class"]
        city.harvest()
        assert city.shown("1")["title"]
        assert answer(city.dataset("1")) == Reason.UNCLASSIFIED
        assert "open_class" in city.record("1").missing
        patch = {"id": city.dataset("1").id, "open_class": "unconditional"}
        tk.get_action("package_patch")(factories.site_context(), patch)
        assert answer(city.dataset("1")) == Reason.UNCONDITIONAL
        city.catalogue["1"]["notes"] = "改过的摘要。"
        assert counts(city.harvest())["updated"] == 1
        assert city.dataset("1").notes == "改过的摘要。"
        assert answer(city.dataset("1")) == Reason.UNCONDITIONAL

    def test_a_class_that_the_level_forbids_is_not_believed(self, city):
        city.put("1", data_level="general_4")
        city.harvest()
        assert answer(city.dataset("1")) == Reason.UNCLASSIFIED

    def test_the_source_s_word_on_the_class_goes_before_the_region_s(self, city):
        del city.catalogue["1"]["open_class"]
        city.harvest()
        patch = {"id": city.dataset("1").id, "open_class": "unconditional"}
        tk.get_action("package_patch")(factories.site_context(), patch)
        city.put("1", open_class="non_open")
        city.harvest()
        assert answer(city.dataset("1")) == Reason.NON_OPEN

    def test_the_region_s_theme_survives(self, city):
        city.harvest()
        patch = {"id": city.dataset("1").id, "theme": THEME}
        tk.get_action("package_patch")(factories.site_context(), patch)
        city.put("1", notes="改过的摘要。")
        city.harvest()
        assert city.shown("1")["theme"] == THEME
        assert city.shown("1")["notes"] == "改过的摘要。"

    def test_what_no_validator_takes_is_left_out_and_reported(self, city):
        city.put("1", theme="no-such-theme")
        job = city.harvest()
        assert counts(job) == {"created": 7}
        assert problems(job) == {"1": "not_taken"}
        assert "theme" not in city.shown("1")


class TestVanished:
    """Guard, grace, return; nothing is purged."""

    def test_an_empty_catalogue_removes_nothing_without_a_person(self, city):
        city.harvest()
        city.catalogue.clear()
        job = city.harvest()
        assert (job.state, job.vanished_count) == (JobState.HELD, 7)
        assert len(vanish.listed(job.id)) == 7
        archive_after_a_week()
        assert city.dataset("0").state == "active"

    def test_a_person_may_confirm(self, city):
        city.harvest()
        city.catalogue.clear()
        job = city.harvest()
        official = factories.person("official2")
        assert vanish.confirm(job.id, Actor.person(official)) == 7
        assert city.job(job.id).confirmed_by == official.id
        archive_after_a_week()
        assert city.dataset("0").state == "deleted"
        with pytest.raises(Conflict):
            vanish.confirm(job.id, Actor.system())

    def test_the_guard_knows_share_and_number(self):
        city = City(guard_share=0.5, guard_number=2)
        for number in range(7):
            city.put(str(number))
        city.harvest()
        for number in range(3):
            del city.catalogue[str(number)]
        assert city.harvest().state == JobState.HELD
        city.put("0")
        job = city.harvest()
        assert (job.state, job.vanished_count) == (JobState.FINISHED, 2)

    def test_what_vanished_stays_for_the_grace_then_goes_and_comes_back(self, city):
        city.harvest()
        gone = city.catalogue.pop("1")
        dataset = city.dataset("1").id
        files = [one.id for one in city.dataset("1").resources]
        city.harvest()
        vanish.archive_due()
        assert city.dataset("1").state == "active"
        archive_after_a_week()
        assert city.dataset("1").state == "deleted"
        assert newest_change(dataset) == Activity.DELETE
        city.catalogue["1"] = gone
        job = city.harvest()
        assert counts(job) == {"restored": 1, "unchanged": 6}
        assert city.dataset("1").id == dataset
        assert city.dataset("1").state == "active"
        assert [one.id for one in city.dataset("1").resources] == files
        assert answer(city.dataset("1")) == Reason.UNCONDITIONAL
        assert newest_change(dataset) == Activity.CREATE

    def test_a_record_that_could_not_be_read_has_not_vanished(self, city):
        city.harvest()
        del city.catalogue["1"]
        city.refused = [Refused("1", "too_large", "10 MB")]
        job = city.harvest()
        assert counts(job) == {"unchanged": 6, "refused": 1}
        assert city.record("1").vanished_at is None
        city.refused = [Refused("line 7", "syntax", "?")]
        assert city.harvest().state == JobState.HELD


class TestStops:
    """A local case outlives every harvest (DC-53, R-OBJ-05)."""

    def test_a_suspended_dataset_is_left_as_it_is(self, city):
        city.harvest()
        dataset, link = city.dataset("1").id, true_link(city.dataset("1").resources[0].id)
        origin = factories.stop({"id": dataset})
        city.put("1", title="改了", files=("z",))
        job = city.harvest()
        assert counts(job) == {"stopped": 1, "unchanged": 6}
        assert answer(city.dataset("1")) == Reason.SUSPENDED
        assert true_link(city.dataset("1").resources[0].id) == link
        del city.catalogue["1"]
        city.harvest()
        archive_after_a_week()
        assert city.dataset("1").state == "active"
        city.put("1", title="改了", files=("z",))
        city.harvest()
        factories.lift(origin)
        assert counts(city.harvest()) == {"updated": 1, "unchanged": 6}
        assert city.dataset("1").title == "改了"
        assert answer(city.dataset("1")) == Reason.UNCONDITIONAL

    def test_what_the_region_has_deleted_does_not_come_back(self, city):
        city.harvest()
        tk.get_action("package_delete")(factories.site_context(), {"id": city.dataset("1").id})
        city.put("1", title="改了")
        assert counts(city.harvest()) == {"stopped": 1, "unchanged": 6}
        assert city.dataset("1").state == "deleted"


class TestSchedule:
    """Who is asked when."""

    def test_due_sources_are_asked_once(self, city):
        assert jobs.ask_for_due() == 1
        assert jobs.ask_for_due() == 0
        with pytest.raises(Conflict):
            jobs.ask(city.id)

    def test_a_source_that_fails_again_and_again_is_left_in_peace(self, city):
        city.error = RemoteError(Code.UNREACHABLE, "no route")
        for _turn in range(3):
            city.harvest()
        with later(timedelta(minutes=30)):
            assert jobs.ask_for_due() == 0
        with later(timedelta(hours=2)):
            assert jobs.ask_for_due() == 1

    def test_a_paused_source_is_not_asked(self):
        City(state="paused")
        assert jobs.ask_for_due() == 0


def newest_change(dataset_id: str) -> str | None:
    """Return the last activity that the change feed has of a dataset."""
    model.Session.rollback()
    query = sa.select(Change.activity).where(Change.dataset_id == dataset_id).order_by(Change.seq.desc())
    return model.Session.scalar(query.limit(1))


def rewritten() -> dict[str, Any]:
    """Return when each row that a harvest could write was written last (PostgreSQL's xmin)."""
    model.Session.rollback()
    found = {}
    for table in ("package", "resource", "nmgdata_origin", "nmgdata_harvest_record", "nmgdata_harvest_file",
                  "nmgdata_entry", "nmgdata_change", "nmgdata_audit_event"):  # fmt: skip
        rows = model.Session.execute(sa.text(f'SELECT ctid::text, xmin::text FROM "{table}"')).all()
        found[table] = sorted(tuple(row) for row in rows)
    return found


def test_the_database_itself_keeps_identities_apart(city):
    """No two sources can have one name, whoever writes."""
    city.subjects["0"] = "https://ordos.example.cn/dataset/0"
    city.harvest()
    row = {"source_id": city.id, "identifier": "other", "subject": "https://ordos.example.cn/dataset/0"}
    with pytest.raises(sa.exc.IntegrityError):
        model.Session.execute(sa.insert(RemoteRecord).values(**row))
    model.Session.rollback()
