"""Hand out bytes that the gate has allowed to leave."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import file_keeper as fk
from ckan import model
from ckan.lib import files, uploader
from ckan.plugins import toolkit as tk
from flask import Response as FlaskResponse
from flask import redirect
from werkzeug.wrappers import Response

from . import relay, trace
from .facts import Facts
from .origins import UPLOAD
from .policy import Decision, Reason
from .streams import PIECE, Body, OpenAt, StillOpen, skip
from .trace import Trace

FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]+')
MEDIA_TYPE = re.compile(r"[a-zA-Z0-9.+-]{1,60}/[a-zA-Z0-9.+-]{1,100}")
NAME_LENGTH = 120
TABLES = ("datastore", "tabledesigner")
SERVICES = frozenset({"api", "rest", "wms", "wmts", "wfs", "wcs", "odata", "sparql", "soap", "arcgis", "ogc"})
"""Formats that are asked questions: what the request's query says is passed on to them."""
OURS = frozenset({"purpose", "as"})
"""Parameters of a download address that are ours and nobody else's."""


def response(facts: Facts, decision: Decision, still_open: StillOpen, traced: Trace | None) -> Response:
    """Return the bytes: an upload from storage, an open link by redirect, a conditional one relayed.

    :param traced: the handing-out under a grant; it gets the digest where that is known before
    """
    resource = model.Session.get_one(model.Resource, facts.resource_id)
    if facts.url_type == UPLOAD:
        answer = stored(resource, still_open, traced)
    elif facts.url_type in TABLES:
        answer = redirect(tk.url_for("datastore.dump", resource_id=resource.id, bom=True))
    elif facts.origin and decision.reason is Reason.UNCONDITIONAL:
        answer = redirect(target(facts.origin, resource))
    elif facts.origin:
        answer = relayed(target(facts.origin, resource), resource, still_open, traced)
    else:
        return tk.abort(404, tk._("No download is available"))
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if traced:
        traced.mark(answer)
    return answer


def target(link: str, resource: model.Resource) -> str:
    """Return a link with the question that the request puts to a service (WMS, an API).

    What the link itself states cannot be asked otherwise: it may be what limits the service.
    """
    if (resource.format or "").strip().lower() not in SERVICES:
        return link
    parts = urlsplit(link)
    stated = OURS | {name.lower() for name, _value in parse_qsl(parts.query, keep_blank_values=True)}
    asked = [pair for pair in tk.request.args.items(multi=True) if pair[0].lower() not in stated]
    query = "&".join(part for part in (parts.query, urlencode(asked)) if part)
    return parts._replace(query=query).geturl()


def relayed(link: str, resource: model.Resource, still_open: StillOpen, traced: Trace | None) -> Response:
    """Pass on what lies behind a conditional link; a workbook as a copy that names its grant."""
    if traced and is_workbook(resource):
        made = trace.in_workbook(traced, relay.whole(link, resource), source_of(resource))
        if made:
            traced.sha256 = trace.digest(made[1])
            return sent(resource, *made, still_open, traced, tag=traced.sha256)
    answer = relay.response(link, resource, still_open, traced)
    if answer.status_code < 400:
        answer.headers["Content-Disposition"] = disposition(download_name(resource, traced))
    return answer


# --- uploads -------------------------------------------------------------------------------------


def stored(resource: model.Resource, still_open: StillOpen, traced: Trace | None = None) -> Response:
    """Send an uploaded file; ranges, HEAD and conditional requests included."""
    upload = uploader.get_resource_uploader({"id": resource.id, "url": resource.url, "url_type": UPLOAD})
    path, storage = upload.get_path(resource.id), getattr(upload, "storage", None)
    try:
        size, open_at = in_storage(storage, path) if isinstance(storage, fk.Storage) else on_disk(path)
    except (FileNotFoundError, files.exc.LocationError, files.exc.MissingFileError):
        return tk.abort(404, tk._("No download is available"))
    changed = resource.last_modified or resource.created
    tag = f"{resource.id}-{changed.isoformat() if changed else ''}-{size}"
    if traced:
        if is_workbook(resource):
            size, open_at = trace.in_workbook(traced, open_at, source_of(resource)) or (size, open_at)
            tag += f"-{traced.number}"
        traced.sha256 = trace.digest_of((tag, path), open_at)
    return sent(resource, size, open_at, still_open, traced, tag=tag, changed=changed)


