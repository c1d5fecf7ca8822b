"""The inbox (办件中心): boxes, filters, search and orders over the cases of an office.

A department sees its own cases, an authority those of its region. A department's rows come from the
index in order, one holder after the other; so the cost does not grow with the number of cases.
Paging is by key: the cursor is the place of the last row, so that nothing is shown twice or left
out when cases come and go meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import aliased

from .. import clock, orgs
from ..actors import Actor, Role, deciders
from ..deadlines import calendar
from . import subjects, terms
from .machine import OFFICES
from .model import OPEN_URGE, Case, Urge

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown

SOON = 2
"""Working days before the last one from which a case is due soon: those of the reminders (DC-09)."""
BOXES = {
    "waiting": N_("Waiting for you"),
    "due_soon": N_("Due soon"),
    "overdue": N_("Overdue"),
    "urged": N_("Urged"),
    "all": N_("All cases"),
    "unattended": N_("Nobody to decide"),
}
SORTS = {"due": N_("Most urgent first"), "newest": N_("Newest first"), "oldest": N_("Oldest first")}
MANY = 1000
"""Boxes are counted up to here; more is said as “1000+”."""
FEW, RARE = 20, 1000
"""Departments, and cases that have a word, up to which a search looks each of them up."""
GATHERED = 40_000
"""Cases that one of several words may find for a search to gather them before it puts them in order."""
ME, NOBODY = "me", "nobody"
NUMBER = re.compile(r"[A-Za-z]{2}-[\d-]*")

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class Filter:
    """What is kept of a box; empty values keep everything."""

    kind: str = ""
    status: str = ""
    org: str = ""
    """Id of the department."""
    region: str = ""
    dataset: str = ""
    """Id of a dataset that the case is about, with others perhaps."""
    received_from: date | None = None
    received_to: date | None = None
    assigned: str = ""
    """``me``, ``nobody`` or the id of an account."""
    q: str = ""

    @property
    def is_narrow(self) -> bool:
        """Say whether it keeps so little that an index of its own beats the order of the box."""
        return bool(self.q or self.dataset or self.assigned not in ("", NOBODY))


@dataclass(frozen=True)
class Scope:
    """Where the rows of a box come from: from these keys of a column, or from all; under conditions."""

    conditions: tuple[Condition, ...]
    column: Any = None
    keys: tuple[str, ...] = ()


# --- boxes ---------------------------------------------------------------------------------------


def offered(actor: Actor) -> list[str]:
    """Return the boxes that an actor has; only an authority looks after other offices' cases."""
    return [name for name in BOXES if name != "unattended" or actor.regions(Role.AUTHORITY)]


def scope(actor: Actor, box: str, today: date) -> Scope:
    """Return where the rows of a box come from."""
    mine = tuple(sorted(actor.orgs(Role.REVIEWER)))
    regions = actor.regions(Role.AUTHORITY)
    if box == "waiting":
        keys = (*mine, *([actor.user_id] if actor.user_id else []))
        return Scope((is_open(),), Case.holder_id, tuple(sorted(keys)))
    if box == "all":
        return Scope((supervised(regions, mine),)) if regions else Scope((), Case.org_id, mine)
    held = Scope((), Case.holder_id, mine)
    if regions:
        held = Scope((supervised(regions, mine), Case.holder.in_(OFFICES)))
    return Scope((*held.conditions, is_open(), kept_by(box, today, regions)), held.column, held.keys)


def kept_by(box: str, today: date, regions: frozenset[str]) -> Condition:
    """Return what puts an open case into a box; for an authority what is overdue is urged (R-PLAT-07)."""
    if box == "due_soon":
        return due_between(today, calendar.load().add(today, SOON + 1).on - calendar.ONE_DAY)
    if box == "overdue":
        return is_overdue(today)
    if box == "urged":
        return sa.or_(is_urged(), is_overdue(today)) if regions else is_urged()
    return is_unattended()


def supervised(regions: frozenset[str], mine: Sequence[str]) -> Condition:
    """Keep the cases of an authority's regions and of one's own offices (R7, R-ROLE-01)."""
    if orgs.REGION in regions:
        return sa.true()
    return sa.or_(orgs.within(Case.region_code, regions), Case.org_id.in_(mine))


def is_open() -> Condition:
    """Keep cases that wait for somebody; in the words of the partial indexes."""
    return sa.and_(Case.closed_at.is_(None), Case.holder_id.is_not(None))


