"""CKAN's Atom feeds, dated by what is in them.

As released they say that they were changed at the moment at which they are asked for, so that two answers
are never the same and a reader fetches all of it each time.
"""

from __future__ import annotations

from ckan.views.feed import CKANFeed


class DatedFeed(CKANFeed):
    """A feed that is as new as the newest of its entries; an empty one has only the present."""

    def writeString(self, encoding: str) -> str:  # noqa: N802 - CKAN's name
        """Return the feed as Atom."""
        moments = [entry.updated() for entry in self.entry()]
        if moments:
            self.updated(max(moments))
        return super().writeString(encoding)