def sent(
    resource: model.Resource, size: int, open_at: OpenAt, still_open: StillOpen, traced: Trace | None, *,
    tag: str, changed: datetime | None = None,
) -> Response:  # fmt: skip
    """Return bytes whose size is known; ranges, HEAD and conditional requests included."""
    answer = FlaskResponse(
        Body(open_at, still_open),
        mimetype=media_type(resource),
        direct_passthrough=True,
    )
    answer.content_length = size
    answer.cache_control.no_cache = True
    answer.set_etag(tag)
    if changed:
        answer.last_modified = changed.replace(tzinfo=UTC)
    answer.headers["Content-Disposition"] = disposition(download_name(resource, traced))
    return answer.make_conditional(tk.request.environ, accept_ranges=True, complete_length=size)


def media_type(resource: model.Resource) -> str:
    """Return the media type of an upload; a client may have stated anything for it."""
    stated = resource.mimetype or ""
    return stated if MEDIA_TYPE.fullmatch(stated) else "application/octet-stream"


def on_disk(path: str) -> tuple[int, OpenAt]:
    """Return size and opener of a file on the portal's own disk."""

    def open_at(offset: int) -> Iterator[bytes]:
        with Path(path).open("rb", buffering=0) as file:
            file.seek(offset)
            while piece := file.read(PIECE):
                yield piece

    return Path(path).stat().st_size, open_at


def in_storage(storage: fk.Storage, path: str) -> tuple[int, OpenAt]:
    """Return size and opener of a file in any storage that file_keeper knows, such as S3."""
    location = fk.Location(path)
    data = fk.FileData(location, size=storage.size(location))

    def open_at(offset: int) -> Iterator[bytes]:
        if offset and storage.supports(fk.Capability.RANGE):
            return pieces(storage.range(data, offset))
        return skip(pieces(storage.stream(data)), offset)

    return data.size, open_at


def pieces(source: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what a storage streams; some give a file, whose lines would be no good pieces."""
    read: Any = getattr(source, "read", None)
    try:
        yield from iter(lambda: read(PIECE), b"") if read else source
    finally:
        close = getattr(source, "close", None)
        if close:
            close()


# --- names ---------------------------------------------------------------------------------------


def download_name(resource: model.Resource, traced: Trace | None = None) -> str:
    """Return the file name people get: the resource's own name, with the ending of its file.

    What is handed out under a grant has the number of its case in its name.
    """
    ending = PurePosixPath(resource.url or "").suffix.lower()
    if not re.fullmatch(r"\.[a-z0-9]{1,10}", ending):
        ending = f".{resource.format.lower()}" if re.fullmatch(r"\w{1,10}", resource.format or "") else ""
    name = FORBIDDEN.sub(" ", resource.name or "").strip(" .") or resource.id
    name = name[:NAME_LENGTH]
    name = name if name.lower().endswith(ending) else name + ending
    return traced.named(name) if traced else name


def is_workbook(resource: model.Resource) -> bool:
    """Say whether a file is to be a workbook, which can carry what leads back to its grant."""
    return download_name(resource).lower().endswith(trace.WORKBOOK)


def source_of(resource: model.Resource) -> str:
    """Return the title and address of the entry that a file belongs to."""
    package = model.Session.get_one(model.Package, resource.package_id)
    return f"{package.title or package.name} {tk.url_for('dataset.read', id=package.name, qualified=True)}"


def disposition(name: str) -> str:
    """Return the header that names a file: ASCII for old programs, then the true name (RFC 6266, 8187)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'["\\]', "", plain).strip()
    if not plain.rpartition(".")[0].strip(" ._-"):
        plain = "data" + PurePosixPath(name).suffix
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
