"""Numbers that identify a person: found in text and checked by their own arithmetic (R-SEC-14).

Pure: what counts as a hit stands in ``screening.yaml``, how a check digit works stands here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parent / "screening.yaml"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK = "10X98765432"
"""GB 11643—1999 (ISO 7064 MOD 11-2)."""
OLDEST = date(1900, 1, 1)

CANDIDATE = re.compile(r"\d(?:[ -]?\d){9,}[ -]?[\dXx]")
"""A run of at least eleven digits, single spaces and hyphens between them; anything else is no hit."""
ID_NUMBER = re.compile(r"(?<![0-9A-Za-z])(\d{6})[ -]?(\d{8})[ -]?(\d{3}[\dXx])(?!\.?[0-9A-Za-z])")
MOBILE = re.compile(r"(?<![0-9A-Za-z.])(?:\+?86[ -]?)?(1[3-9]\d)[ -]?(\d{4})[ -]?(\d{4})(?!\.?[0-9A-Za-z])")
CARD = re.compile(r"(?<![0-9A-Za-z.])(\d(?:[ -]?\d){12,18})(?!\.?[0-9A-Za-z])")


@dataclass(frozen=True)
class Hit:
    """A number that seems to be a person's, already masked."""

    kind: str
    masked: str


@cache
def rules() -> dict[str, Any]:
    """Return thresholds, region codes and card ranges."""
    return yaml.safe_load(RULES.read_text(encoding="utf-8"))


def id_check_character(first_seventeen: str) -> str:
    """Return the check character of a resident identity number."""
    return CHECK[
        sum(int(digit) * weight for digit, weight in zip(first_seventeen, WEIGHTS, strict=True)) % 11
    ]


def is_id_number(number: str, today: date) -> bool:
    """Say whether 18 characters are a resident identity number: region, date of birth, check character."""
    if int(number[:2]) not in rules()["id_regions"]:
        return False
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return OLDEST <= born <= today and id_check_character(number[:17]) == number[17].upper()


def passes_luhn(number: str) -> bool:
    """Say whether the last digit of a card number is its check digit (ISO/IEC 7812-1)."""
    doubled = (sum(divmod(int(digit) * 2, 10)) for digit in number[-2::-2])
    return (sum(map(int, number[::-2])) + sum(doubled)) % 10 == 0


def is_card_number(number: str) -> bool:
    """Say whether digits are a bank-card number: issuer range, its length, check digit."""
    if len(set(number)) < 3:
        return False
    for low, high, lengths in rules()["cards"]:
        prefix = number[: len(str(low))]
        if low <= int(prefix) <= high and len(number) in lengths:
            return passes_luhn(number)
    return False


def find(text: str, today: date) -> Iterator[Hit]:
    """Yield the numbers of persons in a text, each place once: identity, then card, then mobile."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if not CANDIDATE.search(text):
        return
    for match in ID_NUMBER.finditer(text):
        if is_id_number(plain(match), today):
            yield Hit("resident_id", masked(plain(match)))
            text = blanked(text, match)
    for match in CARD.finditer(text):
        if is_card_number(plain(match)):
            yield Hit("bank_card", masked(plain(match)))
            text = blanked(text, match)
    for match in MOBILE.finditer(text):
        number = "".join(match.groups())
        yield Hit("mobile", masked(number))


def plain(match: re.Match[str]) -> str:
    """Return a found number without spaces and hyphens."""
    return "".join(match.groups()).replace(" ", "").replace("-", "")


def blanked(text: str, match: re.Match[str]) -> str:
    """Return a text in which a found number is not found again; lengths stay."""
    return text[: match.start()] + "#" * (match.end() - match.start()) + text[match.end() :]


def masked(number: str) -> str:
    """Return a number of which only enough is left to find it in the file: first three and last two."""
    return number[:3] + "*" * (len(number) - 5) + number[-2:]
