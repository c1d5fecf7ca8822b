"""Who may move classes."""

from __future__ import annotations

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import AuthResult, Context, DataDict

from ....kernel.actors import Role
from ....kernel.gate.doors import actor_of


@tk.auth_sysadmins_check
def nmgdata_class_change_submit(context: Context, data_dict: DataDict) -> AuthResult:
    """The department of the entry; which step is whose says the machine (DC-54)."""
    dataset = model.Package.get(data_dict.get("id"))
    actor = actor_of(context)
    org = dataset.owner_org if dataset else None
    return {"success": actor.has(Role.EDITOR, org) or actor.has(Role.REVIEWER, org)}


@tk.auth_sysadmins_check
def nmgdata_evaluation_submit(context: Context, data_dict: DataDict) -> AuthResult:
    """Reviewers; whose entry it is says the machine."""
    return {"success": bool(actor_of(context).orgs(Role.REVIEWER))}


@tk.auth_sysadmins_check
def nmgdata_evaluation_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Who works for a department, an authority or an auditor."""
    actor = actor_of(context)
    return {"success": actor.has_desk or bool(actor.oversight)}


@tk.auth_allow_anonymous_access
def nmgdata_class_history_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Everybody; of one entry, who may see it."""
    if data_dict.get("id"):
        tk.check_access("package_show", context, {"id": data_dict["id"]})
    return {"success": True}


FUNCTIONS = {
    function.__name__: function
    for function in (
        nmgdata_class_change_submit, nmgdata_evaluation_submit, nmgdata_evaluation_list,
        nmgdata_class_history_list,
    )
}  # fmt: skip