def due(of: Any = Case) -> sa.ColumnElement[date]:
    """Return the order of urgency as the indexes hold it (``model.DUE``): without a period comes last."""
    return sa.func.coalesce(of.due_on, sa.literal_column("'infinity'::date"), type_=sa.Date)


def due_between(first: date, last: date) -> Condition:
    """Keep cases whose period ends within these days."""
    return due().between(sa.literal(first, sa.Date), sa.literal(last, sa.Date))


def is_overdue(today: date) -> Condition:
    """Keep cases whose period has run out."""
    return due() < sa.literal(today, sa.Date)


def is_urged() -> Condition:
    """Keep cases with an urging that is not answered; there are few, so they are found first."""
    found = sa.select(sa.func.array_agg(Urge.case_id)).where(sa.text(OPEN_URGE)).scalar_subquery()
    return Case.id == sa.func.any(sa.cast(found, ARRAY(sa.Text)))


def is_unattended() -> Condition:
    """Keep cases whose office is gone or has nobody else than who filed them to decide (DC-19)."""
    user: Any = model.User
    one, many = sa.func.min(user.id).label("one"), sa.func.count(user.id.distinct()).label("many")
    able = deciders().with_only_columns(orgs.GROUP.id, one, many).group_by(orgs.GROUP.id).subquery("able")
    others = sa.or_(able.c.many > 1, able.c.one.is_distinct_from(Case.filer_id))
    return sa.not_(sa.exists().where(able.c.id == Case.holder_id, others))


# --- filters -------------------------------------------------------------------------------------


def kept(asked: Filter, actor: Actor) -> list[Condition]:
    """Return the conditions of a filter."""
    equal = ((Case.kind, asked.kind), (Case.status, asked.status), (Case.org_id, asked.org))
    found: list[Condition] = [column == value for column, value in equal if value]
    if asked.dataset:
        found.append(Case.id.in_(subjects.cases(asked.dataset)))
    if asked.region:
        found.append(orgs.within(Case.region_code, [asked.region]))
    if asked.received_from:
        found.append(Case.opened_at >= midnight(asked.received_from))
    if asked.received_to:
        found.append(Case.opened_at < after(asked.received_to))
    if asked.assigned == NOBODY:
        found.append(Case.assignee_id.is_(None))
    elif asked.assigned:
        found.append(Case.assignee_id == (actor.user_id if asked.assigned == ME else asked.assigned))
    return found


def after(day: date) -> datetime:
    """Return the moment a day has ended; the last that there is does not."""
    return midnight(day + timedelta(days=1)) if day < date.max else datetime.max.replace(tzinfo=UTC)


def midnight(day: date) -> datetime:
    """Return the moment a day begins in Asia/Shanghai."""
    return datetime.combine(day, time(), clock.LOCAL)


def holds(word: str) -> Condition:
    """Keep cases found by a word: the number begins with it, or title, department or application hold it."""
    if NUMBER.fullmatch(word):
        return Case.number.startswith(word.upper(), autoescape=True)
    wanted = terms.asked(word)
    if not wanted:
        return sa.true()
    by_text = with_terms(wanted)
    titled = orgs.titled(word)
    departments = list(model.Session.scalars(titled.limit(FEW + 1)))
    if not departments:
        return by_text
    # Of few departments an index finds the cases; of many nearly every case is one, and the order finds them.
    return sa.or_(by_text, Case.org_id.in_(departments if len(departments) <= FEW else titled))


def with_terms(wanted: Sequence[str]) -> Condition:
    """Keep cases whose title or application has these terms; of rare ones by number.

    PostgreSQL knows no rare terms: it would go through all cases in the order of the page, expecting to meet
    some soon.
    """
    terms_ = sa.cast(array(wanted), ARRAY(sa.Text))
    held: Condition = sa.or_(Case.terms.contains(terms_), Case.words.contains(terms_))
    found = list(model.Session.scalars(sa.select(Case.id).where(held).limit(RARE + 1)))
    return held if len(found) > RARE else Case.id.in_(found)


# --- pages ---------------------------------------------------------------------------------------


def order(sort: str, of: Any = Case) -> tuple[Any, Any]:
    """Return the columns of an order; numbers make it complete."""
    return due(of) if sort == "due" else of.opened_at, of.number


def ordered(sort: str, of: Any = Case) -> list[Any]:
    """Return the ORDER BY of a sort."""
    columns = order(sort, of)
    return [column.desc() for column in columns] if sort == "newest" else list(columns)


def cursor(case: Case, sort: str) -> str:
    """Return the place of a case in an order."""
    place = case.due_on if sort == "due" else case.opened_at.astimezone(clock.LOCAL)
    return f"{place.isoformat() if place else 'infinity'}_{case.number}"


