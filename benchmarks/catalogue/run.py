"""Measure the whole catalogue as a file, beside ckanext-dcat's catalogue of plain CKAN, on the same data.

``python benchmarks/catalogue/run.py [--datasets 1000] [--stock-datasets 1000]`` fills both portals with the
same invented datasets and writes the catalogue of each: ours in every form, from the database; ckanext-dcat's
page after page as a harvester asks for it, by its own profile ``euro_dcat_ap_3``, from Solr. Each form is
written by a process of its own, so that its memory is its own. Prints a JSON line for each form of ours:
datasets a second, the ratio to ckanext-dcat's same form, or its Turtle, the growth of the process; medians of three
turns.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import report, servers
from benchmarks.lib.report import say
from stack import settings

WRITE = Path(__file__).with_name("write.py")
GOAL = 10.0
TURNS = 3
FORMS = ("nt", "ttl", "rdf", "jsonld", "data.json", "json", "csv")
STOCK_FORMS = ("ttl", "rdf", "jsonld")


def with_dcat(plain: servers.Portal) -> servers.Portal:
    """Return plain CKAN with the plugin ``dcat`` as released."""
    home = settings.RUN / servers.PLAIN
    lines = (home / "ckan.ini").read_text(encoding="utf-8").splitlines()
    changed = [f"{line} dcat" if line.startswith("ckan.plugins") else line for line in lines]
    path = home / "ckan-dcat.ini"
    path.write_text("\n".join(changed), encoding="utf-8")
    return dataclasses.replace(plain, environment={**plain.environment, "CKAN_INI": str(path)})


def write(side: servers.Portal, form: str, *more: str) -> dict[str, Any]:
    """Have one form written; return its figures."""
    return json.loads(servers.in_portal(side, str(WRITE), side.name, form, *more))


def measure(ours: servers.Portal, plain: servers.Portal, stock_datasets: int) -> dict[str, dict[str, Any]]:
    """Write every form of both sides by turns, each in a process of its own; return the turns' medians."""
    stock = with_dcat(plain)
    found = {}
    for form in FORMS:
        theirs = form if form in STOCK_FORMS else "ttl"
        turns = [(write(ours, form), write(stock, theirs, str(stock_datasets))) for _ in range(TURNS)]
        mine, beside = (sorted(side, key=speed)[TURNS // 2] for side in zip(*turns, strict=True))
        ratio = speed(mine) / speed(beside)
        say(
            f"  {form:<10} ours {speed(mine):6.0f} datasets/s, ckanext-dcat's {theirs} {speed(beside):6.0f}, "
            f"ratio {ratio:.1f}, {mine['grown_mb']:.0f} MB more"
        )
        found[form] = {
            "ours": mine,
            "ckanext_dcat": beside,
            "ratio": ratio,
            "goal": GOAL,
            "met": ratio >= GOAL,
        }
    return found


def speed(figures: dict[str, Any]) -> float:
    """Return datasets a second."""
    return figures["datasets_per_s"]


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=1000)
    parser.add_argument("--stock-datasets", type=int, default=1000, help="that ckanext-dcat writes")
    asked = parser.parse_args()
    ours, plain = servers.ours(), servers.plain()
    with servers.own_programs_stopped():
        servers.fill(ours, asked.datasets)
    servers.fill(plain, asked.datasets)
    found = measure(ours, plain, min(asked.datasets, asked.stock_datasets))
    report.finish("catalogue", found, datasets=asked.datasets)


if __name__ == "__main__":
    main()
