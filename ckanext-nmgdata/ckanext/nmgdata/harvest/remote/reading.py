"""A page's bytes as records. Runs in the child process only, and needs nothing but oxigraph.

What spoils the whole page raises; what spoils one record refuses that record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin

import pyoxigraph as ox

from . import datajson, decoding, formats, statements
from .canonical import DATASET, Page, TangledError, TooLargeError
from .errors import Code, Fault, RemoteError
from .formats import Format

IDENTIFIER = b" <http://purl.org/dc/terms/identifier> "
TITLE = b" <http://purl.org/dc/terms/title> "
HYDRA = b"<http://www.w3.org/ns/hydra/core#"
NEXT = (HYDRA + b"next>", HYDRA + b"nextPage>")
TOTAL = HYDRA + b"totalItems>"
LONGEST_IDENTIFIER = 1000
LONGEST_DETAIL = 500
NEWLINE = ord("\n")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")
Paging = list[tuple[bytes, bytes, str]]


@dataclass(frozen=True)
class Order:
    """What to read.

    :param charset: as the header says it, may be ""
    """

    address: str
    charset: str
    format: str
    literal_bytes: int
    record_bytes: int
    record_triples: int


@dataclass
class Reading:
    """What was read.

    :ivar records: identifier, subject, digest in hexadecimal, triples
    :ivar refused: where, code, detail, identifier
    :ivar extra: what else a task has to say, as JSON
    """

    records: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    refused: list[tuple[str, str, str, str | None]] = field(default_factory=list)
    next: str | None = None
    total: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def catalogue(
    body: bytes, order: Order, announce: Callable[[str | None], None] = lambda _following: None
) -> Reading:
    """Return the records of a page of a catalogue.

    :param announce: told the address of the next page as soon as it is known, which is half the way
    :raises RemoteError: the page can not be used
    """
    text = decoding.text(body, order.charset)
    if not text.strip():
        raise RemoteError(Code.EMPTY_BODY, "nothing was sent")
    reading = Reading()
    triples, tainted = triples_of(text, order, reading)
    page = Page(triples, most_triples=order.record_triples, most_bytes=order.record_bytes)
    paging = paging_of(page)
    reading.next = next_page(paging, order.address)
    reading.total = total(paging)
    announce(reading.next)
    Collector(page, order, reading, tainted).collect()
    if not page.beside:
        spoilt = reading.refused and reading.refused[0]
        code = Code.SYNTAX if spoilt else Code.NO_CATALOGUE
        raise RemoteError(code, f"{spoilt[0]}: {spoilt[2]}" if spoilt else "neither a catalogue nor datasets")
    return reading


def triples_of(text: str, order: Order, reading: Reading) -> tuple[bytes, dict[bytes, int]]:
    """Return a page's triples, and the things of which something could not be read, with the line.

    :raises RemoteError: the text can not be read at all
    """
    form = formats.of_text(text, Format(order.format))
    if form in (Format.JSON_LD, Format.DATA_JSON):
        document = parsed(text)
        if formats.is_data_json(document) and (form is Format.DATA_JSON or order.format == Format.AUTO):
            faults: list[tuple[str, str, str]] = []
            triples = ox.serialize(datajson.triples(document, faults), format=ox.RdfFormat.N_TRIPLES)
            reading.refused += [(*fault, None) for fault in faults]
            return triples or b"", {}
        form = Format.JSON_LD
        del document
    return statements.triples(text, form, order.address)


def parsed(text: str) -> Any:
    """Return a JSON document.

    :raises RemoteError: it is none
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RemoteError(Code.SYNTAX, str(error)) from error


