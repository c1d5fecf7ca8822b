"""Who sees what a scan found, and who lets a held file pass."""

from __future__ import annotations

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import AuthResult, Context, DataDict

from ...kernel.actors import Actor, Role
from ...kernel.gate.doors import actor_of


def package_of(resource_id: str) -> model.Package:
    """Return the dataset of a file."""
    resource = model.Session.get(model.Resource, resource_id)
    if resource is None or resource.state != model.State.ACTIVE:
        raise tk.ObjectNotFound(tk._("Resource not found"))
    return model.Session.get_one(model.Package, resource.package_id)


def permission_see_files(actor: Actor, package: model.Package) -> bool:
    """The department's editors and reviewers, and the authority of its region (R-SEC-14)."""
    org = package.owner_org
    if actor.has(Role.EDITOR, org) or actor.has(Role.REVIEWER, org):
        return True
    return actor.covers(Role.AUTHORITY, (package.extras or {}).get("region_code"))


def see(context: Context, data_dict: DataDict) -> AuthResult:
    """Ask the permission."""
    if permission_see_files(actor_of(context), package_of(data_dict["id"])):
        return {"success": True}
    return {"success": False, "msg": tk._("You have no right to do this.")}


@tk.auth_sysadmins_check
def nmgdata_table_show(context: Context, data_dict: DataDict) -> AuthResult:
    """See what became of a table."""
    return see(context, data_dict)


@tk.auth_sysadmins_check
def nmgdata_screening_show(context: Context, data_dict: DataDict) -> AuthResult:
    """See what a scan found."""
    return see(context, data_dict)


@tk.auth_sysadmins_check
def nmgdata_screening_override(context: Context, data_dict: DataDict) -> AuthResult:
    """Let a held file pass: a reviewer of the department; that they did not upload it, the kernel checks."""
    if actor_of(context).has(Role.REVIEWER, package_of(data_dict["id"]).owner_org):
        return {"success": True}
    return {"success": False, "msg": tk._("You have no right to do this.")}


FUNCTIONS = {
    function.__name__: function
    for function in (nmgdata_table_show, nmgdata_screening_show, nmgdata_screening_override)
}
