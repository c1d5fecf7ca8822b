"""The only reader of "now".

Moments are timezone-aware UTC; legal dates are dates in Asia/Shanghai (docs/adr/0004).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Asia/Shanghai")
_fixed: ContextVar[datetime | None] = ContextVar("nmgdata_fixed_clock", default=None)


def now() -> datetime:
    """Return the present moment in UTC, to the microsecond."""
    return _fixed.get() or datetime.now(UTC)


def today() -> date:
    """Return the present date in Asia/Shanghai."""
    return local_date(now())


def local_date(moment: datetime) -> date:
    """Return the date in Asia/Shanghai at a moment."""
    return moment.astimezone(LOCAL).date()


def seconds_until(stamp: float) -> int:
    """Return how many seconds it is to a moment (Unix time) of another server; no period of the law."""
    return round(stamp - datetime.now(UTC).timestamp())


@contextmanager
def fixed(moment: datetime) -> Iterator[None]:
    """Hold the clock at a moment, for tests and for replaying."""
    if moment.tzinfo is None:
        raise ValueError("a fixed clock needs a timezone-aware moment")
    token = _fixed.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _fixed.reset(token)
