"""Addresses of the pages of plans, of their items, and of the files that belong to a plan."""

from __future__ import annotations

from typing import Any

from .. import config
from ..kernel.evidence import files
from .model import Plan


def plan(year: int, org_name: str) -> str:
    """Return the address of a plan's page."""
    return f"{config.site_root()}/nmg/plans/{year}/{org_name}"


def item(year: int, org_name: str, item_id: str) -> str:
    """Return the address of a plan's page where it shows an item."""
    return f"{plan(year, org_name)}?item={item_id}#items"


def attached(of: Plan, org_name: str) -> list[dict[str, Any]]:
    """Return the files of a plan that may be handed out, each with the address where the public has it."""
    return [
        {**files.shown(row), "url": f"{plan(of.year, org_name)}/files/{row.id}"}
        for row in files.of_case(of.case_id)
        if row.scan != "infected"
    ]
