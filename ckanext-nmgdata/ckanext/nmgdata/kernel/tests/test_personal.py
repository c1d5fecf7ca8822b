"""Numbers of persons: those that are valid are found, strings of digits mostly are not."""

from __future__ import annotations

from datetime import date

import pytest
from ckanext.nmgdata.kernel import personal as numbers
from hypothesis import given
from hypothesis import strategies as st

TODAY = date(2026, 11, 22)
REGIONS = st.sampled_from(["150102", "110101", "440306", "650121", "810000"])
DIGITS = st.text("0123456789", min_size=1)


def kinds(text: str) -> list[str]:
    """Return the kinds of numbers found in a text."""
    return [hit.kind for hit in numbers.find(text, TODAY)]


@st.composite
def id_numbers(draw):
    """Valid resident identity numbers."""
    born = draw(st.dates(date(1900, 1, 1), TODAY))
    first = f"{draw(REGIONS)}{born:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return first + numbers.id_check_character(first)


@st.composite
def cards(draw):
    """Valid card numbers of 银联."""
    body = "62" + draw(st.text("0123456789", min_size=13, max_size=16))
    last = next(d for d in "0123456789" if numbers.passes_luhn(body + d))
    return body + last


MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
AROUND = st.sampled_from(["", "证号:", "，", " ", "（", "电话 "])


@given(id_numbers(), AROUND, AROUND)
def test_every_valid_identity_number_is_found(number, before, after):
    assert "resident_id" in kinds(before + number + after)
    assert "resident_id" in kinds(f"{number[:6]} {number[6:14]} {number[14:].lower()}")


@given(id_numbers(), st.integers(0, 16), st.integers(1, 9))
def test_an_identity_number_with_one_wrong_digit_is_none(number, at, step):
    """MOD 11-2 notices every single wrong digit."""
    wrong = number[:at] + str((int(number[at]) + step) % 10) + number[at + 1 :]
    assert not numbers.is_id_number(wrong, TODAY)


def test_the_example_of_the_standard():
    assert numbers.id_check_character("34052419800101001") == "X"
    assert kinds("34052419800101001X") == ["resident_id"]
    assert kinds("340524198001010010") == []
    assert kinds("34052419801301001X") == []  # no thirteenth month


@given(cards())
def test_every_valid_card_number_is_found(number):
    assert "bank_card" in kinds(number) or "resident_id" in kinds(number)
    spaced = " ".join(number[i : i + 4] for i in range(0, len(number), 4))
    assert kinds(spaced) == kinds(number)


def test_luhn_by_published_examples():
    assert numbers.passes_luhn("79927398713")
    assert not numbers.passes_luhn("79927398710")
    assert kinds("4111 1111 1111 1111") == []  # two different digits only: a specimen
    assert kinds("4539 1488 0343 6467") == ["bank_card"]


@given(MOBILES)
def test_every_mobile_number_is_found(number):
    for written in (number, f"+86 {number}", f"86{number}", f"{number[:3]}-{number[3:7]}-{number[7:]}"):
        assert kinds(written) == ["mobile"]


@pytest.mark.parametrize(
    "text",
    [
        "0471-6201234", "04716201234", "010-12345678", "400-810-0000", "12345", "95588", "13912345",
        "116.13912345678", "13912345678.50", "A13912345678B", "1700000000000", "2026-11-22 08:15:34",
        "91150100MA0N5D2L3X", "150102001000", "9787115428028", "",
    ],
)  # fmt: skip
def test_what_departments_publish_is_no_hit(text):
    assert kinds(text) == []


def test_wide_digits_are_digits():
    assert kinds("１３９１２３４５６７８") == ["mobile"]


@given(st.lists(st.from_regex(r"[0-9]{18}", fullmatch=True), min_size=60, max_size=60))
def test_strings_of_eighteen_digits_mostly_are_no_person(strings):
    found = sum(1 for text in strings if kinds(text))
    assert found <= len(strings) // 4


def test_a_hit_never_shows_the_number():
    for text in ("34052419800101001X", "13912345678", "4539148803436467"):
        (hit,) = numbers.find(text, TODAY)
        assert len(hit.masked) == len(text)
        assert sum(c != "*" for c in hit.masked) == 5


@given(st.text())
def test_no_text_is_too_strange(text):
    kinds(text)
