"""What a catalogue entry must say, rule by rule: the only place where classes are checked on input.

Each rule is a pure function from the entry to the fields it finds fault with. The validators hang
them on the schema; the bulk loader calls them directly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ckan.plugins import toolkit as tk

from .. import config, vocab
from ..kernel import identity, openness

_ = tk._
Entry = dict[str, Any]
Faults = dict[str, str]

NO_REUSE = frozenset({"notspecified", "other-closed"})
"""Licences that say nothing about re-use or forbid it (R-FREE-03)."""


def filled(entry: Entry, field: str) -> bool:
    """Say whether a field holds something."""
    value = entry.get(field)
    return bool(value.strip() if isinstance(value, str) else value)


def need(entry: Entry, messages: Faults) -> Faults:
    """Return the messages of the fields that are empty."""
    return {field: message for field, message in messages.items() if not filled(entry, field)}


def open_class(entry: Entry) -> Faults:
    """R-OPEN-02, R-OPEN-03, DC-55: what a class other than unconditional must state (R27)."""
    chosen = entry.get("open_class")
    if chosen not in (openness.CONDITIONAL, openness.NON_OPEN):
        return {}
    faults = need(
        entry,
        {
            "open_reason": _("State why these data are not open unconditionally."),
            "open_legal_basis": _("State the law or regulation this open class rests on."),
        },
    )
    if chosen == openness.CONDITIONAL:
        condition = _("State the conditions on which these data are open (target, purpose, scope of use).")
        faults |= need(entry, {"open_condition": condition})
    else:
        ground = _("State on which of the three grounds these data are not open.")
        faults |= need(entry, {"nonopen_ground": ground})
    return faults


def share_class(entry: Entry) -> Faults:
    """R-SHARE-03 to R-SHARE-05: reason and legal basis unless shared unconditionally (R21)."""
    chosen = entry.get("share_class")
    if chosen not in ("conditional", "not_shared"):
        return {}
    messages = {
        "share_reason": _("State why these data are not shared unconditionally."),
        "share_legal_basis": _("State the law or regulation this sharing class rests on."),
    }
    if chosen == "conditional":
        messages["share_condition"] = _("State the conditions on which these data are shared.")
    return need(entry, messages)


def level(entry: Entry) -> Faults:
    """R-SEC-03: a class may not be more open than the data's level allows."""
    limit = vocab.terms("data_level").get(entry.get("data_level") or "", {}).get("max_open_class")
    chosen = entry.get("open_class")
    if limit is None or chosen not in openness.ORDER or not openness.is_stricter(chosen, limit):
        return {}
    message = _("Data of level “{level}” may be opened as “{limit}” at most.").format(
        level=vocab.label("data_level", entry["data_level"]), limit=vocab.label("open_class", limit)
    )
    return {"open_class": message}


def sharing_origin(entry: Entry) -> Faults:
    """R-OPEN-11: data obtained by sharing may not be published by the one who obtained them (R44¶3)."""
    if tk.asbool(entry.get("obtained_by_sharing") or False) and entry.get("open_class") != openness.NON_OPEN:
        return {
            "open_class": _(
                "Data obtained by sharing may not be opened by the department that obtained them."
            )
        }
    return {}


def licence(entry: Entry) -> Faults:
    """R-FREE-03: unconditional data need a licence that allows re-use."""
    if openness.opens_to_all(entry) and entry.get("license_id") in NO_REUSE:
        return {"license_id": _("Unconditionally open data need a licence that allows re-use.")}
    return {}


def contact(entry: Entry) -> Faults:
    """R-ROLE-02, DC-05: telephone and e-mail, where given, are well-formed."""
    checks = {"contact_phone": identity.phone, "contact_email": identity.email}
    found = {field: fault(check, entry.get(field)) for field, check in checks.items() if filled(entry, field)}
    return {field: message for field, message in found.items() if message}


def fault(check: Callable[[Any], Any], value: Any) -> str:
    """Return what a validator has against a value, empty for nothing."""
    try:
        check(value)
    except tk.Invalid as invalid:
        return invalid.error
    return ""


def formats(entry: Entry) -> Faults:
    """R-SCOPE-04: of the files of an opened entry at least one must be readable by machines.

    An entry may still lack files: then nothing is judged.
    """
    resources = [r for r in entry.get("resources") or [] if r.get("state") != "deleted"]
    if not openness.is_opened(entry) or not resources:
        return {}
    if any(is_machine_readable(resource.get("format")) for resource in resources):
        return {}
    return {
        "resources": _("At least one file must be in a machine-readable format such as CSV, XLSX or JSON.")
    }


def is_machine_readable(name: str | None) -> bool:
    """Say whether a format counts as machine-readable (vocabulary and setting, DC-04)."""
    known = vocab.media_format(name)
    if known and known["machine_readable"]:
        return True
    return (name or "").strip().lower() in [extra.lower() for extra in config.machine_readable_formats()]


def has_contact(entry: Entry) -> Faults:
    """R-ROLE-02, DC-05: a published entry names a telephone number or an e-mail address."""
    if filled(entry, "contact_phone") or filled(entry, "contact_email"):
        return {}
    return {"contact_phone": _("Give a telephone number or an e-mail address of the unit.")}


ALWAYS: tuple[Callable[[Entry], Faults], ...] = (
    open_class, share_class, level, sharing_origin, licence, contact,
)  # fmt: skip
"""Rules that every saved entry keeps, drafts included."""
PUBLIC: tuple[Callable[[Entry], Faults], ...] = (has_contact,)
"""Rules that a published entry keeps besides; ``formats`` needs all files and stands in ``publish``."""


def faults(entry: Entry, *, public: bool) -> Faults:
    """Return every field with fault and the message that belongs to it."""
    found: Faults = {}
    for rule in (*ALWAYS, *(PUBLIC if public else ())):
        for field, message in rule(entry).items():
            found.setdefault(field, message)
    return found
