"""How often Python looks for garbage: rarely, since nearly all is freed once nothing refers to it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def look_rarely() -> None:
    """Never look through what is loaded by now (0.1 s each time), and seldom for more.

    A page makes some 100,000 objects.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@contextmanager
def looking_rarely() -> Iterator[None]:
    """``look_rarely`` inside the block."""
    before = gc.get_threshold()
    look_rarely()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
