"""Loaded in bulk or created one by one: nobody can tell the difference (docs/adr/0019)."""

from __future__ import annotations

import json
import random
import re
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa
from ckan import logic, model
from ckan.lib import search
from ckan.lib.search.index import PackageSearchIndex
from ckan.plugins import toolkit as tk
from ckan.types import Context

from ... import conftest, factories, vocab
from ...kernel import outbox
from ...kernel.actors import Actor
from ...kernel.outbox import search as index
from ...kernel.unit import begin
from .. import publish
from ..bulk import documents
from ..bulk.check import checker
from ..bulk.rows import Made, named
from ..bulk.write import write

DATASETS, CHANGED = 300, 40
ORG = "00000000-0000-4000-8000-000000000001"
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00(:00)?)?")
HASH = re.compile(r"\b([0-9a-f]{64}|[0-9a-f]{32})\b")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TABLES = ("package", "resource", "nmgdata_origin", "nmgdata_entry", "member", "package_tag", "tag",
          "resource_view", "nmgdata_class_period", "nmgdata_change", "nmgdata_audit_event")  # fmt: skip
QUERIES = ("公交站点", "数据 ", "gongjiao", "统计", "呼和浩特")
WORDS = (
    "公交",
    "站点",
    "统计",
    "水质",
    "监测",
    "企业",
    "名录",
    "预算",
    "学校",
    "气象",
    "呼和浩特",
    "鄂尔多斯",
)


def entry(number: int, version: int = 0) -> dict[str, Any]:
    """Return an entry that is like no other: what is there, in which form, differs."""
    chance = random.Random(number * 1000 + version)
    pick = chance.choice
    open_class = pick(("unconditional", "unconditional", "conditional", "non_open"))
    made = factories.entry(
        {"id": ORG}, title=f"{pick(WORDS)}{pick(WORDS)}数据 {number} ", open_class=open_class
    )
    made |= {"name": f"bulk-{number:03d}", "id": named("test", str(number))}
    made["notes"] = pick(("一句话。", "两行\n说明 <b>粗体</b> & 符号", "控制\x07字符", "😀 emoji 摘要"))
    made["theme"] = pick(sorted(vocab.terms("theme")))
    made["region_code"] = pick(("150000", "150100", "150600", "150621"))
    optional = {
        "industry": pick(sorted(vocab.terms("industry"))),
        "base_library": pick(sorted(vocab.terms("base_library"))),
        "provision_mode": pick(sorted(vocab.terms("provision_mode"))),
        "livelihood": pick((True, "false", "true")),
        "issued": "2025-01-02",
        "modified": pick(("2026-03-04", "2026-10-01")),
        "source_system": "系统 A",
        "quality_notes": "2026年9月缺一周数据。",
        "contact_email": "office@example.cn",
        "url": "https://city.example.cn/page",
        "version": "1.2",
        "tag_string": pick(("公交,出行", "统计", "Transport, 水质 , 公交")),
    }
    made |= {name: value for name, value in optional.items() if chance.random() < 0.5}
    if chance.random() < 0.3:
        for name in chance.sample(("share_scope", "data_form", "theme", "license_id", "notes"), 2):
            made.pop(name, None)
    if chance.random() < 0.6:
        made["data_items"] = [
            {"name": f"col_{n}", "label": pick(WORDS), "type": "string", "searchable": pick((True, False))}
            for n in range(chance.randrange(1, 4))
        ]
    made["resources"] = [file(number, place, version) for place in range(number % 4)]
    return made


def file(number: int, place: int, version: int) -> dict[str, Any]:
    """Return one distribution; what it states stays.

    CKAN keeps or guesses what an update does not state; in bulk a file is what its source states.
    """
    chance = random.Random(f"{number}/{place}")
    form = chance.choice(("CSV", "xlsx", "JSON", "png", "PDF", "application/json", "", "XML"))
    found: dict[str, Any] = {
        "id": named("file", str(number), str(place)),
        "url": f"https://city.example.cn/f/{number}-{place}.v{version * (place % 2)}.{form.lower() or 'txt'}",
        "name": f"文件 {place} v{version}",
        "mimetype": "text/csv",
    }
    if form:
        found["format"] = form
    optional = {"description": "说明", "size": 1234, "hash": "abc", "landing": "x"}
    return found | {name: value for name, value in optional.items() if chance.random() < 0.4}


