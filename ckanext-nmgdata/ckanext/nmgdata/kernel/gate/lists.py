"""CKAN's lists that ask the database and no label: entries that are not in the catalogue stay out of them.

Search, feeds and exports ask labels (``labels``); these actions do not, and would name non-open
entries, their files and their tags to everybody (R-OPEN-10, DC-28).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.logic.schema import default_pagination_schema
from ckan.plugins import toolkit as tk
from ckan.types import Context, DataDict
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria

from . import known
from .labels import in_catalogue

Next = Callable[..., Any]


@tk.chained_action
@tk.side_effect_free
def package_list(next_action: Next, context: Context, data_dict: DataDict) -> list[str]:
    """List the names of the catalogue's entries."""
    tk.check_access("package_list", context, data_dict)
    page, errors = tk.navl_validate(data_dict, default_pagination_schema(), context)
    if errors:
        raise tk.ValidationError(errors)
    query = sa.select(model.Package.name).where(in_catalogue(), model.Package.type == "dataset")
    query = query.order_by(model.Package.name).limit(page.get("limit")).offset(page.get("offset"))
    return list(model.Session.scalars(query))


@tk.chained_action
@tk.side_effect_free
def resource_search(next_action: Next, context: Context, data_dict: DataDict) -> Any:
    """Search the files of the catalogue's entries; its query joins them, and here finds no others."""
    with only_the_catalogue():
        return next_action(context, data_dict)


@contextmanager
def only_the_catalogue() -> Iterator[None]:
    """Let queries of the block find no entry outside the catalogue."""

    def narrow(state: ORMExecuteState) -> None:
        if state.is_select:
            criteria = with_loader_criteria(model.Package, in_catalogue(), propagate_to_loaders=False)
            state.statement = state.statement.options(criteria)

    session = model.Session()
    event.listen(session, "do_orm_execute", narrow)
    try:
        yield
    finally:
        event.remove(session, "do_orm_execute", narrow)


@tk.chained_action
@tk.side_effect_free
def member_list(next_action: Next, context: Context, data_dict: DataDict) -> Any:
    """List the members of a group or department; of datasets only the catalogue's."""
    members = next_action(context, data_dict)
    if any(member[1] == "user" for member in members) and not may_list_people(context, data_dict):
        members = [member for member in members if member[1] != "user"]
    ids = [member[0] for member in members if member[1] == "package"]
    known = set(
        model.Session.scalars(sa.select(model.Package.id).where(model.Package.id.in_(ids), in_catalogue()))
    )
    return [member for member in members if member[1] != "package" or member[0] in known]


def may_list_people(context: Context, data_dict: DataDict) -> bool:
    """Say whether somebody may see who belongs to a group; CKAN asks only where the type is stated."""
    try:
        tk.check_access("group_show", context, {"id": data_dict["id"], "object_type": "user"})
    except tk.NotAuthorized:
        return False
    return True


@tk.chained_action
@tk.side_effect_free
def package_relationships_list(next_action: Next, context: Context, data_dict: DataDict) -> Any:
    """List the relationships of an entry to others that the reader may know of."""
    found = next_action(context, data_dict)
    if context.get("ignore_auth"):
        return found
    ends = {one[end] for one in found for end in ENDS}
    known_ = {end for end in ends if known.may_know(context, "dataset", end)}
    return [one for one in found if known_.issuperset(one[end] for end in ENDS)]


ENDS = ("subject", "object")
"""Fields of a relationship that name entries."""


def used_tags() -> set[str]:
    """Return the tags of the catalogue's entries."""
    query = (
        sa.select(model.Tag.name)
        .join(model.PackageTag, model.PackageTag.tag_id == model.Tag.id)
        .join(model.Package, model.Package.id == model.PackageTag.package_id)
        .where(model.PackageTag.state == "active", in_catalogue())
        .distinct()
    )
    return set(model.Session.scalars(query))


@tk.chained_action
@tk.side_effect_free
def tag_list(next_action: Next, context: Context, data_dict: DataDict) -> Any:
    """List tags that the catalogue uses."""
    known = used_tags()
    return [tag for tag in next_action(context, data_dict) if name_of(tag) in known]


@tk.chained_action
@tk.side_effect_free
def tag_autocomplete(next_action: Next, context: Context, data_dict: DataDict) -> Any:
    """Propose tags that the catalogue uses."""
    known, part = used_tags(), asked_part(context, data_dict, 10)
    return [tag for tag in next_action(context, {**data_dict, **ALL}) if name_of(tag) in known][part]


@tk.chained_action
@tk.side_effect_free
def tag_search(next_action: Next, context: Context, data_dict: DataDict) -> Any:
    """Search tags that the catalogue uses."""
    known, part = used_tags(), asked_part(context, data_dict, None)
    found = next_action(context, {**data_dict, **ALL})["results"]
    shown = [tag for tag in found if name_of(tag) in known]
    return {"count": len(shown), "results": shown[part]}


ALL = {"limit": 1_000_000, "offset": 0}
"""What CKAN is asked for: a part of it would have gaps where hidden words stood, and so tell of them."""


def asked_part(context: Context, data_dict: DataDict, default: int | None) -> slice:
    """Return which part of a list is asked for."""
    wanted = {name: data_dict[name] for name in ALL if data_dict.get(name) not in (None, "")}
    page, errors = tk.navl_validate(wanted, default_pagination_schema(), context)
    if errors:
        raise tk.ValidationError(errors)
    begin, size = page.get("offset") or 0, page.get("limit", default)
    return slice(begin, None if size is None else begin + size)


@tk.chained_action
@tk.side_effect_free
def tag_show(next_action: Next, context: Context, data_dict: DataDict) -> Any:
    """Show a tag that the catalogue uses; its datasets are those that the reader may find."""
    tag = next_action(context, {**data_dict, "include_datasets": False})
    if tag["name"] not in used_tags():
        raise tk.ObjectNotFound(tk._("Tag not found"))
    if tk.asbool(data_dict.get("include_datasets") or False):
        asked: Context = {"user": context.get("user", ""), "auth_user_obj": context.get("auth_user_obj")}
        quoted = tag["name"].replace("\\", "").replace('"', "")
        found = tk.get_action("package_search")(asked, {"fq": f'tags:"{quoted}"', "rows": 1000})
        tag["packages"] = found["results"]
    return tag


@tk.chained_action
@tk.side_effect_free
def format_autocomplete(next_action: Next, context: Context, data_dict: DataDict) -> Any:
    """Propose formats that files of the catalogue have."""
    known = sa.select(model.Resource.format).join(
        model.Package, model.Package.id == model.Resource.package_id
    )
    formats = {name.lower() for name in model.Session.scalars(known.where(IN_USE, in_catalogue()).distinct())}
    part = asked_part(context, data_dict, 5)
    return [name for name in next_action(context, {**data_dict, "limit": ALL["limit"]}) if name in formats][
        part
    ]


IN_USE = sa.and_(model.Resource.state == model.State.ACTIVE, model.Resource.format.is_not(None))


def name_of(tag: Any) -> str:
    """Return the name of a tag, which CKAN gives as text or as a dictionary."""
    return tag["name"] if isinstance(tag, dict) else tag


ACTIONS = {
    function.__name__: function
    for function in (
        package_list,
        resource_search,
        member_list,
        package_relationships_list,
        tag_list,
        tag_autocomplete,
        tag_search,
        tag_show,
        format_autocomplete,
    )
}
