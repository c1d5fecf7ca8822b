"""What somebody has begun to apply for: kept on request, and when a login runs out over a long form.

An account may have several drafts, each under its id. What was typed without a login waits for a day under
an id that only the address after the login holds; the account for which the form was shown takes it over.
Files attached to its form stay with a draft and go with it; no two drafts have the same form.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ..kernel.actors import Actor
from ..kernel.addresses import digest
from ..kernel.evidence import files as evidence
from ..kernel.evidence.model import Evidence
from ..kernel.types import Conflict, new_id
from ..kernel.unit import Unit, begin
from ..kernel.workflow.model import Case
from . import scope
from .model import Application, ApplicationDraft

_ = tk._
UNCLAIMED = timedelta(days=1)
KEPT = timedelta(days=90)
MOST = 20
"""Drafts of one account."""
MOST_UNCLAIMED = 1000
"""Drafts of logins that ran out, of everybody together, so that a flood cannot fill the database."""
BYTES, BYTES_TOGETHER = 100 * 1024**2, 10 * 1024**3
"""Files that stay with the drafts of one account, and of all accounts, so that a flood cannot fill the disk;
what was attached beyond that waits for a day, as without a draft."""
SNIPPET = 30
"""Characters by which drafts about the same data are told apart."""
COPIED = (
    "applicant_kind", "applicant_name", "credit_code", "contact_phone", "scenario", "data_scope",
    "provision_mode", "safeguards",
)  # fmt: skip
UNKEPT = ("id_number", "draft", "version", "account")
"""What a form sends and no draft holds: who somebody is, and which draft it was."""


def of(user_id: str) -> Sequence[ApplicationDraft]:
    """Return the drafts of an account, the newest first."""
    query = sa.select(ApplicationDraft).where(ApplicationDraft.user_id == user_id)
    return model.Session.scalars(
        query.order_by(ApplicationDraft.changed_at.desc(), ApplicationDraft.id)
    ).all()


def listed() -> list[dict[str, Any]]:
    """Return what a list of the reader's drafts shows: id, titles of the data, what for, since when."""
    if not tk.current_user.is_authenticated:
        return []
    return [summary(row) for row in of(tk.current_user.id)]


def summary(row: ApplicationDraft) -> dict[str, Any]:
    """Return what tells a draft from others."""
    return {
        "id": row.id,
        "titles": row.data.get("titles") or [],
        "scenario": (row.data.get("scenario") or "")[:SNIPPET],
        "changed_at": row.changed_at,
    }


def version(row: ApplicationDraft) -> str:
    """Return what says that a draft is still as its form has shown it."""
    return row.changed_at.isoformat()


def account_key(user_id: str) -> str:
    """Return what a form carries of the account it is shown to: whose it is when the login has run out."""
    return digest("draft", user_id)


def opened(actor: Actor, draft_id: str) -> ApplicationDraft | None:
    """Return a draft of one's own; one that waits for its login becomes one's own, as far as there is room.

    Where it continues a draft of one's own, it takes that one's place and returns it.
    """
    row = model.Session.get(ApplicationDraft, draft_id)
    if row is None or (row.user_id or actor.user_id) != actor.user_id:
        return None
    return row if row.user_id else claimed(actor, draft_id)


def claimed(actor: Actor, draft_id: str) -> ApplicationDraft | None:
    """Give a draft that was typed without a login to whose form it was and who has now logged in."""
    with begin(actor) as unit:
        alone(unit)
        query = sa.select(ApplicationDraft).where(
            ApplicationDraft.id == draft_id, ApplicationDraft.user_id.is_(None)
        )
        waiting = unit.session.scalar(query.with_for_update().execution_options(populate_existing=True))
        if waiting is None:
            return None
        data = dict(waiting.data)
        if data.pop("account", "") not in ("", account_key(actor.user_id or "")):
            return None
        earlier = unchanged(unit, data.pop("draft", ""), data.pop("version", ""))
        if earlier is not None:
            earlier.data, earlier.changed_at = data, unit.now
            unit.session.delete(waiting)
        elif room(unit) > 0:
            data["form"], _ids = parted(unit, data["form"], waiting)
            waiting.user_id, waiting.data = actor.user_id, data
        return earlier or waiting


