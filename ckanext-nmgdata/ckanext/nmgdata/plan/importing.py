"""Draft items from a table: XLSX or CSV in the form of the template, all rows or none.

What a row lacks is told by row and column, and the same table comes back with the faults marked. A file
from outside is hostile: its size, unpacked size, rows and columns are bounded before it is read.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from openpyxl import load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from werkzeug.datastructures import FileStorage

from .. import vocab
from ..kernel.actors import Actor
from ..kernel.cells import harmless
from ..marks import joined
from . import items
from .logic import schema
from .model import Item, Plan

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
MOST_BYTES, MOST_UNPACKED, MOST_ROWS, MOST_CELL = 4 << 20, 64 << 20, 2000, 5000
COLUMNS = {
    "dataset_id": N_("Catalogue code or URL name"),
    "title": N_("Title"),
    "notes": N_("Summary"),
    "theme": N_("Theme"),
    "data_form": N_("Data form"),
    "update_frequency": N_("Update frequency"),
    "format": N_("Format"),
    "month": N_("Planned month"),
    "open_class": N_("Intended open class"),
    "grounds": N_("Grounds of priority"),
    "demand_source": N_("Source of the demand"),
    "demand_note": N_("About the demand"),
}
"""Columns of the template, in their order; a table may have them in any order, by label or by name."""
FAULTS = N_("Faults")
"""Heading of the column that a table comes back with."""
VOCABULARIES = {
    "theme": "theme", "data_form": "data_form", "update_frequency": "update_frequency",
    "open_class": "open_class", "grounds": "plan_ground", "demand_source": "plan_demand",
}  # fmt: skip


@dataclass
class Row:
    """One row of a table: its number in the file, its cells as they stand, what is wrong by column."""

    number: int
    cells: dict[str, Any]
    faults: dict[str, list[str]] = field(default_factory=dict)
    surplus: bool = False
    """Whether cells stand under no column: most often a comma without quotes has shifted the row."""


@dataclass
class Table:
    """What was read of a file."""

    rows: list[Row]

    @property
    def is_right(self) -> bool:
        """Say whether no row has a fault."""
        return not any(row.faults for row in self.rows)

    def told(self) -> list[str]:
        """Return the faults in lines, as people read them."""
        return [
            _("Row {n}, {column}: {message}").format(n=row.number, column=label(name), message=message)
            for row in self.rows
            for name, messages in row.faults.items()
            for message in messages
        ]


def label(name: str) -> str:
    """Return the name of a column as people read it."""
    return _(COLUMNS[name]) if name in COLUMNS else _("Row")


# --- reading -------------------------------------------------------------------------------------


def refuse(message: str) -> tk.ValidationError:
    """Return the error that refuses a file as a whole."""
    return tk.ValidationError({"table": [message]})


def read(upload: Any) -> Table:
    """Read a file that was sent.

    :raises tk.ValidationError: on ``table``: it is none that can be read
    """
    if not isinstance(upload, FileStorage) or not upload.filename:
        raise refuse(_("Choose an XLSX or CSV file."))
    content = upload.stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise refuse(_("The file is too large: at most {n} MB.").format(n=MOST_BYTES >> 20))
    lines = of_xlsx(content) if content.startswith(b"PK") else of_csv(content)
    return table(lines)


def of_csv(content: bytes) -> list[list[Any]]:
    """Return the lines of a CSV file, in UTF-8 or, as Chinese spreadsheets save it, in GB 18030."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            break
    else:
        raise refuse(_("The file cannot be read; save it as XLSX or CSV (UTF-8)."))
    try:
        return bounded(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise refuse(_("The file cannot be read; save it as XLSX or CSV (UTF-8).")) from error


def of_xlsx(content: bytes) -> list[list[Any]]:
    """Return the lines of the first sheet of an XLSX file."""
    try:
        refuse_bomb(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        try:
            return bounded(book.worksheets[0].iter_rows(values_only=True, max_col=64))
        finally:
            book.close()
    except tk.ValidationError:
        raise
    except Exception as error:
        raise refuse(_("The file cannot be read; save it as XLSX or CSV (UTF-8).")) from error


def refuse_bomb(content: bytes) -> None:
    """Refuse an archive that would unpack to more than a table can be."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED:
            raise refuse(_("The file is too large: at most {n} MB.").format(n=MOST_UNPACKED >> 20))


def bounded(lines: Iterable[Any]) -> list[list[Any]]:
    """Return lines, refusing more than a plan can have."""
    found: list[list[Any]] = []
    filled = 0
    for line in lines:
        cells = [plain(cell) for cell in line]
        found.append(cells if any(cells) else [])  # a spreadsheet may have formatted a million empty rows
        filled += any(cells)
        if filled > MOST_ROWS + 1:
            raise refuse(_("The file has too many rows: at most {n}.").format(n=MOST_ROWS))
    return found


def plain(cell: Any) -> str:
    """Return a cell as text."""
    if isinstance(cell, datetime | date):
        return f"{cell:%Y-%m}"
    text = "" if cell is None else ILLEGAL_CHARACTERS_RE.sub("", str(cell)).removeprefix("\ufeff").strip()
    return text[1:] if text.startswith("'") and harmless(text[1:]) == text else text  # as we gave it back


def table(lines: list[list[str]]) -> Table:
    """Return lines as a table; the first that is not empty names the columns.

    :raises tk.ValidationError: a column is not known, stands twice, or one that is needed is missing
    """
    numbered = [(number, line) for number, line in enumerate(lines, 1) if any(line)]
    if not numbered:
        raise refuse(_("The file is empty."))
    known = {key: name for name, said in COLUMNS.items() for key in (name, said, _(said))}
    known |= dict.fromkeys(
        (FAULTS, _(FAULTS)), ""
    )  # the table that came back marked is mended and sent again
    head = [cell.rstrip("*＊ ") for cell in numbered[0][1]]
    faults = []
    if unknown := [cell for cell in head if cell and cell not in known]:
        faults.append(_("Unknown columns: {names}").format(names=joined(unknown[:10])[:200]))
    names = [known.get(cell, "") for cell in head]
    twice = [label(name) for name, count in Counter(filter(None, names)).items() if count > 1]
    if twice:
        faults.append(_("These columns stand twice: {names}").format(names=joined(twice)))
    if missing := [label(name) for name in ("month", "open_class") if name not in names]:
        faults.append(_("These columns are missing: {names}").format(names=joined(missing)))
    if faults:
        raise tk.ValidationError({"table": faults})
    rows = [
        Row(number, {name: cell for name, cell in zip(names, line, strict=False) if name and cell},
            surplus=any(cell for title, cell in zip_longest(head, line, fillvalue="") if not title))
        for number, line in numbered[1:]
    ]  # fmt: skip
    if not rows:
        raise refuse(_("The file has no rows under its head."))
    return Table(rows)


# --- checking ------------------------------------------------------------------------------------


def check(plan: Plan, found: Table) -> list[items.Wanted]:
    """Check every row as its form would; what is wrong is written into the rows."""
    wanted: list[items.Wanted] = []
    promised = set(
        model.Session.scalars(sa.select(Item.dataset_id).where(Item.plan_id == plan.id, Item.end.is_(None)))
    )
    seen: dict[str, int] = {}
    for row in found.rows:
        if row.surplus:
            row.faults = {"row": [_("It has cells under no column; the row may have been shifted.")]}
            continue
        try:
            read_row = items.read(plan, stated(plan, row))
        except tk.ValidationError as invalid:
            row.faults = {key: [str(m) for m in said] for key, said in invalid.error_dict.items()}  # type: ignore[union-attr]
            continue
        named = read_row.package.id if read_row.package is not None else read_row.entry["title"]  # type: ignore[index]
        column = "dataset_id" if read_row.package is not None else "title"
        if named in promised:
            row.faults[column] = [_("This entry is in the plan already.")]
        elif named in seen:
            row.faults[column] = [_("The same stands in row {n}.").format(n=seen[named])]
        seen.setdefault(named, row.number)
        wanted.append(read_row)
    return wanted


def stated(plan: Plan, row: Row) -> dict[str, Any]:
    """Return what a row states, its words turned into the slugs of their vocabularies."""
    said: dict[str, Any] = {name: cell[: MOST_CELL + 1] for name, cell in row.cells.items()}
    for name, vocabulary in VOCABULARIES.items():
        if name in said:
            many = schema.several(said[name]) if name == "grounds" else [said[name]]
            slugs = [slug_of(vocabulary, one) for one in many]
            said[name] = slugs if name == "grounds" else slugs[0]
    if said.get("dataset_id"):
        said["dataset_id"] = by_code(plan, said["dataset_id"])
    return said


def slug_of(vocabulary: str, word: str) -> str:
    """Return the slug of a term by slug or label; an unknown word as it is, for the message."""
    for slug, term in vocab.terms(vocabulary).items():
        if word.casefold() in (slug, str(term["zh"]).casefold(), str(term.get("en", "")).casefold()):
            return slug
    return word


def by_code(plan: Plan, reference: str) -> str:
    """Return the id of an own entry by its catalogue code, else the reference itself."""
    package: Any = model.Package
    query = sa.select(package.id).where(
        package.owner_org == plan.org_id, package.extras["identifier"].astext == reference,
        package.state == model.State.ACTIVE,
    )  # fmt: skip
    return model.Session.scalars(query).first() or reference


def draft(actor: Actor, plan: Plan, found: Table) -> int:
    """Draft the items of a table, all of them or none.

    :raises tk.ValidationError: on ``table``, one line for each fault
    """
    wanted = check(plan, found)
    if not found.is_right:
        errors: Any = {"table": found.told()}
        raise tk.ValidationError(errors)
    return items.add_all(actor, plan, wanted)
