"""What is new in plans as an Atom feed."""

from __future__ import annotations

from ckan.plugins import toolkit as tk

from .. import config
from ..atom import Feed
from ..kernel import clock
from ..kernel.orgs import title_of
from ..marks import mark
from . import places, present, query
from .model import Plan

_ = tk._
MOST = 100


def written(plan: Plan | None) -> bytes:
    """Return the feed of one plan, or of all."""
    wanted = Plan.id == plan.id if plan else Plan.published_at.is_not(None)
    found = query.happenings(None, MOST, wanted)
    place = f"{config.site_root()}/nmg/plans"
    if plan is not None:
        place = places.plan(plan.year, query.plans(Plan.id == plan.id)[0].org_name)
    feed = Feed(
        plan.title if plan else _("Yearly open plans: what is new"),
        place,
        found[0][0].at if found else clock.now(),
        title_of(plan.org_id) if plan else config.site_title(),
        f"{place}/feed.atom",
    )
    for event, of, org_name, org_title, item in found:
        address = places.plan(of.year, org_name)
        feed.entry(
            present.happened(event) + mark("：") + (item.title if item else of.title),
            f"{address}#event-{event.id}",
            event.at,
            places.item(of.year, org_name, item.id) if item else address,
            org_title or org_name,
            event.said or of.title,
        )
    return feed.written()
