"""Which queries are Lucene queries for fields, and well formed.

Developers send such queries through the API and expect what stock CKAN does. People type colons,
brackets and quotation marks too; what Solr's parser would refuse is searched as plain words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from ckan.lib.search.query import MAGIC_FIELD_RE

MAX_DEPTH = 10
MAX_LENGTH = 50_000
WHOLE_SECONDS = len("2026-11-22T00:00:00")
_STOCK = """
    index_id id site_id title title_ngram entity_type dataset_type state name name_ngram revision_id
    version url ckan_url download_url notes author author_email maintainer maintainer_email license
    license_id tags groups organization capacity permission_labels res_name res_description
    res_format res_url res_type text urls depends_on dependency_of derives_from has_derivation
    links_to linked_from child_of parent_of views_total views_recent resources_accessed_total
    resources_accessed_recent metadata_created metadata_modified indexed_ts title_string private
"""
STOCK = frozenset(_STOCK.split())
PREFIXES = ("extras_", "res_extras_", "vocab_")

_ESCAPED = r"\\(?:u[0-9a-fA-F]{4}|[^\su])"
_PLAIN = r"[^\s+\-!(){}\[\]:^\"~*?\\/\u3000&|]"
_BOOST = r"(?:\^=?\d+(?:\.\d+)?)?"
_TOKENS = {
    "space": r"[\s\u3000]+",
    "name": r"(?:\*|[A-Za-z_][\w\-]*):[\s\u3000]*(?=[^\s\u3000):^~\]}])",
    "open": r"\(",
    "close": rf"\){_BOOST}",
    "negate": r"NOT(?=[\s(\u3000])",
    "join": r"(?:AND|OR|&&|\|\|)(?=[\s(\u3000])",
    "range": rf"[\[{{]\s*[^\s\[\]{{}}\"]+\s+TO\s+[^\s\[\]{{}}\"]+\s*[\]}}]{_BOOST}",
    "quoted": rf"\"(?:[^\"\\]|{_ESCAPED})*\"(?:~\d{{1,3}})?{_BOOST}",
    "sign": r"[+\-!](?=[^\s+\-!\u3000)])",
    "term": rf"(?:{_PLAIN}|{_ESCAPED}|[*?])(?:{_PLAIN}|{_ESCAPED}|[*?+\-])*(?:~[012]?)?{_BOOST}"
    r"(?=[\s)\u3000]|$)",
}
_TOKEN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _TOKENS.items()))
_DATES = re.compile(r"metadata_created|metadata_modified|indexed_ts|.*_date")
_NUMBERS = re.compile(r"views_total|views_recent|resources_accessed_\w+|nmg_downloads")
_MATH = re.compile(r"(?:(?:[+\-]\d{1,6}|/)(?:YEAR|MONTH|DAY|HOUR|MINUTE|SECOND)S?)*$")
_TO = re.compile(r"\s+TO\s+")
_SUFFIX = re.compile(r"(?:~\d*)?(?:\^=?[\d.]+)?$")


def is_lucene(typed: str) -> bool:
    """Say whether a query names fields and Solr's own parser can take it."""
    if typed.strip() in ("*:*", "*"):
        return True
    if len(typed) > MAX_LENGTH or MAGIC_FIELD_RE.search(typed):
        return False
    return Reader(typed).reads()


def is_date(text: str) -> bool:
    """Say whether Solr takes a text as the value of a date field."""
    if text == "*":
        return True
    moment, found, math = text.partition("NOW") if text.startswith("NOW") else text.partition("Z")
    if not found or not _MATH.match(math):
        return False
    if not moment:
        return text.startswith("NOW")
    try:
        return len(moment) >= WHOLE_SECONDS and datetime.fromisoformat(moment).tzinfo is None
    except ValueError:
        return False


def is_number(text: str) -> bool:
    """Say whether Solr takes a text as the value of an integer field."""
    return text == "*" or re.fullmatch(r"-?\d{1,9}", text) is not None


def anything(text: str) -> bool:
    """Take any value: the field is text."""
    return bool(text)


def only_star(text: str) -> bool:
    """Take nothing but the star of ``*:*``."""
    return text == "*"


def values_of(field: str) -> Callable[[str], bool]:
    """Return what says whether a value fits a field."""
    if field == "*":
        return only_star
    if _DATES.fullmatch(field):
        return is_date
    return is_number if _NUMBERS.fullmatch(field) else anything


class Reader:
    """Reads a query token by token; any surprise means that it is not one."""

    def __init__(self, typed: str) -> None:
        """Begin before the first token."""
        self.typed = typed
        self.depth = 0
        self.named = False  # a field was named
        self.field = ""  # the field that the next value is for
        self.modified = False  # a sign or NOT stands before what comes
        self.expecting = True  # something must come: at the start, after a sign, a field, an AND

    def reads(self) -> bool:
        """Say whether the whole text is well formed and names a field."""
        position = 0
        while position < len(self.typed):
            token = _TOKEN.match(self.typed, position)
            if token is None or token.lastgroup is None:
                return False
            if token.lastgroup != "space" and not getattr(self, token.lastgroup)(token[0]):
                return False
            position = token.end()
        return self.named and not self.depth and not self.expecting

    def name(self, token: str) -> bool:
        """Take the name of a field; what is no such name was typed by a person (PM2.5:)."""
        field, _, blank = token.partition(":")
        known = field in STOCK or field == "*" or field.startswith(PREFIXES)
        fits = known or (not blank and re.fullmatch(r"[a-z][a-z0-9_]*", field) is not None)
        fits = fits and not self.field
        self.named, self.expecting, self.field = True, True, field
        return fits

    def close(self, _token: str) -> bool:
        """End a group."""
        self.depth -= 1
        return self.depth >= 0 and not self.expecting

    def join(self, _token: str) -> bool:
        """Take AND or OR, which need something on both sides."""
        fits = not self.expecting
        self.expecting = True
        return fits

    def negate(self, _token: str) -> bool:
        """Take NOT or a sign, of which there is one at most."""
        fits = not (self.field or self.modified)
        self.modified = self.expecting = True
        return fits

    sign = negate

    def open(self, _token: str) -> bool:
        """Begin a group; for fields of dates and numbers it is not looked into, so refused."""
        fits = not self.field or values_of(self.field) is anything
        self.depth += 1
        self.field, self.modified, self.expecting = "", False, True
        return fits and self.depth <= MAX_DEPTH

    def quoted(self, token: str) -> bool:
        """Take a phrase."""
        return self.value(_SUFFIX.sub("", token).strip('"') or "x")

    def term(self, token: str) -> bool:
        """Take a word."""
        word = _SUFFIX.sub("", token)
        return word not in ("AND", "OR", "NOT", "TO") and self.value(word)

    def range(self, token: str) -> bool:
        """Take a range, both ends of which must fit."""
        field, (low, high) = self.field, _TO.split(_SUFFIX.sub("", token)[1:-1].strip())
        return self.value(low) and values_of(field)(high.replace("\\", ""))

    def value(self, text: str) -> bool:
        """Take a value for the field named before it, if one was."""
        fits = values_of(self.field)(text.replace("\\", ""))
        self.field, self.modified, self.expecting = "", False, False
        return fits
