"""What a page means for what is known of its source: pure, by digests, and the one query it rests on.

A record is recognised by its source and identifier. An identity that is known under another source is
refused and reported, whoever came first; nothing is merged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

import sqlalchemy as sa
from ckan import model
from sqlalchemy.orm import Session

from ..catalog.bulk.rows import together
from .following.stops import held_here
from .model import RemoteRecord, Source
from .records import Page, Record, Refused

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
CODE = re.compile(r"[1-3]\d{5}15\d{4}/\d{6}")
"""Catalogue codes name their division, so they mean the same everywhere (docs/adr/0007)."""
WEB = re.compile(r"(https?|urn|info|doi|hdl):\S+", re.IGNORECASE)
TWICE = "The identifier stands twice in the catalogue."
LONGEST = 2000
"""Bytes of the longest name that an index of PostgreSQL takes without doubt."""


@dataclass(frozen=True)
class Known:
    """What is known of a record: of this source, or of another one that has the same identity."""

    id: int
    source_id: str
    identifier: str
    claim: str | None
    subject: str | None
    digest: bytes | None
    package_id: str | None
    vanished: bool = False
    kept: bool = False
    """The dataset is left as it is: a case stops it, or the region has deleted it."""


@dataclass
class Difference:
    """What is to be done about the records of a page."""

    create: list[Record] = field(default_factory=list)
    update: list[tuple[Known, Record]] = field(default_factory=list)
    restore: list[tuple[Known, Record]] = field(default_factory=list)
    """Had vanished and is back, changed or not."""
    unchanged: list[Known] = field(default_factory=list)
    stopped: list[Known] = field(default_factory=list)
    halted: list[tuple[Known, Record]] = field(default_factory=list)
    """Left as they are, but their source says something new, perhaps that it has stopped them too."""
    refused: list[Refused] = field(default_factory=list)
    met: list[int] = field(default_factory=list)
    """Numbers of the known records among the refused ones: they have not vanished."""
    unnamed: int = 0
    """Refused records of which nobody can say which they are."""

    @property
    def seen(self) -> list[int]:
        """Return the numbers of the known records that the page held."""
        pairs = [*self.update, *self.restore, *self.halted]
        known = [*self.unchanged, *self.stopped, *(one for one, _record in pairs)]
        return [*(one.id for one in known), *self.met]

    def refuse_again(self, numbers: set[int]) -> None:
        """Refuse known records that an earlier page held already."""
        for some in (self.unchanged, self.stopped):
            self.refused += [repeated(one) for one in some if one.id in numbers]
            some[:] = [one for one in some if one.id not in numbers]
        for pairs in (self.update, self.restore, self.halted):
            self.refused += [repeated(one) for one, _record in pairs if one.id in numbers]
            pairs[:] = [pair for pair in pairs if pair[0].id not in numbers]


def repeated(one: Known) -> Refused:
    """Return the refusal of a record that stands twice in a catalogue."""
    return Refused(one.identifier[:500], "duplicate", TWICE)


def claim_of(identifier: str) -> str | None:
    """Return an identifier in the form in which it means the same everywhere; None where it is local."""
    if UUID.fullmatch(identifier):
        return identifier.lower()
    return identifier if WEB.fullmatch(identifier) or CODE.fullmatch(identifier) else None


def subject_of(record: Record) -> str | None:
    """Return the address by which a record names itself; a blank node has none."""
    return record.subject if WEB.fullmatch(record.subject) else None


@lru_cache(maxsize=1024)
def names_of(identifier: str, subject: str) -> tuple[str, ...]:
    """Return the names of a record that mean the same everywhere."""
    own = subject if WEB.fullmatch(subject) else None
    return tuple(name for name in (claim_of(identifier), own) if name)


def is_usable(name: str) -> bool:
    """Say whether a name can be kept: there is one, and the database takes it."""
    try:
        return 0 < len(name.encode()) <= LONGEST and "\0" not in name
    except UnicodeEncodeError:
        return False


def host_of(address: str) -> str:
    """Return the host of an address, empty for what has none."""
    return host_in("/".join(address.split("/", 3)[:3]))


@lru_cache(maxsize=1024)
def host_in(beginning: str) -> str:
    """Return the host in the beginning of an address, up to its path; most addresses share it."""
    try:
        return (urlsplit(beginning).hostname or "").lower()
    except ValueError:
        return ""


def compare(page: Page, source_id: str, known: Sequence[Known], hosts: Mapping[str, str]) -> Difference:
    """Return what a page means; each of its records lands in exactly one place.

    :param known: what ``read_known`` says of the page
    :param hosts: host of every source that is alone on it → id of the source
    """
    found = Difference(refused=list(page.refused))
    own = {one.identifier: one for one in known if one.source_id == source_id}
    taken = {name: one for one in known for name in (one.claim, one.subject) if name}
    here: set[str] = set()
    for refused in page.refused:
        one = own.get(refused.where) or taken.get(refused.where)
        if one is not None and one.source_id == source_id:
            found.met.append(one.id)
        elif not WEB.fullmatch(refused.where):
            found.unnamed += 1
    for record in page.records:
        names = names_of(record.identifier, record.subject)
        fault = fault_of(record, own.get(record.identifier), names, taken, here, hosts, source_id)
        here.update([f"id {record.identifier}", *names])
        if fault:
            found.refused.append(Refused(record.identifier[:500], *fault))
            found.met += [own[record.identifier].id] if record.identifier in own else []
        else:
            place(found, own.get(record.identifier), record)
    return found


def fault_of(
    record: Record,
    own: Known | None,
    names: Sequence[str],
    taken: Mapping[str, Known],
    here: set[str],
    hosts: Mapping[str, str],
    source_id: str,
) -> tuple[str, str] | None:
    """Return code and words of what is wrong with a record's identity; None for nothing."""
    if not is_usable(record.identifier) or any(not is_usable(name) for name in names):
        return "identifier", "The record has no usable identifier."
    if f"id {record.identifier}" in here or not here.isdisjoint(names):
        return "duplicate", TWICE
    for name in names:
        holder = taken.get(name)
        if holder is not None and holder.source_id != source_id:
            return "stolen_identity", f"Another source has this dataset already: {name}"[:500]
        if holder is not None and (own is None or holder.id != own.id):
            return "duplicate", f"Another record of this source has the same name: {name}"[:500]
        if hosts.get(host_of(name), source_id) != source_id:
            return "stolen_identity", f"The address belongs to another source: {name}"[:500]
    return None


