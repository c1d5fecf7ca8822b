"""Write audited events inside the portal of this environment, alone and at once, and verify the chain.

``events.py empty`` begins a new chain (with the role that owns the tables); ``events.py measure`` writes
and verifies with the portal's own role, and prints one JSON line. An event is what the gate writes when
it hands out restricted data: beside a counter's row, with a visitor's address as personal data.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import fill, inside
from benchmarks.lib.invent import identifier
from benchmarks.lib.report import say, spread
from benchmarks.lib.turns import alternate

ALONE = 500
"""Turns of the single writer."""
WRITERS = 8
EACH = 150
"""Transactions of each of the writers at once."""
BUNCH, BUNCHES = 500, 10
"""Events in one transaction, and such transactions."""
BULK = 2000
CHAIN = 100_000
"""Events that are verified, at least."""


def act(writer: int, turn: int, events: int) -> None:
    """Commit one transaction: a counter's row, and so many audited events."""
    from ckanext.nmgdata.kernel import clock
    from ckanext.nmgdata.kernel.actors import Actor
    from ckanext.nmgdata.kernel.audit import append
    from ckanext.nmgdata.kernel.gate.model import Download
    from ckanext.nmgdata.kernel.unit import begin

    resource = identifier("counted", writer, turn, events)
    case, grant = identifier("case", turn), identifier("grant", turn)
    actor = Actor("person", user_id=identifier("person", writer), name="reader")
    with begin(actor) as unit:
        row = Download(dataset_id=resource, resource_id=resource, day=clock.today(), count=1)
        unit.session.merge(row)
        for _number in range(events):
            append(
                unit, "download.allowed", ("resource", resource), case_id=case,
                detail={"reason": "granted", "grant": grant}, personal={"address": "192.0.2.1"},
            )  # fmt: skip


def single() -> dict[str, Any]:
    """Measure one writer: by turns with an audited event and without one."""
    found = alternate(lambda turn: act(0, turn, 1), lambda turn: act(0, turn, 0), ALONE)
    cost = found["ours"]["median_ms"] - found["plain"]["median_ms"]
    say(f"  one writer: {found['ours']['median_ms']:.2f} ms a transaction, {cost:.2f} ms of it for its event")
    return {
        "audited": found["ours"], "unaudited": found["plain"], "ratio": found["ratio"], "cost_ms": cost,
        "events_per_s": 1000 / found["ours"]["median_ms"], "turns": ALONE,
    }  # fmt: skip


def together(events: int) -> dict[str, Any]:
    """Measure writers at once, each a process with a connection of its own."""
    from ckan import model

    model.Session.remove()
    model.ensure_engine().dispose()
    system = multiprocessing.get_context("fork")
    barrier = system.Barrier(WRITERS)
    with system.Pool(WRITERS, start_together, (barrier,)) as pool:
        parts = pool.map(write, [(writer, events) for writer in range(1, WRITERS + 1)], chunksize=1)
    seconds = max(end for _begin, end, _taken in parts) - min(begin for begin, _end, _taken in parts)
    taken = [one for _begin, _end, some in parts for one in some]
    return {**spread(taken), "per_s": len(taken) / seconds}


def start_together(barrier: Any) -> None:
    """Remember, in a writer's process, what to wait for."""
    globals()["BARRIER"] = barrier


def write(task: tuple[int, int]) -> tuple[float, float, list[float]]:
    """Commit the transactions of one writer; return begin, end and how long each took, in seconds."""
    writer, events = task
    taken = []
    act(writer, -1, 0)
    globals()["BARRIER"].wait()
    began = time.monotonic()
    for turn in range(EACH):
        before = time.monotonic()
        act(writer, turn, events)
        taken.append(time.monotonic() - before)
    return began, time.monotonic(), taken


def at_once() -> dict[str, Any]:
    """Measure eight writers with an event each, beside eight without; the chain must hold."""
    before = position()
    audited, unaudited = together(1), together(0)
    say(f"  {WRITERS} writers: {audited['per_s']:.0f} events/s, without events {unaudited['per_s']:.0f}/s")
    return {
        "writers": WRITERS, "events_per_s": audited["per_s"], "audited": audited, "unaudited": unaudited,
        "events": position() - before, "expected": WRITERS * EACH, "findings": findings(),
    }  # fmt: skip


