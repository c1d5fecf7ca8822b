"""Actions of drafts: begin an application, go on with it, give it up."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from ....forms import LONGEST
from ....kernel.evidence import files as evidence
from ....kernel.gate.doors import actor_of
from ... import drafts, wanted
from ...logic import schema
from ...logic.action import named
from ...model import ApplicationDraft

_ = tk._
REFERENCE = 200
"""Characters of the id or name of an entry, a file, a column."""


@tk.side_effect_free
def nmgdata_application_draft_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List your drafts of applications, the newest first; nobody else can.

    :returns: ``id``, ``version``, ``changed_at``, ``kept_until``, ``titles`` of the data and the beginning of
        the ``scenario`` of each
    :rtype: list of dictionaries
    """
    tk.check_access("nmgdata_application_draft_list", context, data_dict)
    names = ("titles", "scenario")
    rows = drafts.of(actor_of(context).user_id or "")
    return [{**heading(row), **{name: drafts.summary(row)[name] for name in names}} for row in rows]


@tk.side_effect_free
def nmgdata_application_draft_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a draft of yours with everything that it holds.

    :param id: the id of the draft
    :type id: string

    :returns: ``id``, ``version``, ``changed_at``, ``kept_until``, what you have stated, by the parameters of
        ``nmgdata_application_submit``, the ``title`` of each of its ``items`` (None where you can no longer
        apply for it), and its ``evidence``: ``id``, ``name``, ``size`` and ``scan`` of each file
    :rtype: dictionary
    """
    tk.check_access("nmgdata_application_draft_show", context, data_dict)
    return shown(context, drafts.own(actor_of(context), tk.get_or_bust(data_dict, "id")))


def nmgdata_application_draft_save(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Begin a draft of an application, or change one of yours.

    Nothing has to be complete or right yet. An account may have 20 drafts, and 100 MB of files in them.

    :param id: the id of the draft that you change: what you do not state stays (optional: or a new one)
    :type id: string
    :param version: of the draft that you change, as you have read it; only where ``id`` is given
    :param items: what you want to apply for, as in ``nmgdata_application_submit`` (optional)
    :type items: list of dictionaries
    :param dataset_id: instead of ``items``: the id or name of one dataset
    :type dataset_id: string
    :param resource_id: only this file of it (optional)
    :type resource_id: string
    :param applicant_kind: ``natural_person``, ``legal_person`` or ``unincorporated`` (optional)
    :param applicant_name: name of the person or organisation (optional)
    :param credit_code: unified social credit code, for organisations
    :param contact_phone: where the department can ask back (optional)
    :param scenario: what the data will be used for (optional)
    :param data_scope: which data are needed (optional)
    :param provision_mode: how they are to be provided, e.g. ``file`` (optional)
    :param use_from: first day of use, ISO 8601 (optional)
    :param use_until: last day of use, ISO 8601 (optional)
    :param safeguards: how the data will be kept safe (optional)
    :param renews: number of your earlier application for these data (optional)
    :param evidence: files to attach, PDF, JPEG or PNG (multipart upload; optional)
    :param drop: ids of attached files to take off (optional)

    :returns: the draft, as ``nmgdata_application_draft_show``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_application_draft_save", context, data_dict)
    actor, draft_id, version = actor_of(context), data_dict.get("id") or "", data_dict.get("version") or ""
    data = stated(data_dict)
    if draft_id and not version:
        raise tk.ValidationError({"version": [_("State the version of the draft that you change.")]})
    kept = drafts.own(actor, draft_id, version).data if draft_id else {}
    form = {"form": kept.get("form"), "drop": data_dict.get("drop") or []}
    if wrong := evidence.take(actor, form, evidence.uploads(data_dict.get("evidence"))):
        raise tk.ValidationError({"evidence": wrong})
    data["form"] = form["form"]
    if "items" in data:
        wants = [wanted.found(context, item) for item in data["items"]]
        data["titles"] = [want.label for want in wants if want]
    key = drafts.change(actor, draft_id, version, data) if draft_id else drafts.keep(actor, data)
    return shown(context, drafts.own(actor, key))


def nmgdata_application_draft_delete(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Delete a draft of yours with its files.

    :param id: the id of the draft
    :type id: string

    :returns: ``id`` of the draft
    :rtype: dictionary
    """
    tk.check_access("nmgdata_application_draft_delete", context, data_dict)
    draft_id = tk.get_or_bust(data_dict, "id")
    if not drafts.forget(actor_of(context), draft_id):
        raise tk.ObjectNotFound(_("There is no such draft of yours."))
    return {"id": draft_id}