def beyond(after: str, sort: str) -> Condition:
    """Keep what comes after a place in an order.

    :raises tk.ValidationError: the cursor is not one of this order
    """
    place, _separator, number = after.partition("_")
    kind = sa.Date if sort == "due" else sa.DateTime(timezone=True)
    if not (number and is_place(place, sort)):
        raise tk.ValidationError({"after": [_("This page does not exist any more; begin anew.")]})
    here = sa.tuple_(sa.cast(sa.literal(place, sa.Text), kind), sa.literal(number, sa.Text))
    row = sa.tuple_(*order(sort))
    return row < here if sort == "newest" else row > here


def is_place(place: str, sort: str) -> bool:
    """Say whether a text is what an order goes by."""
    try:
        return bool(date.fromisoformat(place) if sort == "due" else datetime.fromisoformat(place).tzinfo)
    except ValueError:
        return sort == "due" and place == "infinity"


def page_query(
    where: Scope, conditions: Sequence[Condition], sort: str, limit: int, *, gathered: bool
) -> sa.Select[Any]:
    """Return the query for the first rows of a scope in an order.

    :param gathered: find all rows before any is put in order
    """
    if where.column is None:
        rows = sa.select(Case).where(*where.conditions, *conditions)
        if gathered:
            found = aliased(Case, rows.cte("found").prefix_with("MATERIALIZED"))
            return sa.select(found).order_by(*ordered(sort, found)).limit(limit)
        return rows.order_by(*ordered(sort)).limit(limit)
    keys = sa.select(sa.func.unnest(sa.literal(list(where.keys), ARRAY(sa.Text))).label("id")).subquery(
        "keys"
    )
    first = (
        sa.select(Case)
        .where(where.column == keys.c.id, *where.conditions, *conditions)
        .order_by(*ordered(sort))
        .limit(limit)
        .lateral("first")
    )
    case = aliased(Case, first)
    rows = sa.select(case).select_from(keys).join(first, sa.true())
    return rows.order_by(*ordered(sort, case)).limit(limit)


def listed(
    actor: Actor, box: str, asked: Filter, *, sort: str = "due", after: str = "", limit: int = 50
) -> sa.Select[Any]:
    """Return the query for one page of a box.

    :param after: cursor of the last row before the page
    """
    words = [holds(word) for word in asked.q.split()]
    conditions = kept(asked, actor) + words + ([beyond(after, sort)] if after else [])
    where = scope(actor, box, clock.today())
    if asked.is_narrow and where.column is not None:
        where = Scope((*where.conditions, among(where)))
    return page_query(where, conditions, sort, limit, gathered=can_be_gathered(words))


def can_be_gathered(words: Sequence[Condition]) -> bool:
    """Say whether one of several words finds few enough cases to gather them all.

    PostgreSQL takes words for independent and would go through all cases in the order of the page, expecting
    to meet some soon that have them all; words that never meet would take it through every case.
    """
    if len(words) < 2:
        return False
    found = (sa.select(Case.id).where(word).limit(GATHERED + 1).subquery() for word in words)
    numbers = (model.Session.scalar(sa.select(sa.func.count()).select_from(one)) for one in found)
    return any((number or 0) <= GATHERED for number in numbers)


def page(actor: Actor, box: str, asked: Filter, **options: Any) -> list[Case]:
    """Return one page of a box."""
    return list(model.Session.scalars(listed(actor, box, asked, **options)))


def counts_query(actor: Actor) -> sa.Select[Any]:
    """Return the query for the number of cases in every box, each counted to ``MANY`` and one."""
    columns = [counted(scope(actor, box, clock.today())).label(box) for box in offered(actor)]
    return sa.select(*columns)


def counted(where: Scope) -> sa.ScalarSelect[int]:
    """Return the number of cases of a scope, counted no further than is shown."""
    rows = sa.select(sa.literal(1).label("one")).select_from(Case).where(*where.conditions)
    if where.column is not None:
        rows = rows.where(among(where))
    return sa.select(sa.func.count()).select_from(rows.limit(MANY + 1).subquery()).scalar_subquery()


def among(where: Scope) -> Condition:
    """Keep the rows of a scope's keys, whatever index finds them."""
    return where.column == sa.func.any(sa.literal(list(where.keys), ARRAY(sa.Text)))


def counts(actor: Actor) -> dict[str, int]:
    """Return the number of cases in every box."""
    return dict(model.Session.execute(counts_query(actor)).mappings().one())
