"""Forms of reports and results."""

from __future__ import annotations

import ipaddress
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from ckan.plugins import toolkit as tk
from ckan.types import Schema

from ....forms import citation, stated, without_personal_data
from ....kernel import clock

_ = tk._
LONGEST_LINK = 500


def optional(value: Any) -> str | None:
    """Accept a text or nothing."""
    text = str(value or "").strip()
    return stated(0, "")(text) if text else None


def https_link(value: Any) -> str | None:
    """Accept a link to a host with a name, by https only; nothing is fetched from it.

    No credentials, no address in numbers, no other port: a reader must see where the link leads.
    """
    text = str(value or "").strip()
    if not text:
        return None
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    plain = len(text) <= LONGEST_LINK and text.isprintable() and not any(c in text for c in " \\\"'<>`")
    fine = plain and text.startswith("https://") and "@" not in parts.netloc and port in (None, 443)
    if not fine or not has_name(host):
        raise tk.Invalid(_("Give a link that begins with https:// and leads to a website."))
    return text


def has_name(host: str) -> bool:
    """Say whether a host is a name in the public DNS, not an address or a machine nearby."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        last = host.rpartition(".")[2]
        return "." in host and not last.isdigit() and last.lower() not in ("local", "internal", "localhost")
    return False


EARLIEST = date(2000, 1, 1)
"""No data of a portal were acquired, and nothing of one was handed over, before."""


def past_day(value: Any) -> date | None:
    """Accept a day up to today, or nothing."""
    if not (text := str(value or "").strip()):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise tk.Invalid(_("Write the date like 2026-11-22.")) from error
    if day > clock.today():
        raise tk.Invalid(_("This date has not come yet."))
    if day < EARLIEST:
        raise tk.Invalid(_("Look at the year of this date."))
    return day


def report() -> Schema:
    """What a use report states (R-USE-01)."""
    return {
        "actual_use": [stated(10, _("State what the data were actually used for."))],
        "results": [stated(2, _("State the results, or that there are none yet."))],
        "benefit": [stated(2, _("State the benefit, or that there is none yet."))],
        "safety": [stated(4, _("State how the data were kept safe and whether there was an incident."))],
    }


def return_for_completion() -> Schema:
    """Why a report has to be completed (law.md §5.7)."""
    return {"reason": [stated(4, _("State what is missing in the report."))]}


def datasets(value: Any) -> list[str]:
    """Accept the data a result was made with: at least one, each once."""
    wanted = value if isinstance(value, list) else str(value or "").split()
    found = list(dict.fromkeys(str(one).strip() for one in wanted if str(one).strip()))
    if not found or len(found) > 20:
        raise tk.Invalid(_("Name the datasets that were used, at most 20."))
    return found


def showcase() -> Schema:
    """What is said of a result (R-USE-04)."""
    return {
        "title": [stated(2, _("Give the result a title."))],
        "description": [stated(10, _("Describe the result: what it does, for whom."))],
        "link": [https_link],
        "datasets": [datasets],
        "source_statement": [optional],
        "acquired_on": [past_day],
    }


def moderation() -> Schema:
    """Why a result is not shown."""
    return {"reason": [stated(4, _("State the reason."))]}


def revocation() -> Schema:
    """Why a grant is revoked, and by which law (R-COND-06 by analogy)."""
    return {
        "reason": [stated(4, _("State the reason for the revocation."))],
        "legal_basis": [
            citation(_("State the law or regulation, with its article, that it rests on.")),
            without_personal_data,  # the public record shows it
        ],
    }
