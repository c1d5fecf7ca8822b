"""Hand out bytes that the gate has allowed to leave."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ckan import model
from ckan.lib import files, uploader
from ckan.plugins import toolkit as tk
from flask import redirect, send_file
from werkzeug.wrappers import Response

from . import relay
from .facts import Facts
from .origins import UPLOAD
from .policy import Decision, Reason

FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')
NAME_LENGTH = 120


def response(facts: Facts, decision: Decision) -> Response:
    """Return the bytes: an upload from storage, an open link by redirect, a conditional one relayed."""
    resource = model.Session.get_one(model.Resource, facts.resource_id)
    if facts.url_type == UPLOAD:
        answer = stored(resource)
    elif facts.origin and decision.reason is Reason.UNCONDITIONAL:
        answer = redirect(facts.origin)
    elif facts.origin:
        answer = relay.response(facts.origin, download_name(resource))
    else:
        return tk.abort(404, tk._("No download is available"))
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if decision.reason is not Reason.UNCONDITIONAL:
        answer.headers["Cache-Control"] = "private, no-store"
    return answer


def stored(resource: model.Resource) -> Response:
    """Send an uploaded file; ranges, HEAD and conditional requests included."""
    upload = uploader.get_resource_uploader({"id": resource.id, "url": resource.url, "url_type": UPLOAD})
    path = upload.get_path(resource.id)
    storage = getattr(upload, "storage", None)
    name = download_name(resource)
    try:
        if isinstance(storage, files.Storage):
            location = files.Location(path)
            data = files.FileData(location, size=storage.size(location))
            return storage.as_response(data, name)
        kind = resource.mimetype or "application/octet-stream"
        return send_file(path, mimetype=kind, as_attachment=True, download_name=name, conditional=True)
    except (FileNotFoundError, files.exc.LocationError):
        return tk.abort(404, tk._("No download is available"))


def download_name(resource: model.Resource) -> str:
    """Return the file name people get: the resource's own name, with the ending of its file."""
    ending = PurePosixPath(resource.url or "").suffix.lower()
    if not re.fullmatch(r"\.[a-z0-9]{1,10}", ending):
        ending = f".{resource.format.lower()}" if re.fullmatch(r"\w{1,10}", resource.format or "") else ""
    name = FORBIDDEN.sub(" ", resource.name or "").strip(" .") or resource.id
    name = name[:NAME_LENGTH]
    return name if name.lower().endswith(ending) else name + ending
