"""Write a decided class into the entry, in the transaction of the decision (R-OPEN-06).

The gate, the labels and every list read the class from the dataset's own row (docs/adr/0005). So the row
itself is written here, and not by a job that comes later: from the commit on there is nothing left that
could still say the old class. No action of CKAN is called; what its actions would have brought about (audit,
feed, tables, pending applications, index) comes from ``lifecycle`` as after any other write.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ...kernel.openness import CONDITIONAL, NON_OPEN, UNCONDITIONAL, closes
from ...kernel.outbox import search as index
from ...kernel.types import Conflict
from ...kernel.unit import Unit
from .. import lifecycle, publish, rules
from ..model import Entry
from . import rule
from .history import Decision
from .model import ClassChange

_ = tk._
PACKAGE: Any = model.Package
STATED = {
    UNCONDITIONAL: (),
    CONDITIONAL: ("open_reason", "open_legal_basis", "open_condition"),
    NON_OPEN: ("open_reason", "open_legal_basis", "nonopen_ground"),
}
"""What an entry of a class states besides; the rest is emptied."""
FIELDS = ("open_reason", "open_legal_basis", "open_condition", "nonopen_ground")
NAMES = {"open_reason": "reason", "open_legal_basis": "legal_basis"}
"""Field of the entry → field of the forms of a change."""


def locked(unit: Unit, dataset_id: str | None) -> model.Package:
    """Return a dataset as it is now, and let nobody else change it until the transaction ends.

    :raises tk.ObjectNotFound: there is no such dataset any more
    """
    query = sa.select(PACKAGE).where(PACKAGE.id == dataset_id, PACKAGE.state == model.State.ACTIVE)
    found = unit.session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise tk.ObjectNotFound(_("Dataset not found"))
    return found


def was_published(unit: Unit, dataset_id: str) -> bool:
    """Say whether the public has ever seen an entry; until then its class is a field like any other."""
    row = unit.session.get(Entry, dataset_id)
    return row is not None and row.published_at is not None


def would_be(package: model.Package, row: ClassChange) -> dict[str, Any]:
    """Return the extras and the licence that an entry would have after a change."""
    extras = {name: value for name, value in (package.extras or {}).items() if name not in FIELDS}
    stated = {
        "open_reason": row.reason, "open_legal_basis": row.legal_basis,
        "open_condition": row.open_condition, "nonopen_ground": row.nonopen_ground,
    }  # fmt: skip
    kept: dict[str, Any] = {name: stated[name] for name in STATED[row.after] if stated[name]}
    if row.after != CONDITIONAL:
        extras.pop("needs_id_number", None)  # nobody applies for these
    elif row.needs_id_number is not None:
        kept["needs_id_number"] = "true" if row.needs_id_number else "false"
    license_id = row.license_id or package.license_id
    return {"extras": {**extras, **kept, "open_class": row.after}, "license_id": license_id}


def check(package: model.Package, row: ClassChange) -> None:
    """Hold what an entry would be to the rules of the catalogue (R-SEC-03, R-OPEN-02, R-OPEN-11, R-FREE-03).

    A closing is held to what it states alone.

    :raises tk.ValidationError: at the fields of the form
    """
    wanted = would_be(package, row)
    entry = {**wanted["extras"], "license_id": wanted["license_id"], "owner_org": package.owner_org}
    public = publish.is_public({"state": package.state, "private": package.private})
    faults = rules.faults(entry, public=public)
    if closes(row.before, row.after, row.basis):
        faults = {field: said for field, said in faults.items() if field in FIELDS}
    if faults:
        raise tk.ValidationError({NAMES.get(field, field): [said] for field, said in faults.items()})


def move(unit: Unit, row: ClassChange, case_number: str) -> None:
    """Give an entry its decided class.

    :raises Conflict: the class is no longer the one that was decided about
    :raises tk.ValidationError: the entry as it stands now may not have this class
    """
    package = locked(unit, row.dataset_id)
    if lifecycle.open_class(package) != row.before:
        raise Conflict(_("The open class of this entry has changed meanwhile."))
    check(package, row)
    wanted = would_be(package, row)
    closing = closes(row.before, row.after, row.basis)
    decision = Decision(case_number, row.basis, not closing)
    conditions = rule.conditions(package.extras or {})
    write(unit, package, decision, **wanted)
    if row.before == row.after:
        lifecycle.note_conditions(unit, package, decision, before=conditions, harder=closing)


def renew(unit: Unit, package: model.Package, reason: str, legal_basis: str) -> None:
    """Renew why an entry is not open, after an evaluation that keeps its class."""
    extras = {**(package.extras or {}), "open_reason": reason, "open_legal_basis": legal_basis}
    write(unit, package, Decision(is_held_to_all_rules=False), extras=extras)


def write(unit: Unit, package: model.Package, decision: Decision, **values: Any) -> None:
    """Write the row past CKAN's actions, and bring about what a save brings about."""
    values["metadata_modified"] = unit.now.replace(tzinfo=None)
    unit.session.execute(
        sa.update(PACKAGE)
        .where(PACKAGE.id == package.id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    unit.session.expire(package)
    lifecycle.noticed(unit, package.id, decision)
    index.note(unit.session, package.id)
