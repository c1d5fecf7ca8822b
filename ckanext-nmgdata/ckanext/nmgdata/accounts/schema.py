"""The registration form."""

from __future__ import annotations

import re
from typing import Any

from ckan.plugins import toolkit as tk
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey, Schema

from ..kernel import identity

_ = tk._
SHORTEST = 8


def password(value: Any) -> str:
    """Accept a password of at least eight characters that are not all of one kind."""
    text = str(value or "")
    kinds = sum(bool(re.search(pattern, text)) for pattern in (r"[a-z]", r"[A-Z]", r"\d", r"[^\w\s]"))
    if len(text) < SHORTEST or kinds < 2:
        raise tk.Invalid(_("At least 8 characters, of two kinds: small and capital letters, digits, signs."))
    return text


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
