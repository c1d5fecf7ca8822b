"""Types, headings and encodings: nothing is altered, everything that cannot stay is said."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from ckanext.nmgdata.tables import headers, reading, stored
from ckanext.nmgdata.tables.guess import Column
from hypothesis import given
from hypothesis import strategies as st


def type_of(*values: str, name: str = "数值") -> str:
    """Return the type of a column with these values."""
    column = Column(name)
    for value in values:
        column.see(value)
    return column.type()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-20", "0"], "int4"),
        (["3000000000"], "text"),  # ten digits and all of one length: a code
        (["3000000000", "5"], "int8"),
        (["1.50", "2", "-0.5"], "numeric"),
        (["2026-11-22", "2024-02-29"], "date"),
        (["2026-11-22 08:00:00", "2026-11-22T09:30:00"], "timestamp"),
        (["true", "FALSE"], "bool"),
        (["001", "002"], "text"),
        (["1", "01"], "text"),
        (["150102199003071234"], "text"),
        (["13912345678", "13812345678"], "text"),
        (["2026-02-30"], "text"),
        (["2026/1/5"], "text"),
        (["1,234"], "text"),
        (["-0"], "text"),
        (["-0.00"], "text"),
        (["1e5"], "text"),
        (["12 "], "text"),
        (["是", "否"], "text"),
        (["2026-11-22T08:00:00+08:00"], "text"),
        (["1", "暂无"], "text"),
        ([], "text"),
    ],
)
def test_a_column_gets_the_narrowest_type_that_alters_nothing(values, kind):
    assert type_of(*values) == kind


@pytest.mark.parametrize("name", ["行政区划代码", "编号", "邮编", "联系电话", "统一社会信用代码", "Zip code"])
def test_codes_are_text_by_their_name(name):
    assert type_of("150100", "150200", name=name) == "text"


# --- headings ------------------------------------------------------------------------------------


def test_headings_are_repaired_and_said_so():
    long = "非常" * 20
    made = headers.repair(["站点", "站点", "", None, " 名称\n（全称） ", '"a:b"', "_id", long, long])
    assert [head.name for head in made] == [
        "站点", "站点_2", "第3列", "第4列", "名称 （全称）", "”a：b”", "id", "非常" * 10 + "非",
        ("非常" * 10) + "_2",
    ]  # fmt: skip
    assert [head.faults for head in made] == [
        (), ("duplicate",), ("empty",), ("empty",), ("signs",), ("signs",), ("signs",), ("long",),
        ("long", "duplicate"),
    ]  # fmt: skip


@given(st.lists(st.text(), min_size=1, max_size=30))
def test_every_heading_becomes_a_name_that_postgresql_and_ckan_take(cells):
    from ckanext.datastore.helpers import is_valid_field_name

    names = [head.name for head in headers.repair(cells)]
    assert len(set(names)) == len(names)
    for name in names:
        assert is_valid_field_name(name)
        assert len(name.encode()) <= 63


# --- encodings and delimiters --------------------------------------------------------------------


def copy(tmp_path: Path, content: bytes) -> stored.Copy:
    """Return a file as the worker gets it."""
    path = tmp_path / "file"
    path.write_bytes(content)
    judge = stored.Encodings()
    for start in range(0, len(content), 7):  # pieces that cut characters apart
        judge.see(content[start : start + 7])
    digest = hashlib.sha256(content).hexdigest()
    return stored.Copy(path, len(content), digest, stored.kind_of(path), judge.verdict())


TABLE = "名称,数量,备注\r\n呼和浩特市第一医院,12,䶮\r\n包头市,7,\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_encoding_and_delimiter_are_found(tmp_path, encoding, delimiter):
    content = TABLE.replace(",", delimiter).encode(encoding)
    found = copy(tmp_path, content)
    assert found.kind == stored.TEXT
    rows, used = reading.table_rows(found, 10)
    assert used == delimiter
    assert [list(row.cells) for row in rows] == [
        ["名称", "数量", "备注"], ["呼和浩特市第一医院", "12", "䶮"], ["包头市", "7", None],
    ]  # fmt: skip


def test_ascii_until_the_last_byte_is_still_read_right(tmp_path):
    content = b"a,b\n" + b"1,2\n" * 500_000 + "末,行\n".encode("gb18030")
    assert copy(tmp_path, content).encoding == "gb18030"


def test_a_row_of_another_encoding_is_bad_and_the_others_are_not(tmp_path):
    content = (
        ("名称,数量\n" + "呼和浩特,1\n" * 50).encode()
        + "包头,2\n".encode("gb18030")
        + "鄂尔多斯,3\n".encode()
    )
    rows, _delimiter = reading.table_rows(copy(tmp_path, content), 10)
    faults = {row.number: row.fault for row in rows if row.fault}
    assert faults == {52: "encoding"}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7 ...", stored.PDF),
        (b'{"a": 1}', stored.JSON),
        (b"\xef\xbb\xbf [1, 2]", stored.JSON),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", stored.OTHER),
        (b"\x89PNG\r\n\x1a\n\x00", stored.OTHER),
        (b"PK\x03\x04 broken", stored.OTHER),
        (b"", stored.TEXT),
        ("a,b\n1,2\n".encode("utf-16"), stored.TEXT),
    ],
)
def test_a_file_is_what_its_content_is(tmp_path, content, kind):
    assert copy(tmp_path, content).kind == kind
