"""Who may read the record, and who their own data."""

from __future__ import annotations

from ckan.plugins import toolkit as tk
from ckan.types import AuthResult, Context, DataDict


@tk.auth_allow_anonymous_access
def nmgdata_application_register(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody: the record is public."""
    return {"success": True}


def nmgdata_personal_export(context: Context, data_dict: DataDict) -> AuthResult:
    """Everybody with an account, for their own data."""
    return {"success": bool(context.get("auth_user_obj"))}


def nmgdata_contact_update(context: Context, data_dict: DataDict) -> AuthResult:
    """Who filed the application; for others it does not exist."""
    return {"success": bool(context.get("auth_user_obj"))}


FUNCTIONS = {
    function.__name__: function
    for function in (nmgdata_application_register, nmgdata_personal_export, nmgdata_contact_update)
}
