"""File a change of class or an evaluation: one unit of work each."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ...kernel import clock, orgs
from ...kernel.actors import Actor, Role
from ...kernel.openness import CONDITIONAL, is_stricter
from ...kernel.types import Conflict
from ...kernel.unit import Unit, begin
from ...kernel.workflow import engine, queries
from ...kernel.workflow.machine import Payload
from ...kernel.workflow.model import Case
from . import entry, schedule, steps
from .model import EASIER, HARDER, ClassChange, Evaluation

_ = tk._


def change(actor: Actor, dataset_id: str, after: str, stated: Payload) -> Case:
    """Change the class of an entry: at once towards more open, by a proposal towards less open.

    Where an evaluation has found that the data can be opened, this carries it out.

    :raises Conflict: the entry was never published, or another change is under way
    """
    with begin(actor) as unit:
        package = entry.locked(unit, dataset_id)
        before = (package.extras or {}).get("open_class")
        if before == after and not (before == CONDITIONAL and stated.get("conditions")):
            raise tk.ValidationError({"open_class": [_("The entry has this open class already.")]})
        if not entry.was_published(unit, package.id):
            raise Conflict(_("This entry has never been published: change its class by editing it."))
        if before == after:
            return conditions(unit, package, stated)
        if is_stricter(before, after):
            return steps.start(unit, package, after, "propose", stated, filer_id=actor.user_id)
        running = steps.open_change(unit, package.id, ClassChange.after == after)
        if running is not None and running.status == "converting":
            return engine.fire(running.id, "convert", actor, stated, unit)
        return steps.start(unit, package, after, "open_further", stated)


def conditions(unit: Unit, package: model.Package, stated: Payload) -> Case:
    """Change the conditions of data whose class stays: harder by a proposal, easier at once (R-OPEN-09)."""
    way = stated.get("conditions")
    if way not in (HARDER, EASIER):
        message = _("State whether the conditions become harder or easier.")
        raise tk.ValidationError({"conditions": [message]})
    if way == HARDER:
        return steps.start(unit, package, CONDITIONAL, "harden", stated, filer_id=unit.actor.user_id)
    return steps.start(unit, package, CONDITIONAL, "ease", stated)


def evaluate(actor: Actor, reference: str, conclusion: str, stated: Payload) -> Case:
    """Make the evaluation of an entry, the one that is due or one before its time.

    :param reference: id or number of the evaluation's case, or id or name of the entry
    """
    with begin(actor) as unit:
        case = queries.by_reference(reference)
        if case is None or case.kind != steps.EVALUATION:
            package = model.Package.get(reference)
            if package is None or not actor.has(Role.REVIEWER, package.owner_org):
                raise tk.ObjectNotFound(_("Dataset not found"))
            entry.locked(unit, package.id)
            case = steps.open_evaluation(unit, package.id)
            if case is None and not schedule.is_evaluated(package):
                raise Conflict(_("These data are open to everyone; there is nothing to evaluate."))
            case = case or schedule.open_one(unit, package.id, schedule.due_of(unit, package.id))
        if case is None or not engine.may_see(case, actor):
            raise tk.ObjectNotFound(_("Case not found"))
        return engine.fire(case.id, conclusion, actor, stated, unit)


def to_be_made(actor: Actor, org_id: str = "") -> list[sa.ColumnElement[bool]]:
    """Return the conditions of the evaluations that somebody is to make, or looks after."""
    mine = actor.orgs(Role.REVIEWER) | actor.orgs(Role.EDITOR)
    reach: list[Any] = [Case.org_id.in_(mine)]
    if actor.oversight:
        reach.append(orgs.within(Case.region_code, actor.oversight))
    found: list[Any] = [Evaluation.is_open, sa.or_(*reach)]
    return [*found, Case.org_id == org_id] if org_id else found


def due(
    actor: Actor, *, org_id: str = "", overdue: bool = False, limit: int = 100
) -> list[tuple[Case, Evaluation]]:
    """Return the evaluations that are to be made, the most urgent first."""
    query = (
        sa.select(Case, Evaluation)
        .join(Evaluation, Evaluation.case_id == Case.id)
        .where(*to_be_made(actor, org_id))
        .order_by(Evaluation.due_on, Case.number)
        .limit(limit)
    )
    if overdue:
        query = query.where(Evaluation.due_on < clock.today())
    return [(case, row) for case, row in model.Session.execute(query)]


def totals(actor: Actor, *, org_id: str = "") -> list[tuple[str, int, int]]:
    """Return per department how many evaluations are to be made and how many of them are overdue."""
    late = sa.func.count().filter(Evaluation.due_on < clock.today())
    query = (
        sa.select(Case.org_id, sa.func.count(), late)
        .join(Evaluation, Evaluation.case_id == Case.id)
        .where(*to_be_made(actor, org_id))
        .group_by(Case.org_id)
        .order_by(late.desc(), sa.func.count().desc(), Case.org_id)
    )
    return [(org, count, overdue) for org, count, overdue in model.Session.execute(query)]


def last(dataset_id: str) -> Evaluation | None:
    """Return the last evaluation of an entry that was made."""
    return lasts([dataset_id]).get(dataset_id)


def lasts(dataset_ids: Collection[str]) -> dict[str, Evaluation]:
    """Return the last evaluation that was made of each of some entries."""
    query = (
        sa.select(Evaluation)
        .where(Evaluation.dataset_id.in_(dataset_ids), Evaluation.conclusion.is_not(None))
        .distinct(Evaluation.dataset_id)
        .order_by(Evaluation.dataset_id, Evaluation.evaluated_at.desc())
    )
    return {row.dataset_id: row for row in model.Session.scalars(query)}
