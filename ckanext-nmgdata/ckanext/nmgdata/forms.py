"""Validators that the forms of several kinds of case share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ckan import model
from ckan.logic.validators import isodate as ckan_isodate
from ckan.plugins import toolkit as tk
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey

from . import vocab
from .kernel import clock, identity, orgs, personal
from .kernel.workflow.model import Case
from .marks import joined

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
CONTACTS = ("contact_phone", "contact_email")
LONGEST = 5000


def isodate(value: Any, context: Context) -> Any:
    """Read a date as CKAN's validator of this name, which stumbles over days that no calendar has."""
    try:
        return ckan_isodate(value, context)
    except OverflowError as error:
        raise tk.Invalid(_("Write the date like 2026-11-22.")) from error


def stated(minimum: int, message: str) -> Callable[[Any], str]:
    """Return a validator for an element that must be described, not just touched."""

    def validator(value: Any) -> str:
        text = str(value or "").strip()
        if not text:
            raise tk.Invalid(message)
        if len(text) < minimum:
            raise tk.Invalid(_("Please be more specific: at least {n} characters.").format(n=minimum))
        if len(text) > LONGEST:
            raise tk.Invalid(_("Please be briefer: at most {n} characters.").format(n=LONGEST))
        return text

    return validator


PRIVATE = {
    "resident_id": N_("Resident identity number"),
    "mobile": N_("Mobile number"),
    "bank_card": N_("Bank-card number"),
    "landline": N_("Landline number"),
    "hotline": N_("400 or 800 number"),
    "email": N_("E-mail address"),
}
"""Kinds of personal data, as ``kernel.personal`` names them."""


def without_personal_data(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Refuse a text for the public that names numbers or addresses of persons (R-OBJ-07).

    The department's own published telephone and address may stand in it, where the form belongs to a case.
    """
    text, case = data.get(key), context.get("case")
    if not isinstance(text, str) or errors.get(key):
        return
    hits = personal.in_public_text(text, clock.today(), contacts_of(case) if case else ())
    if hits:
        said = joined(dict.fromkeys(f"{_(PRIVATE[hit.kind])} {hit.masked}" for hit in hits), "；")
        errors[key].append(
            _("This text is published. Leave out what points to a person: {found}").format(found=said)
        )


def contacts_of(case: Case) -> list[str]:
    """Return the telephones and addresses that the department of a case has published as its own."""
    dataset = model.Session.get(model.Package, case.dataset_id) if case.dataset_id else None
    published = [dataset.extras or {} if dataset else {}, orgs.extras_of(case.org_id)]
    return [str(extras[name]) for extras in published for name in CONTACTS if extras.get(name)]


def whole(value: Any, field: str, default: int | None = None) -> int | None:
    """Return a whole number, or a default where nothing was given.

    :raises tk.ValidationError: it is none; the message belongs to the field
    """
    if value in (None, ""):
        return default
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise tk.ValidationError({field: [_("Must be a natural number")]}) from error


def one_of_terms(vocabulary: str) -> Callable[[Any], str]:
    """Return a validator for the slugs of a vocabulary."""

    def validator(value: Any) -> str:
        if value not in vocab.terms(vocabulary):
            raise tk.Invalid(_("Choose one of the entries."))
        return str(value)

    return validator


CITED = re.compile("《[^《》]{2,}》|第[〇零一二三四五六七八九十百千0-9]+条")
"""What a legal basis names at least: an instrument, or an article."""


def citation(message: str) -> Callable[[Any], str]:
    """Return a validator for a legal basis: a law or regulation with its article (R-COND-06)."""
    text = stated(4, message)

    def validator(value: Any) -> str:
        basis = text(value)
        if not CITED.search(basis):
            raise tk.Invalid(_("Name the law or regulation, like 《…》第…条."))
        return basis

    return validator


def code_of_organisation(kind_field: str) -> Callable[..., None]:
    """Return a validator that asks organisations for their credit code, natural persons for none (DC-18)."""

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
        kind = data.get((kind_field,))
        value = data.get(key)
        if kind == "natural_person" or kind not in identity.KINDS:
            data[key] = None
            return
        try:
            data[key] = identity.credit_code(value if isinstance(value, str) else "")
        except tk.Invalid as invalid:
            errors[key].append(invalid.error)

    return validator
