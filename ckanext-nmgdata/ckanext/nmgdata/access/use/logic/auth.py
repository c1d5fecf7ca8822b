"""Who may report, offer, cite, list and revoke: permissions first, then one line per action."""

from __future__ import annotations

from ckan.plugins import toolkit as tk
from ckan.types import AuthResult, Context, DataDict

from ....kernel.actors import Role
from ....kernel.gate.doors import actor_of


def permission_account(context: Context) -> AuthResult:
    """Anybody with an account; whose step it is says the machine."""
    return {"success": bool(context.get("auth_user_obj"))}


def permission_review(context: Context) -> AuthResult:
    """Reviewers of a department or of the authority."""
    return {"success": bool(actor_of(context).orgs(Role.REVIEWER))}


def nmgdata_use_report_submit(context: Context, data_dict: DataDict) -> AuthResult:
    """Who holds the grant; the machine says so, and that the report is due."""
    return permission_account(context)


def nmgdata_use_report_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account; the action lists own reports and those of own offices."""
    return permission_account(context)


def nmgdata_showcase_submit(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account."""
    return permission_account(context)


@tk.auth_allow_anonymous_access
def nmgdata_showcase_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody: the showcase is public."""
    return {"success": True}


@tk.auth_allow_anonymous_access
def nmgdata_citation_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody who may see the entry."""
    return {"success": True}


@tk.auth_sysadmins_check
def nmgdata_grant_register(context: Context, data_dict: DataDict) -> AuthResult:
    """Reviewers of a department or of the authority, for the grants of their offices."""
    return permission_review(context)


@tk.auth_sysadmins_check
def nmgdata_grant_revoke(context: Context, data_dict: DataDict) -> AuthResult:
    """Reviewers of the department that gave the grant; the machine says whose step it is."""
    return permission_review(context)


FUNCTIONS = {
    function.__name__: function
    for function in (
        nmgdata_use_report_submit, nmgdata_use_report_list, nmgdata_showcase_submit, nmgdata_showcase_list,
        nmgdata_citation_show, nmgdata_grant_register, nmgdata_grant_revoke,
    )
}  # fmt: skip
