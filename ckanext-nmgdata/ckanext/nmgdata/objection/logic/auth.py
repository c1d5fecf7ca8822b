"""Who may object, suspend, and lift a wave of abuse."""

from __future__ import annotations

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import AuthResult, Context, DataDict

from ...kernel.actors import Role
from ...kernel.gate.doors import actor_of

_ = tk._


@tk.auth_allow_anonymous_access
def nmgdata_objection_submit(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody, with or without an account (DC-21); limits hold back floods."""
    return {"success": True}


@tk.auth_allow_anonymous_access
def nmgdata_suspension_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody: the register is public."""
    return {"success": True}


@tk.auth_sysadmins_check
def nmgdata_suspension_create(context: Context, data_dict: DataDict) -> AuthResult:
    """Editors and reviewers of the owning department, and the authority of its region (R-OBJ-04)."""
    package = model.Package.get(data_dict.get("dataset_id"))
    if package is None:
        raise tk.ObjectNotFound(_("Dataset not found"))
    actor = actor_of(context)
    own = actor.has(Role.EDITOR, package.owner_org) or actor.has(Role.REVIEWER, package.owner_org)
    region = (package.extras or {}).get("region_code")
    if own or actor.covers(Role.AUTHORITY, region):
        return {"success": True}
    return {"success": False, "msg": _("You have no right to do this.")}


@tk.auth_sysadmins_check
def nmgdata_objection_bulk_lift(context: Context, data_dict: DataDict) -> AuthResult:
    """The authority; the machine checks its region case by case."""
    return {"success": bool(actor_of(context).regions(Role.AUTHORITY))}


FUNCTIONS = {
    function.__name__: function
    for function in (
        nmgdata_objection_submit, nmgdata_suspension_list, nmgdata_suspension_create,
        nmgdata_objection_bulk_lift,
    )
}  # fmt: skip
