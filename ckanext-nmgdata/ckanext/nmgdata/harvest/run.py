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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from flask import Flask, current_app
from sqlalchemy.exc import InterfaceError, OperationalError

from .. import config
from ..kernel import quickjson
from ..kernel.actors import Actor
from ..kernel.collector import looking_rarely
from ..kernel.context import own_request
from ..kernel.unit import Unit, begin
from . import jobs, vanish
from .load import Batch, Loader, write_problems
from .model import OUTCOMES, Job, JobPage, JobState, Source
from .reading import PAUSE, TOGETHER, Read, Reader, spec_of
from .remote import pages
from .work import Task, pack, unpack

log = logging.getLogger(__name__)
LOOK = 1.0
"""Seconds between two looks for sources that nobody reads."""
LEEWAY = timedelta(minutes=5)
"""How far the clocks of two machines may be apart."""
GIVE_UP_TOGETHER = 3
"""How often a page is loaded as a whole; afterwards record by record, so that the one that kills is found."""
PORTIONS = 2
"""In how many portions a second's records are loaded where there is a limit to them."""
PATIENCE = 0.5
"""Seconds for which fewer records than are loaded together wait for more of them."""
CLOSE = sa.text(
    "UPDATE nmgdata_harvest_page p SET work = NULL, waiting_count = 0, "
    + ", ".join(f"{name}_count = p.{name}_count + f.{name}_count" for name in OUTCOMES if name != "waiting")
    + " FROM json_populate_recordset(NULL::nmgdata_harvest_page, CAST(:pages AS json)) f"
    " WHERE p.job_id = :job AND p.number = f.number"
)


# --- loading -------------------------------------------------------------------------------------


def load_pages(job_id: str, numbers: Sequence[int], name: str, **ways: Any) -> int:
    """Load pages that were claimed; return how many records were settled.

    They are loaded together, in one transaction; if that fails, each for itself.
    """
    if len(numbers) > 1:
        try:
            return load_together(job_id, numbers, name, **ways)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.info("harvest %s: pages are loaded one by one", job_id, exc_info=True)
    return sum(load_page(job_id, number, name, **ways) for number in numbers)


def load_together(job_id: str, numbers: Sequence[int], name: str, **ways: Any) -> int:
    """Load whole pages in one transaction; return how many records were settled.

    :raises LostError: one of them is no longer ours
    """
    loader, began = loader_of(job_id, **ways), time.monotonic()
    with begin(Actor.system()) as unit:
        mine = (
            sa.select(JobPage.number, JobPage.work)
            .where(JobPage.job_id == job_id, JobPage.number.in_(numbers))
            .where(JobPage.worker == name, JobPage.work.is_not(None))
        )
        locked = unit.session.execute(mine.order_by(JobPage.number).with_for_update()).all()
        if len(locked) < len(numbers):
            raise LostError
        tasks = {number: unpack(work) for number, work in locked}
        batch = loader.load(unit, [task for some in tasks.values() for task in some])
        close_all(unit, job_id, tasks, batch)
    throttle(len(batch.outcomes), time.monotonic() - began)
    return len(batch.outcomes)


def close_all(unit: Unit, job_id: str, tasks: Mapping[int, Sequence[Task]], batch: Batch) -> None:
    """Count what became of the records of whole pages; the last of a job concludes it."""
    unit.session.flush()
    pages, page_of = [], dict[int, int]()
    for number, some in tasks.items():
        counts = Counter(batch.outcomes[task.number] for task in some)
        pages.append({"number": number, **{f"{name}_count": counts[name] for name in OUTCOMES}})
        page_of |= {task.number: number for task in some}
    unit.session.execute(CLOSE, {"job": job_id, "pages": quickjson.text(pages)})
    jobs.count(unit.session, job_id, {**batch.counts, "waiting": -len(page_of)})
    for number in tasks:
        write_problems(
            unit.session, job_id, number, [one for one in batch.problems if page_of[one.number] == number]
        )
    vanish.conclude_if_whole(unit, jobs.locked(unit, job_id))


def loader_of(job_id: str, **ways: Any) -> Loader:
    """Return what loads the records of a job."""
    job = model.Session.get_one(Job, job_id, populate_existing=True)
    source = model.Session.get_one(Source, job.source_id, populate_existing=True)
    since = job.started_at and job.started_at - LEEWAY
    loader = Loader(source, spec_of(source), as_of=since, **ways)
    model.Session.expunge(source)
    model.Session.rollback()
    return loader


