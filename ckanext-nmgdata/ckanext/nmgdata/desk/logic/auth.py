"""Who may do what: permissions first, then one line per action that points at one."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan import plugins as p
from ckan.plugins import toolkit as tk
from ckan.types import AuthResult, Context, DataDict

from ... import config
from ...kernel import orgs
from ...kernel.actors import Actor, Role
from ...kernel.gate import datastore
from ...kernel.gate.doors import actor_of, judge
from ...kernel.workflow import engine, presenters, queries, statistics

_ = tk._


def yes() -> AuthResult:
    """Allow."""
    return {"success": True}


def no() -> AuthResult:
    """Refuse."""
    return {"success": False, "msg": _("You have no right to do this.")}


# --- permissions ---------------------------------------------------------------------------------


def permission_see_case(actor: Actor, reference: str) -> AuthResult:
    """The parties of a case, their authority and auditors; for others it does not exist (R-PLAT-06)."""
    case = queries.by_reference(reference)
    if case is None or not engine.may_see(case, actor):
        raise tk.ObjectNotFound(_("Case not found"))
    return yes()


def permission_read_audit(actor: Actor) -> AuthResult:
    """Auditors and the authority (R29¶1)."""
    return yes() if actor.oversight else no()


# --- actions -------------------------------------------------------------------------------------


@tk.auth_allow_anonymous_access
def nmgdata_access_explain(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody who may see the entry may ask why it is open or closed."""
    return tk.check_access("resource_show", context, {"id": data_dict["id"]}) and yes()


@tk.auth_sysadmins_check
def nmgdata_access_override(context: Context, data_dict: DataDict) -> AuthResult:
    """Auditors of the region and the operator, by the gate's own rule; nobody for withdrawn data."""
    actor = actor_of(context)
    judged = judge(data_dict["id"], actor) if actor.user_id else None
    return yes() if judged and judged[0].may_override else no()


@tk.auth_sysadmins_check
def nmgdata_case_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Its parties, their authority and auditors; for others it does not exist (R-PLAT-06)."""
    return permission_see_case(actor_of(context), data_dict["id"])


@tk.auth_sysadmins_check
def nmgdata_personal_reveal(context: Context, data_dict: DataDict) -> AuthResult:
    """Who handles or oversees the case; for others, its filer too, there is nothing to show (R-OBJ-07)."""
    case, actor = queries.by_reference(data_dict["id"]), actor_of(context)
    if case is None or not presenters.may_reveal(case, actor):
        raise tk.ObjectNotFound(_("Case not found"))
    return yes()


@tk.auth_sysadmins_check
def nmgdata_case_transition(context: Context, data_dict: DataDict) -> AuthResult:
    """Who may see the case; the machine itself says whose step it is (docs/roles.md)."""
    return permission_see_case(actor_of(context), data_dict["id"])


def nmgdata_case_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account; the action lists no cases of others."""
    return yes()


@tk.auth_sysadmins_check
def nmgdata_audit_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Auditors and the authority (R29¶1)."""
    return permission_read_audit(actor_of(context))


@tk.auth_sysadmins_check
def nmgdata_workday_add(context: Context, data_dict: DataDict) -> AuthResult:
    """The authority of the portal's own region, because the calendar holds for all of it."""
    return yes() if actor_of(context).covers(Role.AUTHORITY, config.region()) else no()


@tk.auth_sysadmins_check
def nmgdata_case_assign(context: Context, data_dict: DataDict) -> AuthResult:
    """Reviewers; each case by those of the office that deals with it."""
    return yes() if actor_of(context).orgs(Role.REVIEWER) else no()


@tk.auth_sysadmins_check
def nmgdata_case_urge(context: Context, data_dict: DataDict) -> AuthResult:
    """The authority of the case's region (R23¶2); for those who may not see the case it does not exist."""
    actor = actor_of(context)
    return permission_see_case(actor, data_dict["id"]) if actor.regions(Role.AUTHORITY) else no()


@tk.auth_sysadmins_check
def nmgdata_case_urge_answer(context: Context, data_dict: DataDict) -> AuthResult:
    """Reviewers of the office that was urged; for those who may not see the case it does not exist."""
    actor = actor_of(context)
    return permission_see_case(actor, data_dict["id"]) if actor.orgs(Role.REVIEWER) else no()


@tk.auth_sysadmins_check
def nmgdata_case_statistics(context: Context, data_dict: DataDict) -> AuthResult:
    """Reviewers for their own departments, the authority for those of its region."""
    actor, org_id = actor_of(context), data_dict.get("org_id")
    group = model.Group.get(org_id) if org_id else None
    if org_id is None:
        return yes() if actor.orgs(Role.REVIEWER) else no()
    region = orgs.extras_of(org_id).get("region_code") or orgs.REGION
    return yes() if group and statistics.may_count(actor, group.id, region) else no()


def nmgdata_notice_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account; the action lists one's own notices."""
    return yes()


def nmgdata_notice_read(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account; the action marks one's own notices."""
    return yes()


def nmgdata_mail_choice_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account, for oneself."""
    return yes()


def nmgdata_mail_choice_update(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody with an account, for oneself."""
    return yes()


OWN = (
    nmgdata_access_explain, nmgdata_case_show, nmgdata_case_transition, nmgdata_case_list,
    nmgdata_audit_list, nmgdata_workday_add, nmgdata_access_override, nmgdata_personal_reveal,
    nmgdata_case_assign, nmgdata_case_urge, nmgdata_case_urge_answer, nmgdata_case_statistics,
    nmgdata_notice_list, nmgdata_notice_read, nmgdata_mail_choice_show, nmgdata_mail_choice_update,
)  # fmt: skip


def functions() -> dict[str, Any]:
    """Return our auth functions, and the gate's chains where the DataStore is there to be chained."""
    found: dict[str, Any] = {function.__name__: function for function in OWN}
    if p.plugin_loaded("datastore"):
        found |= datastore.AUTH
    return found
