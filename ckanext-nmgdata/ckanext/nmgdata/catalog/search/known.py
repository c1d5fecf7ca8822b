"""The words in use: those that come with the software, and the authority's own file over them.

The option ``ckanext.nmgdata.search.words`` names the file. It has the sections of ``synonyms.yaml``
(``equal``, ``departments``, ``question``, ``form``: lists of lists; ``wider``, ``english``: word → words)
and two more: ``places`` (GB/T 2260 code → names) and ``remove`` (words that shall be known no longer). Every
process looks every other second whether the file has changed. A file with a mistake changes nothing: what
was in use stays, and the log says what is wrong, as ``ckan nmgdata words`` does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ... import config, vocab
from .making import make
from .text import fold
from .text import words as split
from .words import Lexicon

log = logging.getLogger(__name__)
LINES = ("equal", "departments", "question", "form")
PAIRS = ("wider", "english", "places")
SECONDS = 2.0
MAX_BYTES = 2_000_000
MOST = 20
"""Mistakes that are told at once."""

Stamp = tuple[str, int, int] | None


class MistakeError(ValueError):
    """The authority's file cannot be used; says where and why, a line for each mistake."""


class InUse:
    """The words in use, read anew when the file has changed."""

    def __init__(self) -> None:
        """Begin without any."""
        self._turn = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Read everything anew at the next question, for tests."""
        self._lexicon: Lexicon | None = None
        self._stamp: Stamp = None
        self._looked = 0.0

    def lexicon(self) -> Lexicon:
        """Return the words; a change of the file takes effect within two seconds."""
        held = self._lexicon
        if held is not None and time.monotonic() - self._looked < SECONDS:
            return held
        with self._turn:
            return self._look()

    def _look(self) -> Lexicon:
        path, held = config.search_words(), self._lexicon
        stamp = stamp_of(path)
        if held is None or stamp != self._stamp:
            held = better(path if stamp else "", held)
        self._lexicon, self._stamp, self._looked = held, stamp, time.monotonic()
        return held


WORDS = InUse()


def lexicon() -> Lexicon:
    """Return the words in use."""
    return WORDS.lexicon()


def better(path: str, held: Lexicon | None) -> Lexicon:
    """Return the words as the file has them now; where that is a mistake, those that were in use."""
    try:
        return made(path)
    except MistakeError as mistake:
        log.error("the search keeps the words it has: %s", mistake)  # noqa: TRY400 - the cause is told
        return held or made("")


def made(path: str) -> Lexicon:
    """Return the words of the software with the changes of a file, if one is named.

    :raises MistakeError: when it cannot be read, or holds what cannot be meant
    """
    synonyms, places = read(path)
    return make(synonyms, places)


def stamp_of(path: str) -> Stamp:
    """Return what tells one state of a file from another; None when there is none."""
    try:
        found = Path(path).stat() if path else None
    except OSError:
        return None
    return found and (path, found.st_mtime_ns, found.st_size)


def read(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return synonyms and other names of places; raises as ``made`` does."""
    synonyms, places = vocab.terms("synonyms"), vocab.terms("places")
    if not path:
        return dict(synonyms), dict(places)
    own = checked(load(path))
    removed = {fold(word) for word in own.get("remove", [])}
    merged: dict[str, Any] = {}
    for section in LINES:
        kept = ([word for word in line if fold(word) not in removed] for line in synonyms[section])
        merged[section] = [*own.get(section, []), *(line for line in kept if line)]
    for section in ("wider", "english"):
        kept = {word: meant for word, meant in synonyms[section].items() if fold(word) not in removed}
        merged[section] = kept | own.get(section, {})
    return merged, {code: added(code, places, own, removed) for code in {*places, *own.get("places", {})}}


def added(code: str, places: Mapping[str, Any], own: Mapping[str, Any], removed: set[str]) -> list[str]:
    """Return the other names of a place, those of the authority among them."""
    kept = [name for name in places.get(code, []) if fold(name) not in removed]
    return [*kept, *own.get("places", {}).get(code, [])]


def load(path: str) -> Any:
    """Read a YAML file.

    :raises MistakeError: when there is none, or it is too large, or no YAML
    """
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise MistakeError(f"{path}: larger than {MAX_BYTES} bytes")
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MistakeError(f"{path}: {error}") from error


def checked(found: Any) -> dict[str, Any]:
    """Return the content of a file as sections of words.

    :raises MistakeError: with all that is wrong
    """
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise MistakeError("sections are expected: equal, departments, wider, english, places, …")
    mistakes: list[str] = []
    sections: dict[str, Any] = {}
    for name, content in found.items():
        if name in LINES and isinstance(content, list):
            lines = enumerate(content, 1)
            sections[name] = [words_of(f"{name}, line {n}", line, mistakes) for n, line in lines]
        elif name in PAIRS and isinstance(content, dict):
            pairs = ((str(word), meant) for word, meant in content.items())
            sections[name] = {w: words_of(f"{name}, {w}", meant, mistakes) for w, meant in pairs}
        elif name == "remove":
            sections[name] = words_of(name, content, mistakes)
        elif name in (*LINES, *PAIRS):
            mistakes.append(f"{name}: {'a list' if name in LINES else 'word: [words]'} is expected")
        else:
            mistakes.append(f"{name}: no such section")
    mistakes += [f"places, {c}: no such code" for c in sections.get("places", {}) if not is_place(c)]
    if mistakes:
        raise MistakeError("\n".join(mistakes[:MOST]))
    return sections


def words_of(where: str, line: Any, mistakes: list[str]) -> list[str]:
    """Return a line as words; what is none becomes a mistake."""
    if not isinstance(line, list) or not line:
        mistakes.append(f"{where}: a list of words is expected, [公积金, 住房公积金]")
        return []
    wrong = (w for w in line if isinstance(w, list | dict) or w is None or not split(fold(str(w))))
    mistakes += [f"{where}: {word!r} is no word" for word in wrong]
    return [str(word) for word in line]


def is_place(code: str) -> bool:
    """Say whether a division has this code."""
    return code in vocab.terms("division")
