"""Sources, jobs and records as dictionaries, for the API and the pages; how the cities are connected."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .. import vocab
from ..kernel import clock, orgs
from ..kernel.connections import Connection
from . import query, words
from .following.model import Following
from .model import LIVE, OUTCOMES, Job, JobState, Problem, RemoteRecord, Source, SourceState
from .remote.cities import cities as all_cities

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
CONNECTIONS: dict[str, tuple[str, str]] = {
    "none": (N_("Not connected"), "plain"),
    "connected": (N_("Connected"), "open"),
    "late": (N_("Delayed"), "cond"),
    "held": (N_("In review"), "cond"),
    "new": (N_("Connecting"), "plain"),
    "paused": (N_("Paused"), "plain"),
    "trouble": (N_("Interrupted"), "susp"),
}
"""Name and class of the badge of each state of a connection, the best first; ``none``: there is no source."""
LATE = 2
"""Intervals without a success after which a connection counts as delayed."""


def connection_state(source: Source, last: Job | None) -> str:
    """Return in which state a connection is.

    :param last: the newest job that has ended by itself or is held
    """
    if source.state == SourceState.PAUSED:
        return "paused"
    if source.failures:
        return "trouble"
    if last is not None and last.state == JobState.HELD:
        return "held"
    if source.succeeded_at is None:
        return "new"
    patience = timedelta(hours=LATE * source.every_hours)
    is_late = source.every_hours and clock.now() - source.succeeded_at > patience
    return "late" if is_late else "connected"


def connection_label(state: str) -> str:
    """Return the name of a state of a connection."""
    return _(CONNECTIONS[state][0])


def cities() -> dict[str, Connection]:
    """Return how the league-cities are connected, as anybody may know it: code → connection.

    Of a city with several sources the worst one counts; what belongs to a banner is not the city's.
    """
    last, worst = query.concluded(), list(CONNECTIONS)
    none = Connection("none", connection_label("none"), CONNECTIONS["none"][1])
    found = dict.fromkeys(all_cities(), none)
    for source in query.sources():
        made = public(source, last.get(source.id))
        if worst.index(made.state) > worst.index(found.get(source.region_code, none).state):
            found[source.region_code] = made
    return found


def public(source: Source, last: Job | None) -> Connection:
    """Return a connection as anybody may know it."""
    state = connection_state(source, last)
    trouble = None
    if state == "trouble":
        trouble = words.public(last.error if last else None)
    elif state == "held":
        trouble = _("Many entries were missing last time; staff check it before anything is removed.")
    return Connection(
        state=state, label=connection_label(state), style=CONNECTIONS[state][1],
        succeeded_at=source.succeeded_at, every_hours=source.every_hours,
        read=last.read_count if last else 0, refused=last.refused_count if last else 0, trouble=trouble,
    )  # fmt: skip


# --- sources -------------------------------------------------------------------------------------


def source(one: Source, last: Job | None = None) -> dict[str, Any]:
    """Return a source; of its credentials the name of their variable only."""
    state = connection_state(one, last)
    known = organisations([one.owner_org, *one.organisations.values()])
    return {
        "id": one.id,
        "name": one.name,
        "title": one.title,
        "region_code": one.region_code,
        "region": vocab.label("division", one.region_code),
        "region_exception": one.region_exception,
        "address": one.address,
        "format": one.format,
        "feed": one.feed,
        "state": one.state,
        "connection": {"state": state, "label": connection_label(state)},
        "owner_org": known.get(one.owner_org, {"id": one.owner_org, "name": "", "title": ""}),
        "organisations": {
            stated: known[org_id]["name"] if org_id in known else org_id
            for stated, org_id in sorted(one.organisations.items())
        },
        "classes": dict(sorted(one.classes.items())),
        "default_class": one.default_class,
        "every_hours": one.every_hours,
        "due_at": iso(one.due_at),
        "grace_days": one.grace_days,
        "guard_percent": round(one.guard_share * 100),
        "guard_number": one.guard_number,
        "limits": dict(sorted(one.limits.items())),
        "allowed_hosts": list(one.allowed_hosts),
        "private_networks": list(one.private_networks),
        "credentials": one.credentials,
        "contact": one.contact,
        "failures": one.failures,
        "broken_until": iso(one.broken_until),
        "succeeded_at": iso(one.succeeded_at),
        "applications": one.applications,
        "following": following(one),
        "created_at": iso(one.created_at),
        "changed_at": iso(one.changed_at),
        "last_job": job(last) if last else None,
    }


def following(one: Source) -> dict[str, Any] | None:
    """Return how following a source's change feed goes; None where there is none to follow."""
    row = model.Session.get(Following, one.id) if one.feed else None
    if row is None:
        return None
    return {
        "read_at": iso(row.asked_at),
        "changed_at": iso(row.changed_at),
        "error": row.error,
        "error_label": words.sentence(row.error) if row.error else None,
        "failures": row.failures,
        "retry_at": iso(row.retry_at),
        "owes": row.owes,
        "refused": row.refused,
    }


