"""Whether data are updated as promised: frequency against the last change (R-QUAL-01, DC-12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from .. import vocab
from ..kernel import clock

ON_TIME, LATE, NO_DUE_DATE = "on_time", "late", "no_due_date"


@dataclass(frozen=True)
class Timeliness:
    """The state of an entry's updates; ``due`` is the last day on which it counts as on time."""

    state: str
    last: date | None = None
    due: date | None = None


def of_entry(entry: dict[str, Any]) -> Timeliness:
    """Return how timely an entry is today."""
    last = parse(entry.get("modified") or entry.get("issued"))
    allowed = vocab.terms("update_frequency").get(entry.get("update_frequency") or "", {})
    days = allowed.get("overdue_after_days")
    if last is None or days is None:
        return Timeliness(NO_DUE_DATE, last)
    due = last + timedelta(days=days)
    return Timeliness(LATE if clock.today() > due else ON_TIME, last, due)


def parse(text: str | None) -> date | None:
    """Return an ISO date, None for anything else."""
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None
