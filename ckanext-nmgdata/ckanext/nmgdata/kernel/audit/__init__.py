"""The append-only, hash-chained record of everything that was decided (R-SEC-10, R44¶2)."""

from .log import append
from .verbs import VERBS

__all__ = ["VERBS", "append"]
