"""Numbers that identify a person: found in files and in texts for the public (R-SEC-14, R-OBJ-07).

Pure, and the one place for both. ``find`` is for files, where strings of digits are common: what it takes
for a hit is checked by its own arithmetic. ``in_public_text`` is for sentences that people write: there
also what is only shaped like a person's number has no business, nor have landlines and mail addresses,
unless the department publishes them as its own. Kinds, thresholds and ranges: ``personal.yaml``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parent / "personal.yaml"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK = "10X98765432"
"""GB 11643—1999 (ISO 7064 MOD 11-2)."""
OLDEST = date(1900, 1, 1)

CANDIDATE = re.compile(r"\d(?:[ -]?\d){9,}[ -]?[\dXx]")
"""A run of at least eleven digits, single spaces and hyphens between them; anything else is no hit."""
ID_NUMBER = re.compile(r"(?<![0-9A-Za-z])(\d{6})[ -]?(\d{8})[ -]?(\d{3}[\dXx])(?!\.?[0-9A-Za-z])")
MOBILE = re.compile(r"(?<![0-9A-Za-z.])(?:\+?86[ -]?)?(1[3-9]\d)[ -]?(\d{4})[ -]?(\d{4})(?!\.?[0-9A-Za-z])")
CARD = re.compile(r"(?<![0-9A-Za-z.])(\d(?:[ -]?\d){12,18})(?!\.?[0-9A-Za-z])")

DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣・·.．", "-"))
"""What stands for a hyphen between groups of digits."""
SEPARATED = r"[ \t-]*"
LOOSE_ID = re.compile(
    rf"(?<!\d)(?:\d{SEPARATED}){{14}}(?:\d(?!{SEPARATED}[\dXx])|(?:\d{SEPARATED}){{3}}[\dXx](?![0-9A-Za-z]))"
)
LOOSE_CARD = re.compile(rf"(?<!\d)\d(?:{SEPARATED}\d){{12,18}}(?!\d)")
LOOSE_MOBILE = re.compile(rf"(?<!\d)(?:\+?86{SEPARATED})?(1{SEPARATED}[3-9](?:{SEPARATED}\d){{9}})(?!\d)")
LANDLINE = re.compile(
    r"(?<!\d)(?:\+?86[ -]*)?\(?0\d{2,3}\)?[ -]*\d{3,4}[ -]?\d{4}(?!\d)"
    r"|\+86[ -]*\(?[1-9]\d{1,2}\)?[ -]*\d{7,8}(?!\d)"
    r"|(?:电话|座机|固话|传真|热线)[^\d。；;，,]{0,6}(?:\d{7,8}|\d{3,4}[ -]\d{4})(?!\d)"
)
HOTLINE = re.compile(r"(?<!\d)[48]00(?:[ -]?\d){7}(?!\d)")
EMAIL = re.compile(r"[\w.+%-]+\s?@\s?[\w-]+(?:\s?\.\s?[\w-]+)+")


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


# --- texts for the public ------------------------------------------------------------------------


def in_public_text(text: str, today: date, published: Iterable[str] = ()) -> list[Hit]:
    """Return what a text for the public may not hold: numbers and addresses of persons.

    Full-width signs, spaces, hyphens and invisible signs between digits hide nothing.

    :param published: telephones and addresses that the department has published as its own; they may stand
    """
    plain_text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    own = {reachable(contact) for contact in published if contact}
    addresses = [match[0] for match in EMAIL.finditer(plain_text) if reachable(match[0]) not in own]
    hits = [Hit("email", f"{address[0]}***@***") for address in addresses]
    left = EMAIL.sub(lambda match: "#" * len(match[0]), plain_text).translate(DASHES)
    for kind, pattern, is_one in LOOSE:
        for match in pattern.finditer(left):
            number = re.sub(r"[^0-9Xx]", "", match[0])
            if not is_one(number, today):
                continue
            left = blanked(left, match)
            if reachable(number) not in own:
                hits.append(Hit(kind, masked(number)))
    return hits


def reachable(contact: str) -> str:
    """Return a telephone number or mail address in one form: as it is dialled within the country."""
    text = unicodedata.normalize("NFKC", contact).strip().lower()
    if "@" in text:
        return re.sub(r"\s", "", text)
    digits = re.sub(r"\D", "", re.split(r"转|ext|,", text)[0])
    abroad = digits.startswith("86") and len(digits) > 9
    local = digits[2:] if abroad else digits
    return f"0{local}" if abroad and not local.startswith(("0", "1")) else local


def is_like_id_number(number: str, today: date) -> bool:
    """Say whether digits have region and date of birth of an identity number, of 18 or of 15 characters.

    The check character is not asked: a mistyped number still points to a person.
    """
    if len(number) not in (15, 18) or int(number[:2]) not in rules()["id_regions"]:
        return False
    born = number[6:14] if len(number) == 18 else f"19{number[6:12]}"
    try:
        return OLDEST <= date(int(born[:4]), int(born[4:6]), int(born[6:])) <= today
    except ValueError:
        return False


def anyhow(_number: str, _today: date) -> bool:
    """Say that the shape is enough."""
    return True


LOOSE = (
    ("resident_id", LOOSE_ID, is_like_id_number),
    ("bank_card", LOOSE_CARD, lambda number, _today: is_card_number(number)),
    ("mobile", LOOSE_MOBILE, anyhow),
    ("hotline", HOTLINE, anyhow),
    ("landline", LANDLINE, anyhow),
)
"""Kind, shape and check of what is looked for in public texts, in this order; what was found is blanked."""
