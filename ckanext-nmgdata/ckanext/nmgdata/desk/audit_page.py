"""The page on which auditors read what was decided, and see that the chain is whole."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel.actors import Role
from ..kernel.audit import verify
from ..kernel.audit.model import AuditEvent
from ..kernel.audit.verbs import label
from ..kernel.gate.doors import asking

PAGE = 100


def audit() -> Any:
    """Show the newest events of the audit log to auditors and the authority."""
    if not tk.current_user.is_authenticated:
        return tk.redirect_to("user.login", came_from=tk.request.full_path.rstrip("?"))
    actor = asking()
    if not actor.regions(Role.AUDITOR) | actor.regions(Role.AUTHORITY):
        tk.abort(403, tk._("The audit log is for auditors and the authority."))
    before = tk.request.args.get("before", type=int)
    query = sa.select(AuditEvent).order_by(AuditEvent.seq.desc()).limit(PAGE)
    if before:
        query = query.where(AuditEvent.seq < before)
    events = list(model.Session.scalars(query))
    values = {"events": events, "label": label, "head": verify.head(), "full": len(events) == PAGE}
    return tk.render("nmgdata/desk/audit.html", values)
