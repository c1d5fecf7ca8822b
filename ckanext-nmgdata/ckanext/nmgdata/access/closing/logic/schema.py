"""Forms of a closing: the notice, the claim of correction, what is decided about it."""

from __future__ import annotations

from datetime import date
from typing import Any

from ckan.plugins import toolkit as tk
from ckan.types import Schema
from dateutil.relativedelta import relativedelta

from ....forms import one_of_terms, stated
from ....kernel import clock
from ...logic.schema import day_from_today, form_secret

_ = tk._


def day_of_correction(value: Any) -> date:
    """Accept a date from today on within a year: access is closed for a time (R50)."""
    day = day_from_today(value)
    latest = clock.today() + relativedelta(years=1)
    if day > latest:
        raise tk.Invalid(_("State a day up to {day}.").format(day=latest.isoformat()))
    return day


def datasets(value: Any) -> list[str]:
    """Accept the data to be closed: at least one, each once."""
    wanted = value if isinstance(value, list) else [value]
    found = list(dict.fromkeys(str(one).strip() for one in wanted if one and str(one).strip()))
    if not found:
        raise tk.Invalid(_("Name the data to which access is closed."))
    return found


def notice() -> Schema:
    """What the notice must state (R-SUSP-01, R-SUSP-02): without ground and facts there is none."""
    return {
        "datasets": [datasets],
        "ground": [one_of_terms("suspension_ground")],
        "facts": [stated(10, _("State what was done, when, with which data."))],
        "evidence": [stated(4, _("State what proves it."))],
        "correct_by": [day_of_correction],
        "form": [form_secret],
    }


def claim() -> Schema:
    """What a person states who has corrected."""
    proof = stated(10, _("State what you have corrected and what proves it."))
    return {"proof": [proof], "form": [form_secret]}


def lifting() -> Schema:
    """What the office has found before access is given back."""
    return {"findings": [stated(4, _("State what you have found."))]}


def claim_refusal() -> Schema:
    """Why the correction does not suffice, and until when it is to be completed."""
    return {
        "reason": [stated(4, _("State what is still to be corrected."))],
        "correct_by": [day_of_correction],
    }


def referral() -> Schema:
    """To whom the matter goes, and why (R-SUSP-03)."""
    return {
        "receiver": [stated(2, _("State the organ to which the matter is referred."))],
        "reason": [stated(4, _("State the grounds of the referral."))],
    }


def revocation() -> Schema:
    """Why the closing was wrong."""
    return {"reason": [stated(4, _("State why the closing is revoked."))]}
