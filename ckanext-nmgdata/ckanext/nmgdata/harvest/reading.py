"""Read one source: tell what each page means and write it down, with what is to be loaded."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from ckan import model

from ..kernel.actors import Actor
from ..kernel.unit import Unit, begin
from . import diff, jobs, vanish
from .load import Refusal, write_problems
from .model import OUTCOMES, Job, JobPage, JobState, Source
from .records import Page, Validators
from .remote import pages
from .remote.errors import Code, RemoteError, Unchanged
from .remote.spec import Format, Limits, Spec
from .work import Task, pack

log = logging.getLogger(__name__)
Read = Callable[[Spec, str | None, Validators | None], Iterator[Page]]
AHEAD = 800
"""Records of a source that may wait to be loaded before its reader pauses."""
AT_ONCE = 500
"""Records that are written down in one transaction, if their pages come faster than they are written."""
TOGETHER = 250
"""Records that are loaded together: each transaction has its own forty statements."""
PAUSE = 0.2
DRAIN = 1.0
"""Seconds between two looks of a reader that waits for others to load: two and more seconds' work waits."""
SETTLED = ("unchanged", "stopped", "refused")
"""What a record of a page may be as soon as it was read; the others wait to be loaded."""
COUNTS = ("read", *OUTCOMES)
JOB = Job.__table__
MOVE = (
    sa.update(JOB)
    .where(JOB.c.id == sa.bindparam("job"), JOB.c.worker == sa.bindparam("name"))
    .where(JOB.c.state == JobState.RUNNING)
    .values(
        next_page=JOB.c.next_page + sa.bindparam("pages"), next_address=sa.bindparam("following"),
        total=sa.func.coalesce(sa.bindparam("stated", type_=sa.Integer), JOB.c.total),
        read_bytes=JOB.c.read_bytes + sa.bindparam("bytes"), lease_until=sa.bindparam("lease"),
        **{f"{one}_count": JOB.c[f"{one}_count"] + sa.bindparam(f"more_{one}") for one in COUNTS},
    )
    .returning(JOB.c.next_page)
)  # fmt: skip
"""Moves a job on by some pages, if the reader is still who is named; returns the number after them."""


def spec_of(source: Source) -> Spec:
    """Return what the remote side must know of a source."""
    known = Limits.__dataclass_fields__
    return Spec(
        source=source.id,
        address=source.address,
        region=source.region_code,
        organisation=source.owner_org,
        format=Format(source.format),
        organisations=dict(source.organisations),
        feed=source.feed,
        allowed_hosts=tuple(source.allowed_hosts),
        private_networks=tuple(source.private_networks),
        credentials=source.credentials,
        default_class=source.default_class,
        classes=dict(source.classes),
        limits=replace(Limits(), **{name: value for name, value in source.limits.items() if name in known}),
    )


