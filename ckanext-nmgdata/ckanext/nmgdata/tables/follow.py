"""After a dataset was saved: what is due for its files, and the outbox row that has it done.

Two rules, each in one place: which file is to be a table, and which is to be scanned.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from .. import config, vocab
from ..kernel import events, outbox
from ..kernel.gate import origins, screening
from ..kernel.gate.model import CLEAN, PENDING, ROWS, WITHDRAWN, Screening, Suspension
from ..kernel.gate.rows import columns_of
from ..kernel.openness import opens_to_all
from ..kernel.unit import Unit
from .model import LOADED, QUEUED, Table
from .scan import scan
from .stored import MissingError, TooLargeError, copy_of

log = logging.getLogger(__name__)
TOPIC = "files"
TABLE_FORMATS = ("csv", "xlsx", "json")
Wanted = Callable[[model.Resource, model.Package], bool]
"""A rule that says for which files something is to be done."""
MEGABYTE = 1024 * 1024


def is_table(resource: model.Resource, package: model.Package) -> bool:
    """Say whether a file is to be a table: a CSV, XLSX or JSON upload that is there and was not withdrawn."""
    there = resource.state == package.state == model.State.ACTIVE
    known = vocab.media_format(resource.format)
    if not there or not origins.is_upload(resource) or not known or known["slug"] not in TABLE_FORMATS:
        return False
    return not is_withdrawn(resource)


def is_withdrawn(resource: model.Resource) -> bool:
    """Say whether a file was withdrawn; its bytes lie in sealed storage then (R28¶3)."""
    query = sa.select(Suspension.id).where(
        Suspension.dataset_id == resource.package_id,
        sa.or_(Suspension.resource_id.is_(None), Suspension.resource_id == resource.id),
        Suspension.kind == WITHDRAWN,
        Suspension.lifted_at.is_(None),
    )
    return model.Session.scalar(query.limit(1)) is not None


def is_scanned(resource: model.Resource, package: model.Package) -> bool:
    """Say whether a file or table is to be scanned: one of ours that everybody is to have (R-SEC-14)."""
    there = resource.state == package.state == model.State.ACTIVE
    ours = origins.is_upload(resource) or is_kept_table(resource)
    return there and ours and opens_to_all(package.extras or {})


def is_kept_table(resource: model.Resource) -> bool:
    """Say whether rows lie in the DataStore that a department keeps through the API, without a file."""
    kept = (resource.extras or {}).get("datastore_active") and not origins.is_upload(resource)
    return bool(kept) and resource.state == model.State.ACTIVE


def opened(unit: Unit, event: events.ClassChanged) -> None:
    """Scan the files of a dataset that opens to everyone, and shut its tables until that is done (R-SEC-14).

    While the dataset was not open to everyone, nobody looked at the files, nor at the rows as they were
    written. Decisions change the class without one of CKAN's saves (docs/adr/0020).
    """
    if not event.opens_to_everyone:
        return
    package = unit.session.get_one(model.Package, event.dataset_id)
    query = sa.select(model.Resource).where(model.Resource.package_id == event.dataset_id)
    for resource in unit.session.scalars(query):
        if not origins.is_upload(resource) and columns_of(resource.id):  # whatever its flag says
            screening.begin_anew(unit, resource.id, ROWS)
            enqueue(unit, resource.id)
        elif note_scan(unit, resource, package):
            enqueue(unit, resource.id)


def waits_for_rows(resource_id: str) -> bool:
    """Say whether a kept table is held, or waits for its scan, so that a change of its rows may free it.

    What was known of a file that lay here before says nothing about rows; until then the gate keeps them
    shut.
    """
    resource = model.Session.get(model.Resource, resource_id) if resource_id else None
    if resource is None or not is_kept_table(resource):
        return False
    row = model.Session.get(Screening, resource_id)
    return row is not None and (row.version, row.state) != (ROWS, CLEAN)


def rows_changed(unit: Unit, resource_id: str) -> None:
    """Have a table scanned anew, because its department has changed the rows; what was decided is void."""
    screening.begin_anew(unit, resource_id, ROWS)
    enqueue(unit, resource_id)


def table_version(resource: model.Resource) -> str:
    """Return which bytes, in which format, a table is made of."""
    changed = resource.last_modified.isoformat() if resource.last_modified else ""
    return f"{changed} {(resource.format or '').lower()}"


# --- what a save brings --------------------------------------------------------------------------


def saved(unit: Unit, dataset_id: str) -> None:
    """Scan what is small, and put the rest into the outbox; after every save of a dataset."""
    package = unit.session.get_one(model.Package, dataset_id)
    unit.session.flush()
    resources = list(
        unit.session.scalars(sa.select(model.Resource).where(model.Resource.package_id == dataset_id))
    )
    tables = {
        row.resource_id: row
        for row in unit.session.scalars(sa.select(Table).where(Table.dataset_id == dataset_id))
    }
    for resource in resources:
        due = [
            note_table(unit, resource, package, tables.get(resource.id)),
            note_scan(unit, resource, package),
        ]
        if any(due):
            enqueue(unit, resource.id)


def deleted(unit: Unit, dataset_id: str) -> None:
    """Have the tables of a dataset dropped that CKAN is about to delete."""
    package = model.Package.get(dataset_id)
    rows = sa.select(Table.resource_id).where(Table.dataset_id == (package.id if package else dataset_id))
    for resource_id in unit.session.scalars(rows):
        enqueue(unit, resource_id)


def withdrawn(unit: Unit, event: events.Withdrawn) -> None:
    """Have the tables of withdrawn files dropped."""
    rows = sa.select(Table.resource_id).where(Table.dataset_id == event.dataset_id)
    if event.resource_id:
        rows = rows.where(Table.resource_id == event.resource_id)
    for resource_id in unit.session.scalars(rows):
        enqueue(unit, resource_id)


def enqueue(unit: Unit, resource_id: str) -> None:
    """Have the worker do what is due for a file."""
    outbox.enqueue(unit.session, TOPIC, {"resource": resource_id})


def note_table(unit: Unit, resource: model.Resource, package: model.Package, row: Table | None) -> bool:
    """Note a table that is to be loaded or dropped; say whether there is work."""
    is_wanted, version = is_table(resource, package), table_version(resource)
    is_present = is_wanted and row is not None and row.version == version
    is_loaded = is_present and row is not None and row.state == LOADED
    is_active = bool((resource.extras or {}).get("datastore_active"))
    is_ours = row is not None or origins.is_upload(resource)
    if is_ours and is_active is not is_loaded:
        mark_active(unit, resource.id, is_loaded)  # rows of other bytes leave no more (kernel.gate.row_doors)
    if is_wanted and not is_present:
        queue_table(unit, resource, version)
    elif is_ours and is_active and row is None:
        queue_table(unit, resource, "")  # rows that the API wrote before there was a file: to be dropped
        return True
    return row is not None if not is_wanted else not is_present


def queue_table(unit: Unit, resource: model.Resource, version: str) -> None:
    """Note that the table of a file is to be made (anew)."""
    values = {
        "dataset_id": resource.package_id, "version": version, "state": QUEUED, "error": None,
        "changed_at": unit.now,
    }  # fmt: skip
    statement = insert(Table).values(resource_id=resource.id, **values)
    unit.session.execute(statement.on_conflict_do_update(index_elements=["resource_id"], set_=values))


def note_scan(unit: Unit, resource: model.Resource, package: model.Package) -> bool:
    """Remember who brought new bytes, and scan them if they are small; say whether work is left."""
    if not origins.is_upload(resource) or resource.state != model.State.ACTIVE:
        return False
    version = screening.version_of(unit, resource.id) or ""
    row = unit.session.get(Screening, resource.id, populate_existing=True)
    if row is None or row.version != version:
        screening.begin_anew(unit, resource.id, version)
    elif row.state != PENDING:
        return False
    return is_scanned(resource, package) and not scan_now(unit, resource, version)


def scan_now(unit: Unit, resource: model.Resource, version: str) -> bool:
    """Scan a small file inside the request; False when it is left to the worker."""
    try:
        with copy_of(resource, config.screening_request_mb() * MEGABYTE) as copy:
            result = scan(copy, config.screening_request_seconds())
    except MissingError:
        return True
    except (TooLargeError, TimeoutError):
        return False
    except Exception:
        log.exception("Scan of %s failed", resource.id)  # the save goes on; the file stays shut
        return False
    return screening.conclude(unit, resource.id, version, result)


def mark_active(unit: Unit, resource_id: str, active: bool) -> None:
    """Set CKAN's flag that a resource lies in the DataStore; past its actions, which would save a dataset."""
    query = sa.select(model.Resource).where(model.Resource.id == resource_id).with_for_update()
    resource: Any = unit.session.scalar(query.execution_options(populate_existing=True))
    if resource is None or bool((resource.extras or {}).get("datastore_active")) is active:
        return
    extras = {**(resource.extras or {}), "datastore_active": active}
    unit.session.execute(
        sa.update(model.Resource).where(model.Resource.id == resource_id).values(extras=extras)
    )
    unit.session.expire(resource, ["extras"])
