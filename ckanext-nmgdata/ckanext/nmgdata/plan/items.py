"""Draft items: promise an entry of one's own catalogue, change or end a promise, say what keeps it.

Of a plan that is not published the draft is changed; of a published one the next version is drafted, with
a reason for each change, and holds when the authority approves (DC-38). Facts need no approval: which
dataset keeps a promise, and why one is late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib import plugins as lib_plugins
from ckan.plugins import toolkit as tk
from ckan.types import Schema

from ..catalog import rules
from ..kernel import clock
from ..kernel.actors import Actor
from ..kernel.openness import UNCONDITIONAL
from ..kernel.types import Conflict, new_id
from ..kernel.unit import Unit, begin
from ..kernel.workflow import engine
from . import facts, jobs, states, versions
from .logic import schema
from .model import Item, Plan
from .tenable import is_own, owed

_ = tk._
DRAFT, NEXT, LAST = "draft", "next_version", "year_end"
MODES = {"drafting": DRAFT, "collecting": DRAFT, "returned": DRAFT, "published": NEXT, "adjusting": LAST}
"""State of the case → what is being drafted; in other states nothing is."""
Stated = dict[str, Any]
Errors = dict[str, Any]
"""Field → messages."""


@dataclass(frozen=True)
class Wanted:
    """A promise that was stated and checked: of an entry that is there, or of a future one."""

    promise: Stated
    package: model.Package | None = None
    entry: Stated | None = None


def validated(form: Schema, stated: Stated, *, partly: bool = False) -> tuple[Stated, Errors]:
    """Return what a form asks for, checked, and its errors by field.

    :param partly: only the fields that were sent
    """
    wanted = {name: checks for name, checks in form.items() if not partly or name in stated}
    sent = {name: stated[name] for name in wanted if name in stated}
    clean, errors = tk.navl_validate(sent, wanted, {"session": model.Session})
    return clean, errors


# --- reading what was stated ---------------------------------------------------------------------


def read(plan: Plan, stated: Stated) -> Wanted:
    """Return the promise that was stated.

    :raises tk.ValidationError: with every fault, each at its field
    """
    promise, errors = validated(schema.item(), stated)
    promise["due_on"] = promise.pop("month", None)
    if promise["due_on"] and not errors.get("month"):
        errors |= month_faults(plan, promise["due_on"])
    package, entry = None, None
    if stated.get("dataset_id"):
        package, found = own_entry(plan, str(stated["dataset_id"]))
        errors |= found
        if package is not None and not errors.get("open_class"):
            errors |= class_faults(package, promise.get("open_class"))
    else:
        entry, found = future_entry(plan, stated, promise.get("open_class"))
        errors |= found
    if errors:
        raise tk.ValidationError(errors)
    return Wanted(promise, package, entry)


def month_faults(plan: Plan, due: Any) -> Errors:
    """Say when a month lies outside the year of the plan."""
    if getattr(due, "year", None) == plan.year:
        return {}
    return {"month": [_("The month must lie in {year}.").format(year=plan.year)]}


def own_entry(plan: Plan, reference: str) -> tuple[model.Package | None, Errors]:
    """Return an entry of the organisation's own catalogue; others are none (R-PLAN-02)."""
    package = model.Package.get(reference)
    if not is_own(plan, package):
        return None, {"dataset_id": [_("There is no such entry in the catalogue of this organisation.")]}
    return package, {}


def class_faults(package: model.Package, wanted: str | None) -> Errors:
    """Say when an entry is that open already, or may never be (R-SEC-03)."""
    if wanted is None:
        return {}
    extras = package.extras or {}
    level = rules.level({"data_level": extras.get("data_level"), "open_class": wanted})
    if level:
        return {field: [message] for field, message in level.items()}
    found = facts.availability(model.Session(), [package.id]).get(package.id, facts.GONE)
    if found.as_open_as(wanted) == facts.OPEN:
        return {"dataset_id": [_("These data are that open already.")]}
    return {}


