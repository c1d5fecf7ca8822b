"""Write the catalogue of this environment's portal once, in one form, and throw it away.

``write.py ours FORM`` or ``write.py plain FORM DATASETS``; prints datasets a second, bytes, and how much the
process grew from before the first byte to its peak.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import inside

PAGE = 100
PROFILES = ["euro_dcat_ap_3"]


def ours(form: str, _datasets: int) -> tuple[int, Iterator[bytes | str]]:
    """Return how many entries our portal has, and its file."""
    import sqlalchemy as sa
    from ckan import model
    from ckanext.nmgdata.catalog import exports, whole
    from ckanext.nmgdata.kernel.gate.labels import public_entries

    count = model.Session.scalar(sa.select(sa.func.count()).select_from(public_entries().subquery()))
    model.Session.rollback()
    write: Callable[[], Iterator[bytes | str]] = (
        exports.written if form == "data.json" else whole.FORMS[form][1]
    )
    return count or 0, write()


def plain(form: str, datasets: int) -> tuple[int, Iterator[bytes | str]]:
    """Return how many datasets ckanext-dcat writes, and its pages."""
    from ckan.plugins import toolkit as tk

    def pages() -> Iterator[str]:
        for page in range(1, datasets // PAGE + 1):
            yield tk.get_action("dcat_catalog_show")(
                {"ignore_auth": True}, {"page": page, "format": form, "profiles": PROFILES}
            )

    return datasets // PAGE * PAGE, pages()


def peak_mb() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Write and print."""
    side, form, *datasets = sys.argv[1:]
    with inside.ckan():
        count, pieces = {"ours": ours, "plain": plain}[side](form, int(*datasets or "0"))
        before, size, began = peak_mb(), 0, time.perf_counter()
        for piece in pieces:
            size += len(piece)
        seconds = time.perf_counter() - began
    figures: dict[str, Any] = {
        "datasets_written": count,
        "datasets_per_s": count / seconds,
        "seconds": seconds,
        "mb": size / 1e6,
        "grown_mb": peak_mb() - before,
        "peak_mb": peak_mb(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
