"""Bytes under way: read lazily from any place, cut when the gate shuts meanwhile (R28¶3: 立即中止)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ckan import model
from sqlalchemy.orm import Session

from .. import clock
from ..actors import Actor
from . import facts, policy

PIECE = 256 * 1024
INTERVAL = 1.0
"""Seconds after which the gate is asked again while bytes flow."""

OpenAt = Callable[[int], Iterator[bytes]]
"""Opens the bytes at an offset."""
StillOpen = Callable[[], bool]


class CutError(Exception):
    """The gate has shut while bytes were under way; the server closes the connection."""


class Body:
    """A response's bytes: seekable for ranges, in pieces, asking the gate again every second.

    Nothing is read before the first piece is asked for, so that HEAD and 304 cost nothing.
    """

    def __init__(self, open_at: OpenAt, still_open: StillOpen) -> None:
        self.open_at, self.still_open = open_at, still_open
        self.offset = 0
        self.pieces: Iterator[bytes] | None = None
        self.asked = time.monotonic()

    def __iter__(self) -> Body:
        """Return itself."""
        return self

    def __next__(self) -> bytes:
        """Return the next piece."""
        if self.pieces is None:
            self.pieces = self.open_at(self.offset)
        if time.monotonic() - self.asked >= INTERVAL:
            if not self.still_open():
                raise CutError
            self.asked = time.monotonic()
        return next(self.pieces)

    def seekable(self) -> bool:
        """Say that ranges need not be read up to; asked by werkzeug."""
        return True

    def seek(self, offset: int) -> None:
        """Begin at an offset."""
        self.offset, self.pieces = offset, None

    def tell(self) -> int:
        """Return the offset at which the first piece begins."""
        return self.offset

    def close(self) -> None:
        """Close the source; called by the server whatever happens."""
        close = getattr(self.pieces, "close", None)
        if close:
            close()


def asks_again(resource_id: str, actor: Actor, purpose: policy.Purpose) -> StillOpen:
    """Return the question whether this person may still have these bytes.

    It is asked after the request's session is gone, in a short one of its own.
    """

    def still_open() -> bool:
        with Session(model.ensure_engine()) as session:
            found = facts.read(resource_id, actor, session)
        return found is not None and policy.decide(found, purpose, clock.now()).allow

    return still_open


def skip(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Yield pieces without their first ``count`` bytes, for sources that cannot seek."""
    for piece in pieces:
        if count >= len(piece):
            count -= len(piece)
            continue
        yield piece[count:]
        count = 0


def at_most(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Yield no more than ``count`` bytes."""
    for piece in pieces:
        if count <= 0:
            return
        yield piece[:count]
        count -= len(piece)