def organisations(ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return id, name and title of organisations, by one query; what is none any more is missing."""
    query_ = sa.select(orgs.GROUP.id, orgs.GROUP.name, orgs.GROUP.title).where(orgs.GROUP.id.in_(set(ids)))
    return {
        row[0]: {"id": row[0], "name": row[1], "title": row[2] or row[1]}
        for row in model.Session.execute(query_)
    }


def iso(moment: datetime | None) -> str | None:
    """Return a moment as programs read it."""
    return moment.isoformat() if moment else None


# --- jobs ----------------------------------------------------------------------------------------


def job(one: Job) -> dict[str, Any]:
    """Return a job with its counts, which add up to what was read."""
    return {
        "id": one.id,
        "source_id": one.source_id,
        "state": one.state,
        "state_label": words.state(one.state),
        "is_live": one.state in LIVE,
        "asked_by": account(one.asked_by),
        "queued_at": iso(one.queued_at),
        "started_at": iso(one.started_at),
        "ended_at": iso(one.ended_at),
        "read": one.read_count,
        "counts": {name: getattr(one, f"{name}_count") for name in OUTCOMES},
        "vanished": one.vanished_count,
        "total": one.total,
        "percent": percent(one),
        "pages": one.next_page,
        "bytes": one.read_bytes,
        "attempts": one.attempts,
        "confirmed_by": account(one.confirmed_by),
        "confirmed_at": iso(one.confirmed_at),
        "error": one.error,
        "error_label": words.sentence(one.error) if one.error else None,
        "detail": one.detail,
    }


def percent(one: Job) -> int | None:
    """Return how far a job is, None where nobody knows how far it goes."""
    if one.state == JobState.FINISHED:
        return 100
    whole = max(one.total or 0, one.read_count) if one.total or one.read_at else 0
    return min(99, round(100 * (one.read_count - one.waiting_count) / whole)) if whole else None


def account(user_id: str | None) -> str | None:
    """Return the name of who asked; None for the clock."""
    user: Any = model.Session.get(model.User, user_id) if user_id else None
    return (user.fullname or user.name) if user else user_id


def problem(one: Problem) -> dict[str, Any]:
    """Return what was wrong with one record."""
    return {
        "id": one.id,
        "page": one.page,
        "place": one.place,
        "code": one.code,
        "code_label": words.sentence(one.code),
        "detail": one.detail,
        "is_refused": one.is_refused,
    }


# --- records -------------------------------------------------------------------------------------


def record(row: sa.Row[Any]) -> dict[str, Any]:
    """Return a record and the dataset that it is here."""
    one: RemoteRecord = row[0]
    return {
        "identifier": one.identifier,
        "page": one.remote.get("page"),
        "dataset_id": one.package_id,
        "dataset_name": row[1],
        "title": row[2] or one.identifier,
        "missing": [{"field": name, "label": field_label(name)} for name in one.missing],
        "local": sorted(one.local),
        "changed_at": iso(one.changed_at),
        "vanished_at": iso(one.vanished_at),
        "archived_at": iso(one.archived_at),
    }


def field_label(name: str) -> str:
    """Return the name of a field of an entry as its form shows it."""
    described = tk.h.scheming_get_dataset_schema("dataset") or {}
    for field in described.get("dataset_fields", ()):
        if field["field_name"] == name:
            return tk.h.scheming_language_text(field["label"])
    return _("Files") if name == "resources" else name
