"""What the actions accept."""

from __future__ import annotations

from typing import Any

from ckan.logic.schema import validator_args
from ckan.plugins import toolkit as tk
from ckan.types import Schema, Validator

SHORTEST, LONGEST = 10, 2000


@validator_args
def resource_id(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Name one resource."""
    return {"id": [not_empty, unicode_safe]}


@validator_args
def override(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Name a held file, the bytes that were judged, and why they may pass."""
    return {
        "id": [not_empty, unicode_safe],
        "digest": [not_empty, unicode_safe],
        "reason": [not_empty, unicode_safe, reasoned],
    }


def reasoned(value: Any) -> str:
    """Accept a reason that says something."""
    text = str(value).strip()
    if len(text) < SHORTEST:
        raise tk.Invalid(tk._("Please be more specific: at least {n} characters.").format(n=SHORTEST))
    if len(text) > LONGEST:
        raise tk.Invalid(tk._("Please be briefer: at most {n} characters.").format(n=LONGEST))
    return text
