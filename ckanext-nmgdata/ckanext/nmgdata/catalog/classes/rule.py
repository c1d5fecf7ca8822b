"""The one rule: class, conditions and presence of a published entry change only by a case (docs/adr/0020).

An entry that was never published is still being compiled: there its department writes the class like any
other field. Loads of the portal itself (federation, withdrawal) are decided elsewhere and pass.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context

from ... import config
from ...kernel.gate import stops
from ...kernel.openness import CONDITIONAL, is_opened, is_stricter
from ..model import Entry
from .history import Decision

_ = tk._
PACKAGE: Any = model.Package


def decision_of(context: Context) -> Decision | None:
    """Return by what right a CKAN write may change a class: none, unless the portal itself writes.

    Nobody can set ``ignore_auth`` from outside; CKAN's actions hand it on.
    """
    return Decision() if context.get("ignore_auth") else None


def conditions_faults(
    context: Context, dataset: model.Package | None, after: dict[str, Any]
) -> dict[str, str]:
    """Return what is wrong with the conditions that an edit states, before it is written (R-OPEN-09).

    That natural persons must state their ID number is such a condition (DC-18). The row stays locked until
    CKAN commits, so that no decision comes in between.

    :param after: the entry as the edit would have it
    """
    if dataset is None or decision_of(context) is not None:
        return {}
    entry = model.Session.get(Entry, dataset.id)
    if entry is None or entry.published_at is None or entry.open_class != CONDITIONAL:
        return {}
    kept = sa.select(PACKAGE.extras).where(PACKAGE.id == dataset.id)
    before = model.Session.scalar(kept.with_for_update()) or {}
    words = (before.get("open_condition") or "").split()
    changed = []
    if words and words != (after.get("open_condition") or "").split():
        changed.append("open_condition")
    if asks_id_number(before) != asks_id_number(after):
        changed.append("needs_id_number")
    said = _("The conditions of published data change only by a case: reviewed where they become harder.")
    return dict.fromkeys(changed, f"{said} {way(dataset)}")


def conditions(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the conditions that an entry states."""
    return {"open_condition": entry.get("open_condition") or "", "needs_id_number": asks_id_number(entry)}


def asks_id_number(entry: dict[str, Any]) -> bool:
    """Say whether natural persons who apply state their ID number, as an entry has it (DC-18)."""
    return entry.get("needs_id_number") in (True, "true")


def refusal(dataset: model.Package, before: str | None, after: str | None) -> str:
    """Say why a plain edit may not change a class, and which way leads there."""
    said = (
        _("A published entry becomes less open only after the authority has reviewed reason and legal basis.")
        if is_stricter(before, after)
        else _("A published entry becomes more open by a statement of its department on what allows it.")
    )
    return f"{said} {way(dataset)}"


def way(dataset: model.Package) -> str:
    """Say where a change of class is filed; not within an f-string, where no tool finds what to translate."""
    return _("File the change here: {address}").format(address=address(dataset.name))


def address(dataset: str) -> str:
    """Return where a change of class is filed."""
    return f"{config.site_root()}/nmg/classes/change/{dataset}"


def fault(context: Context, dataset: model.Package | None, after: str | None) -> str:
    """Return what is wrong with the class that an edit states, before it is written; empty for nothing."""
    if dataset is None or decision_of(context) is not None:
        return ""
    entry = model.Session.get(Entry, dataset.id)
    if entry is None or entry.published_at is None or entry.open_class in (None, after):
        return ""
    return refusal(dataset, entry.open_class, after)


def refuse(dataset: model.Package, before: str | None, after: str | None) -> None:
    """Undo a write that would change a class without a case.

    :raises tk.ValidationError: at the class
    """
    raise tk.ValidationError({"open_class": [refusal(dataset, before, after)]})


# --- to be there, or not ------------------------------------------------------------------------


def hiding(context: Context, dataset: model.Package | None) -> str:
    """Say why an edit may not take an entry from the public's sight; empty when it may (R-OPEN-13).

    To hide or delete opened data is to close them without the reason, the legal basis and the review that
    closing takes. What was withdrawn leaves a tombstone, which is not hidden either (R28¶3).
    """
    if dataset is None or decision_of(context) is not None or not is_visible(dataset):
        return ""
    if stops.is_gone(dataset.id, None):
        return _("These data were withdrawn; that they were stays public.")
    if not is_opened(dataset.extras or {}):
        return ""
    said = _(
        "Opened data are neither hidden nor deleted by an edit. Close them first; the authority reviews it."
    )
    return f"{said} {way(dataset)}"


def emptying(context: Context, dataset: model.Package | None) -> str:
    """Say why an edit may not take the last file of opened data away; empty when it may (R-OPEN-13)."""
    if dataset is None or decision_of(context) is not None or not is_visible(dataset):
        return ""
    if not is_opened(dataset.extras or {}) or not any(file.url for file in dataset.resources):
        return ""
    said = _(
        "Opened data keep a file: add the new one before you delete the old one, or close the data first."
    )
    return f"{said} {way(dataset)}"


def is_visible(dataset: model.Package) -> bool:
    """Say whether an entry is published, as the database has it."""
    return not dataset.private and dataset.state == model.State.ACTIVE


def keep(context: Context, dataset: model.Package | None, *, purged: bool = False) -> None:
    """Refuse to delete opened data, and to purge whatever a case is about.

    :raises tk.ValidationError: at the state of the entry
    """
    said = hiding(context, dataset)
    if not said and purged and dataset and decision_of(context) is None and stops.live(dataset.id):
        said = _("A case rests on this entry; it is kept as evidence.")
    if said:
        raise tk.ValidationError({"state": [said]})
