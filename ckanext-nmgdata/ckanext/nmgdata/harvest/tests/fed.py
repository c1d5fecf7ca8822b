"""A city with a change feed that a test decides: what it does to a record is told, in order, by numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model

from ...kernel import clock
from ...kernel.actors import Actor
from ...kernel.gate.doors import judge
from ...kernel.gate.policy import Purpose, Reason
from ..following.apply import Taken
from ..following.feeds import Follower
from ..following.model import Following
from ..model import Job
from ..remote.client import Client
from ..remote.errors import Code, RemoteError
from ..remote.feed import Event, FeedPage, Kind
from ..remote.spec import Spec
from .city import City, record

SIZE = 4
"""Changes on a page of the feed."""


def stop(kind: str = "suspended", case: str = "YY-20261123-00001-1", **said: Any) -> dict[str, Any]:
    """Return how a city says a stop."""
    since = "2026-11-23T10:00:00+08:00"
    return {
        "open_state": kind,
        "case": case,
        "since": since,
        "reason": "经核实，数据可以识别特定自然人。",
        **said,
    }


class FedCity(City):
    """A city that tells what it does."""

    def __init__(self, code: str = "150600", name: str = "ordos", **values: Any) -> None:
        """Make the source with the address of a feed."""
        super().__init__(code, name, feed=f"https://{name}.example.cn/nmg/changes.jsonld", **values)
        self.name = name
        self.told: list[Event] = []
        self.kept_from = 0
        """Changes up to this number are no longer kept."""
        self.number = 0
        self.trouble: Exception | None = None
        self.asked_feed = 0

    # --- what the city does ----------------------------------------------------------------------

    def subject(self, identifier: str) -> str:
        """Return the address of a dataset."""
        return self.subjects.setdefault(identifier, f"https://{self.name}.example.cn/dataset/{identifier}")

    def tell(self, kind: Kind, identifier: str, **values: Any) -> None:
        """Add a change to the feed, with the record as it is now."""
        self.number += 1
        subject = self.subject(identifier)
        described = self.catalogue.get(identifier)
        said = (described or {}).get("stop") or {}
        event = Event(
            self.number, kind, subject, clock.now(),
            record=record(identifier, described, subject) if described else None,
            stop=said.get("open_state"), case=said.get("case"), reason=said.get("reason"),
        )  # fmt: skip
        self.told = [
            replace(one, record=None, stop=None) if one.subject == subject else one for one in self.told
        ]
        self.told.append(replace(event, **values))

    def publish(self, identifier: str, **values: Any) -> None:
        """Publish or change a record, and tell."""
        kind = Kind.UPDATED if identifier in self.catalogue else Kind.CREATED
        kept = self.catalogue.get(identifier, {}).get("stop")
        self.put(identifier, **values, **({"stop": kept} if kept else {}))
        self.tell(kind, identifier)

    def suspend(self, identifier: str, file: str | None = None) -> None:
        """Suspend a record, or one file of it, and tell."""
        entry = self.catalogue[identifier]
        for one in entry["resources"]:
            if file in (None, one["key"]):
                one["stop"] = stop()
        if file is None:
            entry["stop"] = stop()
        self.tell(Kind.SUSPENDED, identifier)

    def lift(self, identifier: str) -> None:
        """Resume opening, and tell."""
        entry = self.catalogue[identifier]
        entry.pop("stop", None)
        for one in entry["resources"]:
            one.pop("stop", None)
        self.tell(Kind.LIFTED, identifier)

    def withdraw(self, identifier: str) -> None:
        """Withdraw a record, and tell."""
        self.catalogue.pop(identifier)
        said = stop("withdrawn")
        self.tell(Kind.WITHDRAWN, identifier, stop="withdrawn", case=said["case"], reason=said["reason"])

    def delete(self, identifier: str) -> None:
        """Delete a record, and tell."""
        self.catalogue.pop(identifier)
        self.tell(Kind.DELETED, identifier)

    # --- the feed --------------------------------------------------------------------------------

    def head(self, spec: Spec, client: Client | None = None) -> str:
        """Return the cursor of now."""
        self.asked_feed += 1
        if self.trouble:
            raise self.trouble
        return str(self.number)

    def read(self, spec: Any, cursor: Any = None, tag: Any = None, client: Any = None) -> Any:
        """Read the feed when asked with a client, as followers do; else the catalogue."""
        if not isinstance(cursor, str) or cursor.startswith("page-"):
            return super().read(spec, cursor, tag)
        self.asked_feed += 1
        if self.trouble:
            raise self.trouble
        after = int(cursor)
        if after < self.kept_from or after > self.number:
            raise RemoteError(Code.GONE)
        found = tuple([one for one in self.told if one.number > after][:SIZE])
        return FeedPage(found, str(found[-1].number) if found else cursor, None, bool(found))

    # --- the region ------------------------------------------------------------------------------

    def follower(self) -> Follower:
        """Return somebody who follows this feed, by another name each time."""
        return Follower(self.id, self, self.ways)  # type: ignore[arg-type]

    def follow(self) -> Taken | None:
        """Look at the feed once."""
        follower = self.follower()
        try:
            return follower.look()
        finally:
            follower.release()

    def begin(self) -> None:
        """Begin to follow, and run the harvest that this asks for."""
        self.follow()
        self.run_ordered()

    def harvest_later(self, hours: int = 1) -> Job:
        """Run a harvest some hours later: what the feed told before is no longer newer."""
        with clock.fixed(clock.now() + timedelta(hours=hours)):
            return self.harvest()

    def run_ordered(self) -> list[str]:
        """Run the harvests that were asked for; return how they ended."""
        model.Session.rollback()
        query = sa.select(Job.id).where(Job.source_id == self.id, Job.state == "queued")
        ids = list(model.Session.scalars(query))
        self.work(*ids) if ids else None
        return [self.job(one).state for one in ids]

    def following(self) -> Following:
        """Return where the region is in the feed."""
        model.Session.rollback()
        return model.Session.get_one(Following, self.id, populate_existing=True)

    def answer(self, identifier: str, place: int = 0) -> Reason | None:
        """Return what the gate tells the public about a file; None where nothing is known of it."""
        resource = sorted(self.dataset(identifier).resources_all, key=lambda one: one.position)[place]
        judged = judge(resource.id, Actor.anonymous(), Purpose.USE)
        model.Session.rollback()
        return judged[1].reason if judged else None
