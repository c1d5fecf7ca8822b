"""What the worker does for one file: scan it, load it, or drop its table. Doing it twice does no harm."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib import jobs
from ckan.plugins import toolkit as tk
from rq import Retry

from .. import config
from ..catalog.items import data_items
from ..kernel import events, outbox
from ..kernel.actors import Actor
from ..kernel.context import own_request
from ..kernel.gate import screening
from ..kernel.gate.model import PENDING, ROWS, WHOLE, Screening
from ..kernel.outbox.model import Outbox
from ..kernel.outbox.search import note as refresh_index
from ..kernel.unit import Unit, begin
from . import follow, kept, load
from .model import FAILED, LOADED, LOADING, Table
from .reading import UnreadableError
from .scan import UNREADABLE, scan
from .stored import Copy, MissingError, copy_of, to_be_table

log = logging.getLogger(__name__)
VIEW, VIEW_TITLE = "datatables_view", "表格"
ATTEMPTS = Retry(max=3)
"""A job whose worker was killed is begun again."""
GRACE = 300
"""Seconds beyond the reading of a file that its job may take."""


def install() -> None:
    """Take charge of the outbox topic and listen to withdrawals; may be called again."""
    outbox.handle(follow.TOPIC, hand_to_worker)
    events.subscribe(events.Withdrawn, follow.withdrawn)
    events.subscribe(events.ClassChanged, follow.opened)


def hand_to_worker(rows: Sequence[Outbox]) -> None:
    """Put jobs into the queue of CKAN's background worker; raises while Redis is down."""
    for row in rows:
        resource_id = row.payload["resource"]
        limits = {"timeout": 3 * config.tables_seconds() + GRACE, "retry": ATTEMPTS}
        jobs.enqueue(process, [resource_id], title=f"file {resource_id}", rq_kwargs=limits)


def process(resource_id: str) -> None:
    """Do all that is due for a file."""
    with own_request(), alone(resource_id):
        model.Session.rollback()
        resource = model.Session.get(model.Resource, resource_id, populate_existing=True)
        package = resource and model.Session.get(model.Package, resource.package_id, populate_existing=True)
        if resource is None or package is None or not follow.is_table(resource, package):
            drop(resource_id)
        if resource is None or package is None:
            return
        if follow.is_kept_table(resource):
            scan_table(resource, package)
            return
        scanned, loaded = scan_due(resource, package), load_due(resource, package)
        if scanned is None and loaded is None:
            return
        try:
            with copy_of(resource, config.max_resource_bytes()) as copy:
                if scanned is not None:
                    conclude(resource_id, scanned, copy)
                if loaded is not None:
                    make_table(resource_id, loaded, copy, resource.format)
        except MissingError:
            if loaded is not None:
                fail(resource_id, loaded, "missing")


@contextmanager
def alone(resource_id: str) -> Iterator[None]:
    """Keep other workers away from a file; PostgreSQL lets go when we are killed."""
    with model.ensure_engine().connect() as connection:
        autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
        key = {"key": f"nmgdata file {resource_id}"}
        autocommit.execute(sa.text("SELECT pg_advisory_lock(hashtextextended(:key, 11))"), key)
        try:
            yield
        finally:
            autocommit.execute(sa.text("SELECT pg_advisory_unlock(hashtextextended(:key, 11))"), key)


# --- scanning ------------------------------------------------------------------------------------


def scan_due(resource: model.Resource, package: model.Package) -> str | None:
    """Return the version that waits for its scan."""
    if not follow.is_scanned(resource, package):
        return None
    with begin(Actor.system()) as unit:
        version = screening.version_of(unit, resource.id) or ""
        row = unit.session.get(Screening, resource.id, populate_existing=True)
        if row is None or row.version != version:
            screening.begin_anew(unit, resource.id, version)
        elif row.state != PENDING:
            return None
    return version


def scan_table(resource: model.Resource, package: model.Package) -> None:
    """Scan the rows of a table that is kept through the API, where they wait for it."""
    row = screening.show(resource.id)
    if row is None or row.state != PENDING or not follow.is_scanned(resource, package):
        return
    resource_id = resource.id
    model.Session.rollback()
    result = kept.scan(resource_id)
    with begin(Actor.system()) as unit:
        if not screening.conclude(unit, resource_id, ROWS, result):
            follow.enqueue(unit, resource_id)


def conclude(resource_id: str, version: str, copy: Copy) -> None:
    """Scan a copy and write down what was found; what takes too long to read is held."""
    try:
        result = scan(copy, config.tables_seconds())
    except TimeoutError:
        found = screening.Finding(UNREADABLE, 0, "killed")
        result = screening.Result(copy.digest, {UNREADABLE: 1}, (found,), held=True, coverage=WHOLE)
    with begin(Actor.system()) as unit:
        if not screening.conclude(unit, resource_id, version, result):
            follow.enqueue(unit, resource_id)


