"""Keep Solr out of every write: CKAN's index class is replaced by a writer of outbox rows.

CKAN writes Solr before the database commits, and a write fails when Solr is down. Here the write
adds an outbox row; right after the commit the same request delivers its own rows, with a short
time limit, so that who creates a dataset finds it at once. What fails stays in the outbox.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pysolr
import requests
import sqlalchemy as sa
from ckan import logic, model
from ckan.common import config
from ckan.lib import search
from ckan.lib.search.index import PackageSearchIndex
from ckan.types import Context
from sqlalchemy import event
from sqlalchemy.orm import Session

from .. import quickjson
from ..actors import Actor
from ..unit import begin
from .model import Outbox
from .queue import UnavailableError, deliver_batch, enqueue, enqueue_all, handle

log = logging.getLogger(__name__)
TOPIC = "index"
BATCH = 1000
"""Datasets whose documents become visible together: each time costs Solr a segment and a searcher."""
PART = 250
"""Datasets whose documents are made and sent together."""
FEW = 5
"""Datasets up to which CKAN's own way is as fast as that for many."""
PATIENCE = 20
"""Documents sent together for which Solr has a second more."""
LOCK_ALL = sa.text(
    "SELECT count(pg_advisory_xact_lock(hashtextextended(id, 7)))"
    " FROM (SELECT unnest(CAST(:ids AS text[])) AS id ORDER BY 1) wanted"
)
AWAY = 2
"""Seconds until Solr is asked again that was away: search is to agree soon after its return."""
TIMEOUT = 3
"""Seconds that a request waits for Solr after its commit."""
REST = 10.0
"""Seconds during which requests do not ask Solr again after it has failed them."""
_FRESH = "nmgdata_index_fresh"
_BUSY = "nmgdata_index_busy"
_rest = {"until": 0.0}
PACKAGE: Any = model.Package
Maker = Callable[[Sequence[str]], list[dict[str, Any]]]
"""From ids to the documents of those that the index is to hold."""
_makers: list[Maker] = []


class OutboxIndex(PackageSearchIndex):
    """CKAN's package index, writing outbox rows instead of Solr documents."""

    def index_package(self, pkg_dict: dict[str, Any] | None, defer_commit: bool = False) -> None:
        """Note that a dataset is to be indexed."""
        if pkg_dict:
            note(model.Session(), pkg_dict["id"])

    def delete_package(self, pkg_dict: dict[str, Any]) -> None:
        """Note that a dataset is to be removed from the index."""
        note(model.Session(), pkg_dict["id"])

    def commit(self) -> None:
        """Make what was sent visible."""
        solr().commit(softCommit=True)


def note(session: Session, dataset_id: str) -> None:
    """Add a dataset to the outbox; used also where a case changes what its document says."""
    row_id = enqueue(session, TOPIC, {"dataset": dataset_id})
    session.info.setdefault(_FRESH, []).append(row_id)


def note_all(session: Session, ids: Sequence[str]) -> None:
    """Add many datasets to the outbox in one statement; ``tick`` delivers them."""
    enqueue_all(session, TOPIC, [{"dataset": dataset_id} for dataset_id in ids])


def write_all() -> Iterator[tuple[int, int]]:
    """Write the documents of all datasets anew, beside ``tick``; yield how many are written, and of how many.

    :raises UnavailableError: Solr does not answer; what is left waits for ``tick``
    """
    with begin(Actor.system()) as unit:
        ids = unit.session.scalars(sa.select(PACKAGE.id).order_by(PACKAGE.id)).all()
        note_all(unit.session, ids)
    done = 0
    while (count := deliver_batch(TOPIC)) is not None:
        if count == 0:
            raise UnavailableError("Solr does not answer; the rest is left to tick.")
        done += count
        yield min(done, len(ids)), len(ids)


def solr(timeout: int = TIMEOUT) -> pysolr.Solr:
    """Return a connection to Solr that gives up soon."""
    return pysolr.Solr(config["solr_url"], timeout=timeout)


def write_documents(rows: Sequence[Outbox]) -> None:
    """Bring the documents of these datasets to what the database says now.

    An advisory lock per dataset keeps two deliveries of one dataset in order, so that an older
    state is never written over a newer one.
    """
    ids = sorted({row.payload["dataset"] for row in rows})
    model.Session.execute(LOCK_ALL, {"ids": ids})
    model.Session.expire_all()
    try:
        if len(ids) > FEW and _makers:
            for start in range(0, len(ids), PART):
                send(ids[start : start + PART], _makers[0](ids[start : start + PART]))
        else:
            for dataset_id in ids:
                write_document(dataset_id)
    except Exception as error:
        if broke_off(error) or not answers():
            raise UnavailableError(str(error)) from error
        raise
    try:
        solr().commit(softCommit=True, waitSearcher=True)
    except pysolr.SolrError as error:  # of that no document is to blame: Solr is busy or has just begun
        raise UnavailableError(str(error)) from error


