"""Write a large table as XLSX piece by piece: a fixed amount of memory, and the first bytes at once.

The libraries at hand write a cell as an object: a year of the region (72,000 rows) takes them a quarter
of a minute. This is the small part of the format that such a table needs (ECMA-376, inline strings);
every text is a text, whatever it begins with.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from xml.sax.saxutils import escape

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BATCH = 500
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS: dict[str, str] = {
    "[Content_Types].xml": f'{HEAD}<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPES}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{TYPES}.styles+xml"/></Types>',
    "_rels/.rels": f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'{HEAD}<styleSheet xmlns="{MAIN}">'
    '<fonts count="2"><font><sz val="11"/></font><font><b/><sz val="11"/></font></fonts>'
    '<fills count="1"><fill><patternFill patternType="none"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf/><xf fontId="1" applyFont="1"/></cellXfs></styleSheet>',
}
Cell = str | int | Decimal | None


class Pipe(io.RawIOBase):
    """What an archive is written into, and taken out of piece by piece."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        """Say that it can be written."""
        return True

    def write(self, data: object) -> int:
        """Keep a piece."""
        piece = bytes(data)  # type: ignore[call-overload]
        self.pieces.append(piece)
        return len(piece)

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        piece = b"".join(self.pieces)
        self.pieces.clear()
        return piece


def xlsx(
    name: str,
    head: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    widths: Sequence[int],
    parts: Mapping[str, bytes] | None = None,
) -> Iterator[bytes]:
    """Yield the bytes of a workbook with one sheet, its first row bold and fixed.

    :param parts: further parts, and others in the place of ``PARTS``
    """
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path, text in PARTS.items():
            archive.writestr(path, (parts or {}).get(path, text))
        for path in (parts or {}).keys() - PARTS.keys():
            archive.writestr(path, (parts or {})[path])
        archive.writestr("xl/workbook.xml", HEAD + workbook(name))
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write((HEAD + opening(widths) + row(head, 1)).encode())
            waiting: list[str] = []
            for cells in rows:
                waiting.append(row(cells))
                if len(waiting) == BATCH:
                    sheet.write("".join(waiting).encode())
                    waiting.clear()
                    if pipe.pieces:
                        yield pipe.taken()
            sheet.write(("".join(waiting) + "</sheetData></worksheet>").encode())
    yield pipe.taken()


def workbook(name: str) -> str:
    """Return the part that names the sheet."""
    said = escape(re.sub(r"[\[\]:*?/\\]", " ", name)[:31], {'"': "&quot;"})
    sheet = f'<sheet name="{said}" sheetId="1" r:id="r1"/>'
    return f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{sheet}</sheets></workbook>'


def opening(widths: Sequence[int]) -> str:
    """Return the beginning of the sheet: widths, and the first row kept in sight."""
    columns = "".join(
        f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>' for n, width in enumerate(widths, 1)
    )
    pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    view = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
    return f'<worksheet xmlns="{MAIN}">{view}<cols>{columns}</cols><sheetData>'


def row(cells: Sequence[Cell], style: int = 0) -> str:
    """Return a row; an empty cell is a cell all the same, so that the next stands in its column."""
    chosen = f' s="{style}"' if style else ""
    return f"<row>{''.join([cell(value, chosen) for value in cells])}</row>"


@lru_cache(maxsize=8192)
def cell(value: Cell, style: str) -> str:
    """Return one cell; the words of vocabularies stand in thousands of them."""
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, int):
        return f"<c{style}><v>{int(value)}</v></c>"
    if isinstance(value, Decimal):
        return (
            f"<c{style}><v>{value}</v></c>"
            if value.is_finite()
            else f'<c{style} t="inlineStr"><is><t>{value}</t></is></c>'
        )
    text = escape(value if value.isprintable() else UNPRINTABLE.sub("", value))
    return f'<c{style} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
