"""Actions of holders of grants."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from ....kernel.audit import append
from ....kernel.gate import bound
from ....kernel.gate.doors import actor_of
from ....kernel.gate.holders import held_by
from ....kernel.gate.model import Grant
from ....kernel.unit import begin
from .. import members, present
from . import schema

_ = tk._


@tk.side_effect_free
def nmgdata_grant_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a grant with its limits, its members and its uses.

    :param id: the id of the grant
    :type id: string

    :returns: as ``nmgdata_grant_register``, with ``quota``, ``per_hour``, ``left``, ``members`` (to its
        holder), ``member_count``, and ``uses``: ``at``, ``by``, ``resource_id``, ``door``, ``count``,
        ``sha256``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_grant_show", context, data_dict)
    return present.show(actor_of(context), tk.get_or_bust(data_dict, "id"))


def nmgdata_grant_member_add(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Let a colleague use a grant of your organisation.

    :param id: the id of the grant, which you hold for an organisation
    :type id: string
    :param account: name of an account that was registered with the organisation's credit code
    :type account: string

    :returns: the grant
    :rtype: dictionary
    """
    tk.check_access("nmgdata_grant_member_add", context, data_dict)
    actor, grant_id = actor_of(context), tk.get_or_bust(data_dict, "id")
    members.add(actor, grant_id, checked(schema.member(), data_dict, context)["account"])
    return present.show(actor, grant_id)


def nmgdata_grant_member_remove(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take a colleague off a grant of your organisation.

    :param id: the id of the grant
    :type id: string
    :param account: its name
    :type account: string

    :returns: the grant
    :rtype: dictionary
    """
    tk.check_access("nmgdata_grant_member_remove", context, data_dict)
    actor, grant_id = actor_of(context), tk.get_or_bust(data_dict, "id")
    members.remove(actor, grant_id, checked(schema.member(), data_dict, context)["account"])
    return present.show(actor, grant_id)


def nmgdata_grant_token_create(context: Context, data_dict: DataDict) -> dict[str, str]:
    """Make a token that opens the data of one grant to your program, and nothing else.

    It works at downloads, ``datastore_search``, ``datastore_info``, dumps and ``nmgdata_access_explain``,
    and ends with the grant; you can revoke it on the page of your tokens.

    :param id: the id of a grant that you hold or are named for
    :type id: string
    :param name: what you call it
    :type name: string

    :returns: ``token``, which is not shown again
    :rtype: dictionary
    """
    tk.check_access("nmgdata_grant_token_create", context, data_dict)
    actor, grant_id = actor_of(context), tk.get_or_bust(data_dict, "id")
    name = checked(schema.token(), data_dict, context)["name"]
    with begin(actor) as unit:
        running = sa.select(Grant).where(
            Grant.id == grant_id, held_by(actor.user_id), Grant.ended_at.is_(None)
        )
        grant = unit.session.scalar(running)
        if grant is None or actor.user_id is None:
            raise tk.ObjectNotFound(_("Grant not found"))
        token = bound.make(unit, actor.user_id, grant.id, name)
        append(unit, "grant.token_made", ("grant", grant.id), case_id=grant.case_id)
    return {"token": token}


def checked(form: Any, data_dict: DataDict, context: Context) -> dict[str, Any]:
    """Return what a form asks for."""
    stated, errors = tk.navl_validate({name: data_dict.get(name, "") for name in form}, form, context)
    if errors:
        raise tk.ValidationError(errors)
    return stated


ACTIONS = {
    function.__name__: function
    for function in (
        nmgdata_grant_show, nmgdata_grant_member_add, nmgdata_grant_member_remove, nmgdata_grant_token_create,
    )
}  # fmt: skip
