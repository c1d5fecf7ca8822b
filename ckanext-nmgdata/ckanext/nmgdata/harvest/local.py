"""What the region says of a harvested dataset in the place of its source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from ckan import model
from sqlalchemy.orm import Session

from ..kernel import events
from ..kernel.unit import Unit
from .model import RemoteRecord

LOCAL = ("theme", "industry", "base_library", "theme_library", "livelihood", "quality_notes")
"""Fields that the region may edit; what it says there survives every harvest."""
CLASS = ("open_class", "open_condition", "open_reason", "open_legal_basis", "nonopen_ground", "data_level")
"""Fields that the authority sets as long as the source states no class."""
EDITED = (*LOCAL, *CLASS)
HARVESTING = "nmgdata_harvesting"
"""Key of ``session.info``: what is written now are the source's words."""


@contextmanager
def harvesting(session: Session) -> Iterator[None]:
    """Take nothing that is written inside the block for the region's own words."""
    session.info[HARVESTING] = True
    try:
        yield
    finally:
        session.info.pop(HARVESTING, None)


def remember(unit: Unit, event: events.DatasetSaved) -> None:
    """After somebody has saved a harvested dataset: keep what differs from the source's own words.

    Only the fields that the region may edit; the others are the source's, and are so again with its next
    change.
    """
    if unit.session.info.get(HARVESTING):
        return
    query = sa.select(RemoteRecord).where(RemoteRecord.package_id == event.dataset_id)
    record = unit.session.scalar(query.with_for_update())
    if record is None:
        return
    extras = unit.session.get_one(model.Package, event.dataset_id).extras or {}
    stated = record.remote.get("fields", {})
    ours = {name: extras[name] for name in EDITED if extras.get(name) not in (None, stated.get(name))}
    if ours != record.local:
        record.local = ours


def install() -> None:
    """Listen to the catalogue; may be called again."""
    events.subscribe(events.DatasetSaved, remember)
