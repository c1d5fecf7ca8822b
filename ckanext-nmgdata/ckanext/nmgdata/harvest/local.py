"""What the region says of a harvested dataset in the place of its source."""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model

from .load import EDITED
from .model import RemoteRecord


def remember(dataset_id: str) -> None:
    """After somebody has saved a harvested dataset: keep what differs from the source's own words.

    Only the fields that the region may edit; the others are the source's, and are so again with its next
    change. A harvest does not come here: it writes in bulk.
    """
    record = model.Session.scalar(
        sa.select(RemoteRecord).where(RemoteRecord.package_id == dataset_id).with_for_update()
    )
    if record is None:
        return
    extras = model.Session.get_one(model.Package, dataset_id).extras or {}
    stated = record.remote.get("fields", {})
    local = {name: extras[name] for name in EDITED if extras.get(name) not in (None, stated.get(name))}
    if local != record.local:
        record.local = local
