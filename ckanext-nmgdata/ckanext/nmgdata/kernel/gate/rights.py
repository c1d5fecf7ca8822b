"""Write rights and stops: grants, suspensions, withdrawals, closures; always inside a unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from .. import clock, events
from ..audit import append
from ..outbox.search import note as refresh_index
from ..types import new_id
from ..unit import Unit
from . import overrides, seal
from .model import SUSPENDED, WITHDRAWN, Closure, Grant, GrantScope, Suspension


@dataclass(frozen=True)
class Scope:
    """What a grant is to reach."""

    dataset_id: str
    resource_id: str | None = None
    fields: Sequence[str] | None = None
    row_filter: dict[str, Any] | None = None


@dataclass(frozen=True)
class Terms:
    """On what terms a grant is given (R28¶2: 用途和使用范围)."""

    purpose: str
    use_scope: str
    provision_mode: str
    valid_until: date
    valid_from: date | None = None
    quota: int | None = None
    per_hour: int | None = None


def give(unit: Unit, case_id: str, holder_id: str, terms: Terms, scopes: Sequence[Scope]) -> Grant:
    """Give a person the right to data, with its case as origin; it opens after the agreement."""
    grant = Grant(
        id=new_id(),
        case_id=case_id,
        holder_id=holder_id,
        purpose=terms.purpose,
        use_scope=terms.use_scope,
        provision_mode=terms.provision_mode,
        valid_from=terms.valid_from or clock.local_date(unit.now),
        valid_until=terms.valid_until,
        quota=terms.quota,
        per_hour=terms.per_hour,
        created_at=unit.now,
    )
    unit.session.add(grant)
    unit.session.flush()
    for scope in scopes:
        unit.session.add(
            GrantScope(
                id=new_id(),
                grant_id=grant.id,
                dataset_id=scope.dataset_id,
                resource_id=scope.resource_id,
                fields=None if scope.fields is None else list(scope.fields),
                row_filter=scope.row_filter,
            )
        )
    unit.session.flush()
    reach = [[scope.dataset_id, scope.resource_id] for scope in scopes]
    append(
        unit,
        "grant.created",
        ("grant", grant.id),
        case_id=case_id,
        detail={"scope": reach, "until": terms.valid_until.isoformat()},
    )
    return grant


def accept(unit: Unit, case_id: str, agreement: str) -> None:
    """Open the grants of a case, because their holder has accepted the use agreement (R-COND-08)."""
    for grant in unit.session.scalars(live_grants().where(Grant.case_id == case_id)):
        grant.agreement, grant.accepted_at = agreement, unit.now
        append(unit, "grant.activated", ("grant", grant.id), case_id=case_id, detail={"agreement": agreement})
    unit.session.flush()


def end(unit: Unit, reason: str, *, case_id: str | None = None, dataset_id: str | None = None) -> int:
    """End the grants of a case, or all grants to a dataset; return how many."""
    query = live_grants()
    if case_id:
        query = query.where(Grant.case_id == case_id)
    if dataset_id:
        reaching = sa.select(GrantScope.grant_id).where(GrantScope.dataset_id == dataset_id)
        query = query.where(Grant.id.in_(reaching))
    grants = list(unit.session.scalars(query))
    for grant in grants:
        grant.ended_at, grant.ended_reason = unit.now, reason
        append(unit, "grant.ended", ("grant", grant.id), case_id=grant.case_id, detail={"reason": reason})
    unit.session.flush()
    return len(grants)


def live_grants() -> sa.Select[tuple[Grant]]:
    """Return the query for grants that have not ended, locked until the transaction ends."""
    return sa.select(Grant).where(Grant.ended_at.is_(None)).order_by(Grant.id).with_for_update()


@dataclass(frozen=True)
class Origin:
    """The case a stop comes from."""

    case_id: str
    number: str


def suspend(unit: Unit, origin: Origin, dataset_id: str, resource_id: str | None = None) -> Suspension:
    """Stop the opening of a dataset, or of one file, at once (R28¶3: 立即中止开放)."""
    row = stop(unit, SUSPENDED, origin, dataset_id, resource_id)
    overrides.end(unit, dataset_id, resource_id)
    detail = {"dataset": dataset_id, "resource": resource_id}
    append(unit, "suspension.created", ("suspension", row.id), case_id=origin.case_id, detail=detail)
    refresh_index(unit.session, dataset_id)
    events.tell(unit, events.Suspended(dataset_id, resource_id, case_id=origin.case_id))
    return row


def stop(unit: Unit, kind: str, origin: Origin, dataset_id: str, resource_id: str | None) -> Suspension:
    """Add the one row that closes a dataset or a file at every door."""
    row = Suspension(
        id=new_id(),
        kind=kind,
        dataset_id=dataset_id,
        resource_id=resource_id,
        case_id=origin.case_id,
        case_number=origin.number,
        since=unit.now,
    )
    unit.session.add(row)
    unit.session.flush()
    return row


def lift(unit: Unit, case_id: str) -> None:
    """Resume what a case had stopped (恢复开放); other cases' stops stay."""
    for row in stops_of(unit, case_id):
        row.lifted_at = unit.now
        append(unit, "suspension.lifted", ("suspension", row.id), case_id=case_id)
        refresh_index(unit.session, row.dataset_id)
        unit.session.flush()
        events.tell(unit, events.Lifted(row.dataset_id, row.resource_id, case_id=case_id))


