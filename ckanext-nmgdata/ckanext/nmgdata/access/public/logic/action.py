"""Actions of the public record and of one's own data."""

from __future__ import annotations

from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from .... import vocab
from ....forms import whole
from ....kernel import clock
from ....kernel.gate.doors import actor_of
from ....kernel.workflow import machine, queries
from ... import privacy, record
from ...workflow import KIND

_ = tk._
MOST = 10_000
FIRST_YEAR = 2000


@tk.side_effect_free
def nmgdata_application_register(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the public record of applications, the newest first, with the medians of working days.

    :param department: only of this department, by id or name (optional)
    :param region_code: only of this division, GB/T 2260 (optional)
    :param outcome: ``waiting``, ``approved``, ``refused``, ``withdrawn`` or ``closed`` (optional)
    :param year: only received in this year (optional)
    :type year: int
    :param after: cursor of the next page, from ``next`` of the last answer (optional)
    :param limit: at most so many lines, 10000 at the most (default: 100)
    :type limit: int

    :returns: ``lines``, ``next`` (None at the end) and ``medians``: the portal, then each department. A line
        is one case: ``datasets`` (``id``, ``title``) are all that it asks for, as far as they may be named,
        ``title`` and ``dataset_ids`` the same as text, ``dataset_id`` the first of them
    :rtype: dictionary
    """
    tk.check_access("nmgdata_application_register", context, data_dict)
    year = whole(data_dict.get("year"), "year")
    if year is not None and not FIRST_YEAR <= year <= clock.today().year:
        raise tk.ValidationError({"year": [_("There is no record of this year.")]})
    outcome = data_dict.get("outcome") or None
    if outcome is not None and outcome not in record.OUTCOMES:
        raise tk.ValidationError({"outcome": [_("Choose one of the entries.")]})
    region = data_dict.get("region_code") or None
    if region is not None and region not in vocab.terms("division"):
        raise tk.ValidationError({"region_code": [_("Choose one of the entries.")]})
    filters = record.Filters(department(data_dict.get("department")), region, outcome, year)
    limit = whole(data_dict.get("limit"), "limit")
    wanted = max(1, min(100 if limit is None else limit, MOST))
    lines, following = record.rows(filters, wanted, data_dict.get("after") or None)
    return {"lines": lines, "next": following, "medians": record.medians(year)}


def department(reference: Any) -> str | None:
    """Return the id of a department by id or name."""
    if not reference:
        return None
    text = str(reference)
    group = model.Group.get(text) if text.isprintable() else None
    if group is None:
        raise tk.ObjectNotFound(_("Organization not found"))
    return group.id


@tk.side_effect_free
def nmgdata_personal_export(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return everything that the portal keeps about you: account and cases. The export is audited.

    :rtype: dictionary
    """
    tk.check_access("nmgdata_personal_export", context, data_dict)
    return privacy.export(actor_of(context))


def nmgdata_contact_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Correct your telephone number in one of your open applications; audited.

    :param id: the id or number of the application
    :type id: string
    :param contact_phone: the right number

    :returns: ``id`` and ``number`` of the case
    :rtype: dictionary
    """
    tk.check_access("nmgdata_contact_update", context, data_dict)
    case, actor = queries.by_reference(tk.get_or_bust(data_dict, "id")), actor_of(context)
    if case is None or case.kind != KIND or not machine.is_filer(actor, case):
        raise tk.ObjectNotFound(_("Case not found"))
    sent = {"contact_phone": data_dict.get("contact_phone", "")}
    stated, errors = tk.navl_validate(sent, privacy.contact(), context)
    if errors:
        raise tk.ValidationError(errors)
    case = privacy.correct_contact(actor, case.id, stated["contact_phone"])
    return {"id": case.id, "number": case.number}


ACTIONS = {
    function.__name__: function
    for function in (nmgdata_application_register, nmgdata_personal_export, nmgdata_contact_update)
}
