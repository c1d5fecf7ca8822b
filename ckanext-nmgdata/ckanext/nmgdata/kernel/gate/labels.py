"""Which entries a reader may know of: non-open ones are for their department, authority and auditors.

The public catalogue holds unconditional and conditional entries (R-OPEN-10); there is no public list of
non-open data (DC-28: off, until entries can be released for it one by one). CKAN asks these labels for
search, feeds, exports and every single entry.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import authz, model
from ckan.lib.plugins import DefaultPermissionLabels

from .. import orgs
from ..actors import Actor
from ..openness import NON_OPEN
from .model import WITHDRAWN, Suspension

OVERSIGHT = "nmg-oversight"
"""Beginning of the labels of oversight; the code of the region that oversees follows."""


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


def is_withdrawn(dataset_id: Any) -> sa.ColumnElement[bool]:
    """Return the SQL for: a dataset is withdrawn as a whole."""
    return (
        sa.select(Suspension.id)
        .where(
            Suspension.dataset_id == dataset_id,
            Suspension.resource_id.is_(None),
            Suspension.lifted_at.is_(None),
            Suspension.kind == WITHDRAWN,
        )
        .exists()
    )


def may_be_named() -> sa.ColumnElement[bool]:
    """Return the condition that public registers may name an entry (DC-28), also one deleted since.

    A non-open one they may not, unless it was withdrawn: then its tombstone names it anyway.
    """
    package: Any = model.Package
    non_open = package.extras["open_class"].astext.is_not_distinct_from(NON_OPEN)
    return sa.and_(package.private.is_(False), sa.or_(~non_open, is_withdrawn(package.id)))


class GateLabels(DefaultPermissionLabels):
    """CKAN's own labels, less ``public`` where an entry is not open."""

    def get_dataset_labels(self, dataset_obj: model.Package) -> list[str]:
        """Return the labels of an entry; a reader needs one of them."""
        labels = super().get_dataset_labels(dataset_obj)
        extras = dataset_obj.extras or {}
        if extras.get("open_class") == NON_OPEN:
            labels = [label for label in labels if label != "public"]
            labels.append(f"member-{dataset_obj.owner_org}")
        return [*labels, *(f"{OVERSIGHT}-{region}" for region in orgs.above(extras.get("region_code")))]

    def get_user_dataset_labels(self, user_obj: Any) -> list[str]:
        """Return the labels a reader holds."""
        if not user_obj or user_obj.is_anonymous:
            return super().get_user_dataset_labels(user_obj)
        actor = Actor.person(user_obj)
        if user_obj.sysadmin or reaches_further(actor):
            labels = super().get_user_dataset_labels(user_obj)
        else:  # what CKAN would say, from the memberships that oversight has to read anyway
            members = sorted({f"member-{m.org_id}" for m in actor.memberships})
            labels = ["public", f"creator-{user_obj.id}", *members]
        return [*labels, *oversight(actor)]


def reaches_further(actor: Actor) -> bool:
    """Say whether CKAN would let this person read more than the organisations they belong to."""
    if authz.check_config_permission("allow_dataset_collaborators"):
        return True
    cascading = authz.check_config_permission("roles_that_cascade_to_sub_groups")
    return isinstance(cascading, list) and any(m.capacity in cascading for m in actor.memberships)


def oversight(actor: Actor) -> list[str]:
    """Return the labels that oversight brings, one for each region."""
    return [f"{OVERSIGHT}-{region}" for region in sorted(actor.oversight)]
