"""Files made to do harm: they are refused with a clear word, quickly, and nothing is opened by them."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import pytest
from ckanext.nmgdata.tables import reading
from ckanext.nmgdata.tables.scan import scan

from .conftest import xlsx
from .test_guess import copy

SHEET = "xl/worksheets/sheet1.xml"
STRINGS = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def with_part(name: str, content: bytes) -> bytes:
    """Return a workbook one part of which is replaced, or added as its shared strings."""
    out, named = (
        io.BytesIO(),
        b'<Override PartName="/%s" ContentType="%s"/></Types>' % (name.encode(), STRINGS),
    )
    with zipfile.ZipFile(io.BytesIO(xlsx(("表", [["a", "b"], [1, 2]])))) as source:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
            new = name not in source.namelist()
            if new:
                target.writestr(name, content)
                target.writestr(SHEET, sheet("<row r='1'><c r='A1' t='s'><v>0</v></c></row>"))
            for part in source.infolist():
                body = content if part.filename == name else source.read(part)
                if new and part.filename == "[Content_Types].xml":
                    body = body.replace(b"</Types>", named)
                if not (new and part.filename == SHEET):
                    target.writestr(part, body)
    return out.getvalue()


def sheet(rows: str, before: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{before}<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>'.encode()
    )


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
) + "]>"  # fmt: skip
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


def code(tmp_path: Path, content: bytes, seconds: int = 20) -> str:
    """Return why a file is refused as a table."""
    with pytest.raises(reading.UnreadableError) as refused:
        rows, _delimiter = reading.table_rows(copy(tmp_path, content), seconds)
        list(rows)
    return refused.value.code


def test_a_bomb_is_not_unpacked(tmp_path, ckan_config, monkeypatch):
    monkeypatch.setitem(ckan_config, "ckanext.nmgdata.tables.unpacked_mb", 50)
    started = time.monotonic()
    assert code(tmp_path, with_part(SHEET, b" " * 60_000_000)) == "bomb"
    assert time.monotonic() - started < 15


def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_declares(tmp_path):
    content = bytearray(with_part(SHEET, sheet("<row r='1'/>") + b" " * 5_000_000))
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        real = archive.getinfo(SHEET).file_size.to_bytes(4, "little")
    assert code(tmp_path, bytes(content).replace(real, (100).to_bytes(4, "little"))) == "broken"


@pytest.mark.parametrize("declaration", [ENTITIES, EXTERNAL])
@pytest.mark.parametrize("part", [SHEET, "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml"])
def test_entities_are_refused_or_left_alone(tmp_path, declaration, part):
    text = "&j;" if declaration is ENTITIES else "&a;"
    body = {
        SHEET: sheet(f"<row r='1'><c r='A1' t='inlineStr'><is><t>{text}</t></is></c></row>", declaration),
        "xl/sharedStrings.xml": f"{declaration}<sst {MAIN}><si><t>{text}</t></si></sst>".encode(),
    }.get(part, f"{declaration}<x>{text}</x>".encode())
    try:
        rows, _delimiter = reading.table_rows(copy(tmp_path, with_part(part, body)), 20)
        found = "".join(cell or "" for row in rows for cell in row.cells)
    except reading.UnreadableError:
        return
    assert "root:" not in found
    assert len(found) < 100_000


def test_a_sheet_that_claims_to_be_huge_is_read_as_it_is(tmp_path):
    claim = f'<worksheet {MAIN}><dimension ref="A1:XFD1048576"/><sheetData>'
    body = claim + '<row r="1"><c r="A1"><v>1</v></c></row></sheetData></worksheet>'
    rows, _delimiter = reading.table_rows(copy(tmp_path, with_part(SHEET, body.encode())), 20)
    assert [list(row.cells) for row in rows] == [["1"]]


def test_a_row_far_below_does_not_take_for_ever(tmp_path):
    body = sheet('<row r="1"><c r="A1"><v>1</v></c></row><row r="999999999999"><c r="A2"><v>2</v></c></row>')
    started = time.monotonic()
    rows, _delimiter = reading.table_rows(copy(tmp_path, with_part(SHEET, body)), 20)
    assert len(list(rows)) == 1
    assert time.monotonic() - started < 20


def test_too_much_memory_or_time_ends_the_child_and_not_us(tmp_path, ckan_config, monkeypatch):
    strings = b"".join(b"<si><t>%032d</t></si>" % number for number in range(400_000))
    content = with_part("xl/sharedStrings.xml", f"<sst {MAIN}>".encode() + strings + b"</sst>")
    assert code(tmp_path, content, seconds=1) == "killed"
    monkeypatch.setitem(ckan_config, "ckanext.nmgdata.tables.memory_mb", 120)
    large = b"".join(b"<si><t>%09999d</t></si>" % number for number in range(15_000))
    content = with_part("xl/sharedStrings.xml", f"<sst {MAIN}>".encode() + large + b"</sst>")
    assert code(tmp_path, content) in ("memory", "killed", "broken")


def test_a_password_is_said_to_be_one(tmp_path):
    content = bytearray(xlsx(("表", [["a"], [1]])))
    for start in (content.find(b"PK\x01\x02"), 0):
        content[start + (8 if start else 6)] |= 1
    assert code(tmp_path, bytes(content)) == "encrypted"


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04" + b"\0" * 100,
        xlsx(("表", [["a"], [1]]))[:-200],
        b"%PDF-1.4\nnonsense",
        b'{"a": ' * 50_000,
    ],
)
def test_what_is_broken_is_held_or_unscanned_and_never_an_error(tmp_path, content):
    result = scan(copy(tmp_path, content), 20)
    assert result.held or result.coverage != "whole" or not result.counts


def test_one_endless_line_fits_into_memory(tmp_path):
    rows, _delimiter = reading.table_rows(copy(tmp_path, b"a,b\n" + b"x" * 40_000_000), 20)
    assert next(rows).cells == ["a", "b"]
    assert {row.fault for row in rows} == {"malformed"}
