"""The list of all doors, ``doors.yaml``: what CKAN and its plugins offer, and how each is closed.

The list is data: what it calls closed is shut by it, ``docs/doors.md`` is written from it, and
what is not on it is found by ``unlisted`` (``ckan nmgdata doors``, and a test).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ckan import plugins as p
from ckan.plugins import toolkit as tk
from ckan.types import CKANApp, Context, DataDict

FILE = Path(__file__).parent / "doors.yaml"
SORTS = ("routes", "actions", "helpers")
KINDS = {
    "gate": "asks the gate before bytes, rows, columns or links leave",
    "metadata": "hands out metadata of what the reader may know of; true links are not in them",
    "write": "writes; its answer holds no bytes, rows or true links",
    "closed": "shut",
    "harmless": "holds nothing of any dataset",
}


@dataclass(frozen=True)
class Group:
    """Doors of one sort that are closed in the same way."""

    sort: str
    kind: str
    how: str
    names: tuple[str, ...]
    plugin: str | None = None
    """Plugin that brings them, when the portal does without it."""


@cache
def groups() -> tuple[Group, ...]:
    """Return the list, in the order of the file."""
    read = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return tuple(
        Group(sort, group["kind"], group["how"], tuple(group["names"]), group.get("plugin"))
        for sort in SORTS
        for group in read[sort]
    )


@dataclass(frozen=True)
class Naming:
    """Actions with a parameter that names an entry, a file, a table or a view (``known``)."""

    of: str
    parameters: tuple[str, ...]
    """The first that is given counts."""
    names: tuple[str, ...]
    asks: bool = False
    """Whether they ask for the caller's right to know of it before anything else; then nobody asks twice."""
    plugin: str | None = None
    when: Mapping[str, str] = field(default_factory=dict)
    """Which values of other parameters make it a name of this kind."""

    def reference(self, data_dict: DataDict) -> str:
        """Return what a call names, empty for nothing."""
        if any(data_dict.get(parameter) != value for parameter, value in self.when.items()):
            return ""
        for parameter in self.parameters:
            value = data_dict.get(parameter)
            if isinstance(value, dict):  # package_revise: {"match": {"id": …}}
                value = value.get("id") or value.get("name")
            if isinstance(value, str) and value:
                return value
        return ""


@cache
def namings() -> tuple[Naming, ...]:
    """Return which actions name what."""
    read = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return tuple(
        Naming(**{**group, "parameters": tuple(group["parameters"]), "names": tuple(group["names"])})
        for group in read["namings"]
    )


def names(sort: str, kind: str | None = None) -> frozenset[str]:
    """Return the names of one sort, of one kind or of all."""
    return frozenset(n for g in groups() if g.sort == sort and kind in (None, g.kind) for n in g.names)


def unlisted(app: CKANApp) -> list[str]:
    """Return what the running portal offers and the list does not know, as ``sort: name``."""
    return [f"{sort}: {name}" for sort in SORTS for name in sorted(offered(app, sort) - names(sort))]


def offered(app: CKANApp, sort: str) -> frozenset[str]:
    """Return the names of one sort that the running portal offers."""
    if sort == "routes":
        return frozenset(rule.endpoint for rule in app.url_map.iter_rules())
    if sort == "actions":
        from ckan.logic import _actions

        tk.get_action("status_show")  # fills the table
        return frozenset(_actions)
    from ckan.lib.helpers import helper_functions

    return frozenset(helper_functions)


# --- what the list shuts -------------------------------------------------------------------------


def closed_actions() -> dict[str, Any]:
    """Return chained actions that refuse everybody, for the closed actions of CKAN and plugins loaded."""
    shut = (g for g in groups() if g.sort == "actions" and g.kind == "closed")
    return {n: refuse(n) for g in shut if not g.plugin or p.plugin_loaded(g.plugin) for n in g.names}


def refuse(name: str) -> Callable[..., Any]:
    """Return a chained action that refuses whoever calls it through the API; the portal's own code may."""

    @tk.chained_action
    def refused(next_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
        """Shut (docs/doors.md)."""
        if "api_version" in context or not context.get("ignore_auth"):
            raise tk.NotAuthorized(tk._("This door of the portal is shut."))
        return next_action(context, data_dict)

    refused.__name__ = name
    refused.side_effect_free = True  # type: ignore[attr-defined]
    return refused


# --- the document --------------------------------------------------------------------------------


def document() -> str:
    """Return ``docs/doors.md``."""
    return "\n".join([*INTRODUCTION, *(line for sort in SORTS for line in section(sort))]) + "\n"


INTRODUCTION = [
    "# Doors",
    "",
    "Every way by which bytes, rows, column names or true links could leave, and how it is closed.",
    "Written from `kernel/gate/doors.yaml` by `ckan nmgdata doors --write`; a test fails when this page is",
    "out of date, and when CKAN or a plugin offers a route, an action or a template helper that is not on",
    "the list. After switching on a plugin, `ckan nmgdata doors` names what is missing.",
    "",
    "The order of a decision, its reasons and their articles: `kernel/gate/policy.py` and `answers.py`.",
    "",
    *(f"- **{kind}**: {what}." for kind, what in KINDS.items()),
]


def section(sort: str) -> Iterator[str]:
    """Yield the part of the document about one sort of doors."""
    yield from ("", f"## {sort.capitalize()}", "", "| kind | how | doors |", "|---|---|---|")
    for group in groups():
        if group.sort == sort:
            doors = ", ".join(f"`{name}`" for name in group.names)
            plugin = f" (plugin `{group.plugin}`)" if group.plugin else ""
            yield f"| {group.kind} | {group.how.strip()}{plugin} | {doors} |"
