"""Who may apply."""

from __future__ import annotations

from ckan.types import AuthResult, Context, DataDict


def nmgdata_application_submit(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account may apply (R-COND-01); the gate decides for which data it is needed."""
    return {"success": bool(context.get("auth_user_obj"))}


def nmgdata_grant_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Everybody may list their own grants."""
    return {"success": bool(context.get("auth_user_obj"))}
