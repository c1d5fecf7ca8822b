"""Load records: described, checked by the dataset schema, written in bulk; what can not be is refused.

Everything of a page is one transaction: datasets, files, identities, problems, counts, audit, change feed and
the index's outbox rows are all there or none is.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from sqlalchemy.orm import Session

from .. import vocab
from ..catalog.bulk.check import Checked, Checker, UnusableError, checker
from ..catalog.bulk.rows import Made, named, together
from ..catalog.bulk.write import write
from ..catalog.dcat_terms import CONCEPT
from ..catalog.model import Entry
from ..catalog.names import from_title
from ..kernel import orgs
from ..kernel.gate.model import Origin
from ..kernel.unit import Unit
from . import local
from .following import stops as origin
from .model import Problem, RemoteFile, RemoteRecord, Source
from .records import Record
from .remote.describe import entry as describe_record
from .remote.describe import match as match_files
from .remote.spec import Spec
from .work import Task

BESIDE = ("page", "publisher", "licence", "stop")
DIVISION = re.compile(rb"<" + re.escape(f"{CONCEPT}division/".encode()) + rb"(\d{6})>")
LONGEST = 500
KNOWN = (
    sa.select(
        RemoteRecord.id, RemoteRecord.package_id, RemoteRecord.archived_at, RemoteRecord.followed_at,
        RemoteRecord.local,
    )
    .where(RemoteRecord.id == sa.func.any(sa.bindparam("numbers", type_=sa.ARRAY(sa.BigInteger))))
    .order_by(RemoteRecord.id)
    .with_for_update()
)  # fmt: skip


@dataclass
class Refusal:
    """Why one record was not loaded, or not as the source states it."""

    place: str
    code: str
    detail: str
    is_refused: bool = True
    number: int = 0
    """Of the task."""


@dataclass
class Batch:
    """What became of some tasks, before it is written."""

    outcomes: dict[int, str] = field(default_factory=dict)
    """Number of each task → what it counts as."""
    made: list[tuple[Task, Made, dict[str, Any], list[str]]] = field(default_factory=list)
    keys: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    """Id of a file → number of its record and what it is recognised by."""
    problems: list[Refusal] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)
    stops: dict[str, origin.Places] = field(default_factory=dict)
    """What stops each dataset by its source's word."""

    @property
    def counts(self) -> Counter[str]:
        """Return how many tasks came to what."""
        return Counter(self.outcomes.values())

    def refuse(self, task: Task, code: str, detail: str) -> None:
        """Note that a record is not loaded."""
        self.outcomes[task.number] = "refused"
        self.problems.append(Refusal(task.record.identifier, code, detail, number=task.number))

    def note(self, task: Task, code: str, detail: str) -> None:
        """Note that a record is loaded otherwise than the source states it."""
        self.problems.append(Refusal(task.record.identifier, code, detail, False, task.number))


