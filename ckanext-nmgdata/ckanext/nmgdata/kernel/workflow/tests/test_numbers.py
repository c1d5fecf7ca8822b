"""Case numbers and query codes."""

from __future__ import annotations

import pytest
from ckanext.nmgdata.kernel.workflow import numbers, queries
from hypothesis import given
from hypothesis import strategies as st

DIGITS = st.text("0123456789", min_size=13, max_size=13)


def as_number(digits):
    """Return a number with the right check digit."""
    return f"SQ-{digits[:8]}-{digits[8:]}-{numbers.check_digit(digits)}"


@given(DIGITS)
def test_a_number_proves_itself(digits):
    assert numbers.is_number(as_number(digits))


@given(DIGITS, st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(digits, place, shift):
    wrong = str((int(digits[place]) + shift) % 10)
    changed = digits[:place] + wrong + digits[place + 1 :]
    number = f"SQ-{changed[:8]}-{changed[8:]}-{numbers.check_digit(digits)}"
    assert not numbers.is_number(number)


@pytest.mark.parametrize(
    "text", ["", "SQ", "SQ-20261122-00001", "sq-20261122-00001-1", "SQ-20261122-00001-1 "]
)
def test_other_texts_are_no_numbers(text):
    assert not numbers.is_number(text)


def test_a_code_has_128_bits_and_is_read_generously():
    code = numbers.new_code()
    stored = numbers.hash_code(code)
    assert len(code.replace("-", "")) == 26
    assert numbers.code_matches(stored, code)
    assert numbers.code_matches(stored, code.lower().replace("-", " "))
    assert not numbers.code_matches(stored, numbers.new_code())


def test_number_and_code_open_a_case_and_nothing_less_does(filed):
    receipt = filed()
    case = receipt.case
    assert queries.by_code(case.number, receipt.code).id == case.id
    assert queries.by_code(case.number.lower(), receipt.code).id == case.id
    assert queries.by_code(case.number, "") is None
    assert queries.by_code(case.number, numbers.new_code()) is None
    assert queries.by_code("TT-20261122-99999-9", receipt.code) is None


def test_the_code_is_not_stored(filed):
    receipt = filed()
    assert receipt.code.replace("-", "") not in str(vars(receipt.case))
