"""Forms of objections: filing, suspension ex officio, outcomes."""

from __future__ import annotations

from typing import Any

from ckan.logic.schema import validator_args
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict, Schema, Validator, ValidatorFactory

from ... import vocab
from ...forms import citation, code_of_organisation, one_of_terms, stated, without_personal_data
from ...kernel import identity

_ = tk._


def judged(form: Schema, data_dict: DataDict, context: Context) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a form asks for, and what is wrong with it."""
    return tk.navl_validate({name: data_dict.get(name, "") for name in form}, form, context)


def raised_by(kind: str) -> dict[str, Any]:
    """Return the grounds that a rights holder (``person``) or an office (``ex_officio``) can name."""
    grounds = vocab.terms("objection_ground")
    if kind == "ex_officio":
        return {slug: t for slug, t in grounds.items() if t["raised_by"] == kind or slug == "other_rights"}
    return {slug: t for slug, t in grounds.items() if t["raised_by"] == kind}


def ground(kind: str) -> Any:
    """Return a validator for the grounds of a rights holder or of an office."""

    def validator(value: Any) -> str:
        if value not in raised_by(kind):
            raise tk.Invalid(_("Choose one of the entries."))
        return str(value)

    return validator


def several(value: Any) -> list[str]:
    """Accept one value or several, as forms and programs send them."""
    values = value if isinstance(value, list | tuple) else [value]
    return sorted({str(v) for v in values if v})


def some(values: list[str]) -> list[str]:
    """Refuse an empty choice."""
    if not values:
        raise tk.Invalid(_("Choose at least one."))
    return values


def filing() -> Schema:
    """What an objection states (R-OBJ-01)."""
    return {
        "ground": [ground("person")],
        "statement": [stated(10, _("State what is wrong: which data, and how they harm your rights."))],
        "wish": [stated(2, _("State what you wish to happen."))],
        "objector_kind": [identity.applicant_kind],
        "objector_name": [stated(2, _("Please give your name, or that of the organisation."))],
        "credit_code": [code_of_organisation("objector_kind")],
        "concern": [stated(2, _("State how the data concern you."))],
        "contact_phone": [identity.phone],
        "contact_email": [identity.email],
    }


def ex_officio() -> Schema:
    """What a suspension ex officio states (R-OBJ-04)."""
    return {
        "danger_kind": [ground("ex_officio")],
        "reason": [stated(10, _("State which danger you see, and in which data."))],
    }


def outcome() -> Schema:
    """What every outcome states: findings, public reason, feedback to the objector (R-OBJ-05, R-OBJ-06)."""
    return {
        "findings": [stated(10, _("State what the verification has found."))],
        "public_reason": [
            stated(4, _("State the reason as it will stand in the public register.")),
            without_personal_data,
        ],
        "feedback": [stated(4, _("State the answer to the objector; without it the case cannot be closed."))],
    }


def withdrawal() -> Schema:
    """What a withdrawal states besides: the ground and legal basis with which the entry becomes non-open."""
    return {
        **outcome(),
        "nonopen_ground": [one_of_terms("nonopen_ground")],
        "legal_basis": [citation(_("State the law or regulation, with its article."))],
    }


def restoration() -> Schema:
    """What it states to resume opening."""
    return outcome()


def processing() -> Schema:
    """What opening after processing states besides: how the data were processed, which files are sealed."""
    return {
        **outcome(),
        "processing": [stated(4, _("State how the data were processed."))],
        "sealed": [several],
    }


def setting_aside() -> Schema:
    """Why an objection is not verified (DC-23)."""
    return {"reason": [stated(4, _("State the reason.")), without_personal_data]}


def lifting() -> Schema:
    """Which objections are set aside together, and why (R-OBJ-08)."""
    return {"ids": [several, some], **setting_aside()}


@validator_args
def register_page(
    default: ValidatorFactory, ignore_empty: Validator, unicode_safe: Validator,
    natural_number_validator: Validator,
) -> Schema:  # fmt: skip
    """Choose a part of the register."""
    return {
        "dataset_id": [ignore_empty, unicode_safe],
        "limit": [default(100), natural_number_validator],
        "offset": [default(0), natural_number_validator],
    }
