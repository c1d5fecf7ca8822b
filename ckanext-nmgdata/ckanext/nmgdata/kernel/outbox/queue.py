"""Put rows into the outbox and deliver them.

A handler gets the rows of one topic inside the transaction that holds them locked. When it
returns they are done; when it raises, its rows are tried again later, ever more slowly. What the
receiver refuses for good (``RefusedError``) has failed: it is kept with the reason for a month, shown by
``ckan nmgdata outbox list``, and tried again only when somebody asks for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from .. import clock, quickjson
from ..context import own_request
from .model import Outbox

log = logging.getLogger(__name__)
CHANNEL = "nmgdata_outbox"
KEEP = timedelta(days=30)
"""How long a delivered row with a key is kept, so that its key still stops a repeat."""
RETRY = (2, 10, 60, 300, 900, 3600)
"""Seconds until the next attempt, after the first, second, … failure."""
AWAY = 5
"""Seconds until the next attempt when the receiver is away: it is asked steadily, so that what waited
follows as soon as it is back, however long it was gone."""

Deliver = Callable[[Sequence[Outbox]], None]


class UnavailableError(Exception):
    """The receiving side is down: nothing in the batch is to blame, all of it waits."""


class RefusedError(Exception):
    """The receiver refuses this row for good; trying it again would change nothing."""


@dataclass(frozen=True)
class Topic:
    """How the rows of a topic are delivered: so many at once, by this function."""

    deliver: Deliver
    batch: int = 1
    away: int = AWAY
    """Seconds until the receiver is asked again that was away; nobody asks it for each row."""


_topics: dict[str, Topic] = {}
ADD_ALL = sa.text(
    "INSERT INTO nmgdata_outbox (topic, payload, created_at, due_at)"
    " SELECT :topic, payload, :now, :now FROM jsonb_array_elements(CAST(:payloads AS jsonb)) payload"
)
FAILED = sa.and_(Outbox.done_at.is_not(None), Outbox.error.is_not(None))
"""Condition that a row has failed for good: nothing more is done about it, and it says why."""


def handle(topic: str, deliver_rows: Deliver, batch: int = 1, away: int = AWAY) -> None:
    """Name the function that delivers the rows of a topic."""
    _topics[topic] = Topic(deliver_rows, batch, away)


def enqueue(session: Session, topic: str, payload: dict[str, Any], key: str | None = None) -> int | None:
    """Add a row to the transaction and return its id; a key that the topic has had is not added again."""
    now = clock.now()
    row = {"topic": topic, "key": key, "payload": payload, "created_at": now, "due_at": now}
    statement = insert(Outbox).values(**row).on_conflict_do_nothing().returning(Outbox.id)
    session.info["nmgdata_outbox_new"] = True
    return session.execute(statement).scalar()


def enqueue_all(session: Session, topic: str, payloads: Sequence[dict[str, Any]]) -> None:
    """Add many rows without keys to the transaction, in one statement."""
    if not payloads:
        return
    values = {"topic": topic, "now": clock.now(), "payloads": quickjson.text(payloads)}
    session.info["nmgdata_outbox_new"] = True
    session.execute(ADD_ALL, values)


def wake(session: Session) -> None:
    """Tell the resident ``tick`` that there is work; called before the outermost commit."""
    if not session.in_nested_transaction() and session.info.pop("nmgdata_outbox_new", False):
        session.execute(sa.text(f"NOTIFY {CHANNEL}"))


def forget(session: Session, undone: Any) -> None:
    """Forget a wake-up whose transaction was rolled back."""
    if not undone.nested:
        session.info.pop("nmgdata_outbox_new", None)


def deliver(topics: Sequence[str] | None = None) -> int:
    """Deliver what is due until nothing is left; return how many rows were done.

    The topics take turns, so that a mail does not wait for the end of a bulk load.
    """
    done, turn = 0, list(topics or sorted(_topics))
    while turn:
        counts = [(topic, deliver_batch(topic)) for topic in turn]
        done += sum(count or 0 for _topic, count in counts)
        turn = [topic for topic, count in counts if count is not None]
    return done


def deliver_batch(topic: str, only: Sequence[int] | None = None) -> int | None:
    """Deliver one batch; None when nothing was due, 0 when it failed and waits for another try.

    :param only: of these rows alone
    """
    session = model.Session()
    session.rollback()
    rows = claim(session, topic, _topics[topic].batch, only)
    if not rows:
        session.rollback()
        return None
    ids, attempts = [row.id for row in rows], rows[0].attempts
    try:
        hand_over(topic, rows)
    except Exception as error:  # noqa: BLE001 (whatever it is, the row waits and the others go on)
        session.rollback()
        log.warning("Delivery of %s failed: %s", topic, error)
        if isinstance(error, UnavailableError):
            wait_for_receiver(session, topic, ids if only else None, error)
        elif len(ids) > 1:
            return one_by_one(topic, ids)
        else:
            fault(session, ids[0], attempts, error)
        return 0
    settle(session, ids)
    return len(ids)


def one_by_one(topic: str, ids: Sequence[int]) -> int:
    """Deliver the rows of a failed batch singly, until the receiver is found to be away."""
    done = 0
    for place, row_id in enumerate(ids):
        try:
            done += deliver_one(topic, row_id)
        except UnavailableError as error:
            wait_for_receiver(model.Session(), topic, ids[place:], error)
            break
    return done


def deliver_one(topic: str, row_id: int) -> int:
    """Deliver one row of a batch that failed, so that a bad row does not hold up the others."""
    session = model.Session()
    rows = claim(session, topic, 1, [row_id])
    if not rows:
        session.rollback()
        return 0
    attempts = rows[0].attempts
    try:
        hand_over(topic, rows)
    except UnavailableError:
        session.rollback()
        raise
    except Exception as error:
        session.rollback()
        log.exception("Delivery of %s row %s failed", topic, row_id)
        fault(session, row_id, attempts, error)
        return 0
    settle(session, [row_id])
    return 1


def hand_over(topic: str, rows: Sequence[Outbox]) -> None:
    """Call the handler of a topic, as the portal itself and not as who caused the rows."""
    with own_request():
        _topics[topic].deliver(rows)


def due(topic: str) -> sa.ColumnElement[bool]:
    """Return the condition that a row of a topic is to be delivered now.

    A row from the future is due too: the clock was set back, and nobody is to wait until it catches up.
    """
    now = clock.now()
    is_time = sa.or_(Outbox.due_at <= now, Outbox.created_at > now)
    return sa.and_(Outbox.topic == topic, Outbox.done_at.is_(None), is_time)


def claim(session: Session, topic: str, limit: int, only: Sequence[int] | None = None) -> Sequence[Outbox]:
    """Lock the next rows of a topic that nobody else is delivering, or of certain rows."""
    query = (
        sa.select(Outbox)
        .where(due(topic))
        .order_by(Outbox.due_at, Outbox.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if only is not None:
        query = query.where(Outbox.id.in_(only))
    return session.scalars(query).all()


def settle(session: Session, ids: Sequence[int]) -> None:
    """Mark rows as done; those without a key are of no further use."""
    session.execute(sa.delete(Outbox).where(Outbox.id.in_(ids), Outbox.key.is_(None)))
    session.execute(sa.update(Outbox).where(Outbox.id.in_(ids)).values(done_at=clock.now(), error=None))
    session.commit()


def fault(session: Session, row_id: int, attempts: int, error: Exception) -> None:
    """Write down that a row could not be delivered: for good, or until it is tried again."""
    if isinstance(error, RefusedError):
        give_up(session, row_id, error)
    else:
        postpone(session, [row_id], pause_after(attempts), error)


def give_up(session: Session, row_id: int, error: Exception) -> None:
    """Mark a row as failed; its key still stops a repeat."""
    values = {"done_at": clock.now(), "error": str(error)[:500], "attempts": Outbox.attempts + 1}
    session.execute(sa.update(Outbox).where(Outbox.id == row_id).values(**values))
    session.commit()


def troubled(*, failed: bool, limit: int = 100) -> Sequence[Outbox]:
    """Return rows that have failed for good, or those that wait after a failure; the newest first."""
    state = FAILED if failed else sa.and_(Outbox.done_at.is_(None), Outbox.error.is_not(None))
    query = sa.select(Outbox).where(state).order_by(Outbox.id.desc()).limit(limit)
    return model.Session.scalars(query).all()


def again(session: Session, ids: Sequence[int] | None = None) -> int:
    """Have failed rows tried again, these or all; return how many."""
    values = {"done_at": None, "error": None, "attempts": 0, "due_at": clock.now()}
    statement = sa.update(Outbox).where(FAILED).values(**values)
    if ids is not None:
        statement = statement.where(Outbox.id.in_(ids))
    session.info["nmgdata_outbox_new"] = True
    return len(session.scalars(statement.returning(Outbox.id)).all())


def pause_after(attempts: int) -> int:
    """Return how many seconds a row waits that has failed once more than so often."""
    return RETRY[min(attempts, len(RETRY) - 1)]


def postpone(session: Session, ids: Sequence[int], seconds: int, error: Exception) -> None:
    """Try these rows again later, because they failed."""
    put_off(session, ids, seconds, error, attempts=Outbox.attempts + 1)


def wait_for_receiver(session: Session, topic: str, ids: Sequence[int] | None, error: Exception) -> None:
    """Try these rows again soon; it is not they that failed. None: all of the topic that are due.

    So a receiver that hangs is asked once and not once for each row, and holds up no other topic.
    """
    if ids is None:
        ids = session.scalars(sa.select(Outbox.id).where(due(topic)).with_for_update(skip_locked=True)).all()
    put_off(session, ids, _topics[topic].away, error)


def put_off(session: Session, ids: Sequence[int], seconds: int, error: Exception, **values: Any) -> None:
    """Write down when to try these rows again, and why they wait."""
    now = clock.now()
    values |= {
        "due_at": now + timedelta(seconds=seconds),
        "created_at": sa.func.least(Outbox.created_at, now),
        "error": repr(error)[:500],
    }
    session.execute(sa.update(Outbox).where(Outbox.id.in_(ids)).values(**values))
    session.commit()


def purge() -> int:
    """Delete delivered rows whose keys are no longer needed; return how many."""
    session = model.Session()
    done = session.execute(sa.delete(Outbox).where(Outbox.done_at < clock.now() - KEEP))
    session.commit()
    return done.rowcount


def install() -> None:
    """Hook the wake-up into CKAN's session; may be called again."""
    for name, hook in (("before_commit", wake), ("after_soft_rollback", forget)):
        if not event.contains(model.Session, name, hook):
            event.listen(model.Session, name, hook)
