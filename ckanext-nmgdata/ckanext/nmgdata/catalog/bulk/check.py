"""Entries checked by the very validators of the dataset schema, compiled once.

CKAN compiles the schema anew for every entry and asks the database for each. Here the validators that ask
(is the name free, may this person use this organisation) are left out, because the caller answers them
for all entries together.

An entry that comes from elsewhere is never refused for what the law asks and the source does not say
(DC-11): such a field is named in ``Checked.missing``. What a rule forbids is not believed either: a class
that may not be goes, and without a class nothing is handed out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ckan.lib.navl.dictization_functions import missing
from ckan.logic.schema import default_create_package_schema
from ckan.plugins import toolkit as tk
from ckan.types import Context
from ckanext.scheming.plugins import SchemingDatasetsPlugin, _field_create_validators

from .. import publish, rules
from ..validators import URL, nmgdata_required, nmgdata_unique_items
from .navl import Plan

Entry = dict[str, Any]
TYPE = "dataset"
CLASS = "open_class"


@dataclass(frozen=True)
class Checked:
    """What became of an entry."""

    data: Entry
    """As ``package_create`` has it after its own validation."""
    missing: list[str] = field(default_factory=list)
    """Fields of the law that are empty, or hold what they may not."""
    dropped: dict[str, str] = field(default_factory=dict)
    """Fields whose values no validator would take → why; they are left out."""


class UnusableError(Exception):
    """An entry that can not be kept at all; ``field`` says where, the message why."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.field = name


class Checker:
    """The compiled schema."""

    def __init__(self) -> None:
        """Compile the schema; CKAN's plugins must be loaded."""
        described = SchemingDatasetsPlugin.instance._expanded_schemas[TYPE]
        self.schema: dict[str, Any] = default_create_package_schema()
        self.composite: list[str] = []
        for fields, target, convert in (
            (described["dataset_fields"], self.schema, True),
            (described["resource_fields"], self.schema["resources"], False),
        ):
            for one in fields:
                name = one["field_name"]
                extra = convert and name not in target
                target[name] = _field_create_validators(one, described, extra)
                if extra and "repeating_subfields" in one:
                    self.composite.append(name)
        self.required = [one["field_name"] for one in described["dataset_fields"] if one.get("required")]
        self.answer_for_all()

    def answer_for_all(self) -> None:
        """Leave out the validators whose questions the caller answers."""
        given = [tk.get_validator("ignore_missing"), tk.get_validator("unicode_safe")]
        ignored = [tk.get_validator("ignore")]
        for name in ("id", "name", "owner_org", "type"):
            self.schema[name] = given
        for name in ("state", "plugin_data", "metadata_modified", "groups"):
            self.schema[name] = ignored
        for name in ("relationships_as_subject", "relationships_as_object"):
            self.schema[name] = ignored
        self.schema["private"] = [tk.get_validator("ignore_missing"), tk.get_validator("boolean_validator")]
        resources: dict[str, Any] = self.schema["resources"]
        resources["id"] = given
        resources["url"] = [*given, tk.get_validator("remove_whitespace"), web_address]
        self.schema["__before"] = ignored
        self.schema["__after"] = [nmgdata_unique_items, keeping(self.composite)]
        self.plan = Plan(self.schema, drops_what_is_empty)

    def check(self, entry: Entry) -> Checked:
        """Return an entry as it is to be written.

        :raises UnusableError: for what no leaving out of fields can mend
        """
        dropped: dict[str, str] = {}
        stated = dict(entry)
        for _turn in range(3):
            data, errors = self.validated(stated)
            if not errors:
                break
            leave_out(stated, errors, dropped)
        else:
            raise UnusableError(*next(iter(dropped.items())))
        unlawful = rules.faults(stated, public=True) | rules.formats(stated)
        if CLASS in unlawful:
            dropped[CLASS] = unlawful[CLASS]
            stated.pop(CLASS, None)
            data, _errors = self.validated(stated)
        return Checked(data, self.missing_in(stated, unlawful), dropped)

    def validated(self, entry: Entry) -> tuple[Entry, dict[str, Any]]:
        """Run the validators, as for an entry that is not refused for what it lacks."""
        context: Any = {"user": "", publish.SOURCE: "bulk"}
        return self.plan.run(entry, context)

    def missing_in(self, entry: Entry, unlawful: dict[str, str]) -> list[str]:
        """Return the fields that the law asks for and the entry does not hold rightly."""
        empty = [name for name in self.required if not rules.filled(entry, name)]
        return [*empty, *(name for name in unlawful if name not in empty)]


def drops_what_is_empty(validator: Callable[..., Any]) -> bool:
    """Say whether a validator only drops an empty field: ours does, of an entry that may lack it."""
    ours = f"{nmgdata_required.__qualname__}.<locals>.validator"
    return validator.__qualname__ == ours or validator.__name__ in ("ignore", "ignore_empty")


def keeping(names: Sequence[str]) -> Callable[..., None]:
    """Return what puts repeating fields among the extras as JSON, as scheming does."""

    def keep(key: Any, data: dict[Any, Any], errors: Any, context: Context) -> None:
        for name in names:
            rows: dict[int, Entry] = {}
            for one in [k for k in data if k[0] == name]:
                value = data.pop(one)
                if len(one) == 3:
                    rows.setdefault(one[1], {})[one[2]] = None if value is missing else value
            if rows:
                kept = [dict(sorted(rows[place].items())) for place in sorted(rows)]
                place = max((k[1] for k in data if k[0] == "extras"), default=-1) + 1
                data["extras", place, "key"] = name
                data["extras", place, "value"] = json.dumps(kept)

    return keep


def web_address(value: str) -> str:
    """Accept the address of a web resource, or none."""
    if value and not URL.fullmatch(value):
        raise tk.Invalid(tk._("Give an address that begins with http:// or https://."))
    return value


def leave_out(entry: Entry, faults: dict[str, Any], dropped: dict[str, str]) -> None:
    """Leave out what a validator does not take: a field, or a field of one file or data item."""
    for name, found in faults.items():
        rows = entry.get(name)
        if isinstance(rows, list) and found and isinstance(found[0], dict):
            entry[name] = [without(row, found[place : place + 1]) for place, row in enumerate(rows)]
            inner = next((f"{key}: {said[0]}" for one in found for key, said in one.items() if said), "")
            dropped[name] = inner
        else:
            entry.pop(name, None)
            dropped[name] = str(found[0]) if found else ""


def without(row: Entry, faults: list[Any]) -> Entry:
    """Return a row without its faulty fields."""
    kept = {key: value for key, value in row.items() if not (faults and faults[0].get(key))}
    return kept or {"url": ""}


_checker: list[Checker] = []


def checker() -> Checker:
    """Return the compiled schema, made once."""
    if not _checker:
        _checker.append(Checker())
    return _checker[0]


Check = Callable[[Entry], Checked]