@dataclass
class Loader:
    """Loads the records of one source."""

    source: Source
    spec: Spec
    describe: Callable[..., dict[str, Any]] = describe_record
    match: Callable[..., list[int | None]] = match_files
    checker: Checker = field(default_factory=checker)
    as_of: datetime | None = None
    """Records that the change feed told of since then are newer here than what is to be loaded."""

    def __post_init__(self) -> None:
        """Read who owns what."""
        group: Any = model.Group
        ids = {self.source.owner_org, *map(str, self.source.organisations.values())}
        query = sa.select(group.id, group.name, orgs.REGION_CODE).where(
            sa.or_(group.id.in_(ids), group.name.in_(ids)), group.state == "active"
        )
        self.owners: dict[str, str] = {}
        self.regions: dict[str, str] = {}
        for org_id, name, region in model.Session.execute(query):
            self.owners |= {org_id: org_id, name: org_id}
            self.regions[org_id] = region or self.source.region_code
        self.creator = tk.get_action("get_site_user")({"ignore_auth": True}, {})["id"]

    def load(self, unit: Unit, tasks: Sequence[Task]) -> Batch:
        """Load tasks in the unit's transaction."""
        batch = Batch()
        known = self.known(unit.session, tasks)
        files = self.files(unit.session, [one.id for one in known.values()])
        former = self.former(unit.session, [one.package_id for one in known.values() if one.package_id])
        for task in tasks:
            row = known.get(task.number)
            if row is None:
                batch.refuse(task, "forgotten", "The dataset was removed while it was being loaded.")
            elif self.as_of and row.followed_at and row.followed_at >= self.as_of:
                batch.outcomes[task.number] = "unchanged"
            elif row.package_id and former.get(row.package_id, {}).get("kept") and not row.archived_at:
                batch.outcomes[task.number] = "stopped"
                batch.stopped.append(row.id)
                batch.stops[row.package_id] = self.stops_of(task, files[task.number])
            else:
                self.prepare(batch, task, row, files[task.number], former.get(row.package_id or "", {}))
        self.give_names(unit.session, [made for _task, made, _remote, _missing in batch.made])
        with local.harvesting(unit.session):
            write(unit, [made for _task, made, _remote, _missing in batch.made])
        self.remember(unit, batch)
        origin.settle(unit, self.source, batch.stops)
        return batch

    # --- what is there ---------------------------------------------------------------------------

    def known(self, session: Session, tasks: Sequence[Task]) -> dict[int, sa.Row[Any]]:
        """Return what is known of the records, their rows locked in one order."""
        rows = session.execute(KNOWN, {"numbers": [one.number for one in tasks]})
        return {row.id: row for row in rows}

    def files(self, session: Session, numbers: Sequence[int]) -> dict[int, list[tuple[str, list[str]]]]:
        """Return id and keys of the files that each record has had."""
        query = sa.select(RemoteFile.record_id, RemoteFile.resource_id, RemoteFile.keys)
        found: dict[int, list[tuple[str, list[str]]]] = defaultdict(list)
        rows = session.execute(
            query.where(RemoteFile.record_id.in_(numbers)).order_by(RemoteFile.resource_id)
        )
        for number, resource_id, keys in rows:
            found[number].append((resource_id, keys))
        return found

    def former(self, session: Session, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return what the datasets are now: name, class, links, and whether they are left as they are."""
        if not ids:
            return {}
        package: Any = model.Package
        kept = sa.or_(package.state == model.State.DELETED, origin.held_here(package.id))
        query = (
            sa.select(package.id, package.name, package.creator_user_id, Entry.open_class, kept)
            .outerjoin(Entry, Entry.dataset_id == package.id)
            .where(package.id.in_(ids))
        )
        found = {
            row[0]: {"name": row[1], "creator": row[2], "open_class": row[3], "kept": row[4], "links": {}}
            for row in session.execute(query)
        }
        resource: Any = model.Resource
        links = sa.select(resource.package_id, resource.id, Origin.url).outerjoin(
            Origin, Origin.resource_id == resource.id
        )
        for dataset_id, resource_id, url in session.execute(links.where(resource.package_id.in_(ids))):
            found[dataset_id]["links"][resource_id] = url
        return found

    # --- one record ------------------------------------------------------------------------------

    def prepare(
        self, batch: Batch, task: Task, row: sa.Row[Any], files: list[tuple[str, list[str]]], former: dict
    ) -> None:
        """Describe, judge and check one record."""
        if foreign := self.foreign_region(task.record):
            batch.refuse(task, "foreign_region", f"The record claims division {foreign}.")
            return
        entry = self.describe(task.record, self.spec, named=not row.package_id)
        remote = entry.pop("remote", {})
        if row.package_id and not row.archived_at and origin.is_withdrawn(remote.get("stop")):
            # What a city leaves of it says less than what is known here.
            batch.outcomes[task.number] = "stopped"
            batch.stopped.append(row.id)
            batch.stops[row.package_id] = origin.stated(remote["stop"], {})
            return
        owner = self.owners.get(str(entry.get("owner_org") or self.source.owner_org))
        if owner is None or not vocab.lies_within(self.regions[owner], self.source.region_code):
            detail = f"The publisher is not one of the source: {remote.get('publisher') or owner or '-'}"
            batch.refuse(task, "foreign_publisher", detail)
            return
        files_there = entry.get("resources") or []
        keys = [list(one.pop("remote_keys", ())) for one in files_there]
        stops = [one.pop("remote_stop", None) for one in files_there]
        stated = {name: text(entry[name]) for name in local.EDITED if name in entry}
        try:
            checked = self.checked({**entry, "owner_org": owner, "type": "dataset"}, row.local, stated)
        except UnusableError as error:
            batch.refuse(task, "invalid", str(error))
            return
        for name, why in checked.dropped.items():
            batch.note(task, "not_taken", f"{name}: {why}")
        dataset_id = row.package_id or named("dataset", self.source.id, task.record.identifier)
        made = Made(
            dataset_id, checked.data, owner, former.get("creator", self.creator),
            is_new=not row.package_id, source=self.source.id, former=former,
        )  # fmt: skip
        made.data["title"] = made.data.get("title") or task.record.identifier
        made.data["name"] = former.get("name") or entry.get("name")
        self.identify_files(batch, task, made, keys, files)
        beside = {name: remote[name] for name in BESIDE if remote.get(name)}
        if stopped := {one["id"]: stop for one, stop in zip(made.files, stops, strict=True) if stop}:
            beside["file_stops"] = stopped
        batch.stops[made.dataset_id] = origin.stated(beside.get("stop"), stopped)
        missing = list(dict.fromkeys([*checked.missing, *remote.get("missing", ())]))
        batch.made.append((task, made, {**beside, "fields": stated}, missing))
        known_as = task.outcome if task.outcome != "created" else "updated"
        batch.outcomes[task.number] = "created" if made.is_new else known_as

    def stops_of(self, task: Task, files: list[tuple[str, list[str]]]) -> origin.Places:
        """Return what the source says stops a dataset that is left as it is otherwise."""
        entry = self.describe(task.record, self.spec, named=False)
        found = entry.get("resources") or []
        places = self.match([keys for _id, keys in files], [one.get("remote_keys") or [] for one in found])
        said = {
            files[place][0]: one.get("remote_stop")
            for place, one in zip(places, found, strict=True)
            if place is not None
        }
        return origin.stated(entry.get("remote", {}).get("stop"), said)

    def foreign_region(self, record: Record) -> str | None:
        """Return a division of the nmg vocabulary that a record claims and that is not the source's."""
        claimed = {found.decode() for found in DIVISION.findall(record.triples)}
        outside = (code for code in claimed if not vocab.lies_within(code, self.source.region_code))
        return next(iter(sorted(outside)), None)

    def checked(self, entry: dict[str, Any], ours: dict[str, Any], stated: dict[str, Any]) -> Checked:
        """Check an entry with what the region says in the place of the source.

        Its class counts only where the source has none. One that a rule forbids is none; it is taken out
        of ``stated``.
        """
        edited = {name: ours[name] for name in local.LOCAL if name in ours}
        checked = self.checker.check({**entry, **edited})
        if "open_class" in stated and "open_class" not in checked.dropped:
            return checked
        stated.pop("open_class", None)
        if "open_class" not in ours:
            return checked
        classed = {name: ours[name] for name in local.CLASS if name in ours}
        plain = {name: value for name, value in entry.items() if name != "open_class"}
        again = self.checker.check({**plain, **edited, **classed})
        return replace(again, dropped={**checked.dropped, **again.dropped})

    def identify_files(
        self, batch: Batch, task: Task, made: Made, keys: list[list[str]], files: list[tuple[str, list[str]]]
    ) -> None:
        """Give every file the id that it has had, or a new one that is always the same."""
        places = self.match([known for _id, known in files], keys) if files else [None] * len(keys)
        taken = {files[place][0] for place in places if place is not None}
        for number, (one, own, place) in enumerate(zip(made.files, keys, places, strict=True)):
            found = files[place][0] if place is not None else None
            turn = 0
            while found is None or (place is None and found in taken):
                found = named("file", made.dataset_id, own[0] if own else str(number), str(turn))
                turn += 1
            taken.add(found)
            one["id"] = found
            batch.keys[found] = (task.number, own)

    def give_names(self, session: Session, made: Sequence[Made]) -> None:
        """Give new datasets names that nobody has: those of the remote side, else ones with another hash."""
        new = [one for one in made if one.is_new]
        package: Any = model.Package
        wanted = [one.data["name"] for one in new]
        taken = set(session.scalars(sa.select(package.name).where(package.name.in_(wanted))))
        for one in new:
            turn = 1
            while one.data["name"] in taken:
                turn += 1
                one.data["name"] = from_title(one.data["title"], f"{one.dataset_id}#{turn}")
            taken.add(one.data["name"])

    # --- afterwards ------------------------------------------------------------------------------

    def remember(self, unit: Unit, batch: Batch) -> None:
        """Write down which record is which dataset and file now."""
        found = [
            {
                "id": task.number, "package_id": made.dataset_id, "digest": f"\\x{task.record.digest.hex()}",
                "remote": remote, "missing": missing, "changed_at": unit.now.isoformat(),
            }
            for task, made, remote, missing in batch.made
        ]  # fmt: skip
        update = sa.text(
            "UPDATE nmgdata_harvest_record r SET package_id = f.package_id, digest = f.digest,"
            " remote = f.remote, missing = f.missing, changed_at = f.changed_at,"
            " vanished_at = NULL, archived_at = NULL"
            " FROM json_populate_recordset(NULL::nmgdata_harvest_record, CAST(:found AS json)) f"
            " WHERE f.id = r.id"
        )
        if found:
            unit.session.execute(update, {"found": together(found)})
        returned = sa.update(RemoteRecord).where(RemoteRecord.id.in_(batch.stopped))
        if batch.stopped:
            unit.session.execute(
                returned.values(vanished_at=None).execution_options(synchronize_session=False)
            )
        keep_files = sa.text(
            "INSERT INTO nmgdata_harvest_file (resource_id, record_id, keys)"
            " SELECT resource_id, record_id, keys"
            " FROM json_populate_recordset(NULL::nmgdata_harvest_file, CAST(:found AS json))"
            " ON CONFLICT (resource_id) DO UPDATE SET keys = excluded.keys"
        )
        files = [
            {"resource_id": resource_id, "record_id": number, "keys": keys}
            for resource_id, (number, keys) in batch.keys.items()
        ]
        if files:
            unit.session.execute(keep_files, {"found": together(files)})


def text(value: Any) -> Any:
    """Return a value as it is kept among the extras, so that it can be told from another."""
    return str(value).lower() if isinstance(value, bool) else value


def write_problems(session: Session, job_id: str, page: int | None, problems: Sequence[Refusal]) -> None:
    """Write down what was wrong, no longer than the table takes and without what it does not."""
    rows = [
        {
            "job_id": job_id, "page": page, "place": clean(one.place), "code": clean(one.code),
            "detail": clean(one.detail), "is_refused": one.is_refused,
        }
        for one in problems
    ]  # fmt: skip
    if rows:
        session.execute(sa.insert(Problem), rows)


def clean(text: str) -> str:
    """Return a text that the database takes."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:LONGEST]
