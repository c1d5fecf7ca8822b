"""The page on which auditors read what was decided, and see that the chain is whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .. import vocab
from ..kernel import orgs
from ..kernel.audit import verbs, verify
from ..kernel.audit.model import AuditEvent
from ..kernel.gate import answers, overrides
from ..kernel.gate.doors import asking
from ..kernel.gate.policy import Reason
from ..kernel.workflow import machine as machines
from ..kernel.workflow import oversight, presenters
from ..kernel.workflow.model import Case
from ..marks import joined
from ..reader import need_login

PAGE = 100
_ = tk._


def audit() -> Any:
    """Show the newest events of the audit log to auditors and the authority."""
    if answer := need_login():
        return answer
    actor = asking()
    if not actor.oversight:
        tk.abort(403, _("The audit log is for auditors and the authority."))
    before = tk.request.args.get("before", type=int)
    query = oversight.events(actor).order_by(AuditEvent.seq.desc()).limit(PAGE)
    if before:
        query = query.where(AuditEvent.seq < before)
    lines = [line(*pair) for pair in with_cases(list(model.Session.scalars(query)))]
    return tk.render(
        "nmgdata/desk/audit.html", {"lines": lines, "head": verify.head(), "full": len(lines) == PAGE}
    )


@dataclass(frozen=True)
class Line:
    """One event as people read it; ``sealed`` is what the chain holds."""

    event: AuditEvent
    act: str
    subject: str
    case: str | None
    sealed: str


def with_cases(events: Sequence[AuditEvent]) -> list[tuple[AuditEvent, Case | None]]:
    """Return events with the cases they belong to."""
    ids = {event.case_id for event in events if event.case_id}
    cases = {case.id: case for case in model.Session.scalars(sa.select(Case).where(Case.id.in_(ids)))}
    return [(event, cases.get(event.case_id or "")) for event in events]


def line(event: AuditEvent, case: Case | None) -> Line:
    """Return an event with its codes put into words."""
    return Line(
        event=event,
        act=joined((part for part in (verbs.label(event.verb), particulars(event, case)) if part), "："),
        subject=verbs.subject_label(event.subject_type),
        case=case.number if case else None,
        sealed=json.dumps(event.detail, ensure_ascii=False, sort_keys=True),
    )


def role_of(event: AuditEvent) -> str:
    """Say which role in which organisation somebody has got or lost."""
    role = tk.h.roles_translated().get(event.detail["role"]) or _("Sysadmin")
    return " ".join(part for part in (orgs.title_of(event.detail["organisation"]), role) if part)


SAID: dict[str, Callable[[AuditEvent], str]] = {
    "personal.revealed": lambda event: presenters.why_revealed(event.seq),
    "override.used": lambda event: overrides.reason_of(event.detail["override"]),
    "role.given": role_of,
    "role.taken": role_of,
}
"""Acts that are said by what was stated with them: the reason, the role."""


def particulars(event: AuditEvent, case: Case | None) -> str:
    """Say what a verb alone does not: the step, the classes, the reason."""
    detail = event.detail
    if event.verb == "case.transition" and case is not None:
        step = machines.of_case(case).step(detail["step"])
        return _(step.label) if step else detail["step"]
    if event.verb == "dataset.class_changed":
        return " → ".join(vocab.label("open_class", detail[end]) for end in ("from", "to"))
    if event.verb == "dataset.published":
        return vocab.label("open_class", detail["class"])
    if event.verb in SAID:
        return SAID[event.verb](event)
    if event.verb in ("door.refused", "download.allowed"):
        sentence = answers.sentence(Reason(detail["reason"]))
        return f"{sentence} × {detail['count']}" if "count" in detail else sentence
    return ""
