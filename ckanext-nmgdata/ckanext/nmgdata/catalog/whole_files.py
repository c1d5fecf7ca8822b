"""Files of the whole catalogue, kept ready by the worker and handed out as long as they are true."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ckan import model
from ckan.lib import jobs
from ckan.plugins import toolkit as tk
from flask import Blueprint, Response, send_file, stream_with_context
from redis.exceptions import RedisError

from .. import config, vocab
from ..kernel import clock
from ..kernel.context import application, own_request
from . import whole

_ = tk._
log = logging.getLogger(__name__)
blueprint = Blueprint("nmgdata_whole", __name__)
TIMEOUT = 3600
"""Seconds that the worker may take for all files."""
ASKED = "asked"
"""File whose date says when the worker was asked last."""
REST = 15 * 60
"""Seconds after one making of the files before the next."""


@blueprint.route("/nmg/catalogue.<form>")
def download(form: str) -> Response:
    """Return the whole public catalogue: the file that the worker has made, or anew when it is not of now."""
    if form not in whole.FORMS:
        tk.abort(404, _("There is no such file."))
    tk.request.environ["__no_cache__"] = True
    edition = whole.edition()
    tag = f"catalogue-{edition}-{form}-{tk.h.lang()}"
    media_type, write = whole.FORMS[form]
    if tk.request.if_none_match.contains(tag):
        answer = Response(status=304)
    elif vocab.in_chinese() and (file := opened(edition, form)):
        answer = send_file(file, mimetype=media_type)
    else:
        answer = Response(stream_with_context(finishing(write())))
    answer.headers["Content-Type"] = media_type
    answer.headers["Content-Disposition"] = f'attachment; filename="catalogue-{clock.today():%Y%m%d}.{form}"'
    answer.set_etag(tag)
    answer.headers["Cache-Control"] = "no-cache"
    model.Session.rollback()
    return answer


def finishing(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield pieces, and give the database connection back at the end."""
    try:
        yield from pieces
    finally:
        model.Session.remove()


# --- files ---------------------------------------------------------------------------------------


def folder() -> Path | None:
    """Return where the files lie; None where the portal keeps no files on a disk of its own."""
    base = config.storage_path()
    return Path(base) / "catalogue" if base else None


def opened(edition: str, form: str) -> IO[bytes] | None:
    """Return a file that is of this very edition."""
    place = folder()
    try:
        return (place / f"{edition}.{form}").open("rb") if place else None
    except OSError:
        return None


def build() -> list[str]:
    """Make the files of the present edition, the older ones go; return the names of those made."""
    place = folder()
    if place is None:
        return []
    place.mkdir(parents=True, exist_ok=True)
    made = []
    with application(), own_request():
        edition = whole.edition()
        model.Session.rollback()
        for form in whole.KEPT:
            write = whole.FORMS[form][1]
            path, part = place / f"{edition}.{form}", place / f"{edition}.{form}.part"
            with part.open("wb") as file:
                for piece in write():
                    file.write(piece)
            if whole.edition() != edition:  # changed meanwhile: then it is of no edition
                part.unlink()
                break
            part.replace(path)
            made.append(path.name)
            model.Session.remove()
    for old in place.iterdir():
        if old.name != ASKED and not old.name.startswith(f"{edition}."):
            old.unlink(missing_ok=True)
    return made


def ask_for_build() -> None:
    """Have the worker make the files when the catalogue has changed, not too often."""
    place = folder()
    if place is None:
        return
    edition = whole.edition()
    model.Session.rollback()
    if (place / f"{edition}.nt").exists():
        return
    mark = place / ASKED
    try:
        place.mkdir(parents=True, exist_ok=True)
        if mark.exists() and clock.seconds_until(mark.stat().st_mtime + REST) > 0:
            return
        mark.touch()
        jobs.enqueue(build, [], title="catalogue files", rq_kwargs={"timeout": TIMEOUT})
    except (OSError, RedisError):
        log.warning("the files of the catalogue cannot be asked for", exc_info=True)
