"""Actions on tables and screenings: validate, check access, one call, dictize."""

from __future__ import annotations

from typing import Any

from ckan.logic import validate
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from ...kernel.gate import screening
from ...kernel.gate.doors import actor_of
from ...kernel.unit import begin
from .. import present
from . import schema


@tk.side_effect_free
@validate(schema.resource_id)
def nmgdata_table_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say what became of a CSV, XLSX or JSON file in the DataStore; for its department and the authority.

    :param id: the id of the resource
    :type id: string

    :returns: ``state`` (``none``, ``queued``, ``loading``, ``loaded``, ``failed``), ``label``,
        ``rows``, ``columns`` (``id``, ``original``, ``type``, ``faults``), ``encoding``,
        ``delimiter``, ``sheet``, ``bad`` (reason → number), ``bad_rows`` (row, reason), ``error``,
        ``message``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_table_show", context, data_dict)
    return present.table(data_dict["id"])


@tk.side_effect_free
@validate(schema.resource_id)
def nmgdata_screening_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say what a scan for personal data found in a file; for its department and the authority.

    :param id: the id of the resource
    :type id: string

    :returns: ``state`` (``link``, ``unscanned``, ``pending``, ``clean``, ``held``, ``overridden``),
        ``label``, ``digest``, ``coverage``, ``counts``, ``findings`` (``kind``, ``sheet``, ``row``,
        ``column``, ``masked``), ``overridden_by``, ``overridden_at``, ``override_reason``,
        ``may_override``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_screening_show", context, data_dict)
    return present.screening_of(data_dict["id"], actor_of(context))


@validate(schema.override)
def nmgdata_screening_override(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Let a file pass that is held for personal data, with a reason; audited.

    :param id: the id of the resource
    :type id: string
    :param digest: SHA-256 of the bytes that were judged, from ``nmgdata_screening_show``
    :type digest: string
    :param reason: why these data may be open to everyone
    :type reason: string

    :returns: as ``nmgdata_screening_show``
    :rtype: dictionary
    """
    tk.check_access("nmgdata_screening_override", context, data_dict)
    actor = actor_of(context)
    with begin(actor) as unit:
        screening.override(unit, data_dict["id"], data_dict["digest"], data_dict["reason"])
    return present.screening_of(data_dict["id"], actor)


ACTIONS = {
    function.__name__: function
    for function in (nmgdata_table_show, nmgdata_screening_show, nmgdata_screening_override)
}
