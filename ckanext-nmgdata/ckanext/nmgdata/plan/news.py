"""Tell the followers of a plan by mail what is new, once a day at the most and never the same twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.plugins import toolkit as tk

from .. import config
from ..desk import choices
from ..kernel import clock, outbox
from ..kernel.actors import Actor
from ..kernel.unit import begin
from ..kernel.workflow import notices
from ..marks import mark
from . import places, present, query
from .model import Happening, Plan

_ = tk._
CHOICE = "plans"
"""Kind of mails that may be switched off, which these are."""
MOST = 30
"""News that one mail lists; how many more there are it says."""


def tell() -> int:
    """Put mails about what is new into the outbox; return of how many plans."""
    fresh = sa.select(Happening.plan_id, sa.func.max(Happening.id)).group_by(Happening.plan_id).subquery()
    waiting = (
        sa.select(Plan.id)
        .join(fresh, fresh.c.plan_id == Plan.id)
        .where(fresh.c.max > Plan.told_until, Plan.published_at.is_not(None))
    )
    done = 0
    for plan_id in model.Session.scalars(waiting).all():
        done += tell_of(plan_id)
    return done


def tell_of(plan_id: str) -> int:
    """Tell of one plan, unless its followers had a mail today already; say whether it was told."""
    with begin(Actor.system()) as unit:
        plan = unit.session.get_one(Plan, plan_id, with_for_update=True, populate_existing=True)
        last = unit.session.get(Happening, plan.told_until)
        found = query.happenings(None, 500, Plan.id == plan_id, Happening.id > plan.told_until)
        today = clock.local_date(unit.now)
        if not found or (last is not None and clock.local_date(last.at) == today):
            return 0
        plan.told_until = found[0][0].id
        people = followers(plan_id)
        off = notices.switched_off([user_id for user_id, _address in people], CHOICE)
        subject, body = written(plan, found)
        for user_id, address in people:
            if address and user_id not in off:
                stop = choices.stop(choices.Recipient(user_id, address), CHOICE)
                mail = {"to": address, "subject": subject, "body": body, **stop}
                outbox.enqueue(unit.session, "mail", mail, key=f"plan:{plan_id}:{plan.told_until}:{user_id}")
    return 1


def followers(plan_id: str) -> list[tuple[str, str | None]]:
    """Return the active accounts that follow a plan's group, with their addresses."""
    follow, user = model.UserFollowingGroup, model.User
    query_: Any = (
        sa.select(user.id, user.email)
        .join(follow, follow.follower_id == user.id)
        .where(follow.object_id == plan_id, user.state == "active")
    )
    return [(key, address) for key, address in model.Session.execute(query_)]


def written(plan: Plan, found: Sequence[Any]) -> tuple[str, str]:
    """Return subject and text of the mail."""
    line = query.plans(Plan.id == plan.id)[0]
    lines = [
        f"· {present.happened(event)}{mark('：')}{item.title if item else plan.title}"
        + (f"{mark('（')}{event.said}{mark('）')}" if event.said else "")
        for event, _plan, _org, _title, item in found[:MOST]
    ]
    if len(found) > MOST:
        lines.append(_("and {n} more").format(n=len(found) - MOST))
    subject = _("What is new in the open plan: {title}").format(title=plan.title)
    address = places.plan(plan.year, line.org_name)
    body = "\n".join([subject, "", *lines, "", address, "", config.site_title()])
    return subject, body + "\n"
