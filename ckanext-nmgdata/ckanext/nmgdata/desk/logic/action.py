"""Actions on cases, the gate, the calendar and the audit log: validate, check access, one call, dictize."""

from __future__ import annotations

from datetime import date
from typing import Any

from ckan import model
from ckan.logic import validate
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from ...kernel import clock
from ...kernel.audit import append
from ...kernel.audit.model import AuditEvent
from ...kernel.deadlines.calendar import Workday
from ...kernel.gate import answers, doors, overrides
from ...kernel.gate.doors import actor_of
from ...kernel.unit import begin
from ...kernel.workflow import engine, oversight, presenters, sweep
from ...shapes import LARGEST
from .. import dictize
from ..attaching import attach
from . import schema
from .notices import (
    nmgdata_mail_choice_show,
    nmgdata_mail_choice_update,
    nmgdata_notice_list,
    nmgdata_notice_read,
)
from .office import (
    existing,
    nmgdata_case_assign,
    nmgdata_case_list,
    nmgdata_case_statistics,
    nmgdata_case_urge,
    nmgdata_case_urge_answer,
)

MOST = 500


@tk.side_effect_free
@validate(schema.resource_id)
def nmgdata_access_explain(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say whether you may have the bytes of a resource, and if not why and what to do.

    :param id: the id of the resource
    :type id: string

    :returns: ``allowed``, ``reason`` (machine-readable), ``message``, ``legal_basis``, and where it
        helps ``apply_url`` (with ``apply_at`` where another portal keeps the data), ``next_url``, ``case``,
        ``valid_until``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_access_explain", context, data_dict)
    judged = doors.judge(data_dict["id"], actor_of(context))
    if judged is None:
        raise tk.ObjectNotFound(tk._("Resource not found"))
    return answers.explain(*judged)


@validate(schema.override)
def nmgdata_access_override(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Open a resource to yourself for a short time, as an auditor of its region or the operator.

    :param id: the id of the resource
    :type id: string
    :param reason: why, in at least ten characters; kept, shown to auditors
    :type reason: string

    :returns: ``id``, ``resource_id`` and ``until``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_access_override", context, data_dict)
    with begin(actor_of(context)) as unit:
        row = overrides.take(unit, data_dict["id"], data_dict["reason"])
        return {"id": row.id, "resource_id": row.resource_id, "until": row.until.isoformat()}


@tk.side_effect_free
@validate(schema.case_reference)
def nmgdata_case_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a case with its timeline, deadlines and the steps that you may take.

    :param id: the id or the number of the case
    :type id: string

    :rtype: dictionary
    """
    tk.check_access("nmgdata_case_show", context, data_dict)
    return dictize.show(existing(data_dict["id"]), actor_of(context))


def nmgdata_personal_reveal(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return in clear who filed a case and how to reach them; every look is audited.

    For the deciding department, its authority and auditors, who otherwise see these fields masked.

    :param id: the id or the number of the case
    :type id: string
    :param reason: why you need to know; kept with the look, shown to auditors
    :type reason: string

    :rtype: dictionary
    """
    tk.get_or_bust(data_dict, "id")
    tk.check_access("nmgdata_personal_reveal", context, data_dict)
    stated, errors = tk.navl_validate(data_dict, schema.reveal(), context)
    if errors:
        raise tk.ValidationError(errors)
    with begin(actor_of(context)) as unit:
        return dict(presenters.reveal(unit, existing(stated["id"]), stated["reason"]))


@validate(schema.transition)
def nmgdata_case_transition(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Take a step of a case; ``nmgdata_case_show`` says which steps you may take.

    :param id: the id or the number of the case
    :type id: string
    :param transition: the name of the step, e.g. ``approve``
    :type transition: string

    Further parameters are those of the step's form; ``evidence`` are files (multipart upload), where it
    takes some.

    :returns: the case after the step
    :rtype: dictionary
    """
    tk.check_access("nmgdata_case_transition", context, data_dict)
    actor, case = actor_of(context), existing(data_dict["id"])
    sent = data_dict.pop("evidence", None) or []
    attach(case, data_dict["transition"], actor, data_dict, sent if isinstance(sent, list) else [sent])
    return dictize.show(engine.fire(case.id, data_dict["transition"], actor, data_dict), actor)


@tk.side_effect_free
@validate(schema.audit_list)
def nmgdata_audit_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Read the audit log in the order of the chain, as far as your office reaches.

    The office of the portal's own region reads all of it; one of a league-city or banner reads what
    concerns its region, so that the numbers (``seq``) have gaps.

    :param after: only events after this position (default: 0)
    :type after: int
    :param subject_type: e.g. ``case``, ``grant``, ``resource`` (optional)
    :param subject_id: (optional)
    :param case_id: (optional)
    :param limit: at most so many, 500 at the most (default: 100)
    :type limit: int

    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_audit_list", context, data_dict)
    query = oversight.events(actor_of(context), AuditEvent.__table__).where(
        AuditEvent.seq > min(data_dict["after"], LARGEST)
    )
    for name in ("subject_type", "subject_id", "case_id"):
        if data_dict.get(name):
            query = query.where(getattr(AuditEvent, name) == data_dict[name])
    query = query.order_by(AuditEvent.seq).limit(min(data_dict["limit"], MOST))
    rows = model.Session.execute(query).mappings()
    return [{**row, "at": row["at"].isoformat()} for row in rows]


@validate(schema.workday)
def nmgdata_workday_add(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Set a day to work or rest above the official calendar, and compute open periods again.

    :param day: the day, ISO 8601
    :param is_workday: whether it is worked
    :type is_workday: boolean
    :param reason: why; kept in the audit log

    :rtype: dictionary
    """
    tk.check_access("nmgdata_workday_add", context, data_dict)
    day: date = data_dict["day"].date()
    actor = actor_of(context)
    with begin(actor) as unit:
        row = Workday(
            day=day, is_workday=data_dict["is_workday"], reason=data_dict["reason"],
            set_by=actor.user_id or actor.kind, set_at=clock.now(),
        )  # fmt: skip
        unit.session.merge(row)
        detail = {"day": day.isoformat(), "is_workday": row.is_workday}
        append(unit, "workday.set", ("workday", day.isoformat()), detail=detail)
    return {"day": day.isoformat(), "is_workday": row.is_workday, "moved": sweep.recompute()}


ACTIONS = {
    function.__name__: function
    for function in (
        nmgdata_access_explain, nmgdata_case_show, nmgdata_case_list, nmgdata_case_transition,
        nmgdata_audit_list, nmgdata_workday_add, nmgdata_access_override, nmgdata_personal_reveal,
        nmgdata_case_assign, nmgdata_case_urge, nmgdata_case_urge_answer, nmgdata_case_statistics,
        nmgdata_notice_list, nmgdata_notice_read, nmgdata_mail_choice_show, nmgdata_mail_choice_update,
    )
}  # fmt: skip
