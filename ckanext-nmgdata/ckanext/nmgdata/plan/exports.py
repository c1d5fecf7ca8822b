"""Plans as files: CSV, XLSX and JSON, written while they are read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .. import config, vocab
from ..kernel import clock
from ..kernel.cells import harmless
from ..kernel.gate.labels import in_catalogue
from ..kernel.sheets import MEDIA_TYPE, xlsx
from ..marks import mark
from . import present, states
from .counts import Scope
from .model import DECIDING, STOPS, Item, Plan

_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
BATCH = 2000
WORDS = ("theme", "open_class", "plan_ground", "plan_demand", "plan_state", "plan_end", "division")
"""Vocabularies whose labels stand in the cells."""
COLUMNS: dict[str, tuple[str, int]] = {
    "year": (N_("Year"), 7),
    "organisation": (N_("Organisation"), 26),
    "region": (N_("Region"), 16),
    "title": (N_("Title"), 36),
    "theme": (N_("Theme"), 14),
    "open_class": (N_("Intended open class"), 14),
    "month": (N_("Planned month"), 11),
    "grounds": (N_("Grounds of priority"), 24),
    "is_key": (N_("Key data"), 9),
    "demand_source": (N_("Source of the demand"), 18),
    "state": (N_("State"), 12),
    "opened_on": (N_("Opened on"), 12),
    "days_late": (N_("Days late"), 9),
    "reason": (N_("Reason"), 36),
    "url": (N_("Dataset"), 40),
}


def rows(scope: Scope, on: date | None = None) -> Iterator[Any]:
    """Yield the published items of a scope, plan by plan in their order, without building objects."""
    group: Any = model.Group
    package: Any = model.Package
    query_ = (
        sa.select(
            Plan.year, Plan.region_code, group.title.label("organisation"), group.name.label("org_name"),
            Item.id, Item.title, Item.theme, Item.data_form, Item.update_frequency, Item.format,
            Item.open_class, Item.due_on, Item.grounds, Item.is_key, Item.demand_source, Item.opened_on,
            Item.stop, Item.stop_on, Item.ended_on, Item.end, Item.replaced_by, Item.end_reason,
            Item.late_reason, package.name.label("dataset"),
        )
        .join(Plan, Plan.id == Item.plan_id)
        .join(group, group.id == Plan.org_id)
        .outerjoin(package, sa.and_(package.id == DECIDING, package.type == "dataset", in_catalogue()))
        .where(*scope.conditions(), Item.since_version.is_not(None))
        .order_by(Plan.region_code, Plan.id, Item.rank, Item.due_on, Item.id)
    )  # fmt: skip
    yield from model.Session.execute(query_.execution_options(yield_per=BATCH))


@cache
def labels(vocabulary: str, chinese: bool) -> dict[str, Any]:
    """Return the labels of a vocabulary, read once."""
    return {
        slug: term["zh"] if chinese else term.get("en") or term["zh"]
        for slug, term in vocab.terms(vocabulary).items()
    }


def lines(scope: Scope, on: date | None = None) -> Iterator[list[Any]]:
    """Yield the cells of every item, as people read them."""
    today, chinese, root = on or clock.today(), vocab.in_chinese(), config.site_root()
    said = {name: labels(name, chinese) for name in WORDS}
    stopped, yes, between = {by: present.stopped(by) for by in STOPS}, _("yes"), mark("、")
    for r in rows(scope, today):
        state = states.of(r, today)
        late = states.days_late(r, today) if state in ("late", "opened", "stopped") else 0
        ended = said["plan_end"].get(r.end, "") if r.end else ""
        gone = stopped[r.stop] if state == "stopped" else ""
        yield [
            r.year, harmless(r.organisation), said["division"].get(r.region_code, r.region_code),
            harmless(r.title), said["theme"].get(r.theme, r.theme or ""), said["open_class"][r.open_class],
            f"{r.due_on.year}-{r.due_on.month:02d}",
            between.join([str(said["plan_ground"].get(g, g)) for g in r.grounds]) if r.grounds else "",
            yes if r.is_key else "", said["plan_demand"].get(r.demand_source, r.demand_source),
            ended or gone or said["plan_state"][state], r.opened_on.isoformat() if r.opened_on else "",
            late or "", harmless(r.end_reason or r.late_reason or ""),
            f"{root}/dataset/{r.dataset}" if r.dataset else "",
        ]  # fmt: skip


def head() -> list[str]:
    """Return the names of the columns."""
    return [_(label) for label, _width in COLUMNS.values()]


def as_xlsx(scope: Scope) -> Iterator[bytes]:
    """Yield the items of a scope as XLSX."""
    widths = [width for _label, width in COLUMNS.values()]
    return finishing(xlsx(_("Yearly open plan"), head(), lines(scope), widths))


def as_csv(scope: Scope) -> Iterator[bytes]:
    """Yield the items of a scope as CSV, with a mark that tells spreadsheets it is UTF-8."""
    return finishing(written(scope))


def written(scope: Scope) -> Iterator[bytes]:
    """Yield CSV in pieces."""
    out = io.StringIO()
    writer = csv.writer(out)
    out.write("\ufeff")
    writer.writerow(head())
    for count, line in enumerate(lines(scope), 1):
        writer.writerow(line)
        if count % BATCH == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def as_json(scope: Scope) -> Iterator[bytes]:
    """Yield the items of a scope as JSON, in slugs and ISO 8601."""
    return finishing(serialised(scope))


def serialised(scope: Scope) -> Iterator[bytes]:
    """Yield JSON in pieces."""
    today, root = clock.today(), config.site_root()
    yield f'{{"year": {scope.year}, "on": "{today}", "items": ['.encode()
    separator, waiting = "\n", []
    for r in rows(scope, today):
        waiting.append(separator + json.dumps(plain(r, today, root), ensure_ascii=False))
        separator = ",\n"
        if len(waiting) == BATCH:
            yield "".join(waiting).encode()
            waiting.clear()
    yield ("".join(waiting) + "\n]}\n").encode()


def plain(r: Any, today: date, root: str) -> dict[str, Any]:
    """Return one item as programs read it."""
    state = states.of(r, today)
    return {
        "id": r.id,
        "organisation": r.org_name,
        "region_code": r.region_code,
        "title": r.title,
        "theme": r.theme,
        "data_form": r.data_form,
        "update_frequency": r.update_frequency,
        "format": r.format,
        "open_class": r.open_class,
        "month": f"{r.due_on:%Y-%m}",
        "grounds": r.grounds,
        "is_key": r.is_key,
        "demand_source": r.demand_source,
        "state": state,
        "opened_on": r.opened_on.isoformat() if r.opened_on else None,
        "days_late": states.days_late(r, today) if state in ("late", "opened", "stopped") else 0,
        "stopped_by": r.stop,
        "ended_by": r.end,
        "replaced_by": r.replaced_by,
        "reason": r.end_reason or r.late_reason,
        "url": f"{root}/dataset/{r.dataset}" if r.dataset else None,
    }


def finishing(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield pieces, and give the database connection back at the end."""
    try:
        yield from pieces
    finally:
        model.Session.remove()


WRITERS: dict[str, tuple[str, Callable[[Scope], Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "xlsx": (MEDIA_TYPE, as_xlsx),
    "json": ("application/json; charset=utf-8", as_json),
}
