"""Objections that say nothing new of data that were verified: those go to the authority (R-OBJ-08, DC-23)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from ckan import model

from ..kernel.evidence.model import Evidence
from ..kernel.gate import stored
from ..kernel.unit import Unit
from ..kernel.workflow.model import Case
from .model import Objection, ObjectionItem

VERIFIED = ("restored", "abusive", "set_aside")
"""Outcomes after which the same evidence about the same data does not suspend again."""


@dataclass(frozen=True)
class Verified:
    """What was verified in one case."""

    digest: str
    evidence: frozenset[str]
    """Digests of its files."""
    about: frozenset[str | None]
    """Files that it was about; None is an entry as a whole."""
    filed_at: datetime


def is_repeat(
    unit: Unit, dataset_id: str, resource_ids: Sequence[str], digest: str, evidence: Collection[str]
) -> bool:
    """Say whether nothing is new: of each file in question the same was verified, and its bytes are the same.

    :param resource_ids: the files that are objected to, none for the whole entry
    :param digest: of all evidence, or of the statement where there is none
    :param evidence: digests of the files of evidence
    """
    known = verified(unit, dataset_id)
    if not known:
        return False
    about: Sequence[str | None] = resource_ids or files_of(unit, dataset_id) or [None]
    return all(is_verified(unit, one, known, digest, evidence) for one in about)


def is_verified(
    unit: Unit, file: str | None, known: Sequence[Verified], digest: str, evidence: Collection[str]
) -> bool:
    """Say whether all that is stated was verified of a file as it is now."""
    cases = [one for one in known if file in one.about and not was_replaced(unit, file, one.filed_at)]
    seen = {part for one in cases for part in one.evidence}
    return any(one.digest == digest for one in cases) or (bool(evidence) and seen.issuperset(evidence))


def was_replaced(unit: Unit, file: str | None, since: datetime) -> bool:
    """Say whether a file has other bytes since a case about it was filed."""
    return file is not None and bool(stored.replaced_since(unit.session, [file], since))


def verified(unit: Unit, dataset_id: str) -> list[Verified]:
    """Return what was verified of an entry and its files."""
    cases = (
        sa.select(Objection.case_id, Objection.digest, Objection.filed_at)
        .join(Case, Case.id == Objection.case_id)
        .where(Objection.dataset_id == dataset_id, Case.status.in_(VERIFIED))
    )
    found = unit.session.execute(cases).all()
    ids = [row.case_id for row in found]
    evidence, about = dict[str, set[str]](), dict[str, set[str | None]]()
    parts = sa.select(Evidence.case_id, Evidence.sha256).where(Evidence.case_id.in_(ids))
    for case_id, part in unit.session.execute(parts):
        evidence.setdefault(case_id or "", set()).add(part)
    items = sa.select(ObjectionItem).where(ObjectionItem.case_id.in_(ids))
    for item in unit.session.scalars(items):
        covered = [item.resource_id] if item.resource_id else [None, *item.files]
        about.setdefault(item.case_id, set()).update(covered)
    return [
        Verified(
            row.digest,
            frozenset(evidence.get(row.case_id, ())),
            frozenset(about.get(row.case_id, ())),
            row.filed_at,
        )
        for row in found
    ]


def files_of(unit: Unit, dataset_id: str) -> list[str]:
    """Return the files that an entry has now, in the order of their ids."""
    resource = model.Resource
    active = sa.select(resource.id).where(
        resource.package_id == dataset_id, resource.state == model.State.ACTIVE
    )
    return sorted(unit.session.scalars(active))
