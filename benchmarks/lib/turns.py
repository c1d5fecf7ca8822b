"""Take turns between two sides, so that what disturbs the machine hits both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from .report import spread

Side = Callable[[int], Any]
"""One piece of work of one side; the argument is the number of the turn."""


def alternate(ours: Side, theirs: Side, turns: int, warm_up: int = 10) -> dict[str, Any]:
    """Measure both sides ``turns`` times, each going first every other time.

    Returns the spread of both sides in milliseconds, the ratio of the medians and that of the minima.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(-warm_up, turns):
        order = ((0, ours), (1, theirs)) if turn % 2 else ((1, theirs), (0, ours))
        for side, work in order:
            began = time.perf_counter()
            work(turn)
            if turn >= 0:
                taken[side].append(time.perf_counter() - began)
    return compare(*taken)


def compare(ours: Sequence[float], plain: Sequence[float]) -> dict[str, Any]:
    """Return the spread of two lists of durations in seconds and the ratios ours / plain."""
    return {
        "ours": spread(ours),
        "plain": spread(plain),
        "ratio": statistics.median(ours) / statistics.median(plain),
        "ratio_of_minima": min(ours) / min(plain),
    }


class Browser:
    """A client that keeps one connection open and reads every answer to its end."""

    def __init__(self, address: str, headers: dict[str, str] | None = None) -> None:
        """Remember where to ask, and with which headers."""
        parts = urlsplit(address)
        self.connection = HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        self.headers = {"Connection": "keep-alive", **(headers or {})}

    def get(self, path: str) -> bytes:
        """Return the body of a page.

        :raises RuntimeError: when the answer is not 200; a refused request must not look fast
        """
        self.connection.request("GET", path, headers=self.headers)
        reply = self.connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{path} answers {reply.status}: {body[:300]!r}")
        return body

    def download(self, path: str, piece: int = 1 << 20) -> tuple[float, int]:
        """Read a download to its end without keeping it.

        Returns the seconds until its first byte was there, and its length in bytes.
        """
        began = time.perf_counter()
        self.connection.request("GET", path, headers=self.headers)
        reply = self.connection.getresponse()
        if reply.status != 200:
            raise RuntimeError(f"{path} answers {reply.status}")
        length = len(reply.read(1))
        first = time.perf_counter() - began
        while part := reply.read(piece):
            length += len(part)
        return first, length
