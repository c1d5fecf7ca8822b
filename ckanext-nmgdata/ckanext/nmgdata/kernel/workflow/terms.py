"""What the search in lists of cases sees of a title: single characters and pairs of them.

Chinese has no spaces, so a word of two characters is a pair, and a longer one all its pairs. Nothing
that an applicant or objector has written is ever among the terms: other offices search them too.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import sqlalchemy as sa
from ckan import model

from ..events import DatasetSaved, subscribe
from ..unit import Unit
from .model import Case

RUN = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Return a text in half width and lower case, as both sides of the search see it."""
    return unicodedata.normalize("NFKC", text).casefold()


def terms(text: str) -> list[str]:
    """Return the terms of a title, sorted."""
    runs = RUN.findall(fold(text))
    return sorted({*"".join(runs), *("".join(pair) for run in runs for pair in pairwise(run))})


def asked(word: str) -> list[str]:
    """Return the terms that a title must have to hold a word: its pairs, or the one character it is."""
    runs = RUN.findall(fold(word))
    return sorted({"".join(pair) for run in runs for pair in pairwise(run)} or set("".join(runs)))


def of_dataset(dataset_id: str | None) -> list[str]:
    """Return the terms of a case about a dataset."""
    dataset = model.Session.get(model.Package, dataset_id) if dataset_id else None
    return terms(dataset.title or dataset.name or "") if dataset else []


def follow(unit: Unit, event: DatasetSaved) -> None:
    """Find the cases of a dataset by its new title, once it has one."""
    found = of_dataset(event.dataset_id)
    unit.session.execute(
        sa.update(Case)
        .where(Case.dataset_id == event.dataset_id, Case.terms != found)
        .values(terms=found)
        .execution_options(synchronize_session=False)
    )


def install() -> None:
    """Listen to the catalogue."""
    subscribe(DatasetSaved, follow)


def likeness(one: str, other: str) -> float:
    """Return how like two titles are, 0 to 1: their pairs of characters in common (Dice)."""
    mine, theirs = ({t for t in terms(title) if len(t) > 1} for title in (one, other))
    return 2 * len(mine & theirs) / (len(mine) + len(theirs)) if mine and theirs else 0.0
