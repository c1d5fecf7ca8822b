"""What PostgreSQL did for a query: EXPLAIN (ANALYZE) as text, and the kinds of scans in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

Node = dict[str, Any]


def explained(session: Any, query: Any, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the plan of a query that was run: scans with their tables, buffers, milliseconds, text.

    :param query: text with ``parameters``, or a SELECT, whose values are written into it
    """
    if parameters is None:
        compiled = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
        query, parameters = sa.text(str(compiled).replace(":", "\\:")), {}
    tree = session.execute(
        sa.text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}"), parameters
    ).scalar_one()
    lines = session.execute(sa.text(f"EXPLAIN (ANALYZE, BUFFERS) {query}"), parameters).scalars()
    nodes = list(walk(tree[0]["Plan"]))
    return {
        "scans": sorted({scan(node) for node in nodes if "Scan" in node["Node Type"]}),
        "whole_tables": sorted(
            node["Relation Name"]
            for node in nodes
            if node["Node Type"] == "Seq Scan" and node["Actual Loops"]
        ),
        "buffers": tree[0]["Plan"]["Shared Hit Blocks"] + tree[0]["Plan"]["Shared Read Blocks"],
        "execution_ms": tree[0]["Execution Time"],
        "text": "\n".join(lines),
    }


def walk(node: Node) -> Iterator[Node]:
    """Yield a node of a plan and all below it."""
    yield node
    for below in node.get("Plans", ()):
        yield from walk(below)


def scan(node: Node) -> str:
    """Return what is scanned and how."""
    over = node.get("Index Name") or node.get("Relation Name") or node.get("Alias") or ""
    return f"{node['Node Type']} {over}".strip()
