"""What the changes of a feed mean here: closed at once, deleted at once, loaded as single records.

Everything may be done again: who was killed in the middle is followed by somebody who takes the same changes.
Records are found by their source and address, so that no feed can touch what another source has.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.exc import InterfaceError, OperationalError

from ...kernel.actors import Actor
from ...kernel.unit import Unit, begin
from .. import diff, vanish
from ..load import Batch, Loader, Refusal
from ..model import RemoteRecord, Source
from ..reading import as_tasks, spec_of
from ..records import Page, Record, Refused
from ..remote.feed import Event, Kind
from ..workflow import SUSPENDED, WITHDRAWN
from . import stops

log = logging.getLogger(__name__)
TOGETHER = 50
"""Records that are loaded in one transaction; few, so that a suspension never waits long for one."""
Guard = Callable[[Unit], Any]


@dataclass
class Taken:
    """What became of some changes."""

    closed: int = 0
    deleted: int = 0
    loaded: int = 0
    skipped: int = 0
    """Left for a harvest of the whole."""
    refused: list[Refused] = field(default_factory=list)


@dataclass
class Taking:
    """Takes the changes of one page.

    :param hold: called in every transaction before anything is written; raises when somebody else follows now
    :param skim: close and delete only, and leave what is new to a harvest of the whole
    """

    source_id: str
    hold: Guard
    skim: bool = False
    ways: dict[str, Any] = field(default_factory=dict)
    taken: Taken = field(default_factory=Taken)

    def take(self, events: Sequence[Event]) -> Taken:
        """Take the last word on each dataset; what closes comes first."""
        newest = list({event.subject: event for event in events if diff.is_usable(event.subject)}.values())
        for event in newest:
            if said := stop_of(event):
                self.close(event, said)
        for event in newest:
            if event.kind == Kind.DELETED:
                self.delete(event)
        for event in newest:
            if event.refused:
                self.taken.refused.append(
                    Refused(event.subject, event.refused, "The description is of no use.")
                )
        records = [event.record for event in newest if event.record]
        if self.skim:
            self.taken.skipped += len(records)
            return self.taken
        for start in range(0, len(records), TOGETHER):
            self.load_or_split(records[start : start + TOGETHER])
        return self.taken

    # --- what closes -----------------------------------------------------------------------------

    def close(self, event: Event, said: stops.Stated) -> None:
        """Stop a dataset as a whole, whatever its description is worth; its files' stops stay."""
        with begin(Actor.system()) as unit:
            self.hold(unit)
            source, record = self.source(unit), self.locate(unit, event.subject)
            if record is None or record.package_id is None or record.archived_at:
                return
            wanted: dict[str, stops.Places] = {record.package_id: {stops.WHOLE: said}}
            if stops.settle(unit, source, wanted, complete=False):
                record.digest = None  # so that any harvest looks at it anew, and lifts what no longer holds
                self.taken.closed += 1
            record.followed_at = unit.now

    def delete(self, event: Event) -> None:
        """Take a deleted dataset out of the catalogue at once, unless a case of the region's stops it."""
        with begin(Actor.system()) as unit:
            self.hold(unit)
            record = self.locate(unit, event.subject)
            if record is None or record.package_id is None or record.archived_at:
                return
            record.followed_at = unit.now
            record.vanished_at = record.vanished_at or unit.now
            package = unit.session.get_one(model.Package, record.package_id, populate_existing=True)
            kept = unit.session.scalar(sa.select(stops.held_here(record.package_id)))
            unit.session.flush()
            if package.state == model.State.ACTIVE and not kept:
                vanish.archive(unit, {record.id: record.package_id})
                self.taken.deleted += 1

    def source(self, unit: Unit) -> Source:
        """Return the source."""
        return unit.session.get_one(Source, self.source_id)

    def locate(self, unit: Unit, subject: str) -> RemoteRecord | None:
        """Return this source's record of that address, locked."""
        query = sa.select(RemoteRecord).where(
            RemoteRecord.source_id == self.source_id,
            sa.or_(RemoteRecord.subject == subject, RemoteRecord.claim == subject),
        )
        return unit.session.scalar(
            query.order_by(RemoteRecord.id).limit(1).with_for_update()
            .execution_options(populate_existing=True)
        )  # fmt: skip

    # --- what is loaded --------------------------------------------------------------------------

    def load_or_split(self, records: Sequence[Record]) -> None:
        """Load records; where they can not be loaded together, each for itself."""
        try:
            self.load(records)
        except (OperationalError, InterfaceError):
            raise  # the database is away: they are taken again later
        except LostError:
            raise
        except Exception as error:
            if len(records) > 1:
                for one in records:
                    self.load_or_split([one])
                return
            log.exception("following %s: a record could not be loaded", self.source_id)
            self.taken.refused.append(Refused(records[0].identifier[:500], "internal", repr(error)[:500]))

    def load(self, records: Sequence[Record]) -> None:
        """Load records in one transaction, like a page of a harvest."""
        with begin(Actor.system()) as unit:
            self.hold(unit)
            source = self.source(unit)
            page = Page("feed", 0, tuple(records), (), None, None, 0)
            known = diff.read_known(unit.session, source.id, [page])
            found = diff.compare(page, source.id, known, diff.hosts_of(unit.session, source.id))
            tasks, new = as_tasks(unit, source.id, found)
            vanish.came_back(unit.session, [one.id for one in found.stopped])
            batch = Loader(source, spec_of(source), **self.ways).load(unit, tasks)
            touch(unit, [*found.seen, *new], unit.now)
        self.taken.loaded += sum(batch.counts[name] for name in ("created", "updated", "restored"))
        self.taken.refused += [*found.refused, *refused(batch)]


class LostError(Exception):
    """Somebody else follows this source now."""


def stop_of(event: Event) -> stops.Stated | None:
    """Return how a change stops its dataset as a whole; None if it does not."""
    told = {"case": event.case, "since": event.at, "reason": event.reason}
    if event.kind == Kind.WITHDRAWN or event.stop == WITHDRAWN:
        return stops.Stated.read({"open_state": WITHDRAWN, **told})
    if event.stop == SUSPENDED:
        return stops.Stated.read({"open_state": SUSPENDED, **told})
    return None


def refused(batch: Batch) -> list[Refused]:
    """Return what was not loaded."""
    faults: list[Refusal] = [one for one in batch.problems if one.is_refused]
    return [Refused(one.place, one.code, one.detail) for one in faults]


def touch(unit: Unit, numbers: Sequence[int], at: datetime) -> None:
    """Note that the feed told of records."""
    if numbers:
        statement = sa.update(RemoteRecord).where(RemoteRecord.id.in_(numbers)).values(followed_at=at)
        unit.session.execute(statement.execution_options(synchronize_session=False))
