"""Actions of the catalogue."""

from __future__ import annotations

import errno
import logging
from typing import Any
from urllib.parse import urlsplit

from ckan import model
from ckan.logic import validate
from ckan.plugins import toolkit as tk
from ckan.types import ActionResult, Context, DataDict
from werkzeug.datastructures import FileStorage

from .. import items, names, publish
from ..classes import rule
from ..search import propose
from . import schema, without_search

_ = tk._
log = logging.getLogger(__name__)


@validate(schema.dataset_id)
def nmgdata_dataset_publish(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Make an entry visible to the public; refused as long as it breaks a rule of the catalogue.

    :param id: the id or name of the dataset
    :type id: string

    :returns: the dataset
    :rtype: dictionary
    """
    tk.check_access("nmgdata_dataset_publish", context, data_dict)
    return publish.publish(context, data_dict["id"])


@tk.side_effect_free
@validate(schema.typed)
def nmgdata_search_suggest(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Propose words and datasets for what somebody is typing into the search box.

    :param q: what has been typed so far: characters, pinyin or initials
    :type q: string

    :returns: ``words``, each with ``text``, and ``datasets``, each with ``name`` and ``text``, its title;
        what the reader may not know of is not among them
    :rtype: dictionary
    """
    tk.check_access("nmgdata_search_suggest", context, data_dict)
    asking: Context = {"user": context.get("user", ""), "auth_user_obj": context.get("auth_user_obj")}
    return propose.while_typing(data_dict["q"], asking)


def prepare(context: Context, data_dict: DataDict) -> None:
    """Leave out empty rows of data items, and hold the files together to the rules of publishing."""
    if data_dict.get("type", "dataset") == "dataset":
        items.tidy(data_dict)
        for resource in data_dict.get("resources") or []:
            name_upload(resource)
        check_addresses(data_dict.get("resources") or [])
        publish.check_files(data_dict, context)


def check_addresses(resources: list[DataDict]) -> None:
    """Refuse addresses that CKAN fails on before any validator sees them.

    :raises tk.ValidationError: at the address of its file
    """
    errors: list[dict[str, Any]] = []
    for resource in resources:
        try:
            urlsplit(str(resource.get("url") or ""))
            errors.append({})
        except ValueError:
            errors.append({"url": [_("Give an address that begins with http:// or https://.")]})
    if any(errors):
        faults: dict[str, Any] = {"resources": errors}
        raise tk.ValidationError(faults)


def name_upload(resource: DataDict) -> None:
    """Give an uploaded file a name that CKAN keeps whole."""
    upload = resource.get("upload")
    if isinstance(upload, FileStorage) and upload.filename:
        upload.filename = names.of_file(upload.filename)


FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def write(next_action: Any, context: Context, data_dict: DataDict) -> Any:
    """Write an entry with its files; a full disk is said plainly, and nothing of the entry is written."""
    try:
        return next_action(context, data_dict)
    except OSError as error:
        if error.errno not in FULL:
            raise
        model.Session.rollback()
        log.exception("A file could not be stored")
        message = _("The portal's storage is full: nothing was saved. Tell the portal's operator.")
        raise tk.ValidationError({"upload": [message]}) from error


@tk.chained_action
def package_create(next_action: Any, context: Context, data_dict: DataDict) -> ActionResult.PackageCreate:
    """Tidy and check an entry as a whole before anything of it is written."""
    prepare(context, data_dict)
    return write(next_action, context, data_dict)


@tk.chained_action
def package_update(next_action: Any, context: Context, data_dict: DataDict) -> ActionResult.PackageUpdate:
    """Tidy and check an entry as a whole before anything of it is written."""
    prepare(context, data_dict)
    keep_a_file(context, data_dict)
    return write(next_action, context, data_dict)


def keep_a_file(context: Context, data_dict: DataDict) -> None:
    """Refuse to take the last file of opened data away; the schema sees only the files that change.

    A write that sends no files, as the form of an entry does, leaves them as they are.

    :raises tk.ValidationError: at the files
    """
    if "resources" not in data_dict:
        return
    if any(file.get("url") or file.get("upload") for file in data_dict.get("resources") or []):
        return
    if kept := rule.emptying(context, model.Package.get(data_dict.get("id") or data_dict.get("name"))):
        tk.check_access("package_update", context, data_dict)
        raise tk.ValidationError({"resources": [{"upload": [kept]}]})


@tk.chained_action
def resource_create(next_action: Any, context: Context, data_dict: DataDict) -> ActionResult.ResourceCreate:
    """Keep the Chinese name of an uploaded file readable."""
    name_upload(data_dict)
    return next_action(context, data_dict)


@tk.chained_action
def resource_update(next_action: Any, context: Context, data_dict: DataDict) -> ActionResult.ResourceUpdate:
    """Keep the Chinese name of an uploaded file readable."""
    name_upload(data_dict)
    return next_action(context, data_dict)


@tk.chained_action
def package_delete(next_action: Any, context: Context, data_dict: DataDict) -> ActionResult.PackageDelete:
    """Delete an entry; who listens to deletions is told its id, also when it was named."""
    package = model.Package.get(data_dict.get("id"))
    return next_action(context, {**data_dict, "id": package.id} if package else data_dict)


@tk.chained_action
def dataset_purge(next_action: Any, context: Context, data_dict: DataDict) -> ActionResult.DatasetPurge:
    """Purge an entry that is not opened, and that no case rests on."""
    tk.check_access("dataset_purge", context, data_dict)
    rule.keep(context, model.Package.get(data_dict.get("id")), purged=True)
    return next_action(context, data_dict)


ACTIONS = {
    **{
        f.__name__: f
        for f in (
            nmgdata_dataset_publish,
            nmgdata_search_suggest,
            package_create,
            package_update,
            package_delete,
            dataset_purge,
            resource_create,
            resource_update,
        )
    },
    **without_search.ACTIONS,
}
