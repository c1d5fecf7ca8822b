"""Who may do what in the catalogue."""

from __future__ import annotations

from typing import Any

from ckan.plugins import toolkit as tk
from ckan.types import AuthResult, Context, DataDict


def nmgdata_dataset_publish(context: Context, data_dict: DataDict) -> AuthResult:
    """Who may edit the entry."""
    tk.check_access("package_update", context, data_dict)
    return {"success": True}


@tk.auth_allow_anonymous_access
def nmgdata_search_suggest(context: Context, data_dict: DataDict) -> AuthResult:
    """Who may search."""
    tk.check_access("package_search", context, data_dict)
    return {"success": True}


def functions() -> dict[str, Any]:
    """Return the auth functions of the catalogue."""
    return {f.__name__: f for f in (nmgdata_dataset_publish, nmgdata_search_suggest)}
