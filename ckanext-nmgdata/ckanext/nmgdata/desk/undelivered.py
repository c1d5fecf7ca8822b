"""The page on which the operator and the authority see what was refused for good: mails above all."""

from __future__ import annotations

from typing import Any

from ckan.plugins import toolkit as tk

from .. import config
from ..kernel.actors import Role
from ..kernel.gate.doors import RESTRICTED_CACHE, asking
from ..kernel.outbox import queue, search
from ..kernel.outbox.model import Outbox
from ..kernel.workflow.presenters import masked
from ..reader import need_login

PAGE = 100
_ = tk._
N_ = str  # marks a string for translation; it is translated when shown
TOPICS = {"mail": N_("Mail"), search.TOPIC: N_("Index of the search")}


def may_read() -> bool:
    """Say whether the reader runs the portal, or oversees the region that it is of."""
    actor = asking()
    return actor.operates or actor.covers(Role.AUTHORITY, config.region())


def undelivered() -> Any:
    """List what nobody will try to deliver again by itself, and why; it is kept for a month."""
    if answer := need_login():
        return answer
    if not may_read():
        tk.abort(403, _("You have no right to do this."))
    tk.request.environ["__no_cache__"] = True
    rows = [shown(row) for row in queue.troubled(failed=True, limit=PAGE)]
    page = tk.render("nmgdata/desk/undelivered.html", {"rows": rows, "full": len(rows) == PAGE})
    return page, {"Cache-Control": RESTRICTED_CACHE}


def shown(row: Outbox) -> dict[str, Any]:
    """Return a row for the page: whom it was for with a mask, and what the receiver said without him."""
    named = row.payload.get("to")
    address = named if isinstance(named, str) else ""
    hidden = masked("contact_email", address) or ""
    error = (row.error or "").replace(address, hidden) if address else row.error
    topic = _(TOPICS[row.topic]) if row.topic in TOPICS else row.topic
    said = {"subject": row.payload.get("subject") or "", "to": hidden, "error": error}
    return {**said, "id": row.id, "topic": topic, "at": row.created_at, "attempts": row.attempts}


HELPERS = {"nmgdata_sees_undelivered": may_read}
