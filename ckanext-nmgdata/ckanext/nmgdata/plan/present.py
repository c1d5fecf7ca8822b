"""Plans and items as dictionaries, for the API and the pages; how a plan's case is shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .. import vocab
from ..kernel import clock
from ..kernel.actors import Actor
from ..kernel.gate.labels import public_entries
from ..kernel.workflow import machine, presenters
from ..kernel.workflow.model import Case
from ..marks import joined
from . import counts, places, query, states, versions
from .model import KIND, Happening, Item, Plan, Version

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
HAPPENED = {
    "published": N_("Plan published"),
    "amended": N_("Plan amended"),
    "closed": N_("Year closed"),
    "added": N_("Added to the plan"),
    "changed": N_("Promise changed"),
    "dropped": N_("Dropped"),
    "replaced": N_("Replaced by other data"),
    "carried": N_("Carried into the next year's plan"),
    "opened": N_("Opened"),
    "late": N_("Not open in the planned month"),
    "late_reason": N_("Reason for being late"),
    "suspended": N_("Opening suspended"),
    "withdrawn": N_("Data withdrawn"),
    "resumed": N_("Open again"),
}
"""What can happen to a plan or item. ``closed`` of an item: taken out of the catalogue, or less open."""
ITEM_CLOSED = N_("No longer open as promised")
STOPPED = {
    "suspended": N_("Opened, then suspended"),
    "withdrawn": N_("Opened, then withdrawn"),
    "closed": ITEM_CLOSED,
}
"""Why data that were opened are no longer open, in the words of pages and files."""


def happened(event: Happening) -> str:
    """Return what has happened, in the reader's language."""
    return _(ITEM_CLOSED) if event.kind == "closed" and event.item_id else _(HAPPENED[event.kind])


def stopped(by: str) -> str:
    """Return why data that were opened are no longer open, in the reader's language."""
    return _(STOPPED[by])


# --- plans ---------------------------------------------------------------------------------------


def brief(line: query.Line) -> dict[str, Any]:
    """Return a plan in one row."""
    plan = line.plan
    return {
        "id": plan.id,
        "year": plan.year,
        "level": plan.level,
        "region_code": plan.region_code,
        "organisation": {"id": plan.org_id, "name": line.org_name, "title": line.org_title},
        "title": plan.title,
        "part_of": plan.parent_id,
        "version": plan.version,
        "status": line.status,
        "status_label": _(machine.registered_as(KIND, "standard").state(line.status).label),
        "published_at": moment(plan.published_at),
        "published_on": moment(plan.published_at and clock.local_date(plan.published_at)),
        "closed_at": moment(plan.closed_at),
        "url": places.plan(plan.year, line.org_name),
    }


def moment(value: Any) -> str | None:
    """Return a moment as ISO 8601."""
    return value.isoformat() if value else None


def show(plan: Plan, *, drafts: bool) -> dict[str, Any]:
    """Return a plan with its texts, versions and counts; its draft for those who may read that."""
    line = query.plans(Plan.id == plan.id)[0]
    counted = counts.of(counts.Scope(plan.year, plan.region_code, plan.id))
    shown = {
        **brief(line),
        **{name: getattr(plan, name) for name in versions.TEXTS},
        "group": plan.id if plan.published_at else None,
        "attachments": places.attached(plan, line.org_name),
        "counts": {**counted.all.by_state, "total": counted.all.total, "on_time": counted.on_time},
        "versions": [version(row) for row in versions.of_plan(model.Session(), plan)],
        "report": plan.report or None,
    }
    if drafts:
        case = model.Session.get_one(Case, plan.case_id)
        drafted = versions.drafted(model.Session(), plan)
        shown |= {
            "case": case.number,
            "due_on": moment(case.due_on),
            "draft": plan.pending,
            "drafted": drafted,
        }
    return shown


def version(row: Version) -> dict[str, Any]:
    """Return a version with what it changed."""
    return {"version": row.version, "at": row.at.isoformat(), "reason": row.reason, "changes": row.changes}


# --- items ---------------------------------------------------------------------------------------


def items(rows: Iterable[Item], *, drafts: bool = False, today: date | None = None) -> list[dict[str, Any]]:
    """Return items; of datasets that the public may not know of no address is given."""
    rows, today = list(rows), today or clock.today()
    names = public_names({key for row in rows for key in (row.kept_id, row.dataset_id) if key})
    others = titles({row.replaced_by for row in rows if row.replaced_by})
    shown = [item(row, names, today, drafts=drafts) for row in rows]
    return [{**one, "replaced_by_title": others.get(one["replaced_by"])} for one in shown]


