"""Texts for the public hold no number and no address of a person, however it is written (R-OBJ-07)."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from ckanext.nmgdata.kernel import personal
from hypothesis import given
from hypothesis import strategies as st

from .test_personal import MOBILES, TODAY, cards, id_numbers

SEPARATORS = st.sampled_from(["", " ", "-", "－", "　", "–", "  ", "\u200b"])
CHINESE = st.text(
    "经核实数据可识别特定自然人，其行车轨迹应当撤回。（第二十八条）《个人信息保护法》", max_size=20
)
FULL_WIDTH = str.maketrans("0123456789Xx-()@.", "０１２３４５６７８９Ｘｘ－（）＠．")


def kinds(text, published=()):
    """Return the kinds found in a text."""
    return [hit.kind for hit in personal.in_public_text(text, TODAY, published)]


@st.composite
def disguised(draw, numbers):
    """A number with anything between its digits, in full width or not, within a Chinese sentence."""
    number, gap = draw(numbers), draw(SEPARATORS)
    size = draw(st.integers(1, 6))
    pieces = gap.join(number[at : at + size] for at in range(0, len(number), size))
    if draw(st.booleans()):
        pieces = pieces.translate(FULL_WIDTH)
    return f"{draw(CHINESE)}{pieces}{draw(CHINESE)}"


@given(disguised(MOBILES))
def test_no_mobile_number_gets_through(text):
    assert kinds(text)


@given(disguised(id_numbers()))
def test_no_identity_number_gets_through(text):
    assert "resident_id" in kinds(text)


@given(disguised(cards()))
def test_no_bank_card_gets_through(text):
    assert kinds(text)


@given(st.emails(), CHINESE, st.booleans())
def test_no_mail_address_gets_through(address, around, wide):
    local, _at, host = address.partition("@")
    if not local.isalnum() or not host.replace(".", "").replace("-", "").isalnum():
        return
    shown = address.translate(FULL_WIDTH) if wide else address
    assert "email" in kinds(f"{around} {shown} {around}")


@given(CHINESE, CHINESE, st.dates(date(1990, 1, 1), date(2099, 12, 31)), st.integers(1, 99999))
def test_sentences_dates_and_numbers_of_cases_pass(before, after, day, serial):
    text = (
        f"{before}案号YY-{day:%Y%m%d}-{serial:05d}-7，{day.isoformat()}，{day:%Y年%m月%d日}，内政发〔2024〕19号，"
        f"服务热线12345，共{serial}条、{serial / 7:.2f}%，{after}"
    )
    assert kinds(text) == []


@given(st.text())
def test_no_text_is_too_strange(text):
    for hit in personal.in_public_text(text, TODAY):
        assert "*" in hit.masked


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("请拨打0471-1234567", "landline"), ("（0471）1234567", "landline"), ("(0471) 123 4567", "landline"),
        ("０４７１－１２３４５６７", "landline"), ("+86-471-1234567", "landline"), ("电话：1234567", "landline"),
        ("04711234567", "landline"), ("400-123-4567", "hotline"), ("８００８１０１２３４", "hotline"),
        ("138 0013 8000", "mobile"), ("138－0013－8000", "mobile"), ("+86 13800138000", "mobile"),
        ("1 3 8 0 0 1 3 8 0 0 0", "mobile"), ("150102 19900307 1239", "resident_id"),
        ("150102900307123", "resident_id"), ("zhang@example.org", "email"), ("ｚｈａｎｇ＠qq．com", "email"),
    ],
)  # fmt: skip
def test_each_kind_is_named(text, kind):
    assert kinds(text) == [kind]


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("可致电0471-1234567咨询", ["0471-1234567"]), ("可致电（0471）1234567", ["0471 1234567"]),
        ("热线４００－１２３－４５６７", ["400 123 4567"]), ("写信至 Data@NMG.gov.cn", ["data@nmg.gov.cn"]),
        ("可致电+86 471 1234567", ["0471-1234567"]), ("联系0471-1234567", ["0471-1234567转801"]),
    ],
)  # fmt: skip
def test_the_department_s_own_published_contact_may_stand(text, published):
    assert kinds(text, published) == []
    assert kinds(text) != []
    assert kinds(text.replace("7", "8").replace("７", "８").replace("Data", "Li"), published) != []


def test_the_digits_are_normalised_before_anything_is_compared():
    assert unicodedata.normalize("NFKC", "①③") == "13"
    assert kinds("①③⑧00138000") == ["mobile"]
