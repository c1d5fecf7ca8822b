"""A dry run: read a few pages, load them, and take all of it back, so that the report is what would happen.

It runs where somebody waits for it, so it has a firm deadline: the network is cut when the time is over, a
page has a fraction of it to be parsed, and only the first records are tried. What was read until then is
reported.
A source that is too slow for it is checked on the command line, which waits longer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.exc import InterfaceError, OperationalError

from ..kernel import clock
from ..kernel.actors import Actor
from ..kernel.audit import append
from ..kernel.gate.model import Origin
from ..kernel.types import Conflict
from ..kernel.unit import Unit, begin
from . import diff, words
from .load import Batch, Loader
from .model import RemoteRecord, Source
from .presenters import field_label
from .reading import as_tasks, spec_of
from .records import Page, Record
from .remote import pages, parse
from .remote.client import Client
from .remote.errors import RemoteError
from .remote.parse import WALL
from .remote.spec import Spec
from .work import Task

_ = tk._
log = logging.getLogger(__name__)
SECONDS = 20.0
PAGES, RECORDS = 3, 300
"""What is read and tried at most."""
ALONE = 0x6E6D6763
"""Key of the advisory lock ("nmgc"): one check at a time, so that they never take all threads of the web."""
WAIT = "8s"
"""How long the trial may wait for a row that somebody has, and each of its statements may take."""


class TakenBackError(Exception):
    """Ends the trial: nothing of it is kept."""


@dataclass
class Trial:
    """What was read, and what would become of it."""

    read: list[Page] = field(default_factory=list)
    trouble: RemoteError | None = None
    is_over: bool = False
    """The time was over before everything wanted had come."""
    counts: Counter[str] = field(default_factory=Counter)
    lines: list[dict[str, Any]] = field(default_factory=list)

    def line(self, outcome: str, identifier: str, **values: Any) -> None:
        """Note what would become of a record."""
        self.counts[outcome] += 1
        empty = {
            "title": identifier,
            "dataset": None,
            "code": None,
            "detail": "",
            "missing": [],
            "changes": [],
            "notes": [],
        }
        self.lines.append({"outcome": outcome, "identifier": identifier, **empty, **values})


def check(actor: Actor, source_id: str, seconds: float = SECONDS, **ways: Any) -> dict[str, Any]:
    """Return what a run would do with the first pages of a source; nothing of it is written.

    :raises Conflict: another check is under way
    """
    with alone():
        with begin(actor) as unit:
            append(unit, "source.checked", ("source", source_id))
        source = model.Session.get_one(Source, source_id, populate_existing=True)
        spec, name = spec_of(source), source.name
        model.Session.rollback()  # no transaction waits for a server somewhere else
        trial = Trial()
        fetch(spec, trial, seconds)
        attempt(source_id, trial, **ways)
    return {"source": name, "at": clock.now().isoformat(), **report(trial)}


@contextmanager
def alone() -> Iterator[None]:
    """Let no other check happen within the block, in any process.

    :raises Conflict: one is under way
    """
    with model.ensure_engine().connect() as connection:
        if not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(ALONE))):
            raise Conflict(_("Another check is under way; try again in half a minute."))
        connection.rollback()
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(ALONE)))
            connection.rollback()


# --- reading -------------------------------------------------------------------------------------


def fetch(spec: Spec, trial: Trial, seconds: float) -> None:
    """Read the first pages within the time."""
    limits = replace(
        spec.limits, attempts=1,
        request_seconds=min(spec.limits.request_seconds, seconds),
        parse_seconds=min(spec.limits.parse_seconds, max(1, seconds / WALL)),
    )  # fmt: skip
    client, end = Client(replace(spec, limits=limits)), time.monotonic() + seconds
    knife = threading.Timer(seconds, client.stop)
    knife.daemon = True
    knife.start()
    try:
        with closing(pages.read(client.spec, client=client)) as found:  # type: ignore[type-var]
            for page in found:
                trial.read.append(page)
                enough = sum(len(one.records) for one in trial.read) >= RECORDS or len(trial.read) >= PAGES
                if enough or time.monotonic() > end:
                    trial.is_over = not enough and page.next is not None
                    return
    except RemoteError as error:
        trial.is_over, trial.trouble = time.monotonic() > end, error
    finally:
        knife.cancel()
        client.stop()
        client.close()
        parse.close()  # a web server keeps no parsing processes


# --- trying --------------------------------------------------------------------------------------


def attempt(source_id: str, trial: Trial, **ways: Any) -> None:
    """Tell what was read from what is known, load it, note what became of it, and take it back."""
    left, seen = RECORDS, set[int]()
    source = model.Session.get_one(Source, source_id, populate_existing=True)
    loader = Loader(source, spec_of(source), **ways)
    hosts = diff.hosts_of(model.Session(), source_id)
    model.Session.expunge(source)
    try:
        with begin(Actor.system()) as unit:
            unit.session.execute(sa.text(f"SET LOCAL lock_timeout = '{WAIT}'"))
            unit.session.execute(sa.text(f"SET LOCAL statement_timeout = '{WAIT}'"))
            for page in trial.read:
                part = replace(page, records=page.records[:left])
                left -= len(part.records)
                attempt_page(unit, loader, trial, part, seen, hosts)
            raise TakenBackError  # noqa: TRY301 (leaving the block otherwise would keep it)
    except TakenBackError:
        return
    except OperationalError:
        raise Conflict(
            _("A harvest is writing the same records just now; try again when it has ended.")
        ) from None


def attempt_page(
    unit: Unit, loader: Loader, trial: Trial, page: Page, seen: set[int], hosts: Mapping[str, str]
) -> None:
    """Try one page."""
    source_id = loader.source.id
    known = diff.read_known(unit.session, source_id, [page])
    found = diff.compare(page, source_id, known, hosts)
    found.refuse_again(seen.intersection(found.seen))
    seen.update(found.seen)
    tasks, new = as_tasks(unit, source_id, found)
    seen.update(new)
    trial.counts["unchanged"] += len(found.unchanged)
    for one in found.stopped:
        trial.line("stopped", one.identifier, **dataset_of(unit, one.package_id))
    for refused in found.refused:
        trial.line("refused", refused.where, code=refused.code, detail=refused.detail)
    before = fields_of(unit, tasks)
    became = list(load(loader, unit, tasks))
    after, rows = fields_of(unit, tasks), rows_of(unit, tasks)
    for task, batch in became:
        note(trial, task, batch, rows[task.number], before.get(task.number, {}), after.get(task.number, {}))


def load(loader: Loader, unit: Unit, tasks: Sequence[Task]) -> Iterator[tuple[Task, Batch]]:
    """Load tasks, and what fails alone; yield each task with the batch that it was in."""
    if not tasks:
        return
    try:
        with unit.session.begin_nested():
            batch = loader.load(unit, tasks)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.info("check: a record could not be loaded", exc_info=True)
        if len(tasks) > 1:
            half = len(tasks) // 2
            yield from load(loader, unit, tasks[:half])
            yield from load(loader, unit, tasks[half:])
            return
        batch = Batch()
        batch.refuse(tasks[0], "internal", repr(error))
    for task in tasks:
        yield task, batch


def note(
    trial: Trial, task: Task, batch: Batch, row: RemoteRecord, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Note what became of one task."""
    identifier = task.record.identifier
    problems = [one for one in batch.problems if one.place == identifier]
    refusal = next((one for one in problems if one.is_refused), None)
    if refusal is not None:
        trial.line("refused", identifier, code=refusal.code, detail=refusal.detail)
        return
    dataset = {"title": after.get("title") or identifier, "dataset": row.package_id}
    if row.id in batch.stopped:
        trial.line("stopped", identifier, **dataset)
        return
    outcome = task.outcome if before and task.outcome != "created" else "updated" if before else "created"
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    trial.counts["incomplete"] += bool(row.missing)
    trial.line(
        outcome, identifier, **dataset,
        missing=[field_label(name) for name in row.missing],
        changes=[field_label(name) for name in changed] if before else [],
        notes=[one.detail for one in problems],
    )  # fmt: skip


