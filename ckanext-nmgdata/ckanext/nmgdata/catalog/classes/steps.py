"""What the steps of a change of class, and of an evaluation, demand and bring about."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ...kernel import clock, events
from ...kernel.actors import Actor
from ...kernel.evidence import files as evidence
from ...kernel.gate import stops, stored
from ...kernel.openness import CONDITIONAL, NON_OPEN, UNCONDITIONAL
from ...kernel.orgs import REGION
from ...kernel.types import Conflict
from ...kernel.unit import Unit
from ...kernel.workflow import engine
from ...kernel.workflow.machine import Payload
from ...kernel.workflow.model import Case
from ...marks import joined
from . import entry, history, rule
from .logic import schema
from .model import CONSENT, CONVERTIBLE, EASE, KEEP, PROCESSING, TIGHTEN, ClassChange, Evaluation
from .model import EVALUATION as EVALUATED

_ = tk._
CHANGE, EVALUATION = "open_class_change", "open_evaluation"
RESOURCE: Any = model.Resource


def change(unit: Unit, case: Case) -> ClassChange:
    """Return what a case is to change."""
    return unit.session.get_one(ClassChange, case.id)


def evaluation(unit: Unit, case: Case) -> Evaluation:
    """Return the evaluation of a case."""
    return unit.session.get_one(Evaluation, case.id)


# --- guards of the change ------------------------------------------------------------------------


def opens_something(unit: Unit, case: Case, data: Payload) -> None:
    """Data that nobody may have now are not opened; what was never published is published instead."""
    row = change(unit, case)
    package = entry.locked(unit, row.dataset_id)
    if row.publishes or not entry.was_published(unit, package.id):
        raise Conflict(_("This entry has never been published: publish it on its page."))
    if stops.of_dataset(package.id) is not None:
        raise Conflict(_("Opening of these data is stopped; that is decided first."))
    if row.before == NON_OPEN and data["basis"] == PROCESSING:
        only_processed_files(unit, package)
    if data["basis"] == CONSENT and not evidence.drafts(data["form"]):
        raise tk.ValidationError({"evidence": [_("Attach the consent of the rights holders.")]})


def only_processed_files(unit: Unit, package: model.Package) -> None:
    """R-OPEN-07: every file is one that was added or replaced since the data were classed as not open.

    :raises tk.ValidationError: an original is still there, or nothing is
    """
    since = since_when(unit, package)
    files = list(
        unit.session.scalars(
            sa.select(RESOURCE).where(RESOURCE.package_id == package.id, RESOURCE.state == model.State.ACTIVE)
        )
    )
    replaced = stored.replaced_since(unit.session, [file.id for file in files], since)
    left = [
        file for file in files
        if file.id not in replaced and not (file.created and file.created > since.replace(tzinfo=None))
    ]  # fmt: skip
    if left or not files:
        names = joined(file.name or file.id for file in left)
        message = (
            _("Replace the original with the processed file first: {names}").format(names=names)
            if left
            else _("Add the processed file to the entry first.")
        )
        raise tk.ValidationError({"processing": [message]})


def since_when(unit: Unit, package: model.Package) -> Any:
    """Return since when an entry has its class."""
    running = history.current(unit, package.id)
    if running is not None:
        return running.since
    row = unit.session.get(entry.Entry, package.id)
    return row.published_at if row and row.published_at else unit.now


def may_be_so(unit: Unit, case: Case, data: Payload) -> None:
    """Hold the entry, as it would be, to the rules of the catalogue before anybody reviews it."""
    row = change(unit, case)
    package = entry.locked(unit, row.dataset_id)
    if not entry.was_published(unit, package.id):
        raise Conflict(_("This entry has never been published: change its class by editing it."))
    keep_stated(unit, case, data)
    entry.check(package, row)


def other_conditions(unit: Unit, case: Case, data: Payload) -> None:
    """The conditions that are stated are not those that the entry states; the timeline keeps both."""
    extras = entry.locked(unit, change(unit, case).dataset_id).extras or {}
    asked = rule.asks_id_number(extras)
    asks = asked if data["needs_id_number"] is None else data["needs_id_number"]
    data["conditions_before"], data["id_number_before"] = extras.get("open_condition") or "", asked
    data["needs_id_number"] = asks
    if data["conditions_before"].split() == data["open_condition"].split() and asks == asked:
        raise tk.ValidationError({"open_condition": [_("These are the conditions already.")]})


def not_only_easier(unit: Unit, case: Case, data: Payload) -> None:
    """That no ID number is needed any more makes conditions easier, which nobody has to review (DC-18)."""
    same = data["conditions_before"].split() == data["open_condition"].split()
    if same and data["id_number_before"] and not data["needs_id_number"]:
        message = _("Without the ID number the conditions become easier: make them easier instead.")
        raise tk.ValidationError({"needs_id_number": [message]})


def not_harder(unit: Unit, case: Case, data: Payload) -> None:
    """To ask for the ID number makes conditions harder, whatever else is made easier (DC-18, R-OPEN-09)."""
    if data["needs_id_number"] and not data["id_number_before"]:
        message = _(
            "To ask for the ID number makes the conditions harder: propose harder conditions instead."
        )
        raise tk.ValidationError({"needs_id_number": [message]})


def eased(unit: Unit, case: Case, data: Payload) -> None:
    """Add what stays: why these data are not open unconditionally; and that something has been found."""
    extras = entry.locked(unit, change(unit, case).dataset_id).extras or {}
    data["basis"] = EVALUATED
    data["reason"], data["legal_basis"] = extras.get("open_reason"), extras.get("open_legal_basis")


# --- effects of the change -----------------------------------------------------------------------


STATED = (
    "reason", "legal_basis", "open_condition", "needs_id_number", "nonopen_ground", "license_id", "basis",
    "evaluation", "processing_kind", "processing", "consented_by", "secrecy_review",
)  # fmt: skip


def keep_stated(unit: Unit, case: Case, data: Payload) -> None:
    """Keep what was stated, apart from the timeline."""
    row = change(unit, case)
    for name in STATED:
        if name in data:
            setattr(row, name, data[name])
    unit.session.flush()


def take_files(unit: Unit, case: Case, data: Payload) -> None:
    """Make the files of the form part of the case."""
    evidence.hand_in(unit, data.pop("form"), case.id)


def make_effective(unit: Unit, case: Case, data: Payload) -> None:
    """Move catalogue entry, gate, feed and applications together, in this transaction (R-OPEN-06)."""
    row = change(unit, case)
    row.is_open = False
    unit.session.flush()
    entry.move(unit, row, case.number)


def release(unit: Unit, case: Case, data: Payload) -> None:
    """Let another change of this entry begin."""
    change(unit, case).is_open = False
    unit.session.flush()


# --- the evaluation ------------------------------------------------------------------------------


def has_conditions(unit: Unit, case: Case, data: Payload) -> None:
    """Conditions are made easier of published conditional data; of others there are none, or an edit does."""
    row = evaluation(unit, case)
    if not eases(row):
        raise tk.ValidationError({"conclusion": [_("These data have no published conditions.")]})


def eases(row: Evaluation) -> bool:
    """Say whether an evaluation may find that the conditions can be made easier."""
    return row.published and row.open_class == CONDITIONAL


def due_on(unit: Unit, case: Case, data: Payload) -> date:
    """Return until when the evaluation is to be made."""
    return evaluation(unit, case).due_on


def conclude(conclusion: str) -> Any:
    """Return the effect that keeps what an evaluation has found."""

    def effect(unit: Unit, case: Case, data: Payload) -> None:
        row = evaluation(unit, case)
        row.answers = {name: data[name] for name in schema.QUESTIONS}
        row.findings, row.conclusion, row.target = data["findings"], conclusion, data.get("target")
        row.evaluator_id, row.evaluated_at = unit.actor.user_id, unit.now
        row.evaluated_on, row.is_open = clock.local_date(unit.now), False
        unit.session.flush()
        FOLLOWING[conclusion](unit, case, row, data)
        said = events.Evaluated(row.dataset_id, conclusion=conclusion, target=row.target)
        events.tell(unit, said)

    return effect


def renew(unit: Unit, case: Case, row: Evaluation, data: Payload) -> None:
    """Write the renewed reason and basis into an entry that is not fully open."""
    package = entry.locked(unit, row.dataset_id)
    if (package.extras or {}).get("open_class") != UNCONDITIONAL:
        entry.renew(unit, package, data["reason"], data["legal_basis"])


def convert(unit: Unit, case: Case, row: Evaluation, data: Payload) -> None:
    """Begin the change that opens the data, to be made within D-OPEN-CONVERT (R-OPEN-06)."""
    begin_change(unit, case, row, "found", {})


def propose(unit: Unit, case: Case, row: Evaluation, data: Payload) -> None:
    """Propose the stricter class to the authority (R-OPEN-13)."""
    begin_change(unit, case, row, "propose", data)


def ease(unit: Unit, case: Case, row: Evaluation, data: Payload) -> None:
    """Make the conditions easier, at once; the case rests on what was found (R-OPEN-08, R-OPEN-09)."""
    begin_change(unit, case, row, "ease", {**data, "evaluation": row.findings})


FOLLOWING = {KEEP: renew, CONVERTIBLE: convert, EASE: ease, TIGHTEN: propose}


def begin_change(unit: Unit, case: Case, row: Evaluation, step: str, data: Payload) -> None:
    """Begin the change of class that an evaluation asks for."""
    proposer = unit.actor.user_id if step == "propose" else None
    after = CONDITIONAL if step == "ease" else row.target or ""
    made = start(unit, entry.locked(unit, row.dataset_id), after, step, data, filer_id=proposer)
    row.change_id = made.id
    unit.session.flush()


def release_evaluation(unit: Unit, case: Case, data: Payload) -> None:
    """Let the next evaluation of this entry be scheduled."""
    evaluation(unit, case).is_open = False
    unit.session.flush()


# --- filing --------------------------------------------------------------------------------------


def filing_of(package: model.Package, filer_id: str | None = None) -> engine.Filing:
    """Return what a case about an entry is filed with."""
    region = (package.extras or {}).get("region_code") or REGION
    return engine.Filing(package.owner_org, region, package.id, filer_id)


def start(
    unit: Unit, package: model.Package, after: str, step: str, data: Payload, filer_id: str | None = None
) -> Case:
    """Begin a change of class; the dataset is locked.

    :raises Conflict: another one is under way
    """
    before = (package.extras or {}).get("open_class") or ""

    publishes = not entry.was_published(unit, package.id)

    def rows(unit: Unit, case: Case) -> None:
        row = ClassChange(case_id=case.id, dataset_id=package.id, before=before, after=after)
        row.publishes = publishes
        unit.session.add(row)
        unit.session.flush()

    if running := open_change(unit, package.id):
        message = _("A change of the open class of this entry is under way already: {number}")
        raise Conflict(message.format(number=running.number))
    return engine.start(
        CHANGE, filing_of(package, filer_id), unit.actor, data, unit, step=step, rows=rows
    ).case


def open_change(unit: Unit, dataset_id: str, which: Any = None) -> Case | None:
    """Return the change of an entry's class that is under way; only such a one, where that is said."""
    query = (
        sa.select(Case)
        .join(ClassChange, ClassChange.case_id == Case.id)
        .where(ClassChange.dataset_id == dataset_id, ClassChange.is_open)
    )
    return unit.session.scalar(query if which is None else query.where(which))


