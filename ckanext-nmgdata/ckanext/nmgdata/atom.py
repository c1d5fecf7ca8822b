"""Atom feeds (RFC 4287): one writer for everything that tells what is new."""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree as ET

from . import vocab
from .catalog.dcat_terms import NOT_XML

ATOM = "http://www.w3.org/2005/Atom"


class Feed:
    """A feed that is being written; what XML 1.0 forbids in a text is left out."""

    def __init__(self, title: str, place: str, at: datetime, author: str, itself: str | None = None) -> None:
        """Begin a feed.

        :param place: address of the page that shows the same; also the feed's id
        :param at: when something happened last
        :param itself: address of the feed
        """
        self.root = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "zh-CN" if vocab.in_chinese() else "en"})
        add(self.root, "title", title)
        add(self.root, "id", place)
        link(self.root, "alternate", place)
        if itself:
            link(self.root, "self", itself)
        add(self.root, "updated", at.isoformat())
        add(ET.SubElement(self.root, "author"), "name", author)

    def entry(
        self,
        title: str,
        id: str,
        at: datetime,
        place: str,
        author: str | None = None,
        said: str | None = None,
    ) -> None:
        """Add something that happened: at ``place`` it can be read, by ``author`` if not the feed's."""
        one = ET.SubElement(self.root, "entry")
        add(one, "title", title)
        add(one, "id", id)
        add(one, "updated", at.isoformat())
        link(one, "alternate", place)
        if author:
            add(ET.SubElement(one, "author"), "name", author)
        if said:
            add(one, "summary", said)

    def written(self) -> bytes:
        """Return the feed as XML."""
        return ET.tostring(self.root, encoding="utf-8", xml_declaration=True)


def add(parent: ET.Element, name: str, text: str) -> None:
    """Add an element with text."""
    ET.SubElement(parent, name).text = NOT_XML.sub("", text)


def link(parent: ET.Element, kind: str, address: str) -> None:
    """Add a link."""
    ET.SubElement(parent, "link", {"rel": kind, "href": address})
