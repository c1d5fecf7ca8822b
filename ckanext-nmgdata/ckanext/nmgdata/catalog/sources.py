"""What a document of the index is made of, as one fingerprint per dataset.

The fingerprint is computed by PostgreSQL from the rows themselves; the document carries the one of its
making (``nmg_source``). Where both agree the document is what the database says, and a hundred thousand
can be compared without making one anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.engine import Connection

from ..kernel import memory

FINGERPRINTS = "fingerprints"
"""Question of ``kernel.memory``: the fingerprint of a dataset."""
FIELD = "nmg_source"
VERSION = "1"
"""Raise it when documents are made differently of the same rows: all are stale then."""
BATCH = 1000

QUERY = """
    SELECT p.id, md5(concat_ws(E'\\x1f', :version, CAST(p AS text),
        (SELECT string_agg(CAST(r AS text), E'\\x1e' ORDER BY r.id) FROM resource r
         WHERE r.package_id = p.id),
        (SELECT string_agg(t.name, E'\\x1e' ORDER BY t.name)
         FROM package_tag pt JOIN tag t ON t.id = pt.tag_id
         WHERE pt.package_id = p.id AND pt.state = 'active'),
        (SELECT string_agg(concat_ws(' ', g.name, g.title, m.capacity), E'\\x1e' ORDER BY g.id, m.id)
         FROM member m JOIN "group" g ON g.id = m.group_id
         WHERE m.table_id = p.id AND m.table_name = 'package' AND m.state = 'active' AND g.state = 'active'),
        (SELECT concat_ws(' ', o.name, o.title, o.state) FROM "group" o WHERE o.id = p.owner_org),
        (SELECT string_agg(
             concat_ws(' ', s.kind, s.resource_id, extract(epoch FROM s.since), s.case_number), E'\\x1e'
             ORDER BY s.id)
         FROM nmgdata_suspension s WHERE s.dataset_id = p.id AND s.lifted_at IS NULL)
    )) AS fingerprint
    FROM package p
"""
"""Downloads are left out: the index follows them once a day only."""


def of_dataset(dataset_id: str) -> str | None:
    """Return the fingerprint of one dataset as it stands now."""
    held = memory.recall(FINGERPRINTS, dataset_id)
    if held is not memory.UNKNOWN:
        return held
    return of_datasets(model.Session(), [dataset_id]).get(dataset_id)


def of_datasets(session: Any, ids: Sequence[str]) -> dict[str, str]:
    """Return the fingerprints of these datasets, as far as the index is to hold them."""
    query = sa.text(f"{QUERY} WHERE p.state <> 'deleted' AND p.id = ANY(:ids)")
    return {row[0]: row[1] for row in session.execute(query, {"version": VERSION, "ids": list(ids)})}


def of_all(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield id and fingerprint of every dataset that the index is to hold, in the order of Solr's strings."""
    query = sa.text(f"""{QUERY} WHERE p.state <> 'deleted' ORDER BY p.id COLLATE "C" """)
    rows = connection.execution_options(stream_results=True, yield_per=BATCH).execute(
        query, {"version": VERSION}
    )
    for row in rows:
        yield row[0], row[1]
