"""Cells of tables that are handed out: no spreadsheet may take one for a formula (OWASP, CWE-1236)."""

from __future__ import annotations

from typing import Any

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
"""What a spreadsheet may begin a formula with; full width too, which some fold to half width."""


def harmless(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula; numbers stay what they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(DANGEROUS) else value
