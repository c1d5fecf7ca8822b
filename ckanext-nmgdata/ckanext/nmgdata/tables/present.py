"""Tables and screenings as pages and programs get them."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk

from ..forms import PRIVATE
from ..kernel.actors import Actor, Role
from ..kernel.gate import doors, origins, screening
from ..kernel.gate.model import HELD
from . import follow
from .model import Table
from .scan import UNREADABLE

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown

NO_TABLE = "none"
TABLE_STATES = {
    NO_TABLE: N_("Not a table"),
    "queued": N_("Waiting to be loaded"),
    "loading": N_("Being loaded"),
    "loaded": N_("Loaded"),
    "failed": N_("Could not be loaded"),
}
SCREENING_STATES = {
    "link": N_("A link: only uploaded files are checked for personal data"),
    "unscanned": N_("Not checked: the entry is not open to everyone"),
    "pending": N_("Being checked for personal data; not open to anybody yet"),
    "clean": N_("Checked, no personal data found"),
    "held": N_("Held: the file seems to hold personal data"),
    "overridden": N_("Released by a reviewer"),
}
COVERAGES = {
    "whole": "",
    "partial": N_("Parts of the file could not be read and were not checked."),
    "nothing": N_("Files of this format cannot be read and were not checked."),
}
KINDS = {**PRIVATE, UNREADABLE: N_("Unreadable file")}
ERRORS = {
    "no_table": N_("The file is neither CSV, XLSX nor JSON."),
    "empty": N_("The file holds no rows."),
    "missing": N_("The file is not in the storage."),
    "size": N_("The file is too large to be loaded."),
    "rows": N_("The table has too many rows."),
    "columns": N_("The table has too many columns."),
    "broken": N_("The file is broken or is not what its name says."),
    "json": N_("The file is not valid JSON: it breaks off, or holds what JSON does not know, such as NaN."),
    "records": N_("Only a JSON file that is a list of objects, [{…}, {…}], can be shown as a table."),
    "deep": N_("The values of the JSON file lie too deep in one another."),
    "encoding": N_("The characters of the file are neither UTF-8 nor GB18030."),
    "encrypted": N_("The file is protected by a password."),
    "bomb": N_("The file would be too large when unpacked."),
    "memory": N_("The file needs too much memory to be read."),
    "killed": N_("The file takes too long to be read."),
}
NO_PREVIEW = {
    "queued": N_("The table is being made of the file; look again in a minute."),
    "loading": N_("The table is being made of the file; look again in a minute."),
    "failed": "",
}
FAULTS = {
    "wide": N_("more cells than headings"),
    "malformed": N_("quotation marks do not match, or a cell is too long"),
    "long": N_("a cell is too long"),
    "encoding": N_("characters that do not belong to the file's encoding"),
}
HEADING_FAULTS = {
    "empty": N_("had no heading"),
    "duplicate": N_("heading stood there twice"),
    "long": N_("heading was too long"),
    "signs": N_("heading held signs that are not possible"),
}


def table(resource_id: str) -> dict[str, Any]:
    """Return what became of a table."""
    row = model.Session.get(Table, resource_id, populate_existing=True)
    if row is None:
        return {"resource_id": resource_id, "state": NO_TABLE, "label": _(TABLE_STATES[NO_TABLE])}
    report = row.report or {}
    return {
        "resource_id": resource_id,
        "state": row.state,
        "label": _(TABLE_STATES[row.state]),
        "rows": row.rows,
        "error": row.error,
        "message": _(ERRORS.get(row.error, row.error)) if row.error else None,
        "changed_at": row.changed_at.isoformat(),
        **report,
        "bad_rows": [
            {"row": number, "reason": why, "message": _(FAULTS.get(why, why))}
            for number, why in report.get("bad_rows", [])
        ],
    }


def nmgdata_no_preview(file: dict[str, Any]) -> str:
    """Say to everybody why a file that anybody may have is shown as no table; nothing where none was due."""
    row = model.Session.get(Table, file["id"], populate_existing=True)
    if row is None or row.state not in NO_PREVIEW or not doors.open_to_all(file["id"]):
        return ""
    return _(ERRORS.get(row.error, row.error)) if row.error else _(NO_PREVIEW[row.state])


def screening_of(resource_id: str, actor: Actor) -> dict[str, Any]:
    """Return what a scan found, masked."""
    resource = model.Session.get_one(model.Resource, resource_id, populate_existing=True)
    package = model.Session.get_one(model.Package, resource.package_id)
    row = screening.show(resource_id)
    state = state_of(resource, package, row)
    answer: dict[str, Any] = {
        "resource_id": resource_id, "state": state, "label": _(SCREENING_STATES[state]),
        "may_override": False, "is_kept_table": follow.is_kept_table(resource),
    }  # fmt: skip
    if row is None or state in ("link", "unscanned", "pending"):
        return answer
    by = model.User.get(row.overridden_by) if row.overridden_by else None
    reviewer = actor.has(Role.REVIEWER, package.owner_org)
    return answer | {
        "digest": row.digest,
        "scanned_at": row.scanned_at.isoformat() if row.scanned_at else None,
        "coverage": row.coverage,
        "coverage_note": _(note) if (note := COVERAGES.get(row.coverage or "")) else "",
        "counts": {kind: {"label": _(KINDS[kind]), "count": count} for kind, count in row.counts.items()},
        "findings": [finding(found) for found in row.findings],
        "overridden_by": (by.fullname or by.name) if by else None,
        "overridden_at": row.overridden_at.isoformat() if row.overridden_at else None,
        "override_reason": row.override_reason,
        "may_override": state == HELD and reviewer and row.uploader_id != actor.user_id,
    }


def state_of(resource: model.Resource, package: model.Package, row: Any) -> str:
    """Return the state of a file's screening, also where none is due."""
    if not origins.is_upload(resource):
        return row.state if row is not None and follow.is_kept_table(resource) else "link"
    if not follow.is_scanned(resource, package) and (row is None or row.state == "pending"):
        return "unscanned"
    return row.state if row is not None else "pending"


def finding(found: dict[str, Any]) -> dict[str, Any]:
    """Return one finding with its words."""
    kind, masked = found["kind"], found["masked"]
    if kind == UNREADABLE:
        return {**found, "label": _(ERRORS.get(masked, KINDS[kind])), "masked": ""}
    return {**found, "label": _(KINDS[kind])}


def part(resource_id: str) -> dict[str, Any] | None:
    """Return what the page of a file says to its department; None for everybody else."""
    asked = {"id": resource_id}
    try:
        return {
            "screening": tk.get_action("nmgdata_screening_show")({}, asked),
            "table": tk.get_action("nmgdata_table_show")({}, asked),
            "faults": {code: _(text) for code, text in FAULTS.items()},
            "heading_faults": {code: _(text) for code, text in HEADING_FAULTS.items()},
        }
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return None