def begin_anew() -> None:
    """Begin with nothing but an organisation."""
    conftest.empty_tables()
    search.clear_all()
    index.rest_is_over()
    factories.organisation("交通厅", name="transport", id=ORG, region_code="150000")


def one_by_one() -> None:
    """Create and change every entry by the API."""
    context: Context = {**factories.site_context(), publish.SOURCE: "source"}
    with index.left_to_tick():
        for number in range(DATASETS):
            tk.get_action("package_create")({**context}, entry(number))
        for number in range(CHANGED):
            tk.get_action("package_update")(factories.site_context(), {**entry(number, 1)})


def in_bulk() -> None:
    """Write every entry in bulk, a hundred at a time; then change some."""
    for start in range(0, DATASETS, 100):
        load([entry(number) for number in range(start, start + 100)], is_new=True)
    load([entry(number, 1) for number in range(CHANGED)], is_new=False)


def load(entries: list[dict[str, Any]], *, is_new: bool) -> None:
    """Write some entries."""
    creator = tk.get_action("get_site_user")({"ignore_auth": True}, {})["id"]
    with begin(Actor.system()) as unit:
        made = [
            Made(one["id"], checker().check(one).data, ORG, creator, is_new=is_new, source="source",
                 former={} if is_new else former(one["id"]))
            for one in entries
        ]  # fmt: skip
        write(unit, made)


def former(dataset_id: str) -> dict[str, Any]:
    """Return what the bulk writer wants to know of a dataset that is there."""
    links = sa.text(
        "SELECT r.id, o.url FROM resource r LEFT JOIN nmgdata_origin o ON o.resource_id = r.id"
        " WHERE package_id = :id"
    )
    found = {row[0]: row[1] for row in model.Session.execute(links, {"id": dataset_id})}
    return {"open_class": model.Package.get(dataset_id).extras.get("open_class"), "links": found}


def trace() -> dict[str, Any]:
    """Return everything that the entries have left behind, without what may differ."""
    model.Session.rollback()
    found: dict[str, Any] = {}
    for table in TABLES:
        rows = model.Session.scalars(sa.text(f'SELECT to_jsonb(t) FROM "{table}" t')).all()
        rows = [row for row in rows if row.get("table_name") != "user" and row.get("state") != "deleted"]
        for place, row in enumerate(sorted(plain(table, row) for row in rows)):
            named_by = json.loads(row).get("id", place)
            found[f"{table} {named_by}"] = row
    for number in range(0, DATASETS, 10):
        dataset_id = named("test", str(number))
        shown = tk.get_action("package_show")(
            {**factories.site_context(), "use_cache": False}, {"id": dataset_id}
        )
        found[f"show {number}"] = same(shown)
    model.Session.rollback()
    outbox.deliver(["index"])
    for query in QUERIES:
        answer = tk.get_action("package_search")(
            factories.site_context(),
            {"q": query, "rows": 500, "facet.field": ["theme", "open_class", "res_format"]},
        )
        found[f"search {query}"] = (answer["count"], sorted(one["name"] for one in answer["results"]))
        found[f"facets {query}"] = same(answer["search_facets"])
    for number in range(0, DATASETS, 15):
        described = tk.get_action("dcat_dataset_show")(
            factories.site_context(), {"id": named("test", str(number)), "format": "nt"}
        )
        found[f"dcat {number}"] = "\n".join(sorted(re.sub(r"_:\w+", "_:b", same(described)).splitlines()))
    return found