class Collector:
    """Makes records of a page's datasets, or says why not."""

    def __init__(self, page: Page, order: Order, reading: Reading, tainted: dict[bytes, int]) -> None:
        self.page = page
        self.order = order
        self.reading = reading
        self.tainted = tainted
        self.touched: set[bytes] = set()
        self.found: list[tuple[str, str, str, bytes]] = []

    def collect(self) -> None:
        """Fill the reading, in an order that the same records always have."""
        for subject in self.page.of_kind(DATASET):
            self.one(subject)
        self.settle()
        for thing, line in self.tainted.items():
            if thing not in self.touched:
                self.refuse(f"line {line}", Fault.SYNTAX, shown(thing), None)

    def one(self, subject: bytes) -> None:
        """Take a dataset, or refuse it."""
        text = self.page.groups[subject]
        where = shown(subject) if subject.startswith(b"<") else title_of(text, subject)
        identifier = identifier_of(text, subject)
        try:
            if not identifier:
                self.refuse(where, Fault.NO_IDENTIFIER, "", None)
                return
            if len(identifier) > LONGEST_IDENTIFIER or UNPRINTABLE.search(identifier):
                self.refuse(where, Fault.IDENTIFIER, identifier[:100], None)
                return
            triples, name, things = self.page.record(subject)
        except TooLargeError as error:
            self.refuse(where, Fault.TOO_LARGE, str(error), identifier)
            return
        except TangledError as error:
            self.refuse(where, Fault.TANGLED, str(error), identifier)
            return
        if self.tainted and self.is_tainted(identifier, triples, things):
            return
        longest = len(triples) > self.order.literal_bytes and max(map(len, triples.split(b"\n")))
        if longest > self.order.literal_bytes:
            self.refuse(where, Fault.LITERAL, f"a text of {longest} bytes", identifier)
            return
        self.found.append((identifier, shown(name), sha256(triples).hexdigest(), triples))

    def is_tainted(self, identifier: str, triples: bytes, things: list[bytes]) -> bool:
        """Refuse a record of which a part could not be read; say whether it is so."""
        hit = [thing for thing in self.tainted if thing in things or b" " + thing + b" ." in triples]
        self.touched.update(hit)
        for thing in hit[:1]:
            self.refuse(f"line {self.tainted[thing]}", Fault.SYNTAX, shown(thing), identifier)
        return bool(hit)

    def settle(self) -> None:
        """Keep what was found; of two with one identifier the first, and not without saying so."""
        taken: dict[str, tuple[str, str]] = {}
        for record in sorted(self.found):
            identifier, subject, digest, _ = record
            before = taken.get(identifier)
            if before is None:
                taken[identifier] = (subject, digest)
                self.reading.records.append(record)
            elif before != (subject, digest):
                self.refuse(subject, Fault.DUPLICATE, f"the identifier of {before[0]}", identifier)

    def refuse(self, where: str, code: str, detail: str, identifier: str | None) -> None:
        """Note a refusal."""
        said = (UNPRINTABLE.sub(" ", part)[:LONGEST_DETAIL] for part in (where, detail))
        where, detail = said
        self.reading.refused.append((where, code, detail, identifier))


def shown(thing: bytes) -> str:
    """Return a thing's name without brackets."""
    return thing.removeprefix(b"<").removesuffix(b">").decode()


def identifier_of(text: bytes, subject: bytes) -> str:
    """Return a dataset's identifier, else its IRI, else nothing."""
    stated = values(text, subject + IDENTIFIER)
    return stated or ("" if subject.startswith(b"_:") else shown(subject))


def title_of(text: bytes, subject: bytes) -> str:
    """Return how to find a dataset that has no name, in the words of its title."""
    return values(text, subject + TITLE) or "a dataset without name and title"


def values(text: bytes, begin: bytes) -> str:
    """Return the first value, in order of the alphabet, of the lines that begin so; "" if there is none."""
    found = set()
    at = text.find(begin)
    while at >= 0:
        end = text.index(b"\n", at)
        if at == 0 or text[at - 1] == NEWLINE:
            found.add(plain(text[at + len(begin) : end - 2]))
        at = text.find(begin, end)
    return min(found - {""}, default="")


def plain(term: bytes) -> str:
    """Return the text of a literal or IRI, stripped."""
    if not term.startswith(b'"'):
        return "" if term.startswith(b"_:") else shown(term)
    if b"\\" not in term:
        return term[1 : term.rindex(b'"')].decode().strip()
    quad = next(ox.parse(b"<a:> <a:> " + term + b" .", format=ox.RdfFormat.N_TRIPLES))
    return quad.object.value.strip()


# --- paging --------------------------------------------------------------------------------------


def next_page(paging: Paging, address: str) -> str | None:
    """Return the address of the next page, as hydra tells it of a collection, a view or a catalogue.

    :raises RemoteError: it tells several
    """
    found: dict[str, set[str]] = {}
    for thing, predicate, value in paging:
        if predicate in NEXT and value:
            found.setdefault(urljoin(address, value), set()).add(shown(thing))
    if len(found) > 1:
        own = [target for target, things in found.items() if address in things]
        if len(own) != 1:
            raise RemoteError(Code.AMBIGUOUS_PAGING, " ".join(sorted(found)))
        return own[0]
    return next(iter(found), None)


def total(paging: Paging) -> int | None:
    """Return how many records the catalogue says it has, if it says one number."""
    said = (value for _, predicate, value in paging if predicate == TOTAL)
    stated = {int(value) for value in said if re.fullmatch(r"\d{1,9}", value)}
    return stated.pop() if len(stated) == 1 else None


def paging_of(page: Page) -> Paging:
    """Return thing, property and value of what is said of paging; datasets have no say in it."""
    found = []
    for thing, text in page.groups.items():
        if HYDRA not in text or DATASET in page.kinds[thing]:
            continue
        for line in text.splitlines():
            _, predicate, rest = line.split(b" ", 2)
            if predicate == TOTAL or predicate in NEXT:
                found.append((thing, predicate, plain(rest[:-2])))
    return found