def withdraw(unit: Unit, case_id: str) -> None:
    """Turn what a case had stopped into a withdrawal for good (撤回数据)."""
    for row in stops_of(unit, case_id):
        row.kind = WITHDRAWN
        gone(unit, row)


def replace(unit: Unit, origin: Origin, dataset_id: str, resource_ids: Sequence[str]) -> None:
    """Resume what a case had stopped, except these files: they are withdrawn (依法处理后开放)."""
    for resource_id in sorted(resource_ids):
        row = stop(unit, WITHDRAWN, origin, dataset_id, resource_id)
        gone(unit, row)
    lift(unit, origin.case_id)


def gone(unit: Unit, row: Suspension) -> None:
    """Write down a withdrawal, have its files sealed, and tell of it."""
    append(unit, "suspension.withdrawn", ("suspension", row.id), case_id=row.case_id)
    refresh_index(unit.session, row.dataset_id)
    seal.ask(unit.session, row.case_id, row.dataset_id, row.resource_id)
    unit.session.flush()
    events.tell(unit, events.Withdrawn(row.dataset_id, row.resource_id, case_id=row.case_id))


def stops_of(unit: Unit, case_id: str) -> list[Suspension]:
    """Return the live stops of a case, locked."""
    query = sa.select(Suspension).where(
        Suspension.case_id == case_id, Suspension.lifted_at.is_(None), Suspension.kind == SUSPENDED
    )
    return list(unit.session.scalars(query.with_for_update()))


def close_access(
    unit: Unit, case_id: str, holder_id: str, dataset_id: str, credit_code: str | None = None
) -> Closure:
    """Close a violator's access to a dataset for a time, and that of their organisation (R50)."""
    row = Closure(
        id=new_id(), case_id=case_id, holder_id=holder_id, credit_code=credit_code,
        dataset_id=dataset_id, since=unit.now,
    )  # fmt: skip
    unit.session.add(row)
    unit.session.flush()
    append(unit, "closure.created", ("closure", row.id), case_id=case_id, detail={"dataset": dataset_id})
    return row


def reopen_access(unit: Unit, case_id: str) -> None:
    """Give a person back the access that a case had closed."""
    query = sa.select(Closure).where(Closure.case_id == case_id, Closure.lifted_at.is_(None))
    for row in unit.session.scalars(query.with_for_update()):
        row.lifted_at = unit.now
        append(unit, "closure.lifted", ("closure", row.id), case_id=case_id)
    unit.session.flush()
