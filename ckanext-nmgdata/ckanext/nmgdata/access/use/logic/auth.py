"""Who may report, offer, cite, list and revoke."""

from __future__ import annotations

from ckan.plugins import toolkit as tk
from ckan.types import AuthResult, Context, DataDict

from ....kernel.actors import Role
from ....kernel.gate.doors import actor_of


def with_account(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account; whose step it is says the machine."""
    return {"success": bool(context.get("auth_user_obj"))}


@tk.auth_allow_anonymous_access
def anybody(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody: what is public."""
    return {"success": True}


@tk.auth_sysadmins_check
def office(context: Context, data_dict: DataDict) -> AuthResult:
    """Reviewers of a department or of the authority; each for its own grants."""
    return {"success": bool(actor_of(context).orgs(Role.REVIEWER))}


FUNCTIONS = {
    "nmgdata_use_report_submit": with_account,
    "nmgdata_use_report_list": with_account,
    "nmgdata_showcase_submit": with_account,
    "nmgdata_showcase_list": anybody,
    "nmgdata_citation_show": anybody,
    "nmgdata_grant_revoke": office,
    "nmgdata_grant_register": office,
}
