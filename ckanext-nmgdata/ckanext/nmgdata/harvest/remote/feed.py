"""A city's change feed (``catalog.changes`` over there): what happened since a cursor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from ..records import Record, Validators
from . import parse
from .client import Client
from .errors import Code, RemoteError, Unchanged
from .spec import Spec

ACCEPT = "application/ld+json, application/json;q=0.9"
CURSOR = re.compile(r"[0-9A-Za-z._~-]{1,64}")
STATE = re.compile(r"/concept/open_state/([a-z_]{1,40})$")


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


KINDS = {
    ("Create", "published"): Kind.CREATED,
    ("Update", "updated"): Kind.UPDATED,
    ("Update", "suspended"): Kind.SUSPENDED,
    ("Update", "lifted"): Kind.LIFTED,
    ("Update", "class_changed"): Kind.CLASS_CHANGED,
    ("Update", "resource_replaced"): Kind.RESOURCE_REPLACED,
    ("Delete", "withdrawn"): Kind.WITHDRAWN,
    ("Delete", "removed"): Kind.DELETED,
}
"""By activity and cause; another cause is its activity's plain one."""
PLAIN = {"Create": Kind.CREATED, "Update": Kind.UPDATED, "Delete": Kind.DELETED}


@dataclass(frozen=True)
class Event:
    """One change.

    :param number: place in the feed, rising
    :param subject: IRI of the dataset, as ``Record.subject`` has it
    :param at: when it happened over there, None if that is not told
    :param record: the dataset as the public may read it now; None where a later event overtakes this one,
        after a Delete, and where ``refused`` says why it can not be used
    :param stop: ``open_state`` slug of a dataset that is stopped as a whole now, else None
    :param case: public number of the case that stopped it
    :param reason: why, in the city's public words
    """

    number: int
    kind: Kind
    subject: str
    at: datetime | None
    record: Record | None = None
    refused: str | None = None
    stop: str | None = None
    case: str | None = None
    reason: str | None = None


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


def head(spec: Spec, client: Client | None = None) -> str:
    """Return the cursor of now: take it before a full harvest, and follow from it afterwards.

    :raises RemoteError: the feed can not be read
    """
    said, _ = ask(spec, address_of(spec), None, client)
    return cursor_of(said.get("current"))


def read(spec: Spec, cursor: str, tag: str | None = None, client: Client | None = None) -> FeedPage:
    """Return what happened after a cursor; no events and the same cursor if nothing did.

    Only the cursor is taken from what a page calls ``next``: the address stays the one of the source.

    :raises RemoteError: the feed can not be read; code ``gone``: the cursor is too old, harvest the whole
    """
    address = f"{address_of(spec)}?{urlencode({'after': cursor})}"
    try:
        said, records = ask(spec, address, tag, client)
    except Unchanged:
        return FeedPage((), cursor, tag, more=False)
    if "events" not in said:
        raise RemoteError(Code.FEED, "not a page of a feed", address=address)
    events = tuple(event(each, records) for each in said["events"])
    numbers = [each.number for each in events]
    if numbers != sorted(set(numbers)):
        raise RemoteError(Code.FEED, "its numbers do not rise", address=address)
    following = cursor_of(said.get("next"))
    if events and following == cursor:
        raise RemoteError(Code.FEED, "it leads back to where it was", address=address)
    return FeedPage(events, following, said["tag"] if following == cursor else None, more=bool(events))


def address_of(spec: Spec) -> str:
    """Return the address of a source's feed.

    :raises RemoteError: it has none
    """
    if not spec.feed:
        raise RemoteError(Code.FEED, "the source has no feed")
    return spec.feed


def ask(
    spec: Spec, address: str, tag: str | None, client: Client | None
) -> tuple[dict[str, Any], list[Record]]:
    """Fetch a page of the feed; return what it says and the records in it.

    :raises Unchanged: it is as ``tag`` says
    :raises RemoteError: it can not be had or read
    """
    asking = client or Client(spec)
    try:
        answer = asking.get(address, Validators(tag) if tag else None, ACCEPT)
    finally:
        if client is None:
            asking.close()
    said, records = parse.ask("feed", answer, spec)
    return {**said["extra"], "tag": answer.validators and answer.validators.etag}, records


def event(said: dict[str, Any], records: list[Record]) -> Event:
    """Return an event with its record.

    :raises RemoteError: it is of no known activity
    """
    activity = said["activity"] or ""
    if activity not in PLAIN:
        raise RemoteError(Code.FEED, "an unknown activity")
    state = STATE.search(said["stop"] or "")
    place = said.get("record")
    return Event(
        number=said["number"],
        kind=KINDS.get((activity, said["cause"] or ""), PLAIN[activity]),
        subject=said["subject"],
        at=moment(said["at"]),
        record=None if place is None else records[place],
        refused=said.get("refused"),
        stop=state[1] if state else None,
        case=said["case"],
        reason=said.get("reason"),
    )


def moment(text: str | None) -> datetime | None:
    """Return a moment with its zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


def cursor_of(address: str | None) -> str:
    """Return the cursor in an address of the feed.

    :raises RemoteError: there is none
    """
    stated = parse_qs(urlsplit(address or "").query).get("after", [""])[0]
    if not CURSOR.fullmatch(stated):
        raise RemoteError(Code.FEED, "no cursor to go on from")
    return stated