def keep(actor: Actor, data: dict[str, Any]) -> str:
    """Keep what was typed, without an ID number; return the id of the draft.

    :param data: with ``draft`` and ``version`` it takes the place of this draft, unless that one was changed
        meanwhile, in another window: then both are kept
    :raises tk.ValidationError: there is no room for a further one
    """
    kept = {name: value for name, value in data.items() if name not in UNKEPT}
    with begin(actor) as unit:
        alone(unit)
        row = unchanged(unit, data.get("draft") or "", data.get("version") or "")
        if row is not None:
            row.data, row.changed_at = kept, unit.now
        else:
            if room(unit) < 1:
                message = _("You have {n} drafts already; delete one first.").format(n=MOST)
                raise tk.ValidationError({"draft": [message]})
            kept["form"], _ids = parted(unit, kept.get("form") or "")
            row = ApplicationDraft(id=new_id(), user_id=actor.user_id, data=kept, changed_at=unit.now)
            unit.session.add(row)
    return row.id


def own_form(actor: Actor, data: dict[str, Any], dropped: Sequence[str]) -> list[str]:
    """Give a window its own form, with the same files, where a draft that it does not show has that one.

    One that shows a draft as it was before, or from which one was kept, takes no file from that draft.

    :param dropped: ids of files that are to be taken off
    :returns: their ids in the form that it is now
    """
    with begin(actor) as unit:
        alone(unit)
        row = unchanged(unit, data.get("draft") or "", data.get("version") or "")
        data["form"], ids = parted(unit, data["form"], row)
    return [ids.get(key, key) for key in dropped]


def parted(unit: Unit, form_secret: str, row: ApplicationDraft | None = None) -> tuple[str, dict[str, str]]:
    """Return the secret of a form that no other draft has: of a new one with copies of its files, if need be.

    :param row: the draft that the form is
    :returns: the secret, and the ids of the copies by those of the files
    """
    query = sa.select(ApplicationDraft.user_id).where(ApplicationDraft.data["form"].astext == form_secret)
    query = query.where(ApplicationDraft.id != row.id) if row else query
    holders = set(unit.session.scalars(query)) if form_secret else set()
    if not holders:
        return form_secret, {}
    secret = evidence.new_secret()
    return secret, evidence.copy_all(unit, form_secret, secret) if holders <= {
        unit.actor.user_id,
        None,
    } else {}


def wait(data: dict[str, Any]) -> str | None:
    """Keep what was typed by somebody whose login has run out; return the id of the draft, None: no room."""
    kept = {name: value for name, value in data.items() if name != "id_number"}
    with begin(Actor.anonymous()) as unit:
        alone(unit)
        if room(unit) < 1:
            return None
        row = ApplicationDraft(id=new_id(), user_id=None, data=kept, changed_at=unit.now)
        unit.session.add(row)
    return row.id


def alone(unit: Unit) -> None:
    """Let an account keep one draft after the other, so that two windows do not pass the limit together."""
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 12))")
    unit.session.execute(lock, {"key": unit.actor.user_id or ""})


def room(unit: Unit) -> int:
    """Return how many drafts may still be kept."""
    own = ApplicationDraft.user_id
    whose = own == unit.actor.user_id if unit.actor.user_id else own.is_(None)
    most = MOST if unit.actor.user_id else MOST_UNCLAIMED
    return most - (unit.session.scalar(sa.select(sa.func.count()).where(whose)) or 0)


def unchanged(unit: Unit, draft_id: str, version_shown: str) -> ApplicationDraft | None:
    """Return the draft of one's own that a form has shown, if it still is as it was then."""
    query = sa.select(ApplicationDraft).where(
        ApplicationDraft.id == draft_id, ApplicationDraft.user_id == unit.actor.user_id
    )
    row = unit.session.scalar(query.with_for_update().execution_options(populate_existing=True))
    return row if row is not None and version(row) == version_shown else None


def exported(row: ApplicationDraft) -> dict[str, Any]:
    """Return a draft as one's own data, with its files; the secret of its form says nothing about anybody."""
    files = [evidence.shown(file) for file in evidence.drafts(row.data.get("form") or "")]
    return {**{name: value for name, value in row.data.items() if name != "form"}, "evidence": files}


# --- by program ----------------------------------------------------------------------------------


def own(actor: Actor, draft_id: Any, version_shown: Any = None, *, lock: bool = False) -> ApplicationDraft:
    """Return a draft of one's own; those of others do not exist, whoever asks.

    :param version_shown: refuse a draft that is no longer as it was then; nothing: take it as it is
    :raises tk.ObjectNotFound: there is no such draft of one's own
    :raises Conflict: it has changed since
    """
    query = sa.select(ApplicationDraft).where(
        ApplicationDraft.id == str(draft_id or ""), ApplicationDraft.user_id == actor.user_id
    )
    query = query.with_for_update() if lock else query
    row = model.Session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise tk.ObjectNotFound(_("There is no such draft of yours."))
    if version_shown and version(row) != version_shown:
        raise Conflict(_("The draft has changed meanwhile. Read it again."))
    return row


