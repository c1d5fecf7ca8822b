"""What is known about personal data in an uploaded file, and who let it pass (R-SEC-14).

The gate opens an unconditional file only when its present version was scanned (``facts``). This
module is the one writer of that knowledge; how a file is scanned is ``tables``' business.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper, attributes

from .. import outbox
from ..actors import Role
from ..audit import append
from ..outbox.model import Outbox
from ..types import Conflict
from ..unit import Unit
from . import letters
from .model import CLEAN, HELD, OVERRIDDEN, PENDING, ROWS, WHOLE, Screening
from .origins import UPLOAD

LOCK_TIMEOUT = "SET LOCAL lock_timeout = '3s'"
RESOURCE: Any = model.Resource
VERSION = sa.case(
    (RESOURCE.url_type == UPLOAD, sa.func.coalesce(sa.cast(RESOURCE.last_modified, sa.Text), "")),
    else_=ROWS,
)
"""Which bytes a resource stands for; a new upload always gets a new ``last_modified``."""
TOPIC = "file_held"
"""Topic of the outbox: tell the reviewers that a file is held."""


@dataclass(frozen=True)
class Finding:
    """One place that seems to hold personal data; the value is masked before it gets here."""

    kind: str
    row: int
    masked: str
    column: str = ""
    sheet: str = ""


@dataclass(frozen=True)
class Result:
    """What a scan of certain bytes found."""

    digest: str
    counts: dict[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    held: bool = False
    """Whether the findings reach the thresholds."""
    coverage: str = WHOLE


def version_of(unit: Unit, resource_id: str) -> str | None:
    """Return the present version of a resource."""
    return unit.session.scalar(sa.select(VERSION).where(RESOURCE.id == resource_id))


def begin_anew(unit: Unit, resource_id: str, version: str) -> None:
    """Forget what was known, because the bytes are others; remember who brought them."""
    values = {
        "resource_id": resource_id, "version": version, "state": PENDING,
        "uploader_id": unit.actor.user_id, "digest": None, "scanned_at": None, "coverage": None,
        "counts": {}, "findings": [], "overridden_by": None, "overridden_at": None, "override_reason": None,
    }  # fmt: skip
    statement = insert(Screening).values(**values)
    unit.session.execute(statement.on_conflict_do_update(index_elements=["resource_id"], set_=values))


def conclude(unit: Unit, resource_id: str, version: str, result: Result) -> bool:
    """Write down what the scan of a version found; False when the file has been replaced meanwhile."""
    row = locked(unit, resource_id)
    if row is None or row.version != version or row.version != version_of(unit, resource_id):
        return False
    if row.digest == result.digest and row.state in (HELD, OVERRIDDEN) and result.held:
        return True  # the same bytes again: what was decided about them stands
    row.state = HELD if result.held else CLEAN
    row.digest, row.scanned_at, row.coverage = result.digest, unit.now, result.coverage
    row.counts, row.findings = result.counts, [asdict(found) for found in result.findings]
    row.overridden_by = row.overridden_at = row.override_reason = None
    if result.held:
        detail = {"digest": result.digest, "counts": result.counts}
        append(unit, "screening.held", ("resource", resource_id), detail=detail)
        key = f"{resource_id}:{result.digest}"
        outbox.enqueue(unit.session, TOPIC, {"resource": resource_id}, key=key)
    unit.session.flush()
    return True


def override(unit: Unit, resource_id: str, digest: str, reason: str) -> None:
    """Let a held file pass, with a reason; never by the one who uploaded it alone (R-SEC-14).

    :raises Conflict: when the file is not held, or is no longer the one that was judged
    :raises tk.NotAuthorized: when the reviewer has uploaded the file
    """
    row = locked(unit, resource_id)
    if row is None or row.state != HELD or row.version != version_of(unit, resource_id):
        raise Conflict(tk._("This file is not held."))
    if row.digest != digest:
        raise Conflict(tk._("The file has been replaced; look at the findings again."))
    if row.uploader_id and row.uploader_id == unit.actor.user_id:
        raise tk.NotAuthorized(tk._("Who uploaded a file cannot release it; another reviewer must."))
    row.state, row.overridden_by, row.overridden_at = OVERRIDDEN, unit.actor.user_id, unit.now
    row.override_reason = reason
    detail = {"digest": row.digest, "counts": row.counts}
    append(
        unit, "screening.overridden", ("resource", resource_id), detail=detail, personal={"reason": reason}
    )
    unit.session.flush()


def locked(unit: Unit, resource_id: str) -> Screening | None:
    """Return the row of a file, locked until the transaction ends."""
    return unit.session.get(Screening, resource_id, with_for_update=True, populate_existing=True)


def show(resource_id: str) -> Screening | None:
    """Return what is known about the present version of a file."""
    query = sa.select(Screening).join(RESOURCE, RESOURCE.id == Screening.resource_id)
    return model.Session.scalar(
        query.where(Screening.resource_id == resource_id, Screening.version == VERSION)
    )


def held_in(org_ids: Collection[str], limit: int = 50) -> list[tuple[model.Resource, model.Package]]:
    """Return files of departments that are held, with their entries; the newest finding first."""
    package: Any = model.Package
    query = (
        sa.select(RESOURCE, package)
        .join(Screening, sa.and_(Screening.resource_id == RESOURCE.id, Screening.version == VERSION))
        .join(package, package.id == RESOURCE.package_id)
        .where(
            Screening.state == HELD, package.owner_org.in_(org_ids),
            RESOURCE.state == model.State.ACTIVE, package.state == model.State.ACTIVE,
        )
        .order_by(Screening.scanned_at.desc())
        .limit(limit)
    )  # fmt: skip
    return [(row[0], row[1]) for row in model.Session.execute(query)]


def tell_reviewers(rows: Sequence[Outbox]) -> None:
    """Turn a finding into one mail per reviewer of the department; what was found is not in it (R-SEC-11)."""
    for row in rows:
        letters.send(row, TOPIC, "held", Role.REVIEWER)


# --- the moment between new bytes and commit -----------------------------------------------------


def shut_before_new_bytes(mapper: Mapper[Any], connection: Connection, resource: model.Resource) -> None:
    """Before CKAN overwrites a stored file: shut it in a transaction of its own.

    CKAN puts the new bytes in place before it commits; for that moment the old row, which says
    "clean", must not speak for them. Should the write fail, the file stays shut until it is scanned.
    """
    history = attributes.get_history(resource, "last_modified")
    if resource.url_type != UPLOAD or not history.has_changes():
        return
    shut = sa.update(Screening).where(Screening.resource_id == resource.id, Screening.state != PENDING)
    values = {
        "version": "", "state": PENDING, "digest": None, "scanned_at": None, "coverage": None,
        "overridden_by": None, "overridden_at": None, "override_reason": None,
    }  # fmt: skip
    with model.ensure_engine().begin() as apart:
        apart.execute(sa.text(LOCK_TIMEOUT))
        apart.execute(shut.values(**values))


def install() -> None:
    """Hook the mapper event and take charge of the topic; may be called again."""
    outbox.handle(TOPIC, tell_reviewers)
    if not event.contains(model.Resource, "before_update", shut_before_new_bytes):
        event.listen(model.Resource, "before_update", shut_before_new_bytes)
