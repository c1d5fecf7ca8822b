"""Which cases are about a dataset, where a kind of case can be about several; what counts them asks here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from .model import Case

Query = Callable[[Any], sa.Select[tuple[str]]]
_named: dict[str, Query] = {}


def register(kind: str, query: Query) -> None:
    """Say how the cases of a kind are found.

    :param query: takes the id of a dataset, value or column, and returns the query for the ids of cases
    """
    _named[kind] = query


def cases(kind: str, dataset_id: Any) -> sa.Select[tuple[str]]:
    """Return the query for the ids of the cases of a kind that are about a dataset."""
    if query := _named.get(kind):
        return query(dataset_id)
    return sa.select(Case.id).where(Case.kind == kind, Case.dataset_id == dataset_id)
