"""What the forms of plans ask for."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from typing import Any

from ckan.plugins import toolkit as tk
from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey, Schema

from ... import forms, vocab
from ...kernel import openness
from ...kernel.deadlines import statutes

_ = tk._
MONTH = re.compile(r"(\d{4})[-/年.](\d{1,2})(?:月|[-/月.]\d{1,2}日?(?:[ T].*)?)?")
ENTRY_TEXT = ("title", "notes")
ENTRY_TERMS = ("theme", "data_form", "update_frequency")
MOST_TEXT, MOST_TITLE = 5000, 200


def of_ckan(name: str) -> Any:
    """Return one of CKAN's validators."""
    return tk.get_validator(name)


def heading(value: Any) -> str:
    """Return a title: one line, short enough to be one."""
    line = " ".join(text(value).split())
    if len(line) > MOST_TITLE:
        raise tk.Invalid(_("Please be briefer: at most {n} characters.").format(n=MOST_TITLE))
    return line


def text(value: Any) -> str:
    """Return a text without control characters and outer blanks."""
    clean = of_ckan("nmgdata_text")(value)
    if len(clean) > MOST_TEXT:
        raise tk.Invalid(_("Please be briefer: at most {n} characters.").format(n=MOST_TEXT))
    return clean


def optional(*checks: Any) -> list[Any]:
    """Return the validators of a field that may stay empty."""
    return [of_ckan("default")(""), *checks]


def needed(*checks: Any) -> list[Any]:
    """Return the validators of a field that must be filled in."""
    return [filled, *checks]


def filled(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:
    """Demand a field, in words that say what to do."""
    value = data.get(key)
    if value is tk.missing or value is None or (isinstance(value, str) and not value.strip()):
        errors[key].append(_("Please fill in this field."))
        raise tk.StopOnError


# --- steps of the case ---------------------------------------------------------------------------


def public_reason() -> list[Any]:
    """Return the validators of a reason that becomes public."""
    message = _("State the reason; it is published.")
    return [of_ckan("default")(""), forms.stated(4, message), forms.without_personal_data]


def returning() -> Schema:
    """Return what the return of a plan or amendment states."""
    return {"reason": [of_ckan("default")(""), forms.stated(4, _("State what is to be changed."))]}


def amending() -> Schema:
    """Return what an amendment states."""
    return {"reason": public_reason()}


def closing() -> Schema:
    """Return what closes a year: what the adjustment of the catalogue has changed."""
    message = _("State what was adjusted in the catalogue this year.")
    return {"adjustment": [of_ckan("default")(""), forms.stated(4, message), forms.without_personal_data]}


def progress() -> Schema:
    """Return what the monthly progress states; the portal itself counts it."""
    number = [of_ckan("natural_number_validator")]
    counted = ("promised", "opened", "late", "ended", "total")
    return {"month": needed(text), **dict.fromkeys(counted, number)}


# --- the plan ------------------------------------------------------------------------------------


def plan() -> Schema:
    """Return the texts of a plan."""
    return {
        "title": needed(heading, forms.without_personal_data),
        "description": optional(text, forms.without_personal_data),
        "key_areas": optional(text, forms.without_personal_data),
        "legal_basis": optional(text, forms.without_personal_data),
    }


# --- an item -------------------------------------------------------------------------------------


def month_end(value: Any) -> date:
    """Return the last day of a month that was written like 2026-05, 2026年5月 or as a date.

    :raises tk.Invalid: it is none
    """
    if isinstance(value, date):
        year, month = value.year, value.month
    else:
        found = MONTH.fullmatch(str(value or "").strip())
        year, month = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (2000 <= year <= 2200 and 1 <= month <= 12):
        raise tk.Invalid(_("Write the month like 2026-05."))
    return date(year, month, monthrange(year, month)[1])


def several(value: Any) -> list[str]:
    """Return what was chosen: of a list, or of a text with marks between."""
    if isinstance(value, str):
        value = re.split(r"[,，、;；\s]+", value)
    if not isinstance(value, list | tuple):
        raise tk.Invalid(_("Choose among the entries."))
    return [str(one).strip() for one in value if str(one).strip()]


def grounds(value: Any) -> list[str]:
    """Return grounds of priority, in the order of the law; those that hold in the region only (R-PLAN-04)."""
    known = statutes.setting("plan_grounds")
    chosen = several(value)
    if unknown := [one for one in chosen if one not in known]:
        raise tk.Invalid(
            _("“{value}” is not in the list; choose one of the entries.").format(value=unknown[0])
        )
    return [slug for slug in known if slug in chosen]


def open_class(value: Any) -> str:
    """Return how open the data are to be; a plan of opening promises nothing that stays closed."""
    if value not in openness.OPENED:
        raise tk.Invalid(_("A plan opens data: choose unconditional or conditional."))
    return str(value)


def item() -> Schema:
    """Return what an item states about the promise itself."""
    return {
        "month": needed(month_end),
        "open_class": needed(open_class),
        "grounds": [of_ckan("default")([]), grounds],
        "demand_source": [of_ckan("default")("own"), forms.one_of_terms("plan_demand")],
        "demand_note": optional(text, forms.without_personal_data),
        "format": optional(media_format),
    }


def media_format(value: Any) -> str:
    """Return the slug of a format."""
    if not value:
        return ""
    found = vocab.media_format(str(value))
    if found is None:
        raise tk.Invalid(_("“{value}” is not in the list; choose one of the entries.").format(value=value))
    return found["slug"]


def future_entry() -> Schema:
    """Return what a future dataset states; it becomes a non-public entry of the department (R-PLAN-02)."""
    return {
        "title": needed(heading, forms.without_personal_data),
        "notes": needed(text, forms.without_personal_data),
        **{name: needed(forms.one_of_terms(name)) for name in ENTRY_TERMS},
    }


def changing() -> Schema:
    """Return what the change of a promise that was published states besides."""
    return {"reason": public_reason()}


def ending() -> Schema:
    """Return what the end of a promise states."""
    return {"end": needed(forms.one_of_terms("plan_end")), "reason": public_reason()}
