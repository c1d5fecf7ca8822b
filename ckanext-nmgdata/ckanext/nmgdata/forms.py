"""Validators that the forms of several kinds of case share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ckan.plugins import toolkit as tk
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey

from . import vocab
from .kernel import identity

_ = tk._
LONGEST = 5000


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


def one_of_terms(vocabulary: str) -> Callable[[Any], str]:
    """Return a validator for the slugs of a vocabulary."""

    def validator(value: Any) -> str:
        if value not in vocab.terms(vocabulary):
            raise tk.Invalid(_("Choose one of the entries."))
        return str(value)

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
