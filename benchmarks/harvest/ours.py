"""Harvest the catalogue of ``catalogue.py`` into the portal of this environment, round by round.

Prints one JSON object: per round the datasets per second, until they are committed and found, and what the
portal had to write. It empties only the portals of the benchmarks.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.harvest import catalogue, processor
from benchmarks.lib import fill, inside
from benchmarks.lib.report import say


def main() -> None:
    """Run the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="served at --host")
    parser.add_argument("--host", required=True)
    parser.add_argument("--sources", type=int, default=1, help="harvested at once, sharing the datasets")
    parser.add_argument("--rounds", default="first,unchanged,changed")
    parser.add_argument("--keep", action="store_true", help="go on with what the last run has left")
    parser.add_argument("--rate", type=int, default=0, help="records a second that are loaded at most")
    parser.add_argument("--share", type=float, default=0.05, help="of the datasets that have changed")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--profile", type=Path, help="write where the time goes")
    asked = parser.parse_args()
    with inside.ckan():
        from ckan.plugins import toolkit as tk

        tk.config["ckanext.nmgdata.harvest.rate"] = asked.rate
        tk.config["ckanext.nmgdata.harvest.workers"] = asked.processes
        if not asked.keep:
            fill.empty(os.environ["CKAN_SITE_ID"])
        sources = [source(number + 1, asked) for number in range(asked.sources)]
        found = {}
        for name in asked.rounds.split(","):
            pages(asked, changed=asked.share if name == "changed" else 0.0)
            found[name] = profiled(asked, sources)
            say(f"  {name}: {json.dumps(found[name])}")
    print(json.dumps(found))


def source(number: int, asked: argparse.Namespace) -> str:
    """Make a source and the organisation that owns what it gives."""
    from ckanext.nmgdata.harvest.model import Source
    from ckanext.nmgdata.kernel.actors import Actor
    from ckanext.nmgdata.kernel.types import new_id
    from ckanext.nmgdata.kernel.unit import begin

    if asked.keep:
        return kept(number, asked)
    code = f"15{number:02d}00" if number <= 9 else "152500"
    name = f"bench-{number}"
    org = inside.call("organization_create", name=name, title=name, region_code=code)
    with begin(Actor.system()) as unit:
        made = Source(
            id=new_id(), name=name, title=name, region_code=code, owner_org=org["id"],
            address=f"{asked.host}/{number}/p1.ttl", private_networks=["127.0.0.0/8"],
            default_class="unconditional", created_at=unit.now, changed_at=unit.now,
        )  # fmt: skip
        unit.session.add(made)
        return made.id


def kept(number: int, asked: argparse.Namespace) -> str:
    """Return a source that is there, with the address of today."""
    import sqlalchemy as sa
    from ckanext.nmgdata.harvest.model import Source
    from ckanext.nmgdata.kernel.actors import Actor
    from ckanext.nmgdata.kernel.unit import begin

    with begin(Actor.system()) as unit:
        found = unit.session.scalars(sa.select(Source).where(Source.name == f"bench-{number}")).one()
        found.address = f"{asked.host}/{number}/p1.ttl"
        return found.id


def pages(asked: argparse.Namespace, changed: float) -> None:
    """Write the catalogues of all sources."""
    for number in range(1, asked.sources + 1):
        shape = catalogue.Shape(asked.datasets // asked.sources, seed=number, changed=changed)
        catalogue.write(asked.folder / str(number), f"{asked.host}/{number}", shape)


def profiled(asked: argparse.Namespace, sources: list[str]) -> dict[str, Any]:
    """Harvest once, with or without the profiler."""
    if not asked.profile:
        return harvest(sources)
    import cProfile

    with cProfile.Profile() as profile:
        found = harvest(sources)
    profile.dump_stats(asked.profile)
    return found


def harvest(sources: list[str]) -> dict[str, Any]:
    """Harvest all sources at once, in this process, until everything is found."""
    from ckan import model
    from ckanext.nmgdata.harvest import cli, foreground
    from ckanext.nmgdata.harvest.model import OUTCOMES, Job

    began, used, since = time.monotonic(), processor.used(), time.time()
    ids = [cli.begin_here(one) for one in sources]
    foreground.harvest(ids)
    took = time.monotonic() - began
    jobs = [model.Session.get_one(Job, one, populate_existing=True) for one in ids]
    counts = {name: sum(getattr(job, f"{name}_count") for job in jobs) for name in ("read", *OUTCOMES)}
    states = sorted({f"{job.state} {job.error or ''}".strip() for job in jobs})
    model.Session.rollback()
    return {
        "datasets_per_s": counts["read"] / took, "seconds": took, "since": since, "states": states,
        **processor.since(used, counts["read"]),
        **{name: number for name, number in counts.items() if number},
    }  # fmt: skip


if __name__ == "__main__":
    main()
