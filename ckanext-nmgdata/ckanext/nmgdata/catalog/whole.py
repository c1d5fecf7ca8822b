"""The whole public catalogue in one file: CSV and XLSX for people, JSON and RDF for programs.

Read from the database in pages by id, at constant memory, as the public may see it and as it is now: a
stopped entry says so. Entries that are withdrawn, or that are not everybody's, are not in it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.dcat.utils import catalog_uri
from rdflib import URIRef

from .. import config, vocab
from ..kernel import memory, orgs
from ..kernel.ahead import ahead
from ..kernel.cells import harmless
from ..kernel.changes import feed
from ..kernel.gate import stops
from ..kernel.gate.labels import is_withdrawn, public_entries
from ..kernel.sheets import MEDIA_TYPE, xlsx
from ..marks import joined
from . import dcat_catalogue, dcat_names, dcat_stream, dcat_write, state
from .bulk.show import shown
from .dcat_stream import Statements
from .dcat_terms import DCAT, sure

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
Entry = dict[str, Any]
Known = dict[str, dict[Any, Any]]
PAGE = 500
TOGETHER = 100
"""Entries that are written together; what they share is said once."""
HIDDEN = ("creator_user_id",)
"""What is nobody's business outside."""
COLUMNS: dict[str, tuple[str, int]] = {
    "title": (N_("Title"), 40),
    "department": (N_("Department"), 28),
    "region": (N_("Division"), 16),
    "theme": (N_("Theme"), 14),
    "open_class": (N_("Open class"), 14),
    "state": (N_("State of opening"), 18),
    "update_frequency": (N_("Update frequency"), 12),
    "issued": (N_("Issued"), 12),
    "modified": (N_("Modified"), 12),
    "formats": (N_("Format"), 14),
    "licence": (N_("Licence"), 24),
    "notes": (N_("Summary"), 60),
    "items": (N_("Data items"), 60),
    "open_condition": (N_("Conditions of opening"), 40),
    "contact": (N_("Contact"), 28),
    "identifier": (N_("Catalogue code"), 22),
    "sample": (N_("Sample"), 8),
    "url": (N_("Address"), 50),
}


def entries(*, tombstones: bool = False) -> Iterator[Entry]:
    """Yield the public entries as ``package_show`` gives them, by id; of withdrawn ones only if asked for."""
    for known, found in ahead(pages(tombstones=tombstones)):
        with memory.holding(**known):
            yield from found


def pages(*, tombstones: bool) -> Iterator[tuple[Known, list[Entry]]]:
    """Yield some entries at a time, with the answers that were read for all of them at once."""
    package: Any = model.Package
    table = model.package_table
    after = ""
    while True:
        listed = public_entries().where(package.id > after)
        if not tombstones:
            listed = listed.where(~is_withdrawn(package.id))
        ids = list(model.Session.scalars(listed.order_by(package.id).limit(PAGE)))
        query = sa.select(table).where(table.c.id.in_(ids)).order_by(table.c.id)
        found = {one.id: one for one in model.Session.execute(query)}
        owners = orgs.extras_among({one.owner_org for one in found.values() if one.owner_org})
        known: Known = {stops.STOPS: stops.live_among(ids), orgs.EXTRAS: owners}
        with memory.holding(**known):
            some = [one.custom for one in shown(found)]
            for entry in some:
                stops.mark(entry)
                for name in HIDDEN:
                    entry.pop(name, None)
        yield known, some
        if len(ids) < PAGE:
            return
        after = ids[-1]


# --- for people ----------------------------------------------------------------------------------


