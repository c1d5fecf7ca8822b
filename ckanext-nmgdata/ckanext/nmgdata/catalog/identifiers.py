"""Catalogue codes (信息资源代码): given when absent, unique, kept for good (R-CAT-14).

Shape of the 2017 catalogue guide: 类 + 项 + three digits of the department + division code, "/",
six digits of sequence. The pattern is data, so that DB15/T 1875 can replace it (docs/adr/0007).
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from ckan import model

from .. import config
from ..kernel import orgs
from ..kernel.serials import next_serial
from .model import Entry

PATTERNS: dict[str, str] = {"150000": r"[1-3]\d{2}\d{3}15\d{4}/\d{6}"}
"""Pattern per region; a region without its own has the autonomous region's."""
DEPARTMENT_CLASS = "307"
"""类 3 (department data) and 项 07 (departments below the centre) of the guide."""


def is_valid(code: str) -> bool:
    """Say whether a code has the portal's pattern."""
    return re.fullmatch(PATTERNS.get(config.region(), PATTERNS["150000"]), code) is not None


def next_code(entry: dict[str, Any]) -> str:
    """Return the next free code of a department in a division."""
    prefix = f"{DEPARTMENT_CLASS}{department_number(entry)}{entry.get('region_code') or config.region()}"
    while True:
        code = f"{prefix}/{next_serial(model.Session(), f'code-{prefix}'):06d}"
        if not is_taken(code, None):
            return code


def department_number(entry: dict[str, Any]) -> str:
    """Return the three-digit number of the owning department, 000 when it has none."""
    number = orgs.extras_of(entry.get("owner_org")).get("department_number", "")
    return number if re.fullmatch(r"\d{3}", number) else "000"


def is_taken(code: str, dataset_id: str | None) -> bool:
    """Say whether another entry has a code."""
    query = sa.select(Entry.dataset_id).where(Entry.identifier == code)
    owner = model.Session.scalar(query)
    return owner is not None and owner != dataset_id