def rows_of(unit: Unit, tasks: Sequence[Task]) -> dict[int, RemoteRecord]:
    """Return the rows of records as they have become."""
    query = sa.select(RemoteRecord).where(RemoteRecord.id.in_([task.number for task in tasks]))
    return {row.id: row for row in unit.session.scalars(query.execution_options(populate_existing=True))}


def dataset_of(unit: Unit, dataset_id: str | None) -> dict[str, Any]:
    """Return title and id of a dataset as it would be."""
    table = model.package_table.c
    row = unit.session.execute(sa.select(table.title, table.id).where(table.id == dataset_id)).first()
    return {"title": row[0] or row[1], "dataset": row[1]} if row else {}


def fields_of(unit: Unit, tasks: Sequence[Task]) -> dict[int, dict[str, Any]]:
    """Return what the datasets of tasks say: number of the record → field → value."""
    package, resource = model.package_table.c, model.resource_table.c
    file = sa.func.json_build_array(resource.name, resource.format, resource.extras, Origin.url)
    files = (
        sa.select(sa.func.json_agg(aggregate_order_by(file, resource.position)))
        .select_from(model.resource_table.outerjoin(Origin, Origin.resource_id == resource.id))
        .where(resource.package_id == package.id, resource.state == model.State.ACTIVE)
        .scalar_subquery()
    )
    query = (
        sa.select(RemoteRecord.id, package.title, package.notes, package.license_id, package.owner_org,
                  package.extras, files)
        .join(model.package_table, package.id == RemoteRecord.package_id)
        .where(RemoteRecord.id.in_([task.number for task in tasks]))
    )  # fmt: skip
    found = {}
    for number, title, notes, licence, owner, extras, listed in unit.session.execute(query):
        said = {
            "title": title,
            "notes": notes,
            "license_id": licence,
            "owner_org": owner,
            "resources": listed,
        }
        found[number] = {name: value for name, value in {**(extras or {}), **said}.items() if value}
    return found