def change(actor: Actor, draft_id: str, version_shown: str, stated: dict[str, Any]) -> str:
    """Change what is stated of a draft of one's own, the rest stays; return its id.

    :raises tk.ObjectNotFound: there is no such draft of one's own
    :raises Conflict: it is no longer as it was shown
    """
    with begin(actor) as unit:
        row = own(actor, draft_id, version_shown, lock=True)
        row.data, row.changed_at = {**row.data, **stated}, unit.now
    return row.id


def completed(actor: Actor, sent: dict[str, Any]) -> dict[str, Any]:
    """Return what an application states, out of its draft where nothing else is stated.

    :raises tk.ObjectNotFound: there is no such draft of one's own
    :raises Conflict: it is no longer as it was shown
    """
    if not sent.get("draft"):
        return sent
    row = own(actor, sent["draft"], sent.get("version"))
    taken = {name: value for name, value in row.data.items() if name not in (*UNKEPT, "titles")}
    if "items" not in sent and sent.get("dataset_id"):
        taken.pop("items", None)
    stated = {name: value for name, value in sent.items() if value is not None}
    return {**taken, **stated, "version": version(row)}


# --- the end of drafts, and their files -----------------------------------------------------------


def forget(actor: Actor, draft_id: str) -> bool:
    """Delete a draft of one's own; say whether there was one."""
    with begin(actor) as unit:
        mine = ApplicationDraft.user_id == (unit.actor.user_id or "")
        return remove(unit, ApplicationDraft.id == draft_id, mine)


def use_up(unit: Unit, draft_id: str, version_read: str) -> None:
    """Delete the draft of the unit's actor that becomes an application.

    :raises tk.ObjectNotFound: somebody has deleted it, or used it up, since it was read
    :raises Conflict: it has changed since
    """
    row = own(unit.actor, draft_id, version_read, lock=True)
    remove(unit, ApplicationDraft.id == row.id)


def remove(unit: Unit, *which: sa.ColumnElement[bool]) -> bool:
    """Delete drafts with the files of their forms, but for forms that another draft continues."""
    form = ApplicationDraft.data["form"].astext
    gone = unit.session.scalars(sa.delete(ApplicationDraft).where(*which).returning(form)).all()
    for secret in sorted({secret for secret in gone if secret}):
        if not unit.session.scalar(sa.select(sa.exists().where(form == secret))):
            evidence.drop_all(unit, secret)
    return bool(gone)


def kept_files() -> sa.Select[tuple[str]]:
    """Return the query for the ids of files that stay with drafts, the first of each account."""
    form = ApplicationDraft.data["form"].astext
    held = (
        sa.select(Evidence.id, Evidence.size, Evidence.created_at, ApplicationDraft.user_id)
        .join(
            ApplicationDraft,
            Evidence.draft == sa.func.encode(sa.func.sha256(sa.func.convert_to(form, "UTF8")), "hex"),
        )
        .where(ApplicationDraft.user_id.is_not(None))
        .distinct()
        .subquery("held")
    )
    order = (held.c.created_at, held.c.id)
    counted = sa.select(
        held.c.id,
        sa.func.sum(held.c.size).over(partition_by=held.c.user_id, order_by=order).label("own"),
        sa.func.sum(held.c.size).over(order_by=order).label("together"),
    ).subquery("counted")
    return sa.select(counted.c.id).where(counted.c.own <= BYTES, counted.c.together <= BYTES_TOGETHER)


def keeps_all_files(form_secret: str) -> bool:
    """Say whether all files of a form stay with its draft."""
    files = {row.id for row in evidence.drafts(form_secret)}
    return not files or files <= set(model.Session.scalars(kept_files()))


def from_case(case: Case) -> dict[str, Any]:
    """Return an earlier application as the beginning of a new one, without its period."""
    application = model.Session.get_one(Application, case.id)
    items = [
        {"dataset_id": item.dataset_id, "resource_id": item.resource_id, "fields": item.fields}
        for item in scope.items(case.id)
    ]
    return {**{name: getattr(application, name) for name in COPIED}, "items": items}


def purge() -> None:
    """Delete drafts that nobody has come back to."""
    with begin(Actor.system()) as unit:
        old = sa.or_(
            ApplicationDraft.changed_at < unit.now - KEPT,
            sa.and_(ApplicationDraft.user_id.is_(None), ApplicationDraft.changed_at < unit.now - UNCLAIMED),
        )
        remove(unit, old)
