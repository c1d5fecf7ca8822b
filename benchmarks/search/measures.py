"""Judged queries and the figures computed from them."""

from __future__ import annotations

import fnmatch
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

CUT = 10
DEEP = 50
BEST = 2


@dataclass(frozen=True)
class Query:
    """A query, what kind it is, and the grade of every dataset that is not 0."""

    text: str
    kind: str
    grades: Mapping[str, int]
    batch: str = ""

    @property
    def split(self) -> str:
        """Return "fresh", "dev" or "held"; from the text, so that nobody chooses the last two."""
        if self.batch:
            return self.batch
        return "held" if hashlib.sha256(self.text.encode()).digest()[0] % 2 else "dev"


Answers = list[tuple[Query, Sequence[str]]]


def read(path: Path, names: Sequence[str]) -> list[Query]:
    """Read the judged queries; a pattern that fits no name is an error."""
    found = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        grades: dict[str, int] = {}
        for key, grade in (("one", 1), ("two", 2)):
            for pattern in entry.get(key, []):
                fitting = fnmatch.filter(names, pattern)
                if not fitting:
                    raise ValueError(f"{entry['q']}: nothing is named {pattern}")
                grades.update(dict.fromkeys(fitting, grade))
        found.append(Query(str(entry["q"]), entry["kind"], grades, entry.get("batch", "")))
    return found


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], cut: int = CUT) -> float:
    """Return nDCG with gain 2^grade - 1; where nothing is to be found, 1 for finding nothing."""
    if not grades:
        return 0.0 if ranked else 1.0
    got = sum((2 ** grades.get(name, 0) - 1) / math.log2(i + 2) for i, name in enumerate(ranked[:cut]))
    best = sorted(grades.values(), reverse=True)[:cut]
    return got / sum((2**grade - 1) / math.log2(i + 2) for i, grade in enumerate(best))


def recall(ranked: Sequence[str], grades: Mapping[str, int], cut: int = DEEP) -> float:
    """Return the share of the relevant datasets among the first ``cut`` (of at most ``cut``)."""
    return sum(name in grades for name in ranked[:cut]) / min(len(grades), cut)


def best(query: Query) -> dict[str, int]:
    """Return the datasets of grade 2."""
    return {name: grade for name, grade in query.grades.items() if grade == BEST}


def reciprocal_rank(ranked: Sequence[str], grades: Mapping[str, int]) -> float:
    """Return 1 / rank of the first relevant dataset, 0 when there is none."""
    return next((1 / (i + 1) for i, name in enumerate(ranked) if name in grades), 0.0)


def summary(answers: Answers) -> dict[str, Any]:
    """Return the mean figures; recall, MRR and zero rate only over queries that have an answer."""
    answerable = [(query, ranked) for query, ranked in answers if query.grades]
    figures: dict[str, Any] = {"queries": len(answers)}
    if answers:
        figures["ndcg10"] = fmean(ndcg(ranked, q.grades) for q, ranked in answers)
    if answerable:
        figures["recall50"] = fmean(recall(ranked, q.grades) for q, ranked in answerable)
        figures["recall50_of_2"] = fmean(recall(r, best(q)) for q, r in answerable if best(q))
        figures["mrr"] = fmean(reciprocal_rank(ranked, q.grades) for q, ranked in answerable)
        figures["zero_rate"] = fmean(not ranked for _, ranked in answerable)
    return {key: round(value, 4) for key, value in figures.items()}


def report(answers: Answers) -> dict[str, Any]:
    """Return the summary overall and by split, and nDCG by kind and split."""
    splits: dict[str, Answers] = {"all": answers}
    for split in sorted({query.split for query, _ in answers}):
        splits[split] = [one for one in answers if one[0].split == split]
    kinds = list(dict.fromkeys(query.kind for query, _ in answers))
    return {
        **{split: summary(group) for split, group in splits.items()},
        "kinds": {kind: by_kind(kind, splits) for kind in kinds},
    }


def by_kind(kind: str, splits: Mapping[str, Answers]) -> dict[str, float]:
    """Return nDCG of one kind in each split."""
    groups = {s: [one for one in group if one[0].kind == kind] for s, group in splits.items()}
    return {split: summary(group)["ndcg10"] for split, group in groups.items() if group}
