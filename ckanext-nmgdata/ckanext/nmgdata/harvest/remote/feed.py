"""A city's change feed (``catalog.changes`` over there): what happened since a cursor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..records import Record
from .spec import Spec


class Kind(StrEnum):
    """What happened to a dataset. The feed's causes, by what the region has to do."""

    CREATED = "created"
    UPDATED = "updated"
    SUSPENDED = "suspended"
    LIFTED = "lifted"
    WITHDRAWN = "withdrawn"
    CLASS_CHANGED = "class_changed"
    RESOURCE_REPLACED = "resource_replaced"
    DELETED = "deleted"


@dataclass(frozen=True)
class Event:
    """One change.

    :param number: place in the feed, rising
    :param subject: IRI of the dataset, as ``Record.subject`` has it
    :param record: the dataset as the public may read it now; None where a later event overtakes this one,
        after a Delete, and where ``refused`` says why it can not be used
    :param stop: ``open_state`` slug of a dataset that is stopped as a whole now, else None
    :param case: public number of the case that stopped it
    """

    number: int
    kind: Kind
    subject: str
    at: datetime
    record: Record | None = None
    refused: str | None = None
    stop: str | None = None
    case: str | None = None


@dataclass(frozen=True)
class FeedPage:
    """Events after a cursor.

    :param cursor: where to go on; opaque, at most 64 characters
    :param tag: to be handed back with the same cursor, so that "nothing new" is a 304
    :param more: there may be more right now
    """

    events: tuple[Event, ...]
    cursor: str
    tag: str | None
    more: bool


def head(spec: Spec) -> str:
    """Return the cursor of now: take it before a full harvest, and follow from it afterwards.

    :raises RemoteError: the feed can not be read
    """
    raise NotImplementedError


def read(spec: Spec, cursor: str, tag: str | None = None) -> FeedPage:
    """Return what happened after a cursor; no events and the same cursor if nothing did.

    :raises RemoteError: the feed can not be read; code ``gone``: the cursor is too old, harvest the whole
    """
    raise NotImplementedError
