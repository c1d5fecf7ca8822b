"""What the actions accept."""

from __future__ import annotations

from ckan.logic.schema import validator_args
from ckan.types import Schema, Validator, ValidatorFactory


@validator_args
def resource_id(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Name one resource."""
    return {"id": [not_empty, unicode_safe]}


@validator_args
def override(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Name one resource and say why."""
    return {"id": [not_empty, unicode_safe], "reason": [not_empty, unicode_safe]}


@validator_args
def case_reference(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Name one case by id or number."""
    return {"id": [not_empty, unicode_safe]}


@validator_args
def transition(not_empty: Validator, unicode_safe: Validator, keep_extras: Validator) -> Schema:
    """Name a case and a step; the step's own form says what else belongs to it."""
    return {
        "id": [not_empty, unicode_safe],
        "transition": [not_empty, unicode_safe],
        "__extras": [keep_extras],
    }


@validator_args
def case_list(
    default: ValidatorFactory, one_of: ValidatorFactory, ignore_empty: Validator, unicode_safe: Validator,
    natural_number_validator: Validator,
) -> Schema:  # fmt: skip
    """Choose whose cases are listed."""
    return {
        "box": [default("waiting"), one_of(["waiting", "filed", "department", "region"])],
        "kind": [ignore_empty, unicode_safe],
        "limit": [default(50), natural_number_validator],
    }


@validator_args
def audit_list(
    default: ValidatorFactory, ignore_empty: Validator, unicode_safe: Validator,
    natural_number_validator: Validator,
) -> Schema:  # fmt: skip
    """Choose a part of the audit log."""
    return {
        "after": [default(0), natural_number_validator],
        "subject_type": [ignore_empty, unicode_safe],
        "subject_id": [ignore_empty, unicode_safe],
        "case_id": [ignore_empty, unicode_safe],
        "limit": [default(100), natural_number_validator],
    }


@validator_args
def workday(
    not_empty: Validator, isodate: Validator, boolean_validator: Validator, unicode_safe: Validator
) -> Schema:
    """Set one day of the calendar."""
    return {
        "day": [not_empty, isodate],
        "is_workday": [not_empty, boolean_validator],
        "reason": [not_empty, unicode_safe],
    }
