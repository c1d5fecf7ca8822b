"""Entries whose data lie on another portal (DC-53): where that is, and who deals with their cases here.

The federation says what it knows; whoever files a case or tells people where to apply asks here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import orgs
from .actors import reviewers_of


@dataclass(frozen=True)
class Elsewhere:
    """What is known of an entry that comes from another portal."""

    portal: str
    """Name of that portal."""
    region_code: str
    page: str | None = None
    """The entry's page there."""
    apply_url: str | None = None
    """Where its conditional data are applied for there; None: departments decide here."""
    silent_since: datetime | None = None
    """Since when nothing is heard of that portal, if that is too long: what is shown here may be stale."""


ways: list[Callable[[str], Elsewhere | None]] = []
"""Who can say where an entry comes from, by its id; filled in by features."""


def of(dataset_id: str) -> Elsewhere | None:
    """Return where an entry comes from; None for one that is kept here."""
    return next((found for ask in ways if (found := ask(dataset_id))), None)


def office(dataset: Mapping[str, Any]) -> str | None:
    """Return the organisation that decides cases about an entry: its department.

    Departments of a city often have nobody with an account here. Then it is the city's public-data authority,
    or the region's, so that no case waits for nobody.
    """
    department = dataset["owner_org"]
    found = of(dataset["id"])
    if found is None or reviewers_of(department):
        return department
    for region in orgs.above(found.region_code):
        authority = orgs.authority_of(region)
        if authority and reviewers_of(authority):
            return authority
    return orgs.authority_of(found.region_code) or department
