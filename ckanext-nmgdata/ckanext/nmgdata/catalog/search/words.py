"""The words the search knows: places, departments, synonyms, and words that only ask.

Where they come from says ``known``. A query is cut at the words known here, longest first; what lies
between them is searched as typed.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from .text import MIN_INITIALS, Spoken, fold, is_han, split_pinyin, syllables, words

REGION = "150000"
MAX_HEARD = 6
YEAR = re.compile(r"(?:19|20)\d\d")
PAIR = 2
SHORTEST_PLURAL = 4
SHORTEST_NEARLY = 3
SHORTEST_MADE = 4
MAX_PHRASE = 8

Kind = Literal["place", "department", "subject", "question", "form", "text", "pinyin"]

# Particles end a piece of a phrase, and who speaks may begin it; neither is part of its subject.
SPLIT = re.compile("[的了吗呢吧啊呀么]+")
SPEAKERS = "我你您他她咱"
# Said before a subject, but only after a place or a question word (有 in 哪里有充电桩).
LINKS = "有在是要能用和与及或"


@dataclass(frozen=True)
class Term:
    """A known word: what it is, and the other names under which data may have it, with weights.

    ``code`` is the place's code, or the department's first name in its line of ``synonyms.yaml``.
    """

    kind: Kind
    name: str
    also: tuple[tuple[str, float], ...] = ()
    code: str = ""


@dataclass(frozen=True)
class Span:
    """A piece of a query as typed, the words it was taken for, and how it may be read as pinyin.

    ``parts`` are the known words inside a long one (停车 in 违章停车).
    """

    kind: Kind
    text: str
    terms: tuple[Term, ...] = ()
    spoken: tuple[Spoken, ...] = ()
    parts: tuple[Term, ...] = ()


MOST_DEPARTMENTS = 5000
"""Titles of organisations that are remembered."""


@dataclass(eq=False)
class Lexicon:
    """Known words by spelling, by sound and by initials."""

    spelled: dict[tuple[str, ...], Term] = field(default_factory=dict)
    sounds: dict[Spoken, list[Term]] = field(default_factory=lambda: defaultdict(list))
    initials: dict[str, list[Term]] = field(default_factory=lambda: defaultdict(list))
    nearly: dict[str, list[Term]] = field(default_factory=lambda: defaultdict(list))
    longest: int = 1
    _departments: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _begun: list[tuple[str, str]] = field(default_factory=list)

    def add(self, term: Term) -> None:
        """Enter a word; a spelling entered before keeps its kind and gains other names."""
        key = key_of(words(fold(term.name)))
        if not key:
            return
        old = self.spelled.get(key)
        if old is not None and old.kind == term.kind:
            also = dict(term.also) | dict(old.also)
            term = Term(old.kind, old.name, tuple(also.items()), old.code)
        elif old is not None:
            return
        self.spelled[key] = term
        self.longest = max(self.longest, *(len(part) for part in key))

    def learn_sounds(self) -> None:
        """Make the words findable by pinyin and by initials, once all are entered.

        Words without other names need no such help: the index knows their sound.
        """
        for key, term in self.spelled.items():
            if len(key) == 1 and is_han(key[0]) and term.kind in ("subject", "department", "place"):
                for one in blanked(key[0]):
                    self.nearly[one].append(term)
            if len(key) == 1 and is_han(key[0]) and (term.also or term.code):
                spoken = syllables(key[0])
                if len(spoken) > 1:
                    self.sounds[spoken].append(term)
                    self.initials["".join(one[0] for one in spoken)].append(term)

    def cut(self, text: str) -> list[Span]:
        """Cut a text into spans."""
        found = join_syllables(words(fold(text)))
        spans: list[Span] = []
        position = 0
        while position < len(found):
            for size in range(min(MAX_PHRASE, len(found) - position), 0, -1):
                part = found[position : position + size]
                term = None if size == 1 and is_han(part[0]) else self.spelled.get(key_of(part))
                if term is not None:
                    spans.append(Span(term.kind, " ".join(part), (term,)))
                    break
            else:
                size = 1
                spans += self._cut_word(found[position])
            position += size
        return spans

    def beginning(self, begun: str) -> list[str]:
        """Return the known names that begin so in characters, pinyin or initials, the shortest first."""
        if not self._begun:
            self._begun = sorted(beginnings(self.spelled))
        start = bisect_left(self._begun, (begun,))
        end = bisect_left(self._begun, (begun + "\U0010ffff",))
        return list(dict.fromkeys(name for _, name in sorted(self._begun[start:end], key=by_length)))

    def departments_in(self, title: str) -> tuple[str, ...]:
        """Return the departments that an organisation is, by the codes of their terms; they are few."""
        if title not in self._departments:
            if len(self._departments) > MOST_DEPARTMENTS:
                self._departments.clear()
            self._departments[title] = self._codes(title, "department")
        return self._departments[title]

    def places_in(self, title: str) -> tuple[str, ...]:
        """Return the codes of the places that a title names."""
        return self._codes(title, "place")

    def _codes(self, title: str, kind: Kind) -> tuple[str, ...]:
        terms = (term for span in self.cut(title) if span.kind == kind for term in span.terms)
        return tuple(dict.fromkeys(term.code for term in terms))

    def _cut_word(self, word: str) -> list[Span]:
        if is_han(word):
            return self._cut_han(word)
        if " " in word:
            return self._cut_pinyin((tuple(word.split()),))
        if YEAR.fullmatch(word):
            return [Span("form", word)]
        ways = tuple(way for way in split_pinyin(word) if len(way) > 1)
        if ways:
            return self._cut_pinyin(ways)
        return self._cut_initials(word) if word.isascii() and word.isalpha() else [Span("text", word)]

    def _cut_han(self, run: str) -> list[Span]:
        spans: list[Span] = []
        start = position = 0
        while position < len(run):
            term, size = self._longest_at(run, position)
            if term is None:
                position += 1
                continue
            spans += self._between(run[start:position], spans)
            word = run[position : position + size]
            spans.append(Span(term.kind, word, (term,), parts=self._inside(word)))
            start = position = position + size
        return spans + self._between(run[start:], spans)

    def _inside(self, word: str) -> tuple[Term, ...]:
        """Return the known words that a long word is made of."""
        found: list[Term] = []
        position = 0
        while len(word) >= SHORTEST_MADE and position < len(word) - 1:
            term, size = self._longest_at(word, position, len(word) - 1)
            if term is not None:
                found.append(term)
            position += max(size, 1)
        return tuple(found)

    def _longest_at(self, run: str, position: int, most: int = 99) -> tuple[Term | None, int]:
        """Return the longest known word here; single characters count only when they are all."""
        for size in range(min(self.longest, len(run) - position, most), 0, -1):
            term = self.spelled.get((run[position : position + size],))
            if term is not None and (size > 1 or len(run) == 1):
                return term, size
        return None, 0

    def _between(self, rest: str, before: list[Span]) -> list[Span]:
        """Return what lies between known words, without particles, and what it sounds like."""
        after_ask = bool(before) and before[-1].kind in ("question", "place")
        return [
            Span("text", piece, self._sounding_like(syllables(piece)) or self._looking_like(piece))
            for piece in (self._bare(one, after_ask) for one in SPLIT.split(rest))
            if piece
        ]

    def _bare(self, piece: str, after_ask: bool) -> str:
        """Return a piece without who speaks, and without what only links it; empty for nothing else."""
        if len(piece) > PAIR:
            piece = piece.lstrip(SPEAKERS) or piece
        if after_ask:
            piece = piece.lstrip(LINKS)
        return "" if len(piece) == 1 and (piece in LINKS or (piece,) in self.spelled) else piece

    def nearest_to(self, piece: str) -> Term | None:
        """Return the known word with all but one of a piece's characters, best one that sounds like it."""
        found = [term for one in blanked(piece) for term in self.nearly.get(one, ())]
        spoken = syllables(piece)
        return max(found, key=lambda term: alike(spoken, syllables(fold(term.name))), default=None)

    def _looking_like(self, rest: str) -> tuple[Term, ...]:
        """Return the longest known words of which all but one character stand here."""
        found: list[Term] = []
        position = 0
        while position < len(rest):
            size = min(self.longest, len(rest) - position)
            while size >= SHORTEST_NEARLY:
                term = self.nearest_to(rest[position : position + size])
                if term is not None:
                    found.append(term)
                    position += size
                    break
                size -= 1
            else:
                position += 1
        return tuple(found)

    def _sounding_like(self, spoken: Spoken) -> tuple[Term, ...]:
        """Return known words with the sound of a part of this, longest first.

        Two syllables are too few to hear a place in: 包头 would be heard in too much.
        """
        found: list[Term] = []
        position = 0
        while position < len(spoken):
            terms, size = self._heard_at(spoken, position)
            found += [term for term in terms if term.kind != "place" or size > PAIR]
            position += size
        return tuple(found)

    def _heard_at(self, spoken: Spoken, position: int) -> tuple[list[Term], int]:
        """Return the known words with the longest sound that begins here, and its length."""
        for size in range(len(spoken) - position, 1, -1):
            terms = self.sounds.get(spoken[position : position + size])
            if terms:
                return terms[:MAX_HEARD], size
        return [], 1

    def _cut_pinyin(self, ways: tuple[Spoken, ...]) -> list[Span]:
        """Cut pinyin at the known words, in the short reading that knows most."""
        shortest = [way for way in ways if len(way) == len(ways[0])]
        cuts = [(way, self._cut_syllables(way)) for way in shortest]
        way, best = max(cuts, key=lambda cut: sum(len(s.spoken[0]) for s in cut[1] if s.terms))
        if not any(span.terms for span in best):
            return [Span("pinyin", " ".join(way), spoken=ways)]
        whole = [Span("pinyin", " ".join(way), spoken=(way,))] if len(best) > 1 else []
        return [span for span in best if span.terms or len(span.spoken[0]) > 1] + whole

    def _cut_syllables(self, spoken: Spoken) -> list[Span]:
        pieces: list[tuple[Spoken, tuple[Term, ...]]] = []
        start = position = 0
        while position < len(spoken):
            terms, size = self._heard_at(spoken, position)
            if terms:
                pieces.append((spoken[start:position], ()))
                pieces.append((spoken[position : position + size], tuple(terms)))
                start = position + size
            position += size
        pieces.append((spoken[start:], ()))
        return [Span("pinyin", " ".join(part), terms, (part,)) for part, terms in pieces if part]

    def _cut_initials(self, latin: str) -> list[Span]:
        """Read letters as initials: of a known word, or of a place and something behind it."""
        known = tuple(self.initials.get(latin, ())[:MAX_HEARD])
        spans = [Span("pinyin", latin, known)]
        if known:
            return spans
        for size in range(len(latin) - MIN_INITIALS, 1, -1):
            here = [t for t in self.initials.get(latin[:size], ()) if t.kind == "place"]
            if here:
                rest = self._cut_initials(latin[size:])
                return [Span("place", latin[:size], tuple(here)), *spans, *rest]
        return spans


