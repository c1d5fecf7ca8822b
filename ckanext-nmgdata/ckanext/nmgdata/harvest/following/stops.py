"""Bring what stops a copy here in line with what stops it on the portal of origin.

The only place that knows how a city's word becomes a stop; harvests and the change feed both end here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from ckan import model

from ...kernel import clock, personal
from ...kernel.gate.model import Suspension
from ...kernel.unit import Unit
from ...kernel.workflow import engine
from ...kernel.workflow.engine import Filing
from ...kernel.workflow.model import Case
from .. import workflow
from ..model import Source
from ..workflow import SUSPENDED, WITHDRAWN
from .model import OriginStop

WHOLE = None
"""Place of a stop of the dataset as a whole; else the id of a file."""
LONGEST = 500


@dataclass(frozen=True)
class Stated:
    """A stop by the city's word."""

    kind: str
    """``suspended`` or ``withdrawn``."""
    case: str | None = None
    since: datetime | None = None
    reason: str | None = None

    @classmethod
    def read(cls, said: Mapping[str, Any] | None) -> Stated | None:
        """Return a stop as ``remote.describe`` gives it; None for none.

        A reason that would publish somebody's personal data here is left out.
        """
        if not said or said.get("open_state") not in (SUSPENDED, WITHDRAWN):
            return None
        reason = str(said.get("reason") or "").replace("\0", "").strip()[:LONGEST]
        if reason and personal.in_public_text(reason, clock.today(), ()):
            reason = ""
        return cls(said["open_state"], said.get("case"), moment(said.get("since")), reason or None)


Places = Mapping[str | None, Stated | None]


def moment(text: Any) -> datetime | None:
    """Return a moment with its zone; None for anything else."""
    if isinstance(text, datetime):
        return text
    try:
        found = datetime.fromisoformat(str(text or ""))
    except ValueError:
        return None
    return found if found.tzinfo else None


def is_withdrawn(said: Mapping[str, Any] | None) -> bool:
    """Say whether a description is what is left of a withdrawn dataset."""
    return bool(said) and said.get("open_state") == WITHDRAWN


def stated(whole: Mapping[str, Any] | None, files: Mapping[str, Mapping[str, Any] | None]) -> Places:
    """Return what stops a dataset and its files by a description, as ``settle`` takes it.

    Of a file that is closed with its dataset the city names the dataset's case; that is no second stop.
    """
    own = Stated.read(whole)
    found: dict[str | None, Stated | None] = {WHOLE: own}
    for resource_id, said in files.items():
        stop = Stated.read(said)
        if stop and not (own and stop.case == own.case and stop.kind == own.kind):
            found[resource_id] = stop
    return found


def held_here(dataset_id: Any) -> sa.ColumnElement[bool]:
    """Return the SQL for: a case of the region's own stops a dataset or any file of it."""
    own = sa.select(Suspension.id).where(
        Suspension.dataset_id == dataset_id,
        Suspension.lifted_at.is_(None),
        ~sa.select(OriginStop.case_id).where(OriginStop.case_id == Suspension.case_id).exists(),
    )
    return own.exists()


def settle(unit: Unit, source: Source, wanted: Mapping[str, Places], *, complete: bool = True) -> bool:
    """Make the stops of datasets those that the city states; say whether anything had to change.

    :param wanted: dataset → place → what stops it there; None: nothing
    :param complete: a place that is not named is stopped by nothing; False: it stays as it is

    What a city has withdrawn stays withdrawn, whatever it says later.
    """
    changed = False
    live = live_stops(unit, list(wanted))
    for dataset_id, places in wanted.items():
        known = {place for owner, place in live if owner == dataset_id} if complete else set()
        for place in sorted({*places, *known}, key=lambda one: one or ""):
            row, status = live.get((dataset_id, place), (None, ""))
            said = places.get(place)
            if row is None:
                changed |= said is not None and begin(unit, source, dataset_id, place, said)
            else:
                changed |= follow(unit, row, status, said)
    return changed


def live_stops(unit: Unit, ids: list[str]) -> dict[tuple[str, str | None], tuple[OriginStop, str]]:
    """Return the stops of these datasets that have not ended, locked, with the states of their cases."""
    query = (
        sa.select(OriginStop, Case.status)
        .join(Case, Case.id == OriginStop.case_id)
        .where(OriginStop.dataset_id.in_(ids), OriginStop.ended_at.is_(None))
        .order_by(OriginStop.case_id)
        .with_for_update(of=OriginStop)
        .execution_options(populate_existing=True)
    )
    return {(row.dataset_id, row.resource_id): (row, status) for row, status in unit.session.execute(query)}


def begin(unit: Unit, source: Source, dataset_id: str, place: str | None, said: Stated) -> bool:
    """Stop what the city has stopped."""
    package = unit.session.get(model.Package, dataset_id)
    if package is None or package.state != model.State.ACTIVE:
        return False

    def rows(unit: Unit, case: Case) -> None:
        stop = OriginStop(
            case_id=case.id, source_id=source.id, dataset_id=dataset_id, resource_id=place,
            remote_case=said.case, since=said.since, reason=said.reason,
        )  # fmt: skip
        unit.session.add(stop)
        unit.session.flush()

    filing = Filing(package.owner_org, source.region_code, dataset_id)
    case = engine.start(workflow.KIND, filing, unit.actor, published(said), unit, rows=rows).case
    if said.kind == WITHDRAWN:
        engine.fire(case.id, "withdraw", unit.actor, published(said), unit)
    return True


def follow(unit: Unit, row: OriginStop, status: str, said: Stated | None) -> bool:
    """Take a stop on as the city does: lifted, withdrawn, or standing in another case."""
    if status == WITHDRAWN:
        return False
    if said is None:
        engine.fire(row.case_id, "restore", unit.actor, {}, unit)
        row.ended_at = unit.now
        return True
    changed = (row.remote_case, row.reason) != (said.case or row.remote_case, said.reason or row.reason)
    if changed:
        row.remote_case, row.reason = said.case or row.remote_case, said.reason or row.reason
        row.since = said.since or row.since
    if said.kind == WITHDRAWN:
        engine.fire(row.case_id, "withdraw", unit.actor, published(said), unit)
        return True
    return changed


def published(said: Stated) -> dict[str, Any]:
    """Return what the region's register says of a stop."""
    return {"public_reason": said.reason} if said.reason else {}
