"""The difference of any page, and any order of publishing, harvesting, suspending and waiting, beside a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from ckan.plugins import toolkit as tk
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ... import conftest, factories
from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.audit import verify
from ...kernel.gate.doors import judge
from ...kernel.gate.policy import Purpose, Reason
from .. import diff, vanish
from ..diff import Known
from ..model import JobState
from ..records import Page, Record, Refused
from .city import City, counts

OWN, OTHER = "own", "other"
NAMES = ("1", "2", "https://own.cn/d/1", "https://other.cn/d/1", "00000000-0000-4000-8000-000000000001", "")
HOSTS = {"own.cn": OWN, "other.cn": OTHER}
THEME = "ecology_environment"


def digest(version: int) -> bytes:
    """Return the digest of a version."""
    return sha256(bytes([version])).digest()


records = st.builds(
    lambda name, subject, version: Record(name, subject, digest(version), b""),
    st.sampled_from(NAMES),
    st.sampled_from(("_:b", "https://own.cn/s/1", "https://own.cn/s/2", "https://other.cn/s/1")),
    st.integers(0, 2),
)
known_ones = st.builds(
    lambda number, source, name, version, loaded, vanished, kept: Known(
        number, source, name, diff.claim_of(name), None, digest(version) if loaded else None,
        f"p{number}" if loaded else None, vanished, kept and loaded,
    ),
    st.integers(1, 9), st.sampled_from((OWN, OTHER)), st.sampled_from(NAMES[:-1]), st.integers(0, 2),
    st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip


def possible(known: list[Known]) -> list[Known]:
    """Return what the database would take: one row per source and identifier, one per claim."""
    seen: set[Any] = set()
    kept = []
    for one in known:
        names = {("id", one.id), (one.source_id, one.identifier), ("claim", one.claim or one.id)}
        if not names & seen:
            seen |= names
            kept.append(one)
    return kept


@settings(max_examples=150)
@given(st.lists(records, max_size=6), st.lists(known_ones, max_size=5).map(possible))
def test_every_record_lands_in_one_place_and_takes_nothing_of_others(found, known):
    page = Page("a", 0, tuple(found), (Refused("line 1", "syntax", "?"),), None, None, 1)
    what = diff.compare(page, OWN, known, HOSTS)
    parts = (what.create, what.update, what.restore, what.unchanged, what.stopped, what.halted, what.refused)
    assert sum(map(len, parts)) == len(page.records) + 1
    taken = [
        *what.unchanged,
        *what.stopped,
        *(one for one, _r in [*what.update, *what.restore, *what.halted]),
    ]
    assert {one.source_id for one in taken} <= {OWN}
    assert len({one.id for one in taken}) == len(taken)
    assert not any(one.kept for one, _record in [*what.update, *what.restore])
    assert all(one.kept for one, _record in what.halted)
    assert all(one.digest is not None and one.package_id for one in what.unchanged)
    accepted = [*what.create, *(r for _k, r in [*what.update, *what.restore])]
    foreign = {one.claim for one in known if one.source_id == OTHER and one.claim}
    for record in accepted:
        assert record.identifier not in foreign
        assert "other.cn" not in record.identifier + record.subject
        assert record.identifier
    assert len({record.identifier for record in accepted}) == len(accepted)


@dataclass
class Thing:
    """What the model knows of one record."""

    title: str | None = None
    """At the city; None: it is not there."""
    here: str | None = None
    """At the region; None: it never came."""
    stop: Any = None
    gone: int | None = None
    """Day on which it was found to have vanished."""
    archived: bool = False
    theme: str | None = None


@pytest.mark.usefixtures("pages")
def test_whatever_happens_the_region_shows_what_it_should():  # noqa: C901 (one machine)
    class Region(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            conftest.empty_tables()
            self.city, self.day = City(), 0
            self.things = {str(number): Thing() for number in range(4)}

        @rule(which=st.sampled_from("0123"), version=st.integers(0, 2))
        def publish(self, which: str, version: int) -> None:
            self.things[which].title = f"数据 {which} 第{version}版"
            self.city.put(which, title=self.things[which].title, files=("a", "b")[: version + 1])

        @rule(which=st.sampled_from("0123"))
        def remove(self, which: str) -> None:
            self.things[which].title = None
            self.city.catalogue.pop(which, None)

        @rule(which=st.sampled_from("0123"))
        def stop_or_lift(self, which: str) -> None:
            thing = self.things[which]
            if thing.here is None or thing.archived:
                return
            if thing.stop:
                factories.lift(thing.stop)
                thing.stop = None
            else:
                thing.stop = factories.stop({"id": self.city.dataset(which).id})

        @rule(which=st.sampled_from("0123"))
        def edit(self, which: str) -> None:
            thing = self.things[which]
            if thing.here and not thing.archived:
                patch = {"id": self.city.dataset(which).id, "theme": THEME}
                tk.get_action("package_patch")(factories.site_context(), patch)
                thing.theme = THEME

        @rule()
        def harvest(self) -> None:
            with self.now():
                job = self.city.harvest()
                counts(job)
                if job.state == JobState.HELD:
                    vanish.confirm(job.id, Actor.system())
            for thing in self.things.values():
                self.harvested(thing)

        def harvested(self, thing: Thing) -> None:
            """Expect what a harvest does to one record."""
            if thing.title is None:
                if thing.here and thing.gone is None:
                    thing.gone = self.day
                return
            thing.gone = None
            if not thing.stop:
                thing.here, thing.archived = thing.title, False

        @rule(days=st.integers(1, 8))
        def wait(self, days: int) -> None:
            self.day += days
            with self.now():
                vanish.archive_due()
            for thing in self.things.values():
                if thing.gone is not None and self.day - thing.gone >= 7 and not thing.stop:
                    thing.archived = True

        def now(self) -> Any:
            """Return the clock of the day."""
            return clock.fixed(conftest.MONDAY + timedelta(days=self.day))

        @invariant()
        def the_region_shows_what_it_should(self) -> None:
            for which, thing in self.things.items():
                if thing.here is None:
                    assert self.city.record(which) is None
                    continue
                dataset = self.city.dataset(which)
                assert (dataset.title, dataset.state) == (
                    thing.here,
                    "deleted" if thing.archived else "active",
                )
                assert thing.theme in (None, dataset.extras["theme"])
                resource = next(one for one in dataset.resources_all if one.name == "a")
                judged = judge(resource.id, Actor.anonymous(), Purpose.USE)
                expected = Reason.SUSPENDED if thing.stop else Reason.UNCONDITIONAL
                assert (judged[1].reason if judged else None) == (None if thing.archived else expected)
            assert verify.verify(None) == []

    run_state_machine_as_test(
        Region,
        settings=settings(max_examples=8, stateful_step_count=14, phases=(Phase.reuse, Phase.generate)),
    )
