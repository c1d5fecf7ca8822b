"""The list of an inbox as CSV or XLSX: what the page shows of each case, and nothing of applicants."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from ckan import model
from ckan.plugins import toolkit as tk
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from ..kernel import clock
from ..kernel.actors import Actor
from ..kernel.audit import append
from ..kernel.cells import harmless
from ..kernel.unit import begin
from ..kernel.workflow import boxes
from ..marks import joined
from . import dictize

BATCH = 500
MOST = 50_000
"""Rows of the largest list that is handed out at once."""
IN_MEMORY = 4 * 1024 * 1024
_ = tk._


def head() -> list[str]:
    """Return the names of the columns."""
    return [
        _("Case number"), _("Kind of case"), _("Subject of the case"), _("Data"), _("Department"),
        _("Region"), _("Status"), _("Received"), _("Last day"), _("Working days left"), _("Urged"),
        _("Assigned to"), _("Closed"),
    ]  # fmt: skip


def line(row: dict[str, Any]) -> list[Any]:
    """Return one case as cells."""
    due = row["due"] or {}
    return [
        row["number"], row["kind_label"], row["title"], joined(one["title"] for one in row["datasets"]),
        row["department"], tk.h.nmgdata_place(row["region_code"]), row["status_label"],
        moment(row["opened_at"]), due.get("on", ""), due.get("working_days", ""),
        _("yes") if row["urged"] else "", (row["assignee"] or {}).get("display_name", ""),
        moment(row["closed_at"]),
    ]  # fmt: skip


def moment(value: str | None) -> str:
    """Return a moment as spreadsheets read it, in Asia/Shanghai."""
    return f"{datetime.fromisoformat(value).astimezone(clock.LOCAL):%Y-%m-%d %H:%M}" if value else ""


def lines(actor: Actor, box: str, asked: boxes.Filter, sort: str) -> Iterator[list[Any]]:
    """Yield the cells of every row, page by page, so that memory does not grow with the list."""
    after, count = "", 0
    while count < MOST:
        page = dictize.rows(boxes.page(actor, box, asked, sort=sort, after=after, limit=BATCH), actor, sort)
        model.Session.expunge_all()
        yield from ([harmless(cell) for cell in line(row)] for row in page)
        count += len(page)
        if len(page) < BATCH:
            return
        after = page[-1]["cursor"]


def as_csv(rows: Iterator[list[Any]], file: IO[bytes]) -> None:
    """Write CSV with a mark that tells spreadsheets it is UTF-8."""
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    text.write("\ufeff")
    writer = csv.writer(text)
    writer.writerow(head())
    writer.writerows(rows)
    text.detach()


def as_xlsx(rows: Iterator[list[Any]], file: IO[bytes]) -> None:
    """Write XLSX; every text is a text, whatever it begins with."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Inbox"))
    sheet.append(head())
    for row in rows:
        cells = [WriteOnlyCell(sheet, value=printable(value)) for value in row]
        for cell in cells:
            if isinstance(cell.value, str):
                cell.data_type = "s"
        sheet.append(cells)
    book.save(file)


def printable(value: Any) -> Any:
    """Return a value without the control characters that XML cannot hold."""
    return "".join(c for c in value if c >= " " or c in "\t\n") if isinstance(value, str) else value


WRITERS: dict[str, tuple[str, Callable[[Iterator[list[Any]], IO[bytes]], None]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
}


def write(actor: Actor, box: str, asked: boxes.Filter, sort: str, form: str) -> tuple[IO[bytes], str]:
    """Return a file with the list and its media type; that it was handed out is audited first."""
    named = {name: str(value) for name, value in vars(asked).items() if value and name != "q"}
    detail = {"form": form, "box": box, "filter": named, "searched": bool(asked.q)}
    with begin(actor) as unit:
        append(unit, "cases.exported", ("case_list", box), detail=detail)
    media, writer = WRITERS[form]
    file: Any = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (it is sent and then closed)
    writer(lines(actor, box, asked, sort), file)
    file.seek(0)
    return file, media
