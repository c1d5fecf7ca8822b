"""Forms of an application: submission, decision, agreement."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from ckan.plugins import toolkit as tk
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey, Schema
from dateutil.relativedelta import relativedelta

from ... import config
from ...forms import citation, code_of_organisation, one_of_terms, stated, without_personal_data
from ...kernel import clock, identity, orgs, personal
from .. import scope
from ..agreement import current_version
from ..use.logic.schema import past_day

_ = tk._
LARGEST_LIMIT = 1_000_000
SHA256 = re.compile(r"[0-9a-f]{64}")
ID_NUMBER = re.compile(r"[0-9]{17}[0-9X]")


def day_from_today(value: Any) -> date:
    """Accept a date from today on."""
    try:
        day = date.fromisoformat(str(value or "").strip())
    except ValueError as error:
        raise tk.Invalid(_("Write the date like 2026-11-22.")) from error
    if day < clock.today():
        raise tk.Invalid(_("This date has passed."))
    return day


def foreseeable_day(value: Any) -> date:
    """Accept a date from today on that can be foreseen: the law asks for a period of use (R-COND-01)."""
    day = day_from_today(value)
    latest = clock.today() + relativedelta(months=config.longest_use_months())
    if day > latest:
        message = _("State a day up to {day}; before the period ends you can ask to extend it.")
        raise tk.Invalid(message.format(day=latest.isoformat()))
    return day


def after_its_beginning(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Refuse a period that ends before it begins (R-COND-01)."""
    begin, end = data.get(("use_from",)), data.get(key)
    if not errors[key] and not errors.get(("use_from",)) and begin and end and end <= begin:
        errors[key].append(_("The period of use must end after it begins."))


def submission() -> Schema:
    """Who applies, and the five statutory elements (R28¶2)."""
    return {
        "applicant_kind": [identity.applicant_kind],
        "applicant_name": [stated(2, _("Please give the applicant's name."))],
        "credit_code": [code_of_organisation("applicant_kind")],
        "contact_phone": [identity.phone],
        "scenario": [stated(10, _("State what you will use the data for, concretely."))],
        "data_scope": [stated(4, _("State which data you need: fields, period, area."))],
        "provision_mode": [one_of_terms("provision_mode")],
        "use_from": [day_from_today],
        "use_until": [foreseeable_day, after_its_beginning],
        "safeguards": [stated(10, _("State how you will keep the data safe."))],
    }


def id_number(stated: dict[str, Any], data: dict[str, Any], *, needed: bool) -> str | None:
    """Return the ID number of a natural person where one is needed, and none otherwise (DC-18)."""
    if not needed or stated.get("applicant_kind") != "natural_person":
        return None
    number = str(data.get("id_number") or "").strip().upper()
    if not ID_NUMBER.fullmatch(number) or not personal.is_id_number(number, clock.today()):
        message = _("The conditions of these data need your ID number (18 characters); this is none.")
        raise tk.ValidationError({"id_number": [message]})
    return number


def as_applied_for(value: Any) -> str | None:
    """Accept a mode of provision; none means the one that was applied for."""
    return None if value in (tk.missing, None, "") else one_of_terms("provision_mode")(value)


def approval() -> Schema:
    """What consent must state: purpose and scope of use (R-COND-04), and until when."""
    return {
        "purpose": [stated(2, _("State the permitted purpose; consent without it is not possible."))],
        "use_scope": [stated(2, _("State the permitted scope of use; consent without it is not possible."))],
        "provision_mode": [as_applied_for],
        "valid_until": [day_from_today],
        "scopes": [scope.listed],
        "quota": [limit],
        "per_hour": [limit],
    }


def limit(value: Any) -> int | None:
    """Accept how often data may leave under a grant; nothing means as often as is needed."""
    text = str(value if value is not tk.missing and value is not None else "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= LARGEST_LIMIT):
        raise tk.Invalid(_("Write a number from 1 to {n}, or leave it empty.").format(n=LARGEST_LIMIT))
    return int(text)


def delivery() -> Schema:
    """What is written down of a hand-over that does not go through the portal (R-COND-05)."""
    return {
        "handed_on": [needed_day],
        "content": [stated(4, _("State what was handed over.")), without_personal_data],
        "medium": [stated(2, _("State how: on which medium, encrypted how.")), without_personal_data],
        "sha256": [digest],
    }


def needed_day(value: Any) -> date:
    """Accept a day up to today."""
    day = past_day(value)
    if day is None:
        raise tk.Invalid(_("Write the date like 2026-11-22."))
    return day


def digest(value: Any) -> str | None:
    """Accept the SHA-256 of what was handed over, or nothing."""
    text = str(value if value is not tk.missing and value is not None else "").strip().lower()
    if text and not SHA256.fullmatch(text):
        raise tk.Invalid(_("A SHA-256 digest has 64 characters, 0 to 9 and a to f."))
    return text or None


def question() -> Schema:
    """What is missing (R-COND-03)."""
    return {"question": [stated(4, _("State what the applicant is to supplement."))]}


def supplement() -> Schema:
    """The applicant's supplement."""
    return {"supplement": [stated(2, _("Write what you supplement."))], "form": [form_secret]}


def form_secret(value: Any) -> str:
    """Accept the secret by which a form finds the files attached to it."""
    return value if isinstance(value, str) else ""


def department(value: Any) -> str:
    """Accept an active department, by id or name; return its id."""
    found = orgs.department(value if isinstance(value, str) else "")
    if found is None:
        raise tk.Invalid(_("Choose a department."))
    return found


def transfer() -> Schema:
    """Who is to decide instead, and why."""
    reason = stated(4, _("State why it is the other department's."))
    return {"org": [department], "reason": [reason, without_personal_data]}


def rejection() -> Schema:
    """Why the form is not in order (Hohhot Art. 26 ¶2: 说明理由)."""
    return {"reason": [stated(4, _("State the reason for returning it.")), without_personal_data]}


def refusal() -> Schema:
    """What a refusal must state, separately: reason and legal basis (R-COND-06)."""
    return {
        "refusal_ground": [one_of_terms("refusal_ground")],
        "reason": [stated(4, _("State the reason for the refusal.")), without_personal_data],
        "legal_basis": [
            citation(_("State the law or regulation, with its article, that the refusal rests on.")),
            without_personal_data,  # the public record shows it
        ],
    }


def agreement() -> Schema:
    """Acceptance of the use agreement in its present version (R-COND-08)."""

    def accepted(value: Any) -> str:
        if value != current_version():
            raise tk.Invalid(_("Read the use agreement and tick that you accept it."))
        return str(value)

    return {"agreement": [accepted]}
