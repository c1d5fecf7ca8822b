"""Follow one source's feed: whose turn it is, from where, what a failure means. One look after the other.

All that must survive lies in ``Following``; each step is one transaction that holds its row, so that somebody
whose place was taken can write nothing any more.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ... import config
from ...kernel.actors import Actor
from ...kernel.types import Conflict, new_id
from ...kernel.unit import Unit, begin
from .. import jobs
from ..model import Job, JobState, Source, SourceState
from ..reading import spec_of
from ..records import Refused
from ..remote import feed as remote
from ..remote.client import Client
from ..remote.errors import UNREADABLE, Code, RemoteError
from ..remote.feed import FeedPage
from ..remote.spec import Spec
from .apply import LostError, Taken, Taking
from .model import Following

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=45)
"""How long somebody may be silent before another machine takes over."""
REQUEST_SECONDS = 30
"""For one page: shorter than a lease."""
SINGLES = 10
"""Pages in a row whose records are loaded from the feed; of more a harvest of the whole makes less work."""
MOST_PAGES = 500
"""Pages that one look reads."""
TRIES = 3
"""How often the same changes are begun to be taken, and a page that cannot be read is asked for."""
AGAIN = timedelta(minutes=10)
"""Time between two harvests that a feed has asked for."""
FIRST_WAIT, LONGEST_WAIT = 2, 300
"""Seconds for which a city that fails is left in peace: doubled from one failure to the next."""
REMEMBERED = 20


class Feed(Protocol):
    """How a feed is read; ``remote.feed`` is one."""

    def head(self, spec: Spec, client: Client | None = None) -> str:
        """Return the cursor of now."""
        ...

    def read(self, spec: Spec, cursor: str, tag: str | None = None, client: Client | None = None) -> FeedPage:
        """Return what happened after a cursor."""
        ...


@dataclass
class Follower:
    """Follows one source."""

    source_id: str
    feed: Feed = remote
    ways: dict[str, Any] = field(default_factory=dict)
    name: str = field(default_factory=lambda: f"{jobs.worker()}/{new_id()[:8]}")
    client: Client | None = None

    def look(self) -> Taken | None:
        """Take what is new; None when it is not this follower's turn, or when the city fails."""
        place = self.claim()
        if place is None:
            self.close()
            return None
        with suppress(LostError):
            try:
                return self.through(place)
            except RemoteError as error:
                model.Session.rollback()
                if error.code == Code.GONE:
                    self.anew("missed", "The feed no longer has what followed; the whole is harvested.")
                elif error.code in UNREADABLE and place.failures + 1 >= TRIES:
                    self.anew(str(error.code), error.detail)  # else this page would hide all that follow it
                else:
                    self.failed(str(error.code), error.detail, error.retry_after)
            except LostError:
                model.Session.rollback()
            except Exception as error:
                log.exception("following %s failed", self.source_id)
                model.Session.rollback()
                self.failed("internal", repr(error))
        self.close()
        return None

    def through(self, place: Place) -> Taken:
        """Read and take page after page until nothing is new."""
        spec = self.ready(place.spec)
        cursor, tag, number = place.cursor, place.tag, place.number
        if cursor is None or place.attempts >= TRIES:
            given_up = ("crashed", "These changes could not be taken.") if cursor else (None, None)
            self.anew(*given_up)
            return Taken()
        taking = Taking(self.source_id, self.hold, ways=self.ways)
        for turn in range(MOST_PAGES):
            page = self.feed.read(spec, cursor, tag, self.client)
            if page.events:
                if page.events[0].number <= number:
                    raise RemoteError(Code.GONE, "it goes back behind where it was")
                self.attempt()
                taking.skim = turn >= SINGLES
                taking.take(page.events)
                number = page.events[-1].number
            self.note(page, number, taking.taken, is_new=bool(page.events))
            cursor, tag = page.cursor, page.tag
            if not page.more:
                break
        self.order()
        return taking.taken

    # --- the place -------------------------------------------------------------------------------

    def claim(self) -> Place | None:
        """Take or keep the place of who follows; None when somebody else has it or nothing is to be done."""
        with begin(Actor.system()) as unit:
            source = unit.session.get(Source, self.source_id, populate_existing=True)
            if source is None or source.state != SourceState.ACTIVE or not source.feed:
                return None
            row = self.row(unit, source.feed)
            if row is None or (row.retry_at and row.retry_at > unit.now):
                return None
            if row.worker != self.name:
                if row.lease_until and row.lease_until > unit.now and not is_dead(row.worker):
                    return None
                row.worker, row.lease_until = self.name, unit.now + LEASE
            if row.feed != source.feed:
                row.feed, row.cursor, row.tag, row.number, row.attempts = source.feed, None, None, 0, 0
            if row.lease_until is None or row.lease_until < unit.now + LEASE / 2:
                row.lease_until = unit.now + LEASE
            return Place(spec_of(source), row.cursor, row.tag, row.number, row.attempts, row.failures)

    def row(self, unit: Unit, address: str) -> Following | None:
        """Return the row of the source, made at need; None while somebody else has it in hand."""
        query = sa.select(Following).where(Following.source_id == self.source_id)
        query = query.with_for_update(skip_locked=True).execution_options(populate_existing=True)
        found = unit.session.scalar(query)
        if found is None:
            new = insert(Following).values(source_id=self.source_id, feed=address)
            unit.session.execute(new.on_conflict_do_nothing())
            found = unit.session.scalar(query)
        return found

    def hold(self, unit: Unit) -> Following:
        """Return the row, locked and kept.

        :raises LostError: somebody else has the place
        """
        row = unit.session.get(Following, self.source_id, with_for_update=True, populate_existing=True)
        if row is None or row.worker != self.name:
            raise LostError
        row.lease_until = unit.now + LEASE
        unit.session.flush()
        return row

    def release(self) -> None:
        """Give the place back, so that the next one need not wait."""
        with begin(Actor.system()) as unit:
            mine = sa.update(Following).where(
                Following.source_id == self.source_id, Following.worker == self.name
            )
            unit.session.execute(
                mine.values(worker=None, lease_until=None).execution_options(synchronize_session=False)
            )

    # --- how it goes -----------------------------------------------------------------------------

    def attempt(self) -> None:
        """Count that changes are taken, before any is: what kills who takes them is given up in the end."""
        with begin(Actor.system()) as unit:
            self.hold(unit).attempts += 1

    def note(self, page: FeedPage, number: int, taken: Taken, *, is_new: bool) -> None:
        """Write down how far the feed has been followed. Nothing new is written down now and then only."""
        with begin(Actor.system()) as unit:
            row = unit.session.get(Following, self.source_id, populate_existing=True)
            fresh = row and row.asked_at and row.asked_at > unit.now - LEASE / 2
            if row and fresh and (row.cursor, row.tag, row.error) == (page.cursor, page.tag, None):
                return
            row = self.hold(unit)
            row.cursor, row.tag, row.number, row.attempts = page.cursor, page.tag, number, 0
            row.failures, row.retry_at, row.error, row.detail = 0, None, None, None
            row.asked_at = unit.now
            if is_new:
                row.changed_at = unit.now
            row.owes = row.owes or taken.skipped > 0
            row.refused = remembered(row.refused, taken.refused, unit.now)
        taken.refused = []

    def failed(self, error: str, detail: str, wait: float | None = None) -> None:
        """Leave a city in peace that does not answer, ever longer."""
        with begin(Actor.system()) as unit:
            row = self.hold(unit)
            row.failures += 1
            seconds = min(FIRST_WAIT * 2 ** min(row.failures, 10), LONGEST_WAIT)
            row.retry_at = unit.now + timedelta(seconds=max(seconds, min(wait or 0, LONGEST_WAIT)))
            row.error, row.detail = error, detail[:500]

    def anew(self, error: str | None, detail: str | None) -> None:
        """Follow from now on, and have the whole harvested, since something may have been missed before."""
        source = model.Session.get_one(Source, self.source_id)
        spec = self.ready(spec_of(source))
        model.Session.rollback()
        try:
            cursor = self.feed.head(spec, self.client)
        except RemoteError as trouble:
            self.failed(str(trouble.code), trouble.detail, trouble.retry_after)
            return
        with begin(Actor.system()) as unit:
            row = self.hold(unit)
            row.cursor, row.tag, row.number, row.attempts, row.owes = cursor, None, 0, 0, True
            row.failures, row.retry_at, row.asked_at = 0, None, unit.now
            row.error, row.detail = error, detail
        self.order()

    def order(self) -> None:
        """Ask for the harvest that is owed. One that runs may have read too early: then later."""
        with begin(Actor.system()) as unit:
            row = unit.session.get_one(Following, self.source_id, populate_existing=True)
            source = unit.session.get_one(Source, self.source_id)
            if not row.owes or (row.ordered_at and row.ordered_at > unit.now - AGAIN):
                return
            if source.broken_until and source.broken_until > unit.now:
                return
            row = self.hold(unit)
            waiting = sa.select(Job.id).where(Job.source_id == source.id, Job.state == JobState.QUEUED)
            try:
                if unit.session.execute(waiting).first() is None:
                    jobs.queue(unit, source.id)
            except Conflict:
                return
            row.owes, row.ordered_at = False, unit.now

    # --- the way out -----------------------------------------------------------------------------

    def ready(self, spec: Spec) -> Spec:
        """Return a source with the limits of a look, and have a client for it that keeps its connection."""
        limits = replace(spec.limits, request_seconds=REQUEST_SECONDS, attempts=1)
        spec = replace(spec, limits=limits)
        if self.client is None or self.client.spec != spec:
            self.close()
            self.client = Client(spec)
        return spec

    def close(self) -> None:
        """Close the connection."""
        if self.client is not None:
            self.client.close()
            self.client = None