@dataclass
class Reader:
    """Reads one source from where its job stands, page by page."""

    job_id: str
    name: str
    read: Read = pages.read
    stop: threading.Event = field(default_factory=threading.Event)
    stirred: threading.Event = field(default_factory=threading.Event)
    """Set for who waits for something to load, or for the end."""
    seen: set[int] = field(default_factory=set)
    """Numbers of the records that this run has met, so that none is taken twice."""
    is_behind: bool = True
    """Whether pages may wait to be loaded; nobody but the reader adds any."""
    unheard: int = 0
    """Records that wait and of which ``stirred`` has not told."""

    def run(self) -> None:
        """Read until the end, until told to stop, or until somebody else has the place."""
        try:
            self.through()
        except RemoteError as error:
            model.Session.rollback()
            if self.wait_for_loading(0):  # what came is good, and is loaded
                jobs.fail(self.job_id, self.name, str(error.code), error.detail or str(error))
        except Unchanged:
            self.finish(None)
        except Exception as error:
            model.Session.rollback()
            log.exception("harvest %s: reading failed", self.job_id)
            jobs.fail(self.job_id, self.name, "internal", repr(error))
        finally:
            model.Session.remove()
            self.stirred.set()

    def through(self) -> None:
        """Read all pages that are left."""
        job = model.Session.get_one(Job, self.job_id, populate_existing=True)
        source = model.Session.get_one(Source, job.source_id, populate_existing=True)
        spec, start, is_read = spec_of(source), job.next_address, job.next_page > 0 and not job.next_address
        known = Validators(**source.validators) if source.validators and not start else None
        hosts = diff.hosts_of(model.Session(), source.id)
        source_id = source.id
        met = sa.select(sa.func.unnest(JobPage.seen)).where(JobPage.job_id == self.job_id)
        self.seen.update(model.Session.scalars(met))
        model.Session.rollback()
        if is_read:  # somebody was killed between the last page and the end
            self.finish(None)
            return
        first: Validators | None = None
        some: list[Page] = []
        with closing(self.read(spec, start, known)) as found:  # type: ignore[type-var]
            try:
                for place, page in enumerate(found):
                    first = page.validators if place == 0 and not start else first
                    some.append(page)
                    if page.is_followed and sum(len(one.records) for one in some) < AT_ONCE:
                        continue
                    if not self.take(source_id, some, hosts) or not self.may_go_on():
                        return
                    some = []
            except RemoteError:
                if some and not self.take(source_id, some, hosts):
                    return
                raise
        self.finish(first)

    def may_go_on(self) -> bool:
        """Wait while enough waits to be loaded; False when told to stop."""
        return self.wait_for_loading(AHEAD)

    def wait_for_loading(self, most: int) -> bool:
        """Wait until no more records than this wait to be loaded; False when told to stop."""
        while self.is_behind and not self.stop.is_set():
            left = jobs.waiting(model.Session(), self.job_id)
            model.Session.rollback()
            self.is_behind = left > 0
            if left <= most:
                break
            self.stop.wait(DRAIN if most else PAUSE)
            self.keep()
        if self.stop.is_set():
            jobs.release(self.job_id, self.name)
            return False
        return True

    def keep(self) -> None:
        """Keep the reader's place while it waits."""
        with begin(Actor.system()) as unit:
            mine = sa.update(Job).where(Job.id == self.job_id, Job.worker == self.name)
            unit.session.execute(mine.values(lease_until=unit.now + jobs.LEASE))

    def take(self, source_id: str, some: Sequence[Page], hosts: dict[str, str]) -> bool:
        """Write down what pages mean, in one transaction; False if the place is lost."""
        with begin(Actor.system()) as unit:
            unit.session.execute(sa.text("SET LOCAL synchronous_commit = off"))  # a page may be read again
            meanings = list(self.meanings(unit, source_id, some, hosts))
            total = Counter[str]()
            for one in meanings:
                total.update(one.counts)
            move = {
                "job": self.job_id, "name": self.name, "following": some[-1].next, "pages": len(some),
                "stated": next((page.total for page in reversed(some) if page.total is not None), None),
                "bytes": sum(page.read for page in some), "lease": unit.now + jobs.LEASE,
                **{f"more_{name}": total[name] for name in COUNTS},
            }  # fmt: skip
            following = unit.session.scalar(MOVE, move)  # last, so that nobody who loads has to wait long
            if following is None:
                unit.session.rollback()
                return False
            numbers = range(following - len(some), following)
            rows = [one.row(self.job_id, number) for one, number in zip(meanings, numbers, strict=True)]
            unit.session.execute(sa.insert(JobPage.__table__), rows)
            for one, number in zip(meanings, numbers, strict=True):
                write_problems(unit.session, self.job_id, number, one.problems)
        self.seen.update(*(one.seen for one in meanings))
        if total["waiting"]:
            self.is_behind = True
            self.unheard += total["waiting"]
        if self.unheard >= TOGETHER:
            self.unheard = 0
            self.stirred.set()
        return True

    def meanings(
        self, unit: Unit, source_id: str, some: Sequence[Page], hosts: dict[str, str]
    ) -> Iterator[Meaning]:
        """Yield what each page means; what one of them brings is known to the next."""
        met, left = set[int](), list(some)
        known: list[diff.Known] | None = None
        while left:
            known = diff.read_known(unit.session, source_id, left) if known is None else known
            page = left.pop(0)
            found = diff.compare(page, source_id, known, hosts)
            found.refuse_again({one for one in found.seen if one in self.seen or one in met})
            tasks, new = as_tasks(unit, source_id, found)
            vanish.came_back(unit.session, [one.id for one in found.stopped])
            meaning = Meaning(page, found, tasks, [*found.seen, *new])
            met.update(meaning.seen)
            known = None if new else known
            yield meaning

    def finish(self, validators: Validators | None) -> None:
        """Note that everything was read; who loads the last page concludes."""
        with begin(Actor.system()) as unit:
            job = jobs.locked(unit, self.job_id)
            if not jobs.holds(job, self.name):
                return
            job.read_at, job.next_address, job.lease_until = unit.now, None, unit.now + jobs.LEASE
            if job.next_page == 0:  # 304: the catalogue is as it was, so nothing has vanished
                jobs.end(unit, job, JobState.FINISHED)
                return
            if job.attempts > 1 and job.total is not None and job.read_count < job.total:
                detail = f"{job.read_count} of {job.total}"
                raise RemoteError(Code.INCOMPLETE, detail)
            source = unit.session.get_one(Source, job.source_id)
            source.validators = {
                name: value
                for name in ("etag", "modified")
                if validators and (value := getattr(validators, name)) is not None
            }
            vanish.conclude_if_whole(unit, job)


@dataclass
class Meaning:
    """What a page means, before it is written down."""

    page: Page
    found: diff.Difference
    tasks: list[Task]
    seen: list[int]

    @property
    def counts(self) -> dict[str, int]:
        """Return how many of its records are what."""
        counts = {name: len(getattr(self.found, name)) for name in SETTLED} | {"waiting": len(self.tasks)}
        return {"read": sum(counts.values()), **counts}

    @property
    def problems(self) -> list[Refusal]:
        """Return why records were refused."""
        return [Refusal(one.where, one.code, one.detail) for one in self.found.refused]

    def row(self, job_id: str, number: int) -> dict[str, Any]:
        """Return the page's row."""
        return {
            "job_id": job_id, "number": number, "address": self.page.address, "work": pack(self.tasks),
            "seen": self.seen, "unnamed_count": self.found.unnamed,
            **{f"{name}_count": value for name, value in self.counts.items()},
        }  # fmt: skip


def as_tasks(unit: Unit, source_id: str, found: diff.Difference) -> tuple[list[Task], list[int]]:
    """Return what is to be loaded, and the numbers of the records that are new.

    New records get their row now, so that no other page and no other source can have the same one.
    """
    numbers = diff.enter(unit.session, source_id, found)
    tasks = [Task(numbers[one.identifier], "created", one) for one in found.create]
    tasks += [Task(known.id, "updated", one) for known, one in [*found.update, *found.halted]]
    tasks += [Task(known.id, "restored", one) for known, one in found.restore]
    return tasks, list(numbers.values())
