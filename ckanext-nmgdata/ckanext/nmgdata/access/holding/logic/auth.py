"""Who may see and use a grant; whose it is says the action itself: for others it does not exist."""

from __future__ import annotations

from ckan.types import AuthResult, Context, DataDict


def nmgdata_grant_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account: holders, members and the offices of its case find it."""
    return {"success": bool(context.get("auth_user_obj"))}


def nmgdata_grant_member_add(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account, for their own grants."""
    return {"success": bool(context.get("auth_user_obj"))}


def nmgdata_grant_member_remove(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account, for their own grants."""
    return {"success": bool(context.get("auth_user_obj"))}


def nmgdata_grant_token_create(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account, for grants they hold or are named for."""
    return {"success": bool(context.get("auth_user_obj"))}


FUNCTIONS = {
    function.__name__: function
    for function in (
        nmgdata_grant_show, nmgdata_grant_member_add, nmgdata_grant_member_remove, nmgdata_grant_token_create,
    )
}  # fmt: skip
