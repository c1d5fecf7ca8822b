"""Who may look people up: each person themselves, and those who run an organisation or the portal.

An account holds a natural person's real name; CKAN shows it to everybody with a login (R-SEC-11).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ckan import authz, model
from ckan.plugins import toolkit as tk
from ckan.types import AuthFunction, AuthResult, Context, DataDict

from ..kernel.gate.doors import actor_of
from ..kernel.workflow import presenters
from . import address, resets

ORDERS = ("name", "fullname", "created", "display_name", "number_created_packages", "")
PRIVATE = ("email_hash", "last_active", "sysadmin")


def runs_something(context: Context) -> bool:
    """Say whether somebody runs an organisation, and so has to find its members to be."""
    user = context.get("auth_user_obj")
    if isinstance(user, model.User) and user.sysadmin:
        return True
    return any(membership.capacity == "admin" for membership in actor_of(context).memberships)


@tk.chained_auth_function
def user_list(next_auth: AuthFunction, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Those who run an organisation or the portal."""
    found = next_auth(context, data_dict or {})
    return found if runs_something(context) else {"success": False}


@tk.chained_auth_function
def user_autocomplete(next_auth: AuthFunction, context: Context, data_dict: DataDict | None) -> AuthResult:
    """Those who run an organisation or the portal."""
    found = next_auth(context, data_dict or {})
    return found if runs_something(context) else {"success": False}


@tk.chained_auth_function
def user_show(next_auth: AuthFunction, context: Context, data_dict: DataDict | None) -> AuthResult:
    """The person themselves, and those who run an organisation or the portal."""
    found = next_auth(context, data_dict or {})
    wanted = (data_dict or {}).get("id")
    actor = actor_of(context)
    own = actor.user_id is not None and wanted in (None, actor.user_id, actor.name)
    return found if own or runs_something(context) else {"success": False}


@tk.chained_auth_function
def package_collaborator_list(
    next_auth: AuthFunction, context: Context, data_dict: DataDict | None
) -> AuthResult:
    """Nobody without an account, for whom CKAN's own has no answer."""
    return next_auth(context, data_dict or {}) if context.get("user") else {"success": False}


def mask(context: Context, user: Any) -> Any:
    """Mask the real name of a person for who runs an organisation; an account's own name finds its holder."""
    asker = context.get("user", "")
    if not (context.get("ignore_auth") or asker == user.get("name") or authz.is_sysadmin(asker)):
        for name in ("fullname", "display_name"):
            if user.get(name) and user[name] != user.get("name"):
                user[name] = presenters.masked(name, user[name])
    return user


@tk.chained_action
@tk.side_effect_free
def list_users(next_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """List people, in an order that tells nothing, without what identifies their address."""
    if data_dict.get("order_by", "") not in ORDERS:
        raise tk.ValidationError({"order_by": [tk._("Choose one of the entries.")]})
    found = next_action(context, data_dict)
    for user in found if isinstance(found, list) else ():
        if isinstance(user, dict):
            mask(context, user)
            for name in PRIVATE:
                user.pop(name, None)
    return found


@tk.chained_action
@tk.side_effect_free
def propose_users(next_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Propose people whose account begins so."""
    return [mask(context, user) for user in next_action(context, data_dict)]


@tk.chained_action
@tk.side_effect_free
def show_user(next_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Show somebody."""
    return mask(context, next_action(context, data_dict))


FUNCTIONS = (user_list, user_autocomplete, user_show, package_collaborator_list)
AUTH = {f.__name__: f for f in FUNCTIONS} | resets.AUTH
ACTIONS = {
    "user_list": list_users, "user_autocomplete": propose_users, "user_show": show_user, **address.ACTIONS,
}  # fmt: skip
