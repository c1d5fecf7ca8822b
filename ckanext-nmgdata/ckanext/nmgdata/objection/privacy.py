"""What of an objection is destroyed once its time has passed (R-SEC-11, DC-57)."""

from __future__ import annotations

import sqlalchemy as sa

from ..kernel.evidence import files as evidence
from ..kernel.unit import Unit
from ..kernel.workflow.model import Case, CaseEvent
from .model import Objection

STATED = (
    "statement", "wish", "concern", "objector_name", "contact_phone", "contact_email", "verify_hash",
    "address_key",
)  # fmt: skip
"""What points to an objector; destroyed by emptying."""


def erase_objection(unit: Unit, case: Case) -> None:
    """Destroy who objected, what they stated and attached, and the answer that was addressed to them.

    The digest of files stays, so that the same evidence is still known (DC-23); that of a mere statement
    could be tried out and goes.
    """
    row = unit.session.get_one(Objection, case.id)
    files = evidence.of_case(case.id)
    for name in STATED:
        setattr(row, name, "")
    row.credit_code = row.contact_verified_at = None
    if not files:
        row.digest = ""
    for file in files:
        evidence.destroy(unit, file)
    answered = sa.update(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.data.has_key("feedback"))
    unit.session.execute(answered.values(data=CaseEvent.data - "feedback"))
