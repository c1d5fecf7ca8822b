"""Read and remove uploaded files, whichever of CKAN's storages they lie in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from ckan import model
from ckan.lib import files, uploader

from .origins import UPLOAD

CHUNK = 1024 * 1024
IN_MEMORY = 8 * CHUNK


def is_of_another(resource_id: str, package_id: object) -> bool:
    """Say whether an id is, or was, that of a file of another entry; its bytes outlive its row."""
    found = model.Session.execute(
        sa.select(model.Resource.package_id).where(model.Resource.id == resource_id)
    ).first()
    if found is not None:
        return found[0] != package_id
    return StoredFile(resource_id, "file").exists()


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
