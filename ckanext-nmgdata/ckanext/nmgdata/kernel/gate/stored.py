"""Read and remove uploaded files, whichever of CKAN's storages they lie in."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from ckan import model
from ckan.lib import files, uploader
from sqlalchemy.orm import Session

from ..audit.model import AuditEvent
from . import aliases
from .model import Origin
from .origins import UPLOAD

CHUNK = 1024 * 1024
IN_MEMORY = 8 * CHUNK


def is_of_another(resource_id: str, package_id: object) -> bool:
    """Say whether an id is, or was, that of another entry's file, whose bytes and rows outlive it."""
    found = model.Session.execute(
        sa.select(model.Resource.package_id).where(model.Resource.id == resource_id)
    ).first()
    if found is not None:
        return found[0] != package_id
    return StoredFile(resource_id, "file").exists() or aliases.is_taken(resource_id)


def replaced_since(session: Session, resource_ids: Collection[str], since: datetime) -> set[str]:
    """Return those of these files whose bytes or links were replaced after a moment."""
    replaced = sa.select(AuditEvent.subject_id).where(
        AuditEvent.subject_type == "resource", AuditEvent.verb == "resource.replaced",
        AuditEvent.subject_id.in_(resource_ids), AuditEvent.at > since,
    )  # fmt: skip
    return set(session.scalars(replaced))


def with_bytes_of(session: Session, some: Collection[str], others: Collection[str]) -> list[str]:
    """Return the names of those of some files that have the bytes, or the link, of any of others."""
    known = {what for _name, what in contents(session, others)}
    return [name for name, what in contents(session, some) if what in known]


def contents(session: Session, resource_ids: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield name and content of files: the link, or the digest of the bytes; of nothing, nothing."""
    query = (
        sa.select(model.Resource, Origin.url)
        .outerjoin(Origin, Origin.resource_id == model.Resource.id)
        .where(model.Resource.id.in_(resource_ids))
        .order_by(model.Resource.position)
    )
    for resource, link in session.execute(query):
        upload = StoredFile(resource.id, resource.url or "")
        if link or upload.exists():
            yield resource.name or resource.id, link or upload.digest()


class StoredFile:
    """The file of one uploaded resource."""

    def __init__(self, resource_id: str, name: str) -> None:
        """Find where the file of a resource lies; ``name`` is the resource's url."""
        upload = uploader.get_resource_uploader({"id": resource_id, "url": name, "url_type": UPLOAD})
        self.storage: files.Storage | None = getattr(upload, "storage", None)
        self.path = upload.get_path(resource_id)

    def exists(self) -> bool:
        """Say whether there is a file."""
        if self.storage is not None:
            return self.storage.exists(files.FileData(files.Location(self.path)))
        return Path(self.path).is_file()

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes, piece by piece."""
        if self.storage is not None:
            yield from self.storage.stream(files.FileData(files.Location(self.path)))
            return
        with Path(self.path).open("rb") as source:
            while piece := source.read(CHUNK):
                yield piece

    def digest(self) -> str:
        """Return the SHA-256 of the bytes, in hexadecimal digits."""
        found = hashlib.sha256()
        for piece in self.pieces():
            found.update(piece)
        return found.hexdigest()

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Yield a file object at the beginning of a copy of the bytes, small ones in memory."""
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as copy:
            for piece in self.pieces():
                copy.write(piece)
            copy.seek(0)
            yield copy

    def remove(self) -> None:
        """Delete the file."""
        if self.storage is not None:
            self.storage.remove(files.FileData(files.Location(self.path)))
        else:
            Path(self.path).unlink(missing_ok=True)
