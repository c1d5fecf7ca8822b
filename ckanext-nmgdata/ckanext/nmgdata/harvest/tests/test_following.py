"""What a city closes is closed here with the next look; what the region has closed stays so (DC-53, R-OBJ-02)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model

from ... import conftest, factories
from ...catalog import reconcile
from ...kernel import clock, outbox
from ...kernel.audit import verify
from ...kernel.changes.model import Change
from ...kernel.gate.policy import Reason
from .. import jobs, vanish
from ..following.feeds import AGAIN, LEASE, TRIES
from ..model import Job, JobState
from ..remote.errors import Code, RemoteError
from ..remote.feed import FeedPage, Kind
from .city import City, counts
from .fed import SIZE, FedCity, stop

pytestmark = pytest.mark.usefixtures("clean_search", "pages")
OPEN, SUSPENDED, WITHDRAWN = Reason.UNCONDITIONAL, Reason.SUSPENDED, Reason.WITHDRAWN


def later(**period: float) -> Any:
    """Go on so much later."""
    return clock.fixed(conftest.MONDAY + timedelta(**period))


@pytest.fixture
def city() -> FedCity:
    """Return a city with two records that is harvested and followed."""
    made = FedCity()
    for name in ("a", "b"):
        made.put(name, files=("one", "two"))
        made.subject(name)
    made.begin()
    return made


class TestBeginning:
    def test_a_source_is_followed_from_before_its_first_harvest(self):
        city = FedCity()
        city.put("a")
        city.subject("a")
        city.follow()
        city.publish("b")  # after the cursor was taken, before the harvest
        assert city.run_ordered() == [JobState.FINISHED]
        city.follow()
        assert (city.answer("a"), city.answer("b")) == (OPEN, OPEN)
        assert city.following().cursor == "1"
        assert not city.following().owes

    def test_no_feed_and_a_paused_source_are_not_followed(self, city):
        stock = City("150100", "hohhot")
        from ..following.feeds import followed
        from ..model import Source

        assert followed() == [city.id]
        model.Session.get_one(Source, city.id).state = "paused"
        model.Session.commit()
        city.suspend("a")
        assert city.follow() is None
        assert followed() == []
        assert stock.id


class TestStops:
    def test_a_suspension_closes_with_the_next_look_and_its_end_opens(self, city):
        city.suspend("a")
        taken = city.follow()
        assert (taken.closed, taken.loaded) == (1, 1)
        assert (city.answer("a", 0), city.answer("a", 1), city.answer("b")) == (SUSPENDED, SUSPENDED, OPEN)
        shown = city.shown("a")
        assert (shown["open_state"], shown["open_state_case"][:3]) == ("suspended", "LY-")
        city.lift("a")
        city.follow()
        assert (city.answer("a", 0), city.answer("a", 1)) == (OPEN, OPEN)
        assert city.shown("a")["open_state"] == "open"
        assert verify.verify(None) == []

    def test_what_the_city_says_in_public_is_said_here(self, city, app):
        city.suspend("a")
        city.follow()
        (line,) = factories.call("nmgdata_suspension_list")
        assert line["reason"] == stop()["reason"]
        page = app.get(f"/dataset/{city.dataset('a').name}").body
        assert "中止开放" in page
        resource = city.dataset("a").resources_all[0]
        answer = app.get(f"/dataset/{resource.package_id}/resource/{resource.id}/download/x", status=451)
        why = answer.json["error"]["why"]
        assert stop()["reason"] in why
        assert stop()["case"] in why

    def test_a_reason_with_somebody_s_data_is_not_repeated(self, city):
        city.suspend("a")
        city.catalogue["a"]["stop"]["reason"] = "联系人手机 13812345678"
        city.tell(Kind.UPDATED, "a")
        city.follow()
        assert city.answer("a") == SUSPENDED
        assert factories.call("nmgdata_suspension_list")[0]["reason"] == ""

    def test_one_file_is_closed_alone(self, city):
        city.suspend("a", "two")
        city.follow()
        assert (city.answer("a", 0), city.answer("a", 1)) == (OPEN, SUSPENDED)
        city.publish("a", files=("one", "two", "three"))  # without any stop
        city.follow()
        assert [city.answer("a", place) for place in range(3)] == [OPEN] * 3

    def test_a_file_that_was_closed_with_its_dataset_stays_closed_alone(self, city):
        city.suspend("a")
        city.catalogue["a"].pop("stop")
        city.catalogue["a"]["resources"][0].pop("stop")
        city.tell(Kind.LIFTED, "a")
        city.follow()
        assert (city.answer("a", 0), city.answer("a", 1)) == (OPEN, SUSPENDED)

    def test_a_withdrawal_is_for_good_and_what_was_known_stays_to_be_seen(self, city):
        title = city.dataset("a").title
        city.withdraw("a")
        city.follow()
        assert city.answer("a") == WITHDRAWN
        assert (city.shown("a")["title"], city.shown("a")["open_state"]) == (title, "withdrawn")
        city.publish("a", title="又回来了")
        city.follow()
        city.harvest()
        assert city.answer("a") == WITHDRAWN

    def test_a_suspension_becomes_a_withdrawal(self, city):
        city.suspend("a")
        city.follow()
        city.withdraw("a")
        city.follow()
        assert city.answer("a") == WITHDRAWN
        assert [one["state"] for one in factories.call("nmgdata_suspension_list")] == ["withdrawn"]

    def test_a_stop_that_comes_with_a_harvest_acts_the_same(self):
        city = City()
        city.put("a", stop=stop())
        city.put("b")
        city.put("c", stop=stop("withdrawn"))
        city.harvest()
        assert [city.shown(name)["open_state"] for name in "abc"] == ["suspended", "open", "withdrawn"]
        city.put("a")
        city.put("b", stop=stop("withdrawn", title="什么也不剩"))
        assert counts(city.harvest()) == {"updated": 1, "stopped": 1, "unchanged": 1}
        assert [city.shown(name)["open_state"] for name in "abc"] == ["open", "withdrawn", "withdrawn"]
        assert city.dataset("b").title == "数据 b"

    def test_a_stop_whose_description_is_of_no_use_closes_all_the_same(self, city):
        city.catalogue["a"]["stop"] = stop()
        city.tell(Kind.SUSPENDED, "a", record=None, refused="record_too_large")
        city.follow()
        assert city.answer("a") == SUSPENDED
        assert [one["code"] for one in city.following().refused] == ["record_too_large"]
        city.catalogue["a"].pop("stop")  # the end of it is never told
        assert counts(city.harvest_later()) == {"updated": 1, "unchanged": 1}
        assert city.answer("a") == OPEN


class TestTheRegionsOwn:
    def test_its_suspension_outlives_every_harvest_and_every_restoration(self, city):
        own = factories.stop({"id": city.dataset("a").id})
        city.suspend("a")
        city.follow()
        city.lift("a")
        city.follow()
        assert city.answer("a") == SUSPENDED
        city.publish("a", title="变了")
        city.follow()
        city.harvest_later()
        assert city.answer("a") == SUSPENDED
        assert city.dataset("a").title == "数据 a"
        factories.lift(own)
        assert city.answer("a") == OPEN
        city.harvest_later(2)
        assert city.dataset("a").title == "变了"

    @pytest.mark.parametrize("way", ["feed", "harvest"])
    def test_and_the_city_s_outlives_the_region_s(self, city, way):
        own = factories.stop({"id": city.dataset("a").id})
        city.suspend("a")
        if way == "feed":
            city.follow()
        else:
            assert counts(city.harvest_later()) == {"stopped": 1, "unchanged": 1}
        factories.lift(own)
        assert city.answer("a") == SUSPENDED

    def test_what_it_has_closed_is_not_deleted(self, city):
        factories.stop({"id": city.dataset("a").id})
        city.delete("a")
        city.follow()
        assert city.answer("a") == SUSPENDED
        with later(days=30):
            vanish.archive_due()
        assert city.dataset("a").state == "active"

    def test_what_it_has_deleted_stays_deleted(self, city):
        from ckan.plugins import toolkit as tk

        tk.get_action("package_delete")(factories.site_context(), {"id": city.dataset("a").id})
        city.publish("a", title="变了")
        city.suspend("a")
        city.follow()
        assert city.dataset("a").state == "deleted"


class TestChanges:
    def test_what_is_new_and_what_has_changed_is_loaded_and_found(self, city):
        city.publish("c")
        city.publish("a", title="全新的名称")
        assert city.follow().loaded == 2
        outbox.deliver(["index"])
        found = factories.call("package_search", q="全新的名称", rows=5)["results"]
        assert [one["id"] for one in found] == [city.dataset("a").id]
        assert city.answer("c") == OPEN
        assert reconcile.run(False, print, lambda _line: None).found == 0
        assert counts(city.harvest_later()) == {"unchanged": 3}

    def test_a_deletion_acts_at_once_and_a_return_brings_back_the_same(self, city):
        before = city.dataset("a").id
        city.delete("a")
        assert city.follow().deleted == 1
        assert city.dataset("a").state == "deleted"
        newest = sa.select(Change.activity).where(Change.dataset_id == before).order_by(Change.seq.desc())
        assert model.Session.scalar(newest.limit(1)) == "Delete"
        city.publish("a")
        city.follow()
        assert (city.dataset("a").id, city.dataset("a").state) == (before, "active")
        assert city.answer("a") == OPEN

    def test_only_the_last_word_on_a_dataset_counts(self, city):
        city.suspend("a")
        city.lift("a")
        city.delete("b")
        city.publish("b")
        city.follow()
        assert (city.answer("a"), city.answer("b")) == (OPEN, OPEN)
        assert factories.call("nmgdata_suspension_list") == []

    def test_many_pages_are_taken_in_one_look(self, city):
        for number in range(3 * SIZE):
            city.publish(f"n{number}")
        assert city.follow().loaded == 3 * SIZE
        assert city.following().cursor == str(city.number)

    def test_after_too_many_a_harvest_brings_them_but_stops_act_at_once(self, city, monkeypatch):
        monkeypatch.setattr("ckanext.nmgdata.harvest.following.feeds.SINGLES", 1)
        for number in range(2 * SIZE):
            city.publish(f"n{number}")
        city.suspend("a")
        with later(hours=1):
            taken = city.follow()
            assert (taken.loaded, taken.closed) == (SIZE, 1)
            assert city.answer("a") == SUSPENDED
            assert city.run_ordered() == [JobState.FINISHED]
        assert city.answer(f"n{2 * SIZE - 1}") == OPEN
        assert city.answer("a") == SUSPENDED

    def test_a_harvest_that_read_before_changes_nothing_that_the_feed_told_later(self, city):
        with later(hours=1):
            job_id = jobs.ask(city.id)
            old = city.pages()
            city.publish("c")
            city.suspend("a")
            read, city.pages = city.pages, lambda: old
            jobs.claim("somebody")  # the reader begins, and is killed
        with later(hours=1, minutes=1):
            city.follow()
        with later(hours=1, minutes=3):
            city.work(job_id)
        city.pages = read
        job = city.job(job_id)
        assert (job.state, job.vanished_count) == (JobState.FINISHED, 0)
        assert (city.answer("a"), city.answer("c")) == (SUSPENDED, OPEN)


class TestTrouble:
    def test_what_was_missed_is_harvested(self, city):
        for number in range(3):
            city.publish(f"n{number}")
        city.suspend("a")
        city.kept_from = city.number
        with later(hours=1):
            city.follow()
            assert city.run_ordered() == [JobState.FINISHED]
        assert (city.answer("a"), city.answer("n0")) == (SUSPENDED, OPEN)
        assert city.following().cursor == str(city.number)

    def test_a_city_that_was_set_back_is_read_anew(self, city):
        city.publish("c")
        city.follow()
        city.number, city.told = 0, []
        with later(hours=1):
            city.follow()
            assert city.following().error == "missed"
            assert city.run_ordered() == [JobState.FINISHED]
            city.suspend("a")
            city.follow()
        assert city.answer("a") == SUSPENDED
        assert city.following().error is None

    def test_while_a_harvest_runs_another_one_is_owed(self, city):
        with later(hours=1):
            running = jobs.ask(city.id)
            jobs.claim("somebody")
            city.kept_from = city.number = 5
            city.follow()
            assert city.following().owes
        with later(hours=2):
            city.work(running)
            city.follow()
            assert not city.following().owes
            assert city.run_ordered() == [JobState.FINISHED]

    def test_a_feed_that_loops_asks_for_no_harvest_after_the_other(self, city):
        with later(hours=1):
            for _turn in range(4):
                city.kept_from = city.number = city.number + 5
                city.follow()
                city.run_ordered()
            assert jobs_of(city) == 2  # the first one, and one for all of these
        with later(hours=1, seconds=AGAIN.total_seconds() + 1):
            city.follow()
            assert city.run_ordered() == [JobState.FINISHED]

    def test_numbers_that_go_back_are_not_believed(self, city, monkeypatch):
        city.publish("c")
        city.follow()
        old = city.told[0]
        city.suspend("a")
        for number in (old.number, old.number - 1):
            page = FeedPage((replace(old, number=number),), "77", None, more=True)
            with later(hours=1), monkeypatch.context() as patch:
                patch.setattr(city, "read", lambda *_asked, said=page: said)
                city.follow()
            assert city.following().error == "missed"
        with later(hours=1):
            assert city.run_ordered() == [JobState.FINISHED]
        assert (city.answer("a"), city.following().cursor) == (SUSPENDED, str(city.number))

    def test_a_city_that_is_down_is_left_in_peace_ever_longer(self, city):
        city.trouble = RemoteError(Code.UNREACHABLE, "nobody there")
        with later(hours=1):
            assert city.follow() is None
            row = city.following()
            assert (row.error, row.failures) == ("unreachable", 1)
            asked = city.asked_feed
            city.follow()
            assert city.asked_feed == asked
        waits = []
        for turn in range(2, 12):
            moment = city.following().retry_at + timedelta(seconds=1)
            with clock.fixed(moment):
                city.follow()
                assert city.following().failures == turn
                waits.append((city.following().retry_at - moment).total_seconds())
        assert waits == sorted(waits)
        assert waits[-1] == 300
        city.trouble = None
        city.suspend("a")
        with later(hours=3):
            city.follow()
        assert (city.answer("a"), city.following().error, city.following().failures) == (SUSPENDED, None, 0)

    @pytest.mark.parametrize("code", [Code.FEED, Code.TOO_LARGE, Code.PARSE_MEMORY])
    def test_a_page_that_can_not_be_read_hides_nothing_that_follows_it(self, city, monkeypatch, code):
        city.publish("c")
        poison = city.following().cursor

        def read(spec, cursor=None, tag=None, client=None, rest=city.read):
            if cursor == poison:
                raise RemoteError(code, "a giant page")
            return rest(spec, cursor, tag, client)

        monkeypatch.setattr(city, "read", read)
        for turn in range(TRIES):
            with later(hours=1 + turn):
                city.follow()
        with later(hours=4):
            assert (city.following().error, city.following().cursor) == (code, str(city.number))
            assert city.run_ordered() == [JobState.FINISHED]
            assert city.answer("c") == OPEN
            city.suspend("a")
            city.follow()
        assert (city.answer("a"), city.following().error) == (SUSPENDED, None)

    def test_only_one_follows(self, city):
        one, other = city.follower(), city.follower()
        one.name, other.name = "there:1/x", "elsewhere:1/x"
        assert other.look() is not None
        city.suspend("a")
        assert one.look() is None
        assert city.answer("a") == OPEN
        with clock.fixed(conftest.MONDAY + LEASE + timedelta(seconds=1)):
            assert one.look() is not None
            assert other.look() is None
        assert city.answer("a") == SUSPENDED

    def test_a_record_that_can_not_be_loaded_holds_up_no_other(self, city, monkeypatch):
        from ..following import apply

        loads = apply.Loader.load

        def load(self, unit, tasks):
            if any(task.record.identifier == "bad" for task in tasks):
                raise ZeroDivisionError("a bad record")
            return loads(self, unit, tasks)

        monkeypatch.setattr(apply.Loader, "load", load)
        city.publish("bad")
        city.publish("good")
        city.suspend("a")
        city.follow()
        assert (city.answer("good"), city.answer("a")) == (OPEN, SUSPENDED)
        assert [one["subject"] for one in city.following().refused] == ["bad"]


class TestLies:
    """A city can touch nothing that another one has."""

    def test_about_another_s_dataset(self, city):
        thief = FedCity("150100", "hohhot")
        thief.begin()
        for name, kind, said in (("a", Kind.SUSPENDED, stop()), ("b", Kind.DELETED, None)):
            thief.subjects[name] = city.subject(name)
            if said:
                thief.put(name, region_code="150100", stop=said)
            thief.tell(kind, name)
        thief.follow()
        assert (city.answer("a"), city.answer("b")) == (OPEN, OPEN)
        assert [one["code"] for one in thief.following().refused] == ["stolen_identity"]
        assert thief.record("a") is None

    def test_about_a_dataset_of_the_region(self, city, world):
        own = world.open_data
        city.subjects["x"] = f"http://test.ckan.net/dataset/{own['id']}"
        city.tell(Kind.DELETED, "x")
        city.follow()
        assert factories.call("package_show", id=own["id"])["state"] == "active"

    def test_about_what_nobody_knows(self, city):
        city.tell(Kind.DELETED, "nothing")
        city.tell(Kind.WITHDRAWN, "nothing else", stop="withdrawn")
        taken = city.follow()
        assert (taken.deleted, taken.closed) == (0, 0)
        assert city.following().cursor == str(city.number)


def jobs_of(city: City) -> int:
    """Return how many harvests a source has had."""
    query = sa.select(sa.func.count()).select_from(Job).where(Job.source_id == city.id)
    return model.Session.scalar(query) or 0
