"""Fill the portal of this environment with invented datasets, in bulk.

``fill.py --datasets N [--plain] [--no-index]`` empties the portal, creates the organisations through the API,
holds the filler to the API (``compare.py``), then inserts rows and index documents by the hundred.
A portal that holds the same N already, made by the same code, is left alone. It empties only the
portals of the benchmarks and of the tests.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.lib import compare, filler, inside, invent, rows
from benchmarks.lib.report import say

BATCH = 500
SOLR_SECONDS = 600
SITES = ("nmgdata-bench", "bench-plain")
CHECKED = (0, 6, 12, 300)
"""Templates that are made by the API too: region and city, each open class."""
STAMP = "benchmark-filling"
"""Key of ``system_info`` that says what the portal is filled with."""


def create_organisations(plain: bool) -> None:
    """Create the departments through the API."""
    for org in invent.organisations():
        if plain:
            extras = [{"key": k, "value": v} for k, v in org.items() if k not in ("name", "title")]
            inside.call("organization_create", name=org["name"], title=org["title"], extras=extras)
        else:
            inside.call("organization_create", **org)


def refuse_others(site: str) -> None:
    """Refuse to empty anything of a site that is not a benchmark's.

    :raises SystemExit: for any other site
    """
    if site not in SITES:
        raise SystemExit(f"{site} is not a portal of the benchmarks: it is not emptied.")


def empty(site: str) -> None:
    """Empty every table but those that hold migration versions, and the index."""
    import sqlalchemy as sa
    from ckan import model
    from ckan.lib import search
    from ckan.lib.search.index import PackageSearchIndex

    refuse_others(site)
    model.Session.remove()
    with model.ensure_engine().begin() as connection:
        names = connection.scalars(
            sa.text(
                "SELECT quote_ident(tablename) FROM pg_tables "
                "WHERE schemaname = 'public' AND tablename NOT LIKE '%alembic_version'"
            )
        ).all()
        connection.execute(sa.text("SET LOCAL lock_timeout = '1s'"))
        truncate = sa.text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE")
        for _try in range(30):  # programs of the portal read meanwhile, each its tables in its own order
            try:
                with connection.begin_nested():
                    connection.execute(truncate)
                break
            except sa.exc.OperationalError as error:
                waited = error
        else:
            raise waited
        if "nmgdata_audit_head" in names:
            connection.execute(
                sa.text("INSERT INTO nmgdata_audit_head (id, seq, hash) VALUES (1, 0, repeat('0', 64))")
            )
    PackageSearchIndex().clear()
    search.commit()


def fill(datasets: int, plain: bool, index: bool) -> None:
    """Empty the portal and fill it, with or without its index."""
    empty(os.environ["CKAN_SITE_ID"])
    create_organisations(plain)
    writer = filler.Filler(plain)
    if found := [line for number in CHECKED for line in compare.differences(writer, number)]:
        raise SystemExit("The filler differs from the API:\n" + "\n".join(found))
    began = time.monotonic()
    with ThreadPoolExecutor(1) as sender:
        sending = sender.submit(send, [])
        for start in range(0, datasets, BATCH):
            numbers = range(start, min(start + BATCH, datasets))
            shown = writer.write([(number, invent.record(number)) for number in numbers])
            documents = writer.documents(shown) if index else []
            sending.result()
            sending = sender.submit(send, documents)
            done = numbers[-1] + 1
            if not done % 5000 or done == datasets:
                say(f"  {done} datasets, {done / (time.monotonic() - began):.0f} a second")
        sending.result()
    settle()


def send(documents: list[dict[str, Any]]) -> None:
    """Send documents to Solr; they become visible with the commit at the end."""
    if documents:
        patient_solr().add(docs=documents, commit=False)


def settle() -> None:
    """Commit the index into one segment and bring the database's statistics up to date."""
    patient_solr().optimize()
    filler.vacuum()


def patient_solr() -> Any:
    """Return the connection to Solr with time for hundreds of documents; the portal's is for one."""
    from ckan.lib.search.common import make_connection

    solr = make_connection()
    solr.timeout = SOLR_SECONDS
    return solr


def stamp(datasets: int, index: bool) -> str:
    """Return what tells this filling from any other: what was asked for and the code that makes it."""
    sources = [__file__, filler.__file__, rows.__file__, invent.__file__, invent.catalogue.__file__]
    code = b"".join(Path(path).read_bytes() for path in sources)
    return f"{datasets} {index} {hashlib.sha256(code).hexdigest()[:12]}"


def main() -> None:
    """Fill, unless it was done before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, required=True)
    parser.add_argument("--plain", action="store_true", help="the portal is plain CKAN")
    parser.add_argument("--no-index", action="store_true", help="rows only")
    asked = parser.parse_args()
    with inside.ckan():
        from ckan.model import system_info

        wanted = stamp(asked.datasets, not asked.no_index)
        if system_info.get_system_info(STAMP) == wanted:
            say("  it is filled so already")
            return
        fill(asked.datasets, asked.plain, not asked.no_index)
        system_info.set_system_info(STAMP, wanted)


if __name__ == "__main__":
    main()
