"""The pages of a catalogue, in order."""

from __future__ import annotations

from collections.abc import Iterator

from ..records import Page, Validators
from .spec import Spec


def read(spec: Spec, start: str | None = None, known: Validators | None = None) -> Iterator[Page]:
    """Yield the pages of a catalogue; the next one is fetched and parsed while the caller uses this one.

    A catalogue without datasets is one page without records. The iterator ends normally only if everything
    was read that the catalogue says it has.

    :param start: address of a page to go on from, as ``Page.next`` gave it; None begins at the beginning
    :param known: what the first page's ``validators`` were in an earlier run that read it whole
    :raises Unchanged: the server says that a catalogue of one page is as ``known`` had it
    :raises RemoteError: whatever went wrong; the pages yielded before stand
    """
    raise NotImplementedError
