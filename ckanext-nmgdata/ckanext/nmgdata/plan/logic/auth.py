"""Who may do what with plans: permissions first, then one line per action that points at one."""

from __future__ import annotations

from typing import Any

from ckan import authz
from ckan.plugins import toolkit as tk
from ckan.types import AuthResult, Context, DataDict

from ...kernel import orgs
from ...kernel.actors import Actor, Role
from ...kernel.gate.doors import actor_of
from .. import query
from ..model import GROUP, Item, Plan

_ = tk._


def yes() -> AuthResult:
    """Allow."""
    return {"success": True}


def no() -> AuthResult:
    """Refuse."""
    return {"success": False, "msg": _("You have no right to do this.")}


# --- permissions ---------------------------------------------------------------------------------


def may_draft(actor: Actor, org_id: str | None) -> bool:
    """Editors and reviewers of an organisation draft its plan."""
    return actor.has(Role.EDITOR, org_id) or actor.has(Role.REVIEWER, org_id)


def may_read_draft(actor: Actor, plan: Plan) -> bool:
    """A draft is read by its organisation, its authority and auditors."""
    reach = (Role.AUTHORITY, Role.AUDITOR)
    return may_draft(actor, plan.org_id) or any(actor.covers(role, plan.region_code) for role in reach)


def named(data_dict: DataDict) -> Plan:
    """Return the plan that is asked for.

    :raises tk.ObjectNotFound: there is none
    """
    found = query.by_reference(tk.get_or_bust(data_dict, "plan_id" if "plan_id" in data_dict else "id"))
    if found is None:
        raise tk.ObjectNotFound(_("Plan not found"))
    return found


def readable(context: Context, data_dict: DataDict) -> Plan:
    """Return the plan that is asked for, if its reader may know of it."""
    plan = named(data_dict)
    if plan.published_at is None and not may_read_draft(actor_of(context), plan):
        raise tk.ObjectNotFound(_("Plan not found"))
    return plan


def item_and_plan(context: Context, data_dict: DataDict) -> tuple[Item, Plan]:
    """Return the item that is asked for and its plan, if its reader may know of them."""
    item = query.item(tk.get_or_bust(data_dict, "id"))
    if item is None:
        raise tk.ObjectNotFound(_("Item not found"))
    plan = readable(context, {"id": item.plan_id})
    if item.since_version is None and not may_read_draft(actor_of(context), plan):
        raise tk.ObjectNotFound(_("Item not found"))
    return item, plan


def permission_draft(context: Context, plan: Plan) -> AuthResult:
    """Editors and reviewers of the organisation whose plan it is."""
    return yes() if may_draft(actor_of(context), plan.org_id) else no()


# --- actions -------------------------------------------------------------------------------------


@tk.auth_allow_anonymous_access
def nmgdata_plan_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody, of a published plan; of a draft its organisation, authority and auditors."""
    return yes() if readable(context, data_dict) else no()


@tk.auth_allow_anonymous_access
def nmgdata_plan_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody; the action lists no drafts of others."""
    return yes()


@tk.auth_allow_anonymous_access
def nmgdata_plan_item_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Anybody who may read the plan; what is only drafted is left out for others."""
    return yes() if readable(context, data_dict) else no()


@tk.auth_sysadmins_check
def nmgdata_plan_create(context: Context, data_dict: DataDict) -> AuthResult:
    """Editors and reviewers of the organisation; of an authority its reviewers."""
    org_id = orgs.department(str(data_dict.get("org_id") or ""))
    return yes() if may_draft(actor_of(context), org_id) else no()


@tk.auth_sysadmins_check
def nmgdata_plan_update(context: Context, data_dict: DataDict) -> AuthResult:
    """Editors and reviewers of the organisation."""
    return permission_draft(context, readable(context, data_dict))


@tk.auth_sysadmins_check
def nmgdata_plan_submit(context: Context, data_dict: DataDict) -> AuthResult:
    """Reviewers of the organisation: it is the department's decision."""
    plan = readable(context, data_dict)
    return yes() if actor_of(context).has(Role.REVIEWER, plan.org_id) else no()


@tk.auth_sysadmins_check
def nmgdata_plan_import(context: Context, data_dict: DataDict) -> AuthResult:
    """Editors and reviewers of the organisation."""
    return permission_draft(context, readable(context, data_dict))


@tk.auth_sysadmins_check
def nmgdata_plan_proposal_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Editors and reviewers of the organisation."""
    return permission_draft(context, readable(context, data_dict))


@tk.auth_sysadmins_check
def nmgdata_plan_item_create(context: Context, data_dict: DataDict) -> AuthResult:
    """Editors and reviewers of the organisation."""
    return permission_draft(context, readable(context, {"id": tk.get_or_bust(data_dict, "plan_id")}))


@tk.auth_sysadmins_check
def nmgdata_plan_item_update(context: Context, data_dict: DataDict) -> AuthResult:
    """Editors and reviewers of the organisation; the list of key data is the authority's."""
    _item, plan = item_and_plan(context, data_dict)
    if data_dict.get("is_key") not in (None, ""):
        return yes() if actor_of(context).covers(Role.AUTHORITY, plan.region_code) else no()
    return permission_draft(context, plan)


@tk.auth_sysadmins_check
def nmgdata_plan_item_delete(context: Context, data_dict: DataDict) -> AuthResult:
    """Editors and reviewers of the organisation."""
    return permission_draft(context, item_and_plan(context, data_dict)[1])


FUNCTIONS: dict[str, Any] = {
    function.__name__: function
    for function in (
        nmgdata_plan_show, nmgdata_plan_list, nmgdata_plan_item_list, nmgdata_plan_create,
        nmgdata_plan_update, nmgdata_plan_submit, nmgdata_plan_import, nmgdata_plan_proposal_list,
        nmgdata_plan_item_create, nmgdata_plan_item_update, nmgdata_plan_item_delete,
    )
}  # fmt: skip


# --- the group -----------------------------------------------------------------------------------


@tk.chained_auth_function
@tk.auth_sysadmins_check
def group_create(next_auth: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
    """A plan becomes a group by its case only."""
    if (data_dict or {}).get("type") == GROUP:
        return by_case()
    return as_before(next_auth, context, data_dict)


def guarded(name: str) -> Any:
    """Return an auth function that keeps the groups of plans as their cases left them, for everybody."""

    @tk.chained_auth_function
    @tk.auth_sysadmins_check
    def kept(next_auth: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
        group = context.get("group")
        reference = (data_dict or {}).get("id")
        plan = query.group_of_plan(group.id if group else reference)
        return by_case() if plan else as_before(next_auth, context, data_dict)

    kept.__name__ = name
    return kept


def as_before(next_auth: Any, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Answer for other groups what CKAN would; its sysadmins pass, who are asked here because of plans."""
    return yes() if authz.is_sysadmin(context.get("user")) else next_auth(context, data_dict or {})


def by_case() -> AuthResult:
    """Refuse what the case of a plan does."""
    message = _("A plan is published and amended by its case; this group cannot be changed directly.")
    return {"success": False, "msg": message}


KEPT = (
    "group_update", "group_patch", "group_delete", "group_purge", "member_create", "member_delete",
    "group_member_create", "group_member_delete",
)  # fmt: skip
GROUPS: dict[str, Any] = {"group_create": group_create, **{name: guarded(name) for name in KEPT}}
