"""Words that the search box proposes: only such as find something in this catalogue."""

from __future__ import annotations

import logging
import time
from functools import lru_cache

from ckan.lib.search import SearchError
from ckan.plugins import toolkit as tk
from ckan.types import Context

log = logging.getLogger(__name__)
WORDS = (
    "充电桩", "公积金", "空气质量", "公交", "气象", "养老", "医院", "学校", "景区", "停车场", "草原",
    "水库", "社保", "行政许可", "PM2.5",
)  # fmt: skip
"""What people look for on open-data portals, the most sought first."""
MOST = 4
SECONDS = 600
"""How long an answer holds; the words are asked for again after it."""


def words() -> tuple[str, ...]:
    """Return a few words that find entries, for the public as it is; none while there is no search."""
    try:
        return found(int(time.monotonic() // SECONDS))
    except SearchError:
        log.warning("no words to propose: there is no search")
        return ()


@lru_cache(maxsize=1)
def found(_slot: int) -> tuple[str, ...]:
    """Ask the search; once for each stretch of time."""
    chosen: list[str] = []
    for word in WORDS:
        public: Context = {"user": "", "auth_user_obj": None}
        if tk.get_action("package_search")(public, {"q": word, "rows": 0})["count"]:
            chosen.append(word)
        if len(chosen) == MOST:
            break
    return tuple(chosen)