def open_evaluation(unit: Unit, dataset_id: str) -> Case | None:
    """Return the evaluation of an entry that is to be made."""
    query = (
        sa.select(Case)
        .join(Evaluation, Evaluation.case_id == Case.id)
        .where(Evaluation.dataset_id == dataset_id, Evaluation.is_open)
    )
    return unit.session.scalar(query)


# --- what the catalogue brings -------------------------------------------------------------------


def moved(unit: Unit, event: events.ClassChanged) -> None:
    """Close what was under way about a class that an entry no longer has; one to be published may change."""
    lapse(unit, event.dataset_id, ClassChange.publishes.is_(False))


def gone(unit: Unit, event: events.DatasetDeleted) -> None:
    """Close what was under way about an entry that is deleted."""
    package = model.Package.get(event.dataset_id)
    lapse(unit, package.id if package else event.dataset_id, sa.true())


def lapse(unit: Unit, dataset_id: str, which: Any) -> None:
    """End the change and the evaluation of an entry that are under way."""
    for case in (open_change(unit, dataset_id, which), open_evaluation(unit, dataset_id)):
        if case is not None:
            by_itself(unit, case, "lapse")


def published_by_change(datasets: Collection[str]) -> sa.Select[tuple[str]]:
    """Return the query for those of some datasets that an evaluation has found ready to be published."""
    query = sa.select(ClassChange.dataset_id).where(ClassChange.dataset_id.in_(datasets))
    return query.where(ClassChange.is_open, ClassChange.publishes)


def saved(unit: Unit, event: events.DatasetSaved) -> None:
    """Note that an entry is published that an evaluation had found ready for it."""
    case = open_change(unit, event.dataset_id, ClassChange.publishes)
    package = unit.session.get_one(model.Package, event.dataset_id)
    if case is not None and not package.private and package.state == model.State.ACTIVE:
        by_itself(unit, case, "published")


def by_itself(unit: Unit, case: Case, step: str) -> None:
    """Take a step that the portal itself takes, in the unit of who has brought it about."""
    system = Unit(Actor.system(), unit.session, unit.now)
    engine.fire(case.id, step, system.actor, {}, system)


def install() -> None:
    """Listen to the catalogue."""
    events.subscribe(events.ClassChanged, moved)
    events.subscribe(events.DatasetDeleted, gone)
    events.subscribe(events.DatasetSaved, saved, published_by_change)
