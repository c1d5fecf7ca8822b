"""Rows that departments write through the API: none with personal data into what everybody may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict

from ..kernel import clock, personal
from ..kernel.gate import origins
from ..kernel.gate.doors import actor_of
from ..kernel.openness import opens_to_all
from ..kernel.unit import begin
from . import follow, present

_ = tk._


def refuse_personal(data_dict: DataDict) -> None:
    """Refuse records of an unconditional entry in which personal data reach a threshold (R-SEC-14).

    Such rows are refused, not held: nothing has been stored, and the department can upload them as a
    file, which a reviewer may release.

    :raises tk.ValidationError: on ``records``, naming the first place
    """
    records = data_dict.get("records")
    if not isinstance(records, list) or not is_open(data_dict):
        return
    counts, first, today = Counter[str](), {}, clock.today()
    for number, record in enumerate(records, 1):
        for name, value in record.items() if isinstance(record, dict) else ():
            for hit in personal.find(str(value), today):
                counts[hit.kind] += 1
                first.setdefault(hit.kind, (number, name))
    for kind, most in personal.rules()["thresholds"].items():
        if counts[kind] >= most:
            number, name = first[kind]
            message = _("Row {n}, column {name}: {kind}. Data open to everyone may not hold personal data.")
            label = _(present.KINDS[kind])
            raise tk.ValidationError({"records": [message.format(n=number, name=name, kind=label)]})


def refuse_rows_of_files(name: str, data_dict: DataDict) -> None:
    """Refuse rows beside those of the file that a table was made of.

    The file is what was scanned (R-SEC-14) and what a download gives; the next version of it would drop them.

    :raises tk.ValidationError: on ``records``
    """
    resource = model.Session.get(model.Resource, data_dict.get("resource_id") or "")
    if resource is None or not origins.is_upload(resource):
        return
    drops_all = name == "datastore_delete" and not data_dict.get("filters")
    if not drops_all and (name != "datastore_create" or data_dict.get("records")):
        message = _(
            "The rows of this table are those of its file. Replace the file, or keep a table without one."
        )
        raise tk.ValidationError({"records": [message]})


def is_open(data_dict: DataDict) -> bool:
    """Say whether rows are written into a table that everybody may have."""
    reference = data_dict.get("resource_id") or data_dict.get("id") or ""
    resource = model.Session.get(model.Resource, reference)
    new = data_dict.get("resource")
    package_id = resource.package_id if resource else new.get("package_id") if isinstance(new, dict) else None
    package = model.Package.get(package_id) if package_id else None
    return package is not None and opens_to_all(package.extras or {})


def checked(name: str) -> Callable[..., Any]:
    """Return a chained action that writes rows: personal data are refused, a held table is scanned anew."""

    @tk.chained_action
    def write(next_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
        """Write rows; personal data are refused."""
        if not context.get("ignore_auth"):
            refuse_rows_of_files(name, data_dict)
        refuse_personal(data_dict)
        answer = next_action(context, data_dict)
        resource_id = data_dict.get("resource_id") or ""
        if follow.waits_for_rows(resource_id):
            with begin(actor_of(context)) as unit:
                follow.rows_changed(unit, resource_id)
        return answer

    write.__name__ = name
    return write


WRITES = ("datastore_create", "datastore_upsert", "datastore_delete", "datastore_records_delete")
ACTIONS = {name: checked(name) for name in WRITES}
