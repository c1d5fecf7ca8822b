"""What stops opening: of a dataset as a whole, of its files; what can be applied for or objected to.

``mark`` writes the answer into a dataset's dictionary as the computed fields ``FIELDS``: they are read
from the stops at each show, never stored with the entry, so that no update, revert or harvest can set them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper

from .. import memory
from ..openness import NON_OPEN
from . import policy
from .model import WITHDRAWN, Suspension

OPEN = "open"
"""State of what nothing stops; on which terms it is open says its open class."""
FIELDS = ("open_state", "open_state_since", "open_state_case")
"""Computed fields of datasets and files: ``open``, ``suspended`` or ``withdrawn``; since when (ISO 8601);
public number of the case."""


STOPS = "stops"
"""Question of ``kernel.memory``: the live stops of a dataset."""


@dataclass(frozen=True)
class Stop:
    """One live stop; ``resource_id`` is None when it stops the dataset as a whole."""

    kind: str
    since: datetime
    case_number: str
    resource_id: str | None


def live(dataset_id: str) -> list[Stop]:
    """Return the live stops of a dataset and its files, the strongest first: withdrawn, then oldest."""
    held = memory.recall(STOPS, dataset_id)
    return live_among([dataset_id])[dataset_id] if held is memory.UNKNOWN else held


TABLE: Any = Suspension.__table__
LIVE = (
    sa.select(TABLE.c.dataset_id, TABLE.c.kind, TABLE.c.since, TABLE.c.case_number, TABLE.c.resource_id)
    .where(TABLE.c.dataset_id.in_(sa.bindparam("ids", expanding=True)), TABLE.c.lifted_at.is_(None))
    .order_by(TABLE.c.kind.desc(), TABLE.c.since, TABLE.c.id)
)
"""Made once, of columns only: each ``package_show`` asks it, and to make it took longer than its answer."""


def live_among(ids: Sequence[str]) -> dict[str, list[Stop]]:
    """Return the live stops of each of these datasets."""
    found: dict[str, list[Stop]] = {dataset_id: [] for dataset_id in ids}
    for dataset_id, *stop in model.Session.execute(LIVE, {"ids": list(ids)}):
        found[dataset_id].append(Stop(*stop))
    return found


def stopped_among(dataset_id: Any) -> sa.ColumnElement[bool]:
    """Return the SQL for: something stops a dataset or any file of it."""
    live_stop = sa.select(Suspension.id).where(
        Suspension.dataset_id == dataset_id, Suspension.lifted_at.is_(None)
    )
    return live_stop.exists()


def strongest(stops: Sequence[Stop], resource_id: str | None = None) -> Stop | None:
    """Return what stops a dataset as a whole, or one file of it."""
    return next((stop for stop in stops if stop.resource_id in (None, resource_id)), None)


def of_dataset(dataset_id: str, resource_id: str | None = None) -> dict[str, Any] | None:
    """Return what stops a dataset as a whole, or one file of it: kind, since when, public case number."""
    stop = strongest(live(dataset_id), resource_id)
    return {"kind": stop.kind, "since": stop.since, "case_number": stop.case_number} if stop else None


def fields(stop: Stop | None) -> dict[str, str | None]:
    """Return the computed fields that say a stop, or that there is none."""
    if stop is None:
        return dict(zip(FIELDS, (OPEN, None, None), strict=True))
    return dict(
        zip(FIELDS, (stop.kind, stop.since.astimezone(UTC).isoformat(), stop.case_number), strict=True)
    )


def mark(dataset: dict[str, Any]) -> None:
    """Write into a dataset's dictionary, and into each file's, whether something stops it now."""
    stops = live(dataset["id"])
    dataset.update(fields(strongest(stops)))
    for resource in dataset.get("resources") or []:
        resource.update(fields(strongest(stops, resource.get("id"))))


def is_stopped(thing: Mapping[str, Any]) -> bool:
    """Say whether a marked dataset or file is suspended or withdrawn."""
    return (thing.get("open_state") or OPEN) != OPEN


def is_withdrawn(thing: dict[str, Any]) -> bool:
    """Say whether a marked dataset or file is withdrawn for good."""
    return thing.get("open_state") == WITHDRAWN


def reaches(dataset_id: str, resource_id: str | None) -> bool:
    """Say whether anything stops a file, or an entry as a whole."""
    return strongest(live(dataset_id), resource_id) is not None


def is_gone(dataset_id: str, resource_id: str | None) -> bool:
    """Say whether a file, or an entry as a whole, has been withdrawn."""
    stop = strongest(live(dataset_id), resource_id)
    return stop is not None and stop.kind == WITHDRAWN


def objection(dataset_id: str) -> policy.Reason | None:
    """Say why there is no opening to object to or to suspend (R-OBJ-01); None when there is one."""
    stop = of_dataset(dataset_id)
    if stop and stop["kind"] == WITHDRAWN:
        return policy.Reason.WITHDRAWN
    dataset = model.Session.get_one(model.Package, dataset_id)
    return policy.Reason.NON_OPEN if (dataset.extras or {}).get("open_class") == NON_OPEN else None


def application(dataset_id: str) -> policy.Reason:
    """Say whether a dataset can be applied for, by its own row and what stops it."""
    dataset = model.Session.get_one(model.Package, dataset_id)
    stop = of_dataset(dataset_id)
    return policy.application((dataset.extras or {}).get("open_class"), stop["kind"] if stop else None)


def forget_computed(_mapper: Mapper[Any], _connection: Connection, resource: model.Resource) -> None:
    """Before a file's row is written: drop computed fields that a client sent back; CKAN would keep them."""
    extras = resource.extras or {}
    if any(name in extras for name in FIELDS):
        resource.extras = {name: value for name, value in extras.items() if name not in FIELDS}


def install() -> None:
    """Hook the mapper events; may be called again."""
    for name in ("before_insert", "before_update"):
        if not event.contains(model.Resource, name, forget_computed):
            event.listen(model.Resource, name, forget_computed)
