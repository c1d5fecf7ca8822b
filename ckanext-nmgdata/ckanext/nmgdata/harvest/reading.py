"""Read one source: tell what each page means and write it down, with what is to be loaded."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

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
        next_page=JOB.c.next_page + 1, next_address=sa.bindparam("following"),
        total=sa.func.coalesce(sa.bindparam("stated", type_=sa.Integer), JOB.c.total),
        read_bytes=JOB.c.read_bytes + sa.bindparam("bytes"), lease_until=sa.bindparam("lease"),
        **{f"{one}_count": JOB.c[f"{one}_count"] + sa.bindparam(f"more_{one}") for one in COUNTS},
    )
    .returning(JOB.c.next_page - 1)
)  # fmt: skip
"""Moves a job on by a page, if the reader's place is still whose name is given; returns the page's number."""


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
        last: Page | None = None
        with closing(self.read(spec, start, known)) as found:  # type: ignore[type-var]
            for page in found:
                first = page.validators if last is None and not start else first
                last = page
                if not self.take(source_id, page, hosts) or not self.may_go_on():
                    return
        self.finish(first if not start else None)

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

    def take(self, source_id: str, page: Page, hosts: dict[str, str]) -> bool:
        """Write down what a page means, in one transaction; False if the place is lost."""
        with begin(Actor.system()) as unit:
            unit.session.execute(sa.text("SET LOCAL synchronous_commit = off"))  # a page may be read again
            known = diff.read_known(unit.session, source_id, page)
            found = diff.compare(page, source_id, known, hosts)
            found.refuse_again(self.seen.intersection(found.seen))
            tasks, new = as_tasks(unit, source_id, found)
            vanish.came_back(unit.session, [one.id for one in found.stopped])
            counts = dict.fromkeys(COUNTS, 0) | {name: len(getattr(found, name)) for name in SETTLED}
            counts["waiting"] = len(tasks)
            counts["read"] = sum(counts.values())
            move = {
                "job": self.job_id, "name": self.name, "following": page.next, "stated": page.total,
                "bytes": page.read, "lease": unit.now + jobs.LEASE,
                **{f"more_{name}": number for name, number in counts.items()},
            }  # fmt: skip
            number = unit.session.scalar(MOVE, move)  # last, so that nobody who loads has to wait long
            if number is None:
                unit.session.rollback()
                return False
            row = {
                "job_id": self.job_id, "number": number, "address": page.address, "work": pack(tasks),
                "seen": [*found.seen, *new], "unnamed_count": found.unnamed,
                **{f"{name}_count": value for name, value in counts.items()},
            }  # fmt: skip
            unit.session.execute(sa.insert(JobPage.__table__), row)
            refused = [Refusal(one.where, one.code, one.detail) for one in found.refused]
            write_problems(unit.session, self.job_id, number, refused)
        self.seen.update(found.seen, new)
        if tasks:
            self.is_behind = True
            self.unheard += len(tasks)
        if self.unheard >= TOGETHER:
            self.unheard = 0
            self.stirred.set()
        return True

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


def as_tasks(unit: Unit, source_id: str, found: diff.Difference) -> tuple[list[Task], list[int]]:
    """Return what is to be loaded, and the numbers of the records that are new.

    New records get their row now, so that no other page and no other source can have the same one.
    """
    numbers = diff.enter(unit.session, source_id, found)
    tasks = [Task(numbers[one.identifier], "created", one) for one in found.create]
    tasks += [Task(known.id, "updated", one) for known, one in [*found.update, *found.halted]]
    tasks += [Task(known.id, "restored", one) for known, one in found.restore]
    return tasks, list(numbers.values())