def broke_off(error: BaseException | None) -> bool:
    """Say whether a failure began with a connection that broke off or took too long."""
    while error is not None:
        if isinstance(error, requests.RequestException):
            return True
        error = error.__cause__ or error.__context__
    return False


def answers() -> bool:
    """Say whether Solr answers at all."""
    try:
        solr().ping()
    except pysolr.SolrError:
        return False
    return True


def make_many(maker: Maker) -> None:
    """Name the function that makes the documents of many datasets faster than one after another."""
    _makers[:] = [maker]


def send(ids: Sequence[str], documents: Sequence[dict[str, Any]]) -> None:
    """Send documents, and remove those of datasets that have none; visible with the next commit."""
    patient = solr(TIMEOUT + len(ids) // PATIENCE)
    made = {document["id"] for document in documents}
    if documents:
        body = quickjson.packed(
            [{name: value for name, value in one.items() if value not in (None, "")} for one in documents]
        )
        patient._update(body, clean_ctrl_chars=False, commit=False, solrapi="JSON")
    gone = [dataset_id for dataset_id in ids if dataset_id not in made]
    if gone:
        site, named = config["ckan.site_id"], " ".join(f'"{dataset_id}"' for dataset_id in gone)
        patient.delete(q=f'+id:({named}) +site_id:"{site}"', commit=False)


def write_document(dataset_id: str) -> None:
    """Add, replace or remove one document; it becomes visible with the next commit."""
    package = model.Session.get(model.Package, dataset_id)
    site = config["ckan.site_id"]
    if package is None or package.state == model.State.DELETED:
        solr().delete(q=f'+id:"{dataset_id}" +site_id:"{site}"', commit=False)
        return
    context: Context = {"ignore_auth": True, "use_cache": False}
    default, custom = logic.package_show_default_and_custom_schemas(context, dataset_id)
    PackageSearchIndex().update_dict(dict(default, with_custom_schema=custom), True)


def deliver_own(session: Session, transaction: Any) -> None:
    """Deliver the rows of the transaction that has just been committed, unless Solr is resting.

    Its own only: what waits from others is for ``tick``, and nobody's answer has to wait for it. What goes
    wrong here must not reach who has committed: their work is done, and the rows wait for ``tick``.
    """
    if transaction.parent is not None or session.info.get(_BUSY):
        return
    own = session.info.pop(_FRESH, None)
    if not own or is_resting():
        return
    session.info[_BUSY] = True
    try:
        while (count := deliver_batch(TOPIC, own)) is not None:
            if count == 0:
                rest()
                return
    except Exception:
        session.rollback()
        log.exception("Delivery right after the commit failed; it is left to tick")
    finally:
        session.info.pop(_BUSY, None)


def rest() -> None:
    """Leave Solr in peace for a while, because it does not answer; nobody is to wait for it again."""
    _rest["until"] = time.monotonic() + REST


def is_resting() -> bool:
    """Say whether Solr is left in peace."""
    return time.monotonic() < _rest["until"]


def rest_is_over() -> None:
    """Ask Solr again, because it is known to answer."""
    _rest["until"] = 0.0


def forget(session: Session, undone: Any) -> None:
    """Forget what a rolled-back transaction had noted."""
    if not undone.nested:
        session.info.pop(_FRESH, None)


@contextmanager
def left_to_tick() -> Iterator[None]:
    """Leave the index to ``tick`` inside the block, for bulk work."""
    session = model.Session()
    session.info[_BUSY] = True
    try:
        yield
    finally:
        session.info.pop(_BUSY, None)
        session.info.pop(_FRESH, None)


def install() -> None:
    """Replace CKAN's package index and hook delivery behind its commits; may be called again."""
    search._INDICES["package"] = OutboxIndex
    handle(TOPIC, write_documents, batch=BATCH, away=AWAY)
    for name, hook in (("after_transaction_end", deliver_own), ("after_soft_rollback", forget)):
        if not event.contains(model.Session, name, hook):
            event.listen(model.Session, name, hook)


def uninstall() -> None:
    """Give CKAN its own index class back."""
    search._INDICES["package"] = PackageSearchIndex