def future_entry(plan: Plan, stated: Stated, wanted: str | None) -> tuple[Stated, Errors]:
    """Return the non-public entry that a future dataset becomes, checked as CKAN will check it."""
    clean, errors = validated(schema.future_entry(), stated)
    title = clean.get("title")
    entry = {
        **clean, "id": new_id(), "private": True, "owner_org": plan.org_id, "type": "dataset",
        "region_code": plan.region_code, **({"open_class": wanted} if wanted == UNCONDITIONAL else {}),
    }  # fmt: skip
    if errors:
        return entry, errors
    package: Any = model.Package
    same = sa.exists().where(
        package.owner_org == plan.org_id, package.title == title, package.state == model.State.ACTIVE
    )
    if model.Session.scalar(sa.select(same)):
        return entry, {"title": [_("The catalogue has an entry of this title; refer to it instead.")]}
    plugin: Any = lib_plugins.lookup_package_plugin("dataset")
    context: Any = {**jobs.site_context(), "session": model.Session, "model": model, "for_edit": True}
    _data, found = lib_plugins.plugin_validate(
        plugin, context, dict(entry), plugin.create_package_schema(), "package_create"
    )
    return entry, {str(field): messages for field, messages in found.items()}


# --- writing -------------------------------------------------------------------------------------


def mode(unit: Unit, plan: Plan) -> str:
    """Lock a plan by its case and return what of it is being drafted.

    :raises Conflict: nothing, because it is being decided or closed
    """
    case = engine.lock(unit, plan.case_id)
    unit.session.refresh(plan)
    if case.status not in MODES:
        raise Conflict(_("The plan is under review or closed; it cannot be changed now."))
    return MODES[case.status]


def add(actor: Actor, plan: Plan, stated: Stated) -> Item:
    """Draft one item."""
    wanted = read(plan, stated)
    with begin(actor) as unit:
        item = put(unit, unit.session.get_one(Plan, plan.id), wanted)
    jobs.do_own()
    return item


def add_all(actor: Actor, plan: Plan, many: list[Wanted]) -> int:
    """Draft many items, all or none; return how many."""
    with begin(actor) as unit:
        own = unit.session.get_one(Plan, plan.id)
        for wanted in many:
            put(unit, own, wanted)
    jobs.do_own()
    return len(many)


def put(unit: Unit, plan: Plan, wanted: Wanted) -> Item:
    """Draft one item in an open unit.

    :raises tk.ValidationError: the entry is in the plan already
    """
    drafting = mode(unit, plan)
    if drafting == LAST:
        raise Conflict(_("At the end of the year nothing new is promised; use the plan of the next year."))
    if drafting == NEXT and wanted.promise["due_on"] < clock.local_date(unit.now):
        raise tk.ValidationError({"month": [_("This month has passed already.")]})
    entry_id = wanted.package.id if wanted.package is not None else (wanted.entry or {})["id"]
    field, same = "dataset_id", Item.dataset_id == entry_id
    if wanted.package is None and wanted.entry is not None:
        # Its entry comes after the commit: the catalogue does not know it yet when a form is sent twice.
        field, same = "title", Item.title == wanted.entry["title"]
    if unit.session.scalar(sa.select(sa.exists().where(Item.plan_id == plan.id, same, Item.end.is_(None)))):
        raise tk.ValidationError({field: [_("This entry is in the plan already.")]})
    item = Item(id=new_id(), plan_id=plan.id, dataset_id=entry_id, **wanted.promise)
    if wanted.package is not None:
        facts.copy(item, unit.session.get_one(model.Package, entry_id))
    elif wanted.entry is not None:
        item.title, item.description = wanted.entry["title"], wanted.entry["notes"]
        for name in schema.ENTRY_TERMS:
            setattr(item, name, wanted.entry[name])
        jobs.ask_entry(unit, wanted.entry)
    unit.session.add(item)
    unit.session.flush()
    return item