def place(found: Difference, own: Known | None, record: Record) -> None:
    """Put a sound record where it belongs."""
    if own is None:
        found.create.append(record)
    elif own.kept and own.digest == record.digest:
        found.stopped.append(own)
    elif own.kept:
        found.halted.append((own, record))
    elif own.vanished:
        found.restore.append((own, record))
    elif own.package_id is None or own.digest != record.digest:
        found.update.append((own, record))
    else:
        found.unchanged.append(own)


# --- the one query -------------------------------------------------------------------------------


def read_known(session: Session, source_id: str, some: Sequence[Page]) -> list[Known]:
    """Return what is known of the records of pages and of their names, by one query for all of them."""
    records = [one for page in some for one in page.records]
    sound = [one for one in records if is_usable(one.identifier) and is_usable(one.subject or "-")]
    refused = {one.where for page in some for one in page.refused if is_usable(one.where)}
    ids = list({one.identifier for one in sound} | refused)
    names = {name for one in sound for name in names_of(one.identifier, one.subject)}
    names = list(names | refused)
    rows = session.execute(KNOWN, {"source": source_id, "ids": ids, "names": names})
    return [Known(*row) for row in rows]


def enter(session: Session, source_id: str, found: Difference) -> dict[str, int]:
    """Give new records their rows: identifier → number.

    One that the same source has just been given its row for has that; those whose name another record has
    just taken are refused.
    """
    rows = [
        {
            "source_id": source_id, "identifier": one.identifier, "claim": claim_of(one.identifier),
            "subject": subject_of(one),
        }
        for one in found.create
    ]  # fmt: skip
    if not rows:
        return {}
    statement = sa.text(
        "INSERT INTO nmgdata_harvest_record (source_id, identifier, claim, subject)"
        " SELECT source_id, identifier, claim, subject"
        " FROM json_populate_recordset(NULL::nmgdata_harvest_record, CAST(:rows AS json))"
        " ON CONFLICT DO NOTHING RETURNING identifier, id"
    )
    numbers = {row[0]: row[1] for row in session.execute(statement, {"rows": together(rows)})}
    if len(numbers) < len(rows):  # the catalogue and the feed may tell of a record at the same time
        own = sa.select(RECORD.identifier, RECORD.id).where(
            RECORD.source_id == source_id, RECORD.identifier.in_([row["identifier"] for row in rows])
        )
        numbers |= dict(session.execute(own).tuples().all())
    for one in [one for one in found.create if one.identifier not in numbers]:
        found.create.remove(one)
        taken = "Another record has taken this name."
        found.refused.append(Refused(one.identifier[:500], "stolen_identity", taken))
    return numbers


def hosts_of(session: Session, source_id: str) -> dict[str, str]:
    """Return the hosts that belong to one source alone: host → id of the source."""
    found: dict[str, set[str]] = {}
    for one, address in session.execute(sa.select(Source.id, Source.address)):
        found.setdefault(host_of(address), set()).add(one)
    return {host: next(iter(some)) for host, some in found.items() if host and len(some) == 1}


RECORD, PACKAGE = RemoteRecord.__table__.c, model.package_table.c
STATE = sa.select(PACKAGE.state).where(PACKAGE.id == RECORD.package_id).scalar_subquery()
"""Asked of each record's dataset: joined, PostgreSQL would rather read the whole index of all datasets."""
KEPT = sa.and_(
    RECORD.package_id.is_not(None),
    RECORD.archived_at.is_(None),
    sa.or_(STATE == model.State.DELETED, held_here(RECORD.package_id)),
)
"""Condition that a dataset is left as it is: deleted by the region, or stopped by a case of its own."""
KNOWN = (
    sa.select(
        RECORD.id, RECORD.source_id, RECORD.identifier, RECORD.claim, RECORD.subject, RECORD.digest,
        RECORD.package_id, RECORD.vanished_at.is_not(None), sa.func.coalesce(KEPT, sa.false()),
    )
    .where(
        sa.or_(
            sa.and_(
                RECORD.source_id == sa.bindparam("source"),
                RECORD.identifier == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Text))),
            ),
            RECORD.claim == sa.func.any(sa.bindparam("names", type_=sa.ARRAY(sa.Text))),
            RECORD.subject == sa.func.any(sa.bindparam("names", type_=sa.ARRAY(sa.Text))),
        )
    )
)  # fmt: skip
