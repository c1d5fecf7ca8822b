"""Whoever follows is killed, Solr and Redis are down, and any order of what city and region do: beside a model."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ... import conftest, factories
from ...catalog import reconcile
from ...kernel import clock, outbox, tick
from ...kernel.audit import verify
from ...kernel.gate.policy import Reason
from ...tests.faults import without_redis, without_solr
from ..following import feeds, loop
from ..following.feeds import TRIES, Follower
from ..following.model import OriginStop
from ..remote.errors import Code, RemoteError
from .fed import FedCity
from .test_faults import killed

pytestmark = pytest.mark.usefixtures("clean_search", "pages")
OPEN, SUSPENDED, WITHDRAWN = Reason.UNCONDITIONAL, Reason.SUSPENDED, Reason.WITHDRAWN


@pytest.fixture
def city() -> FedCity:
    """Return a followed city that has just done one thing of each kind."""
    made = FedCity()
    for name in "abcde":
        made.put(name)
        made.subject(name)
    made.begin()
    made.suspend("a")
    made.withdraw("b")
    made.delete("c")
    made.publish("d", title="变了")
    made.publish("n")
    return made


def is_followed(city: FedCity) -> None:
    """Expect that all of that is so at the region, once."""
    assert [city.answer(name) for name in "abcden"] == [SUSPENDED, WITHDRAWN, None, OPEN, OPEN, OPEN]
    assert city.dataset("d").title == "变了"
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(OriginStop)) == 2
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(model.Package)) == 6
    assert verify.verify(None) == []
    outbox.deliver(["index"])
    assert reconcile.run(False, print, lambda _line: None).found == 0


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
@pytest.mark.parametrize("turn", [1, 2, 4, 6])
def test_whoever_is_killed_is_followed(city, moment, turn):
    assert killed(lambda: city.follower().look(), moment, turn)
    city.follow()
    is_followed(city)


def test_changes_that_kill_are_left_to_a_harvest(city, monkeypatch):
    for _turn in range(TRIES):
        assert killed(lambda: city.follower().look(), "before_commit", 5)
    with clock.fixed(conftest.MONDAY + timedelta(hours=1)):
        city.follow()
        assert (city.following().error, city.following().cursor) == ("crashed", str(city.number))
        assert city.run_ordered() == ["finished"]
    assert (city.answer("a"), city.answer("n")) == (SUSPENDED, OPEN)


def test_without_solr_and_redis_it_closes_all_the_same(city):
    with without_solr("gone"), without_redis():
        city.follow()
        assert [city.answer(name) for name in "ab"] == [SUSPENDED, WITHDRAWN]
        outbox.deliver(["index"])
    with clock.fixed(conftest.MONDAY + timedelta(minutes=1)):
        is_followed(city)


def test_a_slow_city_and_a_dead_one_delay_no_other(city, wsgi, monkeypatch):
    slow, dead = FedCity("150100", "hohhot"), FedCity("150200", "baotou")
    cities = {one.id: one for one in (city, slow, dead)}
    for one in (slow, dead):
        one.begin()
    dead.trouble = RemoteError(Code.UNREACHABLE, "nobody there")
    held = threading.Event()
    reads = slow.read
    slow.read = lambda *asked: (held.wait(30), reads(*asked))[1]
    monkeypatch.setattr(loop, "Follower", lambda source_id: made(cities[source_id]))
    over = threading.Event()
    with wsgi._wsgi_app.app_context():
        thread = threading.Thread(target=contextual(loop.forever, over))
        thread.start()
        try:
            until(lambda: city.answer("a") == SUSPENDED and dead.following().error == "unreachable")
            assert not held.is_set()
        finally:
            held.set()
            over.set()
            thread.join()
    assert {one.following().worker for one in cities.values()} == {None}


def test_cron_follows_too(city, wsgi, monkeypatch):
    monkeypatch.setattr(loop, "Follower", lambda _id: made(city))
    with wsgi._wsgi_app.app_context():
        tick.once()
    is_followed(city)


def made(city: FedCity) -> Follower:
    """Return a follower of a city of the test's."""
    return Follower(city.id, city, city.ways)  # type: ignore[arg-type]


def contextual(work: Any, *arguments: Any) -> Any:
    """Return work for a thread that finds the clock and application of this one."""
    from contextvars import copy_context

    context = copy_context()
    return lambda: context.run(work, *arguments)


