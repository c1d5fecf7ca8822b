"""Publishing: the one place before which later reviews (three-level, secrecy) will stand.

An entry can become public by many ways: created so, updated, patched, revised, undeleted, in bulk, from a
draft. All of them end in ``check_public``, which looks at what is about to be committed; ``check_files``
and the validators say the same earlier, at the fields of a form.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.logic.validators import boolean_validator
from ckan.plugins import toolkit as tk
from ckan.types import Context

from .. import vocab
from ..kernel import orgs
from . import rules
from .model import Entry

_ = tk._


def is_private(value: Any) -> bool:
    """Say whether a value of CKAN's ``private`` means that the entry is not published, as CKAN reads it."""
    return boolean_validator(value, {})


def is_public(entry: dict[str, Any]) -> bool:
    """Say whether an entry is one that the public sees."""
    return entry.get("state", "active") == "active" and not is_private(entry.get("private"))


SOURCE: Any = "nmgdata_source"
"""Key of a context: id of the harvest source that gives the entry, None for one that is kept here."""


def source_of(context: Context) -> str | None:
    """Return the harvest source that gives the entry of a write; None for an entry that is kept here."""
    if SOURCE not in context:
        package = context.get("package")
        query = sa.select(Entry.source).where(Entry.dataset_id == package.id) if package else None
        context[SOURCE] = None if query is None else model.Session.scalar(query)
    return context[SOURCE]


def publish(context: Context, dataset_id: str) -> dict[str, Any]:
    """Make an entry visible to the public; refused as long as it breaks a rule."""
    return tk.get_action("package_patch")(context, {"id": dataset_id, "private": False})


def check_public(package: model.Package) -> None:
    """Hold a row that is about to be committed as public to every rule of publishing (R-OPEN, R-SCOPE-04).

    :raises tk.ValidationError: on the fields with fault; nothing of the write is kept
    """
    if package.type not in tk.h.scheming_dataset_schemas():
        raise tk.ValidationError({"type": [_("Entries of this type cannot be published.")]})
    files = sa.select(model.Resource.format).where(
        model.Resource.package_id == package.id, model.Resource.state == model.State.ACTIVE
    )
    entry = {
        **(package.extras or {}),
        "license_id": package.license_id,
        "owner_org": package.owner_org,
        "resources": [{"format": name} for name in model.Session.scalars(files)],
    }
    faults = {**rules.faults(entry, public=True), **rules.formats(entry), **region_faults(entry)}
    if faults:
        raise tk.ValidationError({field: [message] for field, message in faults.items()})


def check_files(entry: dict[str, Any], context: Context) -> None:
    """R-SCOPE-04 over the whole entry, before anything is written (an upload replaces its file at once).

    The schema sees only the resources that change; this sees all of them.

    :raises tk.ValidationError: on ``resources``, at the last file
    """
    stored = model.Package.get(entry.get("id") or entry.get("name"))
    known = (
        {"open_class": stored.extras.get("open_class"), "state": stored.state, "private": stored.private}
        if stored
        else {}
    )
    if context.get(SOURCE) or (stored and source_of({"package": stored})):
        return
    whole = {**known, **entry}
    resources = entry.get("resources")
    if resources is None and stored:
        resources = [{"format": r.format, "url": r.url} for r in stored.resources]
    if not is_public(whole) or not resources:
        return
    whole["resources"] = [{"format": format_of(resource)} for resource in resources]
    message = rules.formats(whole).get("resources")
    if message:
        raise tk.ValidationError({"resources": [*({} for _r in resources[1:]), {"format": [message]}]})


def format_of(resource: dict[str, Any]) -> str:
    """Return the format of a file as stated, or by the ending of its name."""
    if resource.get("format"):
        return resource["format"]
    name = getattr(resource.get("upload"), "filename", None) or resource.get("url") or ""
    ending = PurePosixPath(name.split("?")[0]).suffix.lstrip(".")
    known = vocab.media_format(ending)
    return known["slug"] if known else ending


def region_faults(entry: dict[str, Any]) -> dict[str, str]:
    """Say when an entry's region lies outside its department's."""
    region = entry.get("region_code")
    home = orgs.extras_of(entry.get("owner_org")).get("region_code")
    if not region or not home or vocab.lies_within(region, home):
        return {}
    message = _("The department belongs to {region}; its data cannot belong to another region.")
    return {"region_code": message.format(region=vocab.label("division", home))}
