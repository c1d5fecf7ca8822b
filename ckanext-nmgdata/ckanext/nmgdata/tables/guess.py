"""Types of columns, guessed from every value, so that no value has to be altered or thrown away.

A column gets a type other than text only when all its values can be written back exactly as they
stood. Codes are text: leading zeros, more than fifteen digits, ten digits and more all of one
length, and columns whose name says that they hold codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

MOST_DIGITS = 15
"""Whole digits that a number may have; beyond them spreadsheets and JSON readers lose digits."""
CODE_DIGITS = 10
"""Numbers of at least so many digits, all of one length, are codes: telephone, division, account."""
CODE_WORDS = re.compile(
    r"代码|编码|编号|证号|号码|邮编|邮政编码|电话|手机|身份证|信用代码|(?<![a-z])(code|phone|zip)", re.I
)
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,14}")
NUMERIC = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,25}")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}")
INT4 = 2**31


def is_number(value: str) -> bool:
    """Say whether a value is a plain decimal number; minus zero is not."""
    if INTEGER.fullmatch(value):
        return True
    return NUMERIC.fullmatch(value) is not None and not (value[0] == "-" and not value.strip("-0."))


def is_date(value: str) -> bool:
    """Say whether a value is a day of the calendar, as ``2026-11-22``."""
    if not DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_moment(value: str) -> bool:
    """Say whether a value is a day and time without zone or fraction."""
    if not MOMENT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


TESTS: dict[str, Callable[[str], object]] = {
    "bool": {"true", "false", "TRUE", "FALSE", "True", "False"}.__contains__,
    "int": INTEGER.fullmatch,
    "numeric": is_number,
    "date": is_date,
    "timestamp": is_moment,
}
"""From the narrowest to the widest; a column that passes none is text."""


@dataclass
class Column:
    """What is known of a column after the values seen so far."""

    name: str
    open: list[str] = field(default_factory=lambda: list(TESTS))
    filled: int = 0
    largest: int = 0
    widths: set[int] = field(default_factory=set)

    def see(self, value: str) -> None:
        """Take one value into account; empty cells are not passed."""
        self.filled += 1
        if not self.open:
            return
        self.open = [name for name in self.open if TESTS[name](value)]
        if "int" in self.open:
            self.largest = max(self.largest, abs(int(value)))
            self.widths.add(len(value.lstrip("-")))

    def type(self) -> str:
        """Return the PostgreSQL type."""
        if not self.filled or not self.open:
            return "text"
        kind = self.open[0]
        if kind == "int":
            if CODE_WORDS.search(self.name) or (len(self.widths) == 1 and min(self.widths) >= CODE_DIGITS):
                return "text"
            return "int4" if self.largest < INT4 else "int8"
        return kind