def position() -> int:
    """Return the number of the last event."""
    from ckan import model
    from ckanext.nmgdata.kernel.audit import verify

    model.Session.rollback()
    return verify.head().seq


def findings() -> list[str]:
    """Return what is wrong with the chain."""
    from ckan import model
    from ckanext.nmgdata.kernel.audit import verify

    model.Session.rollback()
    return [f"{one.seq}: {one.what}" for one in verify.verify()]


def in_bunches() -> dict[str, Any]:
    """Measure many events in one transaction."""
    taken = []
    for turn in range(BUNCHES):
        began = time.perf_counter()
        act(0, turn, BUNCH)
        taken.append(time.perf_counter() - began)
    rate = BUNCH / statistics.median(taken)
    say(f"  {BUNCH} in one transaction: {rate:.0f} events/s")
    return {**spread(taken), "events_per_s": rate, "in_one_transaction": BUNCH, "turns": BUNCHES}


def fill_up() -> None:
    """Append events in bulk until the chain is long enough."""
    from ckan import model
    from ckanext.nmgdata.kernel import clock

    missing = CHAIN - position()
    for start in range(0, missing, BULK):
        events = [
            {
                "at": clock.now(), "verb": "dataset.published", "actor_kind": "person", "actor_id": "filler",
                "subject_type": "dataset", "subject_id": identifier("dataset", start + number),
                "case_id": None, "detail": {"class": "unconditional"}, "commitment": None,
            }
            for number in range(min(BULK, missing - start))
        ]  # fmt: skip
        with model.ensure_engine().begin() as connection:
            append_events(connection, events)


def check() -> dict[str, Any]:
    """Measure how fast the whole chain is verified; nothing may be wrong with it."""
    fill_up()
    events, began = position(), time.monotonic()
    wrong = findings()
    seconds = time.monotonic() - began
    say(
        f"  verified {events} events in {seconds:.1f} s, {events / seconds:.0f} events/s, {len(wrong)} findings"
    )
    return {"events": events, "seconds": seconds, "events_per_s": events / seconds, "findings": wrong}


def empty() -> None:
    """Begin a new chain."""
    import sqlalchemy as sa
    from ckan import model

    fill.refuse_others(os.environ["CKAN_SITE_ID"])
    with model.ensure_engine().begin() as connection:
        connection.execute(sa.text("TRUNCATE nmgdata_audit_event, nmgdata_audit_secret, nmgdata_download"))
        connection.execute(
            sa.text("UPDATE nmgdata_audit_head SET seq = 0, hash = repeat('0', 64), at = NULL")
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Empty or measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("empty", "measure"))
    asked = parser.parse_args(arguments)
    with inside.ckan():
        if asked.what == "empty":
            empty()
            print("{}")
            return
        found = {
            "one writer": single(), f"{WRITERS} writers": at_once(),
            "many in one transaction": in_bunches(), "verify": check(),
        }  # fmt: skip
        print(json.dumps(found))


def append_events(connection: Any, events: Sequence[dict[str, Any]]) -> None:
    """Append events to the audit chain as the kernel would seal them, in one statement."""
    import sqlalchemy as sa
    from ckanext.nmgdata.kernel.audit import chain
    from ckanext.nmgdata.kernel.audit.model import AuditEvent

    head = connection.execute(sa.text("SELECT seq, hash FROM nmgdata_audit_head FOR UPDATE")).one()
    seq, last = head.seq, head.hash
    sealed = []
    for event in events:
        seq += 1
        row = {**event, "seq": seq, "algorithm": "sha256", "prev_hash": last}
        last = row["hash"] = chain.digest(row)
        sealed.append(row)
    connection.execute(sa.insert(AuditEvent), sealed)
    connection.execute(
        sa.text("UPDATE nmgdata_audit_head SET seq = :seq, hash = :hash, at = :at"),
        {"seq": seq, "hash": last, "at": sealed[-1]["at"]},
    )


if __name__ == "__main__":
    main()
