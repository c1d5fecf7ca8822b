"""Notice what a dataset write means, and tell it inside CKAN's own transaction."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.authz import is_authorized_boolean
from ckan.types import Context

from ..kernel import events
from ..kernel.actors import Actor
from ..kernel.audit import append
from ..kernel.gate.doors import actor_of, judge
from ..kernel.gate.origins import REPLACED, true_links
from ..kernel.gate.policy import Purpose
from ..kernel.unit import Unit, join
from . import publish
from .classes import history, rule
from .model import Entry


def saved(context: Context, dataset_id: str) -> None:
    """After a create or update: keep the entry's row, audit and tell what has changed."""
    unit = join(actor_of(context) if context.get("user") else Actor.system())
    noticed(unit, dataset_id, rule.decision_of(context), context.get(publish.SOURCE))


def noticed(
    unit: Unit, dataset_id: str, decision: history.Decision | None, source: str | None = None
) -> None:
    """Keep the entry's row, audit and tell what has changed, whoever has written.

    :param decision: by what right the class may have changed; None: by none (docs/adr/0020)
    :param source: the harvest source that gives a new entry; of one that is there its row says it
    """
    package = unit.session.get_one(model.Package, dataset_id)
    unit.session.flush()
    unit.session.refresh(package, ["extras"])  # a write that touched only files may have read it long ago
    source = source or publish.source_of({"package": package})
    public = publish.is_public({"state": package.state, "private": package.private})
    if public and not source and (decision is None or decision.is_held_to_all_rules):
        publish.check_public(package)
    if package.type != "dataset":
        return
    entry = unit.session.get(Entry, dataset_id, with_for_update=True, populate_existing=True)
    if entry is None:
        entry = Entry(dataset_id=dataset_id, source=source)
        unit.session.add(entry)
    entry.identifier = None if source else (package.extras or {}).get("identifier")
    note_class(unit, package, entry, decision)
    note_publication(unit, package, entry)
    unit.session.flush()
    events.tell(unit, events.DatasetSaved(dataset_id))
    for package_id, resource_id in unit.session.info.pop(REPLACED, set()):
        if package_id == dataset_id:
            note_replacement(unit, dataset_id, resource_id)


def note_publication(unit: Unit, package: model.Package, entry: Entry) -> None:
    """Note when an entry becomes visible to the public for the first time."""
    if entry.published_at or package.private or package.state != model.State.ACTIVE:
        return
    entry.published_at = unit.now
    history.begin(unit, package)
    append(unit, "dataset.published", ("dataset", package.id), detail={"class": open_class(package)})
    events.tell(unit, events.DatasetPublished(package.id))


def note_class(unit: Unit, package: model.Package, entry: Entry, decision: history.Decision | None) -> None:
    """Audit a change of the open class and tell it (R-OPEN-05); a published entry's needs a right to it."""
    before, after = entry.open_class, open_class(package)
    if before in (None, after):
        entry.open_class = after
        return
    if entry.published_at is not None:
        if decision is None:
            rule.refuse(package, before, after)
        history.move(unit, package, before, entry.published_at, decision or history.Decision())
    entry.open_class = after
    append(unit, "dataset.class_changed", ("dataset", package.id), detail={"from": before, "to": after})
    events.tell(unit, events.ClassChanged(package.id, before=before, after=after))


def note_conditions(
    unit: Unit, package: model.Package, decision: history.Decision, *, before: dict[str, Any], harder: bool
) -> None:
    """Audit other conditions of data whose class stays, tell of them and write their history (R-OPEN-09).

    :param before: the conditions until now, as ``rule.conditions`` returns them
    """
    entry = unit.session.get_one(Entry, package.id)
    if entry.published_at is not None:
        history.move(unit, package, entry.open_class, entry.published_at, decision)
    append(unit, "dataset.conditions_changed", ("dataset", package.id), detail={"case": decision.case_number})
    if entry.published_at is not None:
        after, number = rule.conditions(package.extras or {}), decision.case_number
        told = events.ConditionsChanged(
            package.id, harder=harder, before=before, after=after, case_number=number
        )
        events.tell(unit, told)


def note_replacement(unit: Unit, dataset_id: str, resource_id: str) -> None:
    """Audit the replacement of a file and tell it."""
    append(unit, "resource.replaced", ("resource", resource_id), detail={"dataset": dataset_id})
    events.tell(unit, events.ResourceReplaced(dataset_id, resource_id))


def deleted(context: Context, dataset_id: str) -> None:
    """Before an entry is deleted: audit and tell it.

    :raises tk.ValidationError: these are opened data
    """
    rule.keep(context, model.Package.get(dataset_id))
    unit = join(actor_of(context) if context.get("user") else Actor.system())
    append(unit, "dataset.deleted", ("dataset", dataset_id))
    events.tell(unit, events.DatasetDeleted(dataset_id))


def open_class(package: model.Package) -> str | None:
    """Return the open class of a dataset's row."""
    return (package.extras or {}).get("open_class")


def reveal_links(context: Context, dataset: dict[str, Any]) -> None:
    """Show true links in the edit form, to those who may have them for upkeep, and nowhere else.

    To others who may edit (the operator), and while opening is stopped, the form shows the gate's
    address; saved unchanged, it leaves the link as it is.
    """
    if not context.get("for_edit"):
        return
    asked: Context = {"user": context.get("user", ""), "auth_user_obj": context.get("auth_user_obj")}
    if not is_authorized_boolean("package_update", asked, {"id": dataset["id"]}):
        return
    links, actor = true_links(dataset["id"]), actor_of(context)
    for resource in dataset.get("resources", []):
        judged = judge(resource["id"], actor, Purpose.MAINTAIN) if resource["id"] in links else None
        if judged and judged[1].allow:
            resource["url"] = links[resource["id"]]
