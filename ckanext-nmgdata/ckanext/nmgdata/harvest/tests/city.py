"""A city whose catalogue a test decides: records in, pages out, as the remote side would give them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from ckan import model

from ... import factories
from ...kernel.actors import Actor
from ...kernel.types import new_id
from ...kernel.unit import begin
from .. import jobs, run
from ..model import Job, RemoteRecord, Source
from ..records import Page, Record, Refused, Validators
from ..remote.spec import Spec

Entry = dict[str, Any]
PAGE = 3


def entry(title: str, files: Sequence[str] = ("a",), **values: Any) -> Entry:
    """Return an entry as a city describes it; ``files`` are the keys of its distributions."""
    return {
        **{
            name: one for name, one in factories.entry({"id": ""}, title=title).items() if name != "owner_org"
        },
        "region_code": "150600",
        "resources": [
            {
                "name": key,
                "format": "CSV",
                "url": f"https://city.example.cn/files/{key}.csv?v={len(title)}",
                "key": key,
            }
            for key in files
        ],
        **values,
    }


def record(identifier: str, described: Entry, subject: str = "") -> Record:
    """Return a record; its triples are the description in JSON, which ``describe`` reads."""
    triples = json.dumps(described, ensure_ascii=False, sort_keys=True).encode()
    return Record(identifier, subject or f"_:{identifier}", sha256(triples).digest(), triples)


def describe(one: Record, spec: Spec, *, named: bool = True) -> Entry:
    """Return what a record describes."""
    described = json.loads(one.triples)
    resources = [
        {**f, "remote_keys": [f["key"]], "remote_stop": f.get("stop")} for f in described.get("resources", [])
    ]
    resources = [{k: v for k, v in f.items() if k not in ("key", "stop")} for f in resources]
    name = {"name": f"x-{sha256((spec.source + one.identifier).encode()).hexdigest()[:12]}"} if named else {}
    remote = {"page": f"https://city.example.cn/{one.identifier}", "stop": described.pop("stop", None)}
    beside = {"owner_org": spec.organisation, "remote": remote}
    if spec.default_class:
        described.setdefault("open_class", spec.default_class)
    return {**name, **beside, **described, "resources": resources}


def match(known: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> list[int | None]:
    """Return which known file each found one is."""
    keys = [list(one) for one in known]
    return [keys.index(list(one)) if list(one) in keys else None for one in found]


class City:
    """A source and its catalogue."""

    ways = {"describe": describe, "match": match}

    def __init__(self, code: str = "150600", name: str = "ordos", **values: Any) -> None:
        """Make the source and the organisation of the city."""
        self.catalogue: dict[str, Entry] = {}
        self.subjects: dict[str, str] = {}
        self.refused: list[Refused] = []
        self.per_page = PAGE
        self.is_quick = False
        """Its pages are there before they are written down."""
        self.error: Exception | None = None
        """Raised after the last page."""
        self.asked: list[str | None] = []
        self.org = factories.organisation(f"{name}市政府", name=f"{name}-gov", region_code=code)
        with begin(Actor.system()) as unit:
            source = Source(
                id=new_id(), name=name, title=name, region_code=code, owner_org=self.org["id"],
                address=f"https://{name}.example.cn/catalog.ttl", created_at=unit.now, changed_at=unit.now,
                **{"guard_number": 1000, "guard_share": 1.0, **values},
            )  # fmt: skip
            unit.session.add(source)
        self.id = source.id

    def put(self, identifier: str, **values: Any) -> None:
        """Add or change a record."""
        self.catalogue[identifier] = entry(values.pop("title", f"数据 {identifier}"), **values)

    def pages(self) -> list[Page]:
        """Return the catalogue as it is now."""
        records = [record(key, one, self.subjects.get(key, "")) for key, one in self.catalogue.items()]
        parts = [records[i : i + self.per_page] for i in range(0, len(records), self.per_page)] or [[]]
        last = len(parts) - 1
        return [
            Page(
                address=f"page-{n}", number=n, records=tuple(part),
                refused=tuple(self.refused) if n == last else (),
                next=None if n == last else f"page-{n + 1}", total=len(records), read=100,
                is_followed=self.is_quick and (n != last or self.error is not None),
            )
            for n, part in enumerate(parts)
        ]  # fmt: skip

    def read(self, spec: Spec, start: str | None, known: Validators | None) -> Iterator[Page]:
        """Yield the pages from where reading goes on."""
        self.asked.append(start)
        pages = self.pages()
        place = next((n for n, page in enumerate(pages) if page.address == start), 0)
        yield from pages[place:]
        if self.error:
            raise self.error

    def harvest(self) -> Job:
        """Run one harvest to its end, as a worker would."""
        job_id = jobs.ask(self.id)
        self.work(job_id)
        return self.job(job_id)

    def work(self, *job_ids: str) -> None:
        """Work on jobs until nothing is left of them."""
        run.Worker(only=list(job_ids), read=self.read, ways=self.ways).run()

    def job(self, job_id: str) -> Job:
        """Return a job as the database has it now."""
        model.Session.rollback()
        return model.Session.get_one(Job, job_id, populate_existing=True)

    def record(self, identifier: str) -> RemoteRecord | None:
        """Return what is known of a record."""
        model.Session.rollback()
        query = sa.select(RemoteRecord).where(
            RemoteRecord.source_id == self.id, RemoteRecord.identifier == identifier
        )
        return model.Session.scalar(query.execution_options(populate_existing=True))

    def dataset(self, identifier: str) -> model.Package:
        """Return the dataset of a record."""
        found = self.record(identifier)
        assert found is not None
        assert found.package_id
        return model.Session.get_one(model.Package, found.package_id, populate_existing=True)

    def shown(self, identifier: str) -> dict[str, Any]:
        """Return the dataset of a record as everybody reads it."""
        return factories.call("package_show", id=self.dataset(identifier).id)


COUNTS = ("created", "updated", "restored", "unchanged", "stopped", "refused", "waiting")


def counts(job: Job) -> dict[str, int]:
    """Return the counts of a job that are not zero."""
    found = {name: getattr(job, f"{name}_count") for name in COUNTS}
    assert sum(found.values()) == job.read_count
    return {name: value for name, value in found.items() if value}
