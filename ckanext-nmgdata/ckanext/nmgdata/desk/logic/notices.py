"""Actions on what one was told, and by which mails."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.logic import validate
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from ...kernel.gate.doors import actor_of
from ...kernel.workflow import notices
from ...kernel.workflow.model import Case
from . import schema

MOST = 500


@tk.side_effect_free
@validate(schema.notice_list)
def nmgdata_notice_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List your notices, the newest first.

    :param unread: only those that you have not read
    :type unread: boolean
    :param before: only those before this id (optional)
    :type before: int
    :param limit: at most so many, 500 at the most (default: 50)
    :type limit: int

    :returns: ``unread``, how many are (100 stands for more), and ``notices``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_notice_list", context, data_dict)
    user_id = actor_of(context).user_id or ""
    found = notices.listed(
        user_id,
        unread=data_dict["unread"],
        before=data_dict.get("before"),
        limit=min(data_dict["limit"], MOST),
    )
    numbers = sa.select(Case.id, Case.number).where(Case.id.in_({row.case_id for row in found}))
    known = {case_id: number for case_id, number in model.Session.execute(numbers)}  # noqa: C416
    return {
        "unread": notices.unread(user_id),
        "notices": [
            {
                "id": row.id,
                "case": known[row.case_id],
                "template": row.template,
                "subject": row.subject,
                "at": row.at.isoformat(),
                "read_at": row.read_at.isoformat() if row.read_at else None,
            }
            for row in found
        ],
    }


@validate(schema.notice_read)
def nmgdata_notice_read(context: Context, data_dict: DataDict) -> dict[str, int]:
    """Mark your notices as read.

    :param ids: ids of notices (default: all of yours)
    :type ids: list of integers

    :returns: ``marked``, how many were unread
    :rtype: dictionary
    """
    tk.check_access("nmgdata_notice_read", context, data_dict)
    return {"marked": notices.mark_read(actor_of(context), data_dict.get("ids"))}


@tk.side_effect_free
def nmgdata_mail_choice_show(context: Context, data_dict: DataDict) -> dict[str, bool]:
    """Say which of the mails that the law does not ask for you get.

    :returns: ``reminders``, ``assignments`` and ``progress``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_mail_choice_show", context, data_dict)
    return notices.choices(actor_of(context).user_id or "")


@validate(schema.mail_choice)
def nmgdata_mail_choice_update(context: Context, data_dict: DataDict) -> dict[str, bool]:
    """Switch a kind of mail on or off; notices in the site stay.

    :param kind: ``reminders``, ``assignments`` or ``progress``
    :type kind: string
    :param wanted: whether you want these mails
    :type wanted: boolean

    :returns: all your choices
    :rtype: dictionary
    """
    tk.check_access("nmgdata_mail_choice_update", context, data_dict)
    actor = actor_of(context)
    notices.choose(actor, actor.user_id or "", data_dict["kind"], wanted=data_dict["wanted"])
    return notices.choices(actor.user_id or "")