def plain(table: str, row: dict[str, Any]) -> str:
    """Return a row without ids that are made by chance, serial numbers and moments."""
    chance = ("id", "seq", "hash", "prev_hash", "actor_id", "actor_kind")
    kept = {name: value for name, value in row.items() if name not in chance}
    if table in ("package", "resource"):
        kept = {"id": row["id"], **kept}
    if table == "package_tag":
        tag = model.Session.get(model.Tag, row["tag_id"])
        kept["tag_id"] = tag.name if tag else None
    if table == "resource" and row["extras"]:
        kept["extras"] = json.loads(row["extras"])
    return same(kept)


def same(value: Any) -> str:
    """Return a value as text, without moments, hashes and the id of the portal's own account."""
    text = (
        value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    )
    if isinstance(value, dict) and "tags" in value:
        text = re.sub(
            r'"id": "[^"]*", "name": "([^"]*)", "state": "active", "vocabulary_id"', r'"name": "\1"', text
        )
    creator = tk.get_action("get_site_user")({"ignore_auth": True}, {})["id"]
    return HASH.sub("HASH", MOMENT.sub("MOMENT", text)).replace(creator, "CREATOR")


def stock_documents(ids: list[str]) -> dict[str, dict[str, Any]]:
    """Return the documents that CKAN's own indexer makes."""
    sent: list[dict[str, Any]] = []
    solr = mock.Mock(add=lambda docs, commit: sent.extend(docs))
    with mock.patch("ckan.lib.search.index.make_connection", return_value=solr):
        for dataset_id in ids:
            stock, custom = logic.package_show_default_and_custom_schemas({"ignore_auth": True}, dataset_id)
            PackageSearchIndex().update_dict(dict(stock, with_custom_schema=custom), True)
    return {one["id"]: one for one in sent}


def opened(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with the JSON in it read; the order of extras and of fields says nothing."""
    found = dict(document)
    for name in ("data_dict", "validated_data_dict"):
        found[name] = json.loads(found[name])
        found[name].get("extras", []).sort(key=lambda one: one["key"])
    return {name: value for name, value in found.items() if value not in (None, [])}


def unlike(ours: Any, stock: Any, path: str = "") -> list[str]:
    """Return where two documents differ, however deep."""
    if isinstance(ours, dict) and isinstance(stock, dict):
        keys = sorted({*ours, *stock})
        return [said for key in keys for said in unlike(ours.get(key), stock.get(key), f"{path}.{key}")]
    if isinstance(ours, list) and isinstance(stock, list) and len(ours) == len(stock):
        pairs = enumerate(zip(ours, stock, strict=True))
        return [said for n, (a, b) in pairs for said in unlike(a, b, f"{path}.{n}")]
    return [] if ours == stock else [f"{path}: ours {ours!r}, CKAN's {stock!r}"]


def kinds(keys: list[str]) -> list[str]:
    """Return the first key of each kind."""
    return list({key.split()[0]: key for key in reversed(keys)}.values())


def difference(key: str, single: Any, bulk: Any) -> str:
    """Return where two traces begin to differ."""
    one, two = str(single), str(bulk)
    place = next(
        (n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two))
    )
    start = max(0, place - 150)
    return f"{key}\n  single: …{one[start : place + 150]}\n  bulk:   …{two[start : place + 150]}"


@pytest.mark.usefixtures("clean_search", "pages")
def test_bulk_and_single_writes_leave_the_same_behind():
    """Rows, package_show, index documents, DCAT, search, change feed and audit of 300 varied datasets."""
    begin_anew()
    one_by_one()
    single = trace()
    begin_anew()
    in_bulk()
    bulk = trace()
    assert len(bulk) > 4 * DATASETS
    differing = sorted(key for key in {*single, *bulk} if single.get(key) != bulk.get(key))
    assert not differing, "\n".join(
        difference(key, single.get(key), bulk.get(key)) for key in kinds(differing)
    )
    ids = [named("test", str(number)) for number in range(DATASETS)]
    ours = {one["id"]: one for one in documents.documents(ids)}
    for dataset_id, document in stock_documents(ids).items():
        assert not unlike(opened(ours[dataset_id]), opened(document))