# --- the report ----------------------------------------------------------------------------------


def report(trial: Trial) -> dict[str, Any]:
    """Return the result in words and numbers; what is unchanged is only counted."""
    records = [record for page in trial.read for record in page.records]
    code = str(trial.trouble.code) if trial.trouble else None
    if trial.trouble is not None and trial.is_over:
        code = "time_over"
    totals = [page.total for page in trial.read if page.total is not None]
    for line in trial.lines:
        line["label"] = words.outcome(line["outcome"])
        line["why"] = words.sentence(line["code"]) if line["code"] else None
    return {
        "pages": len(trial.read),
        "bytes": sum(page.read for page in trial.read),
        "whole": bool(trial.read) and trial.read[-1].next is None and trial.trouble is None,
        "total": totals[-1] if totals else None,
        "read": len(records) + sum(len(page.refused) for page in trial.read),
        "tried": tried(records) + sum(len(page.refused) for page in trial.read),
        "counts": {name: trial.counts[name] for name in (*OUTCOMES, "incomplete")},
        "error": code,
        "error_label": words.sentence(code) if code else None,
        "detail": trial.trouble.detail if trial.trouble and code != "time_over" else "",
        "records": sorted(trial.lines, key=lambda line: ORDER.index(line["outcome"])),
    }


OUTCOMES = ("created", "updated", "restored", "unchanged", "stopped", "refused")
ORDER = ("refused", "created", "updated", "restored", "stopped")


def tried(records: Sequence[Record]) -> int:
    """Return how many of the records were tried."""
    return min(len(records), RECORDS)
