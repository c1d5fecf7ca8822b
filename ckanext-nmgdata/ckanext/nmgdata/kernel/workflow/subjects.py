"""Which datasets a case is about: its row names the first of them, its kind says here if there are more.

Lists find a case by each of its data, and counts of cases about a dataset ask here too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa
from ckan import model

from .model import Case

Pairs = sa.Select[tuple[str, str]]
_named: dict[str, Pairs] = {}


def register(kind: str, pairs: Pairs) -> None:
    """Say which data the cases of a kind are about, where that can be several.

    :param pairs: the query for ``case_id`` and ``dataset_id``; it may return a pair twice
    """
    _named[kind] = pairs


def pairs() -> sa.Subquery:
    """Return every case with each dataset that it is about, some pairs twice."""
    first = sa.select(Case.id.label("case_id"), Case.dataset_id).where(Case.dataset_id.is_not(None))
    return sa.union_all(first, *_named.values()).subquery("about")


def cases(dataset_id: str) -> sa.Select[tuple[str]]:
    """Return the query for the ids of the cases about a dataset; each branch goes by its index."""
    both = pairs().c
    return sa.select(both.case_id).where(both.dataset_id == dataset_id)


def of_cases(datasets: Collection[str]) -> sa.Select[tuple[str]]:
    """Return the query for those of some datasets that any case is about."""
    both = pairs().c
    return sa.select(both.dataset_id).where(both.dataset_id.in_(datasets)).distinct()


def cases_of_kind(kind: str, dataset_id: Any) -> sa.Select[tuple[str]]:
    """Return the query for the ids of the cases of a kind that are about a dataset, each once.

    :param dataset_id: a value, or a column of the query around it
    """
    if (more := _named.get(kind)) is None:
        return sa.select(Case.id).where(Case.kind == kind, Case.dataset_id == dataset_id)
    both = more.subquery("about").c
    return sa.select(both.case_id).where(both.dataset_id == dataset_id).distinct()


def datasets(case_ids: Collection[str]) -> dict[str, list[model.Package]]:
    """Return the datasets that cases are about, by case: that of its row first, then by title."""
    both, package = pairs().c, model.Package
    query = (
        sa.select(both.case_id, package)
        .join(package, package.id == both.dataset_id)
        .join(Case, Case.id == both.case_id)
        .where(both.case_id.in_(case_ids))
        .order_by(package.id != Case.dataset_id, package.title, package.id)
    )
    found: dict[str, list[model.Package]] = {}
    for case_id, dataset in model.Session.execute(query):
        known = found.setdefault(case_id, [])
        if dataset not in known:
            known.append(dataset)
    return found


def of(case_id: str) -> list[model.Package]:
    """Return the datasets that a case is about."""
    return datasets([case_id]).get(case_id, [])


def named(found: Iterable[model.Package]) -> list[dict[str, str]]:
    """Return datasets as lists name them."""
    return [{"id": one.id, "name": one.name, "title": one.title or one.name} for one in found]


def titles(case_id: str) -> list[str]:
    """Return their titles."""
    return [dataset.title or dataset.name for dataset in of(case_id)]