def titles(ids: Collection[str]) -> dict[str, str]:
    """Return the titles of items."""
    query_ = sa.select(Item.id, Item.title).where(Item.id.in_(ids))
    return dict(model.Session.execute(query_).tuples().all()) if ids else {}


def public_names(ids: Collection[str]) -> dict[str, str]:
    """Return the names of those datasets that everybody may know of."""
    package: Any = model.Package
    query_ = sa.select(package.id, package.name).where(package.id.in_(public_entries()), package.id.in_(ids))
    return dict(model.Session.execute(query_).tuples().all()) if ids else {}


def item(row: Item, names: dict[str, str], today: date, *, drafts: bool) -> dict[str, Any]:
    """Return one item: what was promised, and what has become of it."""
    key = row.kept_id or row.dataset_id
    state = states.of(row, today)
    shown = {
        "id": row.id,
        "plan_id": row.plan_id,
        "title": row.title,
        "description": row.description,
        "theme": row.theme,
        "data_form": row.data_form,
        "update_frequency": row.update_frequency,
        "format": row.format,
        "open_class": row.open_class,
        "month": f"{row.due_on:%Y-%m}",
        "due_on": row.due_on.isoformat(),
        "grounds": row.grounds,
        "is_key": row.is_key,
        "demand_source": row.demand_source,
        "demand_note": row.demand_note or "",
        "state": state,
        "opened_on": moment(row.opened_on),
        "days_late": states.days_late(row, today) if state in ("late", "opened", "stopped") else 0,
        "late_reason": row.late_reason or "",
        "stopped_by": row.stop,
        "stopped_on": moment(row.stop_on),
        "ended_by": row.end,
        "ended_on": moment(row.ended_on),
        "end_reason": row.end_reason or "",
        "replaced_by": row.replaced_by,
        "dataset_id": key if key in names else None,
        "dataset_name": names.get(key),
        "since_version": row.since_version,
    }
    if drafts:
        own = {"entry_id": row.dataset_id, "pending": row.pending, "suggested_id": row.suggested_id}
        shown |= {**own, "suggested_on": moment(row.suggested_on)}
    return shown


# --- the case ------------------------------------------------------------------------------------


def plan_of(case: Case) -> Plan | None:
    """Return the plan of a case."""
    return model.Session.scalars(sa.select(Plan).where(Plan.case_id == case.id)).first()


def title(case: Case) -> str:
    """Return what the case is about."""
    plan = plan_of(case)
    return plan.title if plan else ""


def filed(case: Case, actor: Actor) -> dict[str, Any]:
    """Return a plan as those who decide on it read it: everything that would be published."""
    plan = plan_of(case)
    if plan is None:
        return {}
    rows = query.of_plan(plan.id, query.Filter(), drafts=True)
    changes = versions.drafted(model.Session(), plan) if plan.version else []
    return {"plan": show(plan, drafts=True), "items": items(rows, drafts=True), "changes": changes}


SAID: dict[str, Callable[[Any], str]] = {
    "due_on": lambda stated: str(stated)[:7],
    "open_class": lambda stated: vocab.label("open_class", stated),
    "grounds": lambda stated: joined(vocab.label("plan_ground", one) for one in stated),
    "demand_source": lambda stated: vocab.label("plan_demand", stated),
    "end": lambda stated: vocab.label("plan_end", stated),
    "is_key": lambda stated: _("yes") if stated else _("no"),
}


def value(name: str, stated: Any) -> str:
    """Return a value of a comparison as people read it."""
    return "—" if stated in (None, "", []) else SAID.get(name, str)(stated)


FIELDS = {
    "due_on": N_("Planned month"),
    "open_class": N_("Intended open class"),
    "grounds": N_("Grounds of priority"),
    "demand_source": N_("Source of the demand"),
    "demand_note": N_("About the demand"),
    "format": N_("Format"),
    "is_key": N_("Key data"),
    "end": N_("End"),
    "replaced_by": N_("Item that takes its place"),
    "title": N_("Title"),
    "description": N_("Text"),
    "key_areas": N_("Priorities of the year"),
    "legal_basis": N_("Legal basis"),
}


def field_label(name: str) -> str:
    """Return the name of a field of a comparison."""
    return _(FIELDS.get(name, name))


def install() -> None:
    """Say how a plan's case is shown."""
    page = "nmgdata/open_plan/filed.html"
    presenters.register(KIND, presenters.Presenter(title, filed, page))
