"""``ckan nmgdata screen`` and ``ckan nmgdata tables``: what was uploaded before, with progress."""

from __future__ import annotations

from collections import Counter

import click
import sqlalchemy as sa
from ckan import model

from ..cli import nmgdata
from ..kernel.gate.screening import show
from . import follow, work
from .model import Table


def register() -> None:
    """Add the commands to ours; may be called again."""
    nmgdata.add_command(screen)
    nmgdata.add_command(tables)


def uploads(wanted: follow.Wanted) -> list[str]:
    """Return the ids of the files for which something is to be done."""
    query = (
        sa.select(model.Resource, model.Package)
        .join(model.Package, model.Package.id == model.Resource.package_id)
        .where(model.Resource.url_type == "upload", model.Resource.state == "active")
        .order_by(model.Resource.id)
    )
    found = [r.id for r, package in model.Session.execute(query).all() if wanted(r, package)]
    model.Session.rollback()
    return found


@click.command()
def screen() -> None:
    """Scan the files of unconditional entries that have not been scanned; again and again is harmless."""
    states: Counter[str] = Counter()
    with click.progressbar(uploads(follow.is_scanned), label="Files") as bar:
        for resource_id in bar:
            work.process(resource_id)
            row = show(resource_id)
            states[row.state if row else "pending"] += 1
            model.Session.rollback()
    for state in sorted(states):
        click.echo(f"{state}: {states[state]}")


@click.command()
@click.option("--again", is_flag=True, help="Load also what is loaded already, or could not be loaded.")
def tables(again: bool) -> None:
    """Load the CSV, XLSX and JSON files that are not in the DataStore yet; drop what has no file any more."""
    states: Counter[str] = Counter()
    gone = set(model.Session.scalars(sa.select(Table.resource_id))) - set(wanted := uploads(follow.is_table))
    with click.progressbar([*wanted, *sorted(gone)], label="Tables") as bar:
        for resource_id in bar:
            if again:
                work.forget_version(resource_id)
            work.process(resource_id)
            row = model.Session.get(Table, resource_id, populate_existing=True)
            states[row.state if row else "none"] += 1
            model.Session.rollback()
    for state in sorted(states):
        click.echo(f"{state}: {states[state]}")
