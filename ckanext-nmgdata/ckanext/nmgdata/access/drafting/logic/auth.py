"""Who may have drafts: everybody with an account, their own; those of others do not exist."""

from __future__ import annotations

from ckan.types import AuthResult, Context, DataDict


def nmgdata_application_draft_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Everybody with an account, for their own drafts."""
    return {"success": bool(context.get("auth_user_obj"))}


def nmgdata_application_draft_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Whose draft it is; for others, auditors and operators too, it does not exist."""
    return {"success": bool(context.get("auth_user_obj"))}


def nmgdata_application_draft_save(context: Context, data_dict: DataDict) -> AuthResult:
    """Everybody with an account may begin one; whose draft it is changes it."""
    return {"success": bool(context.get("auth_user_obj"))}


def nmgdata_application_draft_delete(context: Context, data_dict: DataDict) -> AuthResult:
    """Whose draft it is; for others it does not exist."""
    return {"success": bool(context.get("auth_user_obj"))}


FUNCTIONS = {
    function.__name__: function
    for function in (
        nmgdata_application_draft_list, nmgdata_application_draft_show, nmgdata_application_draft_save,
        nmgdata_application_draft_delete,
    )
}  # fmt: skip
