"""Public case numbers (``SQ-20261122-00042-7``) and secret query codes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from datetime import date

from ..serials import next_serial
from ..unit import Unit

CODE_BYTES = 16
PATTERN = re.compile(r"([A-Z]{2})-(\d{8})-(\d{5,})-(\d)")


def check_digit(digits: str) -> str:
    """Return the check digit of a string of digits by ISO 7064 MOD 11,10."""
    product = 10
    for digit in digits:
        product = (product + int(digit)) % 10 or 10
        product = product * 2 % 11
    return str((11 - product) % 10)


def next_number(unit: Unit, prefix: str, day: date) -> str:
    """Return the next number of a kind on a day."""
    serial = next_serial(unit.session, f"{prefix}-{day:%Y%m%d}")
    digits = f"{day:%Y%m%d}{serial:05d}"
    return f"{prefix}-{day:%Y%m%d}-{serial:05d}-{check_digit(digits)}"


def is_number(text: str) -> bool:
    """Say whether a text is a well-formed number, check digit included."""
    match = PATTERN.fullmatch(text)
    return bool(match) and check_digit(match.group(2) + match.group(3)) == match.group(4)


def new_code() -> str:
    """Return a secret query code: 128 random bits in base 32, easy to read out and to type."""
    text = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().rstrip("=")
    return "-".join(text[start : start + 5] for start in range(0, len(text), 5))


def hash_code(code: str) -> str:
    """Return what is stored of a code; spaces, dashes and case do not matter."""
    plain = re.sub(r"[^A-Z2-7]", "", code.upper())
    return hashlib.sha256(plain.encode()).hexdigest()


def code_matches(stored: str, code: str) -> bool:
    """Compare a code in constant time."""
    return hmac.compare_digest(stored, hash_code(code))
