"""Two more capacities in an organisation: reviewer and auditor (docs/roles.md)."""

from __future__ import annotations

from ckan import authz
from ckan.plugins import toolkit as tk

PERMISSIONS = {"reviewer": ["read"], "auditor": ["read"]}


def install() -> None:
    """Add the capacities to CKAN's own; may be called again."""
    authz.ROLE_PERMISSIONS.update(PERMISSIONS)
    authz._trans_functions.update(
        reviewer=lambda: tk._("Reviewer"),
        auditor=lambda: tk._("Auditor"),
    )
