"""Compare database, index and change feed, and mend what differs.

Database and index are read side by side in one order, a page at a time, so memory does not grow with the
catalogue. It can run at any hour: what differs is looked at once more, because a change may just have
been on its way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pysolr
import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .. import config
from ..kernel import outbox
from ..kernel.actors import Actor
from ..kernel.changes import log
from ..kernel.changes.model import Cause
from ..kernel.gate.model import Origin
from ..kernel.outbox import search as index
from ..kernel.outbox.model import Outbox
from ..kernel.unit import begin
from . import sources

MISSING, EXTRA, STALE, LEAK, FEED = "missing", "extra", "stale", "leak", "feed"
PAGE = 500
TIMEOUT = 60
LINK = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\"'<>\\]+")
ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
TRAILING = ".,;:!?)]}。，；：！？）】》"


@dataclass(frozen=True)
class Difference:
    """One dataset whose document or place in the feed is not what the database says."""

    kind: str
    dataset_id: str


@dataclass
class Report:
    """What was compared, what differed, and what still does."""

    datasets: int = 0
    documents: int = 0
    found: int = 0
    left: int = 0


Say = Callable[[str], None]


def run(repair: bool, say: Say, progress: Say) -> Report:
    """Compare everything; ``say`` gets each difference, ``progress`` how far it is."""
    report = Report()
    for some in batches(differences(report, progress)):
        settle(sure(some), repair, report, say)
    for some in batches(Difference(FEED, dataset_id) for dataset_id in log.astray()):
        settle(some, repair, report, say)
    return report


def batches(found: Iterable[Difference]) -> Iterator[list[Difference]]:
    """Yield differences some at a time."""
    iterator = iter(found)
    while some := list(islice(iterator, PAGE)):
        yield some


# --- side by side --------------------------------------------------------------------------------


def differences(report: Report, progress: Say) -> Iterator[Difference]:
    """Yield what differs between database and index, both read in the order of ids."""
    with model.ensure_engine().connect() as connection:
        rows, documents = sources.of_all(connection), all_documents(report, progress)
        row, document = next(rows, None), next(documents, None)
        while row or document:
            if document is None or (row and key(row[0]) < key(document["id"])):
                yield Difference(MISSING, row[0])  # pyright: ignore[reportOptionalSubscript]
                row, report.datasets = next(rows, None), report.datasets + 1
            elif row is None or key(document["id"]) < key(row[0]):
                yield Difference(EXTRA, document["id"])
                document = next(documents, None)
            else:
                if document.get(sources.FIELD) != row[1]:
                    yield Difference(STALE, row[0])
                if document[LEAK]:
                    yield Difference(LEAK, row[0])
                row, report.datasets = next(rows, None), report.datasets + 1
                document = next(documents, None)


def key(text: str) -> bytes:
    """Return what Solr and PostgreSQL's collation C order by."""
    return text.encode()


def solr() -> pysolr.Solr:
    """Return a connection that has time."""
    return pysolr.Solr(tk.config["solr_url"], timeout=TIMEOUT)


def all_documents(report: Report, progress: Say) -> Iterator[dict[str, Any]]:
    """Yield every document of this portal: id, fingerprint, and whether it holds a true link."""
    cursor, connection = "*", solr()
    while True:
        page = connection.search(
            "*:*", fq=of_this_portal(), sort="id asc,index_id asc", rows=PAGE, cursorMark=cursor,
            fl=f"*,{sources.FIELD}",
        )  # fmt: skip
        yield from judged(page.docs)
        report.documents += len(page.docs)
        if page.docs:
            progress(f"{report.documents} / {page.hits}")
        if page.nextCursorMark == cursor:
            return
        cursor = page.nextCursorMark


def of_this_portal() -> str:
    """Return the filter for the datasets of this portal, which may share a core with others."""
    return f'+entity_type:package +site_id:"{tk.config["ckan.site_id"]}"'