def change(actor: Actor, plan: Plan, item_id: str, stated: Stated) -> Item:
    """Change a promise: at once in a draft; with a reason, for the next version, in a published plan."""
    clean, errors = validated(schema.item(), stated, partly=True)
    if "month" in clean:
        clean["due_on"] = clean.pop("month")
        errors |= {} if errors.get("month") else month_faults(plan, clean["due_on"])
    with begin(actor) as unit:
        plan = unit.session.get_one(Plan, plan.id)
        drafting, item = mode(unit, plan), unit.session.get_one(Item, item_id)
        package = unit.session.get(model.Package, item.dataset_id)
        if "open_class" in clean and clean["open_class"] != item.open_class and package is not None:
            errors |= class_faults(package, clean["open_class"])
        reason, faults = validated(schema.changing(), stated) if item.since_version is not None else ({}, {})
        errors |= faults
        if errors:
            raise tk.ValidationError(errors)
        if item.since_version is None:
            for name, value in clean.items():
                setattr(item, name, value)
            return item
        if item.opened_on is not None or item.ended_on is not None:
            raise Conflict(_("This promise was kept or has ended already."))
        if drafting == LAST:
            raise Conflict(_("This promise cannot be changed any more; it can only end."))
        item.pending = differing(item, clean, reason)
    return item


def differing(item: Item, clean: Stated, reason: Stated) -> Stated:
    """Return what a published promise is to be changed in; a form sends also what stays as it is.

    :raises tk.ValidationError: it stays as it is, or its new month has passed already
    """
    if "due_on" in clean:
        clean["due_on"] = clean["due_on"].isoformat()
    before = versions.plain(item)
    drafted = {name: value for name, value in (item.pending or {}).items() if name in versions.PROMISE}
    wanted = {**drafted, **clean}
    found = {name: value for name, value in wanted.items() if (value or None) != (before[name] or None)}
    if not found:
        raise tk.ValidationError({"reason": [_("Nothing has been changed yet.")]})
    if found.get("due_on", "9999") < clock.today().isoformat():
        raise tk.ValidationError({"month": [_("This month has passed already.")]})
    return {**found, **reason}


def finish(actor: Actor, plan: Plan, item_id: str, stated: Stated) -> Item:
    """End a promise that will not be kept: drop, replace, carry over; with a reason that is published."""
    clean, errors = validated(schema.ending(), stated)
    with begin(actor) as unit:
        plan = unit.session.get_one(Plan, plan.id)
        mode(unit, plan)
        item = unit.session.get_one(Item, item_id)
        if item.since_version is None:
            raise tk.ValidationError({"end": [_("This item is not published; delete it instead.")]})
        if item.opened_on is not None or item.ended_on is not None:
            raise Conflict(_("This promise was kept or has ended already."))
        if not errors and clean["end"] == "replaced":
            other, found = successor(unit, item, str(stated.get("replaced_by") or ""))
            clean["replaced_by"], errors = other, {**errors, **found}
        elif not errors and clean["end"] == "carried":
            errors |= {"end": gone} if (gone := own_entry(plan, item.dataset_id)[1].get("dataset_id")) else {}
        if not errors and replacing(unit, item):
            errors["end"] = [_("It takes the place of another item; change that first.")]
        if errors:
            raise tk.ValidationError(errors)
        item.pending = clean
    return item


def successor(unit: Unit, item: Item, other_id: str) -> tuple[str, Errors]:
    """Return the item that takes the place of another: of the same plan, and one that stays."""
    other = unit.session.get(Item, other_id)
    stays = other is not None and other.end is None and "end" not in (other.pending or {})
    if other is None or not stays or other.plan_id != item.plan_id or other.id == item.id:
        return "", {"replaced_by": [_("Choose the item of this plan that takes its place.")]}
    return other.id, {}


