"""The public record of applications (申请公开记录): what was asked of whom, when it was answered, and how.

No applicant appears in it: an outcome is told by its ground and its legal basis, because a reason is
addressed to the applicant and may name them. Why a form was not in order has no ground of a list; that reason
is shown, and is refused where it holds personal data. A case is one line, however many datasets it is about.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import aggregate_order_by

from .. import vocab
from ..kernel import clock
from ..kernel.deadlines.calendar import Calendar, load
from ..kernel.gate.labels import may_be_named
from ..kernel.workflow import machine as machines
from ..kernel.workflow import urges
from ..kernel.workflow.model import Case, CaseEvent
from ..marks import joined
from .model import ApplicationItem
from .workflow import KIND

_ = tk._
OFFICE = ("provider", "authority", "office")
AGREED, RETURNED, REVOKED = "approved", "rejected", "revoked"
REFUSED = ("refused", RETURNED)
DECIDED = (AGREED, *REFUSED)
OUTCOMES = {
    "waiting": (),
    "approved": (AGREED,),
    "refused": REFUSED,
    "withdrawn": ("withdrawn",),
    "closed": ("closed", "ended"),
}
"""What can be filtered by; ``waiting``: not closed and not decided."""
COLUMNS = (
    "department", "title", "dataset_id", "dataset_ids", "region_code", "received", "first_answer", "decided",
    "status", "status_label", "ground", "legal_basis",
)  # fmt: skip


@dataclass(frozen=True)
class Filters:
    """What of the record is wanted."""

    org_id: str | None = None
    region_code: str | None = None
    outcome: str | None = None
    year: int | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return them for the query; each reads the case's own row, by its indexes."""
        found: list[sa.ColumnElement[bool]] = [Case.kind == KIND]
        if self.org_id:
            found.append(Case.org_id == self.org_id)
        if self.region_code:
            found.append(Case.region_code == self.region_code)
        if self.year:
            first, after = (midnight(date(year, 1, 1)) for year in (self.year, self.year + 1))
            found.append(sa.and_(Case.opened_at >= first, Case.opened_at < after))
        if self.outcome:
            found.append(self.by_outcome(self.outcome))
        return found

    def by_outcome(self, outcome: str) -> sa.ColumnElement[bool]:
        """Return the condition for an outcome; a grant that ran out was approved before."""
        agreed = sa.exists().where(CaseEvent.case_id == Case.id, CaseEvent.target == AGREED)
        if outcome == "waiting":
            return sa.and_(Case.closed_at.is_(None), ~agreed)
        if outcome == "approved":
            return agreed
        return Case.status.in_(OUTCOMES[outcome])


def midnight(day: date) -> datetime:
    """Return the beginning of a day in Asia/Shanghai."""
    return datetime(day.year, day.month, day.day, tzinfo=clock.LOCAL)


SHOWN = (
    Case.id, Case.opened_at, Case.org_id, Case.dataset_id, Case.region_code, Case.status, Case.variant,
)  # fmt: skip
"""What is read of a case; who filed it is not."""


def query(filters: Filters, limit: int, before: tuple[datetime, str] | None = None) -> sa.Select[Any]:
    """Return the one query of a page, the newest first; what follows ``before`` by key, never by counting."""
    package: Any = model.Package
    page = (
        sa.select(*SHOWN)
        .where(*filters.conditions())
        .order_by(Case.opened_at.desc(), Case.id.desc())
        .limit(limit)
    )
    if before:
        page = page.where(sa.tuple_(Case.opened_at, Case.id) < before)
    case = page.subquery("page")
    answered = (
        sa.select(
            sa.func.min(CaseEvent.at).label("first"),
            sa.func.min(CaseEvent.at).filter(CaseEvent.target.in_(DECIDED)).label("decided"),
            sa.func.max(CaseEvent.data["refusal_ground"].astext).label("ground"),
            sa.func.max(CaseEvent.data["reason"].astext)
            .filter(CaseEvent.target == RETURNED)
            .label("returned"),
            sa.func.max(CaseEvent.data["legal_basis"].astext)
            .filter(CaseEvent.target.in_((*REFUSED, REVOKED)))
            .label("basis"),
        )
        .where(CaseEvent.case_id == case.c.id, CaseEvent.role.in_(OFFICE), CaseEvent.transition != urges.STEP)
        .lateral("answered")
    )
    asked = sa.select(ApplicationItem.dataset_id).where(ApplicationItem.case_id == case.c.id).correlate(case)
    named = sa.func.jsonb_build_object("id", package.id, "title", package.title)
    order = (package.id != case.c.dataset_id, package.title, package.id)
    datasets = (
        sa.select(sa.func.jsonb_agg(aggregate_order_by(named, *order)).label("datasets"))
        .where(package.id.in_(asked), may_be_named())
        .lateral("named")
    )
    return (
        sa.select(case, answered, datasets, model.Group.title.label("department"))
        .select_from(case)
        .join(answered, sa.true())
        .join(datasets, sa.true())
        .outerjoin(model.Group, model.Group.id == case.c.org_id)
        .order_by(case.c.opened_at.desc(), case.c.id.desc())
    )


