"""The one rule: class and conditions of a published entry change only by a case (docs/adr/0020).

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
from ...kernel.openness import CONDITIONAL, is_stricter
from ..model import Entry
from .history import Decision

_ = tk._
PACKAGE: Any = model.Package


def decision_of(context: Context) -> Decision | None:
    """Return by what right a CKAN write may change a class: none, unless the portal itself writes.

    Nobody can set ``ignore_auth`` from outside; CKAN's actions hand it on.
    """
    return Decision() if context.get("ignore_auth") else None


def conditions_fault(context: Context, dataset: model.Package | None, after: str | None) -> str:
    """Return what is wrong with the conditions that an edit states, before it is written (R-OPEN-09).

    The row stays locked until CKAN commits, so that no decision comes in between.
    """
    if dataset is None or decision_of(context) is not None:
        return ""
    entry = model.Session.get(Entry, dataset.id)
    if entry is None or entry.published_at is None or entry.open_class != CONDITIONAL:
        return ""
    kept = sa.select(PACKAGE.extras["open_condition"].astext).where(PACKAGE.id == dataset.id)
    before = (model.Session.scalar(kept.with_for_update()) or "").split()
    if not before or before == (after or "").split():
        return ""
    said = _("The conditions of published data change only by a case: reviewed where they become harder.")
    return f"{said} {_('File the change here: {address}').format(address=address(dataset.name))}"


def refusal(dataset: model.Package, before: str | None, after: str | None) -> str:
    """Say why a plain edit may not change a class, and which way leads there."""
    said = (
        _("A published entry becomes less open only after the authority has reviewed reason and legal basis.")
        if is_stricter(before, after)
        else _("A published entry becomes more open by a statement of its department on what allows it.")
    )
    return f"{said} {_('File the change here: {address}').format(address=address(dataset.name))}"


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
