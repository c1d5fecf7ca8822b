"""Run the validators of a schema over many entries: CKAN's own rules of validation, prepared once.

CKAN's ``navl.validate`` sorts and copies schema and entry several times for each entry. Here the order of
fields (plain ones first, then those of files, tags and items; alphabetically) and what each validator takes
are worked out once. Fields that an entry does not state and whose first validator would only say so are
passed over. A test holds the results to those of ``package_create``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from ckan.lib.navl.dictization_functions import StopOnError, missing, unflatten
from ckan.lib.navl.validators import ignore_missing, unicode_safe
from ckan.logic.converters import convert_to_extras
from ckan.plugins import toolkit as tk
from ckan.types import Context


class Flat(dict[tuple[Any, ...], Any]):
    """An entry by keys such as ``("resources", 0, "url")``, as validators know it."""

    extras = 0
    """How many extras there are."""


Field = tuple[str, Sequence[tuple[Callable[..., Any], int]], bool, tuple[str]]
"""Name, validators with the number of their arguments, whether a field that is not stated is passed over, and
its key among plain fields."""
SCHEMA_ONLY = ("__before", "__after", "__extras", "__junk")
KEY_AND_CONTEXT, ONLY_CONTEXT = 4, 2


class Plan:
    """A schema made ready."""

    def __init__(self, schema: dict[str, Any], passed_over: Callable[[Callable[..., Any]], bool]) -> None:
        """Work out the order.

        :param passed_over: of a first validator, whether it does nothing but drop what is empty
        """
        self.passed_over = passed_over
        self.after = [prepared(one) for one in schema.get("__after", ())]
        self.plain = self.fields({name: one for name, one in schema.items() if not isinstance(one, dict)})
        self.names = {field[0] for field in self.plain}
        self.nested = {name: one for name, one in schema.items() if isinstance(one, dict)}
        self.inner = {name: self.fields(one) for name, one in sorted(self.nested.items())}
        self.rest = {
            name: [prepared(one) for one in inner.get("__extras", ())] for name, inner in self.nested.items()
        }

    def fields(self, schema: dict[str, Any]) -> list[Field]:
        """Return the fields of one level, in order."""
        return [
            (
                name,
                [prepared(one) for one in validators],
                bool(validators) and self.skips(validators[0]),
                (name,),
            )
            for name, validators in sorted(schema.items())
            if name not in SCHEMA_ONLY
        ]

    def skips(self, first: Callable[..., Any]) -> bool:
        """Say whether a field that is not stated need not be looked at."""
        return first is ignore_missing or self.passed_over(first)

    def run(self, entry: dict[str, Any], context: Context) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the validated entry and its faults."""
        errors: dict[Any, list[Any]] = defaultdict(list)
        data = Flat({(name,): value for name, value in entry.items() if name in self.names})
        data.extras = len(entry.get("extras") or ())
        rows = {name: [row for row in entry.get(name) or () if isinstance(row, dict)] for name in self.inner}
        rest = {name: self.spread(name, found, data) for name, found in rows.items() if found}
        for field in self.plain:
            if not field[2] or field[3] in data:
                apply(field[3], field, data, errors, context)
        for name, found in rows.items():
            for place in range(len(found)):
                for field in self.inner[name]:
                    key = (name, place, field[0])
                    if not field[2] or key in data:
                        apply(key, field, data, errors, context)
        self.keep_rest(rest, data, errors, context)
        for function, count in self.after:
            call(function, count, ("__after",), data, errors, context)
        made = unflatten(data)
        for name, value in entry.items():
            if value == [] and name not in made:
                made[name] = []
        return made, in_places(errors)

    def keep_rest(self, rest: Any, data: Flat, errors: dict[Any, Any], context: Context) -> None:
        """Let the schema say what becomes of fields of rows that it does not know."""
        for name, unknown in rest.items():
            for place, fields in unknown.items():
                key = (name, place, "__extras")
                data[key] = fields
                for function, count in self.rest[name]:
                    if not call(function, count, key, data, errors, context):
                        break

    def spread(self, name: str, found: list[dict[str, Any]], data: Flat) -> dict[int, dict[str, Any]]:
        """Put the fields of rows among the data; return those that the schema does not know."""
        known, unknown = self.nested[name], dict[int, dict[str, Any]]()
        for place, row in enumerate(found):
            for field, value in row.items():
                if field in known:
                    data[name, place, field] = value
                else:
                    unknown.setdefault(place, {})[field] = value
        return unknown


def prepared(validator: Callable[..., Any]) -> tuple[Callable[..., Any], int]:
    """Return a validator and how many arguments it takes."""
    return validator, validator.__code__.co_argcount


def apply(key: tuple[Any, ...], field: Field, data: Flat, errors: dict[Any, Any], context: Context) -> None:
    """Run the validators of one field until one says that it is enough."""
    data.setdefault(key, missing)
    for function, count in field[1]:
        if function is convert_to_extras:
            to_extras(key, data)
            continue
        if not call(function, count, key, data, errors, context):
            return


def call(
    function: Callable[..., Any], count: int, key: Any, data: Flat, errors: dict[Any, Any], context: Context
) -> bool:
    """Run one validator; False when it says that it is enough."""
    try:
        if count == KEY_AND_CONTEXT:
            function(key, data, errors, context)
        elif count == ONLY_CONTEXT:
            data[key] = function(data.get(key), context)
        else:
            data[key] = function(data.get(key))
    except StopOnError:
        return False
    except tk.Invalid as fault:
        errors[key].append(fault.error)
    return True


def to_extras(key: tuple[Any, ...], data: Flat) -> None:
    """Put a field among the extras, as ``convert_to_extras`` does, without looking for the next place."""
    data["extras", data.extras, "key"] = key[-1]
    data["extras", data.extras, "value"] = unicode_safe(data[key])
    data.extras += 1


def in_places(errors: dict[Any, list[Any]]) -> dict[str, Any]:
    """Return faults by field; of files and items a list with the faults of each row in its place."""
    found: dict[str, Any] = {}
    for key, messages in errors.items():
        if messages and len(key) == 1:
            found[key[0]] = messages
        elif messages:
            rows = found.setdefault(key[0], [])
            rows += [{} for _n in range(key[1] + 1 - len(rows))]
            rows[key[1]][key[2]] = messages
    return found