def load_page(job_id: str, number: int, name: str, **ways: Any) -> int:
    """Load a page that was claimed; return how many records were settled."""
    page = model.Session.get_one(JobPage, (job_id, number), populate_existing=True)
    if page.work is None or page.worker != name:
        model.Session.rollback()
        return 0
    tasks, attempts = unpack(page.work), page.attempts
    loader = loader_of(job_id, **ways)
    size = 1 if attempts > GIVE_UP_TOGETHER else together() if config.harvest_rate() else len(tasks)
    parts = [tasks[start : start + size] for start in range(0, len(tasks), max(1, size))]
    left = list(tasks)
    while parts:
        part, began = parts.pop(0), time.monotonic()
        try:
            left = settle(loader, job_id, number, name, part, left, give_up=attempts > jobs.TRIES)
            throttle(len(part), time.monotonic() - began)
        except LostError:
            return 0
        except (OperationalError, InterfaceError):
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
    unit.session.flush()
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
    jobs.count(unit.session, job_id, {**counts, "waiting": -len(part)})
    write_problems(unit.session, job_id, number, batch.problems)
    if not rest:
        vanish.conclude_if_whole(unit, jobs.locked(unit, job_id))
    return rest


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
    after_pages: Callable[[int], None] = lambda _records: None
    name: str = field(default_factory=jobs.worker)
    stirred: threading.Event = field(default_factory=threading.Event)
    """A reader of this process has left something to load, or has come to its end."""
    loaded: float = 0.0
    """When it has loaded last."""
    is_gathering: bool = False
    """Something waits to be loaded, but more is to come."""

    def run(self) -> bool:
        """Work until nothing is left that nobody else does; True if the time was over before."""
        with looking_rarely():
            return self.work()

    def work(self) -> bool:
        """Do what ``run`` says."""
        began, readers = time.monotonic(), dict[str, tuple[Reader, threading.Thread]]()
        look = began
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        try:
            while True:
                if time.monotonic() >= look:
                    self.start_readers(app, readers)
                    look = time.monotonic() + LOOK
                if self.seconds is not None and time.monotonic() - began > self.seconds:
                    return self.is_left()
                if self.load_some():
                    continue
                if any(thread.is_alive() for _reader, thread in readers.values()):
                    self.stirred.wait(LOOK / 2)  # others may leave something, too
                    self.stirred.clear()
                elif self.is_gathering or (self.only is not None and self.is_left()):
                    time.sleep(PAUSE / 2)  # others are at it; who runs it in the foreground waits for them
                else:
                    return False
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
            reader = Reader(job.id, self.name, self.read, stirred=self.stirred)
            model.Session.rollback()
            within = contextvars.copy_context()
            thread = threading.Thread(target=within.run, args=(inside, app, reader.run), daemon=True)
            thread.start()
            readers[job.id] = (reader, thread)
            alive.append(readers[job.id])

    def load_some(self) -> bool:
        """Load some pages that wait; False where none do, or more are to come soon."""
        is_patient = time.monotonic() - self.loaded < PATIENCE
        claimed = jobs.claim_pages(self.name, self.only, records=together(), is_patient=is_patient)
        self.is_gathering = claimed is not None and not claimed[1]
        if claimed is None or self.is_gathering:
            return False
        try:
            settled = load_pages(*claimed, self.name, **self.ways)
        except OperationalError:  # the database was away, or has chosen us to end a deadlock
            log.exception("harvest %s: pages %s are loaded again", *claimed)
            model.Session.rollback()
            time.sleep(LOOK)
            jobs.release_pages(*claimed, self.name)
            return True
        self.loaded = time.monotonic()
        self.after_pages(settled)
        return True

    def is_left(self) -> bool:
        """Say whether any job is not at its end."""
        query = sa.select(Job.id).where(Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
        if self.only is not None:
            query = query.where(Job.id.in_(self.only))
        found = model.Session.execute(query.limit(1)).first() is not None
        model.Session.rollback()
        return found


def inside(app: Flask, work: Callable[[], object]) -> None:
    """Run something in a thread, in a request of the portal's own."""
    with app.app_context(), own_request():
        work()


def together() -> int:
    """Return how many records are loaded in one transaction: few where few may be loaded in a second.

    A search that comes while they are loaded waits for its turn, so that many small portions hold up less
    than one large.
    """
    return min(TOGETHER, max(1, config.harvest_rate() // PORTIONS)) if config.harvest_rate() else TOGETHER


def throttle(settled: int, took: float) -> None:
    """Rest after a portion, so that no more records are loaded in a second than the setting allows."""
    limit = config.harvest_rate()
    if limit and settled:
        time.sleep(max(0.0, settled / limit - took))
