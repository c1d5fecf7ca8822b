"""Cells of tables that are handed out: no spreadsheet may take one for a formula (OWASP, CWE-1236)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
"""What a spreadsheet may begin a formula with; full width too, which some fold to half width."""


def harmless(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula; numbers stay what they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(DANGEROUS) else value


def table(lines: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return lines as CSV with a heading, and a mark that tells spreadsheets it is UTF-8."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    for line in lines:
        writer.writerow({name: harmless(line[name]) for name in columns})
    return out.getvalue()