def replacing(unit: Unit, item: Item) -> bool:
    """Say whether the next version lets an item take the place of another; then it has to stay."""
    query = sa.select(sa.exists().where(Item.pending["replaced_by"].astext == item.id))
    return bool(unit.session.scalar(query))


def remove(actor: Actor, plan: Plan, item_id: str) -> None:
    """Delete a drafted item, or take back what is drafted of a published one; promises do not disappear."""
    with begin(actor) as unit:
        plan = unit.session.get_one(Plan, plan.id)
        mode(unit, plan)
        item = unit.session.get_one(Item, item_id)
        if item.since_version is None:
            if replacing(unit, item):
                raise Conflict(_("It takes the place of another item; change that first."))
            if item in owed(unit.session, plan):
                message = _("This promise was carried over from another year; publish it, then end it.")
                raise Conflict(message)
            unit.session.delete(item)
        elif item.pending is not None:
            item.pending = None
        else:
            raise Conflict(
                _("A published promise does not disappear; end it with a reason, which is published.")
            )


# --- facts ---------------------------------------------------------------------------------------


def explain(actor: Actor, plan: Plan, item_id: str, stated: Stated) -> Item:
    """Publish why an item is late, or was opened late."""
    clean, errors = validated({"late_reason": schema.public_reason()}, stated)
    with begin(actor) as unit:
        item = unit.session.get_one(Item, item_id, with_for_update=True, populate_existing=True)
        late = item.ended_on is None and states.days_late(item, clock.local_date(unit.now))
        if not errors and (item.since_version is None or not late):
            errors["late_reason"] = [_("This item is not late.")]
        if errors:
            raise tk.ValidationError(errors)
        item.late_reason = clean["late_reason"]
        facts.happened(unit, item.plan_id, "late_reason", item.id, item.late_reason)
        facts.renew(unit, [item])
    return item


def keep(actor: Actor, plan: Plan, item_id: str, reference: str) -> Item:
    """Say which dataset keeps a promise; it must be one's own, public and as open as promised."""
    with begin(actor) as unit:
        item = unit.session.get_one(Item, item_id, with_for_update=True, populate_existing=True)
        if item.since_version is None or item.ended_on is not None or item.opened_on is not None:
            raise Conflict(_("This promise was kept or has ended already."))
        package, errors = own_entry(plan, reference)
        if package is None:
            raise tk.ValidationError({"kept_id": errors["dataset_id"]})
        if facts.keeps_another(unit, item, package.id):
            raise tk.ValidationError({"kept_id": [_("This dataset keeps another promise already.")]})
        since = item.suggested_on if item.suggested_id == package.id else None
        found = facts.availability(unit.session, [package.id])[package.id]
        if not facts.note(unit, item, found, package.id, since):
            message = _("This dataset is not open to the public as promised.")
            raise tk.ValidationError({"kept_id": [message]})
        facts.renew(unit, [item])
        jobs.ask_group(unit, item.plan_id)
    jobs.do_own()
    return item


def decline(actor: Actor, item_id: str) -> Item:
    """Say that the suggested dataset does not keep the promise."""
    with begin(actor) as unit:
        item = unit.session.get_one(Item, item_id, with_for_update=True, populate_existing=True)
        item.suggested_id = item.suggested_on = None
    return item


def mark_keys(actor: Actor, marks: Mapping[str, bool]) -> None:
    """Take items into the authority's list of key data, or out of it, before their plans are published.

    :param marks: id of an item → whether it is key data
    :raises Conflict: one of them was published meanwhile; then none is marked
    """
    with begin(actor) as unit:
        found = unit.session.scalars(sa.select(Item).where(Item.id.in_(marks)).order_by(Item.plan_id)).all()
        for plan_id in dict.fromkeys(item.plan_id for item in found):
            engine.lock(unit, unit.session.get_one(Plan, plan_id).case_id)
        for item in found:
            unit.session.refresh(item)
            if item.since_version is not None:
                raise Conflict(_("The list of key data was published with the plan."))
            item.is_key = marks[item.id]
