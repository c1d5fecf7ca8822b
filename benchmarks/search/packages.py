"""Catalogue records as the two package dicts that CKAN's indexer takes."""

from __future__ import annotations

import json
import uuid
from typing import Any

from catalogue import Record, Reference

NAMESPACE = uuid.UUID("6f1c1c0e-5f0a-5c5e-9d0c-0d2f5a1b7e11")
CORE = ("name", "title", "notes", "owner_org", "license_id", "resources")


def identifier(name: str) -> str:
    """Return a stable id for a name."""
    return str(uuid.uuid5(NAMESPACE, name))


def both(record: Record, reference: Reference) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the package as package_show gives it with CKAN's and with the portal's schema."""
    owner = record["owner_org"]
    title = reference.organization(owner)
    date = f"{record.get('modified') or '2026-01-01'}T00:00:00.000000"
    resources = [
        {
            "id": identifier(f"{record['name']}/{i}"), "name": r["name"], "format": r["format"],
            "description": r.get("description") or "", "url": f"/dataset/{record['name']}/{i}",
            "resource_type": None,
        }
        for i, r in enumerate(record["resources"])
    ]  # fmt: skip
    core = {
        "id": identifier(record["name"]), "name": record["name"], "title": record["title"],
        "notes": record["notes"], "owner_org": identifier(owner),
        "license_id": record["license_id"], "private": False, "state": "active",
        "type": "dataset", "tags": [], "groups": [],
        "resources": resources, "metadata_created": date, "metadata_modified": date,
        "organization": {"id": identifier(owner), "name": owner, "title": title},
    }  # fmt: skip
    ours = {key: value for key, value in record.items() if key not in CORE}
    extras = [
        {"key": k, "value": json.dumps(v, ensure_ascii=False) if isinstance(v, list) else str(v)}
        for k, v in ours.items()
    ]
    return {**core, "extras": extras}, {**core, **ours}