def lines() -> Iterator[list[Any]]:
    """Yield the cells of every entry."""
    root, yes = config.site_root(), _("yes")
    for entry in entries():
        word = {
            name: vocab.label(name, entry[name]) if entry.get(name) else ""
            for name in ("theme", "open_class", "update_frequency")
        }
        values = {
            **word,
            "title": entry.get("title") or entry["name"],
            "department": (entry.get("organization") or {}).get("title") or "",
            "region": vocab.label("division", entry["region_code"]) if entry.get("region_code") else "",
            "state": state.sentence(entry) or vocab.label(state.VOCABULARY, stops.OPEN),
            "issued": entry.get("issued") or "",
            "modified": entry.get("modified") or entry["metadata_modified"][:10],
            "formats": joined(sorted({(r.get("format") or "").upper() for r in entry["resources"]} - {""})),
            "licence": entry.get("license_title") or "",
            "notes": entry.get("notes") or "",
            "items": joined(i.get("label") or i.get("name") or "" for i in entry.get("data_items") or []),
            "open_condition": entry.get("open_condition") or "",
            "contact": " ".join(filter(None, (entry.get("contact_name"), entry.get("contact_phone")))),
            "identifier": entry.get("identifier") or "",
            "sample": yes if entry.get("sample") else "",
            "url": f"{root}/dataset/{entry['name']}",
        }
        yield [harmless(values[name]) for name in COLUMNS]


def head() -> list[str]:
    """Return the names of the columns."""
    return [_(label) for label, _width in COLUMNS.values()]


def as_csv() -> Iterator[bytes]:
    """Yield CSV, with a mark that tells spreadsheets it is UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out)
    out.write("\ufeff")
    writer.writerow(head())
    for count, line in enumerate(lines(), 1):
        writer.writerow(line)
        if count % PAGE == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def as_xlsx() -> Iterator[bytes]:
    """Yield a workbook."""
    yield from xlsx(_("Data catalogue"), head(), lines(), [width for _label, width in COLUMNS.values()])


# --- for programs --------------------------------------------------------------------------------


def as_json() -> Iterator[bytes]:
    """Yield the entries in the form of ``package_show``, one on a line."""
    yield b'{"datasets": ['
    separator, waiting = "\n", []
    for entry in entries():
        waiting.append(separator + json.dumps(entry, ensure_ascii=False))
        separator = ",\n"
        if len(waiting) == PAGE:
            yield "".join(waiting).encode()
            waiting.clear()
    yield ("".join(waiting) + "\n]}\n").encode()


def as_rdf(form: str) -> Iterator[bytes]:
    """Yield the catalogue as DCAT-AP 3, a few entries at a time."""
    yield from dcat_stream.written(dcat_stream.FORMS[form], statements())


def statements() -> Iterator[Statements]:
    """Yield what the profile says of the catalogue and of some entries at a time."""
    some, catalogue = Statements(), URIRef(catalog_uri())
    dcat_catalogue.catalogue(some, {}, catalogue, changed())
    for count, entry in enumerate(entries(), 1):
        ref = sure(dcat_names.dataset(entry["id"]))
        some.append((catalogue, DCAT.dataset, ref))
        dcat_write.dataset(some, entry, ref)
        if count % TOGETHER == 0:
            yield some
            some = Statements()
    if some.said:
        yield some


def changed() -> str | None:
    """Return when the newest public entry changed."""
    package: Any = model.Package
    newest = public_entries().with_only_columns(sa.func.max(package.metadata_modified))
    moment = model.Session.scalar(newest)
    return f"{moment.isoformat()}Z" if moment else None


FORMS: dict[str, tuple[str, Callable[[], Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "xlsx": (MEDIA_TYPE, as_xlsx),
    "json": ("application/json", as_json),
    **{name: (form.media_type, partial(as_rdf, name)) for name, form in dcat_stream.FORMS.items()},
}
"""Ending of the file → media type and writer."""
KEPT = ("csv", "xlsx", "json", "nt")
"""Files that the worker keeps ready; the others say the same as N-Triples and are written when asked for."""


def edition() -> str:
    """Return the name of the catalogue as it is now: it changes with every change that the feed tells.

    What the public may know of, classes and stops are told in the transaction that changes them, so a file
    of this name can never say that something is open which is not.
    """
    return str(feed.head())