def until(what: Any, seconds: float = 10) -> None:
    """Look until something is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@dataclass
class Thing:
    """What the model knows of one record."""

    there: str | None = None
    """Title at the city; None: it is not there."""
    stopped: str | None = None
    """Stop at the city."""
    here: str | None = None
    """Title at the region; None: it never came."""
    stop: str | None = None
    """The city's stop, as far as the region knows."""
    deleted: bool = False
    own: Any = None
    """The region's own stop."""
    was_gone: bool = False
    """Withdrawn at the city, for good."""


def test_in_whatever_order_city_and_region_act():  # noqa: C901 (one machine)
    names = st.sampled_from("abc")

    class Region(RuleBasedStateMachine):
        @initialize()
        def start(self) -> None:
            conftest.empty_tables()
            self.hours = 0
            with self.now():
                self.city = FedCity()
                self.city.begin()
            self.things = {name: Thing() for name in "abc"}

        def now(self) -> Any:
            self.hours += 1
            return clock.fixed(conftest.MONDAY + timedelta(hours=self.hours))

        @rule(name=names, version=st.integers(0, 1))
        def publish(self, name: str, version: int) -> None:
            thing = self.things[name]
            if thing.was_gone:
                return
            thing.there = f"数据 {name} 第{version}版"
            self.city.publish(name, title=thing.there)

        @rule(name=names)
        def suspend_or_lift(self, name: str) -> None:
            thing = self.things[name]
            if thing.there is None:
                return
            if thing.stopped:
                self.city.lift(name)
                thing.stopped = None
            else:
                self.city.suspend(name)
                thing.stopped = "suspended"

        @rule(name=names, withdraw=st.booleans())
        def remove(self, name: str, withdraw: bool) -> None:
            thing = self.things[name]
            if thing.there is None:
                return
            if withdraw:
                self.city.withdraw(name)
                thing.was_gone, thing.stopped = True, "withdrawn"
            else:
                self.city.delete(name)
                thing.stopped = None
            thing.there = None

        @rule(name=names)
        def stop_here(self, name: str) -> None:
            thing = self.things[name]
            if thing.own:
                factories.lift(thing.own)
                thing.own = None
            elif thing.here and not thing.deleted and thing.stop != "withdrawn":
                thing.own = factories.stop({"id": self.city.dataset(name).id})

        @rule()
        def lose(self) -> None:
            self.city.kept_from = self.city.number

        @rule()
        def follow(self) -> None:
            with self.now():
                self.city.follow()
                lost = self.city.run_ordered()
            for thing in self.things.values():
                self.followed(thing, whole=not lost)

        @rule()
        def harvest(self) -> None:
            self.follow()
            with self.now():
                self.city.harvest()
            for thing in self.things.values():
                self.followed(thing, whole=True)

        def followed(self, thing: Thing, *, whole: bool) -> None:
            """Expect what following does to one record; a lost feed tells of no deletion and no withdrawal."""
            if thing.there is None:
                if thing.here is None or thing.deleted or not whole:
                    return
                if thing.was_gone:
                    thing.stop = "withdrawn"
                elif not thing.own:
                    thing.deleted = True
                return
            thing.stop = thing.stopped
            if not thing.own:
                thing.here, thing.deleted = thing.there, False

        @invariant()
        def the_region_shows_what_it_should(self) -> None:
            for name, thing in self.things.items():
                if thing.here is None:
                    continue
                dataset = self.city.dataset(name)
                assert (dataset.title, dataset.state == "deleted") == (thing.here, thing.deleted)
                expected = WITHDRAWN if thing.stop == "withdrawn" else OPEN
                if expected is OPEN and (thing.stop or thing.own):
                    expected = SUSPENDED
                if not thing.deleted:
                    assert self.city.answer(name) == expected
            assert verify.verify(None) == []

    run_state_machine_as_test(
        Region,
        settings=settings(max_examples=8, stateful_step_count=14, phases=(Phase.reuse, Phase.generate)),
    )


def test_a_process_that_is_gone_is_known_to_be():
    assert feeds.is_dead(f"{feeds.socket.gethostname()}:999999999/x")
    assert not feeds.is_dead("another-machine:1/x")
    assert not feeds.is_dead(f"{feeds.socket.gethostname()}:1/x")
    assert not feeds.is_dead(None)
