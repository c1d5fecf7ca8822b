"""Run jobs: read pages, tell what they mean, load what is new and changed, conclude.

One process works on any number of sources: each is read in a thread of its own, so that a slow or dead one
holds up no other, while the process itself loads what was read. Any number of processes on any machines do
so beside each other; what each does lies in PostgreSQL (``jobs``), and whoever is killed is followed.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from ckan import model
from flask import Flask, current_app

from .. import config
from ..kernel.actors import Actor
from ..kernel.context import own_request
from ..kernel.unit import Unit, begin
from . import diff, jobs, vanish
from .load import Batch, Loader, Refusal, write_problems
from .model import Job, JobPage, JobState, Source
from .records import Page, Validators
from .remote import pages
from .remote.errors import Code, RemoteError, Unchanged
from .remote.spec import Format, Limits, Spec
from .work import Task, pack, unpack

log = logging.getLogger(__name__)
Read = Callable[[Spec, str | None, Validators | None], Iterator[Page]]
AHEAD = 8
"""Pages of a source that may wait to be loaded before its reader pauses."""
PAUSE = 0.2
GIVE_UP_TOGETHER = 3
"""How often a page is loaded as a whole; afterwards record by record, so that the one that kills is found."""


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


# --- reading -------------------------------------------------------------------------------------


@dataclass
class Reader:
    """Reads one source from where its job stands, page by page."""

    job_id: str
    name: str
    read: Read = pages.read
    stop: threading.Event = field(default_factory=threading.Event)
    seen: set[int] = field(default_factory=set)
    """Numbers of the records that this run has met, so that none is taken twice."""

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
        return self.wait_for_loading(AHEAD - 1)

    def wait_for_loading(self, pages_left: int) -> bool:
        """Wait until no more pages than this wait to be loaded; False when told to stop."""
        while not self.stop.is_set() and jobs.waiting(model.Session(), self.job_id) > pages_left:
            model.Session.rollback()
            self.stop.wait(PAUSE)
            self.keep()
        model.Session.rollback()
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
            job = jobs.locked(unit, self.job_id)  # last, so that nobody who loads has to wait long
            if not jobs.holds(job, self.name):
                unit.session.rollback()
                return False
            number = job.next_page
            unit.session.add(
                JobPage(
                    job_id=job.id, number=number, address=page.address, seen=[*found.seen, *new],
                    unnamed_count=found.unnamed, work=pack(tasks), waiting_count=len(tasks),
                    read_count=len(tasks),
                )
            )  # fmt: skip
            job.next_page, job.next_address = number + 1, page.next
            job.total = page.total if page.total is not None else job.total
            job.read_bytes += page.read
            job.lease_until = unit.now + jobs.LEASE
            job.read_count, job.waiting_count = job.read_count + len(tasks), job.waiting_count + len(tasks)
            unit.session.flush()
            settled = {name: len(getattr(found, name)) for name in ("unchanged", "stopped", "refused")}
            jobs.count(unit.session, job.id, number, {"read": sum(settled.values()), **settled})
            refused = [Refusal(one.where, one.code, one.detail) for one in found.refused]
            write_problems(unit.session, job.id, number, refused)
        self.seen.update(found.seen, new)
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
            conclude_if_whole(unit, job)


def as_tasks(unit: Unit, source_id: str, found: diff.Difference) -> tuple[list[Task], list[int]]:
    """Return what is to be loaded, and the numbers of the records that are new.

    New records get their row now, so that no other page and no other source can have the same one.
    """
    numbers = diff.enter(unit.session, source_id, found)
    tasks = [Task(numbers[one.identifier], "created", one) for one in found.create]
    tasks += [Task(known.id, "updated", one) for known, one in found.update]
    tasks += [Task(known.id, "restored", one) for known, one in found.restore]
    return tasks, list(numbers.values())


# --- loading -------------------------------------------------------------------------------------


def load_page(job_id: str, number: int, name: str, **ways: Any) -> int:
    """Load a page that was claimed; return how many records were settled."""
    page = model.Session.get_one(JobPage, (job_id, number), populate_existing=True)
    job = model.Session.get_one(Job, job_id, populate_existing=True)
    source = model.Session.get_one(Source, job.source_id, populate_existing=True)
    if page.work is None or page.worker != name:
        model.Session.rollback()
        return 0
    tasks, attempts = unpack(page.work), page.attempts
    loader = Loader(source, spec_of(source), **ways)
    model.Session.expunge(source)
    model.Session.rollback()
    parts = [[task] for task in tasks] if attempts > GIVE_UP_TOGETHER else [tasks]
    left = list(tasks)
    while parts:
        part = parts.pop(0)
        try:
            left = settle(loader, job_id, number, name, part, left, give_up=attempts > jobs.TRIES)
        except LostError:
            return 0
        except (sa.exc.OperationalError, sa.exc.InterfaceError):
            raise  # the database is away: the page is loaded again later
        except Exception as error:
            if len(part) == 1:
                log.exception("harvest %s: a record could not be loaded", job_id)
                left = refuse(job_id, number, name, part, left, repr(error))
            else:
                half = len(part) // 2
                parts[:0] = [part[:half], part[half:]]
    return len(tasks)


class LostError(Exception):
    """Somebody else has the page, or the job has ended."""


def settle(
    loader: Loader, job_id: str, number: int, name: str, part: list[Task], left: list[Task], *, give_up: bool
) -> list[Task]:
    """Load some records of a page in one transaction; return what is left of the page."""
    if give_up:
        return refuse(job_id, number, name, part, left, "Whoever loaded this record was killed.")
    with begin(Actor.system()) as unit:
        page = own_page(unit, job_id, number, name)
        batch = loader.load(unit, part)
        return close(unit, page, part, left, batch)


def refuse(job_id: str, number: int, name: str, part: list[Task], left: list[Task], why: str) -> list[Task]:
    """Give up records that nobody can load."""
    batch = Batch()
    for task in part:
        batch.refuse(task, "internal", why)
    with begin(Actor.system()) as unit:
        return close(unit, own_page(unit, job_id, number, name), part, left, batch)


def own_page(unit: Unit, job_id: str, number: int, name: str) -> JobPage:
    """Return a page, locked.

    :raises LostError: it is no longer ours
    """
    page = unit.session.get(JobPage, (job_id, number), with_for_update=True, populate_existing=True)
    if page is None or page.work is None or page.worker != name:
        raise LostError
    page.lease_until = unit.now + jobs.LEASE
    return page


def close(unit: Unit, page: JobPage, part: list[Task], left: list[Task], batch: Batch) -> list[Task]:
    """Count what became of some records; the last of a job concludes it."""
    done = {task.number for task in part}
    rest = [task for task in left if task.number not in done]
    job_id, number = page.job_id, page.number
    unit.session.flush()
    statement = sa.update(JobPage).where(JobPage.job_id == job_id, JobPage.number == number)
    counts = Counter(batch.counts)
    values = {f"{name}_count": getattr(JobPage, f"{name}_count") + value for name, value in counts.items()}
    values["waiting_count"] = JobPage.waiting_count - len(part)
    unit.session.execute(
        statement.values(**values, work=pack(rest)).execution_options(synchronize_session=False)
    )
    jobs.count(unit.session, job_id, None, {**counts, "waiting": -len(part)})
    write_problems(unit.session, job_id, number, batch.problems)
    if not rest:
        conclude_if_whole(unit, jobs.locked(unit, job_id))
    return rest


def conclude_if_whole(unit: Unit, job: Job) -> None:
    """Conclude a job that was read to the end and of which nothing waits."""
    if job.read_at is not None and job.waiting_count == 0 and job.state == JobState.RUNNING:
        vanish.conclude(unit, job)


# --- a process -----------------------------------------------------------------------------------


@dataclass
class Worker:
    """Reads and loads what there is to do, for a while."""

    only: Sequence[str] | None = None
    """These jobs alone."""
    seconds: float | None = None
    """After so long it stops at the next page, so that other work of the process gets its turn."""
    read: Read = pages.read
    ways: dict[str, Any] = field(default_factory=dict)
    after_page: Callable[[], None] = lambda: None
    name: str = field(default_factory=jobs.worker)

    def run(self) -> bool:
        """Work; return whether something is left to do."""
        began, readers = time.monotonic(), dict[str, tuple[Reader, threading.Thread]]()
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        try:
            while True:
                self.start_readers(app, readers)
                if self.seconds is not None and time.monotonic() - began > self.seconds:
                    return self.is_left()
                if not self.load_one():
                    if not any(thread.is_alive() for _reader, thread in readers.values()):
                        if not self.is_left():
                            return False
                        if not self.is_ours(readers):
                            return True
                    time.sleep(PAUSE / 10)
        finally:
            for reader, _thread in readers.values():
                reader.stop.set()
            for reader, thread in readers.values():
                thread.join(timeout=PAUSE * 5)
                if thread.is_alive():
                    jobs.release(reader.job_id, reader.name)
            model.Session.remove()

    def start_readers(self, app: Flask, readers: dict[str, tuple[Reader, threading.Thread]]) -> None:
        """Take the reader's place of every job that nobody reads."""
        alive = [one for one in readers.values() if one[1].is_alive()]
        while len(alive) < config.harvest_readers():
            job = jobs.claim(self.name, self.only)
            if job is None:
                return
            reader = Reader(job.id, self.name, self.read)
            model.Session.rollback()
            within = contextvars.copy_context()
            thread = threading.Thread(target=within.run, args=(inside, app, reader.run), daemon=True)
            thread.start()
            readers[job.id] = (reader, thread)
            alive.append(readers[job.id])

    def load_one(self) -> bool:
        """Load one page that waits; False where none does."""
        claimed = jobs.claim_page(self.name, self.only)
        if claimed is None:
            return False
        began = time.monotonic()
        settled = load_page(*claimed, self.name, **self.ways)
        self.after_page()
        throttle(settled, time.monotonic() - began)
        return True

    def is_left(self) -> bool:
        """Say whether any job is not at its end."""
        query = sa.select(Job.id).where(Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
        if self.only is not None:
            query = query.where(Job.id.in_(self.only))
        found = model.Session.execute(query.limit(1)).first() is not None
        model.Session.rollback()
        return found

    def is_ours(self, readers: dict[str, Any]) -> bool:
        """Say whether to wait for what others do; those who run certain jobs in the foreground do."""
        return self.only is not None


def inside(app: Flask, work: Callable[[], None]) -> None:
    """Run something in a thread, in a request of the portal's own."""
    with app.app_context(), own_request():
        work()


def throttle(settled: int, took: float) -> None:
    """Rest after a page, so that no more records are loaded in a second than the setting allows."""
    limit = config.harvest_rate()
    if limit and settled:
        time.sleep(max(0.0, settled / limit - took))