def rows(filters: Filters, limit: int, after: str | None = None) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of the record, and the cursor of the next one; None at the end."""
    found = model.Session.execute(query(filters, limit + 1, decoded(after))).mappings().all()
    shown = found[:limit]
    following = encoded(shown[-1]["opened_at"], shown[-1]["id"]) if len(found) > limit else None
    return [line(row) for row in shown], following


def line(row: Any) -> dict[str, Any]:
    """Return one line of the record."""
    state = machines.registered_as(KIND, row["variant"]).state(row["status"])
    datasets = [one for one in row["datasets"] or [] if one["title"]]
    return {
        "department": row["department"] or "",
        "title": joined(one["title"] for one in datasets),
        "dataset_id": datasets[0]["id"] if datasets else None,
        "dataset_ids": " ".join(one["id"] for one in datasets),
        "datasets": datasets,
        "region_code": row["region_code"],
        "received": moment(row["opened_at"]),
        "first_answer": moment(row["first"]),
        "decided": moment(row["decided"]),
        "status": row["status"],
        "status_label": _(state.label),
        "ground": vocab.label("refusal_ground", row["ground"]) if row["ground"] else row["returned"] or "",
        "legal_basis": row["basis"] or "",
    }


def moment(at: datetime | None) -> str | None:
    """Return a moment for programs."""
    return at.isoformat() if at else None


def encoded(at: datetime, case_id: str) -> str:
    """Return the key of a line as a cursor."""
    key = f"{at.astimezone(UTC).isoformat()} {case_id}"
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decoded(cursor: str | None) -> tuple[datetime, str] | None:
    """Return the key in a cursor.

    :raises tk.ValidationError: when it is none of ours
    """
    if not cursor:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _space, case_id = text.partition(" ")
        key = datetime.fromisoformat(at)
    except (ValueError, binascii.Error, UnicodeError):
        key, case_id = None, ""
    if key is None or key.tzinfo is None or not case_id or "\x00" in case_id:
        raise tk.ValidationError({"after": [_("This page of the record does not exist.")]})
    return key, case_id


# --- how fast ------------------------------------------------------------------------------------


def medians(year: int | None = None) -> list[dict[str, Any]]:
    """Return the median working days to first answer and decision: of the portal, then per department.

    Counted anew once an hour: the figure is the same for everybody and reads every decided case.
    """
    return list(counted(year, clock.now().strftime("%Y%m%d%H"), tuple(sorted(load().overrides.items()))))


@lru_cache(maxsize=8)
def counted(
    year: int | None, hour: str, overrides: tuple[tuple[date, bool], ...]
) -> tuple[dict[str, Any], ...]:
    """Count the medians of applications received in a year, or ever."""
    span = sa.select(sa.func.min(Case.opened_at), sa.func.max(CaseEvent.at))
    span = span.select_from(Case).join(CaseEvent, CaseEvent.case_id == Case.id).where(Case.kind == KIND)
    first, last = model.Session.execute(span).one()
    if first is None:
        return ()
    days = worked(Calendar(dict(overrides)), clock.local_date(first), clock.local_date(last))
    wanted = {
        "kind": KIND, "office": list(OFFICE), "decided": list(DECIDED), "zone": clock.LOCAL.key,
        "urge": urges.STEP,
        "days": [day for day, _count in days], "counts": [count for _day, count in days],
        "first": midnight(date(year, 1, 1)) if year else first,
        "after": midnight(date(year + 1, 1, 1)) if year else None,
    }  # fmt: skip
    return tuple(dict(row) for row in model.Session.execute(MEDIANS, wanted).mappings())


def days(median: float | None) -> str:
    """Return a median as people read it (template helper)."""
    return "—" if median is None else f"{median:g}"


def worked(calendar: Calendar, first: date, last: date) -> list[tuple[date, int]]:
    """Return each day with how many working days there are up to it: their difference is the time taken."""
    found, count, day = [], 0, first
    for number in range((last - first).days + 1):
        day = date.fromordinal(first.toordinal() + number)
        count += calendar.is_workday(day)
        found.append((day, count))
    return found


MEDIANS = sa.text(
    """
    WITH worked AS (
        SELECT * FROM unnest(CAST(:days AS date[]), CAST(:counts AS integer[])) AS w(day, n)
    ), answered AS (
        SELECT c.org_id, (c.opened_at AT TIME ZONE :zone)::date AS received,
               (min(e.at) AT TIME ZONE :zone)::date AS first,
               (min(e.at) FILTER (WHERE e.target = ANY(:decided)) AT TIME ZONE :zone)::date AS decided
        FROM nmgdata_case c JOIN nmgdata_case_event e ON e.case_id = c.id
        WHERE c.kind = :kind AND e.role = ANY(:office) AND e.transition <> :urge
          AND c.opened_at >= :first
          AND (CAST(:after AS timestamptz) IS NULL OR c.opened_at < :after)
        GROUP BY c.id, c.org_id, c.opened_at
    )
    SELECT g.title AS department, g.name AS org, count(*) AS answered, count(d.n) AS decided,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY f.n - r.n) AS first_answer_days,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY d.n - r.n) AS decision_days
    FROM answered a
    JOIN worked r ON r.day = a.received
    JOIN worked f ON f.day = a.first
    LEFT JOIN worked d ON d.day = a.decided
    LEFT JOIN "group" g ON g.id = a.org_id
    GROUP BY GROUPING SETS ((), (g.id, g.title, g.name))
    ORDER BY grouping(g.id) DESC, g.title
    """
)
