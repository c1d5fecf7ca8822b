"""What the actions accept."""

from __future__ import annotations

from typing import Any

from ckan.logic.schema import validator_args
from ckan.plugins import toolkit as tk
from ckan.types import Schema, Validator, ValidatorFactory

from ...kernel.workflow import boxes, notices

LONGEST = 200
"""Characters of a filter or of a search."""
SHORTEST_TEXT, LONGEST_TEXT = 4, 2000
"""Characters of what an urging or its answer says."""
MOST_AT_ONCE = 500
"""Cases that are assigned at once."""


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
def reveal(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Name one case and say why one needs to know who filed it."""
    return {"id": [not_empty, unicode_safe], "reason": [not_empty, unicode_safe, readable]}


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
    isodate: Validator, natural_number_validator: Validator,
) -> Schema:  # fmt: skip
    """Choose a box, what is kept of it, its order and its page."""
    words = ("kind", "status", "org", "region", "dataset", "assigned", "q", "after")
    return {
        "box": [default("waiting"), one_of([*boxes.BOXES, "filed", "department", "region"])],
        **{name: [ignore_empty, unicode_safe, bounded] for name in words},
        "received_from": [ignore_empty, isodate],
        "received_to": [ignore_empty, isodate],
        "sort": [ignore_empty, one_of(list(boxes.SORTS))],
        "limit": [default(50), natural_number_validator],
    }


def bounded(value: str) -> str:
    """Accept a word or a few, not a book."""
    if len(value) > LONGEST:
        raise tk.Invalid(tk._("At most {n} characters.").format(n=LONGEST))
    return value.replace("\0", "")


@validator_args
def assignment(not_missing: Validator, ignore_empty: Validator, unicode_safe: Validator) -> Schema:
    """Name cases and the colleague who is to deal with them."""
    return {"ids": [not_missing, some_references], "assignee": [ignore_empty, unicode_safe]}


def some_references(value: Any) -> list[str]:
    """Accept ids or numbers of cases: one, or a list of them."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and one for one in found):
        raise tk.Invalid(tk._("Choose at least one case."))
    if len(found) > MOST_AT_ONCE:
        raise tk.Invalid(tk._("At most {n} cases at once.").format(n=MOST_AT_ONCE))
    return list(dict.fromkeys(found))


@validator_args
def urging(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Name a case and say something between offices."""
    return {"id": [not_empty, unicode_safe], "text": [not_empty, unicode_safe, readable]}


def readable(value: str) -> str:
    """Accept a text of a few words up to a page."""
    text = value.replace("\0", "").strip()
    if not SHORTEST_TEXT <= len(text) <= LONGEST_TEXT:
        message = tk._("Between {least} and {most} characters.")
        raise tk.Invalid(message.format(least=SHORTEST_TEXT, most=LONGEST_TEXT))
    return text


@validator_args
def statistics(ignore_empty: Validator, unicode_safe: Validator, isodate: Validator) -> Schema:
    """Choose a department and since when."""
    return {"org_id": [ignore_empty, unicode_safe], "since": [ignore_empty, isodate]}


@validator_args
def notice_list(
    default: ValidatorFactory, ignore_empty: Validator, boolean_validator: Validator,
    natural_number_validator: Validator, is_positive_integer: Validator,
) -> Schema:  # fmt: skip
    """Choose a part of one's notices."""
    return {
        "unread": [default(False), boolean_validator],
        "before": [ignore_empty, is_positive_integer],
        "limit": [default(50), natural_number_validator],
    }


@validator_args
def notice_read(ignore_missing: Validator) -> Schema:
    """Name notices; none means all."""
    return {"ids": [ignore_missing, some_numbers]}


def some_numbers(value: Any) -> list[int]:
    """Accept the ids of notices: one, or a list of them."""
    try:
        found = [int(one) for one in (value if isinstance(value, list) else [value])]
    except (TypeError, ValueError) as error:
        raise tk.Invalid(tk._("Choose one of the entries.")) from error
    if any(not 0 < one < 1 << 63 for one in found):
        raise tk.Invalid(tk._("Choose one of the entries."))
    return found


@validator_args
def mail_choice(
    not_empty: Validator, not_missing: Validator, one_of: ValidatorFactory, boolean_validator: Validator
) -> Schema:
    """Name a kind of mail and say whether it is wanted."""
    return {"kind": [not_empty, one_of(list(notices.CHOICES))], "wanted": [not_missing, boolean_validator]}


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
