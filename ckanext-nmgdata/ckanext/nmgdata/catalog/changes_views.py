"""Addresses of the change feed: a page for people, JSON-LD for programs that ask every few seconds."""

from __future__ import annotations

import json
from typing import Any

from ckan import model
from ckan.plugins import toolkit as tk
from flask import Blueprint, Response

from .. import config
from ..kernel.changes import feed
from ..kernel.changes.feed import Cursor, GoneError
from . import changes

_ = tk._
SHOWN = 100
blueprint = Blueprint("nmgdata_changes", __name__)


@blueprint.route("/nmg/changes")
def people() -> str:
    """Show the newest changes of the catalogue."""
    items = feed.newest(SHOWN)
    return tk.render("nmgdata/catalog/changes.html", {"items": items, "titles": changes.titles(items)})


@blueprint.route("/nmg/changes.jsonld")
def stream() -> Response:
    """Return the feed, or the page of it after a cursor.

    ``after``: a cursor as ``next`` gave it. ``limit``: changes on a page. Nothing new costs one query:
    with ``If-None-Match`` the answer is 304. An unknown or outdated cursor is answered 410.
    """
    tk.request.environ["__no_cache__"] = True
    wanted = tk.request.args.get("after")
    if wanted is None:
        return conditional(f"feed-{feed.head()}", changes.collection)
    try:
        cursor, limit = Cursor.parse(wanted), page_size()
    except ValueError:
        return refusal(400, _("This is not a cursor or page size of the change feed."))
    try:
        found = feed.after(cursor, limit)
    except GoneError:
        return refusal(
            410, _("Changes after this cursor are no longer kept. Read the feed, or the catalogue, anew.")
        )
    own = changes.page_address(cursor, limit)
    answer = conditional(f"{cursor}-{limit}-{found.head}", lambda: changes.page(found, own, limit))
    answer.headers["Link"] = (
        f'<{changes.page_address(found.cursor, limit)}>; rel="next", <{changes.address()}>; rel="collection"'
    )
    return answer


def page_size() -> int:
    """Return how many changes were asked for, not more than a page may have.

    :raises ValueError: for what is no such number
    """
    most = config.change_page_size()
    asked = int(tk.request.args.get("limit") or most)
    if asked < 1:
        raise ValueError(asked)
    return min(asked, most)


def conditional(tag: str, document: Any) -> Response:
    """Return a document, or 304 without making it when the reader has it already.

    What a page says changes only when the feed grows, so the newest number is in the tag.
    """
    answer = Response(mimetype=changes.MEDIA_TYPE)
    answer.set_etag(tag)
    answer.headers["Cache-Control"] = "no-cache"
    if tk.request.if_none_match.contains(tag):
        answer.status_code = 304
    else:
        answer.set_data(json.dumps(document(), ensure_ascii=False))
    model.Session.rollback()
    return answer


def refusal(status: int, message: str) -> Response:
    """Say no, and where to begin anew."""
    said = {"success": False, "error": {"message": message, "collection": changes.address()}}
    answer = Response(json.dumps(said, ensure_ascii=False), status, mimetype="application/json")
    answer.headers["Link"] = f'<{changes.address()}>; rel="collection"'
    return answer
