"""The table that is filled in to import items: the empty one, and the one sent with its faults marked."""

from __future__ import annotations

import csv
import io
from typing import Any

from ckan.plugins import toolkit as tk
from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from .. import vocab
from ..kernel import openness
from ..kernel.cells import harmless
from ..kernel.deadlines import statutes
from ..marks import joined, mark
from .importing import COLUMNS, FAULTS, MOST_ROWS, VOCABULARIES, Table, label

_ = tk._
NEEDED = ("month", "open_class")
ENTRY = ("title", "notes", "theme", "data_form", "update_frequency")
MARK = PatternFill("solid", start_color="FFF4C7C3")
BOLD = Font(bold=True)
WIDTHS = {"title": 28, "notes": 40, "demand_note": 24}


def choices(name: str) -> list[str]:
    """Return what a column takes; several grounds stand with 、 between them."""
    slugs = list(vocab.terms(VOCABULARIES[name]))
    if name == "grounds":
        slugs = [slug for slug in slugs if slug in statutes.setting("plan_grounds")]
    if name == "open_class":
        slugs = [slug for slug in slugs if slug in openness.OPENED]
    return [vocab.label(VOCABULARIES[name], slug) for slug in slugs]


def empty() -> bytes:
    """Return the empty template as XLSX, with lists to choose from and a sheet that explains the columns."""
    book = Workbook()
    sheet: Any = book.active
    sheet.title = _("Items")
    head(sheet)
    lists: Any = book.create_sheet(_("Choices"))
    for column, name in enumerate(VOCABULARIES, 1):
        lists.cell(1, column, _(COLUMNS[name])).font = BOLD
        words = choices(name)
        for row, word in enumerate(words, 2):
            lists.cell(row, column, word)
        lists.column_dimensions[get_column_letter(column)].width = 24
        place = (
            f"'{lists.title}'!${get_column_letter(column)}$2:${get_column_letter(column)}${len(words) + 1}"
        )
        strict = name != "grounds"
        rule = DataValidation(type="list", formula1=place, allow_blank=True, showErrorMessage=strict)
        where = get_column_letter(list(COLUMNS).index(name) + 1)
        rule.add(f"{where}2:{where}{MOST_ROWS + 1}")
        sheet.add_data_validation(rule)
    explain(book.create_sheet(_("How to fill in")))
    return saved(book)


def head(sheet: Any) -> None:
    """Write the names of the columns; those that are always needed have a star."""
    for column, (name, said) in enumerate(COLUMNS.items(), 1):
        sheet.cell(1, column, _(said) + ("*" if name in NEEDED else "")).font = BOLD
        sheet.column_dimensions[get_column_letter(column)].width = WIDTHS.get(name, 18)
    sheet.freeze_panes = "A2"


def explain(sheet: Any) -> None:
    """Write how the template is filled in."""
    sheet.column_dimensions["A"].width = 100
    for line in (
        _("One row is one promise: this entry will be open by the end of this month."),
        _("For an entry of your catalogue give its code or URL name; its other columns stay empty."),
        _("For a future dataset leave that empty and fill in title, summary, theme, form and frequency; it "
          "becomes a non-public entry of your department."),
        _("Write the month like 2026-05. Several grounds stand with 、 between them."),
        _("All rows are taken or none: rows with faults come back marked in red."),
    ):  # fmt: skip
        sheet.append([line])


def empty_csv() -> bytes:
    """Return the empty template as CSV."""
    out = io.StringIO()
    csv.writer(out).writerow([_(said) for said in COLUMNS.values()])
    return ("\ufeff" + out.getvalue()).encode()


def marked(table: Table) -> bytes:
    """Return a table as it was sent, cells with faults red and commented, the faults in a last column."""
    book = Workbook()
    sheet: Any = book.active
    sheet.title = _("Items")
    head(sheet)
    names, last = list(COLUMNS), len(COLUMNS) + 1
    sheet.cell(1, last, _(FAULTS)).font = BOLD
    sheet.column_dimensions[get_column_letter(last)].width = 60
    for at, row in enumerate(table.rows, 2):
        for name, value in row.cells.items():
            sheet.cell(at, names.index(name) + 1).value = harmless(value)
        for name, messages in row.faults.items():
            cell = sheet.cell(at, names.index(name) + 1 if name in names else last)
            cell.fill = MARK
            cell.comment = Comment(joined(messages, "；"), _("Platform"))
        said = [label(name) + mark("：") + joined(found, "；") for name, found in row.faults.items()]
        sheet.cell(at, last, harmless("\n".join(said)))
    return saved(book)


def saved(book: Workbook) -> bytes:
    """Return a workbook as bytes."""
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
