"""The decision itself: pure, one place, refusing by default.

Order: withdrawn → suspended → violator's access closed → unconditional, once screened → non-open →
conditional without a live grant in scope → allow (R27, R28, R50, R-SEC-14). A live override of an
auditor or the operator turns a refusal, except of withdrawn data and of a violator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .. import clock, openness
from .facts import Facts, GrantFact
from .model import CLEAN, HELD, OVERRIDDEN, SUSPENDED, WITHDRAWN


class Purpose(StrEnum):
    """What somebody wants the bytes for."""

    USE = "use"
    """Everyone's ordinary use: download, preview, query."""
    MAINTAIN = "maintain"
    """Upkeep by the owning department; audited."""
    VERIFY = "verify"
    """Verification of suspended data by those who handle the case; audited."""


class Reason(StrEnum):
    """Why the gate opens or stays shut; the machine-readable code of every refusal."""

    UNCONDITIONAL = "unconditional"
    GRANTED = "granted"
    MAINTENANCE = "maintenance"
    VERIFICATION = "verification"
    OVERRIDE = "override"
    WITHDRAWN = "withdrawn"
    SUSPENDED = "suspended"
    ACCESS_CLOSED = "access_closed"
    SCREENING = "screening"
    HELD = "held"
    NON_OPEN = "non_open"
    UNCLASSIFIED = "unclassified"
    APPLICATION_REQUIRED = "application_required"
    OUT_OF_SCOPE = "out_of_scope"
    AGREEMENT_REQUIRED = "agreement_required"
    GRANT_NOT_BEGUN = "grant_not_begun"
    GRANT_EXPIRED = "grant_expired"
    GRANT_ENDED = "grant_ended"
    QUOTA_USED = "quota_used"
    TOO_OFTEN = "too_often"
    """These two say the meter, which is asked when bytes are about to leave (``meter``)."""


@dataclass(frozen=True)
class Decision:
    """What the gate answers."""

    allow: bool
    reason: Reason
    grant: GrantFact | None = None

    @property
    def limited_to(self) -> GrantFact | None:
        """Return the grant that opens only some columns or rows; None when all may leave."""
        return self.grant if self.allow and self.grant and self.grant.limited else None

    @property
    def audited(self) -> bool:
        """Say whether handing out these bytes is an audited act."""
        return self.allow and self.reason is not Reason.UNCONDITIONAL


def refuse(reason: Reason) -> Decision:
    """Return a refusal."""
    return Decision(False, reason)


NEVER_OVERRIDDEN = frozenset({Reason.WITHDRAWN, Reason.ACCESS_CLOSED})


def decide(facts: Facts, purpose: Purpose, now: datetime) -> Decision:
    """Say whether the bytes of a resource may leave, for this person and this purpose."""
    decision = by_right(facts, purpose, now)
    if overridable(facts, decision) and facts.override_until and now < facts.override_until:
        return Decision(True, Reason.OVERRIDE)
    return decision


def overridable(facts: Facts, decision: Decision) -> bool:
    """Say whether this person could turn this refusal by a reasoned, audited override."""
    return not decision.allow and facts.may_override and decision.reason not in NEVER_OVERRIDDEN


def by_right(facts: Facts, purpose: Purpose, now: datetime) -> Decision:  # noqa: PLR0911 (one per rule)
    """Decide by class, stops, grants and office, without regard to overrides."""
    if facts.stop == WITHDRAWN:
        return refuse(Reason.WITHDRAWN)
    if facts.stop == SUSPENDED:
        if purpose is Purpose.VERIFY and facts.is_handler:
            return Decision(True, Reason.VERIFICATION)
        return refuse(Reason.SUSPENDED)
    if facts.closed:
        return refuse(Reason.ACCESS_CLOSED)
    if facts.open_class == openness.UNCONDITIONAL and facts.screening in PASSED:
        return Decision(True, Reason.UNCONDITIONAL)
    if purpose is Purpose.MAINTAIN and facts.is_editor:
        return Decision(True, Reason.MAINTENANCE)
    if facts.open_class == openness.UNCONDITIONAL:
        return not_screened(facts, purpose)
    if facts.open_class == openness.NON_OPEN:
        return refuse(Reason.NON_OPEN)
    if facts.open_class == openness.CONDITIONAL:
        return by_grant(facts, now)
    return refuse(Reason.UNCLASSIFIED)


PASSED = (None, CLEAN, OVERRIDDEN)
"""States of a screening with which a file is open to everyone; None: a link, not ours to scan."""


def not_screened(facts: Facts, purpose: Purpose) -> Decision:
    """Keep an unconditional file shut until it is scanned and, with a finding, let pass (R-SEC-14)."""
    if facts.screening != HELD:
        return refuse(Reason.SCREENING)
    if purpose is Purpose.VERIFY and facts.is_handler:
        return Decision(True, Reason.VERIFICATION)
    return refuse(Reason.HELD)


def application(open_class: str | None, stop: str | None) -> Reason:
    """Say whether a dataset can be applied for (R-COND-02): only ``APPLICATION_REQUIRED`` means yes."""
    if stop == WITHDRAWN:
        return Reason.WITHDRAWN
    if stop is not None:
        return Reason.SUSPENDED
    reasons = {
        openness.UNCONDITIONAL: Reason.UNCONDITIONAL,
        openness.CONDITIONAL: Reason.APPLICATION_REQUIRED,
        openness.NON_OPEN: Reason.NON_OPEN,
    }
    return reasons.get(open_class or "", Reason.UNCLASSIFIED)


def by_grant(facts: Facts, now: datetime) -> Decision:
    """Decide about conditional data: of whole grants, then of limited ones, the newest counts.

    Of those that open nothing the nearest miss is the reason.
    """
    misses = []
    for grant in sorted(facts.grants, key=lambda grant: grant.limited):
        miss = shortcoming(grant, now, facts.is_tabular)
        if miss is None:
            return Decision(True, Reason.GRANTED, grant)
        misses.append(miss)
    return refuse(min(misses, key=NEARNESS.index, default=Reason.APPLICATION_REQUIRED))


NEARNESS = (
    Reason.AGREEMENT_REQUIRED,
    Reason.GRANT_NOT_BEGUN,
    Reason.GRANT_EXPIRED,
    Reason.GRANT_ENDED,
    Reason.OUT_OF_SCOPE,
)
"""What a grant can lack, from what is mended soonest to what is no help."""


def shortcoming(grant: GrantFact, now: datetime, is_tabular: bool = False) -> Reason | None:
    """Return what a grant lacks at a moment; None for a live one. Its last day counts in full.

    A grant of some columns or rows opens what lies in the DataStore, where they can be told apart.
    """
    today = clock.local_date(now)
    if not grant.reaches or (grant.limited and not is_tabular):
        return Reason.OUT_OF_SCOPE
    if grant.ended:
        return Reason.GRANT_ENDED
    if today > grant.valid_until:
        return Reason.GRANT_EXPIRED
    if today < grant.valid_from:
        return Reason.GRANT_NOT_BEGUN
    if not grant.accepted:
        return Reason.AGREEMENT_REQUIRED
    return None
