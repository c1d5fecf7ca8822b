"""A page of a change feed as events. Runs in the child process only.

The feed's own form is read (ActivityStreams as ``catalog.changes`` writes it), not any JSON-LD that would
mean the same: what decides whether a file is open is better read strictly.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pyoxigraph as ox

from . import decoding, statements
from .canonical import DATASET, Page
from .errors import Code, RemoteError
from .reading import Collector, Order, Reading, parsed

NUMBER = re.compile(r"#(\d{1,18})$")
ADDRESSES = ("first", "current", "next")
MOST_EVENTS = 10_000


def feed(body: bytes, order: Order, _announce: Any = None) -> Reading:
    """Return a page's events as ``extra``, and the records they bring.

    :raises RemoteError: it is no page of a change feed
    """
    document = parsed(decoding.text(body, order.charset))
    if not isinstance(document, dict):
        raise RemoteError(Code.FEED, "not an object")
    kinds = document.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    reading = Reading(extra={name: string(document.get(name)) for name in ADDRESSES})
    if "OrderedCollection" in kinds:
        return reading
    items = document.get("orderedItems")
    if "OrderedCollectionPage" not in kinds or not isinstance(items, list) or len(items) > MOST_EVENTS:
        raise RemoteError(Code.FEED, "neither a feed nor a page of one")
    reading.extra["events"] = [event(item, order, reading) for item in items]
    return reading


def event(item: Any, order: Order, reading: Reading) -> dict[str, Any]:
    """Return one event; ``record`` is the place of its record in the reading.

    :raises RemoteError: it is none
    """
    thing = item.get("object") if isinstance(item, dict) else None
    number = NUMBER.search(string(item.get("id")) or "") if isinstance(thing, dict) else None
    if number is None or not isinstance(thing, dict) or not string(thing.get("id")):
        raise RemoteError(Code.FEED, "an activity without number or object")
    found: dict[str, Any] = {
        "number": int(number[1]),
        "activity": string(item.get("type")),
        "cause": string(item.get("cause")),
        "subject": thing["id"],
        "at": string(item.get("published")),
        "stop": string(thing.get("openState")),
        "case": string(thing.get("caseNumber")),
        "reason": string(thing.get("stopReason")),
    }
    if "@graph" in item:
        found.update(described(item["@graph"], thing["id"], order, reading))
    return found


def described(graph: Any, subject: str, order: Order, reading: Reading) -> dict[str, Any]:
    """Read the description that an event brings; say where it is, or why it can not be used."""
    try:
        text = json.dumps(graph)
        triples, _ = statements.triples(text, statements.Format.JSON_LD, order.address)
        name = str(ox.NamedNode(subject)).encode()
    except (RemoteError, ValueError, RecursionError) as error:
        return {"refused": getattr(error, "code", Code.SYNTAX)}
    own = Reading()
    page = Page(triples, most_triples=order.record_triples, most_bytes=order.record_bytes)
    if name in page.of_kind(DATASET):
        collector = Collector(page, order, own, {})
        collector.one(name)
        collector.settle()
    if not own.records:
        return {"refused": own.refused[0][1] if own.refused else Code.NO_CATALOGUE}
    reading.records.append(own.records[0])
    return {"record": len(reading.records) - 1}


def string(value: Any) -> str | None:
    """Return a value if it is a string of sensible length."""
    return value if isinstance(value, str) and len(value) <= 2000 else None
