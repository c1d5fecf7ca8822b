"""The one rule: the class of an entry that has been published moves only by a case (docs/adr/0020).

An entry that was never published is still being compiled: there its department writes the class like any
other field. Loads of the portal itself (federation, withdrawal) are decided elsewhere and pass.
"""

from __future__ import annotations

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context

from ... import config
from ...kernel.openness import is_stricter
from ..model import Entry
from .history import Decision

_ = tk._


def decision_of(context: Context) -> Decision | None:
    """Return by what right a CKAN write may change a class: none, unless the portal itself writes.

    Nobody can set ``ignore_auth`` from outside; CKAN's actions hand it on.
    """
    return Decision() if context.get("ignore_auth") else None


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