def beginnings(spelled: Mapping[tuple[str, ...], Term]) -> Iterator[tuple[str, str]]:
    """Return what may be typed for each Chinese name, and the name."""
    for key, term in spelled.items():
        if len(key) == 1 and len(key[0]) > 1 and is_han(key[0]) and term.kind in ("subject", "place"):
            spoken = syllables(key[0])
            yield from ((key[0], term.name), ("".join(spoken), term.name))
            yield "".join(one[0] for one in spoken), term.name


def by_length(begun: tuple[str, str]) -> tuple[int, str]:
    """Sort the shortest names first."""
    return len(begun[1]), begun[1]


def alike(spoken: Spoken, other: Spoken) -> int:
    """Return how many syllables are the same in the same places."""
    return sum(one == two for one, two in zip(spoken, other, strict=False))


def blanked(word: str) -> list[str]:
    """Return a word with each of its characters left out in turn; none for the shortest."""
    if len(word) < SHORTEST_NEARLY:
        return []
    return [f"{word[:place]}?{word[place + 1 :]}" for place in range(len(word))]


def key_of(parts: Iterable[str]) -> tuple[str, ...]:
    """Return the key of a spelling; English plurals count as singulars."""
    return tuple(singular(part) if part.isascii() else part for part in parts)


def singular(word: str) -> str:
    """Return an English word without its plural ending."""
    if len(word) < SHORTEST_PLURAL or not word.endswith("s") or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("xes", "ches", "shes", "sses")) else word[:-1]


def join_syllables(found: list[str]) -> list[str]:
    """Join pinyin typed syllable by syllable (gong jiao) into one word with blanks."""
    joined: list[str] = []
    for single, group in groupby(found, key=lambda word: (word,) in split_pinyin(word)):
        parts = list(group)
        joined += [" ".join(parts)] if single and len(parts) > 1 else parts
    return joined