ACTIONS = {
    function.__name__: function
    for function in (
        nmgdata_application_draft_list, nmgdata_application_draft_show, nmgdata_application_draft_save,
        nmgdata_application_draft_delete,
    )
}  # fmt: skip


# --- what a draft states, and how it is shown ----------------------------------------------------


def stated(sent: DataDict) -> dict[str, Any]:
    """Return what is stated of a draft, in the form in which one is kept.

    :raises tk.ValidationError: what no form could have sent; whether it is right is asked when it is filed
    """
    data: dict[str, Any] = {
        name: str(sent[name]) for name in (*schema.submission(), "renews") if sent.get(name) is not None
    }
    message = _("Please be briefer: at most {n} characters.").format(n=LONGEST)
    errors: dict[str, Any] = {name: [message] for name, text in data.items() if len(text) > LONGEST}
    if "items" in sent or sent.get("dataset_id"):
        try:
            data["items"] = items(named(sent))
        except tk.Invalid as invalid:
            errors["items"] = [invalid.error]
    if errors:
        raise tk.ValidationError(errors)
    return data


def items(value: Any) -> list[dict[str, Any]]:
    """Return the data of a draft; they need not be there, nor be to be had, until it is filed."""
    if not isinstance(value, list) or len(value) > wanted.MOST:
        raise tk.Invalid(_("Name the data as a list, at most {n}.").format(n=wanted.MOST))
    return [item(one) for one in value]


def item(one: Any) -> dict[str, Any]:
    """Return one entry of a draft."""
    kept = (
        {"fields": [], "answers": [], **{k: v for k, v in one.items() if v}} if isinstance(one, dict) else {}
    )
    right = (
        is_text(kept.get("dataset_id"), REFERENCE)
        and is_text(kept.get("resource_id") or "", REFERENCE)
        and are_texts(kept["fields"], REFERENCE)
        and are_texts(kept["answers"], LONGEST)
    )
    if not right:
        raise tk.Invalid(
            _("An entry has “dataset_id” and, if need be, “resource_id”, “fields” and “answers”.")
        )
    names = ("dataset_id", "resource_id", "fields", "answers")
    return {name: kept.get(name) for name in names}


def is_text(value: Any, longest: int) -> bool:
    """Say whether a value is a text that is not too long."""
    return isinstance(value, str) and len(value) <= longest


def are_texts(values: Any, longest: int) -> bool:
    """Say whether values are texts, not too many and none too long."""
    return (
        isinstance(values, list) and len(values) <= wanted.FIELDS and all(is_text(v, longest) for v in values)
    )


def heading(row: ApplicationDraft) -> dict[str, Any]:
    """Return which draft it is, how it was read, and how long it stays."""
    return {
        "id": row.id,
        "version": drafts.version(row),
        "changed_at": row.changed_at.isoformat(),
        "kept_until": (row.changed_at + drafts.KEPT).isoformat(),
    }


def shown(context: Context, row: ApplicationDraft) -> dict[str, Any]:
    """Return a draft to its owner; the secret of its form stays here."""
    model.Session.refresh(row)
    lines = []
    for one in row.data.get("items") or []:
        want = wanted.found(context, one)
        lines.append({**one, "title": want.label if want else None})
    return {
        **heading(row),
        **{name: row.data.get(name) or "" for name in (*schema.submission(), "renews")},
        "items": lines,
        "evidence": [evidence.shown(file) for file in evidence.drafts(row.data.get("form") or "")],
    }
