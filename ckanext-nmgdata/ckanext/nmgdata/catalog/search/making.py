"""A lexicon made of vocabularies: divisions, other names of places, synonyms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ... import vocab
from .words import Kind, Lexicon, Term

SAME, DEPARTMENT_ALIAS, WIDER = 0.8, 0.8, 0.6


def others(group: Iterable[str], name: str, weight: float) -> tuple[tuple[str, float], ...]:
    """Return the other names of a group as data have them, with the weight they have beside the one typed.

    Data are in Chinese: of Latin names only those with digits stand in them (pm2.5, 12345).
    """
    return tuple((other, weight) for other in group if other != name and is_in_data(other))


def is_in_data(name: str) -> bool:
    """Say whether data may have a name as it stands."""
    return not name.isascii() or any(letter.isdigit() for letter in name)


def mongolian(place: Mapping[str, Any]) -> list[str]:
    """Return a place's name in Mongolian script, also without what it is (ᠬᠣᠲᠠ, ᠠᠶᠢᠮᠠᠭ)."""
    name = str(place.get("mongolian") or "")
    stem = name.rpartition(" ")[0]
    return [one for one in (name, stem) if one]


def add_places(lexicon_: Lexicon, divisions: Mapping[str, Any], also: Mapping[str, Any]) -> None:
    """Enter the divisions under all their names."""
    for code, place in divisions.items():
        names = [place["zh"], place["en"], *mongolian(place), *also.get(code, [])]
        for name in names:
            lexicon_.add(Term("place", str(name), ((place["zh"], 1.0),), code))


def add_synonyms(lexicon_: Lexicon, synonyms: Mapping[str, Any]) -> None:
    """Enter departments, synonyms, English words and words that only ask, in this order."""
    for line in synonyms["departments"]:
        for name in line:
            also = others(line, name, DEPARTMENT_ALIAS)
            lexicon_.add(Term("department", name, also, line[0]))
    for line in synonyms["equal"]:
        for name in line:
            lexicon_.add(Term("subject", name, others(line, name, SAME)))
    for name, meant in synonyms["wider"].items():
        lexicon_.add(Term("subject", name, tuple((other, WIDER) for other in meant)))
    for name, meant in synonyms["english"].items():
        lexicon_.add(Term("subject", name, tuple((other, 1.0) for other in meant)))
    kinds: tuple[Kind, ...] = ("question", "form")
    for kind in kinds:
        for name in (name for line in synonyms[kind] for name in line):
            lexicon_.add(Term(kind, name))
    meant_by = (*synonyms["wider"].values(), *synonyms["english"].values())
    for name in (name for meant in meant_by for name in meant):
        lexicon_.add(Term("subject", name))


def make(synonyms: Mapping[str, Any], places: Mapping[str, Any]) -> Lexicon:
    """Return the words that these vocabularies and the divisions make."""
    made = Lexicon()
    add_places(made, vocab.terms("division"), places)
    add_synonyms(made, synonyms)
    made.learn_sounds()
    return made
