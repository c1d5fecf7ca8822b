"""What the search in lists of cases sees of a text: single characters and pairs of them.

Chinese has no spaces, so a word of two characters is a pair, and a longer one all its pairs. Of the titles of
its data a case has them always; of what was written only where who lists the case may read it, and never of
names or of what an objector states.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

import sqlalchemy as sa
from ckan import model

from ..events import DatasetSaved, subscribe
from ..unit import Unit
from . import subjects
from .model import Case

RUN = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Return a text in half width and lower case, as both sides of the search see it."""
    return unicodedata.normalize("NFKC", text).casefold()


def terms(text: str) -> list[str]:
    """Return the terms of a text, sorted."""
    runs = RUN.findall(fold(text))
    return sorted({*"".join(runs), *("".join(pair) for run in runs for pair in pairwise(run))})


def asked(word: str) -> list[str]:
    """Return the terms that a text must have to hold a word: its pairs, or the one character it is."""
    runs = RUN.findall(fold(word))
    return sorted({"".join(pair) for run in runs for pair in pairwise(run)} or set("".join(runs)))


def of(datasets: Iterable[model.Package]) -> list[str]:
    """Return the terms of a case about these data."""
    return terms(" ".join(dataset.title or dataset.name or "" for dataset in datasets))


def follow(unit: Unit, event: DatasetSaved) -> None:
    """Find the cases of a dataset by its new title, once it has one; those about others too by theirs.

    Most saves change no title: cases about this dataset alone that have its terms are left where they are.
    """
    dataset = unit.session.get(model.Package, event.dataset_id)
    query = sa.select(Case.id).where(Case.id.in_(subjects.cases(event.dataset_id)))
    touched = unit.session.scalars(query.where(Case.terms != of([dataset] if dataset else []))).all()
    alike: dict[tuple[str, ...], list[str]] = {}
    for case_id, datasets in (subjects.datasets(touched) if touched else {}).items():
        alike.setdefault(tuple(of(datasets)), []).append(case_id)
    for found, case_ids in alike.items():
        unit.session.execute(
            sa.update(Case)
            .where(Case.id.in_(case_ids), Case.terms != list(found))
            .values(terms=list(found))
            .execution_options(synchronize_session=False)
        )


def install() -> None:
    """Listen to the catalogue."""
    subscribe(DatasetSaved, follow, subjects.of_cases)


def likeness(one: str, other: str) -> float:
    """Return how like two titles are, 0 to 1: their pairs of characters in common (Dice)."""
    mine, theirs = ({t for t in terms(title) if len(t) > 1} for title in (one, other))
    return 2 * len(mine & theirs) / (len(mine) + len(theirs)) if mine and theirs else 0.0