def judged(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return id and fingerprint of documents, and whether they hold a true link of ``nmgdata_origin``.

    Looked for are the links of the dataset's own files, whatever their form, and every address in the
    text that is the true link of any other file.
    """
    texts = {document["id"]: text_of(document) for document in documents}
    own = own_links(list(texts))
    known = true_links({link for text in texts.values() for link in links_in(text)})
    leaks = {
        dataset_id
        for dataset_id, text in texts.items()
        if any(link in text for link in own.get(dataset_id, ())) or (known and known & links_in(text))
    }
    return [
        {"id": one["id"], sources.FIELD: one.get(sources.FIELD), LEAK: one["id"] in leaks}
        for one in documents
    ]


def text_of(document: dict[str, Any]) -> str:
    """Return everything that a document stores; what is JSON within it with its characters unescaped."""
    values = (value if isinstance(value, list) else [value] for value in document.values())
    text = "\n".join(str(one) for some in values for one in some)
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def links_in(text: str) -> set[str]:
    """Return the addresses in a text, with and without a punctuation mark at their end."""
    found = set(LINK.findall(text))
    return found | {link.rstrip(TRAILING) for link in found}


def own_links(ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the true links of datasets' files by dataset."""
    resource: Any = model.Resource
    query = (
        sa.select(resource.package_id, Origin.url)
        .join(resource, resource.id == Origin.resource_id)
        .where(resource.package_id.in_(ids), elsewhere())
    )
    found: dict[str, list[str]] = {}
    for dataset_id, url in model.Session.execute(query):
        found.setdefault(dataset_id, []).append(url)
    model.Session.rollback()
    return found


def elsewhere() -> sa.ColumnElement[bool]:
    """Return the condition that a link leads out of the portal; its own pages are no secret."""
    return ~sa.func.concat(Origin.url, "/").istartswith(f"{config.site_root()}/", autoescape=True)


def true_links(written: set[str]) -> set[str]:
    """Return those of these addresses that are true links."""
    if not written:
        return set()
    query = sa.select(Origin.url).where(Origin.url.in_(written), elsewhere())
    known = set(model.Session.scalars(query))
    model.Session.rollback()
    return known


# --- look again, mend ----------------------------------------------------------------------------


def sure(found: Sequence[Difference]) -> list[Difference]:
    """Return those of these differences that are still there."""
    ids = sorted({one.dataset_id for one in found})
    want = sources.of_datasets(model.Session(), ids)
    model.Session.rollback()
    quoted = ",".join(ids)
    page = solr().search(
        "*:*", fq=[of_this_portal(), f"{{!terms f=id}}{quoted}"], rows=len(ids) * 2, fl=f"*,{sources.FIELD}"
    )
    documents = {document["id"]: document for document in judged(page.docs)}
    return [difference for one in ids for difference in compared(one, want.get(one), documents.get(one))]


def compared(dataset_id: str, want: str | None, document: dict[str, Any] | None) -> list[Difference]:
    """Return what differs between one dataset and its document."""
    if document is None:
        return [Difference(MISSING, dataset_id)] if want else []
    if want is None:
        return [Difference(EXTRA, dataset_id)]
    wrong = {STALE: document[sources.FIELD] != want, LEAK: document[LEAK]}
    return [Difference(kind, dataset_id) for kind, is_so in wrong.items() if is_so]


def settle(found: Sequence[Difference], repair: bool, report: Report, say: Say) -> None:
    """Say what differs; if it is to be mended, do so and look whether it is."""
    for one in found:
        say(f"{one.kind} {one.dataset_id}")
    report.found += len(found)
    if not (repair and found):
        report.left += len(found)
        return
    with begin(Actor.system()) as unit:
        for one in found:
            if one.kind == FEED:
                log.note(unit.session, one.dataset_id, Cause.UPDATED)
            else:
                index.note(unit.session, one.dataset_id)
    documents = [one for one in found if one.kind != FEED]
    if documents:
        await_delivery([one.dataset_id for one in documents])
        report.left += len(sure(documents))


def await_delivery(ids: Sequence[str]) -> None:
    """Wait until nobody else is delivering rows of these datasets, then deliver what is left of them."""
    dataset_id = Outbox.payload["dataset"].astext
    query = sa.select(Outbox.id).where(
        Outbox.topic == index.TOPIC, Outbox.done_at.is_(None), dataset_id.in_(ids)
    )
    model.Session.execute(query.with_for_update())
    model.Session.rollback()
    outbox.deliver([index.TOPIC])