@dataclass(frozen=True)
class Place:
    """Where following goes on."""

    spec: Spec
    cursor: str | None
    tag: str | None
    number: int
    attempts: int
    failures: int


def is_dead(worker: str | None) -> bool:
    """Say whether somebody who had a place is known to have ended: a process of this machine that is gone.

    Who has this process' own number is an earlier follower of it, or of the container before it.
    """
    host, _colon, pid = (worker or "").partition("/")[0].rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    if int(pid) == os.getpid():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def remembered(
    known: Sequence[dict[str, Any]], refused: Sequence[Refused], now: datetime
) -> list[dict[str, Any]]:
    """Return the last changes that were refused, the newest first, one per subject."""
    new = [
        {"subject": one.where[:500], "code": str(one.code), "detail": one.detail[:500], "at": now.isoformat()}
        for one in refused
    ]
    subjects = {one["subject"] for one in new}
    return [*new, *(one for one in known if one["subject"] not in subjects)][:REMEMBERED]


def followed() -> list[str]:
    """Return the sources that have a feed to follow."""
    if not config.harvest_follow_seconds():
        return []
    query = sa.select(Source.id).where(Source.state == SourceState.ACTIVE, Source.feed.is_not(None))
    found = list(model.Session.scalars(query))
    model.Session.rollback()
    return found
