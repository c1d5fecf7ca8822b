"""Rows of a limited grant: some columns, some rows of a table in the DataStore, and nothing besides.

What is not granted must not be found out either: a filter, an order or a search over a column that
is not granted is refused with the same words as one over a column that does not exist, and
full-text search, which reads all columns, is refused altogether.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from ckan.plugins import toolkit as tk

from .facts import GrantFact

POSITION = "_id"
"""Number of a row; needed to page through a table, says nothing about anybody."""
SEARCHES = ("q", "full_text", "plain", "language")


class Anything:
    """Holds every name."""

    def __contains__(self, _name: object) -> bool:
        """Say yes."""
        return True


ANYTHING = Anything()


class BeyondGrantError(tk.ValidationError):
    """Something was asked for that the grant does not cover."""


def unfit() -> BeyondGrantError:
    """Return the refusal of a table that lacks columns by which a grant is limited, or has lost them."""
    message = tk._("Your grant is limited by columns that this table does not have.")
    return BeyondGrantError({"resource_id": [message]})


def granted_columns(grant: GrantFact, columns: Sequence[str]) -> list[str]:
    """Return the columns of a table that a grant opens, in the table's order."""
    return [name for name in columns if grant.fields is None or name in grant.fields]


def granted_rows(grant: GrantFact, columns: Collection[str]) -> dict[str, list[str]]:
    """Return column → admitted values; all must hold.

    :raises BeyondGrantError: when the table has no such column, so that no row can be known to match
    """
    wanted = {column: list(values) for column, values in grant.row_filter or ()}
    if not all(column in columns for column in wanted):
        raise unfit()
    return wanted


def restrict(query: dict[str, Any], grant: GrantFact, columns: Sequence[str]) -> dict[str, Any]:
    """Return a query of ``datastore_search`` that stays within a grant.

    :raises BeyondGrantError: when it asks for more
    """
    granted = granted_columns(grant, columns)
    if not granted:
        raise unfit()
    if any(query.get(name) for name in ("q", "full_text")):
        message = tk._("Your grant covers a part of the table; full-text search is not possible in it.")
        raise BeyondGrantError({"q": [message]})
    narrowed = {name: value for name, value in query.items() if name not in SEARCHES}
    wanted = names(query.get("fields"))
    refuse_beyond("fields", wanted, granted)
    refuse_beyond("sort", sorted_by(query.get("sort")), [*granted, POSITION])
    filters = decoded(query.get("filters"))
    refuse_beyond("filters", filtered_by(filters), [*granted, POSITION])
    narrowed["fields"] = wanted or granted
    rows = [{column: values} for column, values in granted_rows(grant, columns).items()]
    narrowed["filters"] = {"$and": [*([filters] if filters else []), *rows]} if rows else filters
    return {name: value for name, value in narrowed.items() if value not in (None, {})}


def refuse_beyond(parameter: str, asked: Collection[str], granted: Collection[str]) -> None:
    """Refuse columns that are not granted; that they do not exist is not told apart."""
    beyond = [name for name in asked if name not in granted]
    if beyond:
        message = tk._("Not a column of your grant: {names}").format(names=", ".join(map(str, beyond)))
        raise BeyondGrantError({parameter: [message]})


def names(value: Any) -> list[str]:
    """Return column names given as a list or with commas, as CKAN reads them."""
    from ckanext.datastore.helpers import get_list

    return get_list(value) or []


def sorted_by(value: Any) -> list[str]:
    """Return the columns that a ``sort`` names; what cannot be read is taken for a name."""
    from ckanext.datastore.helpers import get_list

    clauses = get_list(value, strip_values=False) or []
    return [field_of(str(clause)) for clause in clauses if clause]


def field_of(clause: str) -> str:
    """Return the column of one sort clause, by CKAN's own reading of it."""
    from ckanext.datastore.backend import _parse_sort_clause

    parsed: Any = _parse_sort_clause(clause, ANYTHING)
    return parsed[0] if parsed else clause


def decoded(filters: Any) -> Any:
    """Return filters given as JSON text or already read."""
    if not isinstance(filters, str):
        return filters or {}
    try:
        return json.loads(filters) or {}
    except ValueError:
        raise BeyondGrantError({"filters": [tk._("Cannot parse JSON")]}) from None


def filtered_by(filters: Any) -> list[str]:
    """Return every column that filters name, however deep; ``$and`` and ``$or`` nest."""
    if isinstance(filters, list):
        return [name for part in filters for name in filtered_by(part)]
    if not isinstance(filters, dict):
        return [str(filters)]
    found = []
    for name, value in filters.items():
        if name in ("$and", "$or"):
            found += filtered_by(value)
        else:
            found.append(name[1:] if name.startswith("$$") else name)
    return found


def columns_of(resource_id: str) -> list[str]:
    """Return the columns of a table, without CKAN's own; none where there is no such table."""
    from ckanext.datastore.backend import DatastoreBackend

    backend = DatastoreBackend.get_active_backend()
    if not backend.resource_exists(resource_id):
        return []
    return [field["id"] for field in backend.resource_fields(resource_id, False, False)["fields"]]
