"""One grant as its holder, its members and the offices read it: terms, members, every use."""

from __future__ import annotations

from typing import Any, cast

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from ... import config
from ...kernel.actors import Actor
from ...kernel.gate import meter
from ...kernel.gate.holders import held_by
from ...kernel.gate.model import Grant, GrantUse
from ...kernel.workflow import engine, presenters
from ...kernel.workflow.model import Case
from ...marks import mark
from .. import agreement
from ..use import citation, grants
from . import members

_ = tk._
USES = 200
"""Uses on the page; all of them are counted."""


def visible(actor: Actor, grant_id: str) -> Grant:
    """Return a grant that somebody may see: its holders, the offices of its case, auditors.

    :raises tk.ObjectNotFound: for all others
    """
    if actor.grant_id not in (None, grant_id):  # a token that is bound to another grant
        raise tk.ObjectNotFound(_("Grant not found"))
    mine = sa.select(Grant).where(Grant.id == grant_id, held_by(actor.user_id))
    grant = model.Session.scalar(mine) if actor.user_id else None
    if grant is not None:
        return grant
    grant = model.Session.get(Grant, grant_id)
    case = model.Session.get(Case, grant.case_id) if grant else None
    if grant is None or case is None or not engine.may_see(case, actor):
        raise tk.ObjectNotFound(_("Grant not found"))
    return grant


def show(actor: Actor, grant_id: str) -> dict[str, Any]:
    """Return a grant with its members and uses; names in clear to its holder only (R-SEC-11)."""
    grant = visible(actor, grant_id)
    own = grant.holder_id == actor.user_id
    named = members.of_grants([grant.id]).get(grant.id, [])
    return {
        **grants.one(grant.id),
        "own": own,
        "held": own or actor.user_id in [user.id for user in named],
        "quota": grant.quota,
        "per_hour": grant.per_hour,
        "left": meter.left(grant.id),
        "members": [{"name": user.name, "display_name": user.display_name} for user in named] if own else [],
        "member_count": len(named),
        "uses": uses(grant, own),
    }


def uses(grant: Grant, own: bool) -> list[dict[str, Any]]:
    """Return the newest uses of a grant: when, by whom, which file, its digest."""
    user, resource = cast(Any, model.User), cast(Any, model.Resource)
    query = (
        sa.select(GrantUse, user, resource.name)
        .outerjoin(user, user.id == GrantUse.user_id)
        .outerjoin(resource, resource.id == GrantUse.resource_id)
        .where(GrantUse.grant_id == grant.id)
        .order_by(GrantUse.at.desc(), GrantUse.id.desc())
        .limit(USES)
    )
    return [
        {
            "at": row.at.isoformat(),
            "by": by_whom(person, own),
            "resource_id": row.resource_id,
            "file": name or "",
            "door": row.door,
            "count": row.count,
            "sha256": row.sha256,
        }
        for row, person, name in model.Session.execute(query)
    ]


def by_whom(person: model.User | None, own: bool) -> str:
    """Return the name of who used a grant; masked to all but its holder."""
    name = person.display_name if person else ""
    return name if own else presenters.masked("display_name", name) or ""


def licence(actor: Actor, grant_id: str) -> str:
    """Return the licence text of a grant: what is permitted, until when, on which agreement."""
    grant = visible(actor, grant_id)
    shown = grants.one(grant.id)
    version = grant.agreement or agreement.current_version()
    lines = [
        f"{config.site_title()} {shown['case']}",
        "",
        *(_("Data") + mark("：") + one["title"] for one in shown["datasets"]),
        _("Permitted purpose") + mark("：") + grant.purpose,
        _("Permitted scope of use") + mark("：") + grant.use_scope,
        f"{_('Period of use')}{mark('：')}{grant.valid_from.isoformat()} — {grant.valid_until.isoformat()}",
        *(cited["statement"] for one in shown["datasets"] if (cited := citation.in_case(one["name"]))),
        "",
        f"{_('Use agreement')} {version}",
        "",
        agreement.text(version),
    ]
    return "\n".join(lines)
