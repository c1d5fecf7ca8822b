"""The registration form."""

from __future__ import annotations

from typing import Any

from ckan.plugins import toolkit as tk
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey, Schema

from ..kernel import identity
from .passwords import password

_ = tk._


def same_password(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
    """Refuse a repetition that differs."""
    if data.get(key) != data.get(("password1",)):
        errors[key].append(_("The two passwords differ."))


def name(value: Any) -> str:
    """Accept a name that can be addressed."""
    text = str(value or "").strip()
    if not 2 <= len(text) <= 60:
        raise tk.Invalid(_("Please give your name."))
    return text


def for_organisations(check: Any) -> Any:
    """Return a validator that asks organisations only."""

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
        if data.get(("kind",)) == "natural_person":
            data[key] = None
            return
        try:
            data[key] = check(data.get(key))
        except tk.Invalid as invalid:
            errors[key].append(invalid.error)

    return validator


def registration() -> Schema:
    """What a registration must state."""
    return {
        "kind": [identity.applicant_kind],
        "name": [name],
        "organisation": [for_organisations(identity.organisation_name)],
        "credit_code": [for_organisations(identity.credit_code)],
        "email": [identity.email],
        "password1": [password],
        "password2": [same_password],
    }
