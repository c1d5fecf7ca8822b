"""Keep files out of every HTTP door's reach, in sealed storage: what was withdrawn, and evidence.

A withdrawal has closed every door already; moving its files follows by the outbox and may be
repeated. Sealed files are kept for audit until their retention date (R-OBJ-05, DC-45).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import IO

import sqlalchemy as sa
from ckan import model
from ckan.lib import files
from ckan.plugins import toolkit as tk
from ckan.types import Context
from sqlalchemy.orm import Session

from ... import config
from .. import clock, outbox
from ..actors import Actor
from ..audit import append
from ..outbox.model import Outbox
from ..unit import begin
from .model import Sealed
from .origins import UPLOAD
from .stored import CHUNK, StoredFile

TOPIC = "seal"


def ask(session: Session, case_id: str, dataset_id: str, resource_id: str | None) -> None:
    """Have the files of a withdrawal sealed once its transaction has been committed."""
    wanted = {"case": case_id, "dataset": dataset_id, "resource": resource_id}
    outbox.enqueue(session, TOPIC, wanted, key=f"{case_id}:{dataset_id}:{resource_id}")


def deliver(rows: Sequence[Outbox]) -> None:
    """Seal the files of withdrawals and drop their tables."""
    for row in rows:
        query = sa.select(model.Resource.id, model.Resource.url, model.Resource.url_type)
        query = query.where(model.Resource.package_id == row.payload["dataset"])
        if row.payload["resource"]:
            query = query.where(model.Resource.id == row.payload["resource"])
        case_id = row.payload["case"]
        for resource_id, url, url_type in model.Session.execute(query.order_by(model.Resource.id)).all():
            if url_type == UPLOAD:
                move_file(resource_id, url, case_id)
            drop_table(resource_id)


def move_file(resource_id: str, name: str, case_id: str) -> None:
    """Copy one file to sealed storage, write that down, then delete it where the portal serves from."""
    stored = StoredFile(resource_id, name)
    if not stored.exists():
        return
    with stored.opened() as source:
        digest, size = measure(source)
        location = put(f"withdrawn/{resource_id}/{digest}", source)
    with begin(Actor.system()) as unit:
        if unit.session.get(Sealed, (resource_id, digest)) is None:
            keep_until = clock.local_date(unit.now) + timedelta(days=config.sealed_retention_days())
            row = {"resource_id": resource_id, "sha256": digest, "case_id": case_id, "name": name}
            kept = Sealed(**row, size=size, location=location, sealed_at=unit.now, keep_until=keep_until)
            unit.session.add(kept)
            detail = {"sha256": digest, "size": size, "until": keep_until.isoformat()}
            append(unit, "resource.sealed", ("resource", resource_id), case_id=case_id, detail=detail)
    stored.remove()


def measure(source: IO[bytes]) -> tuple[str, int]:
    """Return SHA-256 and size of a file, leaving it at its beginning."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(CHUNK):
        digest.update(piece)
        size += len(piece)
    source.seek(0)
    return digest.hexdigest(), size


def storage() -> files.Storage:
    """Return the sealed storage."""
    return files.get_storage(config.sealed_storage())  # type: ignore[return-value]


def put(path: str, source: IO[bytes]) -> str:
    """Write a file to sealed storage, or leave the one that lies there whole; return its location.

    Half a file, left by a full disk or a killed process, must never pass for the whole one: its original
    is deleted next.
    """
    place = storage()
    location, upload = place.prepare_location(path), files.make_upload(source)
    there = files.FileData(location)
    if place.exists(there):
        if place.size(location) == upload.size:
            return str(location)
        place.remove(there)
    try:
        place.upload(location, upload)
    except Exception:
        with suppress(Exception):
            place.remove(there)
        raise
    return str(location)


def drop_table(resource_id: str) -> None:
    """Drop the rows of a withdrawn file from the DataStore."""
    context: Context = {"ignore_auth": True, "user": "", "defer_commit": True}
    try:
        tk.get_action("datastore_delete")(context, {"resource_id": resource_id, "force": True})
    except (tk.ObjectNotFound, KeyError):
        return


def install() -> None:
    """Take charge of the topic; may be called again."""
    outbox.handle(TOPIC, deliver)
