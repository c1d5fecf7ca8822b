"""What an authority or an auditor may look over: cases and acts of its region and those below (R7, R29¶1).

Which regions are below one is ``orgs.above`` and ``orgs.within``, one rule for every page and door.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model

from ... import config
from .. import orgs
from ..actors import Actor
from ..audit.model import AuditEvent
from .model import Case
from .queries import newest, of_kind

PACKAGE: Any = model.Package
RESOURCE: Any = model.Resource


def cases(actor: Actor, limit: int = 200, kind: str | None = None) -> list[Case]:
    """Return the cases an actor oversees, the newest first."""
    if not actor.oversight:
        return []
    return newest([orgs.within(Case.region_code, actor.oversight), *of_kind(kind)], limit)


def events(actor: Actor, what: Any = AuditEvent) -> sa.Select[Any]:
    """Return the query for the audit events an actor may read.

    The portal's own region reads all. Another reads what belongs to a case, a dataset or a file of
    its own; what concerns the portal as a whole (accounts, calendar) is not among these.

    :param what: the entity or table to select
    """
    regions = actor.oversight
    query = sa.select(what)
    if not regions.isdisjoint(orgs.above(config.region())):
        return query
    of_package = orgs.within(sa.func.coalesce(PACKAGE.extras["region_code"].astext, orgs.REGION), regions)
    files = sa.select(RESOURCE.id).join(PACKAGE, PACKAGE.id == RESOURCE.package_id)
    return query.where(
        sa.or_(
            sa.exists().where(Case.id == AuditEvent.case_id, orgs.within(Case.region_code, regions)),
            sa.and_(
                AuditEvent.subject_type == "dataset",
                sa.exists().where(PACKAGE.id == AuditEvent.subject_id, of_package),
            ),
            sa.and_(
                AuditEvent.subject_type == "resource",
                files.where(RESOURCE.id == AuditEvent.subject_id, of_package).exists(),
            ),
        )
    )
