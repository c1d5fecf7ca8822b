"""Scan a copied file for personal data (R-SEC-14)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from ..kernel import clock, personal
from ..kernel.gate.model import NOTHING, PARTIAL, WHOLE
from ..kernel.gate.screening import Finding, Result
from . import reading
from .reading import Row, UnreadableError
from .stored import DOCX, JSON, OTHER, PDF, Copy

UNREADABLE = "unreadable"
"""A file of a kind that is scanned, but broken, locked or hostile: held, because it may hide anything."""
CHECK_EVERY = 5000
"""Rows between two looks at the clock."""


def scan(copy: Copy, seconds: int) -> Result:
    """Return what a file holds of personal data.

    :raises TimeoutError: when it takes longer than ``seconds``
    """
    if copy.kind == OTHER:
        return Result(copy.digest, coverage=NOTHING)
    search = Search(seconds)
    try:
        for row in reading.everything(copy, seconds):
            search.look_at(row, titled=copy.kind not in (DOCX, PDF, JSON))
    except UnreadableError as error:
        if error.code == "killed":
            raise TimeoutError from error
        if copy.kind != JSON:
            return search.result(copy.digest, unreadable=error.code)
        for row in reading.lines(copy):  # not JSON after all: what can be read of it is text
            search.look_at(row, titled=False)
    return search.result(copy.digest)


class Search:
    """What has been found so far."""

    def __init__(self, seconds: int) -> None:
        """Begin a search that may take so long."""
        self.rules = personal.rules()
        self.today = clock.today()
        self.until = time.monotonic() + seconds
        self.counts: Counter[str] = Counter()
        self.findings: list[Finding] = []
        self.headings: dict[str, Sequence[str | None]] = {}
        self.seen = 0
        self.unread = 0

    def look_at(self, row: Row | int, titled: bool) -> None:
        """Look at one row; a number stands for a page that holds no text."""
        if isinstance(row, int):
            self.unread += 1
            return
        self.seen += 1
        if self.seen % CHECK_EVERY == 0 and time.monotonic() > self.until:
            raise TimeoutError
        if titled and len(row.cells) > 1:
            self.headings.setdefault(row.sheet, row.cells)
        if not personal.CANDIDATE.search("\x1f".join(filter(None, row.cells))):
            return
        for position, cell in enumerate(row.cells):
            for hit in personal.find(cell or "", self.today):
                self.note(hit, row, position)

    def note(self, hit: personal.Hit, row: Row, position: int) -> None:
        """Count a hit, and keep its place while the list is short."""
        self.counts[hit.kind] += 1
        if len(self.findings) < self.rules["findings"]:
            column = row.at or self.column(row, position)
            self.findings.append(Finding(hit.kind, row.number, hit.masked, column, row.sheet))

    def column(self, row: Row, position: int) -> str:
        """Return the heading of a column; its number where there is none."""
        headings = self.headings.get(row.sheet)
        if headings is None:
            return ""
        return (headings[position] if position < len(headings) else None) or str(position + 1)

    def result(self, digest: str, unreadable: str | None = None) -> Result:
        """Return the outcome."""
        held = any(self.counts[kind] >= most for kind, most in self.rules["thresholds"].items())
        findings = list(self.findings)
        if unreadable:
            self.counts[UNREADABLE] = 1
            findings.append(Finding(UNREADABLE, 0, unreadable))
        coverage = PARTIAL if self.unread or unreadable else WHOLE
        return Result(digest, dict(self.counts), tuple(findings), held or bool(unreadable), coverage)
