"""What is new in plans as an Atom feed (RFC 4287)."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from ckan.plugins import toolkit as tk

from .. import config
from ..kernel import clock
from ..kernel.orgs import title_of
from . import present, query
from .model import Happening, Item, Plan

_ = tk._
ATOM = "http://www.w3.org/2005/Atom"
MOST = 100


def written(plan: Plan | None) -> bytes:
    """Return the feed of one plan, or of all."""
    wanted = Plan.id == plan.id if plan else Plan.published_at.is_not(None)
    found = query.happenings(None, MOST, wanted)
    place = f"{config.site_root()}/nmg/plans"
    if plan is not None:
        place = present.address(plan.year, query.plans(Plan.id == plan.id)[0].org_name)
    feed = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "zh-CN"})
    title = plan.title if plan else _("Yearly open plans: what is new")
    add(feed, "title", title)
    add(feed, "id", place)
    ET.SubElement(feed, "link", {"rel": "alternate", "href": place})
    ET.SubElement(feed, "link", {"rel": "self", "href": f"{place}/feed.atom"})
    add(feed, "updated", (found[0][0].at if found else clock.now()).isoformat())
    add(ET.SubElement(feed, "author"), "name", title_of(plan.org_id) if plan else config.site_title())
    for event, of, org_name, org_title, item in found:
        entry(feed, event, of, (org_name, org_title), item)
    return ET.tostring(feed, encoding="utf-8", xml_declaration=True)


def entry(feed: ET.Element, event: Happening, plan: Plan, org: tuple[str, str], item: Item | None) -> None:
    """Add what has happened once."""
    name, title = org
    one = ET.SubElement(feed, "entry")
    address = present.address(plan.year, name)
    add(one, "title", f"{present.happened(event)}：{item.title if item else plan.title}")
    add(one, "id", f"{address}#event-{event.id}")
    add(one, "updated", event.at.isoformat())
    ET.SubElement(one, "link", {"rel": "alternate", "href": f"{address}#item-{item.id}" if item else address})
    add(ET.SubElement(one, "author"), "name", title or name)
    add(one, "summary", event.said or plan.title)


def add(parent: ET.Element, name: str, text: str) -> None:
    """Add an element with text."""
    ET.SubElement(parent, name).text = text
