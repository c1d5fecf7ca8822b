"""What the actions of the catalogue accept."""

from __future__ import annotations

from ckan.logic.schema import validator_args
from ckan.types import Schema, Validator


@validator_args
def dataset_id(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Name one dataset."""
    return {"id": [not_empty, unicode_safe]}


@validator_args
def typed(not_missing: Validator, unicode_safe: Validator) -> Schema:
    """Say what has been typed into the search box so far."""
    return {"q": [not_missing, unicode_safe]}
