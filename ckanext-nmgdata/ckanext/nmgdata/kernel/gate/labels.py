"""Which entries a reader may know of: non-open ones are for their department, authority and auditors.

The public catalogue holds unconditional and conditional entries (R-OPEN-10); the public list of
non-open data is off unless an entry is released for it (DC-28). CKAN asks these labels for search,
feeds, exports and every single entry.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib.plugins import DefaultPermissionLabels

from ..actors import REGION, Actor, Role

NON_OPEN = "non_open"
OVERSIGHT = "nmg-oversight"
"""Label of readers whose oversight reaches the whole region."""


def in_catalogue() -> sa.ColumnElement[bool]:
    """Return the condition that everybody may know of an entry: what the label ``public`` says, as SQL."""
    package: Any = model.Package
    return sa.and_(
        package.state == model.State.ACTIVE,
        package.private.is_(False),
        package.extras["open_class"].astext.is_distinct_from(NON_OPEN),
    )


def public_entries(dataset_id: Any = None) -> sa.Select[tuple[str]]:
    """Return the query for the ids of the entries of the public catalogue, or for one if it is there."""
    package: Any = model.Package
    query = sa.select(package.id).where(in_catalogue(), package.type == "dataset")
    return query if dataset_id is None else query.where(package.id == dataset_id)


class GateLabels(DefaultPermissionLabels):
    """CKAN's own labels, less ``public`` where an entry is not open."""

    def get_dataset_labels(self, dataset_obj: model.Package) -> list[str]:
        """Return the labels of an entry; a reader needs one of them."""
        labels = super().get_dataset_labels(dataset_obj)
        extras = dataset_obj.extras or {}
        if extras.get("open_class") == NON_OPEN:
            labels = [label for label in labels if label != "public"]
            labels.append(f"member-{dataset_obj.owner_org}")
        region = extras.get("region_code") or REGION
        return [*labels, OVERSIGHT, f"{OVERSIGHT}-{region[:4]}"]

    def get_user_dataset_labels(self, user_obj: Any) -> list[str]:
        """Return the labels a reader holds."""
        labels = super().get_user_dataset_labels(user_obj)
        if not user_obj or user_obj.is_anonymous:
            return labels
        return [*labels, *oversight(Actor.person(user_obj))]


def oversight(actor: Actor) -> list[str]:
    """Return the labels that oversight brings: of the whole region, or of the regions it reaches."""
    regions = actor.regions(Role.AUDITOR) | actor.regions(Role.AUTHORITY)
    if REGION in regions:
        return [OVERSIGHT]
    return [f"{OVERSIGHT}-{region[:4]}" for region in sorted(regions)]
