"""The row doors for a limited grant: search and description of a table, within what is granted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk
from ckan.types import Context

from ..actors import Actor
from . import answers
from .aliases import own_name
from .doors import actor_of, judge, wanted_purpose
from .facts import Facts, GrantFact
from .policy import Decision
from .rows import columns_of, decoded, granted_columns, restrict

Judged = tuple[Facts, Decision]
KEPT_OF_META = ("id", "table_type")
"""What a limited grant may know of a table as a whole."""
JUDGED = "nmgdata_judged"
"""Place in the context of what was judged for the action that is just called, for its auth function."""


def of_one_table(data_dict: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of an action of the DataStore with the table under one name, ``resource_id``.

    CKAN takes ``id`` for the same, and lets it win where both are given: what one part of an action judges
    would not be what another one reads or writes.

    :raises tk.ValidationError: two tables are named
    """
    named = [data_dict[name] for name in ("resource_id", "id") if data_dict.get(name)]
    if len(named) > 1 and named[0] != named[1]:
        raise tk.ValidationError({"id": [tk._("Name one table, as resource_id.")]})
    rest = {name: value for name, value in data_dict.items() if name != "id"}
    return {**rest, "resource_id": named[0]} if named else rest


def judge_rows(reference: str, actor: Actor) -> Judged | None:
    """Return facts and decision about the rows of a resource; None where it has none.

    The table of a file that was replaced, and is not loaded yet, still lies there: its rows are of other
    bytes than those that were scanned and are granted.
    """
    judged = judge(reference, actor, wanted_purpose())
    return judged if judged and (judged[0].is_tabular or not judged[1].allow) else None


def named(reference: str, actor: Actor) -> tuple[str, Judged | None]:
    """Return the table that an id or alias means, and what is judged of its rows."""
    from ckanext.datastore.backend import DatastoreBackend

    judged = judge_rows(reference, actor)
    if judged is None:  # a table's own name can be nobody's alias
        _exists, aliased = DatastoreBackend.get_active_backend().resource_id_from_alias(reference)
        reference, judged = (aliased, judge_rows(aliased, actor)) if aliased else (reference, judged)
    return reference, judged


def table_of(context: Context, reference: str) -> tuple[str, Judged | None]:
    """Return what ``named`` does, for who asks; an action of the portal's own is not judged."""
    if not reference or context.get("ignore_auth"):
        return reference, None
    reference, judged = named(reference, actor_of(context))
    cast(dict[str, Any], context)[JUDGED] = reference, judged
    return reference, judged


def refuse_what_is_stopped(action: str, context: Context, reference: str, judged: Judged | None) -> None:
    """Refuse what is suspended or withdrawn as the gate does, before CKAN finds that its table is gone."""
    if judged and not judged[1].allow and judged[1].reason in answers.STOPPED:
        tk.check_access(action, context, {"resource_id": reference})


def judged_for(context: Context, reference: str, actor: Actor) -> Judged | None:
    """Return what ``judge_rows`` says, without asking again what the action that is just called has asked."""
    held = cast(dict[str, Any], context).pop(JUDGED, None)
    if held and held[0] == reference:
        return held[1]
    return judge_rows(reference, actor)


WITH_ENTRY = (
    sa.select(model.Resource, model.Package)
    .join(model.Package, model.Package.id == model.Resource.package_id)
    .where(model.Resource.id == sa.bindparam("id"))
)


def with_entry(context: Context, resource_id: str) -> Any:
    """Read the rows of a file and its entry by one query; the session knows them while they are held.

    CKAN's check of who may see the entry would read each by a query of its own.
    """
    if context.get("ignore_auth"):
        return None
    return model.Session.execute(WITH_ENTRY, {"id": resource_id}).first()


@tk.chained_action
@tk.side_effect_free
def datastore_search(next_action: Callable[..., Any], context: Context, data_dict: dict) -> Any:
    """Search within what is granted; everything of the portal's own and of open data as it is."""
    data_dict = of_one_table(data_dict)
    resource_id, judged = table_of(context, data_dict.get("resource_id") or "")
    refuse_what_is_stopped("datastore_search", context, resource_id, judged)
    _held = with_entry(context, resource_id)
    with own_name(resource_id if judged and judged[0].is_tabular else ""):
        return search_within(
            judged[1].limited_to if judged else None, next_action, context, data_dict, resource_id
        )


def search_within(
    grant: GrantFact | None,
    next_action: Callable[..., Any],
    context: Context,
    data_dict: dict,
    resource_id: str,
) -> Any:
    """Search a table within a grant, or the whole of it."""
    if grant is None:
        return next_action(context, data_dict)
    narrowed = restrict({**data_dict, "resource_id": resource_id}, grant, columns_of(resource_id))
    try:
        found = next_action(context, narrowed)
    except tk.ValidationError as invalid:
        invalid.error_dict.pop("info", None)  # the statement, with the grant's own conditions
        raise
    found.pop("filterops", None)
    if "filters" in data_dict:
        found["filters"] = decoded(data_dict["filters"])
    else:
        found.pop("filters", None)
    return found


def described(found: dict[str, Any], grant: GrantFact) -> dict[str, Any]:
    """Return what ``datastore_info`` says of the granted columns; no counts of the whole."""
    shown = granted_columns(grant, [field["id"] for field in found.get("fields", [])])
    narrowed = {**found, "fields": [field for field in found.get("fields", []) if field["id"] in shown]}
    if "meta" in found:
        narrowed["meta"] = {name: found["meta"][name] for name in KEPT_OF_META if name in found["meta"]}
    return narrowed
