"""Measure the search: nDCG@10, recall@50, MRR and zero-result rate, beside stock CKAN.

``python benchmarks/search/run.py --config CKAN.INI [--show] [--ablate]`` prints one
JSON line for each of two sets of records and queries. The records go through CKAN's own indexer into the Solr of that configuration, under a
site id of their own, and every query through the ``package_search`` action; the documents are
deleted afterwards, the database is not written to. Stock CKAN is measured on a core of its own that
is created beside ours and removed again, which needs a Solr on this machine; else it is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import requests

sys.path.insert(0, str(Path(__file__).parent))

import catalogue
import measures
import packages
import second

SITE = "nmgsearchbench"
STOCK_CORE = "nmgstockbench"
ROWS = 50
WEAK = 0.9


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default=os.environ.get("CKAN_INI", "test.ini"))
    parser.add_argument("--show", action="store_true", help="list the weak dev queries on stderr")
    parser.add_argument("--ablate", action="store_true", help="measure without each part, too")
    parser.add_argument("--only", choices=("first", "second"), help="measure one of the two sets")
    parser.add_argument("--no-stock", action="store_true", help="leave stock CKAN out")
    asked = parser.parse_args()
    records, reference = catalogue.load()
    queries = measures.read(Path(__file__).with_name("queries.yaml"), [r["name"] for r in records])
    strangers, facts = second.load(records[0], reference)
    sets = {
        "first": ([packages.both(one, reference) for one in records], queries),
        "second": ([packages.both(one, reference) for one in strangers], second.queries(facts)),
    }
    chosen = {name: one for name, one in sets.items() if asked.only in (None, name)}
    with ckan(asked.config):
        for name, (pairs, judged) in chosen.items():
            found = {"set": name, **measure(pairs, judged, asked)}
            print(json.dumps(found, ensure_ascii=False))


@contextmanager
def ckan(config: str) -> Iterator[None]:
    """Load CKAN with this configuration, under the benchmark's own site id."""
    os.environ["CKAN_SITE_ID"] = SITE
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    app: Any = make_app(load_config(config))
    with app._wsgi_app.app_context():
        yield


def measure(
    pairs: list[tuple[dict[str, Any], dict[str, Any]]],
    queries: list[measures.Query],
    asked: argparse.Namespace,
) -> dict[str, Any]:
    """Measure ours, its parts when asked, and stock."""
    from ckan.lib.search import clear_all

    found: dict[str, Any] = {"records": len(pairs)}
    clear_all()
    try:
        found["index_docs_per_s"] = round(fill(pairs))
        answers, times = ask(queries, by_action)
        found["ours"] = measures.report(answers) | {"search_ms": times}
        if asked.show:
            show(answers)
        for name, patch in ablations().items() if asked.ablate else ():
            with patch:
                found[f"without {name}"] = measures.report(ask(queries, by_action)[0])["all"]
    finally:
        clear_all()
    with nullcontext(False) if asked.no_stock else stock_core() as ready:
        if ready:
            with mock.patch("ckan.lib.search.index.PluginImplementations", return_value=()):
                fill(pairs)
            answers, times = ask(queries, by_stock)
            found["stock"] = measures.report(answers) | {"search_ms": times}
    return found


def fill(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> float:
    """Index all records as CKAN does; return how many a second."""
    from ckan.lib.search import make_connection
    from ckan.lib.search.index import PackageSearchIndex

    began = time.perf_counter()
    for default, custom in pairs:
        PackageSearchIndex().index_package({**default, "with_custom_schema": custom}, True)
    make_connection().commit()
    return len(pairs) / (time.perf_counter() - began)


def ask(
    queries: list[measures.Query], search: Callable[[str], list[str]]
) -> tuple[measures.Answers, dict[str, float]]:
    """Ask all queries; return the answers, and how long they took."""
    answers: measures.Answers = []
    times = []
    for query in queries:
        began = time.perf_counter()
        answers.append((query, search(query.text)))
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    p95 = times[int(len(times) * 0.95)]
    return answers, {"p50": round(statistics.median(times), 1), "p95": round(p95, 1)}


def by_action(text: str) -> list[str]:
    """Return the names that package_search finds; the records are in no database, so rights are not asked."""
    from ckan.plugins import toolkit as tk

    found = tk.get_action("package_search")({"ignore_auth": True}, {"q": text, "rows": ROWS})
    return [one["name"] for one in found["results"]]


def by_stock(text: str) -> list[str]:
    """Return the names that CKAN's own query finds; a query it refuses finds nothing."""
    from ckan.lib.search import SearchError
    from ckan.lib.search.query import PackageSearchQuery

    query = PackageSearchQuery()
    sort = "score desc, metadata_modified desc"
    fq = "+capacity:public +state:active"
    try:
        query.run({"q": text, "fq": fq, "fl": "name", "rows": ROWS, "sort": sort, "df": "text"})
    except SearchError:
        return []
    return query.results


def ablations() -> dict[str, Any]:
    """Return the parts that can be left out, each as a patch."""
    from ckanext.nmgdata.catalog.search import making, query, request, words

    def weighing(**weights: float) -> Callable[..., Any]:
        chosen = replace(query.WEIGHTS, **weights)
        return lambda typed, lexicon: query.build(typed, lexicon, chosen)

    bare = words.Lexicon()
    making.add_places(bare, making.vocab.terms("division"), {})
    bare.learn_sounds()
    flat = {"here": 1, "around": 1, "region_wide": 1, "elsewhere": 1}
    no_places = mock.patch.object(request, "build", weighing(**flat))
    return {
        "known words": mock.patch.object(request, "lexicon", return_value=bare),
        "factor for places": no_places,
        "factor for departments": mock.patch.object(request, "build", weighing(theirs=1, not_theirs=1)),
        "pinyin": mock.patch.multiple(
            query, ask_sound=lambda *_: [], ask_heard=lambda *_: [], pairs=lambda _: ["-"]
        ),
    }


@contextmanager
def stock_core() -> Iterator[bool]:
    """Give CKAN a core with its own schema for a while; say whether that was possible."""
    import ckan
    from ckan.common import config

    ours = config["solr_url"].rstrip("/")
    base, _, core = ours.rpartition("/")
    info = requests.get(f"{base}/admin/info/system", timeout=10).json()
    home = Path(info.get("solr_home", ""))
    if not (home / core).is_dir():
        yield False
        return
    folder = home / STOCK_CORE
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(home / core / "conf", folder / "conf")
    schema = Path(ckan.__file__).parent / "config" / "solr" / "schema.xml"
    shutil.copy(schema, folder / "conf" / "schema.xml")
    admin(base, action="CREATE", name=STOCK_CORE, instanceDir=STOCK_CORE)
    config["solr_url"] = f"{base}/{STOCK_CORE}"
    try:
        yield True
    finally:
        config["solr_url"] = ours
        admin(base, action="UNLOAD", core=STOCK_CORE, deleteInstanceDir="true")


def admin(base: str, **parameters: str) -> None:
    """Call Solr's core administration."""
    requests.get(f"{base}/admin/cores", params=parameters, timeout=60).raise_for_status()


def show(answers: measures.Answers) -> None:
    """List the dev queries below 0.9; the held-out ones are not to be looked at."""
    for query, ranked in answers:
        value = measures.ndcg(ranked, query.grades)
        if query.split == "dev" and value < WEAK:
            best = ", ".join(f"{name}({query.grades.get(name, 0)})" for name in ranked[:6])
            print(f"{value:.2f} {query.kind} {query.text}: {best}", file=sys.stderr)


if __name__ == "__main__":
    main()