# --- loading -------------------------------------------------------------------------------------


def load_due(resource: model.Resource, package: model.Package) -> str | None:
    """Return the version that is to be loaded, and note that it is being loaded."""
    if not follow.is_table(resource, package):
        return None
    version = follow.table_version(resource)
    with begin(Actor.system()) as unit:
        row = unit.session.get(Table, resource.id, populate_existing=True)
        if row is not None and row.version == version and row.state in (LOADED, FAILED):
            return None
        follow.queue_table(unit, resource, version)
        unit.session.execute(sa.update(Table).where(Table.resource_id == resource.id).values(state=LOADING))
    return version


def forget_version(resource_id: str) -> None:
    """Have a table made anew by the next run, whatever came of the last one."""
    with begin(Actor.system()) as unit:
        unit.session.execute(sa.update(Table).where(Table.resource_id == resource_id).values(version=""))


def make_table(resource_id: str, version: str, copy: Copy, declared: str | None) -> None:
    """Load a copy and write down what came of it."""
    if copy.size > config.tables_max_mb() * follow.MEGABYTE:
        fail(resource_id, version, "size")
        return
    try:
        with store() as cursor:
            report = load.build(cursor, resource_id, to_be_table(copy, declared), hints(resource_id))
    except UnreadableError as error:
        fail(resource_id, version, error.code)
        return
    with begin(Actor.system()) as unit:
        row = ours(unit, resource_id, version)
        if row is None:
            follow.enqueue(unit, resource_id)
            return
        settle(row, LOADED, unit)
        row.digest, row.rows, row.report = copy.digest, report.rows, report.as_dict()
        follow.mark_active(unit, resource_id, True)
        offer_view(unit, resource_id)
        refresh_index(unit.session, row.dataset_id)


def fail(resource_id: str, version: str, code: str) -> None:
    """Write down why a file is no table; the table of the file before it goes, for it is of other bytes."""
    with store() as cursor:
        load.drop(cursor, resource_id)
    with begin(Actor.system()) as unit:
        row = ours(unit, resource_id, version)
        if row is None:
            follow.enqueue(unit, resource_id)
            return
        settle(row, FAILED, unit, code)
        row.digest = row.rows = None
        row.report = {}
        follow.mark_active(unit, resource_id, False)
        refresh_index(unit.session, row.dataset_id)


def settle(row: Table, state: str, unit: Unit, error: str | None = None) -> None:
    """Give a row its new state."""
    row.state, row.error, row.changed_at = state, error, unit.now


def drop(resource_id: str) -> None:
    """Drop the table that we had made of a file; tables that departments keep themselves stay."""
    with begin(Actor.system()) as unit:
        row = unit.session.get(Table, resource_id, with_for_update=True, populate_existing=True)
        if row is None:
            return
        with store() as cursor:
            load.drop(cursor, resource_id)
        follow.mark_active(unit, resource_id, False)
        refresh_index(unit.session, row.dataset_id)
        unit.session.delete(row)


def ours(unit: Unit, resource_id: str, version: str) -> Table | None:
    """Return the row of a table, unless its file has been replaced meanwhile."""
    row = unit.session.get(Table, resource_id, with_for_update=True, populate_existing=True)
    return row if row is not None and row.version == version else None


@contextmanager
def store() -> Iterator[Any]:
    """Provide a cursor in one transaction of the DataStore."""
    from ckanext.datastore.backend.postgres import get_write_engine

    with get_write_engine().begin() as connection:
        cursor = connection.connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()


def hints(resource_id: str) -> dict[str, dict[str, str]]:
    """Return what the catalogue says about columns: label or name of a data item → label and notes."""
    resource = model.Session.get_one(model.Resource, resource_id)
    package = model.Session.get_one(model.Package, resource.package_id)
    found = {}
    for item in data_items(package.extras or {}):
        label, name = str(item.get("label") or ""), str(item.get("name") or "")
        info = {"label": label or name, "notes": str(item.get("description") or "")}
        for heading in (label, name):
            if heading:
                found.setdefault(heading, {key: value for key, value in info.items() if value})
    return found


def offer_view(unit: Unit, resource_id: str) -> None:
    """Add the preview of tables to a file that has none."""
    view = model.ResourceView
    query = sa.select(view.id).where(view.resource_id == resource_id, view.view_type == VIEW)
    if VIEW in tk.config["ckan.views.default_views"] and not unit.session.scalar(query.limit(1)):
        added = view(resource_id=resource_id, view_type=VIEW, title=VIEW_TITLE, order=0)
        unit.session.add(added)
